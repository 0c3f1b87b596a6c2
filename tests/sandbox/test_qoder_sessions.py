"""Sessions, what is sent to them, and the turns that follow: contract 9, 12, 15."""

import asyncio

import pytest

from app.sandbox.core import World
from tests.sandbox.qoder_side import BUILDER, CLERK, SCRIBE, allow, deny, message, result, running

TOOLS = [
    {
        "type": "agent_toolset_20260401",
        "configs": [
            {"name": "Write", "permission_policy": {"type": "always_ask"}},
            {"name": "Bash", "permission_policy": {"type": "always_ask"}},
            {"name": "WebFetch", "permission_policy": {"type": "always_deny"}},
        ],
    }
]


async def test_a_turn_in_the_order_of_the_contract():
    async with running() as side:
        session = await side.session(title="t")
        receipt = await side.send(session, "Hello")
        assert receipt["data"][0]["type"] == "user.message"
        assert receipt["data"][0]["processed_at"] is None
        await side.idle(session)
        events = await side.events(session)
        assert [event["type"] for event in events] == [
            "session.status_running", "session.thread_status_running", "user.message", "span.model_request_start",
            "agent.message", "span.model_request_end", "session.thread_status_idle", "session.status_idle", "session.usage",
        ]  # fmt: skip
        assert events[2]["id"] == receipt["data"][0]["id"]
        assert events[4]["content"] == [{"type": "text", "text": "Hello"}]
        assert events[5]["model_request_start_id"] == events[3]["id"]
        seen = await side.call("GET", f"/sessions/{session}")
        assert (seen["status"], seen["title"], seen["agent"]["name"]) == ("idle", "t", "Parrot")
        assert seen["agent"]["model"] == {"id": "auto", "effective_context_window": 180_000}
        assert set(seen["usage"]) == {"model_credits", "sandbox_runtime_credits", "total_credits"}


async def test_initial_events_start_the_first_turn():
    async with running() as side:
        made = await side.call(
            "POST", "/sessions", {"agent": SCRIBE, "environment_id": "env_default", "initial_events": [message("stream 5 at 50")]}
        )
        assert made["status"] == "running"
        await side.idle(made["id"])
        bad = {"agent": SCRIBE, "environment_id": "env_default", "initial_events": [{"type": "user.interrupt"}]}
        await side.call("POST", "/sessions", bad, status=400)


async def test_the_builder_asks_and_goes_on():
    async with running() as side:
        session = await side.session(BUILDER)
        await side.send(session, "a farewell")
        idle = await side.idle(session, "requires_action")
        [first] = idle["stop_reason"]["event_ids"]
        asked = next(event for event in await side.events(session) if event["id"] == first)
        assert (asked["type"], asked["name"], asked["evaluated_permission"]) == ("agent.tool_use", "Write", "ask")
        await side.send(session, "not now", status=409)
        await side.send(session, result(first, "x"), status=400)
        await side.send(session, allow("evt_other"), status=400)
        await side.send(session, allow(first))
        idle = await side.idle(session, "requires_action", 2)
        await side.send(session, allow(first), status=409)
        await side.send(session, deny(idle["stop_reason"]["event_ids"][0], "Production is frozen."))
        await side.idle(session)
        events = await side.events(session)
        results = [event for event in events if event["type"] == "agent.tool_result"]
        assert [event["is_error"] for event in results][-2:] == [False, True]
        assert results[-2]["tool_use_id"] == first
        assert "Production is frozen." in results[-1]["content"][0]["text"]
        assert (
            "Production is frozen." in [event for event in events if event["type"] == "agent.message"][-1]["content"][0]["text"]
        )
        kinds = [(entry["kind"], entry.get("allow")) for entry in side.world.ledger.entries]
        assert kinds[1:] == [("prompt", None), ("approval", True), ("approval", False)]


async def test_the_builders_files_stay_for_the_session():
    async with running() as side:
        session, other = await side.session(BUILDER), await side.session(BUILDER)
        await side.send(session, "write notes/a.txt: one")
        [ident] = (await side.idle(session, "requires_action"))["stop_reason"]["event_ids"]
        await side.send(session, allow(ident))
        await side.idle(session)
        await side.send(session, "run rm README.md")
        [ident] = (await side.idle(session, "requires_action", 2))["stop_reason"]["event_ids"]
        await side.send(session, deny(ident, "keep it"))
        await side.idle(session, count=2)
        for where, count, there in ((session, 3, True), (other, 1, False)):
            await side.send(where, "list files")
            await side.idle(where, count=count)
            files = (await side.events(where, types="agent.tool_result"))[-1]["content"][0]["text"].splitlines()
            assert ("notes/a.txt" in files) == there
            assert "README.md" in files


async def test_some_answers_idle_again_with_the_rest():
    async with running() as side:
        agent = await side.call("POST", "/agents", {"name": "w", "model": "auto", "tools": TOOLS})
        session = await side.session(agent["id"])
        await side.send(session, "use Write, Bash, WebFetch, Read")
        idle = await side.idle(session, "requires_action")
        write, bash = idle["stop_reason"]["event_ids"]
        await side.send(session, allow(write))
        again = await side.idle(session, "requires_action", 2)
        assert again["stop_reason"]["event_ids"] == [bash]
        await side.send(session, deny(bash, "no"))
        await side.idle(session)
        events = await side.events(session)
        asked = {event["name"]: event["evaluated_permission"] for event in events if event["type"] == "agent.tool_use"}
        assert asked == {"Write": "ask", "Bash": "ask", "WebFetch": "deny", "Read": "allow"}
        failed = [event["is_error"] for event in events if event["type"] == "agent.tool_result"]
        assert failed == [False, True, True, False]


async def test_all_answers_in_one_request():
    async with running() as side:
        agent = await side.call("POST", "/agents", {"name": "w", "model": "auto", "tools": TOOLS})
        session = await side.session(agent["id"])
        await side.send(session, "use Write, Bash")
        ids = (await side.idle(session, "requires_action"))["stop_reason"]["event_ids"]
        await side.send(session, allow(ids[0]), allow(ids[0]), status=409)
        await side.send(session, *[allow(ident) for ident in ids], key="both")
        await side.idle(session)
        assert [entry["answers"] for entry in side.world.ledger.entries if entry["kind"] == "approval"] == ids


async def test_the_clerk_waits_for_the_clients_tool():
    async with running() as side:
        session = await side.session(CLERK)
        await side.send(session, "Where is B-77?")
        [ident] = (await side.idle(session, "requires_action"))["stop_reason"]["event_ids"]
        call = next(event for event in await side.events(session) if event["id"] == ident)
        assert (call["type"], call["input"]) == ("agent.custom_tool_use", {"number": "B-77"})
        await side.send(session, allow(ident), status=400)
        await side.send(session, result(ident, "on its way"))
        await side.idle(session)
        said = [event for event in await side.events(session) if event["type"] == "agent.message"][-1]
        assert "on its way" in said["content"][0]["text"]
        assert side.world.ledger.entries[-1]["kind"] == "answer"


async def test_a_created_agent_shows_what_arrived():
    async with running() as side:
        schema = {"type": "object", "properties": {"key": {"type": "string"}, "n": {"type": "integer"}}, "required": ["key", "n"]}
        tool = {"type": "custom", "name": "get_ticket", "description": "d", "input_schema": schema}
        agent = await side.call("POST", "/agents", {"name": "Mine", "model": "lite", "system": "Be kind.", "tools": [tool]})
        session = await side.session(
            {"type": "agent", "id": agent["id"], "version": 1},
            resources=[{"type": "github_repository", "url": "https://github.com/acme/app", "authorization_token": "s3cret"}],
            environment_variables="A=1;B=2",
        )
        seen = await side.call("GET", f"/sessions/{session}")
        assert seen["environment_variables"] == {"A": "1", "B": "2"}
        assert "s3cret" not in str(seen)
        await side.send(session, "hi")
        [ident] = (await side.idle(session, "requires_action"))["stop_reason"]["event_ids"]
        call = next(event for event in await side.events(session) if event["id"] == ident)
        assert isinstance(call["input"]["key"], str)
        assert isinstance(call["input"]["n"], int)
        await side.send(session, result(ident, "boom", failed=True))
        await side.idle(session)
        text = "".join(event["content"][0]["text"] for event in await side.events(session, types="agent.message"))
        for part in ("hi", "boom", "Be kind.", "get_ticket", "/workspace/app"):
            assert part in text


@pytest.mark.parametrize("way", ["event", "cancel"])
async def test_a_running_turn_can_be_stopped(way):
    async with running() as side:
        session = await side.session(SCRIBE)
        await side.send(session, "stream 4000 at 200")
        assert (await side.call("GET", f"/sessions/{session}"))["status"] == "running"
        await side.send(session, "me too", status=409)
        await side.call("POST", f"/sessions/{session}/archive", status=409)
        await side.call("DELETE", f"/sessions/{session}", status=409)
        await asyncio.sleep(0.05)
        if way == "event":
            await side.send(session, {"type": "user.interrupt"})
        else:
            told = await side.call("POST", f"/sessions/{session}/cancel", status=202)
            assert told == {"id": session, "type": "session", "status": "canceling"}
        await side.idle(session, "cancelled")
        types = [event["type"] for event in await side.events(session)]
        assert ("user.interrupt" in types) == (way == "event")
        assert types[-4:] == ["span.model_request_end", "session.thread_status_idle", "session.status_idle", "session.usage"]
        assert side.world.ledger.entries[-1]["kind"] == "interrupt"
        await side.call("POST", f"/sessions/{session}/cancel")
        await side.send(session, "stream 3")
        await side.idle(session)


async def test_an_interrupt_clears_what_waits_and_may_bring_a_new_prompt():
    async with running() as side:
        session = await side.session(BUILDER)
        await side.send(session, "a")
        await side.idle(session, "requires_action")
        await side.call("POST", f"/sessions/{session}/cancel")
        await side.send(session, {"type": "user.interrupt"}, "b")
        await side.idle(session, "cancelled")
        await side.idle(session, "requires_action", 2)
        await side.send(session, {"type": "user.interrupt"})
        await side.send(session, {"type": "user.interrupt"})
        assert (await side.call("GET", f"/sessions/{session}"))["status"] == "idle"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"events": []},
        message("bare"),
        {"events": [{"type": "user.message", "content": "text"}]},
        {"events": [{"type": "user.message", "content": []}]},
        {"events": [{"type": "user.message", "content": [{"type": "image"}]}]},
        {"events": [{"type": "user.message", "content": [{"type": "video"}]}]},
        {"events": [{"type": "user.shout"}]},
        {"events": [{"type": "system.message", "content": [{"type": "text", "text": "x"}]}]},
        {"events": [{"type": "user.tool_confirmation", "tool_use_id": "e", "result": "maybe"}]},
        {"events": [message("fine"), 5]},
    ],
)
async def test_bad_envelopes_are_refused_whole(body):
    async with running() as side:
        session = await side.session()
        await side.call("POST", f"/sessions/{session}/events", body, status=400)
        assert await side.events(session) == []
        assert [entry["kind"] for entry in side.world.ledger.entries] == ["create"]


async def test_archived_sessions_take_nothing_and_hide():
    async with running() as side:
        session, other = await side.session(), await side.session(SCRIBE, metadata={"a": "b"})
        await side.call("POST", f"/sessions/{session}/archive")
        await side.send(session, "hello?", status=409)
        await side.call("POST", f"/sessions/{session}", {"title": "x"}, status=409)
        assert [item["id"] for item in (await side.call("GET", "/sessions"))["data"]] == [other]
        both = await side.call("GET", "/sessions", include_archived="true", order="asc")
        assert [item["id"] for item in both["data"]] == [session, other]
        assert (await side.call("GET", "/sessions", agent_id=SCRIBE))["data"][0]["id"] == other
        assert (await side.call("GET", "/sessions", query={"statuses[]": ["running", "terminated"]}))["data"] == []
        assert (await side.call("GET", "/sessions", query={"created_at[lt]": "2020-01-01T00:00:00Z"}))["data"] == []
        assert await side.call("DELETE", f"/sessions/{other}") == {"id": other, "type": "session_deleted"}
        await side.call("GET", f"/sessions/{other}", status=404)


async def test_an_update_is_a_patch_and_tells_itself():
    async with running() as side:
        session = await side.session(metadata={"a": "1", "b": "2"}, budget={"type": "limit", "max_credit_cost": "5"})
        told = await side.call("POST", f"/sessions/{session}", {"title": "New", "metadata": {"a": None}, "budget": None})
        assert (told["title"], told["metadata"], told["budget"]) == ("New", {"b": "2"}, None)
        [event] = await side.events(session)
        assert (event["type"], event["title"]) == ("session.updated", "New")
        await side.call("POST", f"/sessions/{session}", {"title": "New"})
        assert len(await side.events(session)) == 1
        await side.call("POST", f"/sessions/{session}", {"vault_ids": []}, status=400)


async def test_a_budget_stops_the_turns():
    async with running() as side:
        session = await side.session(SCRIBE, budget={"type": "limit", "max_credit_cost": "0.01"})
        await side.send(session, "stream 50")
        await side.idle(session, "budget_reached")
        await side.send(session, "stream 50")
        await side.idle(session, "budget_reached", 2)
        await side.call("POST", f"/sessions/{session}", {"budget": None})
        await side.send(session, "stream 5")
        await side.idle(session)


async def test_an_outcome_is_graded():
    async with running() as side:
        session = await side.session()
        rubric = {"type": "text", "content": "It is short."}
        sent = await side.send(session, {"type": "user.define_outcome", "description": "Say it", "rubric": rubric})
        await side.idle(session)
        [graded] = (await side.call("GET", f"/sessions/{session}"))["outcome_evaluations"]
        assert (graded["outcome_id"], graded["result"]) == (sent["data"][0]["outcome_id"], "satisfied")
        assert [event["type"] for event in await side.events(session, types="span.outcome_evaluation_end")]


async def test_threads_show_the_main_one():
    async with running() as side:
        session = await side.session()
        await side.send(session, "hi")
        await side.idle(session)
        [thread] = (await side.call("GET", f"/sessions/{session}/threads"))["data"]
        assert (thread["parent_thread_id"], thread["status"]) == (None, "idle")
        path = f"/sessions/{session}/threads/{thread['id']}"
        assert (await side.call("GET", path))["id"] == thread["id"]
        types = [event["type"] for event in (await side.call("GET", f"{path}/events"))["data"]]
        assert "agent.message" in types
        assert "session.status_idle" not in types
        assert (await side.call("POST", f"{path}/archive"))["status"] == "terminated"
        await side.call("GET", f"/sessions/{session}/threads/sthr_x", status=404)


async def test_a_coordinator_hands_out_threads():
    async with running() as side:
        worker = await side.call("POST", "/agents", {"name": "Worker", "model": "auto"})
        roster = {"type": "coordinator", "agents": [worker["id"], {"type": "self"}]}
        tools = [{"type": "agent_toolset_20260401"}]
        body = {"name": "Boss", "model": "auto", "tools": tools, "multiagent": roster}
        boss = await side.call("POST", "/agents", body)
        assert boss["multiagent"]["agents"][0] == {"type": "agent", "id": worker["id"], "version": 1, "name": "Worker"}
        session = await side.session(boss["id"])
        await side.send(session, "count")
        await side.idle(session)
        main, first, second = (await side.call("GET", f"/sessions/{session}/threads"))["data"]
        assert (main["parent_thread_id"], first["parent_thread_id"]) == (None, main["id"])
        assert [thread["agent"]["name"] for thread in (main, first, second)] == ["Boss", "Worker", "Boss"]
        types = [event["type"] for event in (await side.call("GET", f"/sessions/{session}/threads/{first['id']}/events"))["data"]]
        expected = ["thread_created", "thread_status_running", "agent.message", "thread_status_idle"]
        assert [name.removeprefix("session.") for name in types] == expected
        lanes = [event.get("session_thread_id") for event in await side.events(session, types="agent.message")]
        assert lanes == [first["id"], second["id"], None]
        await side.send(session, {"type": "user.interrupt", "session_thread_id": "sthr_none"}, status=404)


@pytest.fixture
async def troubled():
    async with running() as side:
        agent = await side.call("POST", "/agents", {"name": "w", "model": "auto", "tools": TOOLS})
        yield side, await side.session(agent["id"])


async def test_a_model_that_dies_leaves_no_message(troubled):
    side, session = troubled
    async with side.stream(session, "agent.message") as reader:
        await side.send(session, "fail")
        await reader.until("session.usage")
    assert "event_delta" in reader.names()
    assert "agent.message" not in reader.names()
    assert reader.of("span.model_request_end")[0]["is_error"]
    assert reader.of("session.error")[0]["error"]["retry_status"] == {"type": "exhausted"}
    assert reader.of("session.status_idle")[0]["stop_reason"] == {"type": "retries_exhausted"}
    dead = reader.of("event_start")[0]["event"]["id"]
    async with side.stream(session, cursor=dead) as again:
        await again.until("session.usage")
    await side.send(session, "and again")
    await side.idle(session)


async def test_a_terminal_error_ends_the_session_and_its_streams(troubled):
    side, session = troubled
    async with side.stream(session) as reader:
        await side.send(session, "fail for good")
        await reader.until("session.status_terminated")
        async with asyncio.timeout(5):
            while not reader.ended:
                await asyncio.sleep(0.01)
    assert (await side.call("GET", f"/sessions/{session}"))["status"] == "terminated"
    await side.send(session, "hello?", status=409)
    assert (await side.call("DELETE", f"/sessions/{session}"))["id"] == session


async def test_the_platform_stumbles_and_goes_on(troubled):
    side, session = troubled
    await side.send(session, "reschedule")
    await side.idle(session)
    types = [event["type"] for event in await side.events(session)]
    assert types.count("session.status_running") == 2
    assert types.index("session.error") < types.index("session.status_rescheduled") < types.index("agent.message")


async def test_a_system_message_goes_with_a_result():
    async with running() as side:
        session = await side.session(CLERK)
        await side.send(session, "A-1?")
        [ident] = (await side.idle(session, "requires_action"))["stop_reason"]["event_ids"]
        await side.send(
            session, result(ident, "ok"), {"type": "system.message", "content": [{"type": "text", "text": "Be brief."}]}
        )
        await side.idle(session)
        assert await side.events(session, types="system.message")


async def test_the_china_dialect():
    async with running(dialect="cn") as side:
        session = await side.session(BUILDER)
        await side.send(session, {"type": "user.message", "content": "plain"}, status=202)
        assert (await side.call("GET", f"/sessions/{session}"))["status"] == "processing"
        [ident] = (await side.idle(session, "requires_action"))["stop_reason"]["event_ids"]
        assert (await side.call("POST", f"/sessions/{session}/cancel"))["status"] == "idle"
        await side.send(session, {"type": "user.tool_confirmation", "tool_use_id": ident, "decision": "deny"}, status=202)
        await side.idle(session)
        assert "next_page" not in await side.call("GET", f"/sessions/{session}/events", limit=1)


@pytest.mark.parametrize("after", ["asked", "answered"])
async def test_a_turn_goes_on_after_a_restart(tmp_path, after):
    async with running(World(data=tmp_path)) as side:
        agent = await side.call("POST", "/agents", {"name": "w", "model": "auto", "tools": TOOLS})
        session = await side.session(agent["id"])
        await side.send(session, "use Write, Bash")
        write, bash = (await side.idle(session, "requires_action"))["stop_reason"]["event_ids"]
        if after == "answered":
            await side.send(session, deny(write, "no"))
        before = await side.events(session)
    async with running(World(data=tmp_path)) as side:
        assert await side.events(session) == before
        await side.send(session, *([allow(bash)] if after == "answered" else [deny(write, "no"), allow(bash)]))
        await side.idle(session)
        failed = [event["is_error"] for event in await side.events(session, types="agent.tool_result")]
        assert failed == [True, False]
        ids = [event["id"] for event in await side.events(session)]
        assert len(set(ids)) == len(ids)


async def test_a_turn_that_ran_when_it_stopped_is_finished_later(tmp_path):
    async with running(World(data=tmp_path)) as side:
        session = await side.session(SCRIBE)
        await side.send(session, "stream 40 at 100")
        assert (await side.call("GET", f"/sessions/{session}"))["status"] == "running"
    async with running(World(data=tmp_path)) as side:
        async with asyncio.timeout(5):
            while (await side.call("GET", "/sessions"))["data"][0]["status"] != "idle":
                await asyncio.sleep(0.01)
        await side.idle(session)
        assert len(await side.events(session, types="agent.message")) == 1
