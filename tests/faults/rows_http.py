"""H: answers that are wrong as HTTP or by their status, from raw sockets that keep every byte they were sent."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Mapping, Sequence

from app.errors import Forbidden, NotFound, Protocol, Refused, TooLarge, Unavailable, VendorError
from app.models import PromptState, Stop
from app.transcript import Turn
from app.vendors.codeer.client import POLICY
from app.vendors.http import Http
from tests.faults.kit.census import pulse
from tests.faults.kit.clocks import FakeTime
from tests.faults.kit.sockets import EVENT_HEAD, Connection, Op, RawServer, fin, reply, request, routed, rst, send, stall
from tests.faults.rows import Case, row
from tests.faults.rows_network import judged
from tests.faults.stage import KEYS, PATHS, SEND, SIDES, failure, settled_well, stage
from tests.vendors.codeer.test_client import ANSWER, PROMPT, USER, listing
from tests.vendors.codeer.test_decode import SUCCESS
from tests.vendors.test_http import AFTER, near

NO_ITEMS = json.dumps({"data": [], "has_more": False, "error_code": 0})
NOTHING = reply(NO_ITEMS)


async def told(case: Case, side: str, answer: bytes | Sequence[Op], name: str = "") -> tuple[Turn, RawServer]:
    """One prompt, of which the send is answered like this."""
    server = RawServer([], last=[routed({SEND[side]: answer, "GET *": NOTHING})], path=PATHS[side])
    async with server.running():
        where = case.folder / f"{side}-{name or len(list(case.folder.iterdir()))}"
        async with stage(side, where, base=server.base, patience=1.0) as on:
            turn = await on.ask(await on.made(), "a prompt of the person")
            if turn.failure is not None:
                on.said.append(failure(turn))
        return turn, server


def posts(server: RawServer) -> list[tuple[bytes, bytes]]:
    return [one for one in server.requests if one[0].startswith(b"POST")]


def refusal(side: str, words: str, field: str = "") -> bytes:
    """The body of a refusal in the vendor's own form."""
    if side == "codeer":
        errors = [{"field": field, "message": words}] if field else []
        return json.dumps({"error_code": 10006, "message": words, "data": {"errors": errors}}).encode()
    said = f"{field}: {words}" if field else words
    return json.dumps({"type": "error", "error": {"type": "invalid_request_error", "message": said}}).encode()


async def refused(case: Case, status: int, words: Mapping[str, str], said: str, field: str = "") -> None:
    """A status that is proof: one request, not sent, and a sentence with these words."""
    for side in SIDES:
        turn, server = await told(case, side, reply(refusal(side, said, field), status), f"{side}{status}{field}")
        assert (turn.state, turn.stop, len(posts(server))) == (PromptState.NOT_SENT, Stop.FAILED, 1), (side, turn.failure)
        judged(failure(turn), words[side])


@row("H-01", "400/422 with field errors", once=True)
async def _fields(case: Case) -> str:
    for status in (400, 422):
        await refused(case, status, dict.fromkeys(SIDES, "content"), "too long for this agent", "content")
    return "1 request each; the words go back into the composer (N-01)"


@row("H-02", "401, 403", short=True, once=True)
async def _key(case: Case) -> str:
    """The key that the server repeats is masked; nobody asks again with it."""
    for side in SIDES:
        for status in (401, 403):
            body = reply(refusal(side, f"the key {KEYS[side]} is not known"), status)
            turn, server = await told(case, side, body, str(status))
            assert turn.state is PromptState.NOT_SENT and len(posts(server)) == 1
            judged(failure(turn), "key")
    return "1 request each, the echoed key is masked"


@row("H-03", "404 chat or session deleted elsewhere", once=True)
async def _gone(case: Case) -> str:
    await refused(case, 404, {"codeer": "not found", "qoder": "not"}, "no such chat")
    async with stage("qoder", case.folder / "deleted") as on:
        talk = await on.talk()
        await on.ask(talk, "before")
        await on.vendor.delete(talk.conversation)  # type: ignore[attr-defined]
        turn = await on.ask(talk, "after it was deleted")
        assert turn.state is PromptState.NOT_SENT and on.arrived("after it was deleted") == 0
        judged(failure(turn))
    return ""


@row("H-04", "409 while a turn runs", once=True)
async def _busy(case: Case) -> str:
    turn, server = await told(case, "codeer", reply(refusal("codeer", "busy"), 409, x_should_retry="true"), "409")
    assert turn.state is PromptState.NOT_SENT and len(posts(server)) == 1
    async with stage("qoder", case.folder / "busy") as on:
        talk = await on.talk("Scribe")
        await on.ask(talk, "stream 5")
        on.fault("status", code=409, body={"type": "error", "error": {"type": "conflict_error", "message": "session is running"}})
        before = sum(line.startswith("POST") for line in on.through.requests)
        turn = await on.ask(talk, "one too many")
        assert turn.state is PromptState.NOT_SENT and on.arrived("one too many") == 0
        assert sum(line.startswith("POST") for line in on.through.requests) == before + 1
        judged(failure(turn), "interrupt")
    return "1 request each"


@row("H-05", "413 sent before body is read", once=True)
async def _too_long(case: Case) -> str:
    """The answer may be lost to the reset that follows it: then it is looked up, and a Codeer prompt never goes out again."""
    states = []
    for side in SIDES:
        answer = reply(refusal(side, "too large"), 413, close=True)

        async def early(connection: Connection, answer: bytes = answer) -> None:
            head = await connection.reader.readuntil(b"\r\n\r\n")
            connection.got += head
            for op in [send(answer), rst] if head.startswith(b"POST") else [send(reply(NO_ITEMS, close=True)), fin]:
                await op(connection)

        server = RawServer([], last=[early], path=PATHS[side])
        async with server.running(), stage(side, case.folder / side, base=server.base, patience=1.0) as on:
            turn = await on.ask(await on.made(), "long " * 200_000)
            assert turn.state is not PromptState.SENT
            judged(failure(turn))
            states.append(turn.state.value)
        sent = [one for one in server.connections if bytes(one.got).startswith(b"POST")]
        assert len(sent) == 1 or side == "qoder", "a Codeer prompt went out twice"
    return ", ".join(states)


@row("H-06", "429 with/without Retry-After, HTML body", short=True, once=True)
async def _limited(case: Case) -> str:
    """Every form of the header: obeyed up to a minute with a countdown, never negative, sent once with the same bytes."""
    count = 0
    for headers, seconds in AFTER:
        if not all(value.isascii() and value.isprintable() and len(value) < 8000 for value in headers.values()):
            continue
        more = {name.replace("-", "_"): value for name, value in headers.items()}
        limited = reply("<html>slow down</html>", 429, **{"content_type": "text/html", **more})  # type: ignore[arg-type]
        ticking = FakeTime()
        async with RawServer([[request(), send(limited), request(), send(reply())]]).running() as server:
            http = Http(server.base, lambda: {"x-api-key": KEYS["codeer"]}, POLICY, clock=ticking.clock)
            try:
                await http.call("POST", "/x", body={"a": 1})
            except VendorError as error:
                assert seconds is not None and seconds > 60 and not ticking.slept, headers
                judged(str(error))
            else:
                assert ticking.slept == [seconds] if seconds else near(ticking.slept, [1]), (headers, ticking.slept)
            await http.aclose()
            assert len({body for _, body in server.requests}) == 1 and all(0 <= one <= 60 for one in ticking.slept)
        count += 1
    assert count >= 33
    return f"{count} forms, 0 waits over 60 s, 0 negative"


@row("H-07", "500/502/503/504 on POST", once=True)
async def _gateway(case: Case) -> str:
    """Before or after the server stored it: in the end the ledger has it once, or nobody claims that it is there."""
    outcomes: dict[str, int] = {}
    for side in SIDES:
        async with stage(side, case.folder / side) as on:
            talk = await on.talk()
            await on.ask(talk, "before")
            for status in (500, 502, 503, 504):
                for when in ("before", "after"):
                    words = f"{status} {when} {side}"
                    on.through.order(SEND[side], when, how=str(status))
                    turn = await on.ask(talk, words)
                    settled_well(turn, on.arrived(words))
                    assert when == "before" or turn.state is PromptState.SENT, (words, turn.failure)
                    name = f"{side} {when} {turn.state.value}"
                    outcomes[name] = outcomes.get(name, 0) + 1
        bodies = [body for line, body in zip(on.through.requests, on.through.bodies, strict=True) if line.startswith("POST")]
        assert side == "qoder" or len(bodies) == len(set(bodies)), "the same bytes went to Codeer twice"
    return ", ".join(f"{name} {count}" for name, count in outcomes.items())


async def read_of(case: Case, side: str, answer: bytes | Sequence[Op], kind: type[VendorError], *words: str) -> VendorError:
    """A list that is answered like this is that error, and its sentence has these words."""
    ticking = FakeTime()
    async with RawServer([], last=[routed({"GET *": answer})], path=PATHS[side]).running() as server:
        where = case.folder / f"{side}-{len(list(case.folder.iterdir()))}"
        async with stage(side, where, base=server.base, clock=ticking.clock) as on:
            try:
                found = await on.vendor.agents()
            except VendorError as error:
                assert isinstance(error, kind), (type(error), error)
                judged(str(error), *words)
                assert len(server.requests) <= 4 and sum(ticking.slept) <= 60
                return error
    raise AssertionError(f"it was taken for a list: {found}")


@row("H-08", "5xx on GET", once=True)
async def _reads(case: Case) -> str:
    for side in SIDES:
        for status in (500, 502, 503, 504):
            await read_of(case, side, reply("<html>oops", status, content_type="text/html"), Unavailable)
    return "4 requests at most; the cached list stays (N-01)"


@row("H-09", "204/205/empty body where JSON is due", once=True)
async def _empty(case: Case) -> str:
    for side in SIDES:
        for status in (200, 204, 205):
            await read_of(case, side, reply(b"", status), Protocol, "empty body")
        turn, server = await told(case, side, reply(b"", 204), "204")
        assert turn.state is not PromptState.SENT and (side == "qoder" or len(posts(server)) == 1)
        judged(failure(turn))
    return ""


@row("H-10", "200 with error envelope", once=True)
async def _envelope(case: Case) -> str:
    for code, kind in (("10003", NotFound), ("10006", Refused), ("10005", Unavailable), (10001, Forbidden)):
        body = reply(json.dumps({"data": None, "error_code": code, "message": "it says so"}))
        await read_of(case, "codeer", body, kind, "it says so")
        turn, server = await told(case, "codeer", body, str(code))
        assert turn.stop is not Stop.DONE and len(posts(server)) == 1
        judged(failure(turn))
    return ""


@row("H-11", "non-JSON, truncated JSON, wrong charset", once=True)
async def _not_json(case: Case) -> str:
    """The request's id is kept for whoever asks the vendor; the body is not dumped."""
    secret = "body-canary-77"
    for side in SIDES:
        for body in (f"plain {secret}", f'{{"data": "{secret}', f'{{"data": "{secret}é"}}'.encode("latin-1"), f'["{secret}",]'):
            error = await read_of(case, side, reply(body, x_request_id="req-7"), Protocol)
            assert error.request_id == "req-7" and secret not in str(error)
    return ""


@row("H-12", "301/302/303/307/308 x 7 targets", short=True, once=True)
async def _redirects(case: Case) -> str:
    """Not one byte goes anywhere else, neither of a send nor of a read, and the sentence names where it would have gone."""
    hops = 0
    async with RawServer([], last=[request(), send(NOTHING)]).running() as other:
        away = f"127.0.0.1:{other.port}"
        for status in (301, 302, 303, 307, 308):
            for side in SIDES:
                server = RawServer([], path=PATHS[side])
                async with server.running():
                    targets = [
                        f"http://{away}/x", f"//{away}/x", f"http://localhost:{other.port}/x", f"https://{away}/x",
                        f"http://127.0.0.1:{server.port}@{away}/x", f"http://sub.localhost:{other.port}/", "/elsewhere",
                    ]  # fmt: skip
                    for target in targets:
                        answer = reply(b"", status, location=target)
                        server.last = [routed({"POST *": answer, "GET *": answer})]
                        http = Http(server.base, lambda: {"x-api-key": KEYS["codeer"]}, POLICY, clock=FakeTime().clock)
                        for method in ("GET", "POST"):
                            try:
                                await http.call(method, "/x", body={"secret": 1} if method == "POST" else None)
                            except Protocol as error:
                                judged(str(error), "another address" if target == "/elsewhere" else str(other.port))
                            hops += 1
                        await http.aclose()
                    assert len(server.requests) == 2 * len(targets)
        assert other.got == b"" and not other.connections
    return f"0 of {hops} hops were followed"


@row("H-13", "redirect loop / no Location", once=True)
async def _loop(case: Case) -> str:
    for side in SIDES:
        await read_of(case, side, reply(b"", 302), Protocol, "redirects")
        await read_of(case, side, reply(b"", 307, location=f"{PATHS[side]}/agents"), Protocol, "redirects")
    return ""


def bomb(size: int, wbits: int) -> bytes:
    """``size`` MiB of blanks, packed piece by piece."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return b"".join(packer.compress(b" " * 1048576) for _ in range(size)) + packer.flush()


@row("H-14", "gzip/deflate bomb, wrong encoding", once=True)
async def _bombs(case: Case) -> str:
    most = 0
    for encoding, wbits in (("gzip", 31), ("deflate", 15)):
        packed = bomb(case.size(300, 100), wbits)
        for side in SIDES:
            async with pulse() as felt:
                await read_of(case, side, reply(packed, content_encoding=encoding), TooLarge, "larger than 16 MiB")
                turn, _ = await told(case, side, reply(packed, content_encoding=encoding), encoding)
                assert turn.state is not PromptState.SENT
                judged(failure(turn))
            most = max(most, felt.grown)
            assert felt.grown <= 64 * 1048576, felt.grown
    for side in SIDES:
        await read_of(case, side, reply(b"{}", content_encoding="br"), Protocol, "not asked for")
        await read_of(case, side, reply(b"{}", content_encoding="gzip"), Protocol)
    return f"{len(packed) // 1024} kB packed, +{most / 1048576:.0f} MiB at most"


WEIRD = {
    "300 kB header": b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000 + b"\r\n\r\n{}",
    "10k headers": b"HTTP/1.1 200 OK\r\n" + b"".join(b"h%d: v\r\n" % n for n in range(10_000)) + b"\r\n",
    "CR in header": b"HTTP/1.1 200 OK\r\nx: a\rb\r\ncontent-length: 2\r\n\r\n{}",
    "bare LF and NUL": b"HTTP/1.1 200 OK\r\nx\x00: y\r\n\r\n",
}


async def weird(case: Case, answers: Mapping[str, bytes]) -> None:
    """Neither a read nor a send survives it as anything but an error of ours; everything is closed after."""
    for side in SIDES:
        for name, raw in answers.items():
            await read_of(case, side, [send(raw), fin], VendorError)
            turn, server = await told(case, side, [send(raw), fin], name)
            assert turn.state is not PromptState.SENT and (side == "qoder" or len(posts(server)) == 1)
            judged(failure(turn))


@row("H-15", "300 kB header, 10k headers, CR/LF in header", once=True)
async def _headers(case: Case) -> str:
    await weird(case, WEIRD)
    return ""


@row("H-16", "not HTTP (SSH banner), HTTP/0.9", once=True)
async def _not_http(case: Case) -> str:
    for raw in (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"<html>hello from 1991</html>\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x28\r\n\r\n"):
        error = await read_of(case, "codeer", [send(raw), fin], Protocol, "not the API")
        assert "OpenSSH" not in str(error)
    return ""


@row("H-17", "Content-Length too long / too short, bad chunk size", once=True)
async def _lengths(case: Case) -> str:
    """The answer broke off: what is stored takes its place, and nothing is sent again."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    half = SUCCESS[: len(SUCCESS) // 2]
    broken = {
        "too long": head + b"content-length: %d\r\n\r\n" % (len(half) + 999) + half,
        "too short": head + b"content-length: %d\r\n\r\n" % (len(half) // 2) + half,
        "bad chunk": head + b"transfer-encoding: chunked\r\n\r\n%x\r\n" % len(half) + half + b"\r\nzz\r\n",
    }
    stored = reply(listing({"id": 900, "role": "system", "content": ""}, USER, ANSWER))
    for name, raw in broken.items():
        routes: dict[str, bytes | Sequence[Op]] = {SEND["codeer"]: [send(raw), fin], "GET *": stored}
        async with RawServer([], last=[routed(routes)]).running() as server:
            async with stage("codeer", case.folder / name, base=server.base) as on:
                turn = await on.ask(await on.made(), PROMPT.text)
                assert (turn.state, turn.stop) == (PromptState.SENT, Stop.DONE), (name, turn.failure)
                assert turn.answer == "Yes, 窯 from 10:00." and len(posts(server)) == 1
    return ""


@row("H-18", "server keeps the connection open after the end", once=True)
async def _lingers(case: Case) -> str:
    """The turn ends with the vendor's last event, not with the connection: as soon as where the server hangs up at once."""
    stored = reply(listing({"id": 900, "role": "system", "content": ""}, USER, ANSWER))
    best = {}
    for name, end in (("closed", fin), ("open", stall)):
        routes: dict[str, bytes | Sequence[Op]] = {SEND["codeer"]: [send(EVENT_HEAD + SUCCESS), end], "GET *": stored}
        times = []
        for number in range(4):
            async with RawServer([], last=[routed(routes)]).running() as server:
                async with stage("codeer", case.folder / f"{name}{number}", base=server.base) as on:
                    talk = await on.made()
                    began = time.monotonic()
                    turn = await on.ask(talk, PROMPT.text)
                    times.append(time.monotonic() - began)
                    assert turn.stop is Stop.DONE
        best[name] = min(times)
    assert best["open"] <= best["closed"] + 0.2, best
    return f"{best['open'] * 1000:.0f} ms from Enter to the end; {best['closed'] * 1000:.0f} where the connection is closed"
