"""The rows of the browser: what a description's columns show, and paths as a tree."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from app import resource_cells as cells
from app import resource_values as values
from app.resource_models import Object, Resource
from app.ui.widgets.rows import Cell, Column, Row

FOLDER = "folder "
"""How the key of a folder's row begins; no id has a space."""
RULE = "│ "
_STATES = {"running": "agent", "processing": "agent", "terminated": "failed", "rescheduling": "needs", "canceling": "needs"}


def columns(resource: Resource) -> list[Column]:
    """The widths of the list; what has no width of its own shares what is left."""
    return [
        Column(width=one.width, share=0 if one.width else 3 if number == 0 else 2, right=one.right, from_width=one.from_width)
        for number, one in enumerate(resource.columns)
    ]


def row(resource: Resource, thing: Object, *, label: str = "") -> Row:
    """One thing."""
    made = []
    for number, column in enumerate(resource.columns):
        text = label if label and number == 0 else cells.cell(column, thing)
        role = "strong" if number == 0 else _STATES.get(text, "") if column.title == "status" else "quiet"
        if column.form in ("archived", "redacted"):
            role = "needs"
        made.append(Cell(text, role))
    return Row(values.ident(resource, thing), tuple(made))


def fits(resource: Resource, thing: Object, wanted: str) -> bool:
    """Whether all the words stand in what is shown of it."""
    shown = " ".join((values.ident(resource, thing), *(cells.cell(column, thing) for column in resource.columns))).casefold()
    return all(word in shown for word in wanted.casefold().split())


def flat(resource: Resource, things: Sequence[Object]) -> list[Row]:
    """One line each."""
    return [row(resource, thing) for thing in things]


def tree(resource: Resource, things: Sequence[Object], folded: Collection[str]) -> list[Row]:
    """Folders with what is in them, indented; what lies in a folded one is left out."""
    rows: list[Row] = []
    seen: set[str] = set()
    for thing in sorted(things, key=lambda one: values.label(resource, one)):
        *folders, name = values.label(resource, thing).split("/")
        hidden = False
        for depth in range(len(folders)):
            path = "/".join(folders[: depth + 1])
            if path not in seen and not hidden:
                seen.add(path)
                sign = "▸" if path in folded else "▾"
                rows.append(Row(FOLDER + json.dumps(path), (Cell(f"{RULE * depth}{sign} {folders[depth]}/", "agent"),)))
            hidden = hidden or path in folded
        if not hidden:
            rows.append(row(resource, thing, label=f"{RULE * len(folders)}{name}"))
    return rows


def folder(key: str) -> str:
    """The path of a folder's row; "" for any other."""
    return str(json.loads(key.removeprefix(FOLDER))) if key.startswith(FOLDER) else ""
