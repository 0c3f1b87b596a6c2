"""Tool tags inside answers, ``<tool id=…>name</tool>``: never shown, however they are cut (contract 6.6)."""

from __future__ import annotations

import re

_TAG = re.compile(r"<tool\s{1,8}id\s?=[^<>]{0,256}>[^<>]{0,256}</tool>")


def _beginnings(steps: tuple[str, ...]) -> str:
    """A pattern for everything that a tag made of ``steps`` could begin with."""
    pattern = ""
    for step in reversed(steps):
        pattern = f"(?:{step}{pattern})?"
    return pattern


_COULD = re.compile(
    "<" + _beginnings((*"tool", r"\s{1,8}", "i", "d", r"\s?", "=", "[^<>]{0,256}", ">", "[^<>]{0,256}", "<", "/", *"tool"))
)


class ToolTags:
    """Takes an answer in pieces and gives back what may be shown; ``close`` gives what was held back and was no tag after all."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """The next piece without tags; an unfinished tag at its end waits."""
        text = self._held + text
        out: list[str] = []
        at = 0
        self._held = ""
        while (start := text.find("<", at)) >= 0:
            out.append(text[at:start])
            if (tag := _TAG.match(text, start)) is not None:
                at = tag.end()
            elif _COULD.fullmatch(text, start) is not None:
                self._held = text[start:]
                return "".join(out)
            else:
                out.append("<")
                at = start + 1
        out.append(text[at:])
        return "".join(out)

    def close(self) -> str:
        """The rest."""
        held, self._held = self._held, ""
        return held


def stripped(text: str) -> str:
    """A whole answer without its tool tags."""
    if "<tool" not in text:
        return text
    tags = ToolTags()
    return tags.feed(text) + tags.close()
