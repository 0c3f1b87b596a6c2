"""Rows to strips: style words become colours, and a line leaves with as few bytes as it can."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.strip import Strip

from app.ui.markdown import Row, Run

WORDS = (
    *("text", "strong", "em", "strike", "literal", "link", "image", "heading", "head", "bar", "mark", "label"),
    *("code", "keyword", "string", "number", "comment", "name", "deleted", "inserted"),
    *("quiet", "you", "agent", "needs", "failed", "done", "pill", "hit", "here", "selected", "cursor", "thumb"),
)
"""Every word a style may hold."""
ERASE_FROM = 12
"""Blank cells at the end of a line from which on erasing them is shorter than writing them."""


class Palette:
    """Style words to terminal styles. Made anew when the theme changes."""

    def __init__(self, base: Style, words: Mapping[str, Style], filters: Sequence[LineFilter], background: Color) -> None:
        self.base = base
        self._words = words
        self._known: dict[str, Style] = {}
        self._filters = filters
        self._background = background

    def style(self, words: str) -> Style:
        """The style of a run."""
        found = self._known.get(words)
        if found is None:
            found = self.base
            for word in words.split(" "):
                found = found + self._words.get(word, Style.null())
            self._known[words] = found
        return found

    def line(self, segments: list[Segment], width: int) -> Line:
        """A line of exactly ``width`` cells, through every filter."""
        used = sum(segment.cell_length for segment in segments)
        if used > width:
            segments = list(Strip(segments, used).crop(0, width))
        elif used < width:
            segments.append(Segment(" " * (width - used), self.base))
        for line_filter in self._filters:
            segments = line_filter.apply(segments, self._background)
        return Line(segments, width)


class Line(Strip):
    """A strip that changes colours only where they change and erases blank ends instead of writing them."""

    __slots__ = ()

    def render(self, console: Console) -> str:
        """The bytes of the line; it begins and ends with everything reset."""
        if self._render_cache is None:
            system = console._color_system or ColorSystem.TRUECOLOR
            out: list[str] = []
            before = Style.null()
            last = len(self._segments) - 1
            for number, (text, style, _) in enumerate(self._segments):
                after = style or Style.null()
                if after is not before:
                    out.append(_turn(before, after, system))
                    before = after
                if number == last and len(text) >= ERASE_FROM and text.isspace() and _erasable(after):
                    out.append(f"\x1b[{len(text)}X\x1b[{len(text)}C")
                else:
                    out.append(text)
            if before:
                out.append("\x1b[0m")
            self._render_cache = "".join(out)
        return self._render_cache


@lru_cache(1)
def _erases_in_colour() -> bool:
    """GNU screen erases to the terminal's own background, whatever colour is set; everybody else to that colour."""
    return not os.environ.get("TERM", "").startswith("screen") or "TMUX" in os.environ


def _erasable(style: Style) -> bool:
    """Whether blanks of a style look the same erased as written."""
    if style.underline or style.reverse or style.strike:
        return False
    return style.bgcolor is None or style.bgcolor.is_default or _erases_in_colour()


@lru_cache(4096)
def _turn(before: Style, after: Style, system: ColorSystem) -> str:
    """What changes one style into another."""
    old, new = _codes(before, system), _codes(after, system)
    if old == new:
        return ""
    if old[0] <= new[0] and not any(was and not now for was, now in zip(old[1:], new[1:], strict=True)):
        codes = [*sorted(new[0] - old[0]), *(now for was, now in zip(old[1:], new[1:], strict=True) if now and now != was)]
        return f"\x1b[{';'.join(codes)}m"
    codes = [*sorted(new[0]), *(code for code in new[1:] if code)]
    return f"\x1b[{';'.join(('0', *codes)) if codes else '0'}m"


@lru_cache(4096)
def _codes(style: Style, system: ColorSystem) -> tuple[frozenset[str], str, str]:
    """A style as attributes, foreground and background."""
    flags = (style.bold, style.dim, style.italic, style.underline, style.blink, None, style.reverse, style.conceal, style.strike)
    attributes = frozenset(str(number + 1) for number, flag in enumerate(flags) if flag)
    front = ";".join(style.color.downgrade(system).get_ansi_codes()) if style.color and not style.color.is_default else ""
    back = (
        ";".join(style.bgcolor.downgrade(system).get_ansi_codes(False)) if style.bgcolor and not style.bgcolor.is_default else ""
    )
    return attributes, front, back


Spans = Iterable[tuple[int, int, str]]
"""Stretches of a row's characters that get one more style word."""


def segments_of(row: Row, style: Callable[[str], Style], spans: Spans = ()) -> list[Segment]:
    """The segments of a row, with some stretches in another style."""
    runs = marked(row.runs, spans) if spans else row.runs
    out: list[Segment] = []
    text, before = "", ""
    for run in runs:
        if run.style == before:
            text += run.text
            continue
        if text:
            out.append(Segment(text, style(before)))
        text, before = run.text, run.style
    if text:
        out.append(Segment(text, style(before)))
    return out


def marked(runs: Iterable[Run], spans: Spans) -> list[Run]:
    """The runs, cut where stretches begin and end."""
    out = list(runs)
    for start, end, word in spans:
        cut: list[Run] = []
        at = 0
        for run in out:
            stop = at + len(run.text)
            low, high = max(start, at), min(end, stop)
            if low >= high:
                cut.append(run)
            else:
                for a, b, style in ((at, low, run.style), (low, high, f"{run.style} {word}"), (high, stop, run.style)):
                    if a < b:
                        cut.append(run._replace(text=run.text[a - at : b - at], style=style))
            at = stop
        out = cut
    return out


def cells_before(row: Row, index: int) -> int:
    """The cells in front of character ``index`` of a row."""
    return cell_len(row.drawn[:index])


def character_at(row: Row, cell: int) -> int:
    """The index of the character at a cell; the length of the row behind its end."""
    at = 0
    for index, char in enumerate(row.drawn):
        at += cell_len(char)
        if cell < at:
            return index
    return len(row.drawn)
