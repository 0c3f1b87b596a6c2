"""Keys that Textual's parser does not read, answers that were asked for, and pastes of terminals that do not say so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events

from app.ui import appearance
from app.ui.keystrokes import GOES_ON, Bursts, KeyParser
from app.ui.replies import Answered, Sorter, Typed


@pytest.mark.parametrize(
    "answer", ["\x1b]11;rgb:1616/1818/1c1c\x1b\\", "\x1b]11;rgb:ff/ff/ff\x07", "\x1b[?25u", "\x1b[?997;1n"], ids=repr
)
@given(cuts=st.lists(st.integers(0, 40), max_size=40))
def test_an_answer_to_a_question_of_ours_is_heard_and_types_nothing(answer: str, cuts: list[int]) -> None:
    sorter, text, out, at = Sorter(), f"ab{answer}cd", list[object](), 0
    for cut in [*sorted(cut for cut in cuts if cut < len(text)), len(text)]:
        out += sorter.feed(text[at:cut])
        at = cut
    while sorter.patience is not None:
        out += sorter.quiet()
    heard = [token.text for token in out if isinstance(token, Answered)]
    assert heard == [answer.removesuffix("\x1b\\").removesuffix("\x07")]
    assert "".join(token.text for token in out if isinstance(token, Typed)) == "abcd"


def test_other_colours_and_endless_ones_are_not_heard() -> None:
    for text in ("\x1b]10;rgb:1/1/1\x07", "\x1b]11;rgb:" + "f" * 500 + "\x07", "\x1bP11;rgb:1/1/1\x1b\\", "\x1b]11;rm -rf\r\x07"):
        assert not [token for token in Sorter().feed(text) if isinstance(token, Answered)]


def keys(data: str) -> list[str]:
    return [event.key for event in KeyParser().feed(data) if isinstance(event, events.Key) and event.key != "<ignore>"]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ("\x1b\r", ["alt+enter"]),
        ("\x1b[27;2;13~", ["shift+enter"]),
        ("\x1b[13;2u", ["shift+enter"]),
        ("\x1b[13;2:1u", ["shift+enter"]),
        ("\x1b[13;2:3u", []),
        ("\x1b[97:65;2:2;65u", ["A"]),
        ("\x1b[233:201;2;201u", ["É"]),
        ("\x1b[99999999999u", []),
        ("\x1b[57358;1u", []),
        ("\x1b[57358;65;65u", []),
    ],
)
def test_keys_that_textual_does_not_know(data: str, found: list[str]) -> None:
    assert keys(data) == found


def test_lines_in_one_read_are_a_paste_although_the_terminal_does_not_say_so() -> None:
    now = [100.0]
    bursts = Bursts(lambda: now[0])
    assert bursts.pasted("first line of a text that nobody types in one go, really nobody\rsecond\r")
    now[0] += GOES_ON / 2
    assert bursts.pasted("third\r")
    now[0] += 1
    assert not bursts.pasted("ok\r")
    assert not bursts.pasted("a long line that was typed ahead while something took its time, with enter\r")


def test_light_and_dark_are_told_apart() -> None:
    assert appearance.darkness("\x1b]11;rgb:1616/1818/1c1c\x1b\\") is True
    assert appearance.darkness("\x1b]11;rgb:fa/f9/f6\x07") is False
    assert appearance.darkness("\x1b]11;rgba:0000/0000/8080/ffff\x07") is True
    assert appearance.darkness("\x1b[?62c") is None
    assert appearance.tells_all_keys("\x1b[?25u") is True
    assert appearance.tells_all_keys("\x1b[?0u") is False
    assert appearance.changed("\x1b[?997;2n") and not appearance.changed("\x1b[?25u")
