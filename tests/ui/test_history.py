"""History on the real program and a real sandbox: pins, tags, previews, deletions that can be taken back, what is new."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from app.sandbox.server import Ready
from app.ui import deletions
from app.ui.screens.conversation import ConversationScreen
from app.ui.screens.history import HistoryScreen
from app.ui.screens.search import SearchScreen
from app.ui.widgets.glance import Glance
from app.ui.widgets.prompt import Prompt
from app.ui.widgets.rows import Row, Rows
from tests.servers import codeer_client, ledger
from tests.ui.test_inbox import ask_builder
from tests.ui.test_places import application, place, until, use
from tests.ui.test_search import say


def rows(screen: HistoryScreen) -> list[Row]:
    return [row for row in screen.query_one(Rows).rows if not row.still]


def titles(screen: HistoryScreen) -> list[str]:
    return [row.cells[1].text for row in rows(screen)]


def headings(screen: HistoryScreen) -> list[str]:
    return [row.cells[0].text for row in screen.query_one(Rows).rows if row.heading]


async def history(pilot: Pilot[Any], count: int) -> HistoryScreen:
    await pilot.press("f3")
    await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen))
    screen: HistoryScreen = place(pilot, HistoryScreen)
    await until(pilot, lambda: len(rows(screen)) == count and "synced" in screen._state)
    screen.query_one(Rows).focus()
    return screen


def put(screen: HistoryScreen, title: str) -> None:
    screen.query_one(Rows).put_cursor(next(row.key for row in rows(screen) if title in row.cells[1].text))


async def test_pins_tags_titles_and_filters(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer", "qoder")
    async with application() as pilot:
        await say(pilot, "Researcher", "first heron")
        await say(pilot, "Guide", "second egret")
        screen = await history(pilot, 2)
        assert headings(screen) == ["Today"]
        put(screen, "first heron")
        await pilot.press("p")
        await until(pilot, lambda: headings(screen) == ["Pinned", "Today"])
        assert "first heron" in titles(screen)[0]
        await pilot.press("t")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "AskLine")
        pilot.app.screen.query_one(Input).value = "Kiln, urgent"
        await pilot.press("enter")
        await until(pilot, lambda: "#kiln  #urgent" in titles(screen)[0])
        field = screen.query_one("#filter", Input)
        for words, wanted in (
            ("tag:kiln", ["first heron"]),
            ("is:pinned", ["first heron"]),
            ("agent:guide", ["second egret"]),
            ("egr", ["second egret"]),
            ("tool:search", ["first heron"]),
            ("tag:nothing", []),
        ):
            field.value = words
            await until(pilot, lambda want=wanted: [title.partition("  ")[0] for title in titles(screen)] == want)  # type: ignore[misc]
        field.value = "before:nonsense"
        await until(pilot, lambda: "is no date" in str(screen.query_one("#filter-count", Static).render()))
        field.value = "heron"
        await pilot.press("ctrl+f")
        await until(pilot, lambda: isinstance(pilot.app.screen, SearchScreen) and bool(pilot.app.screen._hits))
        assert pilot.app.screen.query_one("#filter", Input).value == "heron"


async def test_a_deletion_can_be_taken_back_and_leaves_only_after_that(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "qoder")
    monkeypatch.setattr(deletions, "UNDO", 3.0)
    async with application() as pilot:
        await say(pilot, "Parrot", "keep me")
        await say(pilot, "Parrot", "lose me")
        screen = await history(pilot, 2)
        put(screen, "keep me")
        await pilot.press("d")
        await until(pilot, lambda: len(rows(screen)) == 1)
        assert not ledger(sandbox, "delete")
        await pilot.press("u")
        await until(pilot, lambda: len(rows(screen)) == 2)
        monkeypatch.setattr(deletions, "UNDO", 0.3)
        put(screen, "lose me")
        await pilot.press("d")
        await until(pilot, lambda: bool(ledger(sandbox, "delete")))
        await until(pilot, lambda: not screen.deletions.hidden and len(rows(screen)) == 1)
        assert "keep me" in titles(screen)[0] and len(ledger(sandbox, "delete")) == 1


async def test_leaving_in_time_deletes_nothing(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "qoder")
    monkeypatch.setattr(deletions, "UNDO", 600.0)
    async with application() as pilot:
        await say(pilot, "Parrot", "still there")
        screen = await history(pilot, 1)
        await pilot.press("d")
        await until(pilot, lambda: not rows(screen))
    async with application() as pilot:
        await history(pilot, 1)
    assert not ledger(sandbox, "delete")


async def test_states_and_the_preview(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "qoder")
    async with application() as pilot:
        await ask_builder(pilot, "Tidy up the greeter and run the tests")
        screen = await history(pilot, 1)
        assert (rows(screen)[0].cells[0].text, rows(screen)[0].cells[4].text) == ("!", "needs you")
        await pilot.press("space")
        glance = screen.query_one(Glance)
        await until(pilot, lambda: "Tidy up the greeter" in str(glance.query_one(Static).render()))
        assert "waits for you" in str(glance.query_one(Static).render())
        await pilot.press("space")
        assert not glance.shown


async def test_what_came_meanwhile_is_new_and_has_a_line_before_it(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application() as pilot:
        talk = await say(pilot, "Parrot", "the first")
        pk, chat, agent = talk.talk.pk, talk.talk.conversation.id, talk.talk.conversation.agent_id
        screen = await history(pilot, 1)
        assert rows(screen)[0].cells[4].text == ""
        store = screen.desk.store
        await pilot.press("escape", "escape")
        await pilot.press("f2")
        async with codeer_client(sandbox) as client:
            sent = await client.post(
                f"/chats/{chat}/messages", json={"message": "from elsewhere", "stream": False, "agent_id": agent}
            )
            assert sent.status_code < 300, sent.text
        await store._do(lambda connection: connection.execute("UPDATE conversations SET read_at = read_at - 120").rowcount)
        screen = await history(pilot, 1)
        await until(pilot, lambda: rows(screen)[0].cells[4].text == "new")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))
        opened = place(pilot, ConversationScreen)
        assert opened.talk.pk == pk
        await until(pilot, lambda: len(opened.talk.transcript.turns) == 2)
        await until(pilot, lambda: opened.view._divider[0] in [turn.uid for turn in opened.talk.transcript.turns])


async def test_a_title_is_changed_where_the_vendor_can(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "qoder")
    async with application() as pilot:
        await say(pilot, "Parrot", "words for a title")
        screen = await history(pilot, 1)
        await pilot.press("r")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "AskLine")
        pilot.app.screen.query_one(Input).value = "a better title"
        await pilot.press("enter")
        await until(pilot, lambda: titles(screen) == ["a better title"])
        await pilot.press("a")
        await until(pilot, lambda: not rows(screen))
        screen.query_one("#filter", Input).value = "is:archived"
        await until(pilot, lambda: titles(screen) == ["a better title"])


async def test_export_asks_for_format_and_file_and_never_overwrites(
    sandbox: Ready, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, sandbox, "codeer")
    monkeypatch.chdir(tmp_path)
    async with application() as pilot:
        await say(pilot, "Parrot", "the key sk-abcdefghij0123456789 of the heron")
        await history(pilot, 1)

        async def export(*keys: str) -> None:
            await pilot.press("x")
            await until(pilot, lambda: type(pilot.app.screen).__name__ == "ChooseDialog")
            await pilot.press(*keys, "enter")
            await until(pilot, lambda: type(pilot.app.screen).__name__ == "AskLine")
            await pilot.press("enter")

        await export("down")
        await until(pilot, lambda: bool(list(tmp_path.glob("*.html"))) and bool(next(tmp_path.glob("*.html")).stat().st_size))
        written = next(tmp_path.glob("*.html"))
        text = written.read_text()
        assert "of the heron" in text and "sk-abc" not in text and written.stat().st_mode & 0o777 == 0o600
        told = lambda: [str(one.message) for one in pilot.app._notifications]  # noqa: E731
        await until(pilot, lambda: any("secrets were taken out" in one for one in told()))
        written.write_text("mine")
        await export("down")
        await until(pilot, lambda: any("exists already" in one for one in told()))
        assert written.read_text() == "mine"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))
        talk = place(pilot, ConversationScreen)
        await until(pilot, lambda: bool(talk.query(Prompt)))
        talk.query_one(Prompt).put("/export")
        await pilot.press("enter")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "ChooseDialog")
        await pilot.press("end", "enter")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "AskLine")
        await pilot.press("enter")
        await until(pilot, lambda: bool(list(tmp_path.glob("*.jsonl"))))
