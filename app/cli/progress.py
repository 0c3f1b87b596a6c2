"""Progress of long work, on stderr: one line that is redrawn on a terminal, a line now and then where there is none."""

from __future__ import annotations

import sys
import time

from app.cli import out
from app.text import safe_line

_EVERY = 5.0
"""Seconds between two lines where nothing can be redrawn."""
_REDRAW = 0.1
_WIDTH = 24


class Bar:
    """``Bar("Reading")``; ``show`` as often as one likes, ``close`` at the end. Nothing at all with ``--quiet``."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._terminal = sys.stderr.isatty()
        self._last = 0.0
        self._drawn = 0

    def show(self, done: int, total: int = 0, note: str = "") -> None:
        """``done`` of ``total`` (0: not known), with a word about the present one."""
        if out.quiet.get():
            return
        now, final = time.monotonic(), bool(total) and done >= total
        if not final and now - self._last < (_REDRAW if self._terminal else _EVERY):
            return
        if not self._last and not self._terminal and not final:
            self._last = now
            return
        self._last = now
        figures = f"{done} of {total}" if total else str(done)
        if not self._terminal:
            out.complain(f"{self._label}: {figures}")
            return
        full = _WIDTH * done // total if total else 0
        shape = f"[{'#' * full}{'.' * (_WIDTH - full)}] " if total else ""
        line = f"{self._label} {shape}{figures}  {safe_line(note, 30)}".rstrip()
        sys.stderr.write("\r" + line.ljust(self._drawn))
        sys.stderr.flush()
        self._drawn = len(line)

    def close(self) -> None:
        """Leave the last line standing."""
        if self._drawn:
            sys.stderr.write("\n")
            sys.stderr.flush()
            self._drawn = 0
