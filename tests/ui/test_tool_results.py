"""A custom tool's result in the application: from the command that was configured, shown before it runs, and from a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from app.paths import config_file
from app.sandbox.server import Ready
from app.ui.dialogs import ConfirmDialog
from app.ui.pick import FileDialog
from app.ui.screens.conversation import ConversationScreen
from app.ui.screens.inbox import InboxScreen
from app.ui.widgets.askbar import GUARD, AskBar
from app.ui.widgets.prompt import Prompt
from tests.servers import ledger
from tests.ui.test_places import application, listed, place, until, use


def configure(ran: Path) -> None:
    code = f"import json, sys; print('ran', file=open({str(ran)!r}, 'a')); print(json.load(sys.stdin)['number'], 'is found')"
    config_file().parent.mkdir(parents=True, exist_ok=True)
    config_file().write_text(f"[tools.look_up_order]\ncommand = {json.dumps([sys.executable, '-c', code])}\n")


async def ask_clerk(pilot: Pilot[Any]) -> ConversationScreen:
    await until(pilot, lambda: type(pilot.app.screen).__name__ == "AgentsScreen" and "Clerk" in listed(pilot))
    pilot.app.screen.query_one("#filter", Input).value = "clerk"
    await until(pilot, lambda: listed(pilot) == ["Clerk"])
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))
    screen: ConversationScreen = place(pilot, ConversationScreen)
    await until(pilot, lambda: bool(screen.query(Prompt)))
    screen.query_one(Prompt).put("Where is order B-77?")
    await pilot.press("enter")
    await until(pilot, lambda: screen.talk.turn is not None and bool(screen.talk.turn.waiting))
    await until(pilot, lambda: screen.query_one(AskBar).has_focus)
    await pilot.pause(GUARD + 0.1)
    return screen


async def test_the_command_is_shown_then_run_once(sandbox: Ready, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use(monkeypatch, sandbox, "qoder")
    configure(tmp_path / "ran")
    async with application() as pilot:
        screen = await ask_clerk(pilot)
        assert [option.key for option in screen.query_one(AskBar)._options] == ["c", "r", "f", "v"]
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        shown = place(pilot, ConfirmDialog)._question
        assert sys.executable in shown and '"number": "B-77"' in shown
        assert not (tmp_path / "ran").exists()
        await pilot.press("y")
        await until(pilot, lambda: screen.talk.turn is not None and "B-77 is found" in screen.talk.turn.answer)
    assert (tmp_path / "ran").read_text() == "ran\n"


async def test_a_file_is_the_result_from_the_inbox(sandbox: Ready, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use(monkeypatch, sandbox, "qoder")
    (tmp_path / "result.txt").write_text("it is in the attic")
    async with application() as pilot:
        screen = await ask_clerk(pilot)
        await pilot.press("f4")
        await until(pilot, lambda: isinstance(pilot.app.screen, InboxScreen) and len(listed(pilot)) == 1)
        await pilot.pause(GUARD + 0.1)
        await pilot.press("c")
        await pilot.pause()
        assert isinstance(pilot.app.screen, InboxScreen), "without a command there is nothing to run"
        await pilot.press("f")
        await until(pilot, lambda: isinstance(pilot.app.screen, FileDialog))
        pilot.app.screen.query_one("#line", Input).value = str(tmp_path / "result.txt")
        await pilot.pause(0.2)
        await pilot.press("enter")
        await until(pilot, lambda: screen.talk.turn is not None and "it is in the attic" in screen.talk.turn.answer)
    assert [entry["text"] for entry in ledger(sandbox, "answer")] == ["it is in the attic"]
