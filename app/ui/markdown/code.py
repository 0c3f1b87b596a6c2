"""Colours of code: pygments' tokens as a few style words. A lexer is used only if the fence names it; nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from app.ui.markdown.nodes import Run, Runs

WHOLE_LINES = 300
"""Up to so many lines code is coloured as a whole; longer code line by line, which costs the same however long it is."""
LONGEST_LINE = 2_000
"""Characters beyond which a line is not coloured."""

Colour = Callable[[str], list[Runs]]
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]{1,40}")
_WORDS = (
    ("Comment", "code comment"),
    ("Keyword", "code keyword"),
    ("Literal.String", "code string"),
    ("Literal.Number", "code number"),
    ("Name.Function", "code name"),
    ("Name.Class", "code name"),
    ("Name.Decorator", "code name"),
    ("Name.Tag", "code keyword"),
    ("Name.Attribute", "code name"),
    ("Name.Builtin", "code keyword"),
    ("Operator.Word", "code keyword"),
    ("Generic.Deleted", "code deleted"),
    ("Generic.Inserted", "code inserted"),
    ("Generic.Heading", "code keyword"),
    ("Generic.Subheading", "code keyword"),
)


def language_of(info: str) -> str:
    """The language a fence names, as it is shown."""
    found = _LANGUAGE.match(info.strip())
    return found[0] if found else ""


@lru_cache(64)
def colours(language: str) -> Colour | None:
    """What turns code of that language into one tuple of runs a line; None if the language is not known."""
    if not language:
        return None
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None

    def colour(text: str) -> list[Runs]:
        lines: list[list[Run]] = [[]]
        for kind, value in lexer.get_tokens(text):
            style = _style(str(kind))
            for number, piece in enumerate(value.split("\n")):
                if number:
                    lines.append([])
                if piece:
                    line = lines[-1]
                    if line and line[-1].style == style:
                        line[-1] = Run(line[-1].text + piece, style)
                    else:
                        line.append(Run(piece, style))
        return [tuple(line) for line in lines]

    return colour


@lru_cache(256)
def _style(kind: str) -> str:
    kind = kind.removeprefix("Token.")
    return next((style for name, style in _WORDS if kind.startswith(name)), "code")


def coloured(lines: list[str], language: str) -> list[Runs] | None:
    """One tuple of runs a line, or None where nothing is coloured. The text never changes by it."""
    colour = colours(language)
    if colour is None:
        return None
    if any(len(line) > LONGEST_LINE for line in lines):
        return None
    text = "\n".join(lines)
    out = colour(text)
    same = len(out) == len(lines) and all(
        "".join(run.text for run in runs) == line for runs, line in zip(out, lines, strict=False)
    )
    return out if same else None
