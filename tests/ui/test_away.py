"""What came while nobody looked has a line before it; a conversation one looks at has none."""

from __future__ import annotations

import pytest

from app.models import PartKind
from app.sandbox.server import Ready
from app.transcript import Part, Turn
from app.ui.requests import GoBack
from app.ui.screens.away import first_unread, mark_of
from app.ui.screens.conversation import ConversationScreen
from app.ui.screens.history import HistoryScreen
from app.ui.widgets.rows import Rows
from tests.servers import qoder_client
from tests.ui.test_places import application, listed, place, until, use


def test_where_the_line_belongs() -> None:
    turns = [Turn(f"t{number}", float(number), parts=[Part("p", PartKind.TEXT)]) for number in range(3)]
    assert first_unread(turns, mark_of(turns[-1])) is None
    assert first_unread(turns, mark_of(turns[0])) is turns[1]
    turns[2].parts.append(Part("q", PartKind.TEXT))
    assert first_unread(turns, "1 t2") is turns[2]
    for odd in ("", "x", "1 gone", "x t1"):
        assert first_unread(turns, odd) is None


async def test_a_session_from_the_list_is_followed_and_what_was_missed_is_marked(
    sandbox: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, sandbox, "qoder")
    async with qoder_client(sandbox) as client, application() as pilot:

        async def send(text: str) -> None:
            event = {"type": "user.message", "content": [{"type": "text", "text": text}]}
            assert (await client.post(f"/sessions/{session}/events", json={"events": [event]})).status_code == 200

        body = {"agent": "agent_sandbox_parrot", "environment_id": "env_default", "title": "begun elsewhere"}
        session = (await client.post("/sessions", json=body)).json()["id"]
        await until(pilot, lambda: "Parrot" in listed(pilot))
        await pilot.press("f3")
        await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen) and bool(pilot.app.screen.query("#list")))
        rows = place(pilot, HistoryScreen).query_one("#list", Rows)
        await until(pilot, lambda: any("begun elsewhere" in cell.text for row in rows.rows for cell in row.cells))
        rows.focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))
        screen = place(pilot, ConversationScreen)
        await until(pilot, lambda: screen.talk.following is not None)
        await send("while I look")
        await until(pilot, lambda: [turn.answer for turn in screen.talk.transcript.turns] == ["while I look"])
        assert not screen.view._divider[0]
        screen.post_message(GoBack())
        await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen))
        await send("while I am away")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))
        again = place(pilot, ConversationScreen)
        await until(pilot, lambda: [turn.answer for turn in again.talk.transcript.turns] == ["while I look", "while I am away"])
        await until(pilot, lambda: again.view._divider == (again.talk.transcript.turns[1].uid, "while you were away"))
