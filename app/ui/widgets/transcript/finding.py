"""Find in the whole conversation, shown or not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from app.models import PartKind
from app.transcript import Turn
from app.ui.markdown import Row
from app.ui.widgets.transcript.sections import PROMPT, Section


class Hit(NamedTuple):
    """One occurrence: in which turn and section, and the how manieth there."""

    uid: str
    key: str
    number: int


@dataclass(slots=True)
class Search:
    """A text that is looked for. ``at`` is the hit one is on, -1 before the first."""

    pattern: re.Pattern[str]
    hits: list[Hit]
    at: int = -1

    @property
    def here(self) -> Hit | None:
        """The hit one is on."""
        return self.hits[self.at] if 0 <= self.at < len(self.hits) else None


def search(text: str, turns: Iterable[Turn]) -> Search:
    """All occurrences, without regard to case, in what was asked and answered."""
    pattern = re.compile(re.escape(text), re.IGNORECASE)
    hits: list[Hit] = []
    for turn in turns:
        for key, body in _bodies(turn):
            hits.extend(Hit(turn.uid, key, number) for number in range(len(pattern.findall(body))))
    return Search(pattern, hits)


def _bodies(turn: Turn) -> Iterator[tuple[str, str]]:
    if turn.text:
        yield PROMPT, turn.text
    for part in turn.parts:
        if part.kind is PartKind.NOTICE or (part.kind is PartKind.TEXT and not part.lane):
            yield part.id, part.text


def row_of(section: Section, width: int, hit: Hit, pattern: re.Pattern[str]) -> int:
    """The row of a section where a hit stands; the last one with any if Markdown hides it, else the first."""
    seen, best = 0, 0
    for number in range(section.height(width)):
        row = section.row(number)
        if row is None:
            continue
        count = len(pattern.findall(row.drawn))
        if count:
            best = number
            seen += count
            if seen > hit.number:
                return number
    return best


def spans(row: Row, pattern: re.Pattern[str]) -> list[tuple[int, int, str]]:
    """Where a row is highlighted."""
    return [(found.start(), found.end(), "hit") for found in pattern.finditer(row.drawn) if found.end() > found.start()]
