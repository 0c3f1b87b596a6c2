"""The inbox: everything that waits for a person, over all conversations of all accounts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.models import Answer, Request, RequestKind, Status
from app.protocols import TellsWaiting, Vendor
from app.store import Store, Stored
from app.transcript import Turn
from app.turns import Turns

NEWEST = 50
"""Conversations of an account that are looked at."""


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


async def look_around(store: Store, turns: Turns, vendor: Vendor, account: int, known: dict[str, str]) -> None:
    """Find what waits in conversations that were never opened here, among the newest; those that do are opened and read.

    ``known`` is kept between looks: what has not changed at the server since is not asked for again.
    """
    if not isinstance(vendor, TellsWaiting):
        return
    page = await vendor.conversations(limit=NEWEST)
    idle = [one for one in page.items if one.status is Status.IDLE and not one.archived and known.get(one.id) != one.updated_at]
    few = asyncio.Semaphore(4)

    async def look(stored: Stored) -> None:
        async with few:
            if not await vendor.waits(stored.conversation):
                known[stored.conversation.id] = stored.conversation.updated_at
                return
        talk = await turns.open(vendor, stored)
        if not talk.busy and not any(turn.waiting for turn in talk.transcript.turns):
            turns.refresh(talk)

    await asyncio.gather(*(look(stored) for stored in await store.save_conversations(account, idle)))


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
