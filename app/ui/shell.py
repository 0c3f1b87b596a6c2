"""What stands between the application and the world: its terminal, its last gate and its crashes."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text
from textual import constants, events
from textual.app import App
from textual.driver import Driver
from textual.filter import LineFilter
from textual.widgets import Input

from app.text import safe_line
from app.ui import crash
from app.ui.linefilter import SafeFilter

AT_ONCE = ("escape", "ctrl+q", "ctrl+c")
"""Keys that leave something: they never wait."""
HOLD = 2.0
"""Seconds that keys wait at most for a screen that is about to come."""
FAULTS = 3
"""Faults in the background that are told of in one run; the others would only repeat them."""


class Shell(App[None]):
    """An application that leaves a terminal as it found it."""

    VERTICAL_BREAKPOINTS = [(0, "-low"), (8, "-enough")]  # noqa: RUF012 - Textual's own declaration

    def __init__(self, **options: Any) -> None:
        self._last_gate = SafeFilter()
        self._faults = 0
        self._takes_keys = False
        self._typed: deque[events.Event] = deque()
        super().__init__(**options)

    def get_driver_class(self) -> type[Driver]:
        """Our own, where there is one."""
        if constants.DRIVER is not None or sys.platform == "win32":
            return super().get_driver_class()
        from app.ui.terminal import TerminalDriver

        return TerminalDriver

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Whatever reaches the terminal goes through ours last."""
        return [*super().get_line_filters(), self._last_gate]

    def on_mount(self) -> None:
        """Faults of tasks and callbacks have nobody else who would tell of them."""
        asyncio.get_running_loop().set_exception_handler(self._stray)

    # --- what is typed before there is anything to type in -------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        """Keys wait until something has the focus: nothing that is typed ahead is lost, and all comes in its order."""
        typed = isinstance(event, events.Paste) or (isinstance(event, events.Key) and event.key not in AT_ONCE)
        if not typed or (self._takes_keys and not self._typed):
            await super().on_event(event)
            return
        self._typed.append(event)
        if self._takes_keys:
            await self._pass_on()

    def hold_keys(self) -> None:
        """Another screen is about to come: what is typed from now on is meant for it."""
        self._takes_keys = False
        self.set_timer(HOLD, self.take_keys)

    def take_keys(self) -> None:
        """Something has the focus now."""
        if not self._takes_keys:
            self._takes_keys = True
            self.call_later(self._pass_on)

    def on_ready(self) -> None:
        """Where nothing takes the focus, the keys are the screen's."""
        self.take_keys()

    async def _pass_on(self) -> None:
        while self._typed:
            await super().on_event(self._typed.popleft())

    # --- the terminal ---------------------------------------------------------------------------------------------------------

    def on_terminal(self, text: str) -> None:
        """Send a sequence of ours to the terminal."""
        if self._driver is not None and not self.is_headless:
            self._driver.write(text)

    def give_terminal_back(self) -> None:
        """Whatever happened: does nothing if it was given back."""
        give_back = getattr(self._driver, "give_back", None)
        if give_back is not None:
            give_back()

    # --- crashes ----------------------------------------------------------------------------------------------------------------

    def fault(self, error: BaseException) -> None:
        """Something in the background failed that should not have: told and written down, and everything else goes on."""
        self._faults += 1
        if self._faults <= FAULTS:
            self.notify(safe_line(crash.fault(error), 400), severity="error", markup=False, timeout=12)

    def _stray(self, _loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception):
            self.fault(error)

    def _handle_exception(self, error: Exception) -> None:
        """The end, for one reason: the first one. No exception is asked to draw itself."""
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._fatal_error()

    def _fatal_error(self) -> None:
        error = self._exception or sys.exc_info()[1] or RuntimeError()
        if not self._exit_renderables:
            self._exit_renderables.append(crash.sentence(error))
        self._close_messages_no_wait()

    def panic(self, *renderables: RenderableType) -> None:
        """What Textual would draw holds more than anybody should see."""
        self._return_code = 1
        self._fatal_error()

    def _print_error_renderables(self) -> None:
        """The one sentence, when the terminal is a shell's again."""
        self.give_terminal_back()
        if self._exit_renderables:
            said = self._exit_renderables[0]
            self.error_console.print(Text(safe_line(said, 1000)), soft_wrap=True)
        self._exit_renderables.clear()

    def action_command_palette(self) -> None:
        """Every action by name; nothing blinks in it."""
        super().action_command_palette()

        def steady() -> None:
            for field in self.screen.query(Input):
                field.cursor_blink = False

        self.call_after_refresh(steady)
