"""Batches: many prompts handed over at once and answered in the background. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from app.profiles import Json

MOST_ITEMS = 1_000
"""Items that one batch takes (codeer §8.1)."""
LONGEST_NAME = 256
"""Characters of a ``custom_id`` or a name (codeer §8.1)."""


@dataclass(frozen=True, slots=True)
class Item:
    """One prompt of a batch. ``custom_id`` names it; everything else but ``message`` may be left out."""

    custom_id: str
    message: str
    agent_id: str = ""
    external_user_id: str = ""
    name: str = ""
    history_id: str = ""
    """A conversation that is gone on with."""
    files: tuple[str, ...] = ()
    """Ids of uploaded files."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Whom the vendor tells about the end. ``secret`` signs; it is never shown again."""

    url: str
    events: tuple[str, ...] = ()
    secret: str = ""
    signed: bool = False
    """Whether there is a secret; it is kept in memory only."""


class BatchState(StrEnum):
    """What a batch is doing; a word of the server that is not known counts as running."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self is not BatchState.RUNNING


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as the server last described it. Counts are ``None`` where it did not say."""

    id: str
    state: BatchState
    word: str = ""
    """The server's own word for the state."""
    total: int | None = None
    done: int | None = None
    """Answered, without the failed ones."""
    failed: int | None = None
    agent_id: str = ""
    created_at: str = ""
    ended_at: str = ""
    error: str = ""
    raw: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one item."""

    custom_id: str
    ok: bool
    text: str = ""
    conversation_id: str = ""
    error: str = ""
