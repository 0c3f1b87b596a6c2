"""What leaves the command line: one JSON value, NDJSON, or text for people."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING

from app.profiles import Json
from app.text import json_text, safe, safe_line

if TYPE_CHECKING:
    pass

BROKEN_PIPE = 141
quiet: ContextVar[bool] = ContextVar("quiet", default=False)
"""Whether only errors and questions go to stderr."""


class ReaderGone(Exception):
    """Whoever read our output closed it."""


def say(text: str) -> None:
    """A line (or several) for people, on stdout."""
    write(safe(text) + "\n")


def write(text: str) -> None:
    """Text that is already safe, on stdout, at once. Raises ``ReaderGone``."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError as error:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise ReaderGone from error


def value(data: Json) -> None:
    """One JSON value, on stdout."""
    write(json_text(data, indent=2) + "\n")


def line(data: Json) -> None:
    """One line of NDJSON, on stdout."""
    write(json_text(data) + "\n")


def note(text: str) -> None:
    """A notice or progress, on stderr; nothing with ``--quiet``."""
    if not quiet.get():
        complain(text)


def complain(text: str) -> None:
    """An error or a question, on stderr."""
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.write(safe(text) + "\n")
        sys.stderr.flush()


def table(rows: Sequence[tuple[str, ...]], head: tuple[str, ...]) -> None:
    """Aligned columns for people; the last one takes what is left of the terminal's width."""
    from rich.cells import cell_len, set_cell_size

    clean = [tuple(safe_line(cell, 200) for cell in row) for row in (head, *rows)]
    widths = [min(40, max(cell_len(row[column]) for row in clean)) for column in range(len(head) - 1)]
    for row in clean:
        cells = [set_cell_size(cell, width) for cell, width in zip(row, widths, strict=False)]
        write("  ".join((*cells, row[-1])).rstrip() + "\n")
