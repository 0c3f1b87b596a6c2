"""The inside of a paragraph: markdown-it's inline tokens to runs, within a budget."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.text import safe
from app.ui.markdown.nodes import Run, Runs

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

References = Mapping[str, Mapping[str, Any]]

LONGEST = 20_000
"""Characters of one paragraph, heading or cell beyond which it is shown as plain text."""
MOST_SPECIAL = 1_200
"""Characters that could begin something, beyond which likewise."""

_SPECIAL = re.compile(r"[\\`*_\[\]<&!~]|[:@/]|\w\.\w|  \n")
_COUNTED = re.compile(r"[\\`*_\[\]<&!~]")
_BREAKS = re.compile(r" *\n *")
_LABEL = re.compile(r"\[((?:[^\[\]\\]|\\.){1,999})\]", re.DOTALL)
_OPENERS = {"strong_open": "strong", "em_open": "em", "s_open": "strike"}
_CLOSERS = {"strong_close": "strong", "em_close": "em", "s_close": "strike"}


class Inline:
    """Reads the text of leaf blocks, knowing the link definitions, and collects the labels that might mean one."""

    def __init__(self, parser: MarkdownIt, references: References) -> None:
        self._parser = parser
        self._environment: dict[str, Any] = {"references": references}
        self.labels: set[str] = set()

    def runs(self, content: str, style: str = "text") -> Runs:
        """The runs of one leaf's source."""
        if _SPECIAL.search(content) is None:
            return (Run(clean(_BREAKS.sub(" ", content)), style),) if content else ()
        if len(content) > LONGEST or len(_COUNTED.findall(content, 0, LONGEST)) > MOST_SPECIAL:
            return (Run(clean(_BREAKS.sub(" ", content)), style),)
        if "[" in content:
            from markdown_it.common.utils import normalizeReference

            self.labels.update(normalizeReference(found) for found in _LABEL.findall(content))
        return _runs(self._tokens(content), style)

    def _tokens(self, content: str) -> list[Token]:
        from markdown_it.rules_core import StateCore, linkify, text_join
        from markdown_it.token import Token

        token = Token("inline", "", 0, content=content, children=[])
        state = StateCore("", self._parser, self._environment)
        state.tokens = [token]
        assert token.children is not None
        self._parser.inline.parse(content, self._parser, self._environment, token.children)
        linkify(state)
        text_join(state)
        return token.children or []


def clean(text: str) -> str:
    """Text as one line of safe cells: entities may have brought anything."""
    if "\t" in text:
        text = text.replace("\t", "    ")
    return text if text.isascii() and text.isprintable() else safe(text).replace("\n", " ")


def _runs(tokens: list[Token], style: str) -> Runs:
    out: list[Run] = []
    words: list[str] = []
    links: list[str] = []
    for token in tokens:
        kind = token.type
        if kind == "text":
            _add(out, clean(token.content), style, words, links)
        elif kind == "softbreak":
            _add(out, " ", style, words, links)
        elif kind == "hardbreak":
            out.append(Run("\n", style))
        elif kind == "code_inline":
            _add(out, clean(token.content), style, [*words, "literal"], links)
        elif kind in _OPENERS:
            words.append(_OPENERS[kind])
        elif kind in _CLOSERS:
            words.remove(_CLOSERS[kind])
        elif kind == "link_open":
            links.append(str(token.attrs.get("href", "")))
        elif kind == "link_close":
            links.pop()
        elif kind == "image":
            target = [*links, str(token.attrs.get("src", ""))]
            _add(out, clean(_alt(token)) or "image", style, [*words, "image"], target)
        else:
            _add(out, clean(token.content), style, words, links)
    return tuple(out)


def _alt(token: Token) -> str:
    return "".join(child.content if child.type != "softbreak" else " " for child in token.children or [])


def _add(out: list[Run], text: str, style: str, words: list[str], links: list[str]) -> None:
    if not text:
        return
    link = links[-1] if links else ""
    full = " ".join((style, *dict.fromkeys(words), *(("link",) if link else ())))
    if out and out[-1].text != "\n" and out[-1].style == full and out[-1].link == link:
        out[-1] = Run(out[-1].text + text, full, link)
    else:
        out.append(Run(text, full, link))
