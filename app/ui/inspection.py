"""What can be seen in a conversation's events and turns without drawing anything: filters, failures, tools, figures, lanes."""

from __future__ import annotations

import itertools
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from app.models import Json, PartKind
from app.store import StoredEvent
from app.text import json_text, safe_line
from app.transcript import Part, Turn

ERRORS = ("error", "failed", "terminated")
_TELLING = ("delta", "final_text", "name", "message", "text", "stop_reason", "content", "step", "tool_use_id", "error")
_INNER = ("tool_name", "name", "content", "message", "text")
PAUSE = 20.0
"""Seconds without anything after which the time line is cut."""


def summary(raw: Json) -> str:
    """What an event says, on one line."""
    if not isinstance(raw, dict):
        return safe_line(raw, 200)
    for name in _TELLING:
        value = raw.get(name)
        if isinstance(value, str) and value:
            return safe_line(value, 200)
        if isinstance(value, dict) and (inner := [value[key] for key in _INNER if isinstance(value.get(key), str)]):
            return safe_line("  ".join(dict.fromkeys(inner)), 200)
        if isinstance(value, dict | list) and value:
            return safe_line(json_text(value)[:400], 200)
    return ""


def is_error(one: StoredEvent) -> bool:
    """Whether an event tells of a failure."""
    raw = one.wire.raw
    failed = isinstance(raw, dict) and bool(raw.get("is_error"))
    return failed or any(word in one.wire.type for word in ERRORS)


class Listing:
    """Events, and those that fit a filter: ``type:agent``, ``is:error``, ``lane:NAME`` and words; all of it must fit."""

    def __init__(self) -> None:
        self.events: list[StoredEvent] = []
        self.shown: list[int] = []
        self._wanted: list[str] = []
        self._texts: dict[int, str] = {}

    def add(self, fresh: Sequence[StoredEvent]) -> None:
        """More of them, later ones."""
        first = len(self.events)
        self.events += fresh
        self.shown += [number for number in range(first, len(self.events)) if self._fits(number)]

    def narrow(self, text: str) -> bool:
        """Another filter; False if it is the same."""
        wanted = text.casefold().split()
        if wanted == self._wanted:
            return False
        pairs = zip(wanted, self._wanted, strict=False)
        plain = not any(":" in word for word in (*wanted, *self._wanted))
        further = plain and len(wanted) >= len(self._wanted) and all(new.startswith(old) for new, old in pairs)
        self._wanted = wanted
        self.shown = [number for number in (self.shown if further else range(len(self.events))) if self._fits(number)]
        return True

    def _fits(self, number: int) -> bool:
        one = self.events[number]
        for word in self._wanted:
            kind, _, value = word.partition(":")
            if kind == "type":
                fits = one.wire.type.casefold().startswith(value)
            elif kind == "lane":
                fits = one.wire.lane.casefold().startswith(value)
            elif word == "is:error":
                fits = is_error(one)
            else:
                fits = word in one.wire.type or word in self._text(number)
            if not fits:
                return False
        return True

    def _text(self, number: int) -> str:
        if number not in self._texts:
            wire = self.events[number].wire
            self._texts[number] = f"{wire.type} {wire.id} {json_text(wire.raw)}".casefold()
        return self._texts[number]

    def failure(self, at: int, step: int) -> int | None:
        """The place among the shown of the next failure after (``step`` 1) or before (-1) the place ``at``."""
        places = range(at + 1, len(self.shown)) if step > 0 else range(at - 1, -1, -1)
        return next((place for place in places if is_error(self.events[self.shown[place]])), None)


# --- tools and turns --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ToolFigures:
    """How often a tool was called, how often it failed, and how long it took (seconds; None is unknown)."""

    name: str
    calls: int
    failures: int
    median: float | None
    longest: float | None


def tools(turns: Sequence[Turn]) -> list[ToolFigures]:
    """The tools that were called, the most called first."""
    called: defaultdict[str, list[Part]] = defaultdict(list)
    for turn in turns:
        for part in turn.parts:
            if part.kind is PartKind.TOOL:
                called[part.name or "tool"].append(part)
    figures = []
    for name, parts in called.items():
        took = [part.ended - part.started for part in parts if part.done and part.started and part.ended >= part.started > 0]
        median, longest = (statistics.median(took), max(took)) if took else (None, None)
        figures.append(ToolFigures(name, len(parts), sum(part.failed for part in parts), median, longest))
    return sorted(figures, key=lambda one: (-one.calls, one.name))


# --- the time line ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lane:
    """One line of the time line: its name, and one mark a column."""

    name: str
    marks: str


def delta_lines(pieces: Sequence[tuple[float, str]]) -> str:
    """How a message came: a line of figures, then a line a piece with its time since the first and since the one before."""
    if not pieces:
        return "No pieces of this were heard: it came whole, or before this program followed it."
    first, last = pieces[0][0], pieces[-1][0]
    pauses = [later[0] - before[0] for before, later in itertools.pairwise(pieces)]
    length = sum(len(text) for _, text in pieces)
    rate = f", {length / (last - first):,.0f} characters a second" if last > first else ""
    told = f"{len(pieces):,} pieces, {length:,} characters in {last - first:.2f} s{rate}"
    lines = [f"{told}; longest pause {max(pauses, default=0):.2f} s", ""]
    for (at, text), pause in zip(pieces, [0.0, *pauses], strict=True):
        lines.append(f"+{at - first:8.3f}  {pause * 1000:6.0f} ms  {json_text(text)}")
    return "\n".join(lines)


def lanes(turns: Sequence[Turn], width: int, now: float) -> list[Lane]:
    """Who did something when, in ``width`` columns.

    ``█`` is a tool, ``▃`` words, ``▁`` thought, ``×`` a failure, ``!`` waits for a person; long pauses are cut (``┊``).
    """
    spans = [span for turn in turns for span in _spans(turn, now)]
    if not spans or width < 4:
        return []
    clock = _Cut([(start, end) for _, start, end, _ in spans], width)
    names = sorted({lane for lane, *_ in spans}, key=lambda lane: (lane != "", lane))
    found = []
    for name in names:
        marks = [clock.blank(column) for column in range(width)]
        for lane, start, end, mark in spans:
            if lane == name:
                first, last = clock.column(start), clock.column(end)
                for column in range(first, last + 1):
                    if _RANK[mark] >= _RANK[marks[column]]:
                        marks[column] = mark
        found.append(Lane(safe_line(name, 20) or "main", "".join(marks)))
    return found


_RANK = {" ": 0, "┊": 0, "▁": 1, "▃": 2, "█": 3, "×": 4, "!": 5}
_MARKS = {PartKind.TOOL: "█", PartKind.THINKING: "▁", PartKind.TEXT: "▃", PartKind.ARTIFACT: "▃", PartKind.NOTICE: "▁"}


def _spans(turn: Turn, now: float) -> list[tuple[str, float, float, str]]:
    found = []
    for part in turn.parts:
        if not part.started:
            continue
        end = part.ended or (part.started if part.done or not turn.open else now)
        found.append((part.lane, part.started, max(part.started, end), _MARKS[part.kind]))
        if part.failed:
            found.append((part.lane, max(part.started, end), max(part.started, end), "×"))
    if turn.waiting:
        last = max((end for _, _, end, _ in found), default=turn.ended or turn.started)
        found.append(("", last, last, "!"))
    if turn.started and not found:
        found.append(("", turn.started, turn.ended or turn.started, "▁"))
    return found


class _Cut:
    """Wall clock to columns, with long pauses taken out."""

    def __init__(self, spans: list[tuple[float, float]], width: int) -> None:
        self._pieces: list[tuple[float, float]] = []
        for start, end in sorted(spans):
            if self._pieces and start - self._pieces[-1][1] <= PAUSE:
                self._pieces[-1] = (self._pieces[-1][0], max(end, self._pieces[-1][1]))
            else:
                self._pieces.append((start, end))
        self._pieces = self._pieces[-max(1, width // 4) :]
        total = sum(end - start for start, end in self._pieces)
        room = width - len(self._pieces) + 1
        self._rate = (room - len(self._pieces)) / total if total else 0.0
        self._starts: list[int] = []
        at = 0
        for start, end in self._pieces:
            self._starts.append(at)
            at += int((end - start) * self._rate) + 2
        self._width = width

    def column(self, moment: float) -> int:
        """Where a moment stands; what lies before the first piece stands at its beginning."""
        place = 0
        for number, (start, _) in enumerate(self._pieces):
            if moment >= start:
                place = number
        start, end = self._pieces[place]
        inside = min(max(moment, start), end) - start
        return min(self._width - 1, self._starts[place] + int(inside * self._rate))

    def blank(self, column: int) -> str:
        """What stands where nothing happened."""
        return "┊" if column + 1 in self._starts[1:] else " "
