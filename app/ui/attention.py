"""What needs a person although nobody looks: a count in the window's title, and a notification.

Only constant text of ours goes to the terminal; what an agent said never does.
"""

from __future__ import annotations

from collections.abc import Callable

from app import inbox
from app.transcript import Change, What
from app.turns import Chip, Talk, chip
from app.ui.desk import Desk
from app.ui.notices import Notice, Notices

PUSH, POP = "\x1b[22;2t", "\x1b[23;2t"
"""Keep the terminal's own title, and give it back."""


class Attention:
    """Counts what waits. ``write`` goes to the terminal, ``notices`` tell a person, ``again`` has ``look`` called soon."""

    def __init__(self, desk: Desk, write: Callable[[str], None], notices: Notices, again: Callable[[], None]) -> None:
        self._desk = desk
        self._again = again
        self._write = write
        self._notices = notices
        self._titled = False
        self._seen: set[str] = set()
        self._began: dict[int, float] = {}
        self._states: dict[int, Chip] = {}
        self.looking = True
        """Whether the terminal has the focus, as far as it tells."""
        self.count = 0
        desk.turns.listen(self._heard)

    async def look(self) -> None:
        """Count again; tell what is new if nobody looks."""
        accounts = [await self._desk.account(profile) for profile in await self._desk.profiles()]
        keys = {one.key for one in await inbox.waiting(self._desk.store, accounts)}
        if keys - self._seen and not self.looking:
            self._notices.give(Notice.WAITING)
        self._seen = keys
        if len(keys) != self.count or not self._titled:
            self.count = len(keys)
            self._title(f"Parlour ({self.count} waiting)" if self.count else "Parlour")

    def _title(self, text: str) -> None:
        self._write(("" if self._titled else PUSH) + f"\x1b]2;{text}\x1b\\")
        self._titled = True

    def close(self) -> None:
        """Give the title back."""
        if self._titled:
            self._write(POP)

    def _heard(self, talk: Talk, change: Change) -> None:
        if change.what not in (What.TURN, What.CONVERSATION):
            return
        now = self._desk.clock.monotonic()
        state, before = chip(talk, now)[0], self._states.get(talk.pk)
        self._states[talk.pk] = state
        if state in (Chip.LIVE, Chip.QUIET):
            self._began.setdefault(talk.pk, now)
        elif before is not state and state in (Chip.DONE, Chip.FAILED, Chip.UNKNOWN):
            took = now - self._began.pop(talk.pk, now)
            if self.looking:
                pass
            elif state is not Chip.DONE:
                self._notices.give(Notice.FAILED)
            elif took >= self._notices.after:
                self._notices.give(Notice.DONE)
        self._again()
