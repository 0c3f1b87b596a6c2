"""Rows: wrapping text to a width in cells, with margins in front."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rich.cells import cell_len, split_graphemes

from app.ui.markdown.nodes import Run, Runs

UNBOUNDED = 1 << 30
"""The width at which nothing wraps: how the text of a block is made."""
NARROWEST = 12
"""Cells that margins leave to the text, however deep it is nested."""

_MANY_CELLS = re.compile("[^\x20-\x7e\xa0-\xac\xae-\u02ff\u0370-\u0482\u2500-\u25fc\u2800-\u28ff]")
_STAYS = frozenset("、。，．：；！？）］｝〉》」』】〕’”…‥ー々%,.:;!?)]}")


class Row:
    """One line of cells.

    ``lead`` characters at its start are decoration. ``end`` is what stands between its text and the next row's: a line break,
    what a soft wrap swallowed (a space or nothing), or None for a row that is decoration altogether. ``mark`` is the style of the
    mark that a line of ours bears left of it: no document has one, so no text can pass for such a line.
    """

    __slots__ = ("end", "lead", "mark", "runs")

    def __init__(self, runs: Iterable[Run], lead: int = 0, end: str | None = "\n", mark: str = "") -> None:
        self.runs: Runs = tuple(runs)
        self.lead = lead
        self.end = end
        self.mark = mark

    @property
    def drawn(self) -> str:
        """All of its characters."""
        return "".join(run.text for run in self.runs)

    @property
    def text(self) -> str:
        """Its characters without decoration."""
        return "" if self.end is None else self.drawn[self.lead :]

    def __repr__(self) -> str:
        return f"Row({self.drawn!r}, lead={self.lead}, end={self.end!r})"


def joined(rows: Iterable[Row]) -> str:
    """The text of rows, as somebody would want it on the clipboard."""
    text = "".join(row.text + row.end for row in rows if row.end is not None)
    return text[:-1] if text.endswith("\n") else text


class Margin:
    """What stands in front of every row of a block: one thing before the first, another before the rest."""

    __slots__ = ("_decorates", "_first", "_parent", "_rest", "cells")

    def __init__(
        self, parent: Margin | None = None, first: Run | None = None, rest: Run | None = None, *, text: bool = False
    ) -> None:
        self._parent = parent
        self._first = first
        self._rest = rest
        self._decorates = not text
        self.cells: int = (parent.cells if parent else 0) + (cell_len(rest.text) if rest else 0)

    def take(self) -> tuple[Runs, int]:
        """The margin of the next row, and how many of its characters are decoration."""
        runs, lead = self._parent.take() if self._parent else ((), 0)
        first, self._first = self._first, None
        own = first or self._rest
        if own is None:
            return runs, lead
        size = sum(len(run.text) for run in runs)
        if size == lead and (self._decorates or first is None):
            lead = size + len(own.text)
        return (*runs, own), lead

    def room(self, width: int) -> int:
        """Cells left for text."""
        return max(1, width - self.cells)

    def inside(self, width: int, first: Run, rest: Run, *, text: bool = False) -> Margin:
        """A margin within this one. Where too little would be left it begins at the edge, with the marks that are still due."""
        if width - self.cells - cell_len(rest.text) >= NARROWEST:
            return Margin(self, first, rest, text=text)
        due = self._due()
        return Margin(None, first._replace(text=due + first.text) if due else first, rest, text=text)

    def _due(self) -> str:
        text = self._parent._due() if self._parent else ""
        if self._first is not None and not self._decorates:
            text += self._first.text
        self._first = None
        return text


def wrap(text: str, width: int) -> list[tuple[int, int]]:
    """Where to cut a text without line breaks: (start, end) of each row; what lies between two rows is swallowed spaces."""
    if len(text) <= width and _MANY_CELLS.search(text) is None:
        return [(0, len(text))]
    if _MANY_CELLS.search(text) is not None:
        return [(0, len(text))] if width >= UNBOUNDED else _wrap_graphemes(text, max(2, width))
    cuts: list[tuple[int, int]] = []
    at, size, width = 0, len(text), max(1, width)
    while size - at > width:
        space = text.rfind(" ", at, at + width + 1)
        end = space
        while end > at and text[end - 1] == " ":
            end -= 1
        if space < 0 or end <= at:
            cuts.append((at, at + width))
            at += width
            continue
        cuts.append((at, end))
        at = space + 1
        while at < size and text[at] == " ":
            at += 1
    if at < size or not cuts:
        cuts.append((at, size))
    return cuts


def _wrap_graphemes(text: str, width: int) -> list[tuple[int, int]]:
    cuts: list[tuple[int, int]] = []
    spans, _ = split_graphemes(text)
    begin = cells = 0
    stop = resume = -1
    after = 0
    for number, (start, end, size) in enumerate(spans):
        if text[start] == " ":
            if resume != start or stop < begin:
                stop = start
            resume, cells = end, cells + size
            after = cells
            continue
        if cells + size > width and start > begin:
            if stop > begin:
                cuts.append((begin, stop))
                begin, cells = resume, cells - after
            if cells + size > width and start > begin:
                cuts.append((begin, start))
                begin, cells = start, 0
            stop = resume = -1
        cells += size
        if size == 2 and (number + 1 == len(spans) or text[end] not in _STAYS):
            stop = resume = end
            after = cells
    if begin < len(text) or not cuts:
        cuts.append((begin, stop if cells > width and begin < stop and resume == len(text) else len(text)))
    return cuts


def fold(text: str, width: int) -> list[tuple[int, int]]:
    """Where to cut a line of code: at the width, whatever stands there."""
    if _MANY_CELLS.search(text) is None or width >= UNBOUNDED:
        return [(at, min(at + width, len(text))) for at in range(0, len(text), width)] or [(0, 0)]
    cuts: list[tuple[int, int]] = []
    begin = cells = 0
    for start, _, size in split_graphemes(text)[0]:
        if cells + size > max(2, width):
            cuts.append((begin, start))
            begin, cells = start, 0
        cells += size
    cuts.append((begin, len(text)))
    return cuts


def pieces(runs: Runs, cuts: Iterable[tuple[int, int]]) -> Iterator[list[Run]]:
    """The runs between each pair of cuts, in order."""
    numbered = iter(runs)
    run = next(numbered, None)
    base = 0
    for start, end in cuts:
        out: list[Run] = []
        while run is not None:
            stop = base + len(run.text)
            if stop > start and base < end:
                low, high = max(start - base, 0), min(end - base, len(run.text))
                if low < high:
                    whole = low == 0 and high == len(run.text)
                    out.append(run if whole else Run(run.text[low:high], run.style, run.link))
            if stop > end:
                break
            base = stop
            run = next(numbered, None)
        yield out


def fill(runs: Runs, width: int, margin: Margin) -> list[Row]:
    """Wrap runs into rows behind a margin; a run of a line break ends a row."""
    rows: list[Row] = []
    front: Runs | None
    front, lead = margin.take()
    marks = "".join(run.text for run in front)
    if len(marks) > margin.cells and cell_len(marks) > margin.cells:
        rows.extend(Row((Run(marks[start:end], "mark"),), end="") for start, end in fold(marks, width))
        rows[-1].end = "\n"
        front, lead = margin.take()
    for line in _lines(runs):
        text = "".join(run.text for run in line)
        cuts = wrap(text, margin.room(width))
        for number, piece in enumerate(pieces(line, cuts)):
            last = number == len(cuts) - 1
            if front is None:
                front, lead = margin.take()
            rows.append(Row((*front, *piece), lead, "\n" if last else text[cuts[number][1] : cuts[number + 1][0]]))
            front = None
    return rows


def _lines(runs: Runs) -> Iterator[Runs]:
    if not any(run.text == "\n" for run in runs):
        yield runs
        return
    line: list[Run] = []
    for run in runs:
        if run.text == "\n":
            yield tuple(line)
            line = []
        else:
            line.append(run)
    yield tuple(line)
