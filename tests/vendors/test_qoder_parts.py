"""Paging, bodies, refusals, object mapping and the gate of a turn: what needs no connection."""

import json

import pytest

from app.errors import Conflict, Forbidden, KeyRefused, NotFound, Protocol, RateLimited, Refused, TooLarge, Unavailable
from app.models import Answer, Attachment, Prompt, RequestKind, Status
from app.vendors.qoder import bodies, objects, pages
from app.vendors.qoder.content import decimal, same
from app.vendors.qoder.refusals import explained, mid_stream, refusal
from app.vendors.qoder.turn import Gate, record_of

# --- pages (contract 5) ---


@pytest.mark.parametrize(
    ("reply", "cursor"),
    [
        ({"data": [], "first_id": None, "last_id": None, "has_more": False}, ""),
        ({"data": [{"id": "a"}], "next_page": "a", "has_more": False}, ""),
        ({"data": [{"id": "a"}], "next_page": "opaque", "last_id": "a", "has_more": True}, "page:opaque"),
        ({"data": [{"id": "a"}], "next_page": "opaque"}, "page:opaque"),
        ({"data": [], "next_page": "opaque", "has_more": True}, "page:opaque"),
        ({"data": [{"id": "a"}], "next_page": "", "last_id": "a", "has_more": True}, "after_id:a"),
        ({"data": [{"id": "a"}], "has_more": True}, "after_id:a"),
        ({"data": [{"id": "a"}], "next_page": None}, ""),
        ({"data": [], "has_more": True}, ""),
        ({"data": [{}], "has_more": True}, ""),
    ],
)
def test_the_next_page(reply, cursor):
    assert pages.following(reply) == cursor


def test_a_cursor_is_one_query_parameter():
    assert pages.asking("") == {}
    assert pages.asking("page:a:b") == {"page": "a:b"}
    assert pages.asking("after_id:x") == {"after_id": "x"}
    with pytest.raises(Protocol):
        pages.asking("nonsense")


async def test_a_walk_keeps_the_query_and_changes_the_cursor():
    replies = [
        {"data": [{"id": "a"}], "next_page": "p2", "has_more": True},
        {"data": [], "has_more": True, "next_page": "p3"},
        {"data": [{"id": "b"}], "has_more": True, "last_id": "b"},
        {"data": [{"id": "c"}], "has_more": False},
    ]
    asked = []

    async def fetch(query):
        asked.append(dict(query))
        return replies[len(asked) - 1]

    assert [item["id"] async for item in pages.walk(fetch, {"limit": 2})] == ["a", "b", "c"]
    assert asked == [{"limit": 2}, {"limit": 2, "page": "p2"}, {"limit": 2, "page": "p3"}, {"limit": 2, "after_id": "b"}]


async def test_a_list_that_goes_round_is_refused():
    asked = []

    async def fetch(query):
        asked.append(query)
        return {"data": [{"id": "a"}], "next_page": "p" + str(len(asked) % 2), "has_more": True}

    with pytest.raises(Protocol, match="repeats itself"):
        [item async for item in pages.walk(fetch, {})]
    assert len(asked) == 3


@pytest.mark.parametrize("reply", [None, [], {"items": []}, {"data": {}}])
def test_what_is_not_a_page(reply):
    with pytest.raises(Protocol):
        pages.items(reply)


# --- bodies (contract 2, 8, 9, 12) ---


def test_a_prompt_is_blocks():
    prompt = Prompt(
        "k",
        "Look at these.",
        (Attachment("a.png", id="file_1"), Attachment("b.pdf", id="file_2"), Attachment("c.jpg", url="https://x.test/c.jpg")),
    )
    assert bodies.message(prompt) == {
        "type": "user.message",
        "content": [
            {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
            {"type": "document", "source": {"type": "file", "file_id": "file_2"}, "title": "b.pdf"},
            {"type": "image", "source": {"type": "url", "url": "https://x.test/c.jpg"}},
            {"type": "text", "text": "Look at these."},
        ],
    }


def test_a_file_that_was_not_uploaded_is_refused():
    with pytest.raises(Refused, match="was not uploaded") as caught:
        bodies.message(Prompt("k", "x", (Attachment("a.png", path="/secret/a.png"),)))
    assert caught.value.sent is False
    assert "/secret" not in str(caught.value)


def test_four_mebibytes_and_not_a_byte_more():
    frame = len(bodies.encode({"events": [""]}))
    assert len(bodies.encode({"events": ["x" * (bodies.LIMIT - frame)]})) == bodies.LIMIT
    with pytest.raises(TooLarge) as caught:
        bodies.encode({"events": ["x" * (bodies.LIMIT - frame + 1)]})
    assert caught.value.sent is False


def test_the_limit_counts_bytes_not_letters():
    with pytest.raises(TooLarge):
        bodies.encode({"events": ["語" * 1_400_000]})


def test_answers():
    approval, tool = RequestKind.APPROVAL, RequestKind.TOOL
    assert bodies.answered(Answer("e1", approval)) == {"type": "user.tool_confirmation", "tool_use_id": "e1", "result": "allow"}
    assert bodies.answered(Answer("e1", approval, allow=False, reason="frozen")) == {
        "type": "user.tool_confirmation", "tool_use_id": "e1", "result": "deny", "deny_message": "frozen",
    }  # fmt: skip
    assert "deny_message" not in bodies.answered(Answer("e1", approval, reason="fine"))
    result = bodies.answered(Answer("e2", tool, data={"status": "open"}, failed=True))
    assert (result["custom_tool_use_id"], result["is_error"]) == ("e2", True)
    assert json.loads(result["content"][0]["text"]) == {"status": "open"}
    assert bodies.answered(Answer("e2", tool, data="plain"))["content"] == [{"type": "text", "text": "plain"}]
    with pytest.raises(Refused):
        bodies.answered(Answer("e3", RequestKind.FORM, data={}))


def test_a_new_environment_says_its_networking():
    assert bodies.environment("n") == {"name": "n", "config": {"type": "cloud", "networking": {"type": "unrestricted"}}}


def test_a_new_session():
    assert bodies.session("agent_1", "env_1", "", None) == {"agent": "agent_1", "environment_id": "env_1"}
    extra = {"agent": {"type": "agent", "id": "agent_1", "version": 4}, "vault_ids": ["v"]}
    assert bodies.session("agent_1", "env_1", "t", extra) == {**extra, "environment_id": "env_1", "title": "t"}


# --- refusals (contract 3) ---


def envelope(kind, message="no", **more):
    return json.dumps({"type": "error", "request_id": "r-1", "error": {"type": kind, "message": message, **more}}).encode()


@pytest.mark.parametrize(
    ("status", "kind", "error", "sent"),
    [
        (400, "invalid_request_error", Refused, False),
        (401, "authentication_error", KeyRefused, False),
        (403, "permission_error", Forbidden, False),
        (404, "not_found_error", NotFound, False),
        (405, "x", Refused, False),
        (408, "x", Unavailable, None),
        (409, "conflict_error", Conflict, False),
        (413, "x", Refused, False),
        (422, "x", Refused, False),
        (429, "x", RateLimited, False),
        (500, "api_error", Unavailable, None),
        (501, "x", Refused, False),
        (502, "runtime_unavailable", Unavailable, None),
        (503, "api_error", Unavailable, None),
        (503, "feature_not_available", Refused, False),
        (529, "overloaded_error", Unavailable, None),
        (302, "x", Protocol, False),
    ],
)
def test_the_status_decides(status, kind, error, sent):
    made = refusal(status, {}, envelope(kind, param="limit"))
    assert type(made) is error
    assert (made.status, made.code, made.request_id, made.sent) == (status, kind, "r-1", sent)
    assert made.fields == {"limit": "no"} or status == 401


@pytest.mark.parametrize(
    "body",
    [b"", b"<html><b>x</b>", b"upstream gone", b"\xff\xfe", b"[1]", b'{"error": "x"}', b'{"error": {"message": 5}}', b"[" * 5000],
)
def test_replies_without_an_envelope(body):
    made = refusal(503, {"X-Request-Id": "abc"}, body)
    assert isinstance(made, Unavailable)
    assert made.request_id == "abc"
    assert "<" not in str(made)


def test_a_body_cut_off_is_explained():
    error = refusal(400, {}, envelope("invalid_request_error", "Request body must be valid JSON."))
    assert isinstance(explained(error, 4_100_000), TooLarge)
    assert explained(error, 1_000) is error
    assert explained(error, 4_100_000).sent is False


def test_a_feature_behind_a_beta_is_named():
    made = refusal(501, {}, envelope("x", feature="browser", available_from="b-2026"))
    assert "browser needs the beta b-2026" in str(made)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("authentication_error", KeyRefused),
        ("conflict_error", Conflict),
        ("api_error", Unavailable),
        ("what", Unavailable),
        ("rate_limit_error", RateLimited),
    ],
)
def test_an_error_inside_a_stream(kind, error):
    assert type(mid_stream({"type": "error", "error": {"type": kind, "message": "m"}})) is error


# --- objects ---


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ({"status": "idle"}, Status.IDLE),
        ({}, Status.IDLE),
        ({"status": "running"}, Status.RUNNING),
        ({"status": "processing"}, Status.RUNNING),
        ({"status": "rescheduling"}, Status.RUNNING),
        ({"status": "canceling"}, Status.RUNNING),
        ({"status": "levitating"}, Status.RUNNING),
        ({"status": "terminated"}, Status.CLOSED),
        ({"status": "archived"}, Status.CLOSED),
        ({"status": "cancelled"}, Status.CLOSED),
        ({"status": "idle", "archived_at": "2026-09-02T08:00:01Z"}, Status.CLOSED),
    ],
)
def test_what_a_session_is_doing(raw, status):
    assert objects.conversation({"id": "sess_1", **raw}).status is status


@pytest.mark.parametrize(
    ("raw", "agent", "name", "version"),
    [
        ({"agent": {"id": "agent_1", "name": "A", "version": 4}}, "agent_1", "A", "4"),
        ({"agent": "agent_1"}, "agent_1", "", ""),
        ({"agent_id": "ag_1"}, "ag_1", "", ""),
        ({"agent": None}, "", "", ""),
    ],
)
def test_who_a_session_is_with(raw, agent, name, version):
    found = objects.conversation({"id": "s", "title": None, **raw})
    assert (found.agent_id, found.agent_name, found.agent_version, found.title) == (agent, name, version, "")


def test_an_agent():
    found = objects.agent(
        {
            "id": "agent_1", "name": "Notes", "model": {"id": "ultimate", "effort": "high"}, "version": 4, "archived_at": None,
            "tools": [
                {"type": "agent_toolset_20260401", "enabled_tools": ["Bash", "Read"]},
                {"type": "mcp_toolset", "mcp_server_name": "tracker"},
                {"type": "custom", "name": "get_ticket"},
                {"type": "bash_20250124"},
                "odd",
            ],
        }
    )  # fmt: skip
    assert (found.model, found.version, found.archived) == ("ultimate", "4", False)
    assert found.tools[:4] == ("Bash", "Read", "tracker", "get_ticket")
    assert objects.agent({"id": "a", "model": "auto", "archived": True}).archived
    assert objects.environment({"id": "env_1", "name": "default"}).name == "default"


def test_figures_and_texts():
    assert [decimal(value) for value in (4.63, 5, "1.50", True, None, "x", float("nan"), 1e-7)] == [
        "4.63",
        "5",
        "1.50",
        None,
        None,
        None,
        None,
        "0.0000001",
    ]
    assert same("a\r\nb ", "a\nb")
    assert not same("a", "b")


# --- the gate of a turn (contract 18.1) ---

ECHO = {"id": "evt_10", "type": "user.message", "content": [{"type": "text", "text": "hi"}]}
IDLE = {"id": "evt_9", "type": "session.status_idle", "stop_reason": {"type": "end_turn"}}
RUNNING = {"id": "evt_11", "type": "session.status_running"}


def test_an_idle_before_anything_of_the_turn_is_suspect():
    gate = Gate("evt_10", "hi")
    assert gate.suspect(IDLE)
    gate.note({"id": "u", "type": "session.usage"})
    assert gate.suspect(IDLE)
    gate.note(ECHO)
    assert not gate.suspect(IDLE)


def test_work_proves_a_turn():
    gate = Gate("evt_10", "hi")
    gate.note(RUNNING)
    assert not gate.suspect(IDLE)


def test_another_prompt_is_told_apart():
    gate = Gate("evt_10", "hi")
    assert not gate.foreign(ECHO)
    gate.note(ECHO)
    assert gate.foreign({**ECHO, "id": "evt_44"})
    assert not gate.foreign({**ECHO, "id": "evt_44", "session_thread_id": "sthr_1"})


def test_after_a_refused_cursor_older_events_are_not_the_turns():
    gate = Gate("evt_10", "hi")
    assert gate.older(RUNNING, live=False)
    assert gate.older(IDLE, live=True)
    assert not gate.older(RUNNING, live=True)
    assert not gate.older(ECHO, live=False)
    gate.note(ECHO)
    assert not gate.older(RUNNING, live=False)


def test_an_old_request_for_answered_calls_does_not_end_a_turn():
    gate = Gate("evt_20", "", answered=frozenset({"e1", "e2"}))
    asks = {"id": "i", "type": "session.status_idle", "stop_reason": {"type": "requires_action", "event_ids": ["e1", "e2"]}}
    assert gate.suspect(asks)
    assert not gate.suspect({**asks, "stop_reason": {"type": "requires_action", "event_ids": ["e3"]}})
    assert not gate.suspect(IDLE)
    gate.note({"id": "evt_20", "type": "user.tool_confirmation", "tool_use_id": "e1"})
    assert not gate.suspect(asks)


def test_the_record_of_a_prompt():
    assert record_of(ECHO, "evt_10", "other")
    assert not record_of(ECHO, "evt_11", "hi")
    assert record_of(ECHO, "", "hi\n")
    assert not record_of(IDLE, "", "")
