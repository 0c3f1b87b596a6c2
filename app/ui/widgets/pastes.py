"""A large paste in a text is one short word; the text that is sent has all of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

LINES, CHARACTERS = 12, 2_000
"""A paste of as many lines, or more characters, becomes a word."""
OWN_LINES, OWN_CHARACTERS = 200, 20_000
"""A text that comes back whole (a draft, a file of the editor) becomes one only from here on."""
_WORD = re.compile(r"\[pasted [\d,]+ (?:lines|characters)(?: #\d+)?\]")
Span = tuple[int, int]
"""Where a paste begins in the whole text, and its length, in characters."""


class Pastes:
    """The pastes of one composer by their words. A word that was deleted is kept: undo may bring it back."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def word(self, text: str) -> str:
        """The word for this paste."""
        lines = text.count("\n") + 1
        label = f"pasted {lines:,} lines" if lines > 1 else f"pasted {len(text):,} characters"
        word, number = f"[{label}]", 1
        while self._texts.get(word, text) != text:
            number += 1
            word = f"[{label} #{number}]"
        self._texts[word] = text
        return word

    def taken(self, text: str) -> str:
        """What stands in the composer for something pasted: itself, or its word if it is large."""
        return self.word(text) if text.count("\n") + 1 >= LINES or len(text) > CHARACTERS else text

    def back(self, text: str, spans: Sequence[Span] = ()) -> str:
        """What stands in the composer for a whole text, with the pastes that it was made of."""
        if spans:
            shown, at = [], 0
            for start, length in spans:
                shown += [text[at:start], self.word(text[start : start + length])]
                at = start + length
            return "".join([*shown, text[at:]])
        return self.word(text) if text.count("\n") + 1 >= OWN_LINES or len(text) > OWN_CHARACTERS else text

    def text_of(self, word: str) -> str:
        """The paste of a word."""
        return self._texts[word]

    def words(self, shown: str) -> list[tuple[int, int, str]]:
        """Start, end and word of each paste in a text."""
        return [(found.start(), found.end(), found[0]) for found in _WORD.finditer(shown) if found[0] in self._texts]

    def whole(self, shown: str) -> tuple[str, list[Span]]:
        """The whole text, and where the pastes are in it."""
        if not self._texts:
            return shown, []
        parts: list[str] = []
        spans: list[Span] = []
        at = length = 0
        for start, end, word in self.words(shown):
            paste = self._texts[word]
            length += start - at
            parts += [shown[at:start], paste]
            spans.append((length, len(paste)))
            length, at = length + len(paste), end
        return "".join([*parts, shown[at:]]), spans
