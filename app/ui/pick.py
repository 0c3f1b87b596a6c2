"""A dialog with a filter and a list: something is picked from what fits the words."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from app.resource_cells import size_words
from app.text import safe_line
from app.ui import background
from app.ui.widgets.rows import Cell, Column, Row, Rows

Source = Callable[[str], Coroutine[Any, Any, Sequence[Row]]]
"""From what was typed to the rows that fit it."""
MOST = 1_000
"""Entries of one folder that are listed."""


class PickDialog(ModalScreen[str | None]):
    """Type to narrow, Enter takes the row under the cursor; None if nothing was taken."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", "Down", id="pick.down", tooltip="The row below", priority=True),
        Binding("up", "move(-1)", "Up", id="pick.up", tooltip="The row above", priority=True),
        Binding("escape", "leave", "Leave", id="pick.leave", tooltip="Take none"),
    ]

    def __init__(self, title: str, source: Source, *, columns: Sequence[Column] = (Column(share=1),), typed: str = "") -> None:
        super().__init__()
        self._title = safe_line(title, 200)
        self._source = source
        self._columns = columns
        self._typed = typed

    def compose(self) -> ComposeResult:
        """Title, filter, list."""
        with Vertical(classes="dialog -tall"):
            yield Static(Content.styled(self._title, "bold"))
            field = Input(self._typed, id="line")
            field.cursor_blink = False
            yield field
            rows = Rows(self._columns, id="options", empty="Nothing fits.")
            rows.can_focus = False
            yield rows
            keys = (("enter", "take it"), ("↑ ↓", "move"), ("esc", "leave"))
            shown = [Content.assemble((key, "bold"), " ", (what, "$text-muted")) for key, what in keys]
            yield Static(Content("   ").join(shown), classes="dialog-keys")

    def on_mount(self) -> None:
        """Show what fits."""
        self._look()

    def _look(self) -> None:
        background.start(self, self._fill, group="look", exclusive=True)

    async def _fill(self) -> None:
        self.query_one(Rows).show(await self._source(self.query_one("#line", Input).value))

    @on(Input.Changed, "#line")
    def narrow(self) -> None:
        """What fits now."""
        self._look()

    @on(Input.Submitted, "#line")
    @on(Rows.Chosen)
    def take(self) -> None:
        """The row under the cursor."""
        self.taken(self.query_one("#line", Input).value, self.query_one(Rows).key)

    def taken(self, typed: str, key: str) -> None:
        """Done with it."""
        if key:
            self.dismiss(key)

    def action_move(self, step: int) -> None:
        """Another row, without leaving the filter."""
        self.query_one(Rows).action_move(step)

    def action_leave(self) -> None:
        """None of them."""
        self.dismiss(None)


class FileDialog(PickDialog):
    """A file: folders are gone into, a path can be typed or pasted. The result is its path."""

    def __init__(self, start: Path, question: str, typed: str = "") -> None:
        self._start = start
        columns = (Column(share=1), Column(width=9, right=True))
        super().__init__(question, self._entries, columns=columns, typed=typed)

    def _split(self, typed: str) -> tuple[Path, str]:
        """The folder that is meant, and the beginning of a name in it."""
        text = os.path.expanduser(typed.strip().strip("'\""))  # noqa: PTH111
        folder, _, name = text.rpartition("/")
        return self._start / (folder + "/" if folder or text.startswith("/") else ""), name

    async def _entries(self, typed: str) -> Sequence[Row]:
        folder, name = self._split(typed)
        return await asyncio.to_thread(_listed, folder, name)

    def taken(self, typed: str, key: str) -> None:
        """A folder is gone into; a file is it."""
        folder, name = self._split(typed)
        path = folder / name
        chosen = Path(key) if key and not (name and path.is_file()) else path
        if chosen.is_dir():
            field = self.query_one("#line", Input)
            field.value = f"{chosen}/"
            field.cursor_position = len(field.value)
        elif chosen.is_file():
            self.dismiss(str(chosen))


def _listed(folder: Path, name: str) -> list[Row]:
    """Folders first; hidden ones only when their dot was typed."""
    found: list[tuple[bool, str, Path, int]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if name.casefold() not in entry.name.casefold() or (entry.name.startswith(".") and not name.startswith(".")):
                    continue
                try:
                    state = entry.stat()
                except OSError:
                    continue
                if stat.S_ISDIR(state.st_mode) or stat.S_ISREG(state.st_mode):
                    found.append((stat.S_ISREG(state.st_mode), entry.name, Path(entry.path), state.st_size))
                if len(found) >= MOST:
                    break
    except OSError:
        return []
    begin = name.casefold()
    found.sort(key=lambda one: (one[0], not one[1].casefold().startswith(begin), one[1].casefold()))
    return [_row(*one) for one in found]


def _row(plain: bool, label: str, path: Path, size: int) -> Row:
    if not plain:
        return Row(str(path), (Cell(f"{label}/", "agent"), Cell("")))
    return Row(str(path), (Cell(label), Cell(size_words(size), "quiet")))
