"""What the store hands out: plain frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from app.models import Agent, Conversation, PartKind, Profile, PromptState, Stop, Verdict, Wire

SKEW = 30.0
"""Seconds by which a server's clock may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A conversation as it lies in the store. ``pk`` names it here and is never used again after a deletion."""

    pk: int
    account: int
    profile: str
    """Name of the profile it belongs to."""
    conversation: Conversation
    cursor: str = ""
    """The last wire id this side has."""
    draft: str = ""
    pinned: bool = False
    touched: float = 0.0
    """When something last happened in it: wall clock, seconds."""
    waiting: int = 0
    """How many requests wait for a person."""
    running: bool = False
    """Whether a turn of it has not ended, or its server last called it running."""
    seen: str = ""
    """The last wire id a person has looked at."""
    read_at: float = 0.0
    """When a person last looked at it here: wall clock; 0: never."""
    tags: tuple[str, ...] = ()
    stop: Stop | None = None
    """Why its last turn stopped."""
    ended: float = 0.0
    """When its last turn ended, if that was seen here."""
    rated: Verdict | None = None
    """The latest rating in it."""

    @property
    def unread(self) -> bool:
        """Whether something happened since a person last looked. A server's clock may be off by ``SKEW``."""
        return self.read_at > 0 and (self.ended > self.read_at or self.touched > self.read_at + SKEW)

    @property
    def place(self) -> tuple[float, int]:
        """Its place in the list: hand it to ``conversations(before=…)`` to get what follows."""
        return self.touched, self.pk


@dataclass(frozen=True, slots=True)
class KnownAgent:
    """An agent as the server last listed it, and when it was last talked to (wall clock; 0: never)."""

    agent: Agent
    last_used: float = 0.0


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A vendor's event as it came. ``seq`` grows in the order of arrival; ``received`` is wall clock, seconds."""

    seq: int
    wire: Wire
    received: float


class PartHead(NamedTuple):
    """The size of a part: characters and line breaks of its text (of a tool: of its output)."""

    kind: PartKind
    lane: str
    chars: int
    newlines: int


class TurnHead(NamedTuple):
    """The size of a turn, for laying out what is not read yet."""

    uid: str
    position: float
    chars: int
    newlines: int
    state: PromptState
    stop: Stop | None
    parts: tuple[PartHead, ...]


@dataclass(frozen=True, slots=True)
class Rating:
    """A rating that waits to be sent. ``message_id`` is "" while the server has not named the answer."""

    id: int
    stored: Stored
    uid: str
    message_id: str
    verdict: Verdict
    comment: str
    at: float
    failure: str = ""
    """Why the last try to send it failed."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found. ``turn`` is "" for a title, ``part_id`` "" for a title or a prompt."""

    stored: Stored
    turn: str
    part_id: str
    kind: str
    """prompt, text, tool, title, file or event."""
    snippet: str
    """About 160 characters of the original around the first find; foreign text like any other."""
    at: float
    wire_id: str = ""
    """Events: the vendor's id of it, where it has one."""
    seq: int = 0
    """Events: our own number of it."""


def account_of(profile: Profile) -> tuple[str, str]:
    """What stored data of this profile belongs to: its name, and its account or the origin of its base."""
    if profile.account:
        return profile.name, profile.account
    parts = urlsplit(profile.base)
    if not parts.hostname:
        return profile.name, profile.base
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return profile.name, f"{parts.scheme}://{host}" + ("" if parts.port in (None, default) else f":{parts.port}")
