"""From the window to lines: only what changed is made, only what changed is drawn."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from rich.segment import Segment
from textual.selection import Selection
from textual.strip import Strip

from app.ui.markdown import Row, Run
from app.ui.widgets.transcript import finding
from app.ui.widgets.transcript.strips import Line, Palette, segments_of
from app.ui.widgets.transcript.window import Place, Window

GUTTER = 1
"""Cells left of the text: where the cursor's mark stands, and that of our own lines. No text reaches it."""
CURSOR, OURS = "▌", "▎"
RIM = 2
"""Cells right of it: an empty one, and the mark of where one is."""
TURN_BITS = 24
"""A row's number in a selection: turn and row in one, in reading order."""


@dataclass(slots=True)
class Look:
    """What is shown besides the text."""

    cursor: Callable[[Place], bool] | None = None
    pattern: re.Pattern[str] | None = None
    here: Place | None = None
    selection: Selection | None = None
    news: int = 0
    thumb: bool = False


class Painter:
    """Keeps the lines that are on the screen."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self.lines: list[Line] = []
        self.places: list[Place] = []
        self._known: dict[object, Line] = {}
        self._palette: Palette | None = None

    def paint(self, palette: Palette, width: int, height: int, look: Look) -> list[int]:
        """Make the lines of the window; the numbers of those that are other ones than before."""
        if palette is not self._palette:
            self._palette = palette
            self._known = {}
        known, self._known = self._known, {}
        window = self._window
        window.settle()
        self.places = list(window.visible())
        thumb = self._thumb(height) if look.thumb else range(0)
        lines: list[Line] = []
        for y, place in enumerate(self.places):
            row = window.row(place)
            focused = look.cursor is not None and look.cursor(place)
            spans = self._spans(row, place, look) if row is not None else ()
            key = (row, focused, y in thumb, spans)
            line = known.get(key) or self._known.get(key) or self._make(palette, row, width, focused, y in thumb, spans)
            self._known[key] = line
            lines.append(line)
        while len(lines) < height:
            key = (None, False, False, ())
            line = known.get(key) or self._known.get(key) or self._make(palette, None, width, False, False, ())
            self._known[key] = line
            lines.append(line)
        if look.news and lines:
            lines[height - 1 :] = [self._pill(palette, width, look.news)]
        before, self.lines = self.lines, lines
        if len(before) != len(lines):
            return list(range(len(lines)))
        return [y for y, line in enumerate(lines) if line is not before[y]]

    def _thumb(self, height: int) -> range:
        start, share = self._window.share()
        size = max(1, round(share * height))
        top = min(height - size, round(start * height))
        return range(max(0, top), max(0, top) + size)

    @staticmethod
    def _spans(row: Row, place: Place, look: Look) -> tuple[tuple[int, int, str], ...]:
        spans: list[tuple[int, int, str]] = []
        if look.pattern is not None:
            spans.extend(finding.spans(row, look.pattern))
            if place == look.here:
                spans = [(start, end, "here") for start, end, _ in spans]
        if look.selection is not None and (span := look.selection.get_span(number_of(place))) is not None:
            start, end = span
            size = len(row.drawn)
            spans.append((max(0, start - GUTTER, row.lead), size if end == -1 else min(size, end - GUTTER), "selected"))
        return tuple(spans)

    @staticmethod
    def _make(
        palette: Palette, row: Row | None, width: int, focused: bool, thumb: bool, spans: tuple[tuple[int, int, str], ...]
    ) -> Line:
        segments = [Segment(" ", palette.base)]
        if focused:
            segments = [Segment(CURSOR, palette.style("text cursor"))]
        elif row is not None and row.mark:
            segments = [Segment(OURS, palette.style(row.mark))]
        if row is not None:
            segments.extend(segments_of(row, palette.style, spans))
        if not thumb:
            return palette.line(merged(segments), width)
        body = Strip(segments).adjust_cell_length(width - 1, palette.base)
        return palette.line([*body, Segment("▐", palette.style("text thumb"))], width)

    @staticmethod
    def _pill(palette: Palette, width: int, news: int) -> Line:
        said = f" {news} new below · end "
        row = Row((Run("─" * max(2, width - len(said) - 4), "bar"), Run(said, "pill"), Run("──", "bar")))
        return palette.line([Segment(" ", palette.base), *segments_of(row, palette.style)], width)

    def hit_line(self, y: int, palette: Palette, width: int) -> Strip:
        """A line that carries where its characters are, for the mouse."""
        if y >= len(self.places):
            return Strip.blank(width, palette.base)
        place = self.places[y]
        row = self._window.row(place)
        text = " " * GUTTER + (row.drawn if row is not None else "")
        style = palette.base.from_meta({"offset": (0, number_of(place))})
        return Strip([Segment(text, style)])


def merged(segments: list[Segment]) -> list[Segment]:
    """The segments, one where two neighbours have the same style."""
    out: list[Segment] = []
    for segment in segments:
        if out and out[-1].style == segment.style:
            out[-1] = Segment(out[-1].text + segment.text, segment.style)
        else:
            out.append(segment)
    return out


def number_of(place: Place) -> int:
    """A place as one number in reading order."""
    return place.turn << TURN_BITS | place.row


def place_of(number: int) -> Place:
    """The place of such a number."""
    return Place(number >> TURN_BITS, number & (1 << TURN_BITS) - 1)


def selected_text(window: Window, selection: Selection) -> str:
    """The text under a selection: no decoration, no padding, lines as they were written."""
    if not window.slots:
        return ""
    start = selection.start
    end = selection.end
    first = place_of(start.y) if start is not None else Place(0, 0)
    last = place_of(end.y) if end is not None else Place(len(window.slots) - 1, (1 << TURN_BITS) - 1)
    out: list[str] = []
    for turn in range(first.turn, min(last.turn, len(window.slots) - 1) + 1):
        size = window.size(turn)
        begin = first.row if turn == first.turn else 0
        stop = min(size - 1, last.row) if turn == last.turn else size - 1
        for number in range(begin, stop + 1):
            place = Place(turn, number)
            row = window.row(place) or Row(())
            if row.end is None:
                continue
            low = max(row.lead, start.x - GUTTER) if start is not None and place == first else row.lead
            high = end.x - GUTTER if end is not None and place == last else None
            out.append(row.drawn[low:high])
            out.append(row.end)
    return "".join(out[:-1])
