"""Blocks: a node, its rows at the width it was last laid out for, and a place in a list if it is an item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from app.ui.markdown.code import WHOLE_LINES
from app.ui.markdown.layout import code_head, code_rows, lay, text_of
from app.ui.markdown.nodes import Code, Item, Node, Table
from app.ui.markdown.rows import Margin, Row
from app.ui.markdown.table import body_rows, fit, head_rows

FREEZE_AFTER = 20
"""Rows of a streaming table after which its columns stay as wide as they are until it ends."""


@dataclass(slots=True, eq=False)
class Group:
    """The items of one list at the top: loose or tight together."""

    settled_loose: bool = False
    loose: bool = False
    blocks: list[Block] = field(default_factory=list)

    def turn(self, loose: bool) -> bool:
        """Make all items loose or tight; whether that was a change."""
        if loose == self.loose:
            return False
        self.loose = loose
        for block in self.blocks:
            if isinstance(block.node, Item):
                block.node.loose = loose
                block.forget()
        return True


@dataclass(slots=True, eq=False)
class Block:
    """One block at the top of a document, or one item of a list there."""

    node: Node
    group: Group | None = None
    begins: bool = True
    """Whether it is the first item of its list."""
    labels: frozenset[str] = frozenset()
    """Link labels in it that a definition may give a meaning."""
    source: tuple[str, ...] = ()
    """Its lines, where ``labels`` make it necessary to read them again."""
    settled: int = 0
    """Lines or rows of a growing block that will not change."""
    _rows: list[Row] | None = None
    _solid: int = 0
    _width: int = 0
    _columns: tuple[int, ...] | None = None

    @property
    def text(self) -> str:
        """Its text, as it is copied: without padding, decoration or wrapping."""
        return text_of(self.node)

    def gap(self, index: int) -> int:
        """Empty rows before it, when it is the document's block number ``index``."""
        if index == 0:
            return 0
        return int(self.group.loose) if self.group is not None and not self.begins else 1

    def forget(self) -> None:
        """The rows are of no use any more."""
        self._rows = None

    def rows(self, width: int) -> list[Row]:
        """Its rows at that width. They keep their identity as long as nothing about them changes."""
        if self._rows is None or self._width != width:
            self._width = width
            self._rows = self._lay(width)
        return self._rows

    def _lay(self, width: int) -> list[Row]:
        node = self.node
        if isinstance(node, Table):
            self._columns = fit(node, width)
            if not self._columns:
                self._solid = 0
                return lay(node, width)
            rows = head_rows(node, self._columns, Margin())
            return self._tail(rows, self._more(width, 0, self.settled), width)
        if isinstance(node, Code) and not node.closed:
            rows = code_head(node, Margin())
            return self._tail(rows, self._more(width, 0, self.settled), width)
        return lay(node, width)

    def _tail(self, rows: list[Row], solid: list[Row], width: int) -> list[Row]:
        rows.extend(solid)
        self._solid = len(rows)
        rows.extend(self._more(width, self.settled, self._size))
        return rows

    @property
    def _content(self) -> list[Any]:
        return self.node.lines if isinstance(self.node, Code) else self.node.rows if isinstance(self.node, Table) else []

    @property
    def _size(self) -> int:
        return len(self._content)

    def _more(self, width: int, start: int, stop: int) -> list[Row]:
        if start >= stop:
            return []
        if isinstance(self.node, Code):
            return code_rows(self.node, width, Margin(), start, stop)
        assert isinstance(self.node, Table) and self._columns
        return body_rows(self.node, self._columns, Margin(), start, stop)

    # --- growing ------------------------------------------------------------------------------------------------------------

    def put(self, settled: Sequence[Any], provisional: Sequence[Any] = ()) -> None:
        """Add lines (of code) or rows (of a table): some for good, after them some until the next call."""
        content = self._content
        before = self.settled
        del content[before:]
        content.extend(settled)
        self.settled = len(content)
        content.extend(provisional)
        if self._rows is None:
            return
        if isinstance(self.node, Table):
            frozen = before > FREEZE_AFTER and self._columns
            if not frozen and (not self._columns or fit(self.node, self._width) != self._columns):
                self.forget()
                return
        del self._rows[self._solid :]
        self._tail(self._rows, self._more(self._width, before, self.settled), self._width)

    def close(self) -> None:
        """Nothing more comes: the whole decides about colours and columns."""
        node = self.node
        if isinstance(node, Code):
            del node.lines[self.settled :]
            again = not node.closed and len(node.lines) <= WHOLE_LINES
            node.closed = True
            if again:
                self.forget()
        elif isinstance(node, Table):
            del node.rows[self.settled :]
            node.closed = True
            if self._rows is not None and fit(node, self._width) != self._columns:
                self.forget()
