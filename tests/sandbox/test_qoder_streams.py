"""Event streams: contract 13 and 14."""

import asyncio

from app.sandbox.qoder.journal import Journal
from tests.sandbox.qoder_side import BUILDER, SCRIBE, running


async def test_a_stream_without_a_cursor_is_the_tail_only():
    async with running() as side:
        session = await side.session()
        await side.send(session, "one")
        await side.idle(session)
        async with side.stream(session) as reader:
            await side.send(session, "two")
            await reader.until("session.usage")
            assert reader.of("user.message")[0]["content"][0]["text"] == "two"
            assert "event_delta" not in reader.names()
            assert reader.comments
            assert all(frame.id == frame.data["id"] and frame.event == frame.data["type"] for frame in reader.frames)
            assert not reader.ended
            await side.send(session, "three")
            await reader.until("session.usage", 2)
        listed = await side.events(session)
        assert listed[-len(reader.frames) :] == [frame.data for frame in reader.frames]


async def test_deltas_share_the_id_of_their_message():
    async with running() as side:
        session = await side.session(BUILDER)
        async with side.stream(session, "agent.message", "agent.thinking") as reader, side.stream(session) as other:
            await side.send(session, "go")
            await reader.until("session.status_idle")
            await other.until("session.status_idle")
        assert "event_start" not in other.names()
        starts = reader.of("event_start")
        assert [start["event"]["type"] for start in starts] == ["agent.thinking", "agent.message"]
        message = await reader.until("agent.message")
        deltas = [frame for frame in reader.frames if frame.event == "event_delta"]
        assert {frame.id for frame in deltas} == {message.id} == {starts[1]["event"]["id"]}
        assert "".join(frame.data["delta"]["content"]["text"] for frame in deltas) == message.data["content"][0]["text"]
        assert "id" not in deltas[0].data
        assert reader.of("agent.thinking")[0].keys() == {"id", "type", "processed_at"}
        assert not any(event["type"].startswith("event_") for event in await side.events(session))


async def test_resuming_in_the_middle_of_a_message():
    async with running() as side:
        session = await side.session(SCRIBE)
        async with side.stream(session, "agent.message") as first:
            [receipt] = (await side.send(session, "stream 60 at 200"))["data"]
            await first.until("event_delta", 5)
            running_id = first.of("event_delta")[0]["event_id"]
            async with (
                side.stream(session, "agent.message", cursor=receipt["id"]) as before,
                side.stream(session, "agent.message", cursor=running_id) as within,
            ):
                final = (await first.until("agent.message")).data
                await before.until("agent.message")
                await within.until("agent.message")
        text = lambda reader: "".join(data["delta"]["content"]["text"] for data in reader.of("event_delta"))  # noqa: E731
        assert before.names()[:2] == ["span.model_request_start", "event_start"]
        assert text(before) == final["content"][0]["text"]
        assert "event_start" not in within.names()
        assert 0 < len(text(within)) < len(text(before))
        assert text(before).endswith(text(within))
        async with side.stream(session, "agent.message", cursor=final["id"]) as after:
            await after.until("session.usage")
            assert after.names()[0] == "span.model_request_end"


async def test_an_unknown_cursor_is_a_conflict():
    async with running() as side:
        session, other = await side.session(), await side.session()
        await side.send(other, "x")
        foreign = (await side.events(other))[0]["id"]
        for cursor in ("evt_nothing", foreign):
            async with side.stream(session, cursor=cursor) as reader:
                assert reader.status == 409
        async with side.stream("sess_none") as reader:
            assert reader.status == 404
        async with side.stream(session, "agent.tool_use") as reader:
            assert reader.status == 400


async def test_the_list_becomes_a_stream_when_asked_for_one():
    async with running() as side:
        session = await side.session()
        async with side.stream(session, path=f"/sessions/{session}/events") as reader:
            await side.send(session, "x")
            await reader.until("session.status_idle")


async def test_a_thread_streams_without_deltas():
    async with running() as side:
        session = await side.session()
        [thread] = (await side.call("GET", f"/sessions/{session}/threads"))["data"]
        path = f"/sessions/{session}/threads/{thread['id']}/stream"
        async with side.stream(session, "agent.message", path=path) as reader:
            await side.send(session, "x")
            await reader.until("session.thread_status_idle")
            assert "event_delta" not in reader.names()
            assert "session.status_idle" not in reader.names()


async def test_a_turn_needs_no_listener_and_a_deleted_session_ends_the_stream():
    async with running() as side:
        session = await side.session(SCRIBE)
        async with side.stream(session, "agent.message") as reader:
            await side.send(session, "stream 30 at 300")
            await reader.until("event_delta")
        await side.idle(session)
        async with side.stream(session) as reader:
            await side.call("DELETE", f"/sessions/{session}")
            await reader.until("session.deleted")
            async with asyncio.timeout(5):
                while not reader.ended:
                    await asyncio.sleep(0.01)


async def test_listing_filters_and_orders():
    async with running() as side:
        session = await side.session()
        for text in ("one", "two"):
            await side.send(session, text)
            await side.idle(session, count=1 if text == "one" else 2)
        asc = await side.events(session)
        assert await side.events(session, order="desc") == asc[::-1]
        assert [event["type"] for event in await side.events(session, types="user.message,agent.message,nonsense")] == [
            "user.message", "agent.message", "user.message", "agent.message",
        ]  # fmt: skip
        two = await side.events(session, **{"types[]": ["user.message"], "after_id": asc[0]["id"]})
        assert len(two) == 2
        assert await side.events(session, **{"created_at[gt]": "2999-01-01T00:00:00Z"}) == []
        assert await side.events(session, **{"created_at[gte]": asc[0]["processed_at"]}) == asc
        assert (await side.events(session, order="desc", limit=1))[0] == asc[-1]


async def test_faults_of_the_stream():
    async with running() as side:
        session = await side.session()
        side.world.faults.add({"match": "GET /sessions/*/events/stream", "fault": "drop_after_events", "n": 2})
        async with side.stream(session) as reader:
            await side.send(session, "x")
            async with asyncio.timeout(5):
                while not reader.ended:
                    await asyncio.sleep(0.01)
        assert len(reader.frames) == 2
        last = reader.frames[-1].id
        assert last is not None
        async with side.stream(session, cursor=last) as reader:
            await reader.until("session.usage")
        assert [frame.data for frame in reader.frames] == (await side.events(session))[2:]
        side.world.faults.add({"match": "POST /sessions/*/events", "fault": "status", "status": 503})
        told = await side.call("POST", f"/sessions/{session}/events", {"events": []}, status=503)
        assert told["error"]["type"] == "api_error"


async def test_silence_is_filled_with_heartbeats(monkeypatch):
    monkeypatch.setattr("app.sandbox.qoder.streams.HEARTBEAT", 0.01)
    async with running() as side:
        session = await side.session()
        async with side.stream(session) as reader, asyncio.timeout(5):
            while reader.comments < 4:
                await asyncio.sleep(0.01)
        assert reader.frames == []


async def test_a_reset_ends_what_was_open():
    async with running() as side:
        session = await side.session(SCRIBE)
        async with side.stream(session) as reader:
            await side.send(session, "stream 4000 at 100")
            await reader.until("user.message")
            await side.world.reset()
            await reader.until("session.deleted")
        await side.call("GET", f"/sessions/{session}", status=404)
        assert len((await side.call("GET", "/agents"))["data"]) == 4
        assert await side.session() != session


async def test_an_abandoned_preview_leaves_a_good_cursor():
    ids = iter(f"evt_{n}" for n in range(100))
    journal = Journal([], lambda: next(ids), lambda: "2026-01-01T00:00:00Z")
    journal.add("session.status_running")
    journal.begin("agent.message")
    journal.say("lost")
    journal.abandon()
    after = journal.add("session.status_idle")
    listener = journal.listen("evt_1", ["agent.message"])
    entry = listener.ready()
    assert entry is not None
    assert entry.data == after
    assert listener.ready() is None
