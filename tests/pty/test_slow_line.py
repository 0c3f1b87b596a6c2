"""The first minute over a line that takes 200 ms each way, typed without waiting for what is on the screen."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from tests.terminal import Terminal

pytestmark = pytest.mark.pty


def test_straight_in_from_the_shell(tmp_path: Path) -> None:
    with Terminal(["demo", "--agent", "Guide"], home=tmp_path / "home", columns=80, lines=24) as terminal:
        terminal.until("Write a message")
        assert "Guide" in terminal.text
        terminal.press("esc")
        terminal.until("Metronome")
        terminal.press("ctrl+q")
        assert terminal.wait() == 0


def test_three_steps_over_a_slow_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.slow_line", "0.2", sys.executable, "-m", "app"]
    with Terminal(home=tmp_path / "home", columns=80, lines=24, command=command) as terminal:
        terminal.until("demo")
        terminal.press("ctrl+t")
        terminal.until("Guide")
        terminal.type("guide")
        time.sleep(0.25)  # a person, not a burst: letters and Enter come in two pieces, and nobody waits for the echo
        terminal.type("\r")
        terminal.until("Write a message")
        terminal.type("What can you do?")
        time.sleep(0.1)
        terminal.type("\r")
        terminal.until("What can the command line do?")
        terminal.until("done")
        terminal.type("\x1b]11;rgb:fafa/f9f9/f6f6\x1b\\")
        terminal.type("x")
        terminal.until("❯ x")
        terminal.settle(0.6)
        assert "rgb" not in terminal.text
        terminal.press("ctrl+q")
        assert terminal.wait(20) == 0
