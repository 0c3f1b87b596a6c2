"""The application in a real terminal, watched: what it set and reset, what it wrote that is not ours, how it ended."""

from __future__ import annotations

import os
import re
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults.invariants import open_modes
from tests.terminal import Terminal

OURS = re.compile(
    rb"\x1b\[[0-9;:]*[mHJKABCDGfdrX]|\x1b\[\?[0-9;]+[hl]|\x1b\[\?(?:2026|2048)\$p|\x1b\[>[0-9]+u|\x1b\[<u"
    rb"|\x1b\]11;\?\x1b\\|\x1b\[\?u|\x1b\[22;2t|\x1b\[23;2t"
    rb"|\x1b\]2;Parlour(?: \([0-9]+ waiting\))?\x1b\\|\x1b\]22;[a-z-]*(?:\x1b\\|\x07)"
)
COPY = re.compile(rb"\x1b\]52;c;[A-Za-z0-9+/=]*\x07")
ACTING = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2028\u2029\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)


def foreign(raw: bytes) -> list[str]:
    """What is in the output and is neither text nor a sequence of ours."""
    return ACTING.findall(OURS.sub(b"", raw).decode("utf-8", "replace"))


class Watched(Terminal):
    """A terminal that knows how it was before."""

    def __init__(
        self,
        words: Sequence[str] = (),
        *,
        home: Path,
        columns: int = 100,
        lines: int = 30,
        extra: Mapping[str, str] | None = None,
        command: Sequence[str] = (),
    ) -> None:
        super().__init__(words, home=home, columns=columns, lines=lines, extra=extra, command=command)
        self.before = termios.tcgetattr(self.master)

    def restored(self) -> None:
        """Everything that was set is reset, and the line is as it was."""
        assert not open_modes(bytes(self.raw)), open_modes(bytes(self.raw))
        now = termios.tcgetattr(self.master)
        assert now[:4] == self.before[:4], f"termios {now[:4]} instead of {self.before[:4]}"

    def ends(self, seconds: float) -> tuple[int, float]:
        """Exit code and seconds until it was there."""
        begun = time.monotonic()
        code = self.wait(seconds + 20)
        took = time.monotonic() - begun
        assert took <= seconds, f"took {took:.1f} s, not {seconds:g}"
        return code, took

    def stopped(self, seconds: float = 10.0) -> None:
        """Wait until the process has stopped itself."""
        deadline = time.monotonic() + seconds
        while True:
            self.read(0.02)
            pid, status = os.waitpid(self.pid, os.WUNTRACED | os.WNOHANG)
            if pid and os.WIFSTOPPED(status):
                return
            assert not pid and time.monotonic() < deadline, "it did not stop"

    def talk_to(self, agent: str) -> None:
        """From the list of agents into a conversation."""
        self.until(agent)
        self.type(agent.lower())
        self.settle()
        self.press("enter")
        self.until("Write a message")


def broken(kind: str, *words: str) -> list[str]:
    """The command that runs the application with a fault in it (see ``tests.faults.broken``)."""
    return [sys.executable, "-m", "tests.faults.broken", kind, *words]
