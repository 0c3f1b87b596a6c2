"""NO_COLOR is honoured by the application and by every command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.terminal import Terminal

pytestmark = pytest.mark.pty
COLOUR = re.compile(rb"\x1b\[[0-9;]*m")


def coloured(raw: bytes) -> set[bytes]:
    """The SGR sequences that set a colour with a hue: anything but grey, default, and attributes."""
    found = set()
    for sequence in COLOUR.findall(raw):
        numbers = [int(number or 0) for number in sequence[2:-1].split(b";")]
        for at in range(len(numbers)):
            if numbers[at] in (38, 48) and numbers[at + 1 : at + 2] == [2]:
                red, green, blue = numbers[at + 2 : at + 5]
                if max(red, green, blue) - min(red, green, blue) > 8:
                    found.add(sequence)
    return found


def test_the_application_has_no_hue(tmp_path: Path) -> None:
    with Terminal(["demo"], home=tmp_path, extra={"NO_COLOR": "1"}) as terminal:
        terminal.until("Guide")
        terminal.press("ctrl+q")
        assert terminal.wait() == 0
        assert not coloured(bytes(terminal.raw))
    with Terminal(["demo"], home=tmp_path) as terminal:
        terminal.until("Guide")
        terminal.press("ctrl+q")
        terminal.wait()
        assert coloured(bytes(terminal.raw)), "the test would not notice colours"


@pytest.mark.parametrize(
    "words", [["agents", "--profile", "demo"], ["--help"], ["ask", "--profile", "demo-codeer", "--agent", "Guide", "hi"]]
)
def test_no_command_writes_a_colour(tmp_path: Path, words: list[str]) -> None:
    with Terminal(words, home=tmp_path, extra={"NO_COLOR": "1"}) as terminal:
        assert terminal.wait(20) == 0
        assert b"\x1b" not in terminal.raw
