"""A custom tool's result from elsewhere: from a file, or from the command that the person put behind the tool."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from app.errors import SettingsError
from app.models import Answer, Request, RequestKind
from app.text import safe_line
from app.tools import Command, explained, read_result
from app.turns import Talk
from app.ui.desk import Desk
from app.ui.dialogs import ConfirmDialog
from app.ui.pick import FileDialog
from app.ui.screens.base import Place
from app.ui.widgets.askbar import Option

Open = Callable[[], Awaitable[Talk]]
"""Opens the conversation that asks."""
_SHOWN = 700
"""Characters of what will run that a dialog has room for; the question's v shows the call whole."""


class ToolResults:
    """What one place offers for a call of a custom tool."""

    def __init__(self, desk: Desk, place: Place) -> None:
        self._desk = desk
        self._place = place

    def options(self, talk: Talk, request: Request) -> Sequence[Option]:
        """The keys of the question."""
        if self._desk.tools.running(talk, request):
            return (Option("v", "see it whole"),)
        command = self._command(request)
        by_command = [Option("c", f"run {safe_line(command.shown, 32)}")] if command is not None else []
        return (*by_command, Option("r", "give its result"), Option("f", "from a file"), Option("v", "see it whole"))

    def has_command(self, request: Request) -> bool:
        """Whether the person put a command behind this tool."""
        return self._command(request) is not None

    def _command(self, request: Request) -> Command | None:
        try:
            return self._desk.tools.command(request.name)
        except SettingsError:
            return None

    def by_command(self, opened: Open, request: Request) -> None:
        """Show what would run, and run it if the person says so."""
        try:
            command = self._desk.tools.command(request.name)
        except SettingsError as error:
            self._place.say(error, failed=True)
            return
        if command is None:
            name = safe_line(request.name, 60)
            self._place.say(
                f"No command is set for {name}: config.toml, [tools.{name}], command = […]. r types it in.", failed=True
            )
            return

        async def run() -> None:
            await self._desk.tools.answer(await opened(), request)

        def sure(yes: bool | None) -> None:
            if yes:
                self._place.attempt(run, group=f"tool-{request.event_id}")

        told = explained(command, request)
        told = told if len(told) <= _SHOWN else told[:_SHOWN] + "…"
        self._place.app.push_screen(ConfirmDialog(f"Run this on your machine?\n\n{told}", "run it", "leave it"), sure)

    def from_file(self, opened: Open, request: Request) -> None:
        """Pick a file whose text is the result."""

        def picked(path: str | None) -> None:
            if path is None:
                return

            async def send() -> None:
                text = read_result(Path(path))
                self._desk.turns.answer(await opened(), [Answer(request.event_id, RequestKind.TOOL, data=text)])

            self._place.attempt(send, group=f"tool-{request.event_id}")

        name = safe_line(request.name, 60)
        self._place.app.push_screen(FileDialog(Path.cwd(), f"Which file is the result of {name}? (text, up to 1 MiB)"), picked)
