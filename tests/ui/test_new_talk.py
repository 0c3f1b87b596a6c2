"""A conversation that is begun with more than an agent: its title, and for whom it is."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from app.sandbox.server import Ready
from app.ui.screens.conversation import ConversationScreen
from app.ui.screens.new_talk import NewTalkDialog
from app.ui.widgets.prompt import Prompt
from tests.servers import ledger
from tests.ui.test_places import application, listed, place, until, use


async def test_title_and_user_are_sent_and_shown_at_80_columns(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application((80, 24)) as pilot:
        await until(pilot, lambda: "Parrot" in listed(pilot))
        pilot.app.screen.query_one("#filter", Input).value = "parrot"
        await until(pilot, lambda: listed(pilot) == ["Parrot"])
        await pilot.press("ctrl+n")
        await until(pilot, lambda: isinstance(pilot.app.screen, NewTalkDialog))
        await pilot.press(*"Glazes", "tab", *"ada")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))
        screen = place(pilot, ConversationScreen)
        assert "Glazes" in str(screen.title_bar.render()) and screen.talk.conversation.title == "Glazes"
        screen.query_one(Prompt).put("hello")
        await pilot.press("enter")
        await until(pilot, lambda: bool(screen.talk.turn and screen.talk.turn.stop))
        shown = str(screen.title_bar.render())
        assert "as ada" in shown
        await pilot.press("ctrl+n")
        await until(pilot, lambda: pilot.app.screen is not screen and isinstance(pilot.app.screen, ConversationScreen))
        again = place(pilot, ConversationScreen)
        assert again.talk.conversation.external_user_id == "ada" and not again.talk.conversation.made
    assert [entry["external_user_id"] for entry in ledger(sandbox, "prompt")] == ["ada"]


async def test_a_vendor_without_users_asks_for_none(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "qoder")
    async with application() as pilot:
        await until(pilot, lambda: "Scribe" in listed(pilot))
        await pilot.press("ctrl+n")
        await until(pilot, lambda: isinstance(pilot.app.screen, NewTalkDialog))
        assert "for whom" not in [str(one.render()).lower() for one in pilot.app.screen.query(".question")]
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, NewTalkDialog))
