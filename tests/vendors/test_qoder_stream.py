"""The resumable stream (contract 14): frames, cursors, gaps, repetitions, refused cursors, and 500 random ways to cut a turn."""

import asyncio

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import KeyRefused, NotFound, Protocol
from app.models import Link, LinkState, PartDelta, PartDone, PartStarted, Prompt, Prompted, TurnEnded
from app.protocols import tell_link
from app.transcript import Transcript
from app.vendors.qoder.stream import Seen, parse
from app.vendors.sse import Frame
from tests.vendors.qoder_script import CONVERSATION, EVENTS, SESSION, Body, Journal, Script, events, framed, gather, page, refused

STREAM = EVENTS + "/stream"


def start(name, kind="agent.message"):
    return {"type": "event_start", "event": {"id": name, "type": kind}}


def delta(name, words, index=0):
    part = {"type": "content_delta", "index": index, "content": {"type": "text", "text": words}}
    return {"type": "event_delta", "event_id": name, "delta": part}


def blocks(words):
    return [{"type": "text", "text": words}]


TURN = [
    {"id": "evt_10", "type": "user.message", "content": blocks("List the open tickets.")},
    {"id": "evt_11", "type": "session.status_running"},
    {"id": "evt_12", "type": "span.model_request_start"},
    start("evt_13", "agent.thinking"),
    {"id": "evt_13", "type": "agent.thinking"},
    start("evt_14"),
    delta("evt_14", "Let me "),
    delta("evt_14", "look."),
    {"id": "evt_14", "type": "agent.message", "content": blocks("Let me look.")},
    {"id": "evt_15", "type": "agent.tool_use", "name": "Bash", "input": {"command": "ls"}, "evaluated_permission": "ask"},
    {"id": "evt_16", "type": "span.model_request_end", "model_usage": {"credits": 0.4}},
    {"id": "evt_17", "type": "session.usage", "total_credits": 0.41},
    {"id": "evt_18", "type": "user.tool_confirmation", "tool_use_id": "evt_15", "result": "allow"},
    {"id": "evt_19", "type": "agent.tool_result", "tool_use_id": "evt_15", "content": blocks("a.md\nb.md"), "is_error": False},
    {"id": "evt_20", "type": "session.error", "error": {"message": "busy", "retry_status": {"type": "retrying"}}},
    {"id": "evt_21", "type": "planet.aligned"},
    start("evt_22"),
    delta("evt_22", "There are "),
    delta("evt_22", "3 "),
    delta("evt_22", "open tickets."),
    {"id": "evt_22", "type": "agent.message", "content": blocks("There are 3 open tickets.")},
    {"id": "evt_23", "type": "agent.artifact_delivered", "file_id": "file_1", "original_filename": "r.pdf", "size": 3},
    {"id": "evt_24", "type": "session.status_idle", "stop_reason": {"type": "end_turn"}},
]  # fmt: skip
PROMPT = Prompt("key-1", "List the open tickets.", after="evt_09")


def script_of(journal):
    script = Script()
    script.on("POST", EVENTS, httpx.Response(200, json={"data": [TURN[0]]}))
    script.on("GET", STREAM, journal.stream)
    script.on("GET", EVENTS, journal.listed)
    return script


async def turn_of(script):
    try:
        return await gather(script.vendor.send(CONVERSATION, PROMPT))
    finally:
        await script.vendor.aclose()


def folded(found):
    transcript = Transcript()
    transcript.begin(PROMPT.key, PROMPT.text)
    for event in found:
        transcript.apply(event)
    return [
        [turn.uid, turn.prompt_id, turn.state, turn.stop, turn.message_id, turn.waiting, turn.usage, *map(plain, turn.parts)]
        for turn in transcript.turns
    ]


def plain(part):
    return (
        part.id,
        part.kind,
        part.done,
        part.text,
        part.name,
        str(part.input),
        part.output,
        part.asks,
        part.failed,
        str(part.data),
    )


def finished(found):
    return [event.wire.id for event in found if event.wire.id and not event.wire.preview]


@pytest.fixture(scope="module")
def uncut():
    return asyncio.run(turn_of(script_of(Journal(TURN, []))))


def test_the_uncut_turn(uncut):
    (turn,) = folded(uncut)
    assert turn[:5] == [PROMPT.key, "evt_10", "sent", "done", "evt_22"]
    assert len(turn) == 7 + 6
    assert any(isinstance(event, PartDelta) for event in uncut)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(
    cuts=st.lists(st.integers(0, len(TURN)), min_size=1, max_size=8),
    how=st.lists(st.sampled_from(["cut", "eof", "torn"]), min_size=8, max_size=8),
    ahead=st.sampled_from([0, 0, 0, 1, 2, 5, 30]),
)
def test_cut_anywhere_the_transcript_is_the_same(uncut, cuts, how, ahead):
    found = asyncio.run(turn_of(script_of(Journal(TURN, cuts, lambda n: how[(n - 1) % 8], ahead))))
    assert folded(found) == folded(uncut)
    assert finished(found) == finished(uncut)
    live = "".join(event.text for event in found if isinstance(event, PartDone))
    assert live == "Let me look.There are 3 open tickets.r.pdf"


@pytest.mark.parametrize("size", [1, 2, 7, 64])
async def test_bytes_may_come_in_any_pieces(uncut, size):
    whole = b"\xef\xbb\xbf" + b"".join(b": heartbeat\n\n" + framed(raw) for raw in TURN[1:])
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    script = script_of(Journal(TURN, []))
    script.on("GET", STREAM, events(*pieces))
    assert folded(await turn_of(script)) == folded(uncut)


# --- one frame ---


def test_missing_id_and_type_are_filled_in_and_present_ones_kept():
    assert parse(Frame("session.status_running", "{}", "evt_1")) == {"type": "session.status_running", "id": "evt_1"}
    assert parse(Frame("other", '{"type":"agent.message","id":"evt_2"}', "evt_1")) == {"type": "agent.message", "id": "evt_2"}
    assert parse(Frame("message", '{"a":1}', None)) == {"a": 1, "type": ""}
    assert parse(Frame("event_delta", '{"event_id":"e"}', "e")) == {"event_id": "e", "type": "event_delta"}
    assert parse(Frame("event_delta", '{"delta":{}}', "f")) == {"event_id": "f", "type": "event_delta", "delta": {}}


@pytest.mark.parametrize(
    "frame", [Frame("heartbeat", "{}"), Frame("ping", "junk"), Frame("message", " "), Frame("message", "[DONE]")]
)
def test_what_says_nothing(frame):
    assert parse(frame) is None


@pytest.mark.parametrize("data", ["{", "[1]", "7", "[" * 3000])
def test_what_is_not_an_event(data):
    with pytest.raises(Protocol):
        parse(Frame("message", data))


def test_seen_is_bounded():
    seen = Seen(3)
    assert [seen.add(name) for name in ("a", "b", "a", "c", "d")] == [True, True, False, True, True]
    assert ("b" in seen, "a" in seen) == (False, True)


# --- resuming ---


async def test_it_resumes_from_the_last_finished_event_and_begins_previews_anew():
    script = script_of(Journal(TURN, [18]))
    script.on("GET", EVENTS, page())
    found = await turn_of(script)
    assert [request.headers["last-event-id"] for request in script.sent("GET", STREAM)] == ["evt_10", "evt_21"]
    previews = [event for event in found if event.wire.id == "evt_22"]
    assert [type(event) for event in previews] == [
        PartStarted,
        PartDelta,
        PartDelta,
        PartStarted,
        PartDelta,
        PartDelta,
        PartDelta,
        PartDone,
    ]


async def test_deltas_that_go_on_without_their_start_do_not_double():
    script = script_of(Journal(TURN, []))
    first = [*TURN[1:5], start("evt_14"), delta("evt_14", "Let me ")]
    second = [delta("evt_14", "Let me "), delta("evt_14", "look."), *TURN[8:]]
    script.on("GET", STREAM, events(*first, end="cut"), events(*second))
    script.on("GET", EVENTS, page())
    text = Transcript()
    text.begin(PROMPT.key, PROMPT.text)
    seen = []
    for event in await turn_of(script):
        text.apply(event)
        part = text.turns[0].part("evt_14")
        if part is not None and not part.done:
            seen.append(part.text)
    assert seen == ["", "Let me ", "", "Let me ", "Let me look."]


async def test_late_deltas_of_a_finished_message_are_dropped():
    script = script_of(Journal(TURN, []))
    script.on("GET", STREAM, events(*TURN[1:9], delta("evt_14", "again"), start("evt_14"), *TURN[9:]))
    found = await turn_of(script)
    done = next(at for at, event in enumerate(found) if isinstance(event, PartDone) and event.part_id == "evt_14")
    assert all(event.wire.id != "evt_14" for event in found[done + 1 :])


async def test_a_server_that_replays_what_was_stored_is_shown_once(uncut):
    script = script_of(Journal(TURN, []))
    script.on("GET", STREAM, events(*TURN[:10], end="cut"), events(*TURN))
    assert folded(await turn_of(script)) == folded(uncut)


async def test_a_gap_after_a_resume_is_found_by_the_list(uncut):
    heard: list[Link] = []
    script = script_of(Journal(TURN, []))
    script.on("GET", STREAM, events(*TURN[1:9], end="cut"), events(*TURN[20:]))
    token = tell_link.set(heard.append)
    found = await turn_of(script)
    tell_link.reset(token)
    assert folded(found) == folded(uncut)
    assert [link.count for link in heard if link.state is LinkState.CATCHING_UP] == [10]


async def test_a_gap_that_hides_the_end_is_found_too(uncut):
    script = script_of(Journal(TURN, []))
    script.on("GET", STREAM, events(*TURN[1:9], end="cut"), events(b": heartbeat\n\n"))
    assert folded(await turn_of(script)) == folded(uncut)


@pytest.mark.parametrize(("status", "kind"), [(400, "invalid_request_error"), (404, "not_found_error"), (409, "conflict_error")])
async def test_a_refused_cursor_is_rebuilt_from_list_and_tail_without_a_loop(uncut, status, kind):
    script = script_of(Journal(TURN, []))

    def stream(request):
        if len(script.sent("GET", STREAM)) == 1:
            return events(*TURN[1:12], end="cut")
        return refused(status, kind) if "last-event-id" in request.headers else events(*TURN[21:])

    script.on("GET", STREAM, stream)
    assert folded(await turn_of(script)) == folded(uncut)
    assert [request.url.path.rpartition("/")[2] for request in script.sent("GET")] == ["stream", "stream", "stream", "events"]


async def test_after_a_refused_cursor_older_turns_do_not_count():
    old = [
        {"id": "evt_01", "type": "user.message", "content": blocks("before")},
        {"id": "evt_02", "type": "agent.message", "content": blocks("old")},
        {"id": "evt_03", "type": "session.status_idle", "stop_reason": {"type": "end_turn"}},
    ]
    renamed = [{**raw, "id": "evt_10b"} if raw is TURN[0] else raw for raw in TURN]
    script = script_of(Journal(TURN, []))
    script.on("GET", STREAM, lambda request: refused(409, "conflict_error") if "last-event-id" in request.headers else events())
    script.on("GET", EVENTS, Journal([*old, *renamed], []).listed)
    found = await turn_of(script)
    assert "old" not in [event.text for event in found if isinstance(event, PartDone)]
    assert found[-1].wire.id == "evt_24"


async def test_a_session_that_is_gone_is_not_asked_for_ever():
    script = script_of(Journal(TURN, []))
    script.on("GET", STREAM, refused(404, "not_found_error"))
    with pytest.raises(NotFound) as caught:
        await turn_of(script)
    assert caught.value.sent is True
    assert len(script.sent("GET", STREAM)) == 2


async def test_a_key_that_expires_in_the_middle_is_said():
    script = script_of(Journal(TURN, []))
    script.on("GET", STREAM, events(*TURN[1:4], end="eof"), refused(401, "authentication_error"))
    with pytest.raises(KeyRefused):
        await turn_of(script)


@pytest.mark.parametrize(
    "broken",
    [
        b"data: {not json\n\n",
        b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"upstream"}}\n\n',
        b'event: error\ndata: {"error":{"type":"overloaded_error","message":"upstream"}}\n\n',
        b"data: [1,2]\n\n",
    ],
)
async def test_a_broken_frame_or_an_error_event_is_a_reason_to_resume(uncut, broken):
    script = script_of(Journal(TURN, []))
    script.on("GET", STREAM, events(*TURN[1:9], broken, end="cut"), Journal(TURN, []).stream)
    assert folded(await turn_of(script)) == folded(uncut)


async def test_what_is_never_the_api_is_given_up_after_three():
    script = script_of(Journal(TURN, []))
    script.on("GET", STREAM, httpx.Response(200, html="<html>log in</html>"))
    script.on("GET", EVENTS, page())
    with pytest.raises(Protocol) as caught:
        await turn_of(script)
    assert caught.value.sent is True
    assert len(script.sent("GET", STREAM)) == 3


async def test_reconnects_wait_longer_and_longer_and_say_so():
    heard: list[Link] = []
    script = script_of(Journal(TURN, [0] * 9, lambda n: "eof"))
    script.on("GET", EVENTS, page())
    token = tell_link.set(heard.append)
    await turn_of(script)
    tell_link.reset(token)
    assert script.time.slept == [0.625, 1.25, 2.5, 5, 10, 10, 10, 10, 10]
    told = [link for link in heard if link.state is LinkState.RECONNECTING]
    assert [link.attempt for link in told] == list(range(1, 10))
    assert sum(script.time.slept[:9]) < 60
    assert len(script.sent("GET", STREAM)) == 10


async def test_health_makes_the_next_wait_short_again():
    script = script_of(Journal(TURN, []))

    def slow(request):
        script.time.now += 5.0
        return events(end="eof")

    script.on("GET", STREAM, events(end="eof"), events(end="eof"), slow, events(end="eof"), Journal(TURN, []).stream)
    script.on("GET", EVENTS, page())
    await turn_of(script)
    assert script.time.slept == [0.625, 1.25, 0.625, 1.25]


async def test_frames_without_an_id_are_delivered_and_move_nothing():
    script = script_of(Journal(TURN, []))
    nameless = b'event: session.updated\ndata: {"title":"notes"}\n\n'
    script.on("GET", STREAM, events(*TURN[1:3], nameless, end="cut"), events(*TURN[3:]))
    script.on("GET", EVENTS, page())
    found = await turn_of(script)
    assert [event.title for event in found if hasattr(event, "title")] == ["notes"]
    assert script.sent("GET", STREAM)[1].headers["last-event-id"] == "evt_12"


async def test_follow_goes_on_over_turns_and_ends_with_the_session():
    order = [*TURN, *({**raw, "id": raw["id"] + "b"} for raw in TURN if "id" in raw), {"id": "evt_99", "type": "session.deleted"}]
    journal = Journal(order, [3, 9, 0, 30])
    script = script_of(journal)
    found = await gather(script.vendor.follow(CONVERSATION, "evt_11"))
    await script.vendor.aclose()
    kept = [raw["id"] for raw in order[2:] if "id" in raw]
    assert list(dict.fromkeys(finished(found))) == kept
    assert len([event for event in found if isinstance(event, Prompted)]) == 1
    assert len([event for event in found if isinstance(event, TurnEnded)]) == 2


async def test_closing_the_iterator_closes_the_connection():
    script = script_of(Journal(TURN, []))
    body = Body([framed(raw) for raw in TURN[1:5]])
    headers = {"content-type": "text/event-stream"}
    script.on("GET", STREAM, httpx.Response(200, headers=headers, stream=body))
    await gather(script.vendor.send(CONVERSATION, PROMPT), lambda event: event.wire.id == "evt_11")
    assert body.closed
    assert SESSION in str(script.requests[-1].url)
    await script.vendor.aclose()
