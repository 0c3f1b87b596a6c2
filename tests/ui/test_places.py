"""The screens on the real program and a real sandbox, headless: what each key does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from app.cli.compose import Program
from app.cli.desk import ProgramDesk
from app.sandbox.server import Ready
from app.ui.app import ParlourApp
from app.ui.screens.agents import AgentsScreen
from app.ui.screens.conversation import ConversationScreen
from app.ui.screens.welcome import WelcomeScreen
from app.ui.widgets.prompt import Prompt
from app.ui.widgets.rows import Rows
from tests.servers import ledger, qoder_client, running_sandbox


@asynccontextmanager
async def application(size: tuple[int, int] = (110, 32)) -> AsyncIterator[Pilot[None]]:
    desk = ProgramDesk(Program())
    async with ParlourApp(desk).run_test(size=size, notifications=True) as pilot:
        yield pilot
    await desk.aclose()


async def until(pilot: Pilot[Any], condition: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "it did not happen"
        await pilot.pause(0.02)


def use(monkeypatch: pytest.MonkeyPatch, ready: Ready, *sides: str) -> None:
    if "codeer" in sides:
        monkeypatch.setenv("CODEER_API_KEY", ready.codeer_key)
        monkeypatch.setenv("CODEER_API_BASE", ready.codeer_base)
    if "qoder" in sides:
        monkeypatch.setenv("QODER_PAT", ready.qoder_key)
        monkeypatch.setenv("QODER_MANAGED_BASE_URL", ready.qoder_base)


def place(pilot: Pilot[Any], kind: type) -> Any:
    screen = pilot.app.screen
    assert isinstance(screen, kind), screen
    return screen


def listed(pilot: Pilot[Any]) -> list[str]:
    return [row.cells[0].text for row in pilot.app.screen.query_one("#list", Rows).rows]


async def test_a_suggested_question_is_put_into_the_composer_unsent(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application() as pilot:
        await until(pilot, lambda: "Guide" in listed(pilot))
        pilot.app.screen.query_one("#filter", Input).value = "guide"
        await pilot.press("down", "2")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))
        await until(pilot, lambda: bool(pilot.app.screen.query_one(Prompt).text))
        assert pilot.app.screen.query_one(Prompt).text == "How do I add my own key?"
    assert not ledger(sandbox, "prompt")


async def test_the_event_that_is_copied_is_the_wires_own(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "qoder")
    copied: list[str] = []
    async with application() as pilot:
        monkeypatch.setattr(pilot.app, "copy_to_clipboard", copied.append)
        await until(pilot, lambda: "Parrot" in listed(pilot))
        pilot.app.screen.query_one("#filter", Input).value = "parrot"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))
        screen = place(pilot, ConversationScreen)
        screen.query_one(Prompt).put("hello")
        await pilot.press("enter")
        await until(pilot, lambda: bool(screen.talk.turn and screen.talk.turn.stop))
        await pilot.press("tab", "y", "e")
        await until(pilot, lambda: bool(copied))
    event = json.loads(copied[0])
    assert event["type"] == "agent.message" and event["id"].startswith("evt_")
    assert event["content"] == [{"type": "text", "text": "hello"}]


async def test_what_terminals_do_not_take_is_not_said_to_be_copied(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    copied: list[str] = []
    async with application() as pilot:
        monkeypatch.setattr(pilot.app, "copy_to_clipboard", copied.append)
        agents = place(pilot, AgentsScreen)
        said: list[str] = []
        monkeypatch.setattr(agents, "say", lambda sentence, **_: said.append(sentence))
        agents.copy("message", "中" * 33_333)
        agents.copy("message", "中" * 33_334)
    assert copied == ["中" * 33_333]
    assert "33,333 characters" in said[0] and said[1].startswith("Not copied: message is 100 kB")


async def test_an_account_without_an_environment_is_repaired_in_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_sandbox(new_account=True) as ready, qoder_client(ready) as client:
        use(monkeypatch, ready, "qoder")
        made = await client.post("/agents", json={"name": "Mender", "model": "auto"})
        assert made.status_code < 300
        async with application() as pilot:
            await until(pilot, lambda: "Mender" in listed(pilot))
            await pilot.press("enter")
            await until(pilot, lambda: type(pilot.app.screen).__name__ == "ConfirmDialog")
            await pilot.press("y")
            await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))
            screen = place(pilot, ConversationScreen)
            screen.query_one(Prompt).put("hello")
            await pilot.press("enter")
            await until(pilot, lambda: bool(screen.talk.turn and screen.talk.turn.stop))
            assert "hello" in screen.talk.turn.answer
        there = (await client.get("/environments")).json()["data"]
        assert [one["name"] for one in there] == ["default"]


async def test_a_refused_key_has_a_verdict_and_nothing_is_kept(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEER_API_BASE", sandbox.codeer_base)
    async with application() as pilot:
        screen = place(pilot, WelcomeScreen)
        screen.query_one("#key", Input).value = "not-a-real-key"
        await pilot.press("enter")
        await until(pilot, lambda: "Checking" not in str(screen.query_one("#welcome-verdict", Static).render()) or False)
        verdict = str(screen.query_one("#welcome-verdict", Static).render())
        assert "not-a-real-key" not in verdict and verdict
        assert isinstance(pilot.app.screen, WelcomeScreen)
        shown = str(screen.query_one("#welcome-where", Static).render())
        assert sandbox.codeer_base in shown
        await pilot.press("down")
        assert sandbox.codeer_base not in str(screen.query_one("#welcome-where", Static).render())


async def test_the_palette_and_the_help_know_the_keys(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application() as pilot:
        await until(pilot, lambda: "Guide" in listed(pilot))
        await pilot.press("f1")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "HelpScreen")
        await pilot.press("escape")
        from app.ui.commands import Actions

        found = [hit.text async for hit in Actions(pilot.app.screen).discover()]
        assert {"History", "Agents", "Help", "Quit"} <= {str(name) for name in found}


async def test_markup_from_a_server_is_text(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    hostile = "[/] [@click=app.quit]x[/] \x1b]0;t\x07 \u202e end"
    async with application() as pilot:
        await until(pilot, lambda: "Parrot" in listed(pilot))
        pilot.app.screen.query_one("#filter", Input).value = "parrot"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))
        screen = place(pilot, ConversationScreen)
        await screen.desk.turns.submit(screen.talk, hostile)
        await until(pilot, lambda: bool(screen.talk.turn and screen.talk.turn.stop))
        await pilot.pause(0.2)
        svg = pilot.app.export_screenshot()
        assert "@click=app.quit" in svg and "\x1b" not in svg and "\u202e" not in svg
        assert pilot.app.is_running


async def test_a_form_is_filled_in_with_the_keyboard(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application() as pilot:
        await until(pilot, lambda: "Intake" in listed(pilot))
        pilot.app.screen.query_one("#filter", Input).value = "intake"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))
        screen = place(pilot, ConversationScreen)
        screen.query_one(Prompt).put("a visit")
        await pilot.press("enter")
        await until(pilot, lambda: screen.foot.asking)
        await pilot.pause(0.6)
        await pilot.press("f")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "FormScreen")
        form = pilot.app.screen
        await pilot.press(*"Ada")
        await pilot.press("ctrl+s")
        await pilot.pause(0.1)
        assert "needed" in str(form.query_one("#wrong-1", Static).render()) and pilot.app.screen is form
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        screen.foot.ask_bar.focus()
        await pilot.press("f")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "FormScreen")
        form = pilot.app.screen
        assert form.query_one("#field-0", Input).value == "Ada"
        form.query_one("#field-1", Input).value = "2"
        form.query_one("#field-2", Input).value = "2026-12-01"
        for index in (3, 4):
            form.query_one(f"#field-{index}").focus()
            await pilot.press("space")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: bool(screen.talk.turn and "Ada" in screen.talk.turn.answer))
    assert len(ledger(sandbox, "answer")) == 1
