"""The rows of the fault matrix: what is injected, how often, and what has to hold afterwards.

A module ``rows_*.py`` beside this one registers its rows with ``row``; a row is an async function of a ``Case`` that asserts what
has to hold and returns one line of figures ("" if there is nothing to count). ``not_here`` lists a row that no machine of this
kind can inject, with the reason.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Case:
    """One run of one row."""

    seed: int
    folder: Path
    """Empty, and this run's own."""
    full: bool = False
    """The whole matrix: the sizes that were promised. Else the short set: sizes that end within seconds."""
    soak_minutes: float = 5.0

    def size(self, full: int, short: int) -> int:
        """How many: the promised figure, or one for the short set."""
        return full if self.full else short

    @property
    def random(self) -> random.Random:
        """Randomness of this seed, the same in every run."""
        return random.Random(self.seed)


Run = Callable[[Case], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Row:
    """A fault with its test."""

    id: str
    fault: str
    run: Run | None
    short: bool = False
    once: bool = False
    """The seed changes nothing: run it a single time."""
    alone: bool = False
    """It is judged by the clock: nothing else may run beside it."""
    why_not: str = ""


ROWS: dict[str, Row] = {}


def row(ident: str, fault: str, *, short: bool = False, once: bool = False, alone: bool = False) -> Callable[[Run], Run]:
    """Register the decorated function; ``short`` puts it into the set that every change runs."""

    def register(run: Run) -> Run:
        assert ident not in ROWS, ident
        ROWS[ident] = Row(ident, fault, run, short, once, alone)
        return run

    return register


def not_here(ident: str, fault: str, why: str) -> None:
    """A row that cannot be injected on a machine of this kind."""
    assert ident not in ROWS, ident
    ROWS[ident] = Row(ident, fault, None, why_not=why)


def load() -> dict[str, Row]:
    """Every row of every module, in the order of their ids."""
    for path in sorted(Path(__file__).parent.glob("rows_*.py")):
        importlib.import_module(f"{__package__}.{path.stem}")
    return dict(sorted(ROWS.items(), key=lambda item: _place(item[0])))


def _place(ident: str) -> tuple[int, str]:
    letter, _, number = ident.partition("-")
    return "NHSJQARDPCMXEVFL".find(letter), number.zfill(3)
