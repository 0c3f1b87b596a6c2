"""Light or dark: what the terminal says of its background, and what it said the last time."""

from __future__ import annotations

import os
import re

from app.errors import SettingsError
from app.paths import appearance_file, private_folder

ASK = "\x1b]11;?\x1b\\"
"""Which background?"""
TELL_CHANGES, TELL_NO_MORE = "\x1b[?2031h", "\x1b[?2031l"
"""Have changes of it told."""
ASK_KEYS = "\x1b[?u"
"""Which of the keyboard protocol is on?"""
_COLOUR = re.compile(r"\x1b\]11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})")
_CHANGED = re.compile(r"\x1b\[\?997;[12]n")
_KEYS = re.compile(r"\x1b\[\?(\d+)u")
ALL_KEYS = 8
"""The flag of the keyboard protocol with which Shift+Enter is told from Enter for sure."""


def darkness(reply: str) -> bool | None:
    """Whether the background of an answer to ``ASK`` is dark; None if it is another answer."""
    found = _COLOUR.match(reply)
    if found is None:
        return None
    red, green, blue = (int(part, 16) / float(16 ** len(part) - 1) for part in found.groups())
    return bool(0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.5)


def changed(reply: str) -> bool:
    """Whether the terminal tells that its colours are others now."""
    return _CHANGED.match(reply) is not None


def tells_all_keys(reply: str) -> bool | None:
    """Whether the keyboard protocol tells every key apart; None if it is another answer."""
    found = _KEYS.match(reply)
    return bool(int(found[1]) & ALL_KEYS) if found is not None else None


def remembered() -> bool | None:
    """What it was when it was asked last; what the environment hints at; None if nobody knows."""
    try:
        text = appearance_file().read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        text = ""
    if text in ("dark", "light"):
        return text == "dark"
    hint = os.environ.get("COLORFGBG", "").rpartition(";")[2]
    return hint not in ("7", "15") if hint.isdigit() else None


def remember(dark: bool) -> None:
    """For the next start; nothing happens where it cannot be written."""
    try:
        private_folder(appearance_file().parent)
        appearance_file().write_text("dark\n" if dark else "light\n", encoding="ascii")
    except (OSError, SettingsError):
        return
