"""What a terminal sends, sorted: keys and pastes go on, its answers to questions are never typed.

A terminal answers queries (its title, its version, a colour, the clipboard) on the same line that keys come in by. Whoever can
make it answer could type. So whole answers are dropped here, however they are cut into pieces, before anything looks at keys.
A paste ends at the last end mark of its burst: one that hides an end mark cannot type what follows it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from textual import constants
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._xterm_parser import (
    SPECIAL_SEQUENCES,
    _re_cursor_position,
    _re_extended_key,
    _re_in_band_window_resize,
    _re_mouse_event,
    _re_terminal_mode_response,
)

START, END = "\x1b[200~", "\x1b[201~"
MODES = ("2026", "2048")
"""The modes that we ask about ourselves."""
PASTE_GAP = 0.03
"""Seconds of silence after which a paste's end mark was its last."""
ANSWER_GAP = 0.5
"""Seconds of silence after which an answer that did not end has ended."""
LONGEST = 64 * 1024 * 1024

_PLAIN = re.compile("[^\x1b\x80-\x9f]+")
_CSI = re.compile(r"(?:\x1b\[|\x9b)(?:\[[A-E]|M[\s\S]{3}|[0-?]*[ -/]*[@-L N-~]|[0-?]+[ -/]*M)")
_CSI_BEGUN = re.compile(r"(?:\x1b\[|\x9b)(?:\[|M[\s\S]{0,2}|[0-?]*[ -/]*)?\Z")
_STRING = re.compile("\x1b[P\\]^_X]|[\x90\x98\x9d\x9e\x9f]")
_STRING_END = re.compile("\x07|\x9c|\x18|\x1a|\x1b\\\\|\x1b")
_SS3 = re.compile(r"\x1bO[\s\S]")


@dataclass(frozen=True, slots=True)
class Typed:
    """Keys as the terminal spells them; ``alone`` is the escape key itself, which nothing follows."""

    text: str
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Pasted:
    """The whole of a paste."""

    text: str


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer to a question of ours: the background's colour, the state of the keyboard or of the colours."""

    text: str


Token = Typed | Pasted | Answered
_ASKED = re.compile(r"\x1b\[\?(?:\d+u|997;[12]n)")
_BACKGROUND = re.compile(r"11;rgba?:[0-9a-fA-F/]{3,19}")
BODY = 40
"""Characters of an answer that are looked at."""


class Sorter:
    """Takes what was read, gives what was meant. ``quiet`` is to be called when nothing came for ``patience`` seconds."""

    def __init__(self) -> None:
        self._held = ""
        """An escape sequence that has not ended yet, or the introducer of an answer."""
        self._answering = False
        self._said = False
        """Whether the answer has begun to say anything."""
        self._body = ""
        """How it begins, as far as it may be one of ours."""
        self._paste: list[str] | None = None
        self._size = 0
        self._ended = False
        """Whether the paste has had an end mark; ``_held`` is what came after it."""
        self.dropped = 0

    @property
    def patience(self) -> float | None:
        """Seconds after which silence means something; None if it means nothing."""
        if self._ended:
            return PASTE_GAP
        if self._paste is not None:
            return None
        if self._answering:
            return ANSWER_GAP if self._said else constants.ESCAPE_DELAY
        if self._held:
            return constants.ESCAPE_DELAY if len(self._held) <= 2 else ANSWER_GAP
        return None

    def quiet(self) -> list[Token]:
        """Nothing came for ``patience`` seconds."""
        if self._ended:
            return self._paste_is_over()
        if self._paste is not None:
            return []
        held, self._held = self._held, ""
        if self._answering:
            self._answering = False
            if self._said:
                return []
            return [Typed(held)] if held.startswith("\x1b") else []
        if held == "\x1b":
            return [Typed(held, alone=True)]
        if len(held) > 2:
            self.dropped += 1
            return []
        return [Typed(held)] if held else []

    def feed(self, text: str) -> list[Token]:
        """What is known to be a key or a paste after ``text`` came."""
        out: list[Token] = []
        while text or self._held:
            if self._paste is not None:
                text = self._pasting(text)
                if not text:
                    break
            text = self._held + text if not self._answering or self._held == "\x1b" else text
            if not self._answering:
                self._held = ""
            rest = self._answer(text, out) if self._answering else self._key(text, out)
            if rest is None:
                break
            text = rest
        return out

    # --- keys -------------------------------------------------------------------------------------------------------------------

    def _key(self, text: str, out: list[Token]) -> str | None:
        """Take one thing off the front; None if it has to wait for more."""
        if not text:
            return None
        found = _PLAIN.match(text)
        if found is not None:
            out.append(Typed(found[0]))
        elif text.startswith(START):
            self._paste, self._size = [], 0
            return text[len(START) :] or None
        elif (found := _STRING.match(text)) is not None:
            self._answering, self._said, self._held = True, False, found[0]
            self._body = "" if found[0] == "\x1b]" else "?"
            self.dropped += 1
        elif (found := _CSI.match(text)) is not None:
            self._sequence(found[0], out)
        elif _CSI_BEGUN.match(text) is not None or text in ("\x1b", "\x1bO"):
            self._held = text
            return None
        elif (found := _SS3.match(text)) is not None:
            if found[0] in ANSI_SEQUENCES_KEYS:
                out.append(Typed(found[0]))
        elif text.startswith("\x1b\x1b"):
            out.append(Typed("\x1b", alone=True))
            return text[1:]
        elif text[0] == "\x1b":
            # A key with Alt, or a control sequence that no terminal sends: its introducer goes, what follows stands for itself.
            out.append(Typed(text[:2]))
            return text[2:] or None
        else:
            return text[1:] or None
        return text[found.end() :] or None

    def _sequence(self, text: str, out: list[Token]) -> None:
        if text[0] == "\x1b" and _is_key(text):
            out.append(Typed(text))
        elif _ASKED.fullmatch(text) is not None:
            out.append(Answered(text))
        else:
            self.dropped += 1

    def _answer(self, text: str, out: list[Token]) -> str | None:
        """Drop what an answer says, unless it was asked for; what follows it is left."""
        found = _STRING_END.search(text)
        said = text if found is None else text[: found.start()]
        self._body = (self._body + said.removeprefix("\x1b"))[:BODY]
        if found is not None and found[0] in ("\x07", "\x1b\\") and _BACKGROUND.fullmatch(self._body) is not None:
            out.append(Answered(f"\x1b]{self._body}"))
        if found is None:
            self._said = self._said or bool(text)
            self._held = "" if self._said else self._held
            return None
        if found[0] == "\x1b":
            if found.end() == len(text):
                self._said, self._held = True, "\x1b"
                return None
            self._answering, self._held = False, ""
            return text[found.start() :]
        self._answering, self._held = False, ""
        return text[found.end() :] or None

    # --- pastes -----------------------------------------------------------------------------------------------------------------

    def _pasting(self, text: str) -> str:
        """Collect; what follows the paste is left once it is known to be over (see ``quiet``)."""
        assert self._paste is not None
        text, self._held = self._held + text, ""
        at = text.rfind(END)
        if at >= 0:
            self._keep(text[:at] if not self._ended else END + text[:at])
            self._ended, self._held = True, text[at + len(END) :]
        elif self._ended:
            self._held = text
        else:
            cut = next((len(text) - size for size in range(min(5, len(text)), 0, -1) if END.startswith(text[-size:])), len(text))
            self._keep(text[:cut])
            self._held = text[cut:]
        return ""

    def _keep(self, text: str) -> None:
        assert self._paste is not None
        self._size += len(text)
        if self._size <= LONGEST:
            self._paste.append(text)

    def _paste_is_over(self) -> list[Token]:
        text = "".join(self._paste or ()).replace(START, "").replace(END, "")
        rest, self._held, self._paste, self._ended = self._held, "", None, False
        return [Pasted(text), *self.feed(rest)]


def _is_key(text: str) -> bool:
    """Whether a control sequence is a key, the mouse, the focus, a size, or an answer that we wait for."""
    if _re_cursor_position.fullmatch(text):
        return False
    if text in ANSI_SEQUENCES_KEYS or text in SPECIAL_SEQUENCES:
        return text not in (START, END)
    mode = _re_terminal_mode_response.fullmatch(text)
    if mode is not None:
        return mode["mode_id"] in MODES
    return any(kind.fullmatch(text) for kind in (_re_extended_key, _re_in_band_window_resize, _re_mouse_event))
