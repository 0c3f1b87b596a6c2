"""The composer on the real program and a real sandbox: files, commands, what was asked before, the editor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from app.sandbox.server import Ready
from app.ui import slash
from app.ui.pick import FileDialog, PickDialog
from app.ui.requests import OpenStored
from app.ui.screens.conversation import ConversationScreen
from app.ui.widgets.prompt import Prompt
from app.ui.widgets.rows import Rows
from tests.servers import ledger
from tests.ui.test_places import application, listed, place, until, use


async def talk_to(pilot: Pilot[Any], agent: str) -> ConversationScreen:
    await until(pilot, lambda: type(pilot.app.screen).__name__ == "AgentsScreen" and agent in listed(pilot))
    pilot.app.screen.query_one("#filter", Input).value = agent.lower()
    await until(pilot, lambda: listed(pilot)[:1] == [agent])
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))
    screen: ConversationScreen = place(pilot, ConversationScreen)
    await until(pilot, lambda: hasattr(screen, "attachments") and screen.foot.prompt.has_focus)
    return screen


def shown(screen: ConversationScreen, name: str) -> str:
    line = screen.query_one(name, Static)
    return str(line.content) if line.has_class("-shown") else ""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    work = tmp_path / "work"
    (work / "notes").mkdir(parents=True)
    (work / "notes" / "glaze \x1b[31m.md").write_text("# cone six\n" * 200)
    (work / "plan.txt").write_text("fire on Monday")
    (work / ".hidden.txt").write_text("no")
    monkeypatch.chdir(work)
    return work


@pytest.mark.parametrize(("vendor", "agent"), [("codeer", "Parrot"), ("qoder", "Parrot")])
async def test_a_file_goes_with_a_message(
    sandbox: Ready, monkeypatch: pytest.MonkeyPatch, folder: Path, vendor: str, agent: str
) -> None:
    use(monkeypatch, sandbox, vendor)
    async with application() as pilot:
        screen = await talk_to(pilot, agent)
        await pilot.press(*"see ", "@")
        await until(pilot, lambda: isinstance(pilot.app.screen, FileDialog))
        options = pilot.app.screen.query_one("#options", Rows)
        await until(pilot, lambda: len(options.rows) == 2)
        assert [row.cells[0].text for row in options.rows] == ["notes/", "plan.txt"]
        assert options.rows[1].cells[1].text == "14 bytes"
        await pilot.press(*"plan", "enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        await until(pilot, lambda: "plan.txt" in shown(screen, "#chips"))
        assert screen.foot.prompt.text == "see "
        assert not ledger(sandbox, "upload")
        await pilot.press(*"this", "enter")
        await until(pilot, lambda: bool(ledger(sandbox, "prompt")) and not screen.foot.prompt.text)
        assert len(ledger(sandbox, "upload")) == 1
        turn = screen.talk.turn
        assert turn is not None
        assert [(file.name, file.size) for file in turn.attachments] == [("plan.txt", 14)]
        assert turn.attachments[0].id
        assert not shown(screen, "#chips")


async def test_folders_are_gone_into_and_backspace_takes_a_file_away(
    sandbox: Ready, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application() as pilot:
        screen = await talk_to(pilot, "Parrot")
        await pilot.press(*"/attach", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, FileDialog))
        options = pilot.app.screen.query_one("#options", Rows)
        await pilot.press(*"not")
        await until(pilot, lambda: [row.cells[0].text for row in options.rows] == ["notes/"])
        await pilot.press("enter")
        await until(pilot, lambda: len(options.rows) == 1 and "glaze" in options.rows[0].cells[0].text)
        await pilot.press("enter")
        await until(pilot, lambda: "glaze" in shown(screen, "#chips"))
        assert "\x1b" not in shown(screen, "#chips")
        assert not screen.foot.prompt.text
        await pilot.press("backspace")
        await until(pilot, lambda: not shown(screen, "#chips"))


async def test_files_and_uploads_survive_leaving(sandbox: Ready, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application() as pilot:
        screen = await talk_to(pilot, "Parrot")
        await screen.attachments.add(folder / "plan.txt")
        await screen.attachments.uploaded()
        assert "uploaded" in shown(screen, "#chips")
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is not screen)
        stored = await screen.desk.store.get(screen.talk.pk)
        assert stored is not None
        pilot.app.post_message(OpenStored(stored))
        await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen) and pilot.app.screen is not screen)
        again: ConversationScreen = place(pilot, ConversationScreen)
        await until(pilot, lambda: "uploaded" in shown(again, "#chips"))
        await again.attachments.uploaded()
        assert len(ledger(sandbox, "upload")) == 1


async def test_commands_are_completed_and_never_sent(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application() as pilot:
        screen = await talk_to(pilot, "Parrot")
        await pilot.press("slash", "h")
        await until(pilot, lambda: "/history" in shown(screen, "#hints"))
        await pilot.press("tab")
        assert screen.foot.prompt.text == "/history"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, PickDialog))
        await pilot.press("escape")
        await pilot.press(*"/nonsense", "enter")
        await pilot.pause(0.2)
        assert screen.foot.prompt.text == "/nonsense"
        assert not ledger(sandbox, "prompt")
        screen.foot.prompt.put(" /nonsense")
        await pilot.press("enter")
        await until(pilot, lambda: bool(ledger(sandbox, "prompt")))
        assert screen.talk.turn is not None
        assert screen.talk.turn.text == "/nonsense"


def test_every_command_does_something_and_paths_are_no_commands() -> None:
    for command in slash.COMMANDS:
        name = command.action.rpartition(".")[2]
        owner: Any = ConversationScreen
        if command.action.startswith("app."):
            from app.ui.app import ParlourApp

            owner = ParlourApp
        assert callable(getattr(owner, f"action_{name}")), command
    assert slash.typed("/usr/bin/env") is None
    assert slash.typed("/edit this") is None
    assert slash.typed("/") == ""
    assert slash.meant("ed") is not None
    assert slash.meant("a") is None


async def test_what_was_asked_before_comes_back(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application() as pilot:
        screen = await talk_to(pilot, "Parrot")
        for text in ("first words", "second words"):
            screen.foot.prompt.put(text)
            await pilot.press("enter")
            await until(pilot, lambda: not screen.foot.prompt.text and not screen.talk.busy)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(pilot.app.screen, PickDialog))
        options = pilot.app.screen.query_one("#options", Rows)
        await until(pilot, lambda: [row.key for row in options.rows] == ["second words", "first words"])
        await pilot.press(*"first")
        await until(pilot, lambda: [row.key for row in options.rows] == ["first words"])
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert screen.query_one(Prompt).text == "first words"


async def test_without_an_editor_nothing_is_lost(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.delenv("VISUAL", raising=False)
    async with application() as pilot:
        screen = await talk_to(pilot, "Parrot")
        screen.foot.prompt.put("half a thought")
        await pilot.press("ctrl+g")
        await pilot.pause()
        assert screen.foot.prompt.text == "half a thought"
