"""What a document is made of once its Markdown is understood; nothing here knows a width."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Run(NamedTuple):
    """Text of one style. ``style`` holds words separated by spaces; ``link`` is where it leads, "" for nowhere."""

    text: str
    style: str = "text"
    link: str = ""


Runs = tuple[Run, ...]
"""One stretch of text; a run of just ``\\n`` is a line break."""


@dataclass(slots=True)
class Para:
    """A paragraph."""

    runs: Runs


@dataclass(slots=True)
class Heading:
    """A heading of level 1 to 6."""

    level: int
    runs: Runs


@dataclass(slots=True)
class Plain:
    """Text shown as it is: beyond a budget, or never Markdown at all."""

    text: str
    style: str = "text"


@dataclass(slots=True)
class Code:
    """A code block. ``lines`` without line ends; ``closed`` once nothing more belongs to it."""

    language: str = ""
    lines: list[str] = field(default_factory=list)
    closed: bool = True

    @property
    def source(self) -> str:
        """The code as it was written."""
        return "\n".join(self.lines)


@dataclass(slots=True)
class Table:
    """A table: per column "left", "center" or "right", then cells."""

    aligns: tuple[str, ...]
    header: tuple[Runs, ...]
    rows: list[tuple[Runs, ...]] = field(default_factory=list)
    closed: bool = True


@dataclass(slots=True)
class Rule:
    """A thematic break."""


@dataclass(slots=True)
class Quote:
    """A block quote."""

    children: list[Node]


@dataclass(slots=True)
class Item:
    """One item of a list, with its marker as it is shown."""

    marker: str
    children: list[Node]
    loose: bool = False

    @property
    def task(self) -> bool:
        """Whether a box stands in the bullet's place."""
        return self.marker in ("☐", "☑")


@dataclass(slots=True)
class Listing:
    """A list inside of something else."""

    items: list[Item]
    loose: bool = False


Node = Para | Heading | Plain | Code | Table | Rule | Quote | Item | Listing
