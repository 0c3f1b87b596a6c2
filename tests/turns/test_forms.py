"""A form that an agent asks for: handed in once, the turn goes on, and the history read again is the same."""

from __future__ import annotations

from pathlib import Path

from app.models import Answer, RequestKind, Stop
from app.sandbox.server import Ready
from tests.servers import ledger
from tests.turns.conftest import scene

GOOD = {"full_name": "Ada", "guests": 2, "day": "2026-12-01", "course": "wheel", "level": "new", "extras": ["tea"]}


async def test_a_form_is_filled_in_and_the_turn_goes_on(ready: Ready, tmp_path: Path) -> None:
    async with scene("codeer", tmp_path, ready) as stage:
        talk = await stage.talk("Intake")
        turn = await stage.turns.submit(talk, "a visit")
        await stage.turns.idle(talk)
        assert turn.stop is Stop.NEEDS_INPUT and turn.waiting[0].kind is RequestKind.FORM
        request = turn.waiting[0]
        stage.turns.answer(talk, [Answer(request.event_id, request.kind, data={"full_name": "Ada"})])
        await stage.turns.idle(talk)
        assert turn.waiting == (request,) and talk.trouble is not None and talk.fields
        stage.turns.answer(talk, [Answer(request.event_id, request.kind, data=GOOD)])
        await stage.turns.idle(talk)
        assert turn.stop is Stop.DONE and "Ada" in turn.answer and not turn.waiting
        before = [(part.id, part.text) for part in turn.parts if part.text]
        stage.turns.refresh(talk)
        await stage.turns.idle(talk)
        assert [(part.id, part.text) for part in turn.parts if part.text] == before
        assert len(ledger(ready, "answer")) == 1


async def test_a_form_is_still_there_after_a_restart(ready: Ready, tmp_path: Path) -> None:
    async with scene("codeer", tmp_path, ready) as before:
        talk = await before.talk("Intake")
        await before.turns.submit(talk, "a visit")
        await before.turns.idle(talk)
        pk = talk.pk
    async with scene("codeer", tmp_path, ready) as after:
        stored = await after.store.get(pk)
        assert stored is not None
        talk = await after.turns.open(after.vendor, stored)
        turn = talk.transcript.turns[0]
        request = turn.waiting[0]
        after.turns.answer(talk, [Answer(request.event_id, request.kind, data=GOOD)])
        await after.turns.idle(talk)
        assert turn.stop is Stop.DONE


async def test_a_cut_hand_in_is_looked_up_and_never_repeated(ready: Ready, tmp_path: Path) -> None:
    for fault in ("drop_before", "drop_after_store", "drop_after_events"):
        path = tmp_path / fault
        path.mkdir()
        async with scene("codeer", path, ready) as stage:
            talk = await stage.talk("Intake")
            turn = await stage.turns.submit(talk, "a visit")
            await stage.turns.idle(talk)
            request, known = turn.waiting[0], len(ledger(ready, "answer"))
            stage.fault(fault, "POST /chats/*/form-requests/*/submit", n=1)
            stage.turns.answer(talk, [Answer(request.event_id, request.kind, data=GOOD)])
            await stage.turns.idle(talk)
            handed_in = len(ledger(ready, "answer")) - known
            assert handed_in <= 1
            if turn.stop is Stop.DONE:
                assert handed_in == 1
            elif handed_in == 0:
                assert turn.waiting or turn.stop is Stop.UNKNOWN
