"""The settings screen: what is chosen holds at once and stands in the file, whose comments stay."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from app.paths import config_file
from app.sandbox.server import Ready
from app.ui import themes
from app.ui.screens.settings import SettingsScreen
from app.ui.widgets.rows import Rows
from tests.ui.test_places import application, listed, place, until, use

FILE = """# mine
[ui]
theme = "auto" # as the terminal

[keymap]
app.history = "ctrl+b" # as elsewhere
"""


async def choose(pilot: Pilot[Any], key: str) -> SettingsScreen:
    screen: SettingsScreen = place(pilot, SettingsScreen)
    rows = screen.query_one(Rows)
    await until(pilot, lambda: any(row.key == key for row in rows.rows))
    rows.put_cursor(key)
    await pilot.press("enter")
    await until(pilot, lambda: pilot.app.screen is not screen)
    return screen


async def test_choices_hold_at_once_and_comments_stay(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    config_file().parent.mkdir(parents=True, exist_ok=True)
    config_file().write_text(FILE)
    async with application() as pilot:
        app: Any = pilot.app
        await until(pilot, lambda: "Parrot" in listed(pilot))
        await pilot.press("f10")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        screen = await choose(pilot, "ui.theme")
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: app.screen is screen and app.theme == themes.LIGHT)
        screen = await choose(pilot, "ui.enter")
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.screen is screen and app._keymap.get("prompt.send") == "ctrl+j")
        screen = await choose(pilot, "keymap.app.inbox")
        app.screen.query_one(Input).value = "f2"
        await pilot.press("enter")
        await until(pilot, lambda: any("is already 'Agents'" in str(one.message) for one in app._notifications))
        assert app.screen is screen
        screen = await choose(pilot, "keymap.app.inbox")
        app.screen.query_one(Input).value = "f11, ctrl+x"
        await pilot.press("enter")
        await until(pilot, lambda: app._keymap.get("app.inbox") == "f11,ctrl+x")
        screen.query_one(Rows).put_cursor("keymap.app.history")
        await pilot.press("backspace")
        await until(pilot, lambda: "app.history" not in app._keymap)
        text = config_file().read_text()
        assert "# mine" in text and "# as the terminal" in text
        assert 'theme = "light"' in text and 'enter = "newline"' in text and '"app.inbox" = "f11,ctrl+x"' in text
        assert "history" not in text
        await pilot.press("d")
        await until(pilot, lambda: type(app.screen).__name__ == "TextDialog")
        dialog: Any = app.screen
        assert "bytecode" in dialog._text and "clipboard" in dialog._text and sandbox.codeer_key not in dialog._text
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        await pilot.press("f11")
        await until(pilot, lambda: type(app.screen).__name__ == "InboxScreen")
