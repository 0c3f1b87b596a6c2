"""Notifications: the terminal's own means, constant words, not too many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from app.ui import terminal
from app.ui.notices import LONG, PAUSE, WAYS, Notice, Notices, sequence, way


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, "bell"),
        ({"TERM": "xterm-kitty"}, "osc99"),
        ({"TERM_PROGRAM": "iTerm.app"}, "osc9"),
        ({"TERM_PROGRAM": "ghostty"}, "osc9"),
        ({"WT_SESSION": "1"}, "osc9"),
        ({"TERM": "foot"}, "osc777"),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x", "KITTY_WINDOW_ID": "1"}, "bell"),
    ],
)
def test_auto_takes_what_the_terminal_is_known_to_understand(environ: Mapping[str, str], found: str) -> None:
    assert way("auto", environ) == found
    assert way("nonsense", environ) == found
    assert way("off", environ) == "off"


@pytest.mark.parametrize("by", WAYS[1:])
@pytest.mark.parametrize("notice", Notice)
def test_sequences_hold_only_words_of_ours(by: str, notice: Notice) -> None:
    text = sequence(by, notice)
    assert text.count("Parlour") == (by not in ("bell", "off"))
    assert text.endswith(("\a", "\x1b\\")) or not text
    through = sequence(by, notice, tmux=True)
    if by not in ("bell", "off"):
        assert through == "\x1bPtmux;" + text.replace("\x1b", "\x1b\x1b") + "\x1b\\"


@pytest.mark.parametrize("by", WAYS[1:])
@pytest.mark.parametrize("tmux", [False, True])
def test_they_pass_the_last_gate_of_the_terminal(by: str, tmux: bool) -> None:
    for notice in Notice:
        assert terminal._ALIEN.search(sequence(by, notice, tmux=tmux)) is None
    for text in ("Parlour: rm -rf", "Parlour: An agent \x1b[31m"):
        assert terminal._ALIEN.search(f"\x1b]9;{text}\x1b]0;x") is not None


def test_one_at_a_time() -> None:
    now, written = [0.0], list[str]()
    notices = Notices({"by": "bell"}, {}, written.append, lambda: now[0])
    assert notices.give(Notice.WAITING) and not notices.give(Notice.DONE)
    now[0] += PAUSE
    assert notices.give(Notice.FAILED)
    assert written == ["\a", "\a"]


@pytest.mark.parametrize(("after", "found"), [(5, 5.0), ("soon", LONG), (-1, LONG), (True, LONG), (0, 0.0)])
def test_how_long_is_long(after: Any, found: float) -> None:
    assert Notices({"after": after}, {}, print, lambda: 0.0).after == found
