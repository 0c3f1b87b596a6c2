"""Block structure: source lines to markdown-it's tokens, and those to nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from app.ui.markdown.code import language_of
from app.ui.markdown.inline import Inline
from app.ui.markdown.nodes import Code, Heading, Item, Listing, Node, Para, Plain, Quote, Rule, Run, Runs, Table

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MOST_COLUMNS = 64
"""Columns of a table that are shown; nobody reads more of them in a terminal."""
DEEPEST = 40
"""Levels of nesting (a list counts two) from which on a block is shown as its source."""
_ALLOWED = ("http://", "https://", "mailto:")
_BULLETS = "•◦▪"
_BOXES = {"[ ]": "☐", "[x]": "☑", "[X]": "☑"}


@lru_cache(1)
def parser() -> MarkdownIt:
    """GitHub-flavoured, HTML as text, links to the web and to mail addresses only."""
    from markdown_it import MarkdownIt

    class Parser(MarkdownIt):
        def validateLink(self, url: str) -> bool:
            return url.lower().startswith(_ALLOWED)

    return Parser("gfm-like", {"html": False, "maxNesting": DEEPEST + 2})


@dataclass(slots=True)
class Top:
    """A block at the top: its tokens from ``first`` to ``last``, its lines from ``start`` up to ``end``."""

    kind: str
    first: int
    last: int
    start: int
    end: int


class Parsed:
    """Lines of source, understood as blocks. ``references`` are those that were known and those found."""

    def __init__(self, lines: Sequence[str], known: Mapping[str, Any]) -> None:
        self.lines = lines
        self.references: dict[str, Any] = dict(known)
        self._known = known
        self.tokens: list[Token] = []
        environment: dict[str, Any] = {"references": self.references}
        md = parser()
        md.block.parse("".join(f"{line}\n" for line in lines), md, environment, self.tokens)
        self.tops = list(self._tops())

    def _tops(self) -> Iterator[Top]:
        first = 0
        for index, token in enumerate(self.tokens):
            if token.level == 0:
                if token.nesting == 1:
                    first = index
                elif token.nesting == 0:
                    yield Top(token.type, index, index, *_span(token))
                else:
                    yield Top(self.tokens[first].type, first, index, *_span(self.tokens[first]))

    def items(self, top: Top) -> list[Top]:
        """The items of a list at the top."""
        found: list[Top] = []
        first = 0
        for index in range(top.first + 1, top.last):
            token = self.tokens[index]
            if token.level == 1 and token.type in ("list_item_open", "list_item_close"):
                if token.nesting == 1:
                    first = index
                else:
                    found.append(Top("list_item_open", first, index, *_span(self.tokens[first])))
        return found

    def loose(self, items: Sequence[Top]) -> bool:
        """Whether blank lines stand between these items or between the blocks within one."""
        for number, item in enumerate(items):
            if number and self._blank(item.start - 1):
                return True
            for token in self.tokens[item.first + 1 : item.last]:
                begins = token.level == 2 and token.nesting >= 0 and token.map
                if begins and begins[0] > item.start and self._blank(begins[0] - 1):
                    return True
        return False

    def _blank(self, line: int) -> bool:
        return 0 <= line < len(self.lines) and not self.lines[line].strip()

    def found_before(self, line: int) -> dict[str, Any]:
        """The definitions of what was known and of what stands before that line."""
        return {label: found for label, found in self.references.items() if label in self._known or found["map"][0] < line}

    def closed_fence(self, top: Top) -> bool:
        """Whether a code fence has its end."""
        return self.tokens[top.first].content.count("\n") < top.end - top.start - 1

    # --- nodes --------------------------------------------------------------------------------------------------------------

    def node(self, top: Top, inline: Inline) -> Node:
        """What a block is."""
        if self._too_deep(top.first, top.last):
            return Plain("\n".join(self.lines[top.start : top.end]))
        return next(self._nodes(top.first, top.last + 1, inline))

    def item(self, item: Top, marker: str, inline: Inline, *, loose: bool) -> Item:
        """An item of a list at the top, with its number or bullet."""
        if self._too_deep(item.first, item.last):
            return Item(marker, [Plain("\n".join(self.lines[item.start : item.end]))], loose)
        return _item(marker, list(self._nodes(item.first + 1, item.last, inline, 1)), loose=loose)

    def _too_deep(self, first: int, last: int) -> bool:
        return any(token.level >= DEEPEST for token in self.tokens[first : last + 1])

    def _nodes(self, first: int, stop: int, inline: Inline, depth: int = 0) -> Iterator[Node]:
        """The nodes of the tokens from ``first`` up to ``stop``; ``depth`` counts the lists around them."""
        index = first
        while index < stop:
            token = self.tokens[index]
            last = self._close(index)
            match token.type:
                case "paragraph_open":
                    yield Para(inline.runs(self.tokens[index + 1].content))
                case "heading_open":
                    yield Heading(int(token.tag[1]), inline.runs(self.tokens[index + 1].content, "heading"))
                case "fence":
                    yield Code(language_of(token.info), code_lines(token.content))
                case "code_block":
                    yield Code("", code_lines(token.content))
                case "hr":
                    yield Rule()
                case "blockquote_open":
                    yield Quote(list(self._nodes(index + 1, last, inline, depth)))
                case "bullet_list_open" | "ordered_list_open":
                    yield self._listing(index, last, inline, depth)
                case "table_open":
                    yield self.table(index, last, inline)
            index = last + 1

    def _close(self, index: int) -> int:
        token = self.tokens[index]
        if token.nesting != 1:
            return index
        level = token.level
        index += 1
        while self.tokens[index].level != level or self.tokens[index].nesting != -1:
            index += 1
        return index

    def _listing(self, first: int, last: int, inline: Inline, depth: int) -> Listing:
        token = self.tokens[first]
        ordered = token.type == "ordered_list_open"
        number = int(token.attrs.get("start", 1)) if ordered else 0
        loose = any(
            inner.type == "paragraph_open" and inner.level == token.level + 2 and not inner.hidden
            for inner in self.tokens[first:last]
        )
        items: list[Item] = []
        index = first + 1
        while index < last:
            close = self._close(index)
            marker = f"{number + len(items)}{token.markup}" if ordered else bullet(depth)
            items.append(_item(marker, list(self._nodes(index + 1, close, inline, depth + 1)), loose=loose))
            index = close + 1
        return Listing(items, loose)

    def table(self, first: int, last: int, inline: Inline) -> Table:
        """The table of these tokens."""
        aligns: list[str] = []
        rows: list[tuple[Runs, ...]] = []
        cells: list[Runs] = []
        for token in self.tokens[first:last]:
            if token.type == "th_open":
                aligns.append(str(token.attrs.get("style", "")).removeprefix("text-align:") or "left")
            elif token.type == "inline" and len(cells) < MOST_COLUMNS:
                cells.append(inline.runs(token.content, "text" if rows else "head"))
            elif token.type == "tr_close":
                rows.append(tuple(cells))
                cells = []
        if len(aligns) > MOST_COLUMNS:
            rows[0] = (*rows[0][:-1], (Run(f"… and {len(aligns) - MOST_COLUMNS + 1} more", "head"),))
        return Table(tuple(aligns[:MOST_COLUMNS]), rows[0], rows[1:])


def bullet(depth: int) -> str:
    """The bullet of an unordered list within so many others."""
    return _BULLETS[min(depth, 2)]


def code_lines(content: str) -> list[str]:
    """The lines of a code token."""
    lines = content.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _span(token: Token) -> tuple[int, int]:
    return (token.map[0], token.map[1]) if token.map else (0, 0)


def _item(marker: str, children: list[Node], *, loose: bool) -> Item:
    """A task's box takes the bullet's place."""
    first = children[0] if children else None
    if isinstance(first, Para) and first.runs and marker in _BULLETS:
        head = first.runs[0]
        box = _BOXES.get(head.text[:3])
        if box and head.style == "text" and (head.text[3:4] == " " or (len(head.text) == 3 and len(first.runs) == 1)):
            children[0] = Para((head._replace(text=head.text[4:]), *first.runs[1:]))
            return Item(box, children, loose)
    return Item(marker, children, loose)
