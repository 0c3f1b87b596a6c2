"""A conversation somebody looks at follows what others do in it, live, and is as the server has it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from app.models import Prompt, Stop
from app.sandbox.server import Ready
from app.transcript import Change, What
from app.turns import Talk
from app.vendors.qoder import Qoder
from tests.servers import qoder_client
from tests.turns.conftest import QUICK, Scene, scene


async def attached(stage: Scene, session: str) -> Talk:
    """A session that somebody else began, opened as from the list."""
    account = await stage.store.account(stage.profile)
    stored = await stage.store.save_conversation(account, await stage.vendor.conversation(session))
    talk = await stage.turns.open(stage.vendor, stored)
    stage.turns.watch(talk)
    stage.turns.refresh(talk)
    return talk


async def begun(ready: Ready, agent: str, text: str = "") -> str:
    async with qoder_client(ready) as client:
        body = {"agent": f"agent_sandbox_{agent}", "environment_id": "env_default"}
        if text:
            body["initial_events"] = [{"type": "user.message", "content": [{"type": "text", "text": text}]}]  # type: ignore[assignment]
        return str((await client.post("/sessions", json=body)).json()["id"])


async def send(ready: Ready, session: str, *events: object) -> None:
    async with qoder_client(ready) as client:
        assert (await client.post(f"/sessions/{session}/events", json={"events": list(events)})).status_code == 200


def said(text: str) -> object:
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}


async def test_a_session_that_runs_already_streams_on(ready: Ready, tmp_path: Path) -> None:
    async with scene("qoder", tmp_path, ready) as stage:
        session = await begun(ready, "scribe", "stream 300 at 150")
        deltas: list[str] = []
        stage.turns.listen(lambda _, change: deltas.append(change.text) if change.what is What.DELTA else None)
        talk = await attached(stage, session)
        async with asyncio.timeout(30):
            await stage.turns.until(talk, lambda: talk.turn is not None and talk.turn.stop is Stop.DONE)
        assert talk.turn is not None and talk.turn.text == "stream 300 at 150"
        assert len(talk.turn.answer) == 1200 and len(deltas) > 3
        pieces = talk.deltas.of(talk.turn.message_id)
        assert "".join(text for _, text in pieces) == talk.turn.answer


async def test_what_others_ask_and_answer_is_seen_as_it_happens(ready: Ready, tmp_path: Path) -> None:
    async with scene("qoder", tmp_path, ready) as stage:
        session = await begun(ready, "clerk")
        talk = await attached(stage, session)
        await stage.turns.idle(talk)
        assert talk.following is not None
        await send(ready, session, said("Where is order B-77?"))
        async with asyncio.timeout(30):
            await stage.turns.until(talk, lambda: talk.turn is not None and bool(talk.turn.waiting))
        assert talk.turn is not None
        event = talk.turn.waiting[0].event_id
        await stage.turns.idle(talk)
        content = [{"type": "text", "text": "in the attic"}]
        await send(ready, session, {"type": "user.custom_tool_result", "custom_tool_use_id": event, "content": content})
        async with asyncio.timeout(30):
            await stage.turns.until(talk, lambda: talk.turn is not None and talk.turn.stop is Stop.DONE)
        assert "in the attic" in talk.turn.answer and not talk.turn.waiting
        assert [turn.text for turn in await stage.store.turns(talk.pk)] == ["Where is order B-77?"]


async def test_ones_own_prompt_takes_the_place_and_the_cost_comes_after_it(ready: Ready, tmp_path: Path) -> None:
    async with scene("qoder", tmp_path, ready) as stage:
        session = await begun(ready, "parrot")
        talk = await attached(stage, session)
        await stage.turns.idle(talk)
        for number in range(3):
            turn = await stage.turns.submit(talk, f"number {number}")
            await stage.turns.idle(talk)
            assert turn.stop is Stop.DONE
        async with asyncio.timeout(30):
            await stage.turns.until(talk, lambda: talk.transcript.turns[-1].usage is not None)
        other = Qoder(stage.profile, ready.qoder_key, clock=QUICK)
        async for _ in other.send(talk.conversation, Prompt("k", "from elsewhere")):
            pass
        await other.aclose()
        async with asyncio.timeout(30):
            await stage.turns.until(talk, lambda: [turn.stop for turn in talk.transcript.turns] == [Stop.DONE] * 4)
        assert [turn.text for turn in talk.transcript.turns] == ["number 0", "number 1", "number 2", "from elsewhere"]
        ids = [event.wire.id for event in await stage.store.events(talk.pk)]
        assert len(ids) == len(set(ids))


async def test_nobody_looks_nobody_listens(ready: Ready, tmp_path: Path) -> None:
    async with scene("qoder", tmp_path, ready) as stage:
        talk = await attached(stage, await begun(ready, "parrot"))
        await stage.turns.idle(talk)
        task = talk.following
        assert task is not None
        stage.turns.unwatch(talk)
        await asyncio.wait([task])
        changes: list[Change] = []
        stage.turns.listen(lambda _, change: changes.append(change))
        await send(ready, talk.conversation.id, said("alone"))
        await asyncio.sleep(0.2)
        assert not changes and not talk.transcript.turns
