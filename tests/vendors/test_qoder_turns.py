"""Sending, answering, settling and interrupting against literal replies of the contract."""

import json

import httpx
import pytest

from app.errors import Conflict, KeyRefused, NotFound, OutcomeUnknown, Refused, TooLarge, Unavailable
from app.models import Answer, Answered, Attachment, Link, LinkState, PartDone, Prompt, Prompted, RequestKind, Stop, TurnEnded
from app.protocols import (
    Approves,
    Archives,
    Attaches,
    Checks,
    Deletes,
    Follows,
    Interrupts,
    NeedsEnvironment,
    Renames,
    Vendor,
    tell_link,
)
from tests.vendors.qoder_script import BASE, CONVERSATION, EVENTS, KEY, SESSION, Journal, Script, events, gather, page, refused

STREAM = EVENTS + "/stream"


def said(name, words):
    return {
        "id": name,
        "type": "user.message",
        "content": [{"type": "text", "text": words}],
        "processed_at": "2026-09-02T08:00:01Z",
    }


def told(name, words):
    return {
        "id": name,
        "type": "agent.message",
        "content": [{"type": "text", "text": words}],
        "processed_at": "2026-09-02T08:00:08Z",
    }


def idle(name, reason="end_turn", ids=None):
    stop = {"type": reason, **({"event_ids": ids} if ids is not None else {})}
    return {"id": name, "type": "session.status_idle", "stop_reason": stop, "processed_at": "2026-09-02T08:00:09Z"}


def running(name):
    return {"id": name, "type": "session.status_running", "processed_at": "2026-09-02T08:00:01Z"}


def receipt(*accepted):
    return httpx.Response(200, json={"data": [{**raw, "processed_at": None} for raw in accepted]})


PROMPT = Prompt("2f6d3c6e-8a4e-4a44-9a8d-2d4b0f0e7a10", "List the open tickets.", after="evt_09")
ECHO = said("evt_10", PROMPT.text)


@pytest.fixture
async def script():
    made = Script(environment="env_1")
    yield made
    await made.vendor.aclose()


def test_what_it_can_do():
    vendor = Script().vendor
    for protocol in (Vendor, Attaches, Checks, Interrupts, Approves, Follows, Renames, Archives, Deletes, NeedsEnvironment):
        assert isinstance(vendor, protocol)


# --- send ---


async def test_a_turn_begins_at_its_receipt_and_ends_with_its_idle(script):
    script.on("POST", EVENTS, receipt(ECHO))
    script.on("GET", STREAM, events(running("evt_11"), told("evt_12", "Three."), idle("evt_13")))
    found = await gather(script.vendor.send(CONVERSATION, PROMPT))
    assert isinstance(found[0], Prompted)
    assert (found[0].key, found[0].prompt_id) == (PROMPT.key, "evt_10")
    assert [event.text for event in found if isinstance(event, PartDone)] == ["Three."]
    assert isinstance(found[-1], TurnEnded)
    assert (found[-1].stop, found[-1].message_id) == (Stop.DONE, "evt_12")
    (post,) = script.sent("POST")
    assert post.headers["idempotency-key"] == PROMPT.key
    assert post.headers["content-type"] == "application/json"
    assert json.loads(post.content) == {"events": [{"type": "user.message", "content": [{"type": "text", "text": PROMPT.text}]}]}
    (stream,) = script.sent("GET")
    assert stream.headers["last-event-id"] == "evt_10"
    assert stream.headers["accept"] == "text/event-stream"
    assert stream.url.params.get_list("event_deltas[]") == ["agent.message", "agent.thinking"]


async def test_without_a_known_mark_the_newest_event_is_asked_for_first(script):
    script.on("GET", EVENTS, page(idle("evt_09")))
    script.on("POST", EVENTS, receipt(ECHO))
    script.on("GET", STREAM, events(running("evt_11"), idle("evt_13")))
    await gather(script.vendor.send(CONVERSATION, Prompt("k", PROMPT.text)))
    assert [(request.method, request.url.params.get("order")) for request in script.requests][:2] == [
        ("GET", "desc"),
        ("POST", None),
    ]


async def test_a_session_that_was_just_made_needs_no_such_look(script):
    script.on("POST", "/sessions", httpx.Response(201, json={"id": SESSION, "status": "idle"}))
    script.on("POST", EVENTS, receipt(ECHO))
    script.on("GET", STREAM, events(running("evt_11"), idle("evt_13")))
    conversation = await script.vendor.start("agent_1")
    await gather(script.vendor.send(conversation, Prompt("k", PROMPT.text)))
    assert [request.method for request in script.requests] == ["POST", "POST", "GET"]


async def test_uploaded_files_go_along(script):
    script.on("POST", EVENTS, receipt(ECHO))
    script.on("GET", STREAM, events(running("evt_11"), idle("evt_13")))
    prompt = Prompt("k", "x", (Attachment("a.png", id="file_1"),), after="evt_09")
    await gather(script.vendor.send(CONVERSATION, prompt))
    assert script.bodies("POST", EVENTS)[0]["events"][0]["content"][0] == {
        "type": "image",
        "source": {"type": "file", "file_id": "file_1"},
    }


async def test_too_much_never_leaves(script):
    with pytest.raises(TooLarge) as caught:
        await gather(script.vendor.send(CONVERSATION, Prompt("k", "x" * 4_200_000, after="evt_09")))
    assert caught.value.sent is False
    assert script.requests == []


async def test_bad_json_of_a_long_body_is_its_size(script):
    script.on("POST", EVENTS, refused(400, "invalid_request_error", "Request body must be valid JSON."))
    with pytest.raises(TooLarge, match="4 MiB"):
        await gather(script.vendor.send(CONVERSATION, Prompt("k", "x" * 4_000_000, after="evt_09")))


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (refused(409, "conflict_error", "a turn is running"), Conflict),
        (refused(401, "authentication_error"), KeyRefused),
        (refused(404, "not_found_error"), NotFound),
        (refused(400, "invalid_request_error"), Refused),
    ],
)
async def test_a_refusal_is_one_request_and_proof(script, reply, error):
    script.on("POST", EVENTS, reply)
    with pytest.raises(error) as caught:
        await gather(script.vendor.send(CONVERSATION, PROMPT))
    assert caught.value.sent is False
    assert len(script.requests) == 1


async def test_a_lost_receipt_is_found_in_the_list_and_nothing_is_sent_again(script):
    script.on("POST", EVENTS, httpx.ReadError("reset"))
    script.on("GET", EVENTS, page(running("evt_11"), ECHO))
    script.on("GET", STREAM, events(told("evt_12", "Three."), idle("evt_13")))
    found = await gather(script.vendor.send(CONVERSATION, PROMPT))
    assert len(script.sent("POST")) == 1
    assert found[0].prompt_id == "evt_10"
    assert script.sent("GET", EVENTS)[0].url.params["after_id"] == "evt_09"
    assert script.sent("GET", EVENTS)[0].headers["accept"] == "application/json"


async def test_what_did_not_arrive_is_repeated_with_the_same_bytes_and_key(script):
    script.on("POST", EVENTS, httpx.ReadError("reset"), refused(503, "api_error"), receipt(ECHO))
    script.on("GET", EVENTS, page())
    script.on("GET", STREAM, events(running("evt_11"), idle("evt_13")))
    await gather(script.vendor.send(CONVERSATION, PROMPT))
    posts = script.sent("POST")
    assert len(posts) == 3
    assert len({post.content for post in posts}) == 1
    assert {post.headers["idempotency-key"] for post in posts} == {PROMPT.key}
    assert [request.method for request in script.requests][:5] == ["POST", "GET", "POST", "GET", "POST"]


async def test_if_the_list_cannot_be_read_nothing_is_repeated(script):
    script.on("POST", EVENTS, httpx.ReadError("reset"))
    script.on("GET", EVENTS, refused(503, "api_error"))
    with pytest.raises(OutcomeUnknown) as caught:
        await gather(script.vendor.send(CONVERSATION, PROMPT))
    assert caught.value.sent is None
    assert len(script.sent("POST")) == 1


async def test_a_receipt_without_an_id_is_looked_up(script):
    script.on("POST", EVENTS, httpx.Response(202, content=b""))
    script.on("GET", EVENTS, page(ECHO))
    script.on("GET", STREAM, events(running("evt_11"), idle("evt_13")))
    found = await gather(script.vendor.send(CONVERSATION, PROMPT))
    assert (found[0].prompt_id, found[-1].stop) == ("evt_10", Stop.DONE)


async def test_a_late_idle_of_the_turn_before_does_not_end_this_one(script):
    script.on("POST", EVENTS, receipt(ECHO))
    script.on("GET", EVENTS, page(running("evt_11"), ECHO))
    script.on("GET", STREAM, events(idle("evt_08"), running("evt_11"), ECHO, told("evt_12", "Now."), idle("evt_13")))
    found = await gather(script.vendor.send(CONVERSATION, PROMPT))
    assert [event.wire.id for event in found if isinstance(event, TurnEnded)] == ["evt_13"]


async def test_an_idle_that_follows_at_once_is_the_end(script):
    script.on("POST", EVENTS, receipt(ECHO))
    script.on("GET", EVENTS, page())
    script.on("GET", STREAM, events(idle("evt_13", "cancelled")))
    found = await gather(script.vendor.send(CONVERSATION, PROMPT))
    assert found[-1].stop is Stop.INTERRUPTED


async def test_another_prompt_in_between_ends_the_turn(script):
    script.on("POST", EVENTS, receipt(ECHO))
    script.on("GET", STREAM, events(running("evt_11"), ECHO, said("evt_20", "No, do this."), idle("evt_21")))
    found = await gather(script.vendor.send(CONVERSATION, PROMPT))
    assert found[-1].stop is Stop.INTERRUPTED
    assert "evt_20" not in [event.wire.id for event in found]


async def test_the_echo_belongs_to_the_prompt(script):
    script.on("POST", EVENTS, receipt(ECHO))
    script.on("GET", STREAM, events(ECHO, idle("evt_13")))
    found = await gather(script.vendor.send(CONVERSATION, PROMPT))
    assert [(event.key, event.prompt_id) for event in found if isinstance(event, Prompted)] == [(PROMPT.key, "evt_10")] * 2


async def test_a_request_for_approval_names_calls_that_were_not_seen(script):
    call = {"id": "evt_13", "type": "agent.tool_use", "name": "Bash", "input": {"command": "ls"}, "evaluated_permission": "ask"}
    script.on("POST", EVENTS, receipt(ECHO))
    script.on("GET", EVENTS, page(idle("evt_15"), call))
    script.on("GET", STREAM, events(running("evt_11"), idle("evt_15", "requires_action", ["evt_13", "evt_77"])))
    ended = (await gather(script.vendor.send(CONVERSATION, PROMPT)))[-1]
    assert ended.stop is Stop.NEEDS_APPROVAL
    assert [(one.event_id, one.name) for one in ended.waiting] == [("evt_13", "Bash"), ("evt_77", "")]


async def test_workers_are_told_from_the_main_thread(script):
    script.on(
        "GET",
        f"/sessions/{SESSION}/threads",
        page({"id": "sthr_w", "parent_thread_id": "sthr_m"}, {"id": "sthr_m", "parent_thread_id": None}),
    )
    script.on("POST", EVENTS, receipt(ECHO))
    worker, main = {**told("evt_12", "w"), "session_thread_id": "sthr_w"}, {**told("evt_14", "m"), "session_thread_id": "sthr_m"}
    script.on("GET", STREAM, events(worker, main, idle("evt_15")))
    found = await gather(script.vendor.send(CONVERSATION, PROMPT))
    assert [event.wire.lane for event in found if isinstance(event, PartDone)] == ["sthr_w", ""]
    assert len(script.sent("GET", f"/sessions/{SESSION}/threads")) == 1


async def test_a_session_that_dies_ends_the_turn_and_the_stream(script):
    script.on("POST", EVENTS, receipt(ECHO))
    script.on("GET", STREAM, events(running("evt_11"), {"id": "evt_12", "type": "session.status_terminated"}))
    assert (await gather(script.vendor.send(CONVERSATION, PROMPT)))[-1].stop is Stop.FAILED


async def test_ten_minutes_without_a_stream_are_an_unknown_outcome_of_a_sent_prompt(script):
    script.on("POST", EVENTS, receipt(ECHO))
    script.on("GET", STREAM, refused(502, "runtime_unavailable"))
    with pytest.raises(OutcomeUnknown) as caught:
        await gather(script.vendor.send(CONVERSATION, PROMPT))
    assert caught.value.sent is True
    assert 600 <= sum(script.time.slept) <= 620
    assert len(script.sent("POST")) == 1


# --- answer ---

ANSWERS = [
    Answer("evt_21", RequestKind.APPROVAL),
    Answer("evt_22", RequestKind.APPROVAL, allow=False, reason="Production is frozen today."),
]
CONFIRMED = {"id": "evt_31", "type": "user.tool_confirmation", "tool_use_id": "evt_21", "result": "allow"}
DENIED = {
    "id": "evt_32",
    "type": "user.tool_confirmation",
    "tool_use_id": "evt_22",
    "result": "deny",
    "deny_message": "Production is frozen today.",
}


async def test_all_answers_go_in_one_request_and_the_turn_goes_on_from_the_question(script):
    script.on("POST", EVENTS, receipt(CONFIRMED, DENIED))
    script.on("GET", STREAM, events(running("evt_33"), CONFIRMED, DENIED, told("evt_34", "Done."), idle("evt_35")))
    found = await gather(script.vendor.answer(CONVERSATION, ANSWERS, "key-1", "evt_30"))
    assert [(event.request_id, event.allow) for event in found if isinstance(event, Answered)][:2] == [
        ("evt_21", True),
        ("evt_22", False),
    ]
    assert found[-1].stop is Stop.DONE
    (post,) = script.sent("POST")
    assert post.headers["idempotency-key"] == "key-1"
    assert json.loads(post.content) == {
        "events": [
            {"type": "user.tool_confirmation", "tool_use_id": "evt_21", "result": "allow"},
            {
                "type": "user.tool_confirmation",
                "tool_use_id": "evt_22",
                "result": "deny",
                "deny_message": "Production is frozen today.",
            },
        ]
    }
    assert script.sent("GET", STREAM)[0].headers["last-event-id"] == "evt_30"


async def test_a_custom_tools_result(script):
    script.on("POST", EVENTS, receipt({"id": "evt_31", "type": "user.custom_tool_result"}))
    script.on("GET", STREAM, events(running("evt_33"), idle("evt_35")))
    await gather(script.vendor.answer(CONVERSATION, [Answer("evt_30", RequestKind.TOOL, data={"status": "open"})], "k", "evt_30"))
    assert script.bodies("POST", EVENTS)[0]["events"] == [
        {
            "type": "user.custom_tool_result",
            "custom_tool_use_id": "evt_30",
            "is_error": False,
            "content": [{"type": "text", "text": '{"status": "open"}'}],
        }
    ]


async def test_a_lost_reply_to_answers_is_found_by_their_echo(script):
    script.on("POST", EVENTS, httpx.ReadError("reset"))
    script.on("GET", EVENTS, page(CONFIRMED, DENIED))
    script.on("GET", STREAM, events(CONFIRMED, DENIED, idle("evt_35")))
    await gather(script.vendor.answer(CONVERSATION, ANSWERS, "k", "evt_30"))
    assert len(script.sent("POST")) == 1


async def test_some_left_unanswered_wait_again(script):
    script.on("POST", EVENTS, receipt(CONFIRMED))
    script.on("GET", STREAM, events(CONFIRMED, idle("evt_35", "requires_action", ["evt_22"])))
    script.on("GET", EVENTS, page())
    ended = (await gather(script.vendor.answer(CONVERSATION, ANSWERS[:1], "k", "evt_30")))[-1]
    assert [one.event_id for one in ended.waiting] == ["evt_22"]


async def test_the_old_question_told_again_does_not_end_the_turn(script):
    script.on("POST", EVENTS, receipt(CONFIRMED))
    script.on("GET", EVENTS, page(CONFIRMED))
    asks = idle("evt_30", "requires_action", ["evt_21", "evt_22"])
    script.on("GET", STREAM, events({**asks, "id": "evt_30b"}, CONFIRMED, idle("evt_35")))
    found = await gather(script.vendor.answer(CONVERSATION, ANSWERS[:1], "k", "evt_30"))
    assert [event.wire.id for event in found if isinstance(event, TurnEnded)] == ["evt_35"]


async def test_forms_and_nothing_are_refused(script):
    for answers in ([], [Answer("e", RequestKind.FORM)]):
        with pytest.raises(Refused):
            await gather(script.vendor.answer(CONVERSATION, answers, "k"))
    assert script.requests == []


# --- settle ---


async def test_a_finished_turn_is_settled_from_the_list_alone(script):
    script.on(
        "GET",
        EVENTS,
        page(running("evt_11"), ECHO, told("evt_12", "Three."), idle("evt_13"), said("evt_14", "next"), idle("evt_15")),
    )
    found = await gather(script.vendor.settle(CONVERSATION, PROMPT))
    assert (found[0].key, found[0].prompt_id, found[-1].stop, found[-1].message_id) == (PROMPT.key, "evt_10", Stop.DONE, "evt_12")
    assert [request.method for request in script.requests] == ["GET"]


async def test_a_running_turn_is_followed_to_its_end(script):
    script.on("GET", EVENTS, page(ECHO, running("evt_11"), told("evt_12", "One.")))
    script.on("GET", STREAM, events(told("evt_12", "One."), told("evt_14", "Two."), idle("evt_15")))
    found = await gather(script.vendor.settle(CONVERSATION, PROMPT, "evt_10"))
    assert [event.text for event in found if isinstance(event, PartDone)] == ["One.", "Two."]
    assert script.sent("GET", STREAM)[0].headers["last-event-id"] == "evt_12"


async def test_a_turn_that_was_answered_elsewhere_goes_on(script):
    asks = idle("evt_13", "requires_action", ["evt_12"])
    call = {"id": "evt_12", "type": "agent.tool_use", "name": "Bash", "input": {}, "evaluated_permission": "ask"}
    answer = {"id": "evt_14", "type": "user.tool_confirmation", "tool_use_id": "evt_12", "result": "allow"}
    script.on("GET", EVENTS, page(ECHO, call, asks, answer, idle("evt_19")))
    ends = [event for event in await gather(script.vendor.settle(CONVERSATION, PROMPT)) if isinstance(event, TurnEnded)]
    assert [(event.stop, event.wire.id) for event in ends] == [(Stop.DONE, "evt_19")]
    script.on("GET", EVENTS, page(ECHO, call, asks))
    assert (await gather(script.vendor.settle(CONVERSATION, PROMPT)))[-1].stop is Stop.NEEDS_APPROVAL


async def test_what_is_not_there_after_ten_seconds_did_not_arrive(script):
    script.on("GET", EVENTS, page(said("evt_12", "something else")))
    with pytest.raises(NotFound) as caught:
        await gather(script.vendor.settle(CONVERSATION, PROMPT))
    assert caught.value.sent is None
    assert sum(script.time.slept) == 10
    assert len(script.requests) == 5
    assert script.sent("POST") == []


async def test_it_may_turn_up_late(script):
    script.on("GET", EVENTS, page(), page(), page(ECHO, idle("evt_13")))
    assert (await gather(script.vendor.settle(CONVERSATION, PROMPT)))[-1].stop is Stop.DONE


async def test_offline_it_stays_unknown(script):
    script.on("GET", EVENTS, httpx.ConnectError("no route"))
    with pytest.raises(Unavailable) as caught:
        await gather(script.vendor.settle(CONVERSATION, PROMPT))
    assert caught.value.sent is None


async def test_a_mark_the_server_does_not_know_is_passed_over(script):
    old = said("evt_01", PROMPT.text)

    def listed(request):
        return (
            refused(400, "invalid_request_error")
            if "after_id" in request.url.params
            else page(old, idle("evt_09"), ECHO, idle("evt_13"))
        )

    script.on("GET", EVENTS, listed)
    assert (await gather(script.vendor.settle(CONVERSATION, PROMPT)))[0].prompt_id == "evt_10"


async def test_checking_is_told(script):
    heard: list[Link] = []
    script.on("GET", EVENTS, page(ECHO, idle("evt_13")))
    token = tell_link.set(heard.append)
    await gather(script.vendor.settle(CONVERSATION, PROMPT))
    tell_link.reset(token)
    assert [link.state for link in heard] == [LinkState.CHECKING]


# --- interrupt, cancel ---


async def test_an_interrupt_is_an_event(script):
    script.on("POST", EVENTS, receipt({"id": "evt_40", "type": "user.interrupt"}))
    await script.vendor.interrupt(CONVERSATION)
    assert script.bodies("POST", EVENTS) == [{"events": [{"type": "user.interrupt"}]}]
    assert script.requests[0].headers["idempotency-key"]


async def test_a_server_without_it_is_told_to_cancel(script):
    script.on("POST", EVENTS, refused(400, "invalid_request_error", "unknown type"))
    script.on(
        "POST", f"/sessions/{SESSION}/cancel", httpx.Response(202, json={"id": SESSION, "type": "session", "status": "canceling"})
    )
    await script.vendor.interrupt(CONVERSATION)
    assert [request.url.path.rpartition("/")[2] for request in script.requests] == ["events", "cancel"]


async def test_a_lost_interrupt_is_not_repeated_into_an_idle_session(script):
    script.on("POST", EVENTS, httpx.ReadError("reset"))
    script.on("GET", f"/sessions/{SESSION}", httpx.Response(200, json={"id": SESSION, "status": "idle"}))
    await script.vendor.interrupt(CONVERSATION)
    assert len(script.sent("POST")) == 1


# --- history, follow ---


async def test_history_is_every_page(script):
    order = [said("evt_1", "a"), told("evt_2", "b"), idle("evt_3"), said("evt_4", "c"), told("evt_5", "d"), idle("evt_6")]
    script.on("GET", EVENTS, page(*order[:4], has_more=True, next_page="opaque"), page(*order[4:], next_page=None))
    found = await gather(script.vendor.history(CONVERSATION))
    assert [event.prompt_id for event in found if isinstance(event, Prompted)] == ["evt_1", "evt_4"]
    assert [event.message_id for event in found if isinstance(event, TurnEnded)] == ["evt_2", "evt_5"]
    assert [request.url.params.get("page") for request in script.requests] == [None, "opaque"]


async def test_follow_begins_after_the_newest_event(script):
    journal = Journal([said("evt_1", "a"), idle("evt_2"), said("evt_3", "b"), {"id": "evt_4", "type": "session.deleted"}], [])
    script.on("GET", EVENTS, page(idle("evt_2")))
    script.on("GET", STREAM, journal.stream)
    found = await gather(script.vendor.follow(CONVERSATION))
    assert [event.prompt_id for event in found if isinstance(event, Prompted)] == ["evt_3"]


# --- the account ---


async def test_lists_and_the_probe(script):
    agents = page(
        {"id": "agent_1", "name": "A", "model": "auto"}, {"id": "agent_2", "name": "B", "archived_at": "2026-01-01T00:00:00Z"}
    )
    script.on("GET", "/agents", agents)
    script.on("GET", "/environments", page({"id": "env_1", "name": "default"}))
    script.on("GET", "/models", httpx.Response(200, json={"data": [{"id": "auto", "new_field": 1}], "has_more": False}))
    assert [agent.id for agent in await script.vendor.agents()] == ["agent_1"]
    assert [one.name for one in await script.vendor.environments()] == ["default"]
    assert (await script.vendor.models())[0]["new_field"] == 1
    assert "works" in await script.vendor.check()
    script.on("GET", "/agents", httpx.Response(200, json={"data": [], "first_id": None, "last_id": None, "has_more": False}))
    assert "no agent yet" in await script.vendor.check()
    assert str(script.requests[-1].url) == f"{BASE}/agents?limit=1"


async def test_conversations_page_by_page(script):
    first = page({"id": "s1", "agent": {"id": "agent_1"}}, {"id": "s2", "agent": "agent_2"}, has_more=True, next_page="p2")
    script.on("GET", "/sessions", first, page({"id": "s3", "agent_id": "agent_1"}))
    one = await script.vendor.conversations(agent_id="agent_1", limit=500)
    two = await script.vendor.conversations(one.next, agent_id="agent_1", limit=500)
    assert ([c.id for c in one.items], one.next, [c.id for c in two.items], two.next) == (["s1"], "page:p2", ["s3"], "")
    assert dict(script.requests[1].url.params) == {"limit": "100", "order": "desc", "page": "p2", "agent_id": "agent_1"}


async def test_a_session_is_started_in_the_profiles_environment(script):
    script.on(
        "POST", "/sessions", httpx.Response(200, json={"id": SESSION, "status": "idle", "agent": {"id": "agent_1", "name": "A"}})
    )
    made = await script.vendor.start("agent_1", title="notes", key="key-9", extra={"vault_ids": ["v"]})
    assert (made.id, made.agent_name) == (SESSION, "A")
    assert script.bodies("POST", "/sessions") == [
        {"agent": "agent_1", "environment_id": "env_1", "title": "notes", "vault_ids": ["v"]}
    ]
    assert script.requests[0].headers["idempotency-key"] == "key-9"


async def test_without_an_environment_nothing_is_sent():
    script = Script()
    with pytest.raises(Refused, match="environment"):
        await script.vendor.start("agent_1")
    assert script.requests == []


async def test_a_lost_start_is_repeated_under_its_key(script):
    script.on("POST", "/sessions", httpx.ReadError("reset"), httpx.Response(200, json={"id": SESSION}))
    await script.vendor.start("agent_1", key="key-9")
    assert {request.headers["idempotency-key"] for request in script.requests} == {"key-9"}
    assert len(script.requests) == 2


async def test_rename_archive_delete_cancel(script):
    for method, where in (("POST", ""), ("POST", "/archive"), ("POST", "/cancel"), ("DELETE", "")):
        script.on(method, f"/sessions/{SESSION}{where}", httpx.Response(200, json={"id": SESSION}))
    await script.vendor.rename(CONVERSATION, "new")
    await script.vendor.archive(CONVERSATION)
    await script.vendor.cancel(CONVERSATION)
    await script.vendor.delete(CONVERSATION)
    assert [(r.method, r.url.path.removeprefix("/api/v1/cloud/sessions/")) for r in script.requests] == [
        ("POST", SESSION), ("POST", f"{SESSION}/archive"), ("POST", f"{SESSION}/cancel"), ("DELETE", SESSION),
    ]  # fmt: skip
    assert json.loads(script.requests[0].content) == {"title": "new"}
    assert all(request.headers["idempotency-key"] for request in script.requests)


async def test_a_delete_whose_reply_was_lost_is_not_an_error(script):
    script.on("DELETE", f"/sessions/{SESSION}", httpx.ReadError("reset"))
    script.on("GET", f"/sessions/{SESSION}", refused(404, "not_found_error"))
    await script.vendor.delete(CONVERSATION)
    assert len(script.sent("DELETE")) == 1


async def test_an_environment_is_made_with_open_networking(script):
    script.on("POST", "/environments", httpx.Response(200, json={"id": "env_2", "name": "default"}))
    assert (await script.vendor.create_environment("default")).id == "env_2"
    assert script.bodies("POST", "/environments")[0]["config"]["networking"] == {"type": "unrestricted"}


async def test_ids_cannot_climb(script):
    for name in ("", ".", ".."):
        with pytest.raises(Refused):
            await script.vendor.conversation(name)
    script.on("GET", "/sessions/a/../b", refused(404, "not_found_error"))
    with pytest.raises(NotFound):
        await script.vendor.conversation("a/../b")
    assert script.requests[-1].url.raw_path == b"/api/v1/cloud/sessions/a%2F..%2Fb"


async def test_the_key_is_never_in_a_sentence(script):
    script.on("GET", "/agents", refused(401, "authentication_error", f"bad token {KEY}"))
    with pytest.raises(KeyRefused) as caught:
        await script.vendor.check()
    assert KEY not in str(caught.value)
    script.on("GET", "/agents", refused(500, "api_error", "down"))
    with pytest.raises(Unavailable):
        await script.vendor.check()
