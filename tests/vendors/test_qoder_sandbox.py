"""The client against the sandbox's Qoder side over real sockets, whole and with every fault of a stream and a post."""

import asyncio
import contextlib
import random

import pytest

from app.clock import Clock
from app.errors import Conflict, KeyRefused, NotFound, OutcomeUnknown
from app.models import (
    Answer,
    Answered,
    Conversation,
    PartDelta,
    Profile,
    Prompt,
    Prompted,
    PromptState,
    RequestKind,
    Status,
    StatusChanged,
    Stop,
    TurnEnded,
)
from app.transcript import Transcript
from app.vendors.qoder import Qoder, stream
from tests.servers import ledger, running_sandbox

BUILDER, CLERK, SCRIBE, PARROT = (f"agent_sandbox_{name}" for name in ("builder", "clerk", "scribe", "parrot"))
STREAM, POST = "GET /sessions/*/events/stream", "POST /sessions/*/events"


async def hurried(seconds):
    await asyncio.sleep(min(seconds, 0.002))


@contextlib.asynccontextmanager
async def account(**options):
    async with running_sandbox(clock=Clock(sleep=hurried), **options) as ready:
        vendor = Qoder(Profile("q", "qoder", ready.qoder_base), ready.qoder_key, clock=Clock(sleep=hurried))
        try:
            yield ready, vendor
        finally:
            await vendor.aclose()


async def begun(vendor, agent):
    (environment,) = await vendor.environments()
    return await vendor.start(agent, environment=environment.id, title="t")


async def turn(vendor, conversation, prompt, transcript=None):
    async with asyncio.timeout(20):
        found = [event async for event in vendor.send(conversation, prompt)]
    assert isinstance(found[-1], TurnEnded)
    if transcript is not None:
        transcript.begin(prompt.key, prompt.text, after=prompt.after)
        for event in found:
            transcript.apply(event)
    return found


def shape(transcript):
    return [
        (
            t.prompt_id,
            t.text,
            t.state,
            t.stop,
            t.message_id,
            [(p.id, p.kind, p.text, p.name, p.output, p.failed, p.done) for p in t.parts],
        )
        for t in transcript.turns
    ]


async def stored(vendor, conversation):
    transcript = Transcript()
    async for event in vendor.history(conversation):
        transcript.apply(event)
    return transcript


@pytest.mark.parametrize("dialect", ["intl", "cn"])
async def test_a_turn_in_both_dialects(dialect):
    async with account(dialect=dialect) as (ready, vendor):
        assert {agent.id for agent in await vendor.agents()} >= {BUILDER, CLERK, SCRIBE, PARROT}
        assert [one.name for one in await vendor.environments()] == ["default"]
        assert await vendor.models()
        assert "works" in await vendor.check()
        conversation = await begun(vendor, PARROT)
        assert (conversation.agent_id, conversation.status, conversation.title) == (PARROT, Status.IDLE, "t")
        transcript = Transcript()
        found = await turn(vendor, conversation, Prompt("k1", "Hello there."), transcript)
        assert found[-1].stop is Stop.DONE
        assert "Hello there." in transcript.turns[0].answer
        after = next(event.wire.id for event in reversed(found) if event.wire.id)
        await turn(vendor, conversation, Prompt("k2", "And again.", after=after), transcript)
        assert [one["text"] for one in ledger(ready, "prompt", "qoder")] == ["Hello there.", "And again."]
        assert shape(await stored(vendor, conversation)) == shape(transcript)


async def test_approvals_denied_and_allowed():
    async with account() as (ready, vendor):
        conversation = await begun(vendor, BUILDER)
        transcript = Transcript()
        ended = (await turn(vendor, conversation, Prompt("k1", "Add a farewell."), transcript))[-1]
        assert (ended.stop, ended.waiting[0].kind, ended.waiting[0].name) == (Stop.NEEDS_APPROVAL, RequestKind.APPROVAL, "Write")
        rounds = 0
        while ended.stop.waits:
            rounds += 1
            answers = [Answer(one.event_id, one.kind, allow=one.name == "Write", reason="not now") for one in ended.waiting]
            async with asyncio.timeout(20):
                found = [event async for event in vendor.answer(conversation, answers, f"a{rounds}", ended.wire.id)]
            for event in found:
                transcript.apply(event)
            assert isinstance(found[0], Answered)
            ended = found[-1]
        assert (rounds, ended.stop) == (2, Stop.DONE)
        assert "not now" in transcript.turns[0].answer
        assert len(ledger(ready, "approval", "qoder")) == 2
        assert shape(await stored(vendor, conversation)) == shape(transcript)


async def test_a_custom_tool():
    async with account() as (_, vendor):
        conversation = await begun(vendor, CLERK)
        ended = (await turn(vendor, conversation, Prompt("k1", "Where is A-1042?")))[-1]
        (request,) = ended.waiting
        assert (ended.stop, request.kind, request.input) == (Stop.NEEDS_INPUT, RequestKind.TOOL, {"number": "A-1042"})
        answer = Answer(request.event_id, RequestKind.TOOL, data="On its way.")
        found = [event async for event in vendor.answer(conversation, [answer], "a1", ended.wire.id)]
        assert found[-1].stop is Stop.DONE
        assert "On its way." in (await stored(vendor, conversation)).turns[0].answer


async def test_deltas_come_and_the_finished_message_replaces_them():
    async with account() as (_, vendor):
        conversation = await begun(vendor, SCRIBE)
        transcript = Transcript()
        found = await turn(vendor, conversation, Prompt("k1", "stream 60 at 10"), transcript)
        assert sum(isinstance(event, PartDelta) for event in found) > 1
        assert shape(await stored(vendor, conversation)) == shape(transcript)


@pytest.mark.parametrize("how", ["interrupt", "cancel"])
async def test_a_turn_can_be_stopped(how):
    async with account() as (_, vendor):
        conversation = await begun(vendor, SCRIBE)
        found, asked = [], False
        async with asyncio.timeout(20):
            async for event in vendor.send(conversation, Prompt("k1", "stream 4000 at 20")):
                found.append(event)
                if isinstance(event, PartDelta) and not asked:
                    asked = True
                    await getattr(vendor, how)(conversation)
        assert found[-1].stop is Stop.INTERRUPTED
        assert (await turn(vendor, conversation, Prompt("k2", "stream 5")))[-1].stop is Stop.DONE


async def test_a_running_session_takes_no_second_prompt():
    async with account() as (ready, vendor):
        conversation = await begun(vendor, SCRIBE)
        first = vendor.send(conversation, Prompt("k1", "stream 4000 at 20"))
        async for event in first:
            if isinstance(event, StatusChanged | PartDelta):
                break
        with pytest.raises(Conflict) as caught:
            await turn(vendor, conversation, Prompt("k2", "more"))
        assert caught.value.sent is False
        assert (await vendor.conversation(conversation.id)).status is Status.RUNNING
        await first.aclose()
        assert len(ledger(ready, "prompt", "qoder")) == 1


FAULTS = [
    {"fault": "drop_after_events", "n": 0, "times": 1},
    {"fault": "drop_after_events", "n": 1, "times": 2},
    {"fault": "drop_after_events", "n": 3, "times": 3},
    {"fault": "drop_after_events", "n": 9, "times": 2},
    {"fault": "truncate_frame", "n": 2},
    {"fault": "bad_json", "n": 2},
    {"fault": "error_event", "n": 2},
    {"fault": "no_terminal_event"},
    {"fault": "unknown_events", "n": 3},
    {"fault": "duplicate_events", "n": 2},
    {"fault": "slice", "n": 3},
    {"fault": "status", "status": 503, "times": 2},
    {"fault": "status", "status": 409, "times": 1},
    {"fault": "status", "status": 404, "times": 1},
    {"fault": "rate_limit", "times": 2, "retry_after": 0},
    {"fault": "html", "times": 1},
    {"fault": "drop_before", "times": 2},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault['fault']}-{fault.get('n', fault.get('status', ''))}")
async def test_whatever_happens_to_the_stream_the_turn_is_whole_and_once(fault, monkeypatch):
    monkeypatch.setattr(stream, "QUIET", 0.2)
    async with account() as (ready, vendor):
        conversation = await begun(vendor, SCRIBE)
        transcript = Transcript()
        ready.world.faults.add({"match": STREAM, "vendor": "qoder", **fault})
        ended = (await turn(vendor, conversation, Prompt("k1", "stream 60 at 20"), transcript))[-1]
        assert ended.stop is Stop.DONE
        kept = await stored(vendor, conversation)
        assert [(p.id, p.text) for p in transcript.turns[0].parts if p.kind == "text"] == [
            (p.id, p.text) for p in kept.turns[0].parts if p.kind == "text"
        ]
        assert len(ledger(ready, "prompt", "qoder")) == 1


POST_FAULTS = [
    {"fault": "drop_before"},
    {"fault": "drop_before", "times": 3},
    {"fault": "drop_after_store"},
    {"fault": "drop_after_store", "times": 2},
    {"fault": "status", "status": 500},
    {"fault": "status", "status": 503, "times": 3},
    {"fault": "rate_limit", "retry_after": 0, "times": 2},
]


@pytest.mark.parametrize("fault", POST_FAULTS, ids=lambda fault: f"{fault['fault']}-{fault.get('times', 1)}")
async def test_whatever_happens_to_the_post_it_is_stored_once(fault):
    async with account() as (ready, vendor):
        conversation = await begun(vendor, PARROT)
        ready.world.faults.add({"match": POST, "vendor": "qoder", **fault})
        found = await turn(vendor, conversation, Prompt("k1", "Once."))
        assert (found[0].key, found[-1].stop) == ("k1", Stop.DONE)
        assert [one["text"] for one in ledger(ready, "prompt", "qoder")] == ["Once."]


async def test_lost_answers_are_applied_once():
    async with account() as (ready, vendor):
        conversation = await begun(vendor, BUILDER)
        ended = (await turn(vendor, conversation, Prompt("k1", "Add a farewell.")))[-1]
        ready.world.faults.add({"match": POST, "vendor": "qoder", "fault": "drop_after_store"})
        answers = [Answer(one.event_id, one.kind) for one in ended.waiting]
        found = [event async for event in vendor.answer(conversation, answers, "a1", ended.wire.id)]
        assert isinstance(found[-1], TurnEnded)
        assert len(ledger(ready, "approval", "qoder")) == 1


async def test_settle_finds_what_arrived_and_only_that():
    async with account() as (ready, vendor):
        conversation = await begun(vendor, PARROT)
        ready.world.faults.add({"match": POST, "vendor": "qoder", "fault": "drop_after_store"})
        ready.world.faults.add(
            {"match": "GET /sessions/*/events", "vendor": "qoder", "fault": "status", "status": 500, "times": 4}
        )
        prompt = Prompt("k1", "Did it arrive?")
        with pytest.raises(OutcomeUnknown):
            await turn(vendor, conversation, prompt)
        found = [event async for event in vendor.settle(conversation, prompt)]
        assert isinstance(found[0], Prompted)
        assert (found[0].key, found[-1].stop) == ("k1", Stop.DONE)
        with pytest.raises(NotFound) as caught:
            [event async for event in vendor.settle(conversation, Prompt("k2", "This did not."))]
        assert caught.value.sent is None
        assert len(ledger(ready, "prompt", "qoder")) == 1


async def test_settle_waits_for_a_turn_that_still_runs():
    async with account() as (_, vendor):
        conversation = await begun(vendor, SCRIBE)
        prompt = Prompt("k1", "stream 200 at 400")
        async for event in vendor.send(conversation, prompt):
            if isinstance(event, PartDelta):
                break
        transcript = Transcript()
        transcript.begin(prompt.key, prompt.text).state = PromptState.UNKNOWN
        async with asyncio.timeout(20):
            async for event in vendor.settle(conversation, prompt):
                transcript.apply(event)
        assert (transcript.turns[0].stop, transcript.turns[0].state) == (Stop.DONE, PromptState.SENT)
        assert shape(await stored(vendor, conversation)) == shape(transcript)


async def test_follow_sees_what_another_client_does():
    async with account() as (ready, vendor):
        conversation = await begun(vendor, PARROT)
        other = Qoder(Profile("o", "qoder", ready.qoder_base), ready.qoder_key, clock=Clock(sleep=hurried))
        seen = Transcript()

        async def watch():
            async for event in vendor.follow(conversation):
                seen.apply(event)
                if isinstance(event, TurnEnded) and len(seen.turns) == 3:
                    return

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0.05)
        ready.world.faults.add({"match": STREAM, "vendor": "qoder", "fault": "drop_after_events", "n": 2, "times": 2, "skip": 1})
        for number in range(3):
            await turn(other, conversation, Prompt(f"k{number}", f"number {number}"))
        async with asyncio.timeout(20):
            await watching
        await other.aclose()
        assert [turn.text for turn in seen.turns] == ["number 0", "number 1", "number 2"]
        assert all(turn.stop is Stop.DONE for turn in seen.turns)


async def test_lists_titles_archive_and_delete():
    async with account() as (_, vendor):
        made = [await begun(vendor, PARROT) for _ in range(5)]
        first = await vendor.conversations(limit=2)
        second = await vendor.conversations(first.next, limit=2)
        third = await vendor.conversations(second.next, limit=2)
        listed = [one.id for page in (first, second, third) for one in page.items]
        assert (sorted(listed), third.next) == (sorted(one.id for one in made), "")
        assert (await vendor.conversations(agent_id=CLERK)).items == ()
        await vendor.rename(made[0], "notes for 3.4")
        assert (await vendor.conversation(made[0].id)).title == "notes for 3.4"
        await vendor.archive(made[1])
        assert (await vendor.conversation(made[1].id)).status is Status.CLOSED
        with pytest.raises(Conflict):
            await turn(vendor, made[1], Prompt("k", "x"))
        await vendor.delete(made[2])
        with pytest.raises(NotFound):
            await vendor.conversation(made[2].id)
        assert {one.id for one in (await vendor.conversations()).items} == {made[0].id, made[3].id, made[4].id}


async def test_a_start_whose_reply_was_lost_makes_one_session():
    async with account() as (ready, vendor):
        (environment,) = await vendor.environments()
        ready.world.faults.add({"match": "POST /sessions", "vendor": "qoder", "fault": "drop_after_store"})
        made = await vendor.start(PARROT, environment=environment.id, key="start-1")
        assert [one.id for one in (await vendor.conversations()).items] == [made.id]


async def test_a_new_account_gets_its_first_environment():
    async with account(new_account=True) as (_, vendor):
        assert (list(await vendor.agents()), list(await vendor.environments())) == ([], [])
        assert "no agent yet" in await vendor.check()
        made = await vendor.create_environment("default")
        assert [one.id for one in await vendor.environments()] == [made.id]
        assert made.raw["config"]["networking"]["type"] == "unrestricted"


async def test_an_uploaded_file_goes_with_a_prompt(tmp_path):
    file = tmp_path / "ledger.csv"
    file.write_text("day,total\n1,2\n")
    told = []
    async with account() as (ready, vendor):
        conversation = await begun(vendor, PARROT)
        attached = await vendor.upload(file, progress=lambda sent, total: told.append((sent, total)))
        assert (attached.name, attached.size, attached.media_type) == ("ledger.csv", 14, "text/csv")
        assert told
        prompt = Prompt("k1", "Read it.", (attached,))
        await turn(vendor, conversation, prompt)
        assert (await stored(vendor, conversation)).turns[0].attachments[0].id == attached.id
        assert len(ledger(ready, "upload", "qoder")) == 1


async def test_a_wrong_key_and_an_unknown_session():
    async with account() as (ready, vendor):
        with pytest.raises(NotFound):
            await vendor.conversation("sess_nobody")
        other = Qoder(Profile("o", "qoder", ready.qoder_base), "pt-wrong-wrong-wrong-wrong-wrong", clock=Clock(sleep=hurried))
        with pytest.raises(KeyRefused):
            await other.check()
        await other.aclose()


async def test_a_hundred_random_drops_lose_and_double_nothing():
    chance = random.Random(7)
    async with account() as (ready, vendor):
        conversation = await begun(vendor, PARROT)
        transcript, after = Transcript(), ""
        for number in range(25):
            for _ in range(3):
                fault = {"fault": "drop_after_events", "n": chance.randrange(12)}
                ready.world.faults.add({"match": STREAM, "vendor": "qoder", "times": 1, **fault})
            kind = chance.choice(["drop_before", "drop_after_store"])
            ready.world.faults.add({"match": POST, "vendor": "qoder", "fault": kind})
            found = await turn(vendor, conversation, Prompt(f"k{number}", f"number {number}", after=after), transcript)
            after = next(event.wire.id for event in reversed(found) if event.wire.id)
            ready.world.faults.clear()
        assert [one["text"] for one in ledger(ready, "prompt", "qoder")] == [f"number {number}" for number in range(25)]
        assert shape(await stored(vendor, Conversation(conversation.id))) == shape(transcript)
