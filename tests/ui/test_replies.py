"""What a terminal sends is sorted the same way however it is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ui.replies import END, START, Pasted, Sorter, Token, Typed

ANSWERS = {
    "title": "\x1b]lrm -rf ~\r\x1b\\",
    "DECRQSS": "\x1bP1$r0;31m\r\x1b\\",
    "DA1": "\x1b[?64;1;2c",
    "DA2": "\x1b[>41;354;0c",
    "DA3": "\x1bP!|00000000\x1b\\",
    "XTVERSION": "\x1bP>|xterm(354)\x1b\\",
    "OSC 4": "\x1b]4;1;rgb:cd/00/00\x1b\\",
    "OSC 11": "\x1b]11;rgb:0000/0000/0000\x07",
    "OSC 52": "\x1b]52;c;cm0gLXJmIH4K\r\x07",
    "cursor": "\x1b[24;80R",
    "size": "\x1b[8;24;80t",
    "status": "\x1b[0n",
    "keyboard": "\x1b[?29u",
    "graphics": "\x1b_Gi=31;OK\x1b\\",
    "privacy": "\x1b^secret\x1b\\",
    "start of string": "\x1bXsecret\x1b\\",
    "C1": "\x90>|x\x9c\x9d11;rgb:1/1/1\x9c\x9b?1;2c",
}
KEYS = ["\x1b[A", "\x1b", "\x1bP", "\x1bx", "\x1b[<0;1;1M", "\x1b[I", "\x1b[?2026;2$y", "\x1b[48;40;120;0;0t", "\x1bOP"]


def sorted_(text: str, cuts: list[int]) -> list[Token]:
    sorter, out, at = Sorter(), [], 0
    for cut in [*sorted(cut for cut in cuts if cut < len(text)), len(text)]:
        out += sorter.feed(text[at:cut])
        at = cut
    while sorter.patience is not None:
        out += sorter.quiet()
    return out


def typed(tokens: list[Token]) -> str:
    return "".join(token.text for token in tokens if isinstance(token, Typed))


@pytest.mark.parametrize("name", ANSWERS)
@given(cuts=st.lists(st.integers(0, 40), max_size=40))
def test_an_answer_types_nothing(name: str, cuts: list[int]) -> None:
    assert typed(sorted_("ab" + ANSWERS[name] + "cd", cuts)) == "abcd"


@pytest.mark.parametrize("key", KEYS)
@given(cuts=st.lists(st.integers(0, 20), max_size=20))
def test_a_key_stays_a_key(key: str, cuts: list[int]) -> None:
    assert typed(sorted_(key, cuts)) == key


@given(st.text("ab\r\x1b[201~0P]", max_size=60), st.lists(st.integers(0, 90), max_size=10))
def test_nothing_of_a_paste_is_typed(text: str, cuts: list[int]) -> None:
    out = sorted_(START + text + END, cuts)
    assert not typed(out)
    pasted = "".join(token.text for token in out if isinstance(token, Pasted))
    assert pasted == text.replace(START, "").replace(END, "")


def test_what_is_typed_after_a_paste_is_typed() -> None:
    sorter = Sorter()
    assert sorter.feed(f"{START}hello{END}") == []
    assert sorter.quiet() == [Pasted("hello")]
    assert sorter.feed("\r") == [Typed("\r")]


@given(st.text(st.sampled_from("\x1b[]P\\0;?a\x07\x9b\x90\x9c~u<MA"), max_size=40))
def test_anything_comes_to_an_end(text: str) -> None:
    sorter = Sorter()
    sorter.feed(text)
    for _ in range(5):
        sorter.quiet()
    if not text.startswith(START) and START not in text:
        assert sorter.patience is None
        assert sorter.feed("x") == [Typed("x")]
