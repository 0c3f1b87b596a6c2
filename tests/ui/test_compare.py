"""Two agents, one prompt: both stream, one is picked, and nothing is rated by itself."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from app.sandbox.server import Ready
from app.ui.screens.agents import AgentsScreen
from app.ui.screens.compare import CompareScreen
from app.ui.screens.conversation import ConversationScreen
from app.ui.widgets.linked import LinkedView
from app.ui.widgets.prompt import Prompt
from app.ui.widgets.rows import Rows
from tests.servers import ledger
from tests.ui.test_places import application, listed, place, until, use


async def compare(pilot: Pilot[Any], *agents: tuple[str, str]) -> CompareScreen:
    """Open it with these two (name, profile)."""
    await until(pilot, lambda: isinstance(pilot.app.screen, AgentsScreen) and "Metronome" in listed(pilot))
    screen: AgentsScreen = place(pilot, AgentsScreen)
    for name, profile in agents:
        screen.query_one("#filter", Input).value = name.lower()

        def key(wanted: tuple[str, str] = (name, profile)) -> str:
            there = [one for one in screen._found() if (one.agent.name, one.profile.name) == wanted]
            return there[0].key if there and there[0].key in [row.key for row in screen.query_one(Rows).rows] else ""

        await until(pilot, lambda: bool(key()))
        screen.query_one(Rows).focus()
        screen.query_one(Rows).put_cursor(key())
        await pilot.press("c")
    await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
    opened: CompareScreen = place(pilot, CompareScreen)
    await until(pilot, lambda: bool(opened.query(Prompt)))
    return opened


async def ask(pilot: Pilot[Any], screen: CompareScreen, text: str) -> None:
    screen.query_one(Prompt).put(text)
    screen.query_one(Prompt).focus()
    await pilot.press("enter")
    await until(pilot, lambda: len(screen._talks) == 2 and screen._decidable)


async def test_both_are_asked_one_is_picked_and_rating_is_only_offered(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer", "qoder")
    async with application((130, 36)) as pilot:
        screen = await compare(pilot, ("Parrot", "codeer"), ("Parrot", "qoder"))
        await ask(pilot, screen, "the same heron")
        assert [entry["vendor"] for entry in ledger(sandbox, "prompt")].count("codeer") == 1
        assert len(ledger(sandbox, "prompt")) == 2
        assert all("the same heron" in (talk.transcript.turns[0].answer) for talk in screen._talks)
        await pilot.press("1")
        assert screen.query_one(Prompt).text == "1" and not screen._winner
        screen.query_one(Prompt).clear()
        await pilot.press("tab")
        assert screen.query_one("#left", LinkedView).has_focus
        await pilot.press("1")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "ChooseDialog")
        found = await screen.desk.store.comparisons("Parrot · codeer", "Parrot · qoder")
        assert [(one.prompt, one.winner, one.left.agent) for one in found] == [("the same heron", "left", "Parrot · codeer")]
        await pilot.press("end", "enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert not ledger(sandbox, "rating")
        await pilot.press("1")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "ChooseDialog")
        await pilot.press("enter")
        await until(pilot, lambda: len(ledger(sandbox, "rating")) == 1)
        await until(pilot, lambda: pilot.app.screen is screen)
        await pilot.press("tab", "c")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))
        assert place(pilot, ConversationScreen).talk is screen._talks[1]


async def test_both_stream_scroll_together_and_give_way_in_a_narrow_window(
    sandbox: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application((80, 24)) as pilot:
        screen = await compare(pilot, ("Metronome", "codeer"), ("Parrot", "codeer"))
        await ask(pilot, screen, "stream 900\n" + "line\n" * 60)
        left, right = screen.query_one("#left", LinkedView), screen.query_one("#right", LinkedView)
        assert screen.query_one("#side-left").display and not screen.query_one("#side-right").display
        await pilot.press("tab", "tab")
        assert right.has_focus and screen.query_one("#side-right").display and not screen.query_one("#side-left").display
        await pilot.resize_terminal(130, 30)
        await until(pilot, lambda: screen.query_one("#side-left").display and screen.query_one("#side-right").display)
        left.flush()
        right.flush()
        assert left.follow and right.follow
        await pilot.press("pageup")
        await until(pilot, lambda: not left.follow and not right.follow)
        await pilot.press("end")
        await until(pilot, lambda: left.follow and right.follow)
        await pilot.press("0")
        await until(pilot, lambda: screen._winner == "equal")
        await pilot.press("escape")
        screen.query_one(Prompt).put("not sent yet")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, AgentsScreen))
        again = await compare(pilot, ("Metronome", "codeer"), ("Parrot", "codeer"))
        await until(pilot, lambda: again.query_one(Prompt).text == "not sent yet")
