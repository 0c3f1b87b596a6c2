"""What foreign text becomes before anybody sees it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.text import MAX_MARKS, SafeStream, SafeText, json_text, safe, safe_line, storable

HOSTILE = [
    "\x1b]52;c;aGk=\x07", "\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\", "\x1b[2J", "\x1bc", "\x1b[6n", "\x1b[21t",
    "\x1bP$q q\x1b\\", "\x9b2J", "\x9d52;c;aGk=\x9c", "\x1b[?1049l", "\x1b[?1000h", "\u202egnp.exe", "\u2066x\u2069", "a\u200bb",
    "\U000e0041\U000e0042", "\x07", "\x08\x08", "\x1b]9;hi\x07",
]  # fmt: skip


def dangerous(text: str) -> list[str]:
    """Characters that a terminal would act on or that hide."""
    return [
        char
        for char in text
        if (ord(char) < 32 and char not in "\n\t") or 0x7F <= ord(char) <= 0x9F or char in "\u202a\u202e\u2066\u2069\u200b\ufeff"
        or 0xE0000 <= ord(char) <= 0xE007F or 0xD800 <= ord(char) <= 0xDFFF
    ]  # fmt: skip


@pytest.mark.parametrize("payload", HOSTILE)
def test_payloads_lose_their_teeth_whole_and_split(payload: str) -> None:
    assert not dangerous(safe(payload))
    stream = SafeStream()
    pieces = "".join(stream.feed(char) for char in payload) + stream.close()
    assert not dangerous(pieces)
    assert pieces == safe(payload)


@pytest.mark.parametrize("text", ["naïve 你好 👩‍💻", "क्‍ष", "1️⃣ ok", "Ärger\tund\nmehr", "می‌خواهم", "❤️", "👍🏽", "葛\U000e0100"])
def test_what_scripts_and_emoji_need_is_kept(text: str) -> None:
    assert safe(text) == text
    stream = SafeStream()
    assert "".join(stream.feed(char) for char in text) + stream.close() == text


def test_controls_are_shown_as_their_pictures() -> None:
    assert safe("a\x1b[31m\x7f\x00") == "a␛[31m␡␀"
    assert safe("a\r\nb\u2028c") == "a\nb\nc"


def test_marks_are_thinned() -> None:
    assert safe("e" + "\u0301" * 40) == "e" + "\u0301" * MAX_MARKS
    assert len(safe("\u20dd" * 100_000)) <= MAX_MARKS


def test_one_line() -> None:
    assert safe_line("a\n b\t c") == "a b c"
    assert safe_line("x" * 50, 10) == "x" * 9 + "…"


def test_safe_text_is_made_once() -> None:
    once = safe("\x1b")
    assert SafeText(once) is once


@given(st.text(max_size=200))
@settings(deadline=None, derandomize=True, max_examples=300)
def test_any_text_becomes_harmless_and_stays_so(text: str) -> None:
    once = safe(text)
    assert not dangerous(once)
    assert safe(str(once)) == once


@given(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=60),
    st.text(alphabet="\x1b\x9b\x07[]0;a\u202e\U000e0041", max_size=30),
)
@settings(deadline=None, derandomize=True, max_examples=200)
def test_control_classes_do_not_care_about_the_cut(before: str, after: str) -> None:
    assert not dangerous(safe(before) + safe(after))


@given(st.recursive(st.text(max_size=20) | st.integers() | st.booleans() | st.none(), lambda inner: st.lists(inner, max_size=4)))
@settings(deadline=None, derandomize=True, max_examples=200)
def test_json_is_exact_and_harmless(value: object) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert not dangerous(text)


def test_surrogates_can_be_stored() -> None:
    assert storable("a\ud800b").encode() == "a\ufffdb".encode()
