"""The vendor's own client against the sandbox, its responses strictly validated, blocking and async."""

import asyncio
import json

import pytest
import qca

from tests.sandbox.qoder_side import BUILDER, CLERK, PARROT, SCRIBE, Side, allow, deny, message, result, running
from tests.vendors.qoder_cuts import TOOLS

TOOL = {
    "type": "custom",
    "name": "get_ticket",
    "description": "Fetch one ticket",
    "input_schema": {"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"]},
}


def blocking(side: Side, **options):
    return qca.Managed(pat=side.key, base_url=side.base, _strict_response_validation=True, **options)


def awaiting(side: Side, **options):
    return qca.AsyncManaged(pat=side.key, base_url=side.base, _strict_response_validation=True, **options)


def build(client):
    """An agent with a custom tool, an environment, a session of both."""
    agent = client.agents.create(name="tickets", model="auto", system="Be brief.", tools=[TOOL], metadata={"a": "b"})
    environment = client.environments.create(name="e", config={"type": "cloud", "networking": {"type": "unrestricted"}})
    return agent, client.sessions.create(agent=agent.id, environment_id=environment.id, title="t")


def until_idle(stream):
    for event in stream:
        yield event
        if event.type == "session.status_idle":
            return


def talk(client):
    """Send, stream with deltas, answer the tool call from the idle event's id; returns what was said."""
    _, session = build(client)
    said, deltas, cursor, rounds = [], [], None, 0
    stream = client.sessions.events.stream(session.id, event_deltas=["agent.message"])
    client.sessions.events.send(session.id, events=[message("Look it up")], extra_headers={"Idempotency-Key": "k1"})
    while True:
        for event in stream:
            if event.type == "agent.custom_tool_use":
                call = event
            elif event.type == "event_delta":
                deltas.append(event.delta.content.text)
            elif event.type == "agent.message":
                said.append(event.content[0].text)
            elif event.type == "session.status_idle":
                cursor = event.id
                break
        stream.close()
        if event.stop_reason.type != "requires_action":
            break
        assert event.stop_reason.event_ids == [call.id]
        rounds += 1
        answer = result(call.id, json.dumps({"status": "open"}))
        client.sessions.events.send(session.id, events=[answer], extra_headers={"Idempotency-Key": "k2"})
        stream = client.sessions.events.stream(session.id, event_deltas=["agent.message"], last_event_id=cursor)
    assert rounds == 1
    assert "".join(deltas) in ("", "".join(said)), "previews are for those who listen in time"
    assert client.sessions.retrieve(session.id).status == "idle"
    other = client.sessions.create(agent=PARROT, environment_id="env_default")
    with client.sessions.events.stream(other.id, event_deltas=["agent.message"]) as stream:
        client.sessions.events.send(other.id, events=[message("Hello, you")])
        heard = [event.delta.content.text for event in until_idle(stream) if event.type == "event_delta"]
    assert "".join(heard) == "Hello, you"
    return "".join(said)


async def test_the_blocking_client_talks_and_answers_a_tool():
    async with running() as side:
        with blocking(side) as client:
            said = await asyncio.to_thread(talk, client)
        for part in ("Look it up", '{"status": "open"}', "Be brief.", "get_ticket"):
            assert part in said
        kinds = [(entry["kind"], entry["idempotency_key"]) for entry in side.world.ledger.entries]
        assert kinds[:5] == [("create", None), ("create", None), ("create", None), ("prompt", "k1"), ("answer", "k2")]


def manage(client):
    """Lists, updates, conflicts, archives, with the client's own iteration over pages."""
    agent, session = build(client)
    more = [client.agents.create(name=f"n{n}", model={"id": "ultimate", "effort": "low"}).id for n in range(4)]
    listed = [item.id for item in client.agents.list(limit=2)]
    assert listed[:5] == [*more[::-1], agent.id]
    new = client.agents.update(agent.id, version=1, system=None, metadata={"a": None})
    assert (new.version, new.system, new.metadata) == (2, None, {})
    with pytest.raises(qca.ConflictError) as caught:
        client.agents.update(agent.id, version=1, name="late")
    assert caught.value.request_id
    assert [item.version for item in client.agents.versions.list(agent.id, limit=1)] == [2, 1]
    assert client.agents.archive(agent.id).archived_at
    with pytest.raises(qca.NotFoundError):
        client.sessions.retrieve("sess_none")
    assert client.sessions.update(session.id, title="new", metadata={"x": "y"}).title == "new"
    assert [item.id for item in client.sessions.list(agent_id=agent.id, statuses=["idle"], order="asc")] == [session.id]
    [thread] = list(client.sessions.threads.list(session.id))
    assert client.sessions.threads.retrieve(thread.id, session_id=session.id).session_id == session.id
    assert client.sessions.cancel(session.id).status == "canceling"
    assert client.sessions.archive(session.id).archived_at
    with pytest.raises(qca.ConflictError):
        client.sessions.events.send(session.id, events=[message("late")])
    assert client.sessions.delete(session.id).type == "session_deleted"
    assert "auto" in [model.id for model in client.models.list()]
    environment = client.environments.create(name="gone", config={"type": "cloud", "networking": {"type": "unrestricted"}})
    assert client.environments.update(environment.id, description="d").description == "d"
    assert client.environments.archive(environment.id).archived_at
    assert client.environments.delete(environment.id).id == environment.id


async def test_the_blocking_client_manages_everything():
    async with running() as side:
        with blocking(side) as client:
            await asyncio.to_thread(manage, client)


async def test_a_wrong_key_is_an_authentication_error():
    async with running() as side, qca.AsyncManaged(pat="pt-" + "x" * 24, base_url=side.base) as client:
        with pytest.raises(qca.AuthenticationError):
            await client.agents.list()


async def test_the_async_client_answers_approvals():
    async with running() as side, awaiting(side) as client:
        session = await client.sessions.create(agent=BUILDER, environment_id="env_default")
        stream = await client.sessions.events.stream(session.id)
        await client.sessions.events.send(session.id, events=[message("a farewell")])
        asked, seen = [], []
        async for event in stream:
            seen.append(event.type)
            if event.type == "session.status_idle":
                if event.stop_reason.type != "requires_action":
                    break
                [ident] = event.stop_reason.event_ids
                asked.append(ident)
                answer = allow(ident) if len(asked) == 1 else deny(ident, "Not today.")
                await client.sessions.events.send(session.id, events=[answer])
        await stream.close()
        assert len(asked) == 2
        assert seen.count("agent.tool_result") == 4
        history = [event async for event in await client.sessions.events.list(session.id, limit=5)]
        assert [event.type for event in history[: len(seen)]] == seen
        assert "Not today." in [event for event in history if event.type == "agent.message"][-1].content[0].text


@pytest.mark.parametrize("n", [2, 12])
async def test_the_async_client_resumes_over_a_cut(n, monkeypatch):
    monkeypatch.setattr("qca.common._resumable_streaming._INITIAL_BACKOFF", 0.01)
    async with running() as side, awaiting(side) as client:
        session = await client.sessions.create(agent=SCRIBE, environment_id="env_default")
        side.world.faults.add({"match": "GET /sessions/*/events/stream", "fault": "drop_after_events", "n": n})
        sent = await client.sessions.events.send(session.id, events=[message("stream 60 at 50")])
        events = []
        cursor = sent.data[0].id
        async with client.sessions.events.resumable_stream(
            session.id, event_deltas=["agent.message"], last_event_id=cursor
        ) as stream:
            async for event in stream:
                events.append(event)
                if event.type == "session.status_idle":
                    break
        kept = [event.id for event in events if event.type not in ("event_start", "event_delta")]
        listed = [event["id"] for event in await side.events(session.id)]
        assert kept == listed[listed.index(cursor) + 1 :][: len(kept)]
        final = next(event for event in events if event.type == "agent.message")
        deltas = "".join(event.delta.content.text for event in events if event.type == "event_delta")
        assert 0 < len(deltas) < len(final.content[0].text), "this client resumes within the message: its preview has a hole"
        assert final.content[0].text.endswith(deltas[-16:])


async def test_the_async_client_repeats_a_send_whose_answer_was_lost():
    async with running() as side, awaiting(side, max_retries=2) as client:
        session = await client.sessions.create(agent=CLERK, environment_id="env_default")
        side.world.faults.add({"match": "POST /sessions/*/events", "fault": "drop_after_store"})
        sent = await client.sessions.events.send(
            session.id, events=[message("A-1?")], extra_headers={"Idempotency-Key": "only-once"}
        )
        prompts = [entry for entry in side.world.ledger.entries if entry["kind"] == "prompt"]
        assert [entry["event"] for entry in prompts] == [sent.data[0].id]


async def test_the_async_client_stops_a_turn():
    async with running() as side, awaiting(side) as client:
        session = await client.sessions.create(
            agent={"type": "agent", "id": SCRIBE, "version": 1},
            environment_id="env_default",
            initial_events=[message("stream 4000 at 100")],
        )
        assert session.status == "running"
        await client.sessions.events.send(session.id, events=[{"type": "user.interrupt"}])
        assert (await client.sessions.retrieve(session.id)).status == "idle"
        await client.sessions.events.send(session.id, events=[message("stream 4000 at 100")])
        assert (await client.sessions.cancel(session.id)).status == "canceling"
        await side.idle(session.id, "cancelled", 2)


def answered(client, session, cursor):
    """Follow over cuts from ``cursor``, answering whatever is asked, to the end of the turn; the ids of what was heard."""
    asked, heard = {}, []
    with client.sessions.events.resumable_stream(session, event_deltas=["agent.message"], last_event_id=cursor) as stream:
        for event in stream:
            if event.type not in ("event_start", "event_delta"):
                heard.append(event.id)
            if event.type in ("agent.tool_use", "agent.custom_tool_use"):
                asked[event.id] = event
            elif event.type == "session.status_idle":
                if event.stop_reason.type != "requires_action":
                    return heard
                answers = [
                    result(one, "open") if asked[one].type == "agent.custom_tool_use" else deny(one, "Not today.")
                    for one in event.stop_reason.event_ids
                ]
                client.sessions.events.send(session, events=answers)
    raise AssertionError("the stream ended before the turn")


@pytest.mark.parametrize("n", [1, 4, 9])
async def test_the_blocking_client_resumes_and_answers_all_at_once(n, monkeypatch):
    monkeypatch.setattr("qca.common._resumable_streaming._INITIAL_BACKOFF", 0.01)

    def turn(client, side):
        agent = client.agents.create(name="t", model="auto", tools=TOOLS)
        session = client.sessions.create(agent=agent.id, environment_id="env_default")
        side.world.faults.add({"match": "GET /sessions/*/events/stream", "fault": "drop_after_events", "n": n, "times": 2})
        sent = client.sessions.events.send(session.id, events=[message("use Bash, get_ticket, Read")])
        heard = answered(client, session.id, sent.data[0].id)
        return heard, [event.id for event in client.sessions.events.list(session.id)], sent.data[0].id

    async with running() as side:
        with blocking(side) as client:
            heard, listed, first = await asyncio.to_thread(turn, client, side)
        assert heard == listed[listed.index(first) + 1 :][: len(heard)]
        assert [entry["kind"] for entry in side.world.ledger.entries][-3:] == ["prompt", "approval", "answer"]


async def test_the_async_client_answers_a_custom_tool_with_deltas():
    async with running() as side, awaiting(side) as client:
        session = await client.sessions.create(agent=CLERK, environment_id="env_default")
        stream = await client.sessions.events.stream(session.id, event_deltas=["agent.message"])
        await client.sessions.events.send(session.id, events=[message("Where is A-7?")])
        said, previews = [], []
        async for event in stream:
            if event.type == "event_delta":
                previews.append(event.delta.content.text)
            elif event.type == "agent.message":
                said.append(event.content[0].text)
            elif event.type == "session.status_idle":
                if event.stop_reason.type != "requires_action":
                    break
                answers = [result(ident, "on its way") for ident in event.stop_reason.event_ids]
                await client.sessions.events.send(session.id, events=answers)
        await stream.close()
        assert "on its way" in said[-1]
        assert "".join(previews) == "".join(said)


async def test_the_async_client_sees_threads_and_resources():
    async with running() as side, awaiting(side) as client:
        worker = await client.agents.create(name="Worker", model="auto")
        roster = {"type": "coordinator", "agents": [worker.id, {"type": "self"}]}
        boss = await client.agents.create(name="Boss", model="auto", tools=TOOLS, multiagent=roster)
        repository = {"type": "github_repository", "url": "https://github.com/acme/app", "authorization_token": "x"}
        session = await client.sessions.create(agent=boss.id, environment_id="env_default", resources=[repository])
        await client.sessions.events.send(session.id, events=[message("count")])
        await side.idle(session.id)
        threads = [thread async for thread in await client.sessions.threads.list(session.id)]
        assert [thread.agent.name for thread in threads] == ["Boss", "Worker", "Boss"]
        events = await client.sessions.threads.events.list(threads[1].id, session_id=session.id)
        assert "agent.message" in [event.type async for event in events]
        resources = [one async for one in await client.sessions.resources.list(session.id)]
        assert [one.type for one in resources] == ["github_repository"]
        assert (await client.sessions.threads.archive(threads[1].id, session_id=session.id)).archived_at
