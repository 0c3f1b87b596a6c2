"""What the doctor makes of a terminal's answers, and that it asks a real one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.cli import probe
from tests.terminal import Terminal

REPORTS = "\x1b[5;3R\x1b[5;3R\x1b[5;3R\x1b[5;2R\x1b[5;2R"


def test_answers_are_understood() -> None:
    found = probe.read("\x1b[?25u\x1b]11;rgb:fafa/f9f9/f6f6\x1b\\" + REPORTS + "\x1b[?62;22c")
    assert "every key" in str(found["keyboard"]) and found["background"] == "light" and found["widths"] == "as counted"
    found = probe.read(REPORTS.replace("\x1b[5;3R", "\x1b[5;5R", 1))
    assert found["widths"] == {"中": "drawn 4 wide, counted 2"}
    assert found["background"] == "not told" and "ctrl+j" in str(found["keyboard"])
    assert probe.read("")["widths"] == "not told"


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"TMUX": "x"}, "through tmux"),
        ({"STY": "x"}, "screen prints"),
        ({"TERM_PROGRAM": "Apple_Terminal"}, "ignores OSC 52"),
        ({}, "OSC 52"),
    ],
)
def test_the_way_of_a_copy(environ: dict[str, str], words: str) -> None:
    assert words in probe.clipboard(environ)


def test_colours() -> None:
    assert probe.colours({"NO_COLOR": "1"}).startswith("none")
    assert probe.colours({"COLORTERM": "truecolor"}) == "16 million"
    assert probe.colours({"TERM": "xterm-256color"}) == "256"
    assert probe.colours({"TERM": "xterm"}).startswith("16;")


@pytest.mark.pty
def test_a_real_terminal_is_asked_and_left_clean(tmp_path: Path) -> None:
    with Terminal(["doctor"], home=tmp_path) as terminal:
        while b"\x1b[c" not in terminal.raw:
            assert terminal.read()
        terminal.type("\x1b[?1u\x1b]11;rgb:0000/0000/0000\x1b\\" + REPORTS + "\x1b[?62c")
        assert terminal.wait(30) == 0
        shown = terminal.text
    assert "kitty protocol" in shown and "as counted" in shown and "background   dark" in shown
    assert os.path.expanduser("~") + "/" not in shown or str(tmp_path).startswith(os.path.expanduser("~"))
    assert "[?62c" not in shown and "rgb:" not in shown
