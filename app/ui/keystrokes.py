"""Keys as terminals spell them, where Textual's parser does not read them; and pastes of terminals that do not say so."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable

from textual import events
from textual._xterm_parser import XTermParser
from textual.keys import Keys
from textual.message import Message

_XTERM = re.compile(r"\x1b\[27;(\d+);(\d+)~")
_KITTY = re.compile(
    r"\x1b\[(?P<code>\d+)(?::[\d:]*)?(?P<modifiers>;\d*)?(?::(?P<event>\d+))?(?P<text>;[\d:]*)?(?P<end>[u~ABCDEFHPQRS])"
)
"""A key of the kitty protocol, with the other keys of its place and the kind of event, which Textual does not read."""
_LOCK = re.compile(r"\x1b\[(?:57358|57359|57360)(?:[;:][\d;:]*)?u")
_RELEASED = "3"
ALT_ENTER = "\x1b\r"
MANY = 64
"""Characters in one read that nobody types."""
GOES_ON = 0.05
"""Seconds in which the rest of such a paste follows."""


class Replied(Message):
    """The terminal answered a question of ours; ``text`` is its sequence."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class KeyParser(XTermParser):
    """Textual's parser, and Enter with Alt, xterm's own way to tell modified keys, kitty's alternate keys; no lock keys."""

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
        if sequence == ALT_ENTER:
            return (events.Key("alt+enter", None),)
        xterm, kitty = _XTERM.fullmatch(sequence), _KITTY.fullmatch(sequence)
        if xterm is not None:
            sequence = f"\x1b[{xterm[2]};{xterm[1]}u"
        elif kitty is not None:
            if kitty["event"] == _RELEASED or _LOCK.fullmatch(sequence):
                return (events.Key(Keys.Ignore, sequence),)
            sequence = f"\x1b[{kitty['code']}{kitty['modifiers'] or ''}{kitty['text'] or ''}{kitty['end']}"
        try:
            return list(super()._sequence_to_key_events(sequence, alt))
        except (ValueError, OverflowError):
            return (events.Key(Keys.Ignore, sequence),)


class Bursts:
    """Tells typing from a paste that a terminal passes on as typing: its line ends must not send anything."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._last = float("-inf")

    def pasted(self, typed: str) -> bool:
        """Several lines in one read, or more of the same right after, are no typing. ``typed`` has no escape sequences."""
        now = self._now()
        lines = len(typed) >= MANY and re.search(r"[\r\n].", typed, re.DOTALL) is not None
        if "\x1b" in typed or not (lines or (now - self._last < GOES_ON and len(typed) > 1)):
            return False
        self._last = now
        return True
