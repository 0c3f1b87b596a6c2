"""A turn from prompt to stop, over real sockets, judged by the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.errors import UsageError
from app.models import Answer, Conversation, Event, PartKind, PromptState, RequestKind, Stop
from app.sandbox.server import Ready
from app.transcript import Change, What
from app.turns import Chip, Talk, chip
from tests.servers import ledger
from tests.turns.conftest import Scene, scene

EXACT = "naïve 你好 👩‍💻"


async def test_a_turn_comes_back_exactly_and_is_on_disk(stage: Scene) -> None:
    talk = await stage.talk()
    told: list[What] = []
    stage.turns.listen(lambda _, change: told.append(change.what))
    turn = await stage.turns.submit(talk, EXACT)
    assert turn.state is PromptState.QUEUED
    assert [kept.text for kept in await stage.store.turns(talk.pk)] == [EXACT]
    await stage.turns.idle(talk)
    assert (turn.state, turn.stop, turn.answer) == (PromptState.SENT, Stop.DONE, EXACT)
    await stage.turns.aclose()
    kept = (await stage.store.turns(talk.pk))[0]
    assert (kept.answer, kept.stop, kept.prompt_id, kept.message_id) == (EXACT, Stop.DONE, turn.prompt_id, turn.message_id)
    assert kept.message_id and (What.DELTA in told or stage.side == "qoder")
    assert stage.prompts() == [EXACT]
    assert [event.wire.type for event in await stage.store.events(talk.pk)]


async def test_a_second_prompt_waits_and_can_be_taken_back(stage: Scene) -> None:
    talk = await stage.talk("Metronome" if stage.side == "codeer" else "Scribe")
    first = await stage.turns.submit(talk, "stream 200 at 400")
    second = await stage.turns.submit(talk, "stream 5")
    third = await stage.turns.submit(talk, "stream 6")
    assert talk.queued[-2:] == [second, third]
    assert await stage.turns.withdraw(talk, third)
    assert not await stage.turns.withdraw(talk, first) or first in talk.queued
    await stage.turns.idle(talk)
    assert [turn.stop for turn in talk.transcript.turns] == [Stop.DONE, Stop.DONE]
    assert stage.prompts() == ["stream 200 at 400", "stream 5"]
    assert [turn.text for turn in await stage.store.turns(talk.pk)] == ["stream 200 at 400", "stream 5"]


async def test_two_conversations_stream_at_once(stage: Scene) -> None:
    name = "Metronome" if stage.side == "codeer" else "Scribe"
    one, two = await stage.talk(name), await stage.talk(name)
    order: list[int] = []

    def listen(talk: Talk, change: Change) -> None:
        if change.what is What.DELTA:
            order.append(talk.pk)

    stage.turns.listen(listen)
    await stage.turns.submit(one, "stream 400 at 400")
    await stage.turns.submit(two, "stream 400 at 400")
    await asyncio.gather(stage.turns.idle(one), stage.turns.idle(two))
    assert one.transcript.turns[0].answer == two.transcript.turns[0].answer != ""
    first_end = max(index for index, pk in enumerate(order) if pk == order[0])
    assert any(pk != order[0] for pk in order[:first_end])


@pytest.mark.parametrize("fault", ["drop_before", "drop_after_store", "drop_after_events", "no_terminal_event", "status"])
async def test_a_cut_never_doubles_and_never_lies(stage: Scene, fault: str) -> None:
    talk = await stage.talk()
    await stage.turns.submit(talk, "first")
    await stage.turns.idle(talk)
    stage.fault(fault, n=1, code=502)
    turn = await stage.turns.submit(talk, "the words")
    await stage.turns.idle(talk)
    stored = stage.prompts().count("the words")
    assert stored <= 1
    if turn.state is PromptState.SENT:
        assert stored == 1 and turn.stop is Stop.DONE and turn.answer == "the words"
    else:
        assert stored == 0 and turn.stop in (Stop.UNKNOWN, Stop.FAILED) and turn.failure is not None
    if fault in ("drop_after_store", "drop_after_events", "no_terminal_event"):
        assert turn.state is PromptState.SENT


async def test_refused_is_proof_that_it_was_not_sent(stage: Scene) -> None:
    talk = await stage.talk()
    await stage.turns.submit(talk, "first")
    await stage.turns.idle(talk)
    stage.fault("status", code=400)
    turn = await stage.turns.submit(talk, "bad")
    await stage.turns.idle(talk)
    assert (turn.state, turn.stop) == (PromptState.NOT_SENT, Stop.FAILED)
    assert turn.failure is not None and "bad" not in stage.prompts()


async def test_a_restart_settles_what_was_in_flight(side: str, ready: Ready, tmp_path: Path) -> None:
    async with scene(side, tmp_path, ready) as before:
        talk = await before.talk("Metronome" if side == "codeer" else "Scribe")
        turn = await before.turns.submit(talk, "stream 60 at 300")
        await before.turns.until(talk, lambda: len(turn.answer) > 20)
        pk, partial = talk.pk, turn.answer
    async with scene(side, tmp_path, ready) as after:
        stored = await after.store.get(pk)
        assert stored is not None
        talk = await after.turns.open(after.vendor, stored)
        found = talk.transcript.turns[0]
        assert found.answer.startswith(partial[:20]) and found.stop is None
        await after.turns.idle(talk)
        assert (found.state, found.stop) == (PromptState.SENT, Stop.DONE)
        assert len(found.answer) == 240 and len(after.prompts()) == 1


async def test_queued_at_the_end_of_the_program_is_not_sent(side: str, ready: Ready, tmp_path: Path) -> None:
    async with scene(side, tmp_path, ready) as before:
        talk = await before.talk("Metronome" if side == "codeer" else "Scribe")
        turn = await before.turns.submit(talk, "stream 400 at 200")
        await before.turns.submit(talk, "later")
        await before.turns.until(talk, lambda: bool(turn.answer))
        pk = talk.pk
    async with scene(side, tmp_path, ready) as after:
        stored = await after.store.get(pk)
        assert stored is not None
        talk = await after.turns.open(after.vendor, stored)
        assert talk.transcript.turns[1].state is PromptState.NOT_SENT
        assert after.prompts() == ["stream 400 at 200"]


async def test_approvals_and_their_reason(ready: Ready, tmp_path: Path) -> None:
    async with scene("qoder", tmp_path, ready) as stage:
        talk = await stage.talk("Builder")
        turn = await stage.turns.submit(talk, "tidy up")
        await stage.turns.idle(talk)
        assert turn.stop is Stop.NEEDS_APPROVAL and turn.waiting
        assert chip(talk, 0.0)[0] is Chip.NEEDS_YOU
        stage.turns.answer(talk, [Answer(request.event_id, request.kind, False, "not on a Friday") for request in turn.waiting])
        await stage.turns.idle(talk)
        assert turn.stop is Stop.DONE and "not on a Friday" in turn.answer
        assert len(ledger(ready, "approval")) == 1
        stage.turns.answer(talk, [Answer("evt_none", RequestKind.APPROVAL)])
        await stage.turns.idle(talk)
        assert turn.stop is Stop.DONE


async def test_interrupting_at_the_server(ready: Ready, tmp_path: Path) -> None:
    async with scene("qoder", tmp_path, ready) as stage:
        talk = await stage.talk("Scribe")
        turn = await stage.turns.submit(talk, "stream 4000 at 300")
        await stage.turns.until(talk, lambda: bool(turn.answer))
        assert await stage.turns.interrupt(talk)
        await stage.turns.idle(talk)
        assert turn.stop is Stop.INTERRUPTED and turn.answer


async def test_stopping_to_listen_keeps_the_text_and_reads_the_rest(ready: Ready, tmp_path: Path) -> None:
    async with scene("codeer", tmp_path, ready) as stage:
        talk = await stage.talk("Metronome")
        turn = await stage.turns.submit(talk, "stream 100 at 300")
        await stage.turns.until(talk, lambda: bool(turn.answer))
        assert not await stage.turns.interrupt(talk)
        await stage.turns.until(talk, lambda: talk.held)
        assert turn.stop is Stop.INTERRUPTED and turn.answer
        later = await stage.turns.submit(talk, "stream 3")
        await stage.turns.idle(talk)
        assert (turn.stop, len(turn.answer)) == (Stop.DONE, 400)
        assert later.stop is Stop.DONE and len(stage.prompts()) == 2


async def test_nothing_is_not_sent(stage: Scene) -> None:
    talk = await stage.talk()
    with pytest.raises(UsageError):
        await stage.turns.submit(talk, "  \n")
    assert stage.prompts() == []


async def test_a_history_from_elsewhere_is_read_once(stage: Scene) -> None:
    talk = await stage.talk()
    for text in ("one", "two"):
        await stage.turns.submit(talk, text)
        await stage.turns.idle(talk)
    account = await stage.store.account(stage.profile)
    await stage.store.delete_conversation(talk.pk, remember=False)
    there = await stage.vendor.conversation(talk.conversation.id)
    fresh = await stage.turns.open(stage.vendor, await stage.store.save_conversation(account, there))
    for _ in range(2):
        stage.turns.refresh(fresh)
        await stage.turns.idle(fresh)
    turns = [(turn.text, turn.answer, turn.stop) for turn in fresh.transcript.turns]
    assert turns == [("one", "one", Stop.DONE), ("two", "two", Stop.DONE)]
    assert [turn.answer for turn in await stage.store.turns(fresh.pk)] == ["one", "two"]


async def test_an_unknown_agent_fails_before_anything_leaves(stage: Scene) -> None:
    account = await stage.store.account(stage.profile)
    local = Conversation("~nobody", agent_id="00000000-0000-4000-8000-00000000dead", agent_name="Nobody", environment="env_none")
    talk = await stage.turns.open(stage.vendor, await stage.store.save_conversation(account, local))
    turn = await stage.turns.submit(talk, "hello")
    await stage.turns.idle(talk)
    assert turn.state is PromptState.NOT_SENT and turn.failure is not None
    assert stage.prompts() == []


async def test_tools_and_usage_are_kept(ready: Ready, tmp_path: Path) -> None:
    async with scene("codeer", tmp_path, ready) as stage:
        talk = await stage.talk("Researcher")
        turn = await stage.turns.submit(talk, "cone 6")
        await stage.turns.idle(talk)
        tools = [part for part in turn.parts if part.kind is PartKind.TOOL]
        assert all(part.done for part in tools) and any(part.output for part in tools)
        assert turn.usage is not None and turn.usage.total_tokens
        kept = (await stage.store.turns(talk.pk))[0]
        assert [(part.name, part.output) for part in kept.parts] == [(part.name, part.output) for part in turn.parts]


async def test_a_fault_of_ours_after_the_request_began_proves_nothing(stage: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = await stage.talk()
    await stage.turns.submit(talk, "first")
    await stage.turns.idle(talk)
    send = type(stage.vendor).send

    async def broken(self: object, *given: object) -> AsyncIterator[Event]:
        async for _ in send(self, *given):  # type: ignore[arg-type]
            raise ZeroDivisionError
        yield Event()

    monkeypatch.setattr(type(stage.vendor), "send", broken)
    turn = await stage.turns.submit(talk, "second")
    await stage.turns.idle(talk)
    assert stage.prompts() == ["first", "second"]
    assert (turn.state, turn.stop) == (PromptState.UNKNOWN, Stop.UNKNOWN)
    stage.turns.settle(talk, turn)
    await stage.turns.idle(talk)
    assert (turn.state, turn.stop, turn.answer) == (PromptState.SENT, Stop.DONE, "second")
