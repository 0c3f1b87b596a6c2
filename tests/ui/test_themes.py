"""Every theme of ours is legible: WCAG contrast of every text on every ground it stands on."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App
from textual.color import Color

from app.paths import appearance_file
from app.settings import Settings
from app.ui import appearance, themes
from app.ui.adapting import Adapting
from app.ui.keystrokes import Replied

RGB = (themes.DARK, themes.LIGHT, themes.BRIGHT, themes.STARK)
WORDS = ("foreground", "primary", "secondary", "accent", "warning", "error", "success")
GROUNDS = ("background", "surface", "panel")


def luminance(colour: Color) -> float:
    parts = [part / 255 for part in (colour.r, colour.g, colour.b)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(one: str, other: str) -> float:
    lights = sorted((luminance(Color.parse(one)), luminance(Color.parse(other))))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


class Page(App[None]):
    def __init__(self, theme: str) -> None:
        super().__init__()
        themes.register(self)
        self.theme = theme


@pytest.mark.parametrize("theme", RGB)
def test_contrast_of_every_text(theme: str) -> None:
    app = Page(theme)
    colours = app.get_css_variables()
    least, muted, faint = (7.0, 7.0, 4.5) if "contrast" in theme else (4.5, 4.5, 3.0)
    faults = []
    for ground in GROUNDS:
        for words, wanted in [*((name, least) for name in WORDS), ("text-muted", muted), ("text-disabled", faint)]:
            on_panel = 0.85 if ground == "panel" and "contrast" not in theme else 1.0
            found = ratio(colours[words], colours[ground])
            if found < wanted * on_panel:
                faults.append(f"{words} on {ground}: {found:.2f}")
    for words, ground in (("background", "warning"), ("background", "primary")):
        if ratio(colours[words], colours[ground]) < 4.5:
            faults.append(f"{words} on {ground}: {ratio(colours[words], colours[ground]):.2f}")
    assert not faults


@pytest.mark.parametrize("theme", [themes.ANSI_DARK, themes.ANSI_LIGHT])
def test_ansi_themes_leave_every_colour_to_the_terminal(theme: str) -> None:
    found = {name: value for name, value in vars(Page(theme).current_theme).items() if str(value).startswith("#")}
    assert not found
    dark = theme == themes.ANSI_DARK
    illegible = {"ansi_black", "ansi_blue"} if dark else {"ansi_white", "ansi_yellow", "ansi_bright_yellow", "ansi_bright_white"}
    chosen = Page(theme).current_theme
    assert not {chosen.primary, chosen.secondary, chosen.warning, chosen.error, chosen.success, chosen.accent} & illegible


class Walls(Adapting):
    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, lambda: 0.0, css_path=[])


async def test_the_background_of_the_terminal_is_followed_and_remembered() -> None:
    async with Walls(Settings(Path("config.toml"))).run_test() as pilot:
        app = pilot.app
        assert app.theme == themes.DARK
        assert app.screen.styles.background == Color.parse("#16181c"), "the first frame has the colours of the theme"
        app.post_message(Replied("\x1b]11;rgb:fafa/f9f9/f6f6\x1b\\"))
        await pilot.pause()
        assert app.theme == themes.LIGHT
        assert appearance_file().read_text() == "light\n" and appearance.remembered() is False
    async with Walls(Settings(Path("config.toml"))).run_test() as pilot:
        assert pilot.app.theme == themes.LIGHT, "no flash at the second start"
        pilot.app.post_message(Replied("\x1b]11;rgb:0000/0000/0000\x1b\\"))
        await pilot.pause()
        assert pilot.app.theme == themes.DARK


@pytest.mark.parametrize(
    ("setting", "dark", "light"),
    [
        ("", themes.DARK, themes.LIGHT),
        ("auto", themes.DARK, themes.LIGHT),
        ("ansi", themes.ANSI_DARK, themes.ANSI_LIGHT),
        ("contrast", themes.BRIGHT, themes.STARK),
        ("dark", themes.DARK, themes.DARK),
        ("light", themes.LIGHT, themes.LIGHT),
        ("no-such-theme", themes.DARK, themes.LIGHT),
    ],
)
async def test_a_setting_fixes_it(setting: str, dark: str, light: str) -> None:
    async with Walls(Settings(Path("config.toml"), ui={"theme": setting, "animations": False})).run_test() as pilot:
        assert pilot.app.theme == dark
        assert pilot.app.animation_level == "none"
        pilot.app.post_message(Replied("\x1b]11;rgb:ffff/ffff/ffff\x1b\\"))
        await pilot.pause()
        assert pilot.app.theme == (light if setting != "no-such-theme" else dark)
