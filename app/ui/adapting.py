"""What the application and its terminal have to do with each other: keys, colours, mouse, title, notifications."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from textual import on
from textual.binding import Binding, BindingType

from app.settings import Settings
from app.text import safe_line
from app.ui import appearance, themes
from app.ui.keymap import SWAPPED, checked, wanted
from app.ui.keystrokes import Replied
from app.ui.notices import Notices
from app.ui.shell import Shell


class Looked(Protocol):
    """Who wants to know whether somebody looks."""

    looking: bool

    def close(self) -> None:
        """Give the title back."""
        ...


class Adapting(Shell):
    """An application that takes its keys and looks from the settings and asks its terminal for the rest."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f8", "mouse", "Mouse", id="app.mouse", tooltip="Leave the mouse to the terminal, or take it", show=False),
        Binding("ctrl+z", "suspend_process", "Suspend", id="app.suspend", tooltip="To the shell; fg comes back", show=False),
    ]

    def __init__(self, settings: Settings, now: Callable[[], float], *, css_path: Sequence[str | Path]) -> None:
        super().__init__(css_path=list(css_path))
        self.notices = Notices(settings.notify, os.environ, self.on_terminal, now)
        self._chosen_theme = settings.theme
        self._looked: Looked | None = None
        self._mouse_off = settings.ui.get("mouse", True) is False
        self._dark = appearance.remembered() is not False
        self.set_keymap(wanted(settings.keymap, swapped=settings.swapped))
        if settings.ui.get("animations", True) is False:
            self.animation_level = "none"
        themes.begin_with(self, self._chosen_theme, dark=self._dark)

    def dress(self, sheets: Sequence[Path]) -> None:
        """Read more style sheets; what is shown already wears them at once."""
        self.stylesheet.read_all(sheets)
        if len(self.screen_stack) > 1:
            self.stylesheet.update(self)

    # --- to and from the terminal -----------------------------------------------------------------------------------------

    def ask_terminal(self) -> None:
        """Which background, which keys? It answers when it likes, or never."""
        self.on_terminal(appearance.ASK_KEYS)
        if themes.follows(self._chosen_theme):
            self.on_terminal(appearance.TELL_CHANGES + appearance.ASK)

    @on(Replied)
    def hear(self, event: Replied) -> None:
        """What it said."""
        dark, keys = appearance.darkness(event.text), appearance.tells_all_keys(event.text)
        if keys is not None:
            self.set_class(keys, "-shift-enter")
            for prompt in self.screen.query("Prompt"):
                getattr(prompt, "say_keys", lambda: None)()
        elif dark is not None:
            self._follow(dark)
        elif appearance.changed(event.text):
            self.on_terminal(appearance.ASK)

    def _follow(self, dark: bool) -> None:
        if not themes.follows(self._chosen_theme):
            return
        if appearance.remembered() is not dark:
            appearance.remember(dark)
        self._dark = dark
        self._wear(themes.chosen(self, self._chosen_theme, dark=dark))

    def _wear(self, theme: str) -> None:
        if theme != self.theme:
            self.theme = theme

    def on_app_focus(self) -> None:
        """Somebody looks."""
        if self._looked is not None:
            self._looked.looking = True

    def on_app_blur(self) -> None:
        """Nobody looks."""
        if self._looked is not None:
            self._looked.looking = False

    def on_unmount(self) -> None:
        """The title goes back to whoever had it."""
        self.on_terminal(appearance.TELL_NO_MORE)
        if self._looked is not None:
            self._looked.close()

    # --- what was set ------------------------------------------------------------------------------------------------------

    def check_keys(self, settings: Settings) -> None:
        """Leave out what cannot be, and say so."""
        if settings.keymap:
            keymap, notices = checked(settings.keymap, swapped=settings.swapped)
            self.set_keymap(keymap)
            for notice in notices[:3]:
                self.notify(notice, severity="warning", markup=False, timeout=12)
        elif settings.swapped:
            self.set_keymap(SWAPPED)

    def use(self, settings: Settings) -> None:
        """Live by other settings from now on."""
        self._chosen_theme = settings.theme
        self._wear(themes.chosen(self, settings.theme, dark=self._dark))
        if themes.follows(settings.theme):
            self.ask_terminal()
        self.animation_level = "none" if settings.ui.get("animations", True) is False else "full"
        self.notices.use(settings.notify)
        if (settings.ui.get("mouse", True) is False) != self._mouse_off:
            self.action_mouse()
        self.set_keymap({})
        self.check_keys(settings)

    def action_mouse(self) -> None:
        """Leave the mouse to the terminal, so that it selects as everywhere; or take it back."""
        self._mouse_off = not self._mouse_off
        driver: Any = self._driver
        if driver is not None and hasattr(driver, "_enable_mouse_support"):
            if self._mouse_off:
                driver._disable_mouse_support()
            driver._mouse = not self._mouse_off
            driver._enable_mouse_support()
            driver.flush()
        key = self.key_of("app.mouse")
        self.notify(
            safe_line(
                f"The mouse is the terminal's: it selects as everywhere. {key} takes it back."
                if self._mouse_off
                else f"The mouse is ours: wheel and clicks work. {key}, or shift with the mouse, selects as everywhere."
            ),
            markup=False,
        )

    def key_of(self, name: str) -> str:
        """The first key of a binding of the application, as it is set now."""
        from app.ui.keymap import keys_of

        bound = {binding.id: binding for bindings in self._bindings.key_to_bindings.values() for binding in bindings}
        return keys_of(self, bound[name], self)[0] if name in bound else ""
