"""Requests: the retry table row by row, limits, typed errors, and where a key may go."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
import random
import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.errors import Conflict, NotFound, OutcomeUnknown, Protocol, RateLimited, Refused, TooLarge, Unavailable, VendorError
from app.models import Link, LinkState
from app.protocols import tell_link
from app.vendors.connection import Errand
from app.vendors.http import Http, Policy, Reply, StreamCut, Upload, segment
from app.vendors.redact import Redactor
from app.vendors.replies import read_json
from app.vendors.retries import jittered, retry_after
from tests.vendors.scripted import Act, Scripted, Ticking, answer, events, raw, reset, silence

KEY = "sk-canary/+0123456789=abcd"


def decode(status: int, headers: Mapping[str, str], body: bytes) -> VendorError:
    kinds: dict[int, type[VendorError]] = {404: NotFound, 409: Conflict, 429: RateLimited}
    kind = kinds.get(status, Unavailable if status >= 500 or status == 408 else Refused)
    return kind(f"status {status}: {body[:200].decode('utf-8', 'replace')}", status=status)


CODEER = Policy(limited=(1, 2, 4, 8, 16), writes_repeat=False, decode_error=decode)
QODER = Policy(limited=(1, 2, 4), writes_repeat=True, decode_error=decode)


class Wire:
    """Answers by a list of statuses, headers or exceptions; counts what arrives."""

    def __init__(self, *outcomes: int | dict[str, str] | Exception | httpx.Response) -> None:
        self.outcomes = list(outcomes)
        self.seen: list[httpx.Request] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.seen.append(request)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        if isinstance(outcome, dict):
            return httpx.Response(429, headers=outcome, text="<html>slow down</html>")
        if isinstance(outcome, int):
            return httpx.Response(outcome, json={"ok": outcome})
        return outcome


def http(wire: Wire, ticking: Ticking, policy: Policy = CODEER) -> Http:
    return Http(
        "https://api.example/v1", lambda: {"x-api-key": KEY}, policy,
        clock=ticking.clock, transport=httpx.MockTransport(wire), secrets=(KEY,),
    )  # fmt: skip


def near(waits: list[float], nominal: list[float]) -> bool:
    return len(waits) == len(nominal) and all(
        0.75 * n <= w <= 1.25 * n and abs(w / n - 1) >= 0.099 for w, n in zip(waits, nominal, strict=True)
    )


UNSENT = [httpx.ConnectError("refused"), httpx.ConnectTimeout(""), httpx.PoolTimeout(""), httpx.ProxyError("407")]
CUT = [
    httpx.ReadError(""),
    httpx.WriteError(""),
    httpx.RemoteProtocolError("Server disconnected"),
    httpx.ReadTimeout(""),
    httpx.WriteTimeout(""),
]
NEVER = [400, 401, 403, 404, 409, 410, 413, 415, 422]


@pytest.mark.parametrize("policy", [CODEER, QODER])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("failure", UNSENT, ids=lambda error: type(error).__name__)
async def test_nothing_left_the_machine(failure: Exception, method: str, policy: Policy) -> None:
    wire, ticking = Wire(failure), Ticking()
    with pytest.raises(Unavailable) as caught:
        await http(wire, ticking, policy).call(method, "/x")
    assert caught.value.sent is False and near(ticking.waits, [0.5, 1.0]) and len(wire.seen) == 3
    wire, ticking = Wire(failure, failure, 200), Ticking()
    assert (await http(wire, ticking, policy).call(method, "/x")).data == {"ok": 200}


@pytest.mark.parametrize(("policy", "nominal"), [(CODEER, [1, 2, 4, 8, 16]), (QODER, [1, 2, 4])])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_rate_limits(policy: Policy, nominal: list[float], method: str) -> None:
    wire, ticking = Wire(429), Ticking()
    with pytest.raises(RateLimited) as caught:
        await http(wire, ticking, policy).call(method, "/x")
    assert near(ticking.waits, nominal) and caught.value.sent is False
    wire, ticking = Wire(429, 429, 429, 200), Ticking()
    told: list[Link] = []
    tell_link.set(told.append)
    await http(wire, ticking, policy).call(method, "/x", body={"a": 1}, key="k")
    assert near(ticking.waits, [1, 2, 4]) and [link.attempt for link in told] == [2, 3, 4, 0]
    assert [link.seconds for link in told[:3]] == ticking.waits and told[-1].state is LinkState.LIVE
    assert len({request.content for request in wire.seen}) == 1 and {r.headers["idempotency-key"] for r in wire.seen} == {"k"}


@pytest.mark.parametrize("policy", [CODEER, QODER])
@pytest.mark.parametrize("failure", [408, 500, 502, 503, 504, *CUT], ids=str)
async def test_doubt(failure: int | Exception, policy: Policy) -> None:
    wire, ticking = Wire(failure), Ticking()
    with pytest.raises(Unavailable):
        await http(wire, ticking, policy).call("GET", "/x")
    assert len(wire.seen) == 4 and near(ticking.waits, [1, 2, 4])
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        wire, ticking = Wire(failure), Ticking()
        with pytest.raises(OutcomeUnknown) as caught:
            await http(wire, ticking, policy).call(method, "/x", body={})
        assert len(wire.seen) == 1 and caught.value.sent is None and ticking.waits == []
        wire, ticking = Wire(failure), Ticking()
        with pytest.raises(OutcomeUnknown):
            await http(wire, ticking, policy).call(method, "/x", body={"b": 1}, key="k1")
        assert len(wire.seen) == (4 if policy.writes_repeat else 1)
        assert len({request.content for request in wire.seen}) == 1


@pytest.mark.parametrize("status", NEVER)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("policy", [CODEER, QODER])
async def test_never_again(status: int, method: str, policy: Policy) -> None:
    wire, ticking = Wire(httpx.Response(status, headers={"x-should-retry": "true"}, text="no")), Ticking()
    with pytest.raises(VendorError) as caught:
        await http(wire, ticking, policy).call(method, "/x", key="k")
    assert len(wire.seen) == 1 and ticking.waits == [] and caught.value.status == status and caught.value.sent is False


@pytest.mark.parametrize("status", range(400, 600))
@pytest.mark.parametrize("body", [b"", b"<html>", b"\x1f\x8b", b'{"a":'])
async def test_every_status_is_one_of_our_errors(status: int, body: bytes) -> None:
    wire = Wire(httpx.Response(status, content=body, headers={"x-request-id": "r-1"}))
    with pytest.raises(VendorError) as caught:
        await http(wire, Ticking()).call("GET", "/x", again=False)
    assert caught.value.request_id == "r-1" and caught.value.status == status


async def test_before_a_write_is_repeated_somebody_looks() -> None:
    looked = 0

    async def not_there() -> Reply | None:
        nonlocal looked
        looked += 1
        return None

    async def there() -> Reply | None:
        return Reply(200, "arrived")

    async def blind() -> Reply | None:
        raise Unavailable("offline")

    wire = Wire(502, httpx.ReadError(""), 200)
    assert (await http(wire, Ticking(), QODER).call("POST", "/x", key="k", before_repeat=not_there)).data == {"ok": 200}
    assert looked == 2 and len(wire.seen) == 3
    wire = Wire(502)
    assert (await http(wire, Ticking(), QODER).call("POST", "/x", key="k", before_repeat=there)).data == "arrived"
    assert len(wire.seen) == 1
    with pytest.raises(OutcomeUnknown):
        await http(Wire(502), Ticking(), QODER).call("POST", "/x", key="k", before_repeat=blind)
    wire = Wire(429, httpx.ConnectError(""), 200)
    await http(wire, Ticking(), QODER).call("POST", "/x", key="k", before_repeat=blind)


@pytest.mark.parametrize("later", [httpx.ConnectError(""), 429, 400], ids=str)
async def test_doubt_does_not_go_away(later: int | Exception) -> None:
    with pytest.raises(VendorError) as caught:
        await http(Wire(502, later), Ticking(), QODER).call("POST", "/x", key="k")
    assert caught.value.sent is None


def test_jitter_stays_in_its_band() -> None:
    ticking = Ticking(random.Random(7).uniform)
    draws = [jittered(1.0, ticking.clock) for _ in range(10_000)]
    assert all(0.75 <= draw <= 0.9 or 1.1 <= draw <= 1.25 for draw in draws)
    assert 4000 < sum(draw > 1 for draw in draws) < 6000


AFTER: list[tuple[dict[str, str], float | None]] = [
    ({"retry-after": text}, seconds)
    for text, seconds in [
        ("0", 0), ("1", 1), ("7", 7), ("59.5", 59.5), ("60", 60), (" 5 ", 5), ("1e1", 10), ("007", 7), ("61", 61), ("1e35", 1e35),
        ("1e999", float("inf")), ("-1", None), ("-0", None), ("+5", None), ("", None), ("nan", None), ("inf", None),
        ("-inf", None), ("1_000", None), ("0x10", None), ("\u0663", None), ("5 s", None), ("5,6", None), ("soon", None),
        ("9" * 60, None), ("a" * 9000, None),
        ("Thu, 31 Feb 2026 00:00:00 GMT", None), ("Fri, 15 Jan 2027 08:00:10 GMT", 10), ("Fri, 15 Jan 2027 08:00:10 +0000", 10),
        ("Fri, 15 Jan 2027 10:00:10 +0200", 10), ("Fri, 15 Jan 2027 07:00:00 GMT", 0), ("Fri, 15 Jan 99999 07:00:00 GMT", None),
        ("Fri, 15 Jan 2027 08:00:10", 10), ("Mon, 01 Jan 0000 00:00:00 GMT", 0), ("1;2", None), ("\x00", None),
    ]
]  # fmt: skip
AFTER += [({"retry-after-ms": "1500", "retry-after": "9"}, 1.5), ({"retry-after-ms": "-1", "retry-after": "9"}, 9), ({}, None)]


@pytest.mark.parametrize(("headers", "seconds"), AFTER, ids=lambda value: str(value)[:40])
async def test_retry_after_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    now = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT
    assert retry_after(headers, now) == seconds
    sendable = {name: value for name, value in headers.items() if value.isascii() and value.isprintable()}
    wire, ticking = Wire(sendable, 200), Ticking()
    if sendable == headers and seconds is not None and seconds > 60:
        with pytest.raises(RateLimited):
            await http(wire, ticking).call("POST", "/x")
        assert ticking.waits == []
    elif sendable == headers:
        await http(wire, ticking).call("POST", "/x")
        assert ticking.waits == [seconds] if seconds else near(ticking.waits, [1])


def test_a_date_is_measured_by_the_servers_clock() -> None:
    headers = {"retry-after": "Fri, 15 Jan 2027 08:00:10 GMT", "date": "Fri, 15 Jan 2027 08:00:00 GMT"}
    assert retry_after(headers, 0) == retry_after(headers, 9e9) == 10


async def test_no_request_waits_longer_than_a_minute_for_429() -> None:
    ticking = Ticking()
    with pytest.raises(RateLimited):
        await http(Wire({"retry-after": "25"}), ticking).call("GET", "/x")
    assert ticking.waits == [25, 25]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "target",
    ["https://evil.example/x", "https://api.example:444/x", "https://sub.api.example/", "//evil.example/", "https://api.example@evil.example/",
     "http://api.example/x", "/v1/y", "", "::::"],
)  # fmt: skip
async def test_redirects_are_refused_by_name(status: int, target: str) -> None:
    wire = Wire(httpx.Response(status, headers={"location": target} if target else {}))
    with pytest.raises(Protocol) as caught:
        await http(wire, Ticking()).call("POST", "/x", body={"secret": 1})
    assert len(wire.seen) == 1
    for host in ("evil.example", "api.example:444", "sub.api.example"):
        if host in target:
            assert host in str(caught.value)


BODIES: list[tuple[bytes, str]] = [
    (b"", "empty"), (b"  \n", "empty"), (b"<!DOCTYPE html><p>hi", "HTML"), (b"<HTML>", "HTML"), (b"SSH-2.0", "not JSON"),
    (b'{"a":', "not JSON"), (b"\xff\xfe{}", "UTF-8"), (b"[" * 100_000, "deep"), (b"[" * 150 + b"]" * 150, "deep"),
    (b'{"a":' + b"9" * 5000 + b"}", "read"),
    (b"[NaN]", "NaN"), (b"[Infinity]", "Infinity"), (b"[-Infinity]", "Infinity"), (b"[1e999]", "range"), (b"{} {}", "not JSON"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "word"), BODIES, ids=[str(index) for index in range(len(BODIES))])
async def test_what_is_not_json_is_a_protocol_error(body: bytes, word: str) -> None:
    wire = Wire(httpx.Response(200, content=body, headers={"request-id": "r-9"}))
    with pytest.raises(Protocol) as caught:
        await http(wire, Ticking()).call("GET", "/x")
    assert word in str(caught.value) and "api.example" in str(caught.value) and caught.value.request_id == "r-9"
    assert len(wire.seen) == 1 and len(str(caught.value)) < 400 and caught.value.__context__ is None
    with pytest.raises(Protocol) as caught:
        await http(wire, Ticking()).call("POST", "/x")
    assert caught.value.sent is None


def test_json_rules() -> None:
    assert read_json('\ufeff{"a": 1, "a": 2}') == {"a": 2}
    assert read_json("9223372036854775808") == 2**63
    assert read_json("[" * 99 + "]" * 99)


async def test_an_empty_body_may_be_allowed() -> None:
    reply = await http(Wire(httpx.Response(204)), Ticking()).call("DELETE", "/x", empty=True)
    assert (reply.status, reply.data) == (204, None)


def encodings() -> list[str]:
    import base64
    from urllib.parse import quote, quote_plus

    raw_key = KEY.encode()
    whole = base64.b64encode(b"x-api-key: " + raw_key + b"\r\n").decode()
    based = [base64.b64encode(raw_key).decode(), base64.urlsafe_b64encode(raw_key).decode(), whole]
    quoted = [quote(KEY, safe=""), quote_plus(KEY), quote(KEY), "".join(f"%{byte:02x}" for byte in raw_key)]
    return [KEY, *based, *quoted, raw_key.hex(), json.dumps(KEY)]


@pytest.mark.parametrize("form", range(10))
async def test_an_echoed_key_is_redacted(form: int) -> None:
    text = encodings()[form]
    assert KEY not in Redactor((KEY,))(text) and "***abcd" in Redactor((KEY,))(f"you sent {text} to us")
    for status in (400, 200):
        wire = Wire(httpx.Response(status, text=json.dumps({"message": f"bad key {text}."}), headers={"x-request-id": KEY}))
        try:
            shown = str((await http(wire, Ticking()).call("GET", "/x")).data)
        except VendorError as error:
            shown = f"{error} {error.request_id}"
        assert text.strip('"') not in shown and "***abcd" in shown


async def test_errors_hold_no_request_and_no_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with Scripted([answer(KEY, 500), answer('{"a":1}'), reset]).running() as server:
        vendor = Http(server.base, lambda: {"x-api-key": KEY}, CODEER, secrets=(KEY,))
        for path in ("/a", "/secret-path", "/c"):
            try:
                await vendor.call("POST", path, body={"message": "canary text"})
            except VendorError as error:
                assert error.__cause__ is None and error.__context__ is None
                assert KEY not in repr(error.args) and not hasattr(error, "request")
        await vendor.aclose()
    assert KEY not in caplog.text and "canary" not in caplog.text and "secret-path" not in caplog.text
    assert KEY not in repr(vendor.redact)


def local(server: Scripted, ticking: Ticking | None = None, policy: Policy = CODEER) -> Http:
    return Http(server.base, lambda: {"x-api-key": KEY}, policy, clock=(ticking or Ticking()).clock, secrets=(KEY,))


SLOW = raw(*[bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}" + b" " * 4000], pause=0.02)
SLOW_BODY = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n", *[b" "] * 4000, pause=0.02)


@pytest.mark.parametrize(("act", "limit"), [(silence, 0.2), (SLOW, 0.2), (SLOW_BODY, 0.8)])
async def test_deadlines_are_our_own(act: Act, limit: float) -> None:
    async with Scripted([], last=act).running() as server:
        vendor = local(server)
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            await vendor.call("POST", "/x", first_byte=0.2)
        assert limit * 0.9 <= time.monotonic() - began <= limit * 1.1 + 0.1
        await vendor.aclose()
    assert len(server.requests) == 1


BROKEN: list[tuple[Act, type[VendorError]]] = [
    (reset, Unavailable),
    (raw(), Unavailable),
    (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{}"), Unavailable),
    (raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\r\n"), Unavailable),
    (raw(b"SSH-2.0-OpenSSH_9\r\n\r\n"), Protocol),
    (raw(b"HTTP/0.9 hello\r\n\r\n"), Protocol),
    (raw(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000 + b"\r\n\r\n"), Protocol),
    (raw(b"HTTP/1.1 200 OK\r\nx\x00: y\r\n\r\n"), Protocol),
]


@pytest.mark.parametrize(("act", "kind"), BROKEN, ids=range(len(BROKEN)))
async def test_broken_connections(act: Act, kind: type[VendorError]) -> None:
    async with Scripted([], last=act).running() as server:
        vendor, ticking = local(server, ticking := Ticking()), ticking
        with pytest.raises(kind) as caught:
            await vendor.call("GET", "/x", first_byte=2)
        assert len(server.requests) == 4 and near(ticking.waits, [1, 2, 4]) and caught.value.sent is False
        with pytest.raises(OutcomeUnknown):
            await vendor.call("POST", "/x", body={}, first_byte=2)
        assert len(server.requests) == 5
        await vendor.aclose()


async def test_a_refused_connection_names_the_host() -> None:
    vendor = Http("http://127.0.0.1:1/x", dict, CODEER, clock=Ticking().clock)
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 refuses connections\. Nothing was sent"):
        await vendor.call("POST", "/x")
    vendor = Http("https://nowhere.invalid/x", dict, CODEER, clock=Ticking().clock)
    with pytest.raises(Unavailable, match=r"Cannot find the host nowhere\.invalid"):
        await vendor.call("POST", "/x")


async def test_plain_text_where_tls_is_due() -> None:
    read: list[bytes] = []

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        read.append(await reader.read(4096))
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    vendor = Http(f"https://127.0.0.1:{port}/x", dict, CODEER, clock=Ticking().clock)
    with pytest.raises(Unavailable, match="secure connection") as caught:
        await vendor.call("POST", "/x", body={"message": "private"})
    assert caught.value.sent is False and len(read) == 3 and not any(b"private" in one for one in read)
    await vendor.aclose()
    server.close()


async def test_a_gzip_bomb_is_not_opened() -> None:
    bomb = gzip.compress(b" " * (200 * 1024 * 1024), 9)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with Scripted(
        [answer(bomb, content_encoding="gzip"), answer(gzip.compress(b'{"a":1}'), content_encoding="gzip")]
    ).running() as server:
        vendor = local(server)
        with pytest.raises(TooLarge):
            await vendor.call("GET", "/x")
        assert (await vendor.call("GET", "/x")).data == {"a": 1}
        await vendor.aclose()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
    for head in (
        b"content-length: 99999999999\r\n",
        b"content-encoding: br\r\ncontent-length: 2\r\n",
        b"content-encoding: gzip\r\ncontent-length: 2\r\n",
    ):
        async with Scripted([], last=raw(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n{}")).running() as server:
            vendor = local(server)
            with pytest.raises((TooLarge, Protocol)):
                await vendor.call("GET", "/x")
            await vendor.aclose()


async def test_a_header_flood_is_an_error_of_ours() -> None:
    flood = b"".join(b"h%d: v\r\n" % number for number in range(10_000))
    async with Scripted([], last=raw(b"HTTP/1.1 200 OK\r\n" + flood + b"content-length: 2\r\n\r\n{}")).running() as server:
        vendor = local(server)
        try:
            await vendor.call("GET", "/x")
        except VendorError as error:
            assert error.kind in ("protocol", "unavailable")
        await vendor.aclose()


async def test_no_cookies_no_netrc_no_key_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with Scripted([answer(set_cookie="a=b; Path=/"), answer()]).running() as server:
        vendor = local(server)
        await vendor.call("GET", "/x")
        await vendor.call("GET", "/x", params={"limit": 5, "names": ["a", "b"], "text": "a&b="})
        await vendor.aclose()
    assert "cookie" not in server.requests[1][0].lower() and not log.exists()
    assert server.requests[1][0].startswith("GET /api/v1/x?limit=5&names=a&names=b&text=a%26b%3D ")
    from app.vendors.connection import make_client

    client = make_client("https://api.example", None)
    transport: Any = client._transport
    assert transport._pool._ssl_context.keylog_filename is None and transport._pool._ssl_context.check_hostname
    await client.aclose()


@pytest.mark.parametrize("text", ["", ".", "..", "x" * 3000])
def test_no_id_escapes_its_place(text: str) -> None:
    with pytest.raises(Refused):
        segment(text)


def test_ids_are_encoded() -> None:
    assert segment("a/../b ?#%é") == "a%2F..%2Fb%20%3F%23%25%C3%A9"


@pytest.mark.parametrize("path", ["x", "//evil.example/x", "https://evil.example/"])
async def test_requests_stay_below_their_base(path: str) -> None:
    wire = Wire(200)
    with pytest.raises(Refused):
        await http(wire, Ticking()).call("GET", path)
    assert wire.seen == []


async def test_lone_surrogates_and_impossible_bodies() -> None:
    wire = Wire(200)
    await http(wire, Ticking()).call("POST", "/x", body={"message": "a\ud800b 窯"})
    assert json.loads(wire.seen[0].content) == {"message": "a\ufffdb 窯"}
    with pytest.raises(Refused):
        await http(wire, Ticking()).call("POST", "/x", body={"message": float("nan")})


# --- streams -----------------------------------------------------------------------------------------------------------------


async def read(vendor: Http, idle: float = 5.0) -> list[str]:
    async with vendor.stream("POST", "/x", body={"a": 1}, idle=idle) as stream:
        assert stream.is_events
        return [frame.data async for frame in stream.frames()]


async def test_a_stream_is_read_in_utf8_whatever_the_header_says() -> None:
    act = events("data: é窯\n\n".encode(), kind="Text/Event-Stream; charset=iso-8859-1")
    async with Scripted([act]).running() as server:
        vendor = local(server)
        assert await read(vendor) == ["é窯"]
        head = server.requests[0][0].lower()
        assert "accept: text/event-stream" in head and "accept-encoding: identity" in head
        await vendor.aclose()


@pytest.mark.parametrize(("then", "silent"), [(reset, False), (silence, True), (raw(b"", close=True), None)])
async def test_a_stream_that_breaks(then: Act, silent: bool | None) -> None:
    async with Scripted([events(b"data: 1\n\n", b"data: 2", 0.02, then=then)]).running() as server:
        vendor = local(server)
        got: list[str] = []
        try:
            async with vendor.stream("GET", "/x", idle=0.2) as stream:
                async for frame in stream.frames():
                    got.append(frame.data)
        except StreamCut as cut:
            assert cut.silent is silent and cut.sent is None
        else:
            assert silent is None
        assert got == ["1"]
        await vendor.aclose()


async def test_heartbeats_keep_a_stream_alive_and_are_told() -> None:
    told: list[str] = []
    tell_link.set(lambda link: told.append(link.state))
    beats: list[bytes | float] = [b": ping\n\n", 0.1] * 5
    async with Scripted([events(b"id: 1\ndata: a\n\n", *beats, b"data: z\n\n")]).running() as server:
        vendor = local(server)
        assert await read(vendor, idle=0.3) == ["a", "z"]
        await vendor.aclose()
    assert "beat" in told and "live" in told


async def test_opening_is_repeated_only_where_nothing_was_sent() -> None:
    ticking = Ticking()
    async with Scripted([answer("{}", 429), answer("{}", 429), events(b"data: 1\n\n")]).running() as server:
        vendor = local(server, ticking)
        assert await read(vendor) == ["1"] and near(ticking.waits, [1, 2])
        assert len({body for _, body in server.requests}) == 1
        await vendor.aclose()
    for act, kind in [
        (answer("oops", 502), OutcomeUnknown),
        (reset, OutcomeUnknown),
        (answer("x", 404), NotFound),
        (answer("", 302), Protocol),
    ]:
        async with Scripted([], last=act).running() as server:
            vendor, ticking = local(server, ticking := Ticking()), ticking
            with pytest.raises(kind) as caught:
                await read(vendor)
            assert len(server.requests) == 1 and ticking.waits == [] and caught.value.__context__ is None
            await vendor.aclose()
    vendor = Http("http://127.0.0.1:1/x", dict, CODEER, clock=(ticking := Ticking()).clock)
    with pytest.raises(Unavailable) as unsent:
        await read(vendor)
    assert unsent.value.sent is False and near(ticking.waits, [0.5, 1])


def slots(vendor: Http) -> int:
    client: Any = vendor._client
    return len([one for one in client._transport._pool.connections if not one.is_idle()])


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.03])
@pytest.mark.parametrize("cancels", [1, 2, 3])
@pytest.mark.parametrize("kind", ["stream", "call"])
async def test_no_cancellation_leaks_a_connection(delay: float, cancels: int, kind: str) -> None:
    pieces: list[bytes | float] = [b"data: 1\n\n", 0.01] * 100
    act = events(*pieces) if kind == "stream" else silence
    async with Scripted([], last=act).running() as server:
        vendor = local(server)
        for _ in range(5):
            work = read(vendor) if kind == "stream" else vendor.call("POST", "/x")
            task = asyncio.create_task(work)
            await asyncio.sleep(delay)
            for _ in range(cancels):
                task.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await task
            assert vendor._client is None or slots(vendor) == 0
        async with asyncio.timeout(5):
            while server.open:
                await asyncio.sleep(0.01)
        await vendor.aclose()


async def test_leaving_a_stream_closes_it_at_once() -> None:
    async with Scripted([], last=events(b"data: 1\n\n", then=silence)).running() as server:
        vendor = local(server)
        began = time.monotonic()
        async with vendor.stream("GET", "/x") as stream:
            async for _ in stream.frames():
                break
        assert time.monotonic() - began < 0.2 and slots(vendor) == 0
        async with vendor.stream("GET", "/x") as stream:
            stream.linger(0.05)
            assert [frame.data async for frame in stream.frames()] == ["1"]
        await vendor.aclose()


@pytest.mark.parametrize("ended", [raw(b"", close=True), reset], ids=["closed", "reset"])
async def test_a_stream_that_ended_gives_its_place_back(ended: Act) -> None:
    async with Scripted([], last=events(b"data: 1\n\n", then=ended)).running() as server:
        vendor = local(server)
        for _ in range(80):  # more than there are places
            with contextlib.suppress(StreamCut):
                await read(vendor)
            assert slots(vendor) == 0
        await vendor.aclose()
        await asyncio.sleep(0.03)


async def test_an_endless_line_ends_the_stream() -> None:
    async with Scripted([events(b"data: ok\n\n", *[b"x" * 65536] * 300)]).running() as server:
        vendor = local(server)
        got = []
        with pytest.raises(TooLarge):
            async with vendor.stream("GET", "/x") as stream:
                async for frame in stream.frames():
                    got.append(frame.data)
        assert got == ["ok"]
        await vendor.aclose()


async def test_a_key_in_a_frame_is_redacted() -> None:
    async with Scripted([events(f"data: your key {KEY}\n\n".encode())]).running() as server:
        vendor = local(server)
        assert await read(vendor) == ["your key ***abcd"]
        await vendor.aclose()


# --- uploads -----------------------------------------------------------------------------------------------------------------


async def test_an_upload_goes_out_in_pieces_and_again_after_429(tmp_path: Path) -> None:
    path = tmp_path / 'a"b\r\n.bin'
    path.write_bytes(bytes(range(256)) * 2000)
    told: list[tuple[int, int]] = []
    upload = await Upload.of(
        path, media_type="text/plain", fields={"data": "{}"}, progress=lambda sent, size: told.append((sent, size))
    )
    async with Scripted([answer("{}", 429), answer('{"id": 1}')]).running() as server:
        vendor = local(server)
        assert (await vendor.upload("/files", upload)).data == {"id": 1}
        await vendor.aclose()
    (_, first), (head, second) = server.requests
    assert first == second and path.read_bytes() in first and b'filename="a%22b%0D%0A.bin"' in first
    assert f"content-length: {len(first)}" in head and "transfer-encoding" not in head.lower()
    assert told[-1] == (512000, 512000) and len(told) > 10


async def test_what_is_no_file_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none", Path("/dev/zero"), Path("a\0b")):
        with pytest.raises(Refused, match="Nothing was sent"):
            await Upload.of(path, media_type="text/plain")
    (tmp_path / "big").write_bytes(b"x" * 100)
    with pytest.raises(Refused):
        await Upload.of(tmp_path / "big", media_type="text/plain", limit=99)


async def test_a_file_that_goes_breaks_the_request_off(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x" * 1000)
    upload = await Upload.of(path, media_type="text/plain")
    for change in (lambda: path.write_bytes(b"x" * 10), path.unlink):
        change()
        async with Scripted([], last=answer()).running() as server:
            vendor = local(server)
            with pytest.raises(Refused):
                await vendor.upload("/files", upload)
            await vendor.aclose()


async def test_an_errand_is_started_first() -> None:
    errand: Errand[None] = Errand()
    with pytest.raises(RuntimeError):
        await errand.result()
