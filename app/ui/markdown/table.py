"""Tables: columns that fit, cells that wrap, and one record a row where even that is too narrow."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from app.ui.markdown.nodes import Run, Runs, Table
from app.ui.markdown.rows import UNBOUNDED, Margin, Row, fill

GAP = 2
"""Cells between columns."""
NARROWEST_COLUMN = 5
MEASURED_ROWS = 1_000
"""Rows that decide the widths; what comes later wraps."""


def table_rows(table: Table, width: int, margin: Margin, columns: Sequence[int] | None = None) -> list[Row]:
    """The rows of a table; ``columns`` are widths found earlier."""
    if width >= UNBOUNDED:
        return [_plain(cells, margin) for cells in (table.header, *table.rows)]
    columns = columns if columns is not None else fit(table, margin.room(width))
    if not columns:
        rows: list[Row] = []
        for number, cells in enumerate(table.rows or [()]):
            rows.extend(_record(table, cells, width, margin, first=number == 0))
        return rows
    return [*head_rows(table, columns, margin), *body_rows(table, columns, margin)]


def head_rows(table: Table, columns: Sequence[int], margin: Margin) -> list[Row]:
    """The header and the line under it."""
    rows = _cells(table.header, table.aligns, columns, margin)
    front, _ = margin.take()
    rows.append(Row((*front, Run("─" * (sum(columns) + GAP * (len(columns) - 1)), "bar")), end=None))
    return rows


def body_rows(table: Table, columns: Sequence[int], margin: Margin, start: int = 0, stop: int | None = None) -> list[Row]:
    """The rows of cells from ``start`` up to ``stop``."""
    rows: list[Row] = []
    for cells in table.rows[start:stop]:
        rows.extend(_cells(cells, table.aligns, columns, margin))
    return rows


def fit(table: Table, room: int) -> tuple[int, ...]:
    """The width of each column; none if they cannot stand side by side."""
    count = len(table.header)
    spare = room - GAP * (count - 1)
    if count == 0 or spare < NARROWEST_COLUMN * count:
        return ()
    wanted = [1] * count
    for cells in (table.header, *table.rows[:MEASURED_ROWS]):
        for index, cell in enumerate(cells[:count]):
            wanted[index] = max(wanted[index], _cell_width(cell))
    if sum(wanted) <= spare:
        return tuple(wanted)
    given = [0] * count
    open_columns = set(range(count))
    while open_columns:
        share = (spare - sum(given)) // len(open_columns)
        small = {index for index in open_columns if wanted[index] <= share}
        if not small:
            for index in open_columns:
                given[index] = max(NARROWEST_COLUMN, share)
            break
        for index in small:
            given[index] = wanted[index]
        open_columns -= small
    return tuple(given) if sum(given) <= spare else ()


def _cell_width(runs: Runs) -> int:
    if not any(run.text == "\n" for run in runs):
        return sum(cell_len(run.text) for run in runs)
    return max((cell_len(line) for line in "".join(run.text for run in runs).split("\n")), default=0)


def _cells(cells: Sequence[Runs], aligns: Sequence[str], columns: Sequence[int], margin: Margin) -> list[Row]:
    filled = [fill(cell, size, Margin()) for cell, size in zip(cells, columns, strict=False)]
    height = max((len(rows) for rows in filled), default=1)
    out: list[Row] = []
    for number in range(height):
        runs: list[Run] = []
        pad = 0
        for index, size in enumerate(columns):
            content = filled[index][number].runs if index < len(filled) and number < len(filled[index]) else ()
            used = sum(cell_len(run.text) for run in content)
            left = {"right": size - used, "center": (size - used) // 2}.get(aligns[index], 0)
            if pad + left > 0:
                runs.append(Run(" " * (pad + left)))
            runs.extend(content)
            pad = size - used - left + GAP
        front, lead = margin.take()
        out.append(Row((*front, *runs), lead))
    return out


def _record(table: Table, cells: Sequence[Runs], width: int, margin: Margin, *, first: bool) -> list[Row]:
    rows: list[Row] = []
    if not first:
        front, _ = margin.take()
        rows.append(Row(front, sum(len(run.text) for run in front)))
    for index, header in enumerate(table.header):
        cell = cells[index] if index < len(cells) else ()
        rows.extend(fill((*header, Run("  ", "text"), *cell), width, margin))
    return rows


def _plain(cells: Sequence[Runs], margin: Margin) -> Row:
    front, lead = margin.take()
    text = "\t".join("".join(run.text for run in cell).replace("\n", " ") for cell in cells)
    return Row((*front, Run(text)), lead)
