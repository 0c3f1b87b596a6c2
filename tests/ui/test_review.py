"""The review on the real program and a real sandbox: walked with j and k, rated without leaving the list."""

from __future__ import annotations

import pytest
from textual.widgets import Static

from app.sandbox.server import Ready
from app.ui.dialogs import AskLine
from app.ui.screens.agents import AgentsScreen
from app.ui.screens.conversation import ConversationScreen
from app.ui.screens.review import ReviewScreen
from app.ui.widgets.prompt import Prompt
from app.ui.widgets.rows import Rows
from tests.servers import ledger
from tests.ui.test_places import application, listed, place, until, use


async def test_answers_of_all_conversations_are_rated_from_the_list(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application((80, 24)) as pilot:
        for text in ("one", "two", "three"):
            await pilot.press("f2")
            await until(pilot, lambda: isinstance(pilot.app.screen, AgentsScreen) and "Parrot" in listed(pilot))
            await pilot.press(*"parrot")
            await until(pilot, lambda: listed(pilot) == ["Parrot"])
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen) and bool(pilot.app.screen.query(Prompt)))
            talk = place(pilot, ConversationScreen).talk
            pilot.app.screen.query_one(Prompt).put(text)
            await pilot.press("enter")
            await until(pilot, lambda: bool(talk.turn and talk.turn.message_id and talk.turn.stop))  # noqa: B023
        await pilot.press("shift+f7")
        await until(pilot, lambda: isinstance(pilot.app.screen, ReviewScreen) and len(listed(pilot)) == 3)
        rows = pilot.app.screen.query_one(Rows)
        assert [row.cells[2].text for row in rows.rows] == ["three", "two", "one"]
        assert "three" in str(pilot.app.screen.query_one("#answer-text", Static).render())
        await pilot.press("plus")
        await until(pilot, lambda: listed(pilot) == ["▲", "·", "·"] and rows.cursor == 1)
        await pilot.press("minus")
        await until(pilot, lambda: isinstance(pilot.app.screen, AskLine))
        await pilot.press(*"out", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ReviewScreen) and listed(pilot) == ["▲", "▼", "·"])
        await until(pilot, lambda: len(ledger(sandbox, "rating")) == 2)
        await pilot.press("k", "k", "j", "f")
        await until(pilot, lambda: listed(pilot) == ["▼"])
        await pilot.press("f", "r")
        await until(pilot, lambda: listed(pilot) == ["▼", "·"])
        await pilot.press("plus")
        await until(pilot, lambda: len(ledger(sandbox, "rating")) == 3)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))
    found = [(entry["type"], entry["content"] or "") for entry in ledger(sandbox, "rating")]
    assert found == [("sys_helpful", ""), ("sys_improve", "out"), ("sys_helpful", "")]
