"""The inbox: everything that waits for a person, over all conversations of all accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.models import Answer, Request, RequestKind
from app.store import Store, Stored
from app.transcript import Turn


@dataclass(frozen=True, slots=True)
class Waiting:
    """One request of one agent. ``since`` is wall clock, seconds; 0 is unknown."""

    stored: Stored
    turn: str
    """The uid of the turn that cannot go on."""
    request: Request
    since: float

    @property
    def key(self) -> str:
        """Its name among all that wait."""
        return f"{self.stored.pk}\n{self.request.event_id}"


async def waiting(store: Store, accounts: Sequence[int]) -> list[Waiting]:
    """What waits, the longest wait first."""
    return [
        Waiting(stored, turn.uid, request, _since(turn))
        for stored, turn in await store.waiting(accounts)
        for request in turn.waiting
    ]


def decided(wanted: Sequence[Waiting], *, allow: bool, reason: str = "") -> list[Answer]:
    """The answers that a decision about these makes; only approvals can be decided so."""
    return [
        Answer(one.request.event_id, one.request.kind, allow=allow, reason=reason)
        for one in wanted
        if one.request.kind is RequestKind.APPROVAL
    ]


def _since(turn: Turn) -> float:
    asked = [part.started for part in turn.parts if part.asks and not part.done and part.started]
    return min(asked, default=turn.ended or turn.started)
