"""Heights of many things: where something begins, and how high all of it is, in steps that do not grow with their number."""

from __future__ import annotations

from collections.abc import Iterable


class Heights:
    """A list of heights that knows its sums: changing one, adding one and summing up to one take logarithmic time."""

    def __init__(self, heights: Iterable[int] = ()) -> None:
        self._heights = list(heights)
        self._sums = [0, *self._heights]
        for at in range(1, len(self._sums)):
            above = at + (at & -at)
            if above < len(self._sums):
                self._sums[above] += self._sums[at]

    def __len__(self) -> int:
        return len(self._heights)

    def __getitem__(self, index: int) -> int:
        return self._heights[index]

    def append(self, height: int) -> None:
        """One more at the end."""
        at = len(self._sums)
        self._heights.append(height)
        self._sums.append(height + self.before(at - 1) - self.before(at - (at & -at)))

    def put(self, index: int, height: int) -> None:
        """Another height for one of them."""
        change = height - self._heights[index]
        if not change:
            return
        self._heights[index] = height
        at = index + 1
        while at < len(self._sums):
            self._sums[at] += change
            at += at & -at

    def before(self, index: int) -> int:
        """The height of all that come before ``index``."""
        total = 0
        while index > 0:
            total += self._sums[index]
            index -= index & -index
        return total

    @property
    def total(self) -> int:
        """The height of all."""
        return self.before(len(self._heights))
