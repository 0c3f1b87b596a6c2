"""Themes: dark, light, high contrast, and the terminal's own colours. Colour carries meaning only.

Roles: ``primary`` the person, ``secondary`` the agent, ``warning`` needs you, ``error`` failed, ``success`` alive,
``accent`` links.
"""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.theme import Theme

DARK, LIGHT, ANSI_DARK, ANSI_LIGHT = "parlour-dark", "parlour-light", "parlour-ansi-dark", "parlour-ansi-light"
BRIGHT, STARK = "parlour-contrast-dark", "parlour-contrast-light"
AUTO, ANSI, CONTRAST = "auto", "ansi", "contrast"
"""These follow the terminal's background; they are what a setting says."""
PAIRS = {AUTO: (DARK, LIGHT), ANSI: (ANSI_DARK, ANSI_LIGHT), CONTRAST: (BRIGHT, STARK)}
"""What a setting says → its theme on a dark and on a light background."""
NAMES = {
    "dark": DARK, "light": LIGHT, "ansi-dark": ANSI_DARK, "ansi-light": ANSI_LIGHT,
    "contrast-dark": BRIGHT, "contrast-light": STARK,
}  # fmt: skip
"""What the settings may say besides."""


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
        variables={"text-muted": "#979ca5", "text-disabled": "#6d737d"},
    )


def _light() -> Theme:
    return Theme(
        name=LIGHT,
        primary="#1f6f8b",
        secondary="#7a5c1e",
        accent="#2f5bb7",
        warning="#8f5500",
        error="#b3263a",
        success="#35701a",
        foreground="#22252b",
        background="#faf9f6",
        surface="#ebe9e3",
        panel="#e0ddd5",
        dark=False,
        variables={"text-muted": "#5d6168", "text-disabled": "#7b7d80"},
    )


def _bright() -> Theme:
    return Theme(
        name=BRIGHT,
        primary="#7fe3ff",
        secondary="#ffe08a",
        accent="#9ec5ff",
        warning="#ffd000",
        error="#ff9ea8",
        success="#9dff7a",
        foreground="#ffffff",
        background="#000000",
        surface="#1c1c1c",
        panel="#262626",
        dark=True,
        variables={"text-muted": "#d0d0d0", "text-disabled": "#a8a8a8"},
    )


def _stark() -> Theme:
    return Theme(
        name=STARK,
        primary="#003f5c",
        secondary="#4a3300",
        accent="#0a2f8a",
        warning="#6b3a00",
        error="#8a0018",
        success="#164a00",
        foreground="#000000",
        background="#ffffff",
        surface="#f0f0f0",
        panel="#e4e4e4",
        dark=False,
        variables={"text-muted": "#333333", "text-disabled": "#5a5a5a"},
    )


def _ansi(name: str, *, dark: bool) -> Theme:
    """The terminal's sixteen colours and its own background: only what is legible on either is used for words."""
    return Theme(
        name=name,
        ansi=True,
        primary="ansi_cyan" if dark else "ansi_blue",
        secondary="ansi_yellow" if dark else "ansi_magenta",
        warning="ansi_bright_yellow" if dark else "ansi_red",
        error="ansi_bright_red" if dark else "ansi_red",
        success="ansi_green",
        accent="ansi_bright_blue" if dark else "ansi_blue",
        foreground="ansi_default",
        background="ansi_default",
        surface="ansi_default",
        panel="ansi_default",
        boost="ansi_default",
        dark=dark,
        variables={
            "ansi-background": "ansi_black" if dark else "ansi_white",
            "ansi-foreground": "ansi_white" if dark else "ansi_black",
            "border-blurred": "ansi_bright_black",
            "block-cursor-foreground": "ansi_black" if dark else "ansi_bright_white",
            "block-cursor-background": "ansi_white" if dark else "ansi_blue",
            "input-cursor-background": "ansi_white" if dark else "ansi_black",
            "input-cursor-foreground": "ansi_black" if dark else "ansi_bright_white",
            "input-selection-background": "ansi_blue" if dark else "ansi_cyan",
            "input-selection-foreground": "ansi_bright_white" if dark else "ansi_black",
            "screen-selection-background": "ansi_blue" if dark else "ansi_cyan",
            "screen-selection-foreground": "ansi_bright_white" if dark else "ansi_black",
        },
    )


def register(app: App[Any]) -> None:
    """Make our themes known to an application."""
    dark, light = _ansi(ANSI_DARK, dark=True), _ansi(ANSI_LIGHT, dark=False)
    for theme in (_dark(), _light(), _bright(), _stark(), dark, light):
        app.register_theme(theme)


def begin_with(app: App[Any], name: str, *, dark: bool = True) -> None:
    """Set the theme before the first frame, so that the stylesheets are read once; a theme set later costs a second reading."""
    register(app)
    wanted = chosen(app, name, dark=dark)
    if app.available_themes[wanted].ansi:
        app.theme = wanted
        return
    app.set_reactive(App.theme, wanted)
    is_dark = app.current_theme.dark
    app.update_classes({f"-theme-{wanted}": True, "-dark-mode": is_dark, "-light-mode": not is_dark}, update=False)
    app.stylesheet.set_variables(app.get_css_variables())


def follows(name: str) -> bool:
    """Whether a setting leaves light or dark to the terminal."""
    return (name or AUTO) in PAIRS


def chosen(app: App[Any], name: str, *, dark: bool = True) -> str:
    """The theme that a setting means on such a background; that of ``auto`` for one that does not exist."""
    wanted = NAMES.get(name, name)
    if wanted in app.available_themes:
        return wanted
    return PAIRS.get(name, PAIRS[AUTO])[0 if dark else 1]
