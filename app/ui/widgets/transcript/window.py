"""The window onto a long list of turns: what is where, without ever laying out all of it.

The window hangs on a turn and a row in it, never on a distance from the top. What lies outside has an estimated height;
setting it right moves nothing that is being read. Only turns near the window keep their rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.transcript import Turn
from app.ui.markdown import Row
from app.ui.widgets.transcript.heights import Heights
from app.ui.widgets.transcript.sections import TurnView

KEPT = 120
"""Turns that keep their rows."""


class Head(NamedTuple):
    """What is known of a turn before it is loaded: enough to guess its height."""

    uid: str
    chars: int = 0
    newlines: int = 0


class Place(NamedTuple):
    """A row: the index of its turn, and its number in there."""

    turn: int
    row: int


@dataclass(slots=True, eq=False)
class Slot:
    """One turn in the list."""

    head: Head
    turn: Turn | None = None
    view: TurnView | None = None
    height: int = 0
    width: int = 0


class Window:
    """The list, the first visible row, and whether the end is followed."""

    def __init__(self, make: Callable[[Turn], TurnView]) -> None:
        self.slots: list[Slot] = []
        self.top = Place(0, 0)
        self.follow = True
        self.width = 80
        self.height = 24
        self._make = make
        self._index: dict[str, int] = {}
        self._recent: dict[int, Slot] = {}
        self._heights: Heights | None = None

    # --- the list ---------------------------------------------------------------------------------------------------------------

    def fill(self, slots: Iterable[Slot]) -> None:
        """A new list."""
        self.slots = list(slots)
        self._recent.clear()
        self._number()

    def _number(self) -> None:
        self._index = {slot.head.uid: index for index, slot in enumerate(self.slots)}
        self._heights = None

    def index(self, uid: str) -> int | None:
        """Where a turn is."""
        return self._index.get(uid)

    def append(self, turn: Turn) -> Slot:
        """A turn at the end."""
        slot = Slot(Head(turn.uid), turn)
        self._index[turn.uid] = len(self.slots)
        self.slots.append(slot)
        if self._heights is not None:
            self._heights.append(self.guess(slot))
        return slot

    def remove(self, uid: str) -> None:
        """Take a turn out; the window stays with what it shows."""
        index = self._index.get(uid)
        if index is None:
            return
        del self.slots[index]
        self._recent.clear()
        self._number()
        if self.top.turn > index:
            self.top = Place(self.top.turn - 1, self.top.row)
        elif self.top.turn == index:
            self.top = Place(max(0, min(index, len(self.slots) - 1)), 0)

    def view(self, index: int) -> TurnView | None:
        """The rows of a turn; None while it is not loaded."""
        slot = self.slots[index]
        if slot.view is None:
            if slot.turn is None:
                return None
            slot.view = self._make(slot.turn)
        key = id(slot)
        self._recent.pop(key, None)
        self._recent[key] = slot
        return slot.view

    def trim(self) -> None:
        """Let go of the rows of turns that were not looked at for long."""
        while len(self._recent) > KEPT:
            oldest = next(iter(self._recent))
            self._recent.pop(oldest).view = None

    def size(self, index: int) -> int:
        """The height of a turn, exact if it is loaded."""
        slot = self.slots[index]
        view = self.view(index)
        slot.height = view.height(self.width) if view is not None else self.guess(slot)
        slot.width = self.width
        if self._heights is not None and index < len(self._heights):
            self._heights.put(index, slot.height)
        return slot.height

    def guess(self, slot: Slot) -> int:
        """The height of a turn that was not laid out at this width."""
        if slot.height and slot.width == self.width:
            return slot.height
        if slot.turn is not None and not slot.head.chars:
            chars = len(slot.turn.text) + sum(len(part.text) for part in slot.turn.parts)
            slot.head = slot.head._replace(chars=chars, newlines=chars // 60)
        return 6 + slot.head.chars // max(20, self.width) + slot.head.newlines

    # --- moving -----------------------------------------------------------------------------------------------------------------

    @property
    def last_top(self) -> Place:
        """The first row when the end is at the bottom of the window."""
        left = self.height
        for index in range(len(self.slots) - 1, -1, -1):
            size = self.size(index)
            if size >= left:
                return Place(index, size - left)
            left -= size
        return Place(0, 0)

    def settle(self) -> None:
        """Make sure that the first row exists, and is the right one if the end is followed."""
        if not self.slots:
            self.top = Place(0, 0)
            return
        index = min(self.top.turn, len(self.slots) - 1)
        self.top = Place(index, max(0, min(self.top.row, self.size(index) - 1)))
        if self.follow or self.top > (end := self.last_top):
            self.top = self.last_top if self.follow else end

    def scroll(self, rows: int) -> None:
        """Move by rows; who moves up stops following, who reaches the end follows."""
        if not self.slots:
            return
        self.settle()
        index, row = self.top
        if rows < 0:
            self.follow = self.follow and self.last_top == Place(0, 0)
            row += rows
            while row < 0 and index > 0:
                index -= 1
                row += self.size(index)
            self.top = Place(index, max(0, row))
            return
        row += rows
        while index < len(self.slots) - 1 and row >= self.size(index):
            row -= self.size(index)
            index += 1
        end = self.last_top
        self.top = min(Place(index, row), end)
        self.follow = self.top == end

    def show(self, index: int, first: int, behind: int) -> None:
        """Bring rows of a turn into the window, moving as little as possible."""
        self.settle()
        place = Place(index, first)
        rows = dict.fromkeys(self.visible())
        if place < self.top or Place(index, max(first, behind - 1)) not in rows:
            before = place < self.top or behind - first >= self.height or place not in rows
            self.follow = False
            self.top = (
                place if before and place < self.top else self._above(Place(index, max(first, behind - 1)), self.height - 1)
            )
            if self.top > place:
                self.top = place
            end = self.last_top
            if self.top >= end:
                self.top, self.follow = end, True

    def centre(self, index: int, row: int) -> None:
        """Bring a row to the middle, or as near as the ends allow."""
        self.follow = False
        self.top = self._above(Place(index, row), self.height // 3)
        if self.top >= (end := self.last_top):
            self.top, self.follow = end, True

    def _above(self, place: Place, rows: int) -> Place:
        index, row = place.turn, place.row - rows
        while row < 0 and index > 0:
            index -= 1
            row += self.size(index)
        return Place(index, max(0, row))

    def resize(self, width: int, height: int) -> None:
        """Another size: the first row stays with its text."""
        if width != self.width:
            self._heights = None
            view = self.view(self.top.turn) if self.slots and not self.follow else None
            old, self.width = self.width, width
            if view is not None and view.width == old:
                stop, share = view.share_of(self.top.row)
                view.height(width)
                start, end = view.span(stop)
                self.top = Place(self.top.turn, start + int(share * (end - start)) if share >= 0 else max(0, start - 1))
        self.height = height

    def visible(self) -> Sequence[Place]:
        """The places of all rows in the window, from the top."""
        out: list[Place] = []
        if not self.slots:
            return out
        index, row = self.top
        while len(out) < self.height and index < len(self.slots):
            size = self.size(index)
            out.extend(Place(index, number) for number in range(row, min(size, row + self.height - len(out))))
            index, row = index + 1, 0
        return out

    def row(self, place: Place) -> Row | None:
        """What stands there; None is an empty row, also where a turn is still being loaded."""
        view = self.slots[place.turn].view
        return view.row(place.row) if view is not None and place.row < view.height(self.width) else None

    def share(self) -> tuple[float, float]:
        """Where the window is in all of it, and how much of it it shows, between 0 and 1. Estimated."""
        if self._heights is None or len(self._heights) != len(self.slots):
            self._heights = Heights(self.guess(slot) for slot in self.slots)
        total = self._heights.total or 1
        return (self._heights.before(self.top.turn) + self.top.row) / total, min(1.0, self.height / total)
