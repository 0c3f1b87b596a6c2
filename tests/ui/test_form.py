"""A form on a small screen: whichever field has the focus, its question is seen with it."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from textual.app import App
from textual.pilot import Pilot

from app.models import Json
from app.paths import styles
from app.ui.screens.form import FormScreen

KINDS = ("text", "number", "date", "longText", "radio", "dropdown", "checkbox")
OPTIONS = [{"value": name, "label": name} for name in ("one", "two", "three")]
SCHEMA: Json = {
    "fields": [
        {"name": f"f{number}", "type": kind, "question": f"Question {number}", "options": OPTIONS if kind in KINDS[4:] else []}
        for number, kind in enumerate(KINDS)
    ]
}


class Page(App[None]):
    """Nothing but the form."""

    CSS_PATH: ClassVar = [styles() / "base.tcss", styles() / "dialogs.tcss"]

    def on_mount(self) -> None:
        self.push_screen(FormScreen("A form", SCHEMA, {}))


async def seen(pilot: Pilot[Any]) -> tuple[str, str]:
    """The name of the focused field, and which questions are on the screen."""
    await pilot.pause()
    await pilot.pause()
    screen = pilot.app.screen
    held = screen.query_one("#fields").content_region
    shown = [str(one.render()) for one in screen.query(".question") if held.contains_region(one.region)]
    return str(screen.focused.id if screen.focused else ""), " ".join(shown)


@pytest.mark.parametrize("size", [(80, 24), (60, 18), (120, 40)], ids=str)
async def test_a_field_is_seen_with_its_question(size: tuple[int, int]) -> None:
    page = Page()
    async with page.run_test(size=size) as pilot:
        for key in ("tab", "shift+tab"):
            for _ in KINDS:
                name, shown = await seen(pilot)
                assert f"Question {name.removeprefix('field-')}" in shown, f"{name}: {shown}"
                await pilot.press(key)
