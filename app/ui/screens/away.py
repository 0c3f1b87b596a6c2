"""What came into a conversation while nobody looked: a line in front of it."""

from __future__ import annotations

from app.store import Store
from app.transcript import Turn
from app.turns import Talk
from app.ui.widgets.transcript import TranscriptView


class Away:
    """Remembers how far a person has read one conversation."""

    def __init__(self, store: Store, talk: Talk, view: TranscriptView) -> None:
        self._store = store
        self._talk = talk
        self._view = view
        self._seen = ""
        self._looks = 2
        """How often there is something to compare: what was kept here, then what the server has."""

    async def restore(self) -> None:
        """Compare with what was read the last time."""
        stored = await self._store.get(self._talk.pk)
        self._seen = stored.seen if stored is not None else ""
        self.look()

    def look(self) -> None:
        """Draw the line, unless it is drawn or everything is read; later than the first look at the server, one sees it come."""
        if not self._seen or self._looks <= 0:
            return
        self._looks -= 1
        news = first_unread(self._talk.transcript.turns, self._seen)
        if news is not None:
            self._looks = 0
            self._view.set_divider(news.uid)

    async def leave(self) -> None:
        """All that is here now was seen."""
        turns = self._talk.transcript.turns
        if turns:
            await self._store.save_seen(self._talk.pk, mark_of(turns[-1]))


def mark_of(turn: Turn) -> str:
    """How far one has read who has read to the end of this turn."""
    return f"{_size(turn)} {turn.uid}"


def _size(turn: Turn) -> int:
    """Grows with everything that comes into a turn."""
    return len(turn.parts) + sum(len(part.text) + len(part.output) for part in turn.parts)


def first_unread(turns: list[Turn], mark: str) -> Turn | None:
    """The turn before which the line belongs; None if nothing is new, or the mark is of a turn that is gone."""
    count, _, uid = mark.partition(" ")
    at = next((at for at, turn in enumerate(turns) if turn.uid == uid), None)
    if at is None or not count.isdecimal():
        return None
    if _size(turns[at]) > int(count):
        return turns[at]
    return turns[at + 1] if at + 1 < len(turns) else None
