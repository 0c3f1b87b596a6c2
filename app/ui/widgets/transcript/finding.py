"""Find in the whole conversation, shown or not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from app.models import PartKind
from app.store.highlights import pattern
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
    wanted = re.compile(re.escape(text), re.IGNORECASE)
    return Search(wanted, list(_occurrences(wanted, turns)))


def search_words(words: str, turns: Iterable[Turn]) -> Search:
    """All occurrences of any of the words of a search, the last word as a beginning."""
    wanted = pattern(words, folded=False) or re.compile(r"(?!)")
    return Search(wanted, list(_occurrences(wanted, turns)))


def _occurrences(wanted: re.Pattern[str], turns: Iterable[Turn]) -> Iterator[Hit]:
    for turn in turns:
        for key, body in _bodies(turn):
            for number in range(sum(1 for _ in wanted.finditer(body))):
                yield Hit(turn.uid, key, number)


def _bodies(turn: Turn) -> Iterator[tuple[str, str]]:
    if turn.text:
        yield PROMPT, turn.text
    for part in turn.parts:
        if part.kind is PartKind.NOTICE or (part.kind is PartKind.TEXT and not part.lane):
            yield part.id, part.text


def row_of(section: Section, width: int, hit: Hit, wanted: re.Pattern[str]) -> int:
    """The row of a section where a hit stands; the last one with any if Markdown hides it, else the first."""
    seen, best = 0, 0
    for number in range(section.height(width)):
        row = section.row(number)
        if row is None:
            continue
        count = len(wanted.findall(row.drawn))
        if count:
            best = number
            seen += count
            if seen > hit.number:
                return number
    return best


def spans(row: Row, wanted: re.Pattern[str]) -> list[tuple[int, int, str]]:
    """Where a row is highlighted."""
    return [(found.start(), found.end(), "hit") for found in wanted.finditer(row.drawn) if found.end() > found.start()]
