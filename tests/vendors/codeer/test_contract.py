"""The Codeer client against the sandbox's Codeer side, over a real connection: the two are written apart, from the contract."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.clock import Clock
from app.errors import NotFound, OutcomeUnknown, Refused, VendorError
from app.models import Conversation, Event, LinkState, Profile, Prompt, Prompted, PromptState, Stop, TurnEnded, Verdict
from app.protocols import Attaches, Checks, Rates, Regenerates, Renames, Vendor, tell_link
from app.sandbox.server import Ready
from app.transcript import Transcript
from app.vendors import connect
from app.vendors.codeer.client import Codeer
from tests.servers import ledger


async def _no_sleep(seconds: float) -> None:
    del seconds


QUICK = Clock(sleep=_no_sleep)


def client(ready: Ready, **options: object) -> Codeer:
    profile = Profile("demo-codeer", "codeer", ready.codeer_base, external_user_id="potter-9", options=options)
    vendor = connect(profile, ready.codeer_key, clock=QUICK)
    assert isinstance(vendor, Codeer)
    return vendor


@pytest.fixture
async def codeer(sandbox: Ready) -> AsyncIterator[Codeer]:
    vendor = client(sandbox)
    yield vendor
    await vendor.aclose()


async def agent(codeer: Codeer, name: str) -> str:
    return next(one.id for one in await codeer.agents() if one.name == name)


async def talk(codeer: Codeer, conversation: Conversation, prompt: Prompt) -> tuple[Transcript, list[Event]]:
    transcript, events = Transcript(), []
    transcript.begin(prompt.key, prompt.text, after=prompt.after)
    async for event in codeer.send(conversation, prompt):
        events.append(event)
        transcript.apply(event)
    return transcript, events


def test_it_is_what_it_claims(sandbox: Ready) -> None:
    vendor = client(sandbox)
    assert all(isinstance(vendor, protocol) for protocol in (Vendor, Checks, Rates, Attaches, Regenerates, Renames))


async def test_a_turn_from_key_to_answer(sandbox: Ready, codeer: Codeer) -> None:
    assert "5 published agents" in await codeer.check()
    conversation = await codeer.start(await agent(codeer, "Parrot"), title="x" * 300)
    assert len(conversation.title) == 256 and conversation.agent_name == "Parrot"
    transcript, events = await talk(codeer, conversation, Prompt("k1", "Is the kiln free? 窯は？"))
    turn = transcript.turns[0]
    assert [turn.answer, turn.stop, turn.state] == ["Is the kiln free? 窯は？", Stop.DONE, PromptState.SENT]
    assert isinstance(events[0], Prompted) and isinstance(events[-1], TurnEnded)
    assert turn.prompt_id and turn.message_id and int(turn.message_id) > int(turn.prompt_id)
    (prompt,) = ledger(sandbox, "prompt")
    assert prompt["external_user_id"] == "potter-9"
    assert str(prompt["message_id"]) == turn.prompt_id


async def test_history_is_the_same_turns(codeer: Codeer) -> None:
    conversation = await codeer.start(await agent(codeer, "Researcher"))
    transcript, _ = await talk(codeer, conversation, Prompt("k1", "Which glaze?"))
    again = Transcript()
    async for event in codeer.history(conversation):
        again.apply(event)
    live, stored = transcript.turns[0], again.turns[0]
    assert stored.answer == live.answer and "<tool" not in stored.answer
    assert (stored.prompt_id, stored.message_id, stored.group, stored.stop) == (
        live.prompt_id,
        live.message_id,
        live.group,
        live.stop,
    )
    tools = [[(part.id, part.name, part.output) for part in turn.parts if part.name] for turn in (live, stored)]
    assert tools[0] == tools[1] and tools[0]
    assert live.usage is not None and live.usage == stored.usage


async def test_whole_answers(sandbox: Ready) -> None:
    codeer = client(sandbox, stream=False)
    conversation = await codeer.start(await agent(codeer, "Parrot"))
    await talk(codeer, conversation, Prompt("k0", "first"))
    transcript, events = await talk(codeer, conversation, Prompt("k1", "hello"))
    turn = transcript.turns[0]
    assert turn.answer == "hello" and turn.prompt_id and turn.message_id
    assert not any(event.wire.preview for event in events)
    await codeer.aclose()


async def test_a_form_is_asked_for(codeer: Codeer) -> None:
    conversation = await codeer.start(await agent(codeer, "Intake"))
    transcript, events = await talk(codeer, conversation, Prompt("k1", "book the kiln"))
    turn = transcript.turns[0]
    assert turn.stop is Stop.NEEDS_INPUT
    (request,) = turn.waiting
    assert request.event_id.startswith("form_") and request.input["fields"]
    again = Transcript()
    async for event in codeer.history(conversation):
        again.apply(event)
    assert again.turns[0].waiting == turn.waiting and again.turns[0].stop is Stop.NEEDS_INPUT
    assert isinstance(events[-1], TurnEnded)


async def test_lists_are_paged_to_the_end(codeer: Codeer) -> None:
    parrot = await agent(codeer, "Parrot")
    made = [(await codeer.start(parrot, title=f"chat {number}")).id for number in range(5)]
    found, after = [], ""
    for _ in range(9):
        page = await codeer.conversations(after, limit=2)
        found += [one.id for one in page.items]
        after = page.next
        if not after:
            break
    assert found == made[::-1] and page.total == 5
    assert (await codeer.conversation(made[2])).title == "chat 2"
    for name in ("ada", "bob", "ada"):
        await codeer.start(parrot, title=f"for {name}", external_user_id=name)
    oldest = await codeer.conversations_of("ada", limit=1, oldest=True)
    rest = await codeer.conversations_of("ada", oldest.next, limit=5, oldest=True)
    assert [one.external_user_id for one in (*oldest.items, *rest.items)] == ["ada", "ada"] and not rest.next
    assert int(oldest.items[0].id) < int(rest.items[0].id)
    with pytest.raises(NotFound):
        await codeer.conversation("12")


async def test_rate_rename_upload_regenerate(sandbox: Ready, codeer: Codeer, tmp_path: Path) -> None:
    conversation = await codeer.start(await agent(codeer, "Parrot"))
    file = tmp_path / 'no "tes.md'
    file.write_text("# Kiln\n" * 20000)
    told: list[tuple[int, int]] = []
    attachment = await codeer.upload(file, progress=lambda sent, size: told.append((sent, size)))
    assert attachment.id and attachment.media_type == "text/markdown" and told[-1] == (140000, 140000) and len(told) > 1
    transcript, _ = await talk(codeer, conversation, Prompt("k1", "look", (attachment,)))
    turn = transcript.turns[0]
    await codeer.rate(conversation, turn.message_id, Verdict.DOWN, "too short")
    await codeer.rename(conversation, " A new\nname ")
    assert (await codeer.conversation(conversation.id)).title == "A new name"
    events = [event async for event in codeer.regenerate(conversation)]
    assert isinstance(events[0], Prompted) and events[0].prompt_id == turn.prompt_id
    assert isinstance(events[-1], TurnEnded) and events[-1].stop is Stop.DONE
    assert [one["kind"] for one in ledger(sandbox, vendor="codeer")].count("prompt") in (1, 2)
    (rating,) = ledger(sandbox, "rating")
    assert rating["message_id"] == int(turn.message_id)
    again = Transcript()
    async for event in codeer.history(conversation):
        again.apply(event)
    assert again.turns[0].attachments[0].id == attachment.id


@pytest.mark.parametrize("fault", ["drop_after_store", "drop_after_events", "truncate_frame", "no_terminal_event"])
async def test_a_lost_answer_is_unknown_then_settled(sandbox: Ready, codeer: Codeer, fault: str) -> None:
    conversation = await codeer.start(await agent(codeer, "Parrot"))
    sandbox.world.faults.add({"match": "POST /chats/*/messages", "fault": fault, "n": 2, "times": 1})
    transcript = Transcript()
    transcript.begin("k1", "once only")
    with pytest.raises(OutcomeUnknown) as caught:
        async for event in codeer.send(conversation, Prompt("k1", "once only")):
            transcript.apply(event)
    assert caught.value.sent is (None if fault == "drop_after_store" else True)
    told: list[LinkState] = []
    tell_link.set(lambda link: told.append(link.state))
    async for event in codeer.settle(conversation, Prompt("k1", "once only"), transcript.turns[0].prompt_id):
        transcript.apply(event)
    turn = transcript.turns[0]
    assert len(transcript.turns) == 1 and turn.answer == "once only" and turn.stop is Stop.DONE and turn.message_id
    assert LinkState.CHECKING in told
    assert len(ledger(sandbox, "prompt")) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 408])
async def test_a_server_error_on_a_write_is_never_repeated(sandbox: Ready, codeer: Codeer, status: int) -> None:
    conversation = await codeer.start(await agent(codeer, "Parrot"))
    sandbox.world.faults.add({"match": "POST /chats/*/messages", "fault": "status", "code": status, "times": 1})
    with pytest.raises(OutcomeUnknown):
        await talk(codeer, conversation, Prompt("k1", "once only"))
    assert ledger(sandbox, "prompt") == []


async def test_a_prompt_that_never_arrived_is_not_found(sandbox: Ready, codeer: Codeer) -> None:
    conversation = await codeer.start(await agent(codeer, "Parrot"))
    first, _ = await talk(codeer, conversation, Prompt("k0", "same words"))
    sandbox.world.faults.add({"match": "POST /chats/*/messages", "fault": "drop_before", "times": 1})
    prompt = Prompt("k1", "same words", after=first.turns[0].message_id)
    with pytest.raises(OutcomeUnknown) as caught:
        await talk(codeer, conversation, prompt)
    assert caught.value.sent is None
    with pytest.raises(NotFound) as missing:
        [event async for event in codeer.settle(conversation, prompt)]
    assert missing.value.sent is None
    assert len(ledger(sandbox, "prompt")) == 1


@pytest.mark.parametrize("fault", ["slice", "unknown_events", "bad_json", "duplicate_events"])
async def test_a_rough_stream_gives_the_same_answer(sandbox: Ready, codeer: Codeer, fault: str) -> None:
    conversation = await codeer.start(await agent(codeer, "Parrot"))
    sandbox.world.faults.add({"match": "POST /chats/*/messages", "fault": fault, "n": 3, "times": 1})
    transcript, _ = await talk(codeer, conversation, Prompt("k1", "窯 is free"))
    assert transcript.turns[0].answer == "窯 is free" and transcript.turns[0].stop is Stop.DONE


async def test_rate_limits_are_waited_for(sandbox: Ready, codeer: Codeer) -> None:
    conversation = await codeer.start(await agent(codeer, "Parrot"))
    waits: list[float] = []
    tell_link.set(lambda link: waits.append(link.seconds) if link.state is LinkState.RETRYING else None)
    sandbox.world.faults.add({"match": "POST /chats/*/messages", "fault": "rate_limit", "times": 3})
    transcript, _ = await talk(codeer, conversation, Prompt("k1", "hi"))
    assert transcript.turns[0].stop is Stop.DONE and len(waits) == 3
    assert len(ledger(sandbox, "prompt")) == 1


async def test_an_error_event_keeps_the_text(sandbox: Ready, codeer: Codeer) -> None:
    conversation = await codeer.start(await agent(codeer, "Parrot"))
    sandbox.world.faults.add({"match": "POST /chats/*/messages", "fault": "error_event", "n": 5, "times": 1})
    transcript, _ = await talk(codeer, conversation, Prompt("k1", "a longer prompt that comes in several pieces " * 20))
    turn = transcript.turns[0]
    assert turn.stop is Stop.FAILED and turn.failure is not None and turn.failure.code == "10005" and turn.answer


@pytest.mark.parametrize("fault", ["html", "redirect"])
async def test_not_the_api(sandbox: Ready, codeer: Codeer, fault: str) -> None:
    conversation = await codeer.start(await agent(codeer, "Parrot"))
    sandbox.world.faults.add({"match": "GET /chats", "fault": fault, "status": 200 if fault == "html" else 302, "times": 1})
    with pytest.raises(VendorError) as caught:
        await codeer.conversations()
    assert caught.value.kind == "protocol"
    sandbox.world.faults.add(
        {"match": "POST /chats/*/messages", "fault": fault, "status": 200 if fault == "html" else 302, "times": 1}
    )
    with pytest.raises(VendorError) as caught:
        await talk(codeer, conversation, Prompt("k1", "hi"))
    assert caught.value.kind == "protocol"


async def test_the_turn_ends_at_its_end(sandbox: Ready, codeer: Codeer) -> None:
    conversation = await codeer.start(await agent(codeer, "Parrot"))
    began = time.monotonic()
    await talk(codeer, conversation, Prompt("k1", "hi"))
    assert time.monotonic() - began < 2


async def test_nothing_empty_and_nothing_unmade_is_sent(sandbox: Ready, codeer: Codeer) -> None:
    conversation = await codeer.start(await agent(codeer, "Parrot"))
    for where, prompt in [(conversation, Prompt("k", "  ")), (replace(conversation, id="~1"), Prompt("k", "hi"))]:
        with pytest.raises(Refused):
            await talk(codeer, where, prompt)
    assert ledger(sandbox, "prompt") == []
