"""The time line: one row a lane, drawn from left to right."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from app.text import safe_line
from app.ui.inspection import Lane

MOST = 4
"""Lanes that are drawn; more are counted."""
NAME = 12
_COLOURS = {"█": "$secondary", "▃": "$primary", "▁": "$text-muted", "×": "$error", "!": "bold $warning", "┊": "$text-muted"}


class TimeLine(Widget):
    """Draws what it is handed; asks for it again at another width."""

    def __init__(self, lanes: Callable[[int], Sequence[Lane]], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lanes = lanes
        self._drawn: Content | None = None

    def again(self) -> None:
        """There is something new."""
        drawn = self._draw()
        if self._drawn is None or drawn != self._drawn:
            lines = self._drawn.plain.count("\n") if self._drawn is not None else -1
            self._drawn = drawn
            self.refresh(layout=lines != drawn.plain.count("\n"))
            self.set_class(bool(drawn.plain), "-shown")

    def on_resize(self) -> None:
        """Another width."""
        self.again()

    def _draw(self) -> Content:
        found = list(self._lanes(max(0, self.app.size.width - NAME - 4)))
        lines = [
            Content.assemble((f"{safe_line(lane.name, NAME - 1):<{NAME}}", "$text-muted"), _coloured(lane.marks))
            for lane in found[:MOST]
        ]
        if len(found) > MOST:
            lines.append(Content.styled(f"{'':{NAME}}and {len(found) - MOST} more threads", "$text-muted"))
        return Content("\n").join(lines)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A row a lane."""
        return self._drawn.plain.count("\n") + 1 if self._drawn is not None and self._drawn.plain else 0

    def render(self) -> Content:
        """The lanes."""
        return self._drawn or Content()


def _coloured(marks: str) -> Content:
    pieces: list[Content] = []
    start = 0
    for at in range(1, len(marks) + 1):
        if at == len(marks) or marks[at] != marks[start]:
            pieces.append(Content.styled(marks[start:at], _COLOURS.get(marks[start], "")))
            start = at
    return Content("").join(pieces)
