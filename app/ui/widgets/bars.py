"""The title line above and the key line below."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from app.text import safe_line
from app.ui.keymap import as_set

GAP = 2


class Bar(Widget):
    """One line: a left, a middle and a right part; the middle gives way first, then the left is cut."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._parts: tuple[Content, Content, Content] = (Content(), Content(), Content())

    def show(self, left: Content | str = "", middle: Content | str = "", right: Content | str = "") -> None:
        """Put these there. Plain strings are made safe here; ``Content`` must have been."""
        parts = tuple(part if isinstance(part, Content) else Content(safe_line(part)) for part in (left, middle, right))
        if parts != self._parts:
            self._parts = parts  # type: ignore[assignment]
            self.refresh()

    def render(self) -> Content:
        """The line, fitted to the width there is."""
        width = self.size.width
        left, middle, right = self._parts
        room = width - right.cell_length - GAP
        if left.cell_length > room:
            left = left.truncate(max(0, room), ellipsis=True)
        spare = room - left.cell_length - GAP
        if middle.cell_length and spare >= min(middle.cell_length, 12):
            if middle.cell_length > spare:
                middle = middle.truncate(spare, ellipsis=True)
            start = max(left.cell_length + GAP, min((width - middle.cell_length) // 2, room - middle.cell_length))
            left = left + Content(" " * (start - left.cell_length)) + middle
        return left + Content(" " * max(GAP, width - left.cell_length - right.cell_length)) + right


class KeyBar(Bar):
    """The keys that matter now: at most five, fewer where there is no room; a key that was set otherwise shows as it is set."""

    def keys(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Show pairs of (our own key, what it does), the most important first."""
        self._pairs = tuple(pairs)
        self.refresh()

    _pairs: tuple[tuple[str, str], ...] = ()

    def render(self) -> Content:
        """As many pairs as fit."""
        line = Content()
        focused = self.screen.focused
        nodes = list(focused.ancestors_with_self) if focused is not None else [self.screen, self.app]
        for key, what in self._pairs:
            key = as_set(nodes, key, self.app)
            pair = Content.assemble((key, "bold"), " ", (what, "$text-muted"))
            if line.cell_length + pair.cell_length + 3 > self.size.width:
                break
            line = line + (Content("   ") if line.cell_length else Content()) + pair
        return line


def ago(seconds: float) -> str:
    """How long ago, in the shortest honest words."""
    if seconds < 60:
        return "now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 86_400:
        return f"{int(seconds // 3600)} h ago"
    if seconds < 2 * 86_400:
        return "yesterday"
    return f"{int(seconds // 86_400)} d ago"
