"""One open conversation: its transcript, what waits to be done in it, and how its line to the vendor is."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from app.models import Answer, Conversation, Failure, Link, LinkState, PromptState, Stop, Wire
from app.protocols import Vendor
from app.transcript import Transcript, Turn
from app.turns.deltas import Deltas

QUIET_AFTER = 10.0
"""Seconds without an event after which a running turn is called quiet."""


class JobKind(StrEnum):
    """What there is to do in a conversation, one at a time and in order."""

    PROMPT = "prompt"
    ANSWER = "answer"
    SETTLE = "settle"
    REFRESH = "refresh"
    REGENERATE = "regenerate"


@dataclass(slots=True)
class Job:
    """One thing to do; ``turn`` is whose prompt it is about."""

    kind: JobKind
    turn: Turn | None = None
    answers: Sequence[Answer] = ()


@dataclass(slots=True)
class Talk:
    """An open conversation. Whoever draws reads it; only ``Turns`` writes it."""

    pk: int
    """The store's name for the conversation."""
    account: int
    profile: str
    vendor: Vendor
    conversation: Conversation
    transcript: Transcript
    cursor: str = ""
    """The last event of the server that is in the store."""
    wire: Wire | None = None
    """The last event that was kept; several of ours may come from one of the vendor's."""
    jobs: deque[Job] = field(default_factory=deque)
    running: Job | None = None
    task: asyncio.Task[None] | None = None
    following: asyncio.Task[None] | None = None
    """Listens to what others do here, while nothing of ours runs and somebody looks."""
    link: Link | None = None
    """The last remark about the line since the last event; None while events flow."""
    heard: float = 0.0
    """Monotonic seconds of the last event."""
    beat: float = 0.0
    """Monotonic seconds of the last sign of life."""
    stopping: bool = False
    """The person stopped listening to the running turn."""
    trouble: Failure | None = None
    """Why the last job failed, where that is not the state of a turn."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """The fields that were refused with it, and the server's words for each."""
    deltas: Deltas = field(default_factory=Deltas)
    """How its latest messages came."""
    held: bool = False
    """The next prompt waits until the turn that was stopped is settled, or the person says otherwise."""

    @property
    def busy(self) -> bool:
        """Whether anything is running or waiting to run."""
        return self.running is not None or bool(self.jobs)

    @property
    def queued(self) -> list[Turn]:
        """Prompts that wait for the agent, oldest first."""
        return [job.turn for job in self.jobs if job.kind is JobKind.PROMPT and job.turn is not None]

    @property
    def turn(self) -> Turn | None:
        """The turn that is running, or the last one that has left."""
        if self.running is not None and self.running.turn is not None:
            return self.running.turn
        sent = [turn for turn in self.transcript.turns if turn.state is not PromptState.QUEUED]
        return sent[-1] if sent else None


class Chip(StrEnum):
    """The one word that always tells how a conversation is."""

    NEW = "new"
    LIVE = "live"
    QUIET = "quiet"
    RECONNECTING = "reconnecting"
    RETRYING = "retrying"
    CATCHING_UP = "catching up"
    CHECKING = "checking delivery"
    NEEDS_YOU = "needs you"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    UNKNOWN = "unknown"
    OFFLINE = "offline"


_LINK_CHIPS = {
    LinkState.RECONNECTING: Chip.RECONNECTING,
    LinkState.RETRYING: Chip.RETRYING,
    LinkState.CATCHING_UP: Chip.CATCHING_UP,
    LinkState.CHECKING: Chip.CHECKING,
}
_STOP_CHIPS = {
    Stop.DONE: Chip.DONE,
    Stop.FAILED: Chip.FAILED,
    Stop.OVER_BUDGET: Chip.FAILED,
    Stop.UNKNOWN: Chip.UNKNOWN,
    Stop.INTERRUPTED: Chip.STOPPED,
    Stop.NEEDS_APPROVAL: Chip.NEEDS_YOU,
    Stop.NEEDS_INPUT: Chip.NEEDS_YOU,
}


def chip(talk: Talk, now: float) -> tuple[Chip, str]:
    """The state of a conversation and its figure: ``(Chip.QUIET, "0:23")``. ``now`` is monotonic seconds."""
    turn = talk.turn
    if talk.running is not None and talk.running.kind is not JobKind.REFRESH:
        link = talk.link
        if link is not None and link.state in _LINK_CHIPS:
            figure = f"{link.seconds:.0f} s" if link.seconds >= 1 else str(link.count or link.attempt or "")
            return _LINK_CHIPS[link.state], figure
        silent = now - talk.heard
        return (Chip.QUIET, clock_face(silent)) if silent >= QUIET_AFTER else (Chip.LIVE, "")
    if turn is None:
        return Chip.NEW, ""
    if turn.state is PromptState.NOT_SENT:
        return Chip.FAILED, ""
    if turn.state is PromptState.UNKNOWN or turn.stop is None:
        return Chip.UNKNOWN, ""
    return _STOP_CHIPS[turn.stop], ""


def clock_face(seconds: float) -> str:
    """Seconds as ``m:ss``."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"
