"""Contract 14 and 15: every event the vendor may send, and what it means to us. The wire is literal."""

from typing import Any

import pytest

from app.models import (
    Answered,
    Noticed,
    PartDelta,
    PartDone,
    PartKind,
    PartStarted,
    Prompted,
    RequestKind,
    Status,
    StatusChanged,
    Stop,
    Titled,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    Unknown,
    Used,
)
from app.vendors.qoder import decode


class Decoder(decode.Decoder):
    def feed(self, raw) -> Any:
        return super().feed(raw)


def idle(reason, name="evt_90", **more):
    return {"id": name, "type": "session.status_idle", "stop_reason": reason, **more}


def one(raw, decoder=None):
    events = (decoder or Decoder()).feed(raw)
    assert len(events) == 1
    assert events[0].wire.raw is raw
    return events[0]


def test_a_user_message_has_its_text_and_files():
    event = one(
        {
            "id": "evt_1",
            "type": "user.message",
            "content": [
                {"type": "image", "source": {"type": "file", "file_id": "file_7"}},
                {"type": "text", "text": "List the "},
                {"type": "text", "text": "open tickets."},
                {"type": "redacted"},
            ],
            "processed_at": "2026-09-02T08:00:01Z",
            "surprise": 1,
        }
    )
    assert isinstance(event, Prompted)
    assert (event.prompt_id, event.text, event.attachments[0].id) == ("evt_1", "List the open tickets.", "file_7")
    assert event.wire.at == "2026-09-02T08:00:01Z"
    assert event.wire.raw["surprise"] == 1


def test_the_old_dialect_has_plain_strings():
    assert one({"id": "e", "type": "user.message", "content": "hello"}).text == "hello"


def test_previews_share_the_id_of_the_finished_message():
    decoder = Decoder()
    start = one({"type": "event_start", "event": {"id": "evt_5", "type": "agent.message"}}, decoder)
    delta = one(
        {
            "type": "event_delta",
            "event_id": "evt_5",
            "delta": {"type": "content_delta", "index": 0, "content": {"type": "text", "text": "There are "}},
        },
        decoder,
    )
    done = one({"id": "evt_5", "type": "agent.message", "content": [{"type": "text", "text": "There are 3."}]}, decoder)
    assert start == PartStarted(part_id="evt_5", kind=PartKind.TEXT, wire=start.wire)
    assert delta == PartDelta(part_id="evt_5", text="There are ", wire=delta.wire)
    assert done == PartDone(part_id="evt_5", text="There are 3.", wire=done.wire)
    assert (start.wire.preview, delta.wire.preview, done.wire.preview) == (True, True, False)
    assert {event.wire.id for event in (start, delta, done)} == {"evt_5"}


def test_thinking_is_a_marker_and_in_the_old_dialect_words():
    decoder = Decoder()
    assert one({"type": "event_start", "event": {"id": "t", "type": "agent.thinking"}}, decoder).kind is PartKind.THINKING
    assert one({"id": "t", "type": "agent.thinking"}, decoder).text == ""
    assert one({"id": "t", "type": "agent.thinking", "thinking": "hm"}).text == "hm"
    assert one({"id": "t", "type": "agent.thinking", "content": [{"type": "text", "text": "hm"}]}).kind is PartKind.THINKING


@pytest.mark.parametrize(
    ("call", "back", "server"),
    [
        ({"type": "agent.tool_use"}, {"type": "agent.tool_result", "tool_use_id": "evt_3"}, ""),
        (
            {"type": "agent.mcp_tool_use", "mcp_server_name": "tracker"},
            {"type": "agent.mcp_tool_result", "mcp_tool_use_id": "evt_3"},
            "tracker",
        ),
        ({"type": "agent.tool_use", "tool_use_id": "toolu_9"}, {"type": "agent.tool_result", "tool_use_id": "toolu_9"}, ""),
    ],
)
def test_a_result_is_paired_with_its_call(call, back, server):
    decoder = Decoder()
    called = one({"id": "evt_3", "name": "Bash", "input": {"command": "ls"}, "evaluated_permission": "ask", **call}, decoder)
    returned = one({"id": "evt_4", "content": [{"type": "text", "text": "a\nb"}], "is_error": True, **back}, decoder)
    assert called == ToolCalled(part_id="evt_3", name="Bash", input={"command": "ls"}, server=server, asks=True, wire=called.wire)
    assert (returned.part_id, returned.output, returned.failed) == ("evt_3", "a\nb", True)
    assert returned.raw_output == [{"type": "text", "text": "a\nb"}]


def test_a_custom_tool_does_not_ask_for_approval():
    event = one({"id": "evt_3", "type": "agent.custom_tool_use", "name": "get_ticket", "input": {"key": "R-1"}})
    assert isinstance(event, ToolCalled)
    assert not event.asks


def test_the_blocks_of_a_result_have_lines():
    content = [
        {"type": "search_result", "title": "T", "source": "https://x.test", "content": [{"type": "text", "text": "words"}]},
        {"type": "image", "source": {"type": "url", "url": "https://x.test/i.png"}},
        {"type": "document", "source": {"type": "text", "data": "plain"}},
        {"type": "redacted"},
        {"type": "hologram", "x": 1},
        "bare",
    ]
    event = one({"id": "r", "type": "agent.tool_result", "tool_use_id": "e", "content": content})
    assert event.output.splitlines() == [
        "T — https://x.test", "words", "[image: https://x.test/i.png]", "plain", "[redacted]",
        '{"type": "hologram", "x": 1}', "bare",
    ]  # fmt: skip


def test_an_artifact():
    event = one(
        {
            "id": "a",
            "type": "agent.artifact_delivered",
            "file_id": "file_1",
            "original_filename": "r.pdf",
            "content_type": "application/pdf",
            "size": 12,
        }
    )
    assert (event.kind, event.text) == (PartKind.ARTIFACT, "r.pdf")
    assert event.data == {"file_id": "file_1", "name": "r.pdf", "type": "application/pdf", "size": 12}


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ({"type": "end_turn"}, Stop.DONE),
        ("end_turn", Stop.DONE),
        (None, Stop.DONE),
        ({"type": "cancelled"}, Stop.INTERRUPTED),
        ({"type": "canceled"}, Stop.INTERRUPTED),
        ({"type": "retries_exhausted"}, Stop.FAILED),
        ({"type": "budget_reached"}, Stop.OVER_BUDGET),
        ({"type": "budget_exceeded"}, Stop.OVER_BUDGET),
        ({"type": "max_iterations"}, Stop.FAILED),
        ({"type": "requires_action", "event_ids": []}, Stop.NEEDS_APPROVAL),
    ],
)
def test_how_a_turn_stops(reason, stop):
    changed, ended = Decoder().feed(idle(reason))
    assert changed.status is (Status.WAITING if stop.waits else Status.IDLE)
    assert ended.stop is stop
    assert (ended.failure is not None) == (stop in (Stop.FAILED, Stop.OVER_BUDGET))


def test_an_unknown_reason_is_named():
    assert Decoder().feed(idle({"type": "max_iterations"}))[-1].failure.message == "stopped: max_iterations"


def test_a_missing_stop_reason_is_an_end():
    assert Decoder().feed({"id": "i", "type": "session.status_idle", "status": "idle"})[-1].stop is Stop.DONE


def test_what_is_waited_for_is_named_and_unknown_ids_are_kept():
    decoder = Decoder()
    decoder.feed({"id": "e1", "type": "agent.tool_use", "name": "Write", "input": {"p": 1}, "evaluated_permission": "ask"})
    decoder.feed({"id": "e2", "type": "agent.custom_tool_use", "name": "get_ticket", "input": {}})
    raw = idle({"type": "requires_action", "event_ids": ["e1", "e2", "e3"]})
    assert decoder.missing(raw) == ("e3",)
    ended = decoder.feed(raw)[-1]
    assert ended.stop is Stop.NEEDS_APPROVAL
    assert [(r.event_id, r.kind, r.name) for r in ended.waiting] == [
        ("e1", RequestKind.APPROVAL, "Write"), ("e2", RequestKind.TOOL, "get_ticket"), ("e3", RequestKind.APPROVAL, ""),
    ]  # fmt: skip
    again = decoder.feed(idle({"type": "requires_action", "event_ids": ["e2"]}))[-1]
    assert (again.stop, len(again.waiting)) == (Stop.NEEDS_INPUT, 1)


def test_a_call_that_was_found_elsewhere_is_remembered():
    decoder = Decoder()
    decoder.remember({"id": "e9", "type": "agent.mcp_tool_use", "name": "search", "input": {"q": "x"}})
    ended = decoder.feed(idle({"type": "requires_action", "event_ids": ["e9"]}))[-1]
    assert (ended.waiting[0].name, ended.waiting[0].input) == ("search", {"q": "x"})


def test_the_end_names_the_last_answer_of_its_own_turn():
    decoder = Decoder()
    decoder.feed({"id": "u1", "type": "user.message", "content": []})
    decoder.feed({"id": "m1", "type": "agent.message", "content": []})
    assert decoder.feed(idle({"type": "end_turn"}))[-1].message_id == "m1"
    decoder.feed({"id": "u2", "type": "user.message", "content": []})
    assert decoder.feed(idle({"type": "end_turn"}))[-1].message_id == ""


def test_errors_and_what_is_done_about_them():
    decoder = Decoder()
    error = {
        "id": "x",
        "type": "session.error",
        "error": {"type": "model_overloaded_error", "message": "busy", "retry_status": {"type": "retrying"}},
    }
    notice = one(error, decoder)
    assert (notice.failure, notice.text) == (False, "busy (the platform tries again)")
    error = {
        "id": "y",
        "type": "session.error",
        "error": {"type": "billing_error", "message": "no credit", "retry_status": {"type": "exhausted"}},
    }
    assert one(error, decoder).failure
    ended = decoder.feed(idle({"type": "retries_exhausted"}))[-1]
    assert (ended.failure.message, ended.failure.code) == (
        "no credit. The platform's tries are used up; you may ask again.",
        "billing_error",
    )
    assert one({"id": "z", "type": "session.error", "error": "odd"}).failure
    assert one({"id": "z", "type": "session.error", "message": "plain", "code": 3}).text == "plain"


def test_a_session_that_dies_ends_its_turn():
    changed, ended = Decoder().feed({"id": "t", "type": "session.status_terminated"})
    assert (changed.status, ended.stop) == (Status.CLOSED, Stop.FAILED)
    assert Decoder().feed({"id": "t", "type": "session.deleted"})[-1].failure.message == "The session was deleted."
    decoder = Decoder()
    decoder.feed(idle({"type": "end_turn"}))
    assert [type(event) for event in decoder.feed({"id": "t", "type": "session.status_terminated"})] == [StatusChanged]


def test_an_idle_before_any_work_ends_nothing():
    decoder = Decoder(open_turn=False)
    assert [type(event) for event in decoder.feed(idle({"type": "end_turn"}))] == [StatusChanged]
    decoder.feed({"id": "r", "type": "session.status_running"})
    assert isinstance(decoder.feed(idle({"type": "end_turn"}, "evt_91"))[-1], TurnEnded)


def test_an_interrupt_that_ends_as_end_turn_is_an_interrupt():
    decoder = Decoder()
    assert one({"id": "i", "type": "user.interrupt"}, decoder).text == "Interrupted"
    assert decoder.feed(idle({"type": "end_turn"}))[-1].stop is Stop.INTERRUPTED
    decoder.feed({"id": "u", "type": "user.message", "content": []})
    assert decoder.feed(idle({"type": "end_turn"}))[-1].stop is Stop.DONE


@pytest.mark.parametrize(
    ("raw", "allow", "reason"),
    [
        ({"result": "allow"}, True, ""),
        ({"result": "deny", "deny_message": "frozen"}, False, "frozen"),
        ({"decision": "approve"}, True, ""),
        ({"decision": "deny"}, False, ""),
    ],
)
def test_confirmations_in_both_dialects(raw, allow, reason):
    event = one({"id": "c", "type": "user.tool_confirmation", "tool_use_id": "e1", **raw})
    assert event == Answered(request_id="e1", allow=allow, reason=reason, wire=event.wire)


@pytest.mark.parametrize("name", ["custom_tool_use_id", "tool_use_id"])
def test_a_custom_result_answers_and_is_the_tools_result(name):
    raw = {"id": "c", "type": "user.custom_tool_result", name: "e1", "content": [{"type": "text", "text": "open"}]}
    answered, returned = Decoder().feed(raw)
    assert (answered.request_id, answered.allow) == ("e1", None)
    assert (returned.part_id, returned.output) == ("e1", "open")
    assert isinstance(returned, ToolReturned)


def test_the_state_title_and_cost():
    assert one({"id": "s", "type": "session.status_running"}).status is Status.RUNNING
    moved = Decoder().feed({"id": "s", "type": "session.status_rescheduled"})
    assert [type(event) for event in moved] == [StatusChanged, Noticed]
    assert one({"id": "s", "type": "session.updated", "title": "notes"}).title == "notes"
    assert isinstance(one({"id": "s", "type": "session.updated", "metadata": {}}), Unknown)
    used = one({"id": "s", "type": "session.usage", "model_credits": 4.05, "total_credits": 4.63})
    assert isinstance(used, Used)
    assert (used.usage.credits, used.usage.total_tokens) == ("4.63", None)
    assert isinstance(one({"id": "s", "type": "span.model_request_end", "model_usage": {"credits": 4.05}}), Unknown)
    assert isinstance(one({"id": "s", "type": "session.usage", "total_credits": "1e999999999"}), Unknown)
    assert isinstance(one({"id": "s", "type": "session.updated", "title": "t"}), Titled)


def test_threads_have_lanes_and_the_main_one_has_none():
    decoder = Decoder()
    decoder.feed({"id": "u", "type": "user.message", "content": [], "session_thread_id": "sthr_main"})
    joined = one({"id": "n", "type": "session.thread_created", "session_thread_id": "sthr_w", "agent_name": "Tester"}, decoder)
    worker = one(
        {"id": "m", "type": "agent.message", "content": [{"type": "text", "text": "w"}], "session_thread_id": "sthr_w"}, decoder
    )
    main = one({"id": "k", "type": "agent.message", "content": [], "session_thread_id": "sthr_main"}, decoder)
    assert (joined.text, joined.wire.lane) == ("Tester joined.", "sthr_w")
    assert (worker.wire.lane, main.wire.lane) == ("sthr_w", "")
    assert decoder.feed(idle({"type": "end_turn"}))[-1].message_id == "k"
    sent = one(
        {"id": "o", "type": "agent.thread_message_sent", "to_agent_name": "Tester", "content": [{"type": "text", "text": "go"}]},
        decoder,
    )
    assert sent.text == "To Tester: go"
    back = {"id": "p", "type": "agent.thread_message_received", "from_session_thread_id": "sthr_w", "content": []}
    assert one(back, decoder).text == "From sthr_w: "
    assert isinstance(one({"id": "q", "type": "session.thread_status_idle", "session_thread_id": "sthr_w"}, decoder), Unknown)


def test_a_thread_of_which_nothing_is_known_is_asked_about():
    decoder = Decoder()
    raw = {"id": "m", "type": "agent.message", "content": [], "session_thread_id": "sthr_w"}
    assert decoder.lost(raw)
    decoder.primary = "sthr_main"
    assert not decoder.lost(raw)
    assert one(raw, decoder).wire.lane == "sthr_w"


@pytest.mark.parametrize(
    "raw",
    [
        {"type": "planet.aligned", "id": "e"},
        {"type": "agent.dream", "id": "e"},
        {"type": "user.nod", "id": "e"},
        {"type": "session.blinked", "id": "e"},
        {"type": "system.message", "id": "e", "content": [{"type": "text", "text": "x"}]},
        {"type": "span.model_request_start", "id": "e"},
        {"id": "e"},
        {"type": None},
        {"type": {"x": 1}},
    ],
)
def test_what_is_not_known_is_kept(raw):
    assert isinstance(one(raw), Unknown)


@pytest.mark.parametrize("field", ["content", "delta", "event", "error", "stop_reason", "session_thread_id", "input", "name"])
@pytest.mark.parametrize("value", [None, 7, "x", [], [1, None, {"type": "text"}], {"type": 3}, {"event_ids": 5}])
@pytest.mark.parametrize(
    "name",
    ["agent.message", "event_start", "event_delta", "session.error", "session.status_idle", "agent.tool_use", "user.message"],
)
def test_no_shape_breaks_it(name, field, value):
    assert Decoder().feed({"type": name, "id": "e", field: value})
