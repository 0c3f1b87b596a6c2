"""SafeText: the one way foreign text becomes displayable.

Whatever came from a server, a file, the clipboard or the keyboard's paste is hostile until it went through here. The rules look
at single code points (only joiners, variation selectors and runs of combining marks look at their neighbours), so a payload
split over deltas is as harmless as a whole one.

* C0 controls but LF and TAB, and DEL, become their control pictures (ESC is shown as ``␛``).
* C1 controls, bidirectional controls, lone surrogates and noncharacters become U+FFFD.
* Zero-width and tag characters are removed; U+2028 and U+2029 become line breaks.
* ZWJ, ZWNJ and variation selectors stay where a script or an emoji needs them.
* At most ``MAX_MARKS`` combining marks stay on one character.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

MAX_MARKS = 8
"""Combining marks that one character may carry."""

_C0 = "\x00-\x08\x0b-\x1f\x7f"
_C1 = "\x80-\x9f"
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_ZERO_WIDTH = "\u200b\u2060-\u2065\u206a-\u206f\ufeff\u180b-\u180f\u00ad\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"
_INTERLINEAR = "\ufff9-\ufffb"
_JOINERS = "\u200c\u200d"
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_TAGS = "\U000e0000-\U000e00ff"
_SURROGATES = "\ud800-\udfff"
_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
_SEPARATORS = "\u2028\u2029"

_FOREIGN = re.compile(
    f"[{_C0}{_C1}{_BIDI}{_ZERO_WIDTH}{_INTERLINEAR}{_JOINERS}{_SELECTORS}{_TAGS}{_SURROGATES}{_NONCHARACTERS}{_SEPARATORS}]"
)
_MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u06d6-\u06ed\u0e31-\u0e4e\u1ab0-\u1aff"
    "\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]" + f"{{{MAX_MARKS + 1}}}"
)
_LOOK = re.compile(f"{_FOREIGN.pattern}|{_MARKS.pattern}")
_SURROGATE = re.compile(f"[{_SURROGATES}]")
_REMOVED = re.compile(f"[{_ZERO_WIDTH}{_TAGS}]")
_INVISIBLE_IN_JSON = f"[\x7f{_C1}{_BIDI}{_ZERO_WIDTH}{_INTERLINEAR}{_JOINERS}{_TAGS}{_SURROGATES}{_NONCHARACTERS}{_SEPARATORS}]"


class SafeText(str):
    """A string that a terminal cannot be hurt by. ``SafeText(x)`` sanitises; concatenation gives a plain ``str`` again."""

    __slots__ = ()

    def __new__(cls, text: object = "") -> SafeText:
        """Sanitise ``text``; one that is safe already is returned as it is."""
        if type(text) is cls:
            return text
        return super().__new__(cls, _clean(str(text)))


def safe(text: object) -> SafeText:
    """Make any text displayable, keeping its line breaks and tabs."""
    return SafeText(text)


def safe_line(text: object, limit: int = 300) -> SafeText:
    """Make any text displayable on one line of at most ``limit`` characters (an ellipsis tells that more followed)."""
    line = " ".join(_clean(str(text)[: limit * 4]).split())
    return SafeText(line if len(line) <= limit else line[: limit - 1] + "…")


def storable(text: str) -> str:
    """The same text with lone surrogates replaced: what a database and a UTF-8 file can hold."""
    return _SURROGATE.sub("\ufffd", text)


def json_text(value: Any, *, indent: int | None = None) -> str:
    """``value`` as JSON that is exact for a program and harmless on a screen: control and invisible characters are escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return re.sub(_INVISIBLE_IN_JSON, lambda match: json.dumps(match[0])[1:-1], text)


def _clean(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    if _LOOK.search(text) is None:
        return text
    text = text.replace("\r\n", "\n")
    if _MARKS.search(text) is not None:
        text = _MARKS.sub(lambda match: match[0][:MAX_MARKS], _thin(text))
    source = text
    return _FOREIGN.sub(lambda match: _replacement(match[0], source, match.start()), source)


def _thin(text: str) -> str:
    """Drop what exceeds ``MAX_MARKS`` combining marks in a row."""
    out: list[str] = []
    run = 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me") else 0
        if run <= MAX_MARKS:
            out.append(char)
    return "".join(out)


def _replacement(char: str, text: str, at: int) -> str:
    point = ord(char)
    if point < 0x20:
        return chr(0x2400 + point)
    if point == 0x7F:
        return "\u2421"
    if char in "\u2028\u2029":
        return "\n"
    if char in "\u200c\u200d":
        return char if _joins(text, at) else ""
    if 0xFE00 <= point <= 0xFE0F or 0xE0100 <= point <= 0xE01EF:
        return char if at and _takes_selector(text[at - 1]) else ""
    return "" if _REMOVED.match(char) else "\ufffd"


def _joins(text: str, at: int) -> bool:
    """Whether a joiner at ``at`` stands between two characters that use one."""
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if not before or not after:
        return False
    if text[at] == "\u200d" and (_is_emoji(before) or before == "\ufe0f") and _is_emoji(after):
        return True
    return _is_joining_script(before) and _is_joining_script(after)


def _is_emoji(char: str) -> bool:
    return (
        unicodedata.category(char) in ("So", "Sk")
        or char in "\u2640\u2642\u2695\u2696\u2708\u2764"
        or 0x1F000 <= ord(char) <= 0x1FAFF
    )


def _is_joining_script(char: str) -> bool:
    point = ord(char)
    return 0x0600 <= point <= 0x08FF or 0x0900 <= point <= 0x0DFF or 0x1780 <= point <= 0x18AF or 0x1000 <= point <= 0x109F


def _takes_selector(char: str) -> bool:
    category = unicodedata.category(char)
    return category in ("So", "Sk", "Sm", "Po", "Nd", "No", "Lo") or 0x2000 <= ord(char) <= 0x33FF


class SafeStream:
    """Sanitises text that comes in pieces: joiners see their neighbours across a cut, everything else goes out at once."""

    def __init__(self) -> None:
        self._before = ""
        self._held = ""

    def feed(self, text: str) -> SafeText:
        """The displayable form of the next piece; a trailing joiner or CR waits for what follows it."""
        text = self._held + text
        cut = len(text)
        while cut and text[cut - 1] in "\u200c\u200d\r":
            cut -= 1
        text, self._held = text[:cut], text[cut:]
        return self._out(text)

    def close(self) -> SafeText:
        """What was held back."""
        text, self._held = self._held, ""
        return self._out(text)

    def _out(self, text: str) -> SafeText:
        known = len(_clean(self._before))
        out = _clean(self._before + text)[known:]
        self._before = text[-1:] or self._before
        return str.__new__(SafeText, out)
