"""What running turns have said, on its way to the disk.

What must not be lost (prompts, finished parts, cursors, approvals, ends) is committed before anyone is told. Text so far is
committed at most ``FLUSH`` seconds after it came, that of all running turns in one transaction. What a full disk refuses is kept
in memory, in its order, and tried again every ``FLUSH`` seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from app.clock import Clock
from app.errors import StoreError
from app.models import Event, Wire
from app.store import Entry, Store
from app.transcript import Change, Turn
from app.turns.talk import Talk

FLUSH = 0.5
"""Seconds that text so far may be only in memory."""
REMEMBERED = 50_000
"""Events of one conversation that are kept in memory while they cannot be written; the turns themselves are kept whole."""


@dataclass(frozen=True, slots=True)
class _Refused:
    """What could not be written of one conversation, besides its turns."""

    talk: Talk
    events: tuple[tuple[Wire, float], ...] = ()
    removed: tuple[str, ...] = ()

    def entry(self) -> Entry:
        talk = self.talk
        cursor = talk.cursor or None
        return Entry(talk.pk, events=self.events, cursor=cursor, conversation=talk.conversation, removed=self.removed)


class Keeper:
    """Writes talks to the store; one for all of them. ``troubled`` is told when writing begins to fail and when it works."""

    def __init__(self, store: Store, clock: Clock, troubled: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._troubled = troubled
        self._dirty: dict[int, tuple[Talk, Turn]] = {}
        self._refused: dict[int, _Refused] = {}
        self._wake = asyncio.Event()
        self.trouble: StoreError | None = None
        """Why what is kept here is not on disk; None once it is."""

    async def turn(self, talk: Talk, turn: Turn) -> None:
        """Commit a turn as it stands. Raises ``StoreError``: whoever is about to send must not."""
        await self._store.record_many([Entry(talk.pk, turns=(turn,))])

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
        before = self._refused.pop(talk.pk, _Refused(talk))
        events, removed = (*before.events, *events)[-REMEMBERED:], (*before.removed, *removed)
        record = Entry(talk.pk, turns=turns, events=events, cursor=cursor, conversation=talk.conversation, removed=removed)
        try:
            await self._write([record])
        except StoreError:
            self._refused[talk.pk] = _Refused(talk, events, removed)
            self._wake.set()
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
        refused, self._refused = self._refused, {}
        if not dirty and not refused:
            return
        entries = [*(one.entry() for one in refused.values()), *(Entry(talk.pk, turns=(turn,)) for talk, turn in dirty.values())]
        try:
            await self._write(entries)
        except StoreError:
            self._dirty = {**dirty, **self._dirty}
            for pk, one in refused.items():
                later = self._refused.get(pk, _Refused(one.talk))
                self._refused[pk] = _Refused(one.talk, one.events + later.events, one.removed + later.removed)
            self._wake.set()
            raise

    async def _write(self, entries: list[Entry]) -> None:
        """Write what is kept here until it is written."""
        before, self.trouble = self.trouble, None
        try:
            await self._store.record_many(entries)
        except StoreError as error:
            self.trouble = error
            raise
        finally:
            if (before is None) is not (self.trouble is None):
                self._troubled()
