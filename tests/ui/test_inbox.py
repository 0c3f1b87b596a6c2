"""The inbox on the real program and a real sandbox: what waits is answered from the list, and never by type-ahead."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from app.sandbox.server import Ready
from app.ui.attention import Attention
from app.ui.screens.conversation import ConversationScreen
from app.ui.screens.inbox import InboxScreen
from app.ui.widgets.askbar import GUARD
from app.ui.widgets.prompt import Prompt
from app.ui.widgets.rows import Rows
from tests.servers import ledger
from tests.ui.test_places import application, listed, place, until, use

TASK = "Tidy up the greeter and run the tests"


async def ask_builder(pilot: Pilot[Any], text: str = TASK) -> ConversationScreen:
    await pilot.press("f2")
    await until(pilot, lambda: type(pilot.app.screen).__name__ == "AgentsScreen" and "Builder" in listed(pilot))
    pilot.app.screen.query_one("#filter", Input).value = "builder"
    await until(pilot, lambda: listed(pilot) == ["Builder"])
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))
    screen: ConversationScreen = place(pilot, ConversationScreen)
    await until(pilot, lambda: hasattr(screen, "attachments") and screen.foot.prompt.has_focus)
    screen.query_one(Prompt).put(text)
    await pilot.press("enter")
    await until(pilot, lambda: screen.talk.turn is not None and bool(screen.talk.turn.waiting))
    return screen


async def open_inbox(pilot: Pilot[Any], count: int) -> Rows:
    await pilot.press("f4")
    await until(pilot, lambda: isinstance(pilot.app.screen, InboxScreen) and len(listed(pilot)) == count)
    rows = pilot.app.screen.query_one("#list", Rows)
    assert rows.has_focus
    return rows


async def test_two_sessions_are_answered_from_the_inbox(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "qoder")
    async with application() as pilot:
        first = await ask_builder(pilot)
        second = await ask_builder(pilot)
        assert first.talk.pk != second.talk.pk
        rows = await open_inbox(pilot, 2)
        oldest = rows.key
        assert oldest.startswith(f"{first.talk.pk}\n")
        await pilot.pause(GUARD + 0.1)
        await pilot.press("r")
        await pilot.pause()
        pilot.app.screen.query_one("#line", Input).value = "not on a Friday"
        await pilot.press("enter")
        await until(pilot, lambda: bool(ledger(sandbox, "approval")))
        answered = ledger(sandbox, "approval")
        assert len(answered) == 1
        assert "not on a Friday" in str(answered[0])
        await until(pilot, lambda: isinstance(pilot.app.screen, InboxScreen) and oldest not in [row.key for row in rows.rows])
        await pilot.pause(GUARD + 0.1)
        await pilot.press("n")
        await until(pilot, lambda: len(ledger(sandbox, "approval")) == 2)


async def test_type_ahead_answers_nothing(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "qoder")
    async with application() as pilot:
        await ask_builder(pilot)
        rows = await open_inbox(pilot, 1)
        screen = place(pilot, InboxScreen)
        screen._since = screen.desk.clock.monotonic()
        for key in ("y", "n", "Y", "N", "r"):
            await pilot.press(key)
        assert isinstance(pilot.app.screen, InboxScreen)
        assert not ledger(sandbox, "approval")
        assert len(rows.rows) == 1
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))


async def test_all_of_a_conversation_are_allowed_after_a_question(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "qoder")
    async with application() as pilot:
        await ask_builder(pilot)
        rows = await open_inbox(pilot, 1)
        await pilot.pause(GUARD + 0.1)
        await pilot.press("Y")
        await pilot.pause()
        assert not ledger(sandbox, "approval")
        await pilot.press("y")
        await until(pilot, lambda: len(ledger(sandbox, "approval")) == 1)
        assert rows is not None


async def test_attention_counts_and_rings_only_when_nobody_looks(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "qoder")
    async with application() as pilot:
        app: Any = pilot.app
        written: list[str] = []
        rung: list[str] = []
        await until(pilot, lambda: app._looked is not None)
        attention: Attention = app._looked
        attention._write, app.notices._write = written.append, rung.append
        app.notices.by = "bell"
        attention._titled = False
        await ask_builder(pilot)
        await until(pilot, lambda: attention.count == 1)
        assert written[-1].endswith("Parlour (1 waiting)\x1b\\")
        assert not rung
        attention.looking = False
        screen = await ask_builder(pilot)
        await until(pilot, lambda: attention.count == 2)
        assert rung == ["\a"]
        assert all(TASK not in text and screen.talk.conversation.id not in text for text in written)
        app.on_app_focus()
        assert attention.looking
        attention.close()
        assert written[-1] == "\x1b[23;2t"
