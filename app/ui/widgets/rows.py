"""A list of rows drawn line by line: ten thousand cost what one screenful costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar, overload

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from app.text import SafeText, safe_line

MARK = "┃ "
NO_MARK = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """How wide a column is: ``width`` cells, or a share of what is left (``share``). Left out below ``from_width`` cells."""

    width: int = 0
    share: int = 0
    right: bool = False
    from_width: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """A text in a role: ``quiet``, ``strong``, ``needs``, ``failed``, ``agent``, ``person`` or plain."""

    text: str
    role: str = ""
    hits: tuple[tuple[int, int], ...] = ()
    """What of ``text`` is marked: start and end, in characters of what is drawn."""

    @property
    def safe(self) -> SafeText:
        """What is drawn."""
        return safe_line(self.text)


@dataclass(frozen=True, slots=True)
class Row:
    """One line. ``heading`` rows group others, a ``detail`` row belongs to the one above it; neither can be chosen."""

    key: str
    cells: tuple[Cell, ...]
    heading: bool = False
    detail: bool = False

    @property
    def still(self) -> bool:
        """Whether the cursor passes it by."""
        return self.heading or self.detail


class Drawn(Sequence[Row]):
    """Rows that are made when they are looked at: ``keys`` are all there, ``make`` is handed the number of one."""

    def __init__(self, keys: Sequence[str], make: Callable[[int], Row]) -> None:
        self._keys = keys
        self._make = make
        self._places: dict[str, int] | None = None

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return [self._make(one) for one in range(*index.indices(len(self)))]
        return self._make(range(len(self))[index])

    def place(self, key: str) -> int | None:
        """The number of the row of that key."""
        if self._places is None:
            self._places = {known: number for number, known in enumerate(self._keys)}
        return self._places.get(key)


def _place(rows: Sequence[Row], key: str) -> int | None:
    if isinstance(rows, Drawn):
        return rows.place(key)
    return next((number for number, row in enumerate(rows) if row.key == key), None)


class Rows(ScrollView, can_focus=True):
    """The list. It reports what was highlighted and chosen; whoever owns it decides."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "rows--plain",
        "rows--quiet",
        "rows--hit",
        "rows--strong",
        "rows--needs",
        "rows--failed",
        "rows--agent",
        "rows--person",
        "rows--heading",
        "rows--cursor",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", id="rows.up", show=False, tooltip="The row above"),
        Binding("down,j", "move(1)", "Down", id="rows.down", show=False, tooltip="The row below"),
        Binding("pageup", "page(-1)", "Page up", id="rows.page_up", show=False, tooltip="A screenful up"),
        Binding("pagedown", "page(1)", "Page down", id="rows.page_down", show=False, tooltip="A screenful down"),
        Binding("home,g", "edge(-1)", "First", id="rows.first", show=False, tooltip="The first row"),
        Binding("end,G", "edge(1)", "Last", id="rows.last", show=False, tooltip="The last row"),
        Binding("enter", "choose", "Open", id="rows.open", show=False, tooltip="Open the row"),
    ]

    cursor: reactive[int] = reactive(0, always_update=True)

    class Highlighted(Message):
        """The cursor stands on another row (``key`` is "" in an empty list)."""

        def __init__(self, rows: Rows, key: str) -> None:
            super().__init__()
            self.rows = rows
            self.key = key

        @property
        def control(self) -> Rows:
            """The list."""
            return self.rows

    class Chosen(Message):
        """A row was opened."""

        def __init__(self, rows: Rows, key: str) -> None:
            super().__init__()
            self.rows = rows
            self.key = key

        @property
        def control(self) -> Rows:
            """The list."""
            return self.rows

    def __init__(self, columns: Sequence[Column], *, id: str | None = None, empty: str = "") -> None:
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._rows: Sequence[Row] = []
        self._empty = empty
        self._told = ""

    # --- what it shows -----------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> Sequence[Row]:
        """What is listed."""
        return self._rows

    @property
    def key(self) -> str:
        """The key of the row under the cursor; "" if there is none."""
        return self._rows[self.cursor].key if 0 <= self.cursor < len(self._rows) else ""

    def show(self, rows: Sequence[Row], *, empty: str | None = None, keep: bool = True) -> None:
        """List these; the cursor stays with its row's key (``keep``) or goes to the first."""
        known = self.key if keep else ""
        self._rows = rows
        if empty is not None:
            self._empty = empty
        self.virtual_size = Size(self.size.width, len(self._rows))
        wanted = _place(rows, known) if known else None
        self.cursor = wanted if wanted is not None else self._selectable(0, 1)
        self.refresh()

    def divide(self, columns: Sequence[Column]) -> None:
        """Other columns from now on, and no rows until some are shown."""
        self._columns = tuple(columns)
        self.show([], empty="", keep=False)

    def put_cursor(self, key: str) -> None:
        """Move the cursor to the row of that key."""
        place = _place(self._rows, key)
        if place is not None:
            self.cursor = place

    # --- moving --------------------------------------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """One row up or down."""
        self.cursor = self._selectable(self.cursor + step, step)

    def action_page(self, step: int) -> None:
        """A screenful."""
        self.cursor = self._selectable(self.cursor + step * max(1, self.size.height - 1), step)

    def action_edge(self, step: int) -> None:
        """To an end."""
        self.cursor = self._selectable(len(self._rows) - 1 if step > 0 else 0, -step)

    def action_choose(self) -> None:
        """Open the row under the cursor."""
        if self.key:
            self.post_message(self.Chosen(self, self.key))

    def _selectable(self, index: int, step: int) -> int:
        """The nearest row at or after ``index`` in the direction of ``step`` that can be chosen."""
        index = int(max(0, min(index, len(self._rows) - 1)))
        direction = 1 if step >= 0 else -1
        candidates = chain(range(index, len(self._rows) if direction > 0 else -1, direction), range(index, -1, -1))
        for candidate in candidates:
            if 0 <= candidate < len(self._rows) and not self._rows[candidate].still:
                return candidate
        return next((found for found, row in enumerate(self._rows) if not row.still), 0)

    def watch_cursor(self) -> None:
        """Keep it in sight and say where it stands."""
        if self._rows:
            self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False)
        self.refresh()
        if self.key != self._told:
            self._told = self.key
            self.post_message(self.Highlighted(self, self.key))

    async def _on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        while 0 < index < len(self._rows) and self._rows[index].detail:
            index -= 1
        if 0 <= index < len(self._rows) and not self._rows[index].still:
            again = index == self.cursor
            self.cursor = index
            if again or event.chain > 1:
                self.action_choose()

    def on_resize(self) -> None:
        """Lines follow the width."""
        if self._rows:
            self.virtual_size = Size(self.size.width, len(self._rows))

    # --- drawing -------------------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        width = self.size.width
        index = y + self.scroll_offset.y
        if index >= len(self._rows):
            text = f"  {self._empty}" if y == 0 and not self._rows else ""
            return Strip([Segment(set_cell_size(text, width), self.get_component_rich_style("rows--quiet"))])
        row = self._rows[index]
        if row.heading:
            style = self.get_component_rich_style("rows--heading")
            return Strip([Segment(set_cell_size(f" {row.cells[0].safe}", width), style)])
        if row.detail:
            segments = [Segment("    ", self.get_component_rich_style("rows--plain"))]
            return Strip([*segments, *self._cell(row.cells[0], width - 4, right=False)])
        here = index == self.cursor
        strip = Strip(self._segments(row, width, here=here))
        return strip.apply_style(self.get_component_rich_style("rows--cursor")) if here and self.has_focus else strip

    def _segments(self, row: Row, width: int, *, here: bool) -> list[Segment]:
        mark = self.get_component_rich_style("rows--person" if here else "rows--plain")
        segments = [Segment(MARK if here else NO_MARK, mark)]
        for (column, size), cell in zip(self._widths(width - 2), row.cells, strict=False):
            if not size:
                continue
            segments += self._cell(cell, size, right=column.right)
        used = sum(segment.cell_length for segment in segments)
        segments.append(Segment(" " * max(0, width - used), self.get_component_rich_style("rows--plain")))
        return segments

    def _cell(self, cell: Cell, size: int, *, right: bool) -> list[Segment]:
        """A text in exactly ``size`` cells, with what was found in it marked."""
        text = cell.safe
        if cell_len(text) > size - 1:
            text = SafeText(set_cell_size(text, max(0, size - 2)).rstrip() + "…")
        pad = " " * max(0, size - cell_len(text))
        before, after = (pad[:-1], pad[-1:]) if right else ("", pad)
        style, found = self.get_component_rich_style(f"rows--{cell.role or 'plain'}"), self.get_component_rich_style("rows--hit")
        segments, at = [Segment(before, style)] if before else [], 0
        for start, end in cell.hits:
            start, end = min(start, len(text)), min(end, len(text))
            segments += [Segment(text[at:start], style), Segment(text[start:end], found)]
            at = max(at, end)
        return [one for one in (*segments, Segment(text[at:] + after, style)) if one.text]

    def _widths(self, width: int) -> list[tuple[Column, int]]:
        shown = [column for column in self._columns if width >= column.from_width]
        left = width - sum(column.width for column in shown)
        shares = sum(column.share for column in shown) or 1
        return [
            (column, 0 if column not in shown else column.width or max(4, left * column.share // shares))
            for column in self._columns
        ]
