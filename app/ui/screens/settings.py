"""The settings: what can be chosen, and the keys; written into config.toml with its comments kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from app.errors import ParlourError
from app.models import Json
from app.text import safe_line
from app.ui import keymap
from app.ui.dialogs import AskLine, ChooseDialog
from app.ui.notices import WAYS
from app.ui.requests import GoBack, SettingsChanged
from app.ui.screens.base import Place
from app.ui.themes import ANSI, AUTO, CONTRAST
from app.ui.widgets.rows import Cell, Column, Row, Rows


@dataclass(frozen=True, slots=True)
class Option:
    """One thing to choose: its place in the file, and each value with the words for it, the usual one first."""

    table: str
    name: str
    what: str
    values: tuple[tuple[Json, str], ...]


YES_NO: tuple[tuple[Json, str], ...] = ((True, "on"), (False, "off"))
THEMES = (
    (AUTO, "light or dark as the terminal"), ("dark", "dark"), ("light", "light"), (CONTRAST, "high contrast, as the terminal"),
    ("contrast-dark", "high contrast, dark"), ("contrast-light", "high contrast, light"), (ANSI, "the terminal's own 16 colours"),
)  # fmt: skip
WORDS = {
    "auto": "what this terminal is known to understand", "bell": "a bell", "osc9": "OSC 9 (iTerm2, WezTerm, Ghostty, Windows)",
    "osc777": "OSC 777 (foot, rxvt)", "osc99": "OSC 99 (kitty)", "off": "not at all",
}  # fmt: skip
OPTIONS = (
    Option("ui", "theme", "Theme", THEMES),
    Option("ui", "animations", "Animations", YES_NO),
    Option("ui", "mouse", "Mouse", ((True, "ours: wheel and clicks"), (False, "the terminal's: it selects as everywhere"))),
    Option("ui", "enter", "Enter", (("send", "sends; ctrl+j is a new line"), ("newline", "is a new line; ctrl+j sends"))),
    Option("notify", "by", "Notify by", tuple((way, WORDS[way]) for way in WAYS)),
    Option("notify", "after", "Notify of ends after", tuple((seconds, f"{seconds} seconds") for seconds in (20, 5, 60, 300))),
)


FIRST = ("prompt", "talk", "transcript", "app")
"""Whose keys stand first."""


def _group(name: str) -> tuple[int, str]:
    owner = name.partition(".")[0]
    return (FIRST.index(owner) if owner in FIRST else len(FIRST), owner)


def words(option: Option, chosen: Mapping[str, Json]) -> str:
    """What an option is set to."""
    value = chosen.get(option.name, option.values[0][0])
    return next((said for one, said in option.values if one == value), safe_line(str(value), 60))


class SettingsScreen(Place):
    """A list: Enter chooses another value, or other keys."""

    AUTO_FOCUS = "#list"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="settings.back", tooltip="Back to where you were"),
        Binding("d", "doctor", "Doctor", id="settings.doctor", tooltip="What terminal, keyring, network and database can do"),
        Binding("backspace,delete", "reset", "As it was", id="settings.reset", tooltip="The program's own choice or keys again"),
    ]

    def content(self) -> Iterable[Widget]:
        """The list."""
        yield Rows([Column(width=24), Column(width=20), Column(share=1)], id="list")

    def on_mount(self) -> None:
        """Show what is set; the keys take a moment."""
        self._known: Mapping[str, keymap.Bound] = {}
        self.title_bar.show(Content.assemble(("Parlour", "bold"), "  settings"), "", safe_line(self.desk.settings.file.name, 80))
        self.key_bar.keys([("enter", "change"), ("backspace", "as it was"), ("d", "doctor"), ("esc", "back"), ("f1", "help")])
        self._show()

        async def load() -> None:
            self._known = await asyncio.to_thread(keymap.every)
            self._show()

        self.attempt(load, group="keys")

    def _show(self) -> None:
        settings = self.desk.settings
        tables: Mapping[str, Mapping[str, Json]] = {"ui": settings.ui, "notify": settings.notify}
        rows = [Row("", (Cell("Looks, writing, notifications"),), heading=True)]
        for option in OPTIONS:
            is_set = option.name in tables[option.table]
            value = Cell(words(option, tables[option.table]), "strong" if is_set else "")
            rows.append(Row(f"{option.table}.{option.name}", (Cell(option.what), Cell(""), value)))
        rows.append(Row("", (Cell("Keys"),), heading=True))
        names = sorted(self._known, key=lambda name: (_group(name), name))
        rows += [self._key_row(name, self._known[name], settings.keymap) for name in names]
        self.query_one(Rows).show(rows)

    @staticmethod
    def _key_row(name: str, bound: keymap.Bound, chosen: Mapping[str, str]) -> Row:
        keys = keymap.canonical(chosen[name]) if name in chosen else bound.keys
        shown = Cell(" ".join(keymap.shown(key) for key in keys), "strong" if name in chosen else "")
        binding = bound.binding
        return Row(f"keymap.{name}", (Cell(name, "quiet"), shown, Cell(f"{binding.description}: {binding.tooltip}")))

    @on(Rows.Chosen)
    def change(self, event: Rows.Chosen) -> None:
        """Ask for another value or other keys."""
        table, _, name = event.key.partition(".")
        if table == "keymap":
            self._ask_keys(name)
            return
        option = next(option for option in OPTIONS if (option.table, option.name) == (table, name))

        def chosen(number: str | None) -> None:
            if number is not None:
                self._write(table, name, option.values[int(number)][0])

        self.app.push_screen(ChooseDialog(option.what, [(str(at), said) for at, (_, said) in enumerate(option.values)]), chosen)

    def _ask_keys(self, name: str) -> None:
        bound = self._known[name]
        now = self.desk.settings.keymap.get(name) or ", ".join(keymap.shown(key) for key in bound.keys)

        def said(keys: str | None) -> None:
            if keys is None:
                return
            _, faults = keymap.checked({**self.desk.settings.keymap, name: keys}, swapped=self.desk.settings.swapped)
            fault = next((fault for fault in faults if repr(name) in fault), "")
            if fault:
                self.say(fault, failed=True)
            else:
                self._write("keymap", name, ",".join(keymap.canonical(keys)))

        self.app.push_screen(AskLine(f"Keys of {name}, with commas between them", now), said)

    def action_doctor(self) -> None:
        """Look at everything, and tell."""
        self.say("Looking…")

        async def look() -> None:
            self.read_whole("Doctor", await self.desk.doctor())

        self.attempt(look, group="doctor")

    def action_reset(self) -> None:
        """Take the line out of the file."""
        table, _, name = self.query_one(Rows).key.partition(".")
        if name:
            self._write(table, name, None)

    def _write(self, table: str, name: str, value: Json) -> None:
        try:
            self.desk.change(table, name, value)
        except ParlourError as error:
            self.say(error, failed=True)
            return
        self._show()
        self.post_message(SettingsChanged())

    def action_leave(self) -> None:
        """Back."""
        self.post_message(GoBack())
