"""A document that grows: what cannot change any more is settled, only the rest is read again.

Whole lines decide what is settled: every block but the last one, and of the last one the items of a list, the rows of a table and
the lines of a code fence. What remains, and the line that is still being written, is a draft that the next flush replaces. Link
definitions may stand anywhere; blocks remember the labels they hold and are read again when one of them gets a meaning.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.text import safe
from app.ui.markdown.block import Block, Group
from app.ui.markdown.inline import Inline
from app.ui.markdown.nodes import Code, Item, Table
from app.ui.markdown.parse import Parsed, Top, bullet, code_lines, parser
from app.ui.markdown.rows import Row

Build = Callable[[Inline], Block]
"""Makes a block, or adds to the last one."""
_LISTS = ("bullet_list_open", "ordered_list_open")
MOST_OPEN = 600
"""Lines of a paragraph, quote or list item that never ends, after which it counts as ended: the rest is a block of its own."""
LONGEST_OPEN = 20_000
"""Characters, likewise; also of a single line. Such a paragraph is shown as plain text anyway."""


@dataclass(slots=True)
class _Open:
    """A block of which a part is settled. ``prefix`` is the source that makes the rest be read in its context."""

    prefix: list[str]
    block: Block | None = None
    group: Group | None = None
    number: int = 0
    markup: str = ""

    def marker(self, offset: int) -> str:
        """The marker of the item that comes ``offset`` items from now."""
        return f"{self.number + offset}{self.markup}" if self.markup else bullet(0)


class Document:
    """Markdown that arrives in pieces. ``append`` is cheap; ``flush`` brings ``blocks`` up to date."""

    def __init__(self, text: str = "") -> None:
        self.blocks: list[Block] = []
        self.done = False
        self._settled = 0
        self._lines: list[str] = []
        self._partial: list[str] = []
        self._hanging = 0
        self._fresh = False
        self._drafted = ""
        self._open: _Open | None = None
        self._final: dict[str, Any] = {}
        self._known: Mapping[str, Any] = {}
        self._owing: set[str] = set()
        self._holders: defaultdict[str, list[Block]] = defaultdict(list)
        self._width = 0
        self._ends: list[int] = []
        if text:
            self.append(text)

    # --- growing --------------------------------------------------------------------------------------------------------------

    def append(self, text: str) -> None:
        """More of the source. Nothing is read before ``flush``."""
        if "\n" not in text:
            self._partial.append(text)
            self._hanging += len(text)
            if self._hanging > LONGEST_OPEN and not self._in_code:
                self._lines.extend(safe_lines("".join(self._partial), whole=True))
                self._partial, self._hanging, self._fresh = [], 0, True
            return
        *complete, rest = "".join((*self._partial, text)).split("\n")
        for line in complete:
            self._lines.extend(safe_lines(line, whole=True))
        self._partial, self._hanging = [rest] if rest else [], len(rest)
        self._fresh = True

    @property
    def _in_code(self) -> bool:
        return self._open is not None and self._open.block is not None and isinstance(self._open.block.node, Code)

    def finish(self) -> None:
        """There is no more: the last line is whole, everything is settled."""
        if self.done:
            return
        self._lines.extend(safe_lines("".join(self._partial), whole=False))
        self._partial = []
        self._fresh, self.done = True, True
        self.flush()

    def flush(self) -> None:
        """Bring the blocks up to date with everything appended."""
        partial = safe_lines("".join(self._partial), whole=False) if self._partial else []
        builds: list[Build] = []
        first = self._settled - (1 if self._open and self._open.block else 0)
        if self._fresh:
            self._settle(builds)
            self._fresh = False
        for_good = len(builds)
        parsed = self._draft(partial, builds)
        references = parsed.references if parsed else self._final
        inline = Inline(parser(), references) if builds else None
        del self.blocks[self._settled :]
        for number, build in enumerate(builds):
            assert inline is not None
            inline.labels = set()
            block = build(inline)
            block.labels |= inline.labels
            if not self.blocks or self.blocks[-1] is not block:
                self.blocks.append(block)
            if number < for_good:
                self._settled = len(self.blocks)
                for label in inline.labels:
                    self._holders[label].append(block)
        self._changed(first)
        self._learn(references)

    def _changed(self, index: int) -> None:
        """Rows from block ``index`` on have to be counted again."""
        del self._ends[max(0, index) :]

    def _settle(self, builds: list[Build]) -> None:
        """Decide about the whole lines."""
        at = self._open
        prefix = at.prefix if at else []
        long = len(self._lines) > MOST_OPEN or sum(map(len, self._lines)) > LONGEST_OPEN
        parsed = Parsed([*prefix, *self._lines], self._final)
        tops = parsed.tops
        cut = len(prefix)
        if at is not None:
            cut, closed = self._go_on(at, parsed, tops[0], builds, more=len(tops) > 1 or self.done or long)
            tops = tops[1:]
            if closed:
                self._open = None
        if self._open is None and tops:
            for top in tops[:-1]:
                self._whole(parsed, top, builds)
                cut = top.end
            cut = self._last(parsed, tops[-1], cut, builds, long)
        rest = parsed.lines[cut:]
        self._final = parsed.found_before(cut) if not self.done else parsed.references
        self._lines = [] if self.done or not any(line.strip() for line in rest) else list(rest)

    def _go_on(self, at: _Open, parsed: Parsed, top: Top, builds: list[Build], *, more: bool) -> tuple[int, bool]:
        """Settle more of the open block: where the rest begins, and whether it has ended."""
        block, group = at.block, at.group
        if block is not None and isinstance(block.node, Code):
            closed = self.done or parsed.closed_fence(top)
            builds.append(_grow(block, parsed, top, closed=closed))
            return (top.end if closed else len(parsed.lines)), closed
        if block is not None:
            closed = self.done or top.end < len(parsed.lines)
            builds.append(_grow(block, parsed, top, closed=closed))
            return top.end, closed
        assert group is not None
        items = parsed.items(top)[1:]
        group.settled_loose = group.settled_loose or parsed.loose(items)
        ready = items if more else items[:-1]
        for offset, item in enumerate(ready):
            builds.append(_item(parsed, item, at.marker(offset), group, begins=False, prefix=at.prefix, keep=True))
        at.number += len(ready)
        if more:
            self._turn(at, None, [])
        return (top.end if more else items[-1].start), more

    def _last(self, parsed: Parsed, top: Top, cut: int, builds: list[Build], long: bool) -> int:
        """Settle what can be settled of the last block; where the rest begins."""
        if self.done or _ended(parsed, top) or (long and top.kind not in ("fence", "table_open")):
            self._whole(parsed, top, builds)
            return top.end
        if top.kind in ("fence", "table_open"):
            length = 1 if top.kind == "fence" else 2
            self._open = _Open(list(parsed.lines[top.start : top.start + length]))
            ended = top.kind != "fence" and top.end < len(parsed.lines)
            builds.append(_begin(parsed, top, self._open, closed=ended))
            if ended:
                self._open = None
            return len(parsed.lines) if top.kind == "fence" else top.end
        if top.kind in _LISTS and len(items := parsed.items(top)) > 1:
            self._open = at = _list(parsed, top)
            assert at.group is not None
            at.group.settled_loose = at.group.loose = parsed.loose(items)
            for offset, item in enumerate(items[:-1]):
                builds.append(_item(parsed, item, at.marker(offset), at.group, begins=offset == 0, prefix=at.prefix, keep=True))
            at.number += len(items) - 1
            return items[-1].start
        return cut

    def _draft(self, partial: list[str], builds: list[Build]) -> Parsed | None:
        """What stands behind the settled part for now."""
        at = self._open
        if not self._lines and not partial:
            if at and at.block:
                builds.append(_nothing(at.block))
            self._turn(at, None, [])
            return None
        parsed = Parsed([*(at.prefix if at else ()), *self._lines, *partial], self._final)
        tops = parsed.tops
        if at is not None:
            top, tops = tops[0], tops[1:]
            if at.block is not None:
                builds.append(_provisional(at.block, parsed, top))
            else:
                items = parsed.items(top)[1:]
                assert at.group is not None
                self._turn(at, parsed, items)
                for offset, item in enumerate(items):
                    builds.append(_item(parsed, item, at.marker(offset), at.group, begins=False, prefix=at.prefix, keep=False))
        for top in tops:
            self._whole(parsed, top, builds, keep=False)
        return parsed

    def _turn(self, at: _Open | None, parsed: Parsed | None, items: list[Top]) -> None:
        group = at.group if at else None
        if group is not None and group.turn(group.settled_loose or (parsed is not None and parsed.loose(items))):
            self._changed(next((index for index, block in enumerate(self.blocks) if block.group is group), 0))

    @staticmethod
    def _whole(parsed: Parsed, top: Top, builds: list[Build], *, keep: bool = True) -> None:
        if top.kind not in _LISTS:
            builds.append(_block(parsed, top))
            return
        items = parsed.items(top)
        at = _list(parsed, top)
        assert at.group is not None
        at.group.loose = at.group.settled_loose = parsed.loose(items)
        for offset, item in enumerate(items):
            builds.append(_item(parsed, item, at.marker(offset), at.group, begins=offset == 0, prefix=at.prefix, keep=keep))

    # --- definitions that come late ---------------------------------------------------------------------------------------------

    def _learn(self, references: Mapping[str, Any]) -> None:
        """Read the settled blocks again whose labels mean something else now."""
        before, self._known = self._known, references
        if not before and not references:
            return
        changed = {label for label in before.keys() ^ references.keys() if label in self._holders}
        for label in before.keys() & references.keys():
            if label in self._holders and before[label]["href"] != references[label]["href"]:
                self._owing.add(label)
        ready = {label for label in self._owing if label in self._final}
        self._owing -= ready
        for label in changed | ready:
            for block in self._holders[label]:
                self._read_again(block, references)

    def _read_again(self, block: Block, references: Mapping[str, Any]) -> None:
        parsed = Parsed(block.source, references)
        inline = Inline(parser(), references)
        if block.group is not None:
            found = parsed.items(parsed.tops[0])[1]
            assert isinstance(block.node, Item)
            marker = bullet(0) if block.node.task else block.node.marker
            block.node = parsed.item(found, marker, inline, loose=block.group.loose)
        elif isinstance(block.node, Table):
            again = parsed.node(parsed.tops[0], inline)
            assert isinstance(again, Table)
            extra = block.node.rows[block.settled :]
            block.node.header, block.node.rows[:] = again.header, [*again.rows, *extra]
        else:
            block.node = parsed.node(parsed.tops[0], inline)
        block.forget()
        self._changed(self.blocks.index(block))

    # --- rows -------------------------------------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """The text of all blocks."""
        return "\n\n".join(block.text for block in self.blocks)

    def height(self, width: int) -> int:
        """How many rows there are at that width."""
        if width != self._width:
            self._width = width
            self._ends.clear()
        for index in range(len(self._ends), len(self.blocks)):
            block = self.blocks[index]
            self._ends.append((self._ends[-1] if self._ends else 0) + block.gap(index) + len(block.rows(width)))
        return self._ends[-1] if self._ends else 0

    def row(self, number: int) -> Row | None:
        """Row ``number`` at the width last asked about; None is an empty row between two blocks."""
        index = bisect_right(self._ends, number)
        block = self.blocks[index]
        inside = number - (self._ends[index - 1] if index else 0) - block.gap(index)
        return None if inside < 0 else block.rows(self._width)[inside]

    def block_at(self, number: int) -> int:
        """The index of the block that row ``number`` belongs to."""
        return min(bisect_right(self._ends, number), max(0, len(self.blocks) - 1))

    def top_of(self, index: int) -> int:
        """The first row of block ``index``, without the gap before it."""
        return (self._ends[index - 1] if index else 0) + self.blocks[index].gap(index)


def _ended(parsed: Parsed, top: Top) -> bool:
    """Whether nothing that follows whole lines can change their last block."""
    if top.kind == "fence":
        return parsed.closed_fence(top)
    if top.kind in ("paragraph_open", "blockquote_open"):
        return top.end < len(parsed.lines) and not parsed.lines[top.end].strip()
    return top.kind in ("heading_open", "hr")


def safe_lines(raw: str, *, whole: bool) -> list[str]:
    """A line of source made safe; separators that are line breaks by another name make several of it."""
    if raw.endswith("\r"):
        raw = raw[:-1]
    lines = safe(raw).split("\n")
    return lines if whole or lines[-1] else lines[:-1]


# --- builds: what is done once all link definitions are known -----------------------------------------------------------------


def _block(parsed: Parsed, top: Top) -> Build:
    def build(inline: Inline) -> Block:
        node = parsed.node(top, inline)
        settled = len(node.lines) if isinstance(node, Code) else len(node.rows) if isinstance(node, Table) else 0
        return Block(node, source=tuple(parsed.lines[top.start : top.end]) if inline.labels else (), settled=settled)

    return build


def _item(parsed: Parsed, item: Top, marker: str, group: Group, *, begins: bool, prefix: list[str], keep: bool) -> Build:
    def build(inline: Inline) -> Block:
        node = parsed.item(item, marker, inline, loose=group.loose)
        source = (*prefix, *parsed.lines[item.start : item.end]) if inline.labels else ()
        block = Block(node, group, begins, source=source)
        if keep:
            group.blocks.append(block)
        return block

    return build


def _list(parsed: Parsed, top: Top) -> _Open:
    """An open list: a first item with a wide margin and a heading in it, so that the next line is read as the next item."""
    token = parsed.tokens[top.first]
    if token.type == "ordered_list_open":
        return _Open([f"1{token.markup}    #"], None, Group(), int(token.attrs.get("start", 1)), token.markup)
    return _Open([f"{token.markup}    #"], None, Group())


def _begin(parsed: Parsed, top: Top, at: _Open, *, closed: bool) -> Build:
    at.block = block = Block(Code())

    def build(inline: Inline) -> Block:
        node = parsed.node(top, inline)
        assert isinstance(node, Code | Table)
        node.closed = closed
        block.node, block.settled = node, len(node.lines if isinstance(node, Code) else node.rows)
        if isinstance(node, Table):
            block.source = tuple(parsed.lines[top.start : top.end])
        return block

    return build


def _grow(block: Block, parsed: Parsed, top: Top, *, closed: bool) -> Build:
    def build(inline: Inline) -> Block:
        if isinstance(block.node, Code):
            block.put(code_lines(parsed.tokens[top.first].content))
        else:
            block.source += tuple(parsed.lines[top.start + 2 : top.end])
            block.put(parsed.table(top.first, top.last, inline).rows)
        if closed:
            block.close()
        return block

    return build


def _provisional(block: Block, parsed: Parsed, top: Top) -> Build:
    def build(inline: Inline) -> Block:
        if isinstance(block.node, Code):
            block.put((), code_lines(parsed.tokens[top.first].content))
        else:
            block.put((), parsed.table(top.first, top.last, inline).rows)
        return block

    return build


def _nothing(block: Block) -> Build:
    def build(inline: Inline) -> Block:
        block.put(())
        return block

    return build
