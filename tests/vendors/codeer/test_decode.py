"""Frames to events: the transcripts of contract 6.7, 14 and the fixtures of section 18 that need no server."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import SettingsError, VendorError
from app.models import Event, PartDelta, PartDone, Prompted, Stop, Titled, ToolCalled, ToolReturned, Unknown, Used
from app.transcript import Transcript
from app.vendors.codeer.bodies import body, with_user
from app.vendors.codeer.decode import Answering, decode
from app.vendors.codeer.envelope import decode_error, opened
from app.vendors.codeer.rows import turns
from app.vendors.codeer.tags import ToolTags, stripped
from app.vendors.http import Reply
from app.vendors.sse import Decoder, Frame

QUICK = settings(max_examples=300, deadline=None, derandomize=True)
FUZZ = settings(max_examples=150, deadline=None, derandomize=True)

SUCCESS = (
    """event: response.created
data: {"type":"response.created","response_id":"r-51","chat_id":70112,"agent_id":"3f0c8a52","model":"model-x","conversation_group_id":"cvg-aa","user_conversation_id":901}

event: response.chat.title.updated
data: {"type":"response.chat.title.updated","response_id":"r-51","chat_id":70112,"name":"Kiln on Monday"}

event: response.reasoning_step.start
data: {"type":"response.reasoning_step.start","response_id":"r-51","chat_id":70112,"step":{"id":"call_7","type":"consultant_retrieve_context_objs","tool_name":"retrieve_context_objs","content":"Looking at the booking sheet","args":{"query":"kiln monday"},"timestamp":"2026-03-01T09:00:01Z"}}

event: response.reasoning_step.end
data: {"type":"response.reasoning_step.end","response_id":"r-51","chat_id":70112,"step":{"id":"call_7","type":"consultant_retrieve_context_objs","result":{"hits":2},"token_usage":{"total_tokens":31},"timestamp":"2026-03-01T09:00:02Z"}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","response_id":"r-51","chat_id":70112,"delta":"Yes, 窯 "}

event: response.output_text.delta
data: {"type":"response.output_text.delta","response_id":"r-51","chat_id":70112,"delta":"from 10:00."}

event: response.output_text.completed
data: {"type":"response.output_text.completed","response_id":"r-51","chat_id":70112,"final_text":"Yes, 窯 from 10:00.","usage":{"total_tokens":120,"total_prompt_tokens":90,"total_completion_tokens":30,"total_calls":2}}

data: [DONE]

"""  # noqa: E501
).encode()


def run(stream: bytes, *cuts: int, key: str = "k1") -> tuple[list[Event], Answering]:
    decoder, state, events = Decoder(), Answering(key=key), []
    places = [0, *cuts, len(stream)]
    for start, end in pairwise(places):
        for frame in decoder.feed(stream[start:end]):
            events += decode(frame, state)
    for frame in decoder.close():
        events += decode(frame, state)
    return events + state.rest(), state


def frames(*payloads: Any) -> tuple[list[Event], Answering]:
    state, events = Answering(key="k1"), []
    for payload in payloads:
        frame = payload if isinstance(payload, Frame) else Frame(payload.get("type", "message"), json.dumps(payload))
        events += decode(frame, state)
    return events + state.rest(), state


def shown(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, PartDelta))


def delta(text: Any) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "delta": text}


def test_the_transcript_of_the_contract() -> None:
    events, state = run(SUCCESS)
    kinds = [type(event) for event in events]
    assert kinds == [Prompted, Titled, ToolCalled, ToolReturned, PartDelta, PartDelta, PartDone, Used]
    prompted, titled, called, returned, *_, done, used = events
    assert isinstance(prompted, Prompted) and (prompted.prompt_id, prompted.group, prompted.key) == ("901", "cvg-aa", "k1")
    assert isinstance(titled, Titled) and titled.title == "Kiln on Monday"
    assert isinstance(called, ToolCalled) and (called.part_id, called.name, called.summary) == (
        "call_7", "retrieve_context_objs", "Looking at the booking sheet",
    )  # fmt: skip
    assert called.input == {"query": "kiln monday"} and called.wire.at == "2026-03-01T09:00:01Z"
    assert isinstance(returned, ToolReturned) and returned.raw_output == {"hits": 2}
    assert isinstance(done, PartDone) and done.text == "Yes, 窯 from 10:00."
    assert isinstance(used, Used) and used.usage.input_tokens == 90 and used.usage.output_tokens == 30
    assert [event.wire.preview for event in events] == [False, False, False, False, True, True, False, False]
    ended = state.end(cut=False)
    assert ended is not None and ended.stop is Stop.DONE


def test_every_split_and_spelling_is_the_same() -> None:
    whole, _ = run(SUCCESS)
    for cut in range(len(SUCCESS)):
        assert run(SUCCESS, cut)[0] == whole
    spellings = [SUCCESS.replace(b"\n", b"\r\n"), SUCCESS.replace(b"\n", b"\r"), SUCCESS.replace(b"data: ", b"data:")]
    spellings += [SUCCESS.replace(b"\n\n", b"\n\n: ping\n\n"), b"\xef\xbb\xbf" + SUCCESS, SUCCESS.rstrip(b"\n")]
    for spelling in spellings:
        events, state = run(spelling)
        assert [type(event) for event in events] == [type(event) for event in whole] and state.end(cut=False) is not None


def test_only_the_final_text() -> None:
    for name in ("final_text", "full_text"):
        events, state = frames({"type": "response.output_text.completed", name: "all"})
        assert isinstance(events[0], Prompted) and isinstance(events[1], PartDone) and events[1].text == "all"
        assert state.succeeded
    events, _ = frames(delta("a"), delta("b"), {"type": "response.output_text.completed"})
    assert isinstance(events[-1], PartDone) and events[-1].text == "ab"


def test_no_end_is_no_end() -> None:
    for last in ([], [Frame("message", "[DONE]")], [Frame("message", " [DONE]\n")]):
        events, state = frames(delta("partial"), *last)
        assert shown(events) == "partial" and state.end(cut=False) is None


def test_a_failure_keeps_the_text() -> None:
    for kind in ("response.error", "error", "response.failed", "response.part.failed", "x.error"):
        events, state = frames(
            delta("par"), {"type": kind, "message": "model timed out", "code": 10005}, Frame("message", "[DONE]")
        )
        ended = state.end(cut=False)
        assert ended is not None and ended.stop is Stop.FAILED and ended.failure is not None
        assert (ended.failure.code, ended.failure.kind) == ("10005", "unavailable")
        assert ended.failure.message == "Codeer broke off the answer: model timed out."
        assert shown(events) == "par"
    for raw in (Frame("error", "it broke"), Frame("error", "5"), Frame("error", '{"error":"it broke"}')):
        _, state = frames(raw)
        assert state.failure is not None and ("broke" in state.failure.message or raw.data == "5")
    _, state = frames({"error_code": 14103, "message": "not allowed"})
    assert state.failure is not None and state.failure.kind == "forbidden"


def test_bare_text_of_the_first_generation() -> None:
    pieces = [" Hello", " world", " 5", "true", '"x"', "two\nlines", "{not json", '{"a": 1}']
    events, state = frames(*(Frame("message", piece) for piece in pieces), Frame("message", "[DONE]"))
    assert isinstance(events[0], Prompted)
    assert shown(events) == "".join(pieces) and isinstance(events[-1], PartDone) and events[-1].text == "".join(pieces)
    ended = state.end(cut=False)
    assert ended is not None and ended.stop is Stop.DONE
    _, state = frames(Frame("message", " Hello"))
    assert state.end(cut=False) is None


def test_bare_text_in_a_typed_stream_is_damage() -> None:
    events, state = frames(delta("a"), Frame("message", "junk"), Frame("response.output_text.delta", '{"delta": "x'))
    assert [type(event) for event in events[2:]] == [Unknown, Unknown] and shown(events) == "a" and not state.plain


def test_tags_are_never_shown() -> None:
    events, _ = frames(
        delta("Yes<to"), delta("ol id=call_7>ki"), delta("ln</tool>, from"), delta(" <b> 3 < 4 <tool"), delta("s>")
    )
    assert shown(events) == "Yes, from <b> 3 < 4 <tools>"
    assert stripped('<tool id="a b">x</tool>A<tool id=c>y</tool>') == "A"
    events, _ = frames(delta("end <tool id=unfinished"))
    assert shown(events) == "end <tool id=unfinished"


@QUICK
@given(
    st.lists(
        st.sampled_from(["<", "<tool", " id=", "call", ">", "x", "</tool>", "<tool id=a>b</tool>", "</", "tool", "\n", "é"]),
        max_size=14,
    ),
    st.data(),
)
def test_tags_do_not_care_about_cuts(words: list[str], data: st.DataObject) -> None:
    text = "".join(words)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    tags = ToolTags()
    places = [0, *cuts, len(text)]
    out = "".join(tags.feed(text[start:end]) for start, end in pairwise(places)) + tags.close()
    assert out == stripped(text)


def test_a_long_false_tag_is_not_held_for_ever() -> None:
    tags = ToolTags()
    text = "<tool id=" + "x" * 5000
    assert len(tags.feed(text)) > 4000


def test_steps_pair_by_id_or_by_order() -> None:
    start, end = "response.reasoning_step.start", "response.reasoning_step.end"
    events, _ = frames(
        {"type": start, "step": {"type": "search_web", "content": "a"}},
        {"type": start, "step": {"type": "consultant_fetch", "content": "b"}},
        {"type": end, "step": {"result": "one"}},
        {"type": end, "step": {"result": {"error": "no"}}},
        {"type": end, "step": {"id": "z", "tool_name": "late", "result": None}},
        {"type": start, "step": None},
    )
    called = [(event.part_id, event.name) for event in events if isinstance(event, ToolCalled)]
    returned = [(event.part_id, event.output, event.failed) for event in events if isinstance(event, ToolReturned)]
    assert called == [("step-1", "search_web"), ("step-2", "fetch")]
    assert returned == [("step-1", "one", False), ("step-2", '{"error": "no"}', True), ("z", "", False)]
    assert isinstance(events[-1], Unknown)


FORM = {"id": "f", "title": "Booking", "fields": [{"name": "day", "type": "date"}]}


@pytest.mark.parametrize(
    ("args", "result", "event_id"),
    [
        ({"form_request_id": "fr-1", "form": FORM}, {"form_request_id": "fr-1", "status": "pending"}, "fr-1"),
        ({"form_request": {"id": "fr-2"}, "custom_form_schema": FORM}, None, "fr-2"),
        (FORM, {"request_id": 7}, "7"),
        (FORM, None, "call_1"),
    ],
)
def test_a_form_is_waited_for(args: Any, result: Any, event_id: str) -> None:
    step = {"id": "call_1", "type": "consultant_request_form"}
    start = {"type": "response.reasoning_step.start", "step": {**step, "args": args}}
    end = {"type": "response.reasoning_step.end", "step": {**step, "result": result}}
    for more in ([], [{"type": "response.output_text.completed", "final_text": ""}], [Frame("message", "[DONE]")]):
        _, state = frames(start, end, *more)
        ended = state.end(cut=False)
        assert ended is not None and ended.stop is Stop.NEEDS_INPUT
        (request,) = ended.waiting
        assert (request.event_id, request.name, request.input) == (event_id, "Booking", FORM)
    _, state = frames(start, end)
    assert state.end(cut=True) is None
    answered = {**end, "step": {**step, "result": {"status": "submitted", "values": {}}}}
    _, state = frames(start, answered, {"type": "response.output_text.completed", "final_text": "thanks"})
    ended = state.end(cut=False)
    assert ended is not None and ended.stop is Stop.DONE


def test_chat_v2_events() -> None:
    tool = {"tool_name": "t", "tool_call_id": "c"}
    events, state = frames(
        {"type": "response.part.created", "part": {"part_kind": "text"}},
        {"type": "response.part.delta", "part_kind": "text", "delta": "Hel"},
        {"type": "response.part.delta", "part_kind": "thinking", "delta": "hm"},
        {"type": "response.part.completed", "part": {"part_kind": "tool-call", "content": {**tool, "args": {}}}},
        {"type": "response.part.completed", "part": {"part_kind": "tool-return", "content": {**tool, "content": "r"}}},
        {"type": "response.part.completed", "part": {"part_kind": "text", "content": {"content": "Hello"}}},
        {"type": "response.completed"},
        Frame("message", "[DONE]"),
    )  # fmt: skip
    assert isinstance(events[-1], PartDone) and events[-1].text == "Hello" and state.succeeded and shown(events) == "Hel"
    assert [event.output for event in events if isinstance(event, ToolReturned)] == ["r"]
    _, state = frames(
        {"type": "response.interaction.created", "interaction": {"id": "i-1", "schema": FORM}}, {"type": "response.completed"}
    )
    ended = state.end(cut=False)
    assert ended is not None and ended.waiting[0].event_id == "i-1"


def test_late_and_repeated_frames() -> None:
    created = {"type": "response.created", "user_conversation_id": "901", "conversation_group_id": "g"}
    title = {"type": "response.chat.title.updated", "name": "T"}
    done = {"type": "response.output_text.completed", "final_text": "x"}
    events, _ = frames(title, created, created, done, done, delta("late"), title)
    assert [type(event) for event in events] == [Prompted, Titled, Prompted, PartDone, Titled]
    assert isinstance(events[2], Prompted) and events[2].prompt_id == "901"


SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6)
JSON = (
    SCALAR
    | st.lists(SCALAR, max_size=2)
    | st.dictionaries(st.text(max_size=5), SCALAR | st.lists(SCALAR, max_size=2), max_size=2)
)
STREAM = [
    "created",
    "chat.title.updated",
    "reasoning_step.start",
    "reasoning_step.end",
    "output_text.delta",
    "completed",
    "error",
]
STREAM += ["output_text.completed", "part.delta", "part.completed", "interaction.created"]
TYPES = ["error", "x", *(f"response.{name}" for name in STREAM)]
NAMES = [
    "delta",
    "step",
    "part",
    "final_text",
    "usage",
    "name",
    "code",
    "error_code",
    "interaction",
    "message",
    "user_conversation_id",
]
INNER = [
    "id",
    "type",
    "tool_name",
    "args",
    "result",
    "content",
    "part_kind",
    "form",
    "fields",
    "tool_call_id",
    "status",
    "total_tokens",
]


FIELDS = st.dictionaries(st.sampled_from(NAMES), JSON | st.dictionaries(st.sampled_from(INNER), JSON, max_size=5), max_size=5)


@FUZZ
@given(st.lists(st.tuples(st.sampled_from(TYPES), FIELDS), max_size=6))
def test_no_frame_can_break_it(items: list[tuple[str, dict[str, Any]]]) -> None:
    transcript, state = Transcript(), Answering(key="k")
    for kind, fields in items:
        for event in decode(Frame(kind, json.dumps({"type": kind, **fields})), state):
            transcript.apply(event)
    state.end(cut=False)


STEP = st.dictionaries(st.sampled_from(INNER), JSON, max_size=5)
META = st.dictionaries(
    st.sampled_from(["reasoning_steps", "token_usage", "form_request"]), JSON | st.lists(STEP, max_size=2) | STEP, max_size=3
)
FILE = st.dictionaries(st.sampled_from(["id", "name", "size", "url"]), JSON, max_size=4)
ROW = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON,
        "role": st.sampled_from(["user", "assistant", "system", "x"]) | JSON,
        "content": JSON,
        "group_id": JSON,
        "attached_files": JSON | st.lists(FILE, max_size=2),
        "meta": JSON | META,
    },
)


@FUZZ
@given(st.lists(ROW, max_size=6))
def test_no_row_can_break_it(rows: list[dict[str, Any]]) -> None:
    transcript = Transcript()
    for events in turns(rows):
        for event in events:
            transcript.apply(event)


REFUSALS = [
    (400, {"error_code": 10001, "message": "no key"}, "key_refused", "10001"),
    (401, {"detail": "Unauthorized"}, "key_refused", None),
    (403, {"error_code": 10001, "message": "denied"}, "forbidden", "10001"),
    (403, {"error_code": 14103, "message": "client not allowed"}, "forbidden", "14103"),
    (404, {"error_code": 10003, "message": "Agent version not found"}, "not_found", "10003"),
    (409, {"error_code": 1, "data": {"reason": "changed"}}, "conflict", "1"),
    (422, {"data": {"errors": [{"field": "name", "message": "too long", "input": "secret"}]}}, "refused", None),
    (422, {"detail": [{"loc": ["body", "name"], "msg": "missing"}]}, "refused", None),
    (400, {"error": "old words"}, "refused", None),
    (400, {"data": {"error_msg": "bad file"}}, "refused", None),
    (400, {"error_code": "10006", "message": None, "error": {"message": "inner"}}, "refused", "10006"),
    (429, {}, "rate_limited", None),
    (500, {"error_code": 10005, "message": "boom"}, "unavailable", "10005"),
    (502, "<html>", "unavailable", None),
    (413, [], "refused", None),
    (418, {"error_code": [1], "message": 5, "data": {"errors": "x"}}, "refused", "[1]"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "envelope", "kind", "code"), REFUSALS, ids=range(len(REFUSALS)))
def test_refusals(status: int, envelope: Any, kind: str, code: str | None) -> None:
    content = envelope.encode() if isinstance(envelope, str) else json.dumps(envelope).encode()
    error = decode_error(status, {}, content)
    assert (error.kind, error.code, error.status) == (kind, code, status) and "secret" not in f"{error} {error.fields}"
    for words in (
        "no key",
        "client not allowed",
        "Agent version not found",
        "changed",
        "too long",
        "missing",
        "old words",
        "bad file",
        "inner",
    ):
        assert words not in content.decode() or words in str(error)


def test_fields_are_told() -> None:
    error = decode_error(422, {}, json.dumps(REFUSALS[6][1]).encode())
    assert error.fields == {"name": "too long"} and "name: too long" in str(error)


@QUICK
@given(st.integers(400, 599), JSON | st.dictionaries(st.sampled_from(["error_code", "message", "error", "data", "detail"]), JSON))
def test_no_refusal_can_break_it(status: int, envelope: Any) -> None:
    assert isinstance(decode_error(status, {}, json.dumps(envelope).encode()), VendorError)


def test_an_error_inside_a_reply_of_200() -> None:
    with pytest.raises(VendorError) as caught:
        opened(Reply(200, {"data": None, "error_code": 10006, "message": "bad"}), write=True)
    assert caught.value.kind == "refused"
    with pytest.raises(VendorError) as caught:
        opened(Reply(200, {"data": None, "error_code": 10005, "message": "boom"}), write=True)
    assert caught.value.kind == "unknown"
    for code in (0, None, "0", "", "absent"):
        envelope = {"data": [1], "message": ""} | ({} if code == "absent" else {"error_code": code})
        assert opened(Reply(200, envelope), write=False) == [1]


def test_bodies_can_be_overruled() -> None:
    assert body("feedback", {}, type="sys_helpful", content="") == {"type": "sys_helpful"}
    options = {"bodies": {"feedback": {"rating": "{rating}", "note": {"text": "{content}"}, "fixed": 1}}}
    assert body("feedback", options, type="t", content="c", rating="up") == {"rating": "up", "note": {"text": "c"}, "fixed": 1}
    assert body("regenerate", {}, agent_id="a", stream=False) == {"agent_id": "a", "stream": False}
    assert with_user({"a": 1}, "u") == {"a": 1, "external_user_id": "u"} and with_user({"a": 1}, "") == {"a": 1}
    with pytest.raises(SettingsError, match=r"bodies\.rename"):
        body("rename", {"bodies": {"rename": "x"}}, name="n")
