"""Search everything and the sync on the real program and a real sandbox: words in, the exact place out."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from app.sandbox.server import Ready
from app.ui.screens.conversation import ConversationScreen
from app.ui.screens.events import EventsScreen
from app.ui.screens.search import SearchScreen
from app.ui.screens.sync import SyncScreen
from app.ui.syncing import Stage
from app.ui.widgets.prompt import Prompt
from app.ui.widgets.rows import Rows
from tests.servers import ledger
from tests.ui.test_places import application, listed, place, until, use


async def say(pilot: Pilot[Any], agent: str, *texts: str) -> ConversationScreen:
    """A new conversation in which these were asked and answered."""
    await pilot.press("f2")
    await until(pilot, lambda: type(pilot.app.screen).__name__ == "AgentsScreen" and agent in listed(pilot))
    pilot.app.screen.query_one("#filter", Input).value = agent.lower()
    await until(pilot, lambda: listed(pilot)[:1] == [agent])
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))
    screen: ConversationScreen = place(pilot, ConversationScreen)
    await until(pilot, lambda: bool(screen.query(Prompt)))
    for number, text in enumerate(texts, 1):
        screen.query_one(Prompt).put(text)
        await pilot.press("enter")
        await until(
            pilot,
            lambda want=number: len(screen.talk.transcript.turns) == want and screen.talk.transcript.turns[-1].stop is not None,  # type: ignore[misc]
        )
    return screen


async def search(pilot: Pilot[Any], words: str, key: str = "f12") -> SearchScreen:
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, SearchScreen))
    screen: SearchScreen = place(pilot, SearchScreen)
    screen.query_one("#filter", Input).value = words
    return screen


def kinds(screen: SearchScreen) -> list[str]:
    return [row.cells[3].text for row in screen.query_one(Rows).rows if not row.still]


async def test_enter_opens_at_the_message_and_the_hit(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application() as pilot:
        talk = await say(pilot, "Parrot", "a walrus first", *(f"filler {n} " + "line\n" * 30 for n in range(3)), "the last one")
        await pilot.press("f2")
        screen = await search(pilot, "walr")
        await until(
            pilot, lambda: sorted(kinds(screen)) == ["answer", "title", "you"] or sorted(kinds(screen)) == ["answer", "you"]
        )
        details = [row for row in screen.query_one(Rows).rows if row.detail]
        assert all(row.cells[0].text[start:end] == "walr" for row in details for start, end in row.cells[0].hits)
        assert all(row.cells[0].hits for row in details)
        screen.query_one(Rows).put_cursor(str(kinds(screen).index("answer")))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))
        opened = place(pilot, ConversationScreen)
        assert opened.talk.pk == talk.talk.pk
        await until(pilot, lambda: opened.view.hit_number > 0)
        shown = opened.view._search
        assert shown is not None and shown.here is not None
        assert shown.here.uid == opened.talk.transcript.turns[0].uid and shown.here.key != ""
        assert opened.view.has_focus and not opened.view.follow
        first = opened.view.window.visible()[0]
        assert first.turn == 0


async def test_filters_the_last_query_wins_and_a_wrong_one_is_a_sentence(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application() as pilot:
        await say(pilot, "Parrot", "heron of the parrot")
        await say(pilot, "Researcher", "heron of the researcher")
        screen = await search(pilot, "heron agent:researcher")
        await until(
            pilot, lambda: bool(screen._hits) and {hit.stored.conversation.agent_name for hit in screen._hits} == {"Researcher"}
        )
        screen.query_one("#filter", Input).value = "tool:search"
        await until(pilot, lambda: set(kinds(screen)) == {"tool"})
        tool = screen._hits[0]
        screen.query_one("#filter", Input).value = "is:purple"
        await until(pilot, lambda: "is:purple is not known" in str(screen.query_one("#filter-count", Static).render()))
        for words in ("h", "he", "her", "heron of the p"):
            screen.query_one("#filter", Input).value = words
        await until(pilot, lambda: {hit.stored.conversation.agent_name for hit in screen._hits} == {"Parrot"})
        screen.query_one("#filter", Input).value = "tool:search"
        await until(pilot, lambda: set(kinds(screen)) == {"tool"})
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))
        opened = place(pilot, ConversationScreen)
        await until(pilot, lambda: opened.view.focused_part is not None and opened.view.focused_part.id == tool.part_id)
        assert tool.part_id in opened.view._open_parts


async def test_an_event_opens_the_events(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application() as pilot:
        await say(pilot, "Researcher", "why")
        screen = await search(pilot, "response.created in:event")
        await until(pilot, lambda: set(kinds(screen)) == {"event"})
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EventsScreen))


async def test_the_sync_shows_first_then_reads_and_the_search_says_what_is_missing(
    sandbox: Ready, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application() as pilot:
        await say(pilot, "Parrot", "an egret somewhere")
    monkeypatch.setenv("PARLOUR_HOME", str(tmp_path / "elsewhere"))
    async with application() as pilot:
        await until(pilot, lambda: "Parrot" in listed(pilot))
        screen = await search(pilot, "egret")
        await until(pilot, lambda: "Not all read: codeer" in str(screen.query_one("#search-notice", Static).render()))
        assert not screen._hits
        await pilot.press("ctrl+y")
        await until(pilot, lambda: isinstance(pilot.app.screen, SyncScreen))
        sync: SyncScreen = place(pilot, SyncScreen)
        await until(pilot, lambda: sync._syncing.courses["codeer"].stage is Stage.ASKING)
        await pilot.pause(0.1)
        told = str(sync.query_one("#sync-detail", Static).render())
        assert sandbox.codeer_base in told and "1 conversations, 1 of them not here" in told and "never yet" in told
        assert not await sync.desk.store.search("egret", accounts=[1])
        await pilot.press("enter")
        await until(pilot, lambda: sync._syncing.courses["codeer"].stage is Stage.DONE)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen and bool(screen._hits))
        await until(pilot, lambda: "Complete: codeer until" in str(screen.query_one("#search-notice", Static).render()))
    assert len(ledger(sandbox, "prompt")) == 1


async def test_a_sync_is_paused_and_goes_on(sandbox: Ready, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application() as pilot:
        for number in range(3):
            await say(pilot, "Parrot", f"an ibis {number}")
    monkeypatch.setenv("PARLOUR_HOME", str(tmp_path / "elsewhere"))
    sandbox.world.faults.add({"match": "GET /chats/*/messages", "vendor": "codeer", "fault": "delay", "seconds": 30, "times": 1})
    async with application() as pilot:
        await until(pilot, lambda: "Parrot" in listed(pilot))
        await pilot.press("ctrl+y")
        await until(pilot, lambda: isinstance(pilot.app.screen, SyncScreen))
        syncing = place(pilot, SyncScreen)._syncing
        await until(pilot, lambda: syncing.courses.get("codeer") is not None and syncing.courses["codeer"].stage is Stage.ASKING)
        await pilot.press("enter")
        await until(
            pilot, lambda: syncing.courses["codeer"].stage is Stage.READING and syncing.courses["codeer"].filled is not None
        )
        await pilot.press("p")
        await until(pilot, lambda: syncing.courses["codeer"].stage is Stage.PAUSED)
        await pilot.press("enter")
        await until(pilot, lambda: syncing.courses["codeer"].stage is Stage.DONE, 60)
        filled = syncing.courses["codeer"].filled
        assert filled is not None and filled.complete
