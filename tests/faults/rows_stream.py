"""S: event streams, from the bytes up: fifty cases of framing, then sessions that repeat, skip, refuse, stutter and never end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from app.clock import Clock
from app.errors import TooLarge
from app.models import LinkState, PartKind, PromptState, Stop
from app.turns import Chip, chip
from app.vendors.codeer.client import POLICY
from app.vendors.http import Http
from tests.faults.kit.census import pulse
from tests.faults.kit.clocks import FakeTime, hurried
from tests.faults.kit.sockets import EVENT_HEAD, Op, RawServer, fin, reply, request, routed, rst, send, sleep, slices, stall
from tests.faults.rows import Case, row
from tests.faults.rows_network import judged
from tests.faults.session import WORDS, Session, folded
from tests.faults.sse_cases import CASES, RETRY, TYPES
from tests.faults.stage import SEND, Stage, failure, stage
from tests.vendors.codeer.test_client import ANSWER, PROMPT, USER, listing
from tests.vendors.codeer.test_decode import SUCCESS
from tests.vendors.qoder_script import framed
from tests.vendors.test_qoder_stream import TURN, blocks, delta, start

MIB = 1048576


async def frames(server: RawServer, *ops: Op, head: bytes = EVENT_HEAD) -> list[tuple[str, str, str | None]]:
    """What our client makes of a stream of these operations."""
    server.last = [request(), send(head), *ops]
    http = Http(server.base, dict, POLICY, clock=FakeTime().clock)
    try:
        async with http.stream("GET", "/x", idle=20) as stream:
            return [(frame.event, frame.data, frame.id) async for frame in stream.frames()]
    finally:
        await http.aclose()


async def cases(case: Case, tag: str) -> str:
    """The cases of one row: whole, byte by byte, and in random pieces."""
    chosen = [one for one in CASES if one[0] == tag]
    async with RawServer([]).running() as server:
        for _, name, raw, expected in chosen:
            for size in (len(raw), 1, case.random.randint(2, 7)):
                assert await frames(server, slices(raw, size)) == expected, (name, size)
    return f"{len(chosen)} of {len(chosen)}"


async def turned(case: Case, session: Session, name: str, clock: Clock | None = None) -> tuple[list[Any], Stage]:
    """What a prompt to a scripted session comes to."""
    async with session.server().running() as server, stage("qoder", case.folder / name, base=server.base, clock=clock) as on:
        turn = await on.ask(await on.made(), WORDS)
        if turn.failure is not None:
            on.said.append(failure(turn))
        assert session.posted == 1, "it was sent twice"
        return folded(turn), on


async def same(case: Case, *sessions: Session) -> None:
    """All of them come to the same as the stream that nothing happened to."""
    uncut, _ = await turned(case, Session([TURN[1:]]), "uncut")
    assert uncut[1:3] == [PromptState.SENT, Stop.DONE] and len(uncut) == 6 + 6
    for number, session in enumerate(sessions):
        got, _ = await turned(case, session, f"s{number}")
        assert got == uncut, (number, [one for one in got if one not in uncut], [one for one in uncut if one not in got])


@row("S-01", "phantom event: id then comment keep-alives", short=True)
async def _phantom(case: Case) -> str:
    assert len(CASES) + len(TYPES) == 50
    beats: list[Any] = [piece for raw in TURN[1:] for piece in (raw, b": heartbeat\n\n", b": heartbeat\n\n")]
    await same(case, Session([beats]))
    return await cases(case, "S-01")


@row("S-02", "BOM, double BOM, split BOM")
async def _bom(case: Case) -> str:
    whole = b"\xef\xbb\xbf" + b"".join(framed(raw) for raw in TURN[1:])
    await same(case, Session([[whole]]), Session([[slices(whole, 1)]]))
    return await cases(case, "S-02")


@row("S-03", "CR-only, mixed newlines, CR at chunk end")
async def _newlines(case: Case) -> str:
    whole = b"".join(framed(raw) for raw in TURN[1:])
    kinds = [whole.replace(b"\n", end) for end in (b"\n", b"\r", b"\r\n")]
    size = case.random.randint(2, 9)
    await same(case, *(Session([[slices(kind, n)]]) for kind in kinds for n in (1, size)))
    return await cases(case, "S-03")


@row("S-04", "U+2028/2029/0085, VT FF FS GS RS in data")
async def _separators(case: Case) -> str:
    odd = "a\u2028b\u2029c\u0085d"
    order = [*TURN[1:-1], {"id": "evt_23b", "type": "agent.message", "content": blocks(odd)}, TURN[-1]]
    got, _ = await turned(case, Session([order], listed=[raw for raw in [TURN[0], *order] if "id" in raw]), "odd")
    assert any(odd in part[3] for part in got[6:]), got
    return await cases(case, "S-04")


@row("S-05", "invalid UTF-8 bytes")
async def _broken_utf8(case: Case) -> str:
    return await cases(case, "S-05")


@row("S-06", "charset=windows-1252 header")
async def _charset(case: Case) -> str:
    await same(case, Session([TURN[1:]], head=EVENT_HEAD.replace(b"event-stream", b"event-stream; charset=windows-1252")))
    return await cases(case, "S-06")


@row("S-07", "wrong content type / missing", once=True)
async def _type(case: Case) -> str:
    """Refused before a line of it is parsed; the prompt is sent all the same, and its answer is read from the list."""
    async with RawServer([]).running() as server:
        for kind, good in {**TYPES, "": False}.items():
            head = EVENT_HEAD.replace(
                b"content-type: text/event-stream\r\n", f"content-type: {kind}\r\n".encode() if kind else b""
            )
            server.last = [request(), send(head), send(b"data: x\n\n")]
            http = Http(server.base, dict, POLICY, clock=FakeTime().clock)
            async with http.stream("GET", "/x") as stream:
                assert stream.is_events is good, kind
            await http.aclose()
    wrong = Session([TURN[1:]], head=EVENT_HEAD.replace(b"text/event-stream", b"text/html"))
    got, _ = await turned(case, wrong, "html")
    assert got[1] is PromptState.SENT and len(wrong.opened) <= 6, (got, wrong.opened)
    return f"{len(TYPES)} of {len(TYPES)}"


@row("S-08", "id with NUL, empty id, id-less events")
async def _ids(case: Case) -> str:
    """Only a finished event moves the cursor that a new connection begins at; NUL and empty ids move nothing."""
    nameless = b'event: session.updated\ndata: {"title":"notes"}\n\n'
    odd = b'id: evt_x\0\nevent: session.updated\ndata: {"title":"more notes"}\n\n'
    session = Session([[*TURN[1:3], nameless, odd, rst], [*TURN[3:]]], listed=())
    got, _ = await turned(case, session, "ids")
    assert got[1:3] == [PromptState.SENT, Stop.DONE] and session.opened == ["evt_10", "evt_12"], session.opened
    return await cases(case, "S-08")


@row("S-09", "`retry:` bogus, 0, negative", short=True, once=True)
async def _retry(case: Case) -> str:
    async with RawServer([]).running() as server:
        for text, seconds in RETRY:
            server.last = [request(), send(EVENT_HEAD + b"retry: " + text + b"\ndata: x\n\n")]
            http = Http(server.base, dict, POLICY, clock=FakeTime().clock)
            async with http.stream("GET", "/x") as stream:
                assert [frame.data async for frame in stream.frames()] == ["x"]
                assert stream.retry == seconds, text
            await http.aclose()
    return f"{len(RETRY)} of {len(RETRY)}"


@row("S-10", "unknown event types, unknown fields")
async def _unknown(case: Case) -> str:
    new = {"id": "evt_12b", "type": "planet.aligned.twice", "mood": "calm", "nested": {"a": [1, {"b": None}]}}
    more = [raw | {"colour": "red", "version": 7} for raw in TURN[1:]]
    got, _ = await turned(case, Session([[*more[:2], new, *more[2:]]]), "unknown")
    assert got[1:3] == [PromptState.SENT, Stop.DONE]
    return await cases(case, "S-10")


@row("S-11", "error event mid-stream", once=True)
async def _error(case: Case) -> str:
    """Codeer: an error under the words so far, and the prompt counts as sent; Qoder: the session goes on, so the stream does."""
    error = b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"upstream"}}\n\n'
    await same(case, Session([[*TURN[1:9], error], [*TURN[9:]]]))
    async with stage("codeer", case.folder / "codeer") as on:
        talk = await on.talk("Metronome")
        on.fault("error_event", n=6)
        turn = await on.ask(talk, "stream 60")
        assert turn.stop is Stop.FAILED and turn.state is PromptState.SENT and on.arrived("stream 60") == 1
        judged(failure(turn))
        shown = turn.answer
    return f"{len(shown)} characters stay above the error"


@row("S-12", "EOF with no terminal event")
async def _no_end(case: Case) -> str:
    for side in ("codeer", "qoder"):
        async with stage(side, case.folder / side) as on:
            talk = await on.talk()
            await on.ask(talk, "before")
            for fault, match in (("no_terminal_event", ""), ("truncate_frame", "GET /sessions/*/events/stream")):
                on.fault(fault, match if side == "qoder" else "", n=2)
                words = f"{fault} {case.seed}"
                turn = await on.ask(talk, words)
                assert (turn.state, turn.stop, turn.answer, on.arrived(words)) == (PromptState.SENT, Stop.DONE, words, 1)
    return ""


async def codeer(case: Case, name: str, stream: bytes, stored: Sequence[Any] = (USER, ANSWER)) -> tuple[Any, int]:
    """A Codeer prompt whose answer is this stream: the turn, and how often it was posted."""
    rows = reply(listing({"id": 900, "role": "system", "content": ""}, *stored))
    routes: dict[str, bytes | Sequence[Op]] = {SEND["codeer"]: [send(EVENT_HEAD + stream), fin], "GET *": rows}
    async with RawServer([], last=[routed(routes)]).running() as server:
        async with stage("codeer", case.folder / name, base=server.base) as on:
            turn = await on.ask(await on.made(), PROMPT.text)
            return turn, sum(head.startswith(b"POST") for head, _ in server.requests)


@row("S-13", "`[DONE]` early, or data after the terminal event", once=True)
async def _done_early(case: Case) -> str:
    """The first end counts. A ``[DONE]`` before the completed answer ends nothing well: the stored answer is read."""
    cut = SUCCESS.index(b"event: response.output_text.completed")
    late = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":" late"}\n\n'
    for name, stream in (("early", SUCCESS[:cut] + b"data: [DONE]\n\n" + SUCCESS[cut:]), ("after", SUCCESS + late)):
        turn, posted = await codeer(case, name, stream)
        assert (turn.answer, turn.stop, posted) == ("Yes, 窯 from 10:00.", Stop.DONE, 1), (name, turn.failure)
    more = {"id": "evt_25", "type": "agent.message", "content": blocks("late words")}
    got, _ = await turned(case, Session([[*TURN[1:], more]]), "late")
    assert "late words" not in str(got) and got[2] is Stop.DONE
    return ""


@row("S-14", "server replays events already stored")
async def _replay(case: Case) -> str:
    cut = case.random.randrange(3, len(TURN) - 2)
    await same(case, Session([[*TURN[1:10], rst], TURN]), Session([[*TURN[1:cut], rst], [*TURN[1:cut], *TURN[1:]]]))
    return ""


@row("S-15", "server skips events after resume (gap)")
async def _gap(case: Case) -> str:
    cut, to = sorted(case.random.sample(range(2, len(TURN) - 2), 2))
    gaps = [Session([[*TURN[1:9], rst], TURN[20:]]), Session([[*TURN[1:cut], rst], TURN[to:]])]
    await same(case, *gaps, Session([[*TURN[1:9], rst], [b": heartbeat\n\n", stall]]))
    return ""


@row("S-16", "409/400/404 on cursor", once=True)
async def _cursor(case: Case) -> str:
    most = 0
    for status in (400, 404, 409):
        session = Session([[*TURN[1:12], rst], TURN[21:], TURN[21:]], refuse_cursor=status)
        await same(Case(case.seed, case.folder / str(status)), session)
        most = max(most, len(session.opened))
    assert most <= 3, most
    return f"{most} connections at most"


@row("S-17", "tail-only when no cursor is sent")
async def _first_token(case: Case) -> str:
    """The stream begins at the prompt's receipt, so that the first word is there however soon it comes; 200 with three seeds."""
    count = case.size(67, 3)
    async with stage("qoder", case.folder) as on:
        for number in range(count):
            talk = await on.talk()
            words = f"first {number} of {case.seed}"
            turn = await on.ask(talk, words)
            assert (turn.answer, turn.stop, on.arrived(words)) == (words, Stop.DONE, 1)
    return f"{count} sessions of one seed"


@row("S-18", "reconnect storm (accept, 200, close)", short=True)
async def _storm(case: Case) -> str:
    ticking = FakeTime(case.seed)
    times: list[float] = []

    async def noted(connection: Any) -> None:
        times.append(ticking.monotonic)

    async with Session([[noted, fin]], listed=TURN[:3]).server().running() as server:
        async with stage("qoder", case.folder, base=server.base, clock=ticking.clock, patience=1.0) as on:
            turn = await on.ask(await on.made(), WORDS)
            assert turn.state is PromptState.SENT and turn.stop is Stop.UNKNOWN and len(times) > 64
            judged(failure(turn))
            attempts = [link.attempt for link in on.links if link.state is LinkState.RECONNECTING]
    minute = [moment for moment in times if moment - times[0] <= 60]
    waits = [later - sooner for sooner, later in pairwise(times)]
    assert len(minute) <= 10 and max(waits) <= 10.01 and attempts[1:5] == [1, 2, 3, 4], (len(minute), max(waits), attempts[:5])
    return f"{len(minute)} requests in the first minute, {max(waits):.0f} s between two at most"


async def no_progress(case: Case, clock: Clock) -> tuple[str, str]:
    """What the chip says after two minutes of keep-alives; then the turn goes on to its end."""
    loop = asyncio.get_running_loop()
    beats: list[Any] = [item for _ in range(30) for item in (b": heartbeat\n\n", sleep(5.0))]
    session = Session([[*TURN[1:4], *beats, *TURN[4:]]], listed=TURN[:1])
    async with session.server().running() as server, stage("qoder", case.folder, base=server.base, clock=clock) as on:
        talk = await on.made()
        turn = await on.submit(talk, WORDS)
        await on.turns.until(talk, lambda: turn.state is PromptState.SENT)
        await asyncio.sleep(138)
        said = chip(talk, loop.time())
        await on.turns.idle(talk)
        assert turn.stop is Stop.DONE and len(session.opened) == 1
        return said[0].value, said[1]


@row("S-19", "keep-alives but no event for minutes", once=True)
async def _no_progress(case: Case) -> str:
    word, figure = await hurried(40, lambda clock: no_progress(case, clock))
    assert word == Chip.QUIET.value and figure.startswith("2:"), (word, figure)
    return f"{word} {figure}, one connection"


@row("S-20", "delta without start, index gap, out-of-order part")
async def _previews(case: Case) -> str:
    """What is finished is exact whatever was previewed. A part stays in the place where its preview began, so that nothing on
    the screen jumps; a preview that is never finished stays as it was shown (I1)."""
    uncut, _ = await turned(case, Session([TURN[1:]]), "uncut")
    loose = [delta("evt_14", "look.", 3), delta("evt_22", "of nothing"), delta("evt_14", "Let me ", 7), start("evt_22")]
    mixed = [raw for raw in TURN[1:] if "id" not in raw]
    case.random.shuffle(mixed)
    finished = [raw for raw in TURN[1:] if "id" in raw]
    for number, order in enumerate(
        ([TURN[1], *loose, *(raw for raw in TURN[2:] if raw["type"] != "event_start")], mixed + finished)
    ):
        got, _ = await turned(case, Session([order]), f"previews{number}")
        assert got[:6] == uncut[:6] and sorted(map(str, got[6:])) == sorted(map(str, uncut[6:])), got
    return ""


@row("S-21", "final text differs from joined deltas", once=True)
async def _differs(case: Case) -> str:
    other = [raw if raw.get("type") != "event_delta" else delta(raw["event_id"], "something else ") for raw in TURN[1:]]
    await same(case, Session([other]))
    stream = SUCCESS.replace(b'"delta":"from 10:00."', b'"delta":"at noon, perhaps."')
    turn, _ = await codeer(case, "codeer", stream)
    assert turn.answer == "Yes, 窯 from 10:00." and turn.stop is Stop.DONE
    assert len([part for part in turn.parts if part.kind is PartKind.TEXT]) == 1
    return ""


@row("S-22", "8 MiB + 1 line, unterminated 64 MiB, 1M data lines", once=True)
async def _endless(case: Case) -> str:
    """What came before is kept, then the stream is cut: a line or an event over 8 MiB is no answer."""
    most = 0
    piece = b"x" * 65536
    big: dict[str, list[bytes]] = {
        "one line": [b"data: ", *[piece] * 128, b"xxxx\n\n"],
        "never ends": [b"data: ", *[piece] * case.size(1024, 160)],
        "comments": [b":", *[piece] * case.size(1024, 160)],
        "many lines": [b"data: 12345678\n" * 4096] * 245,
    }
    async with RawServer([]).running() as server:
        for name, pieces in big.items():
            async with pulse() as felt:
                server.last = [request(), send(EVENT_HEAD + b"data: before\n\n"), send(*pieces)]
                http = Http(server.base, dict, POLICY, clock=FakeTime().clock)
                got = []
                try:
                    async with http.stream("GET", "/x", idle=20) as stream:
                        async for frame in stream.frames():
                            got.append(frame.data[:10])
                except TooLarge as error:
                    judged(str(error), "8 MiB")
                else:
                    raise AssertionError(f"{name} was swallowed")
                finally:
                    await http.aclose()
                assert got == ["before"], (name, got)
            most = max(most, felt.grown)
            assert felt.grown <= 64 * MIB, (name, felt.grown)
    return f"+{most / MIB:.0f} MiB at most"
