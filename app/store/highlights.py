"""Where the words of a search stand in a text, without regard to case, width and accents."""

from __future__ import annotations

import re
import unicodedata

_CJK = (
    "\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u3100-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
RUN = re.compile(f"[{_CJK}]+")
PIECE = re.compile(f"[{_CJK}]+|[^{_CJK}]+")
ASKED = re.compile(r'"([^"]*)"?|(\S+)')
WORD = re.compile(r"[^\W_]", re.UNICODE)
FOLDED = 40_000
"""Characters of a text without a plain match that are looked at with accents taken off."""

Span = tuple[int, int]


def pattern(words: str, *, folded: bool = True) -> re.Pattern[str] | None:
    """What finds any of the words in ``fold``-ed text: whole words, the last as a beginning; None if there are none.

    Not ``folded`` it is for text as it is; then only the case does not matter.
    """
    found: list[str] = []
    asked = ASKED.findall(words)
    for number, (quoted, word) in enumerate(asked):
        last = number == len(asked) - 1 and not words.endswith(('"', " "))
        tokens = [
            token
            for piece in PIECE.findall(fold(quoted or word) if folded else quoted or word)
            for token in re.findall(r"[^\W_]+", piece)
        ]
        for at, group in enumerate([tokens] if quoted else [[token] for token in tokens]):
            if not group:
                continue
            spelt = r"[\W_]*".join(map(re.escape, group)) if RUN.search("".join(group)) else r"[\W_]+".join(map(re.escape, group))
            head = "" if RUN.match(group[0]) else r"(?<![^\W_])"
            end = last and at == (0 if quoted else len(tokens) - 1)
            tail = "" if end or RUN.fullmatch(group[-1]) else r"(?![^\W_])"
            found.append(head + spelt + tail)
    return re.compile("|".join(sorted(found, key=len, reverse=True)), 0 if folded else re.IGNORECASE) if found else None


def fold(text: str) -> str:
    """Without case, width and accents."""
    if text.isascii():
        return text.lower()
    return "".join(_fold(char) for char in text)


def _fold(char: str) -> str:
    if char.isascii():
        return char.lower()
    if RUN.match(char):
        return unicodedata.normalize("NFKC", char)
    return "".join(c for c in unicodedata.normalize("NFKD", char).casefold() if not unicodedata.combining(c))


def spans(text: str, words: str) -> list[Span]:
    """Start and end of every find in ``text``."""
    wanted = pattern(words)
    if wanted is None or not text:
        return []
    if text.isascii():
        return [match.span() for match in wanted.finditer(text.lower()) if match[0]]
    places: list[int] = []
    folded: list[str] = []
    for at, char in enumerate(text):
        one = _fold(char)
        folded.append(one)
        places.extend([at] * len(one))
    places.append(len(text))
    return [(places[match.start()], places[match.end() - 1] + 1) for match in wanted.finditer("".join(folded)) if match[0]]


def excerpt(text: str, words: str, size: int = 160) -> str:
    """About ``size`` characters of the original around the first find, on one line; the beginning if nothing is found."""
    at = _first(text, words)
    start = max(0, at - size // 4)
    if start:
        space = text.find(" ", start, at)
        start = space + 1 if space > 0 else start
    line = " ".join(text[start : start + size].split())
    return f"{'…' if start else ''}{line}{'…' if start + size < len(text) else ''}"


def _first(text: str, words: str) -> int:
    wanted = pattern(words)
    if wanted is None:
        return 0
    found = wanted.search(text.lower()) if text.isascii() or len(text.lower()) == len(text) else None
    if found is not None:
        return found.start()
    marked = spans(text[:FOLDED], words) if not text.isascii() else []
    return marked[0][0] if marked else 0
