"""What running turns have said, on its way to the disk.

What must not be lost (prompts, finished parts, cursors, approvals, ends) is committed before anyone is told. Text so far is
committed at most ``FLUSH`` seconds after it came, that of all running turns in one transaction.
"""

from __future__ import annotations

import asyncio
import contextlib

from app.clock import Clock
from app.errors import StoreError
from app.models import Event, Wire
from app.store import Entry, Store
from app.transcript import Change, Turn
from app.turns.talk import Talk

FLUSH = 0.5
"""Seconds that text so far may be only in memory."""


class Keeper:
    """Writes talks to the store; one for all of them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._dirty: dict[int, tuple[Talk, Turn]] = {}
        self._wake = asyncio.Event()
        self.trouble: StoreError | None = None
        """Why the last write failed; None once a write went through again."""

    async def turn(self, talk: Talk, turn: Turn) -> None:
        """Commit a turn as it stands. Raises ``StoreError``: whoever is about to send must not."""
        await self._write([Entry(talk.pk, turns=(turn,))])

    async def event(self, talk: Talk, event: Event, change: Change) -> None:
        """Commit what one event of the wire did, with the event itself and the cursor."""
        turns = (change.turn,) if change.turn is not None else ()
        events: tuple[tuple[Wire, float], ...] = ()
        cursor = None
        if event.wire.type and not event.wire.preview:
            if event.wire is not talk.wire:
                events = ((event.wire, self._clock.wall()),)
            talk.wire = event.wire
            if event.wire.id:
                cursor = talk.cursor = event.wire.id
        removed = (change.removed.uid,) if change.removed is not None else ()
        record = Entry(talk.pk, turns=turns, events=events, cursor=cursor, conversation=talk.conversation, removed=removed)
        try:
            await self._write([record])
        except StoreError:
            if change.turn is not None:
                self.later(talk, change.turn)

    def later(self, talk: Talk, turn: Turn) -> None:
        """Commit this turn with the next flush."""
        self._dirty[id(turn)] = (talk, turn)
        self._wake.set()

    async def run(self) -> None:
        """Flush whenever there is something, for ever; cancelled at the end."""
        while True:
            await self._wake.wait()
            await self._clock.sleep(FLUSH)
            self._wake.clear()
            with contextlib.suppress(StoreError):
                await self.flush()

    async def flush(self) -> None:
        """Commit everything that is only in memory. What cannot be written stays for the next time."""
        dirty, self._dirty = self._dirty, {}
        if not dirty:
            return
        try:
            await self._write([Entry(talk.pk, turns=(turn,)) for talk, turn in dirty.values()])
        except StoreError:
            self._dirty = {**dirty, **self._dirty}
            self._wake.set()
            raise

    async def _write(self, records: list[Entry]) -> None:
        try:
            await self._store.record_many(records)
        except StoreError as error:
            self.trouble = error
            raise
        self.trouble = None
