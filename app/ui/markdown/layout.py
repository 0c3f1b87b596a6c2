"""Nodes to rows of a width."""

from __future__ import annotations

from rich.cells import cell_len

from app.ui.markdown.code import LONGEST_LINE, WHOLE_LINES, coloured
from app.ui.markdown.nodes import Code, Heading, Item, Listing, Node, Para, Plain, Quote, Rule, Run, Runs, Table
from app.ui.markdown.rows import UNBOUNDED, Margin, Row, fill, fold, joined, pieces
from app.ui.markdown.table import table_rows

BAR = "▏ "
TAB = 4


def lay(node: Node, width: int, margin: Margin | None = None) -> list[Row]:
    """The rows of a node, ``width`` cells wide."""
    margin = margin or Margin()
    match node:
        case Para() | Heading():
            return fill(node.runs, width, margin)
        case Plain():
            return plain_rows(node, width, margin)
        case Code():
            return [*code_head(node, margin), *code_rows(node, width, margin)]
        case Table():
            return table_rows(node, width, margin)
        case Rule():
            return [_rule(width, margin)]
        case Quote():
            bar = Run(BAR, "bar")
            return _children(node.children, width, margin.inside(width, bar, bar), gap=True)
        case Item():
            return _item(node, width, margin)
        case Listing():
            rows: list[Row] = []
            for number, item in enumerate(node.items):
                if number and node.loose:
                    rows.append(_blank(margin))
                rows.extend(_item(item, width, margin))
            return rows


def text_of(node: Node) -> str:
    """The text of a node without padding, decoration or wrapping."""
    return joined(lay(node, UNBOUNDED))


def plain_rows(node: Plain, width: int, margin: Margin) -> list[Row]:
    """Text line by line."""
    rows: list[Row] = []
    for line in node.text.split("\n"):
        rows.extend(fill((Run(line.expandtabs(TAB), node.style),) if line else (), width, margin))
    return rows


def code_head(node: Code, margin: Margin) -> list[Row]:
    """The label of a code block, if it has one."""
    if not node.language:
        return []
    front, _ = margin.take()
    return [Row((*front, Run(BAR, "bar"), Run(node.language, "label")), end=None)]


def code_rows(node: Code, width: int, margin: Margin, start: int = 0, stop: int | None = None) -> list[Row]:
    """The lines of a code block from ``start`` up to ``stop``; colours come when a row is looked at."""
    bar = Run(BAR, "bar")
    margin = margin.inside(width, bar, bar)
    paint = _Paint(node)
    rows: list[Row] = []
    for number in range(start, len(node.lines) if stop is None else stop):
        cuts = fold(node.lines[number].expandtabs(TAB), margin.room(width))
        for index, cut in enumerate(cuts):
            front, lead = margin.take()
            rows.append(CodeRow(paint, number, cut, front, lead, "" if index < len(cuts) - 1 else "\n"))
    return rows


class _Paint:
    """The colours of one code block: of the whole once it is closed and small, else of single lines."""

    __slots__ = ("_closed", "_node", "_whole")

    def __init__(self, node: Code) -> None:
        self._node = node
        self._whole: list[Runs] | None = None
        self._closed = node.closed

    def plain(self, number: int) -> str:
        """The characters of one line."""
        return self._node.lines[number].expandtabs(TAB)

    def line(self, number: int) -> Runs:
        """The runs of one line."""
        node = self._node
        if self._closed and len(node.lines) <= WHOLE_LINES:
            if self._whole is None:
                lines = [line.expandtabs(TAB) for line in node.lines]
                self._whole = coloured(lines, node.language) or [(Run(line, "code"),) for line in lines]
            return self._whole[number]
        text = self.plain(number)
        found = coloured([text], node.language) if len(text) <= LONGEST_LINE else None
        return found[0] if found else (Run(text, "code"),)


class CodeRow(Row):
    """A row of code that is coloured when it is drawn for the first time."""

    __slots__ = ("_cut", "_front", "_number", "_paint", "_seen")

    def __init__(self, paint: _Paint, number: int, cut: tuple[int, int], front: Runs, lead: int, end: str) -> None:
        self._paint = paint
        self._number = number
        self._cut = cut
        self._front = front
        self._seen: Runs | None = None
        self.lead = lead
        self.end = end
        self.mark = ""

    @property
    def runs(self) -> Runs:  # type: ignore[override]
        """What is drawn."""
        if self._seen is None:
            self._seen = (*self._front, *next(pieces(self._paint.line(self._number), [self._cut])))
        return self._seen

    @property
    def drawn(self) -> str:
        """All of its characters; asking for them colours nothing."""
        start, end = self._cut
        return "".join(run.text for run in self._front) + self._paint.plain(self._number)[start:end]


def _rule(width: int, margin: Margin) -> Row:
    front, _ = margin.take()
    if width >= UNBOUNDED:
        return Row((*front, Run("---", "bar")), sum(len(run.text) for run in front))
    return Row((*front, Run("─" * margin.room(width), "bar")), end=None)


def _item(node: Item, width: int, margin: Margin) -> list[Row]:
    size = cell_len(node.marker) + 1
    margin = margin.inside(width, Run(f"{node.marker} ", "mark"), Run(" " * size, "text"), text=True)
    return _children(node.children, width, margin, gap=node.loose)


def _children(children: list[Node], width: int, margin: Margin, *, gap: bool) -> list[Row]:
    rows: list[Row] = []
    for number, child in enumerate(children):
        if number and gap:
            rows.append(_blank(margin))
        rows.extend(lay(child, width, margin))
    return rows or fill((), width, margin)


def _blank(margin: Margin) -> Row:
    front, _ = margin.take()
    return Row(front, sum(len(run.text) for run in front))
