"""Themes: dark, light, and the terminal's own colours. Colour carries meaning only.

Roles: ``primary`` the person, ``secondary`` the agent, ``warning`` needs you, ``error`` failed, ``success`` alive,
``accent`` links.
"""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.theme import Theme

DARK, LIGHT, ANSI_DARK, ANSI_LIGHT = "parlour-dark", "parlour-light", "ansi-dark", "ansi-light"
NAMES = {"dark": DARK, "light": LIGHT, "ansi": ANSI_DARK, "ansi-dark": ANSI_DARK, "ansi-light": ANSI_LIGHT}
"""What the settings may say."""


def _dark() -> Theme:
    return Theme(
        name=DARK,
        primary="#7fb4ca",
        secondary="#c8b48a",
        accent="#8aa9e0",
        warning="#e6b450",
        error="#e46876",
        success="#98bb6c",
        foreground="#d6d3cc",
        background="#16181c",
        surface="#22252b",
        panel="#2a2e35",
        dark=True,
        variables={"text-muted": "#8f949c", "text-disabled": "#5c616a"},
    )


def _light() -> Theme:
    return Theme(
        name=LIGHT,
        primary="#1f6f8b",
        secondary="#7a5c1e",
        accent="#2f5bb7",
        warning="#9a5b00",
        error="#b3263a",
        success="#3d7a1f",
        foreground="#22252b",
        background="#faf9f6",
        surface="#ebe9e3",
        panel="#e0ddd5",
        dark=False,
        variables={"text-muted": "#686c73", "text-disabled": "#a5a6a4"},
    )


def register(app: App[Any]) -> None:
    """Make our themes known to an application."""
    for theme in (_dark(), _light()):
        app.register_theme(theme)


def begin_with(app: App[Any], name: str) -> None:
    """Set the theme before the first frame, so that the stylesheets are read once; a theme set later costs a second reading."""
    register(app)
    wanted = chosen(app, name)
    if wanted in (ANSI_DARK, ANSI_LIGHT):
        app.theme = wanted
        return
    app.set_reactive(App.theme, wanted)
    dark = app.current_theme.dark
    app.update_classes({f"-theme-{wanted}": True, "-dark-mode": dark, "-light-mode": not dark}, update=False)


def chosen(app: App[Any], name: str) -> str:
    """The theme that a setting means; dark for one that does not exist."""
    wanted = NAMES.get(name, name)
    return wanted if wanted in app.available_themes else DARK
