"""Deletions that can still be taken back: nothing leaves before the time to do so is over. Owned by no screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from app.errors import ParlourError, UsageError
from app.protocols import Deletes
from app.store import Stored
from app.ui.desk import Desk

UNDO = 8.0
"""Seconds in which a deletion can be taken back. Who leaves Parlour before has deleted nothing."""

Start = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]


class Deletions:
    """What is about to be deleted.

    ``say`` gets a sentence and whether it tells of a failure; ``changed`` is called after each step.
    """

    def __init__(self, desk: Desk, start: Start, say: Callable[[str, bool], None]) -> None:
        self._desk = desk
        self._start = start
        self._say = say
        self._waiting: dict[int, tuple[Stored, asyncio.Event]] = {}
        self.changed: Callable[[], None] = lambda: None

    @property
    def hidden(self) -> set[int]:
        """The conversations (by pk) that lists leave out meanwhile."""
        return set(self._waiting)

    def begin(self, stored: Stored) -> None:
        """Delete it after ``UNDO`` seconds, at the server where it can."""
        kept = asyncio.Event()
        self._waiting[stored.pk] = stored, kept

        async def later() -> None:
            try:
                try:
                    await asyncio.wait_for(kept.wait(), UNDO)
                except TimeoutError:
                    await self._delete(stored)
            except ParlourError as error:
                self._say(f"“{_title(stored)}” was not deleted: {error}", True)
            finally:
                self._waiting.pop(stored.pk, None)
                self.changed()

        self._start(later)
        self.changed()

    def undo(self) -> Stored | None:
        """Keep the one that was deleted last; None if there is none any more."""
        for stored, kept in reversed(self._waiting.values()):
            if not kept.is_set():
                kept.set()
                return stored
        return None

    async def _delete(self, stored: Stored) -> None:
        profile = next((one for one in await self._desk.profiles() if one.name == stored.profile), None)
        if profile is None:
            raise UsageError(f"the profile {stored.profile!r} is not in use any more.")
        vendor = await self._desk.vendor(profile)
        if isinstance(vendor, Deletes) and stored.conversation.made:
            await vendor.delete(stored.conversation)
        await self._desk.store.delete_conversation(stored.pk)
        if not isinstance(vendor, Deletes) and stored.conversation.made:
            self._say(f"Deleted here. {vendor.label} keeps its own copy; it has no way to delete it.", False)


def _title(stored: Stored) -> str:
    return (stored.conversation.title or "Untitled")[:60]
