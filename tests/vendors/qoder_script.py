"""A scripted Qoder gateway behind ``httpx.MockTransport``: literal events, cuts where a test wants them, every request kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx

from app.clock import Clock
from app.models import Conversation, Profile
from app.vendors.qoder import Qoder

BASE = "https://api.qoder.test/api/v1/cloud"
KEY = "pt-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
SESSION = "sess_0192cc03"
CONVERSATION = Conversation(SESSION)
EVENTS = f"/sessions/{SESSION}/events"


class FakeTime:
    """A clock that moves only when somebody sleeps; ``slept`` keeps what was asked for. Draws give the upper bound."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []
        self.clock = Clock(wall=lambda: self.now, monotonic=lambda: self.now, sleep=self._sleep, uniform=lambda low, high: high)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Body(httpx.AsyncByteStream):
    """The bytes of an event stream; ``end`` is what happens after them: "eof", "cut" or "open"."""

    def __init__(self, pieces: list[bytes], end: str = "open") -> None:
        self.pieces, self.end, self.closed = pieces, end, False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
        if self.end == "cut":
            raise httpx.ReadError("reset")
        if self.end == "open":
            await asyncio.Event().wait()

    async def aclose(self) -> None:
        self.closed = True


def events(*frames: dict[str, Any] | bytes, end: str = "open") -> httpx.Response:
    """A stream of these events, each in a frame as the vendor writes it, or of literal bytes."""
    pieces = [frame if isinstance(frame, bytes) else framed(frame) for frame in frames]
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Body(pieces, end))


def framed(raw: dict[str, Any]) -> bytes:
    name = raw.get("id") or raw.get("event_id") or raw.get("event", {}).get("id")
    return f"id: {name}\nevent: {raw['type']}\ndata: {json.dumps(raw)}\n\n".encode()


def page(*items: dict[str, Any], **more: Any) -> httpx.Response:
    last = items[-1]["id"] if items else None
    return httpx.Response(200, json={"data": list(items), "first_id": None, "last_id": last, "has_more": False, **more})


def refused(status: int, kind: str, message: str = "no") -> httpx.Response:
    return httpx.Response(status, json={"type": "error", "request_id": "r", "error": {"type": kind, "message": message}})


class Script:
    """``on(METHOD, path, replies…)``: the replies in turn, the last one for ever: a response, an exception, a function."""

    def __init__(self, **profile: Any) -> None:
        self.time = FakeTime()
        self.requests: list[httpx.Request] = []
        self._routes: dict[tuple[str, str], list[Any]] = {}
        where = Profile(name="q", vendor="qoder", base=BASE, **profile)
        self.vendor = Qoder(where, KEY, clock=self.time.clock, transport=httpx.MockTransport(self._handle))
        self.on("GET", f"/sessions/{SESSION}/threads", refused(404, "not_found_error"))

    def on(self, method: str, path: str, *replies: Any) -> None:
        self._routes[method, path] = list(replies)

    def sent(self, method: str, path: str = "") -> list[httpx.Request]:
        return [request for request in self.requests if request.method == method and (not path or _path(request) == path)]

    def bodies(self, method: str, path: str) -> list[Any]:
        return [json.loads(request.content) for request in self.sent(method, path)]

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        assert request.headers["authorization"] == f"Bearer {KEY}"
        replies = self._routes.get((request.method, _path(request)))
        if replies is None:
            return httpx.Response(404, text="404 page not found")
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if isinstance(reply, Exception):
            raise reply
        if callable(reply):
            reply = reply(request)
        if isinstance(reply, httpx.Response) and not isinstance(reply.stream, Body):
            return httpx.Response(reply.status_code, headers=reply.headers, stream=Body([reply.content], "eof"))
        assert isinstance(reply, httpx.Response)
        return reply


def _path(request: httpx.Request) -> str:
    return request.url.path.removeprefix("/api/v1/cloud")


class Journal:
    """A session as a server keeps it: finished events and previews in one order, served by cursor, cut where it is told.

    ``cuts`` are frame counts, one a connection: so many frames go out, then the connection breaks in the way ``how`` says.
    """

    def __init__(
        self, order: list[dict[str, Any]], cuts: list[int], how: Callable[[int], str] = lambda n: "cut", ahead: int = 0
    ) -> None:
        """The list has what was sent so far and ``ahead`` entries more."""
        self.order, self.cuts, self.how, self.ahead = order, list(cuts), how, ahead
        self.connections = 0
        self._made = 0 if cuts else len(order)

    def stream(self, request: httpx.Request) -> httpx.Response:
        after = request.headers.get("last-event-id", "")
        names = [raw.get("id") for raw in self.order]
        if after and after not in names:
            return refused(409, "conflict_error", "unknown cursor")
        begin = names.index(after) + 1 if after else 0
        rest = self.order[begin:]
        self.connections += 1
        self._made = max(self._made, begin + self.cuts[0] if self.cuts else len(self.order))
        if not self.cuts:
            return events(b": heartbeat\n\n", *rest)
        count, end = self.cuts.pop(0), self.how(self.connections)
        pieces: list[Any] = [piece for raw in rest[:count] for piece in (raw, b": heartbeat\n\n")]
        if end == "torn" and count < len(rest):
            whole = framed(rest[count])
            pieces.append(whole[: max(1, len(whole) * 2 // 3)])
        return events(*pieces, end="eof" if end == "eof" else "cut")

    def listed(self, request: httpx.Request) -> httpx.Response:
        kept = [raw for raw in self.order[: self._made + self.ahead] if "id" in raw]
        query = request.url.params
        if query.get("order") == "desc":
            kept.reverse()
        after = query.get("after_id")
        if after:
            kept = kept[[raw["id"] for raw in kept].index(after) + 1 :]
        limit = int(query.get("limit", 20))
        return page(*kept[:limit], has_more=len(kept) > limit)


async def gather(source: AsyncIterator[Any], stop: Callable[[Any], bool] = lambda event: False) -> list[Any]:
    """All events up to the first for which ``stop`` holds."""
    found = []
    try:
        async with asyncio.timeout(10):
            async for event in source:
                found.append(event)
                if stop(event):
                    break
    finally:
        await source.aclose()  # type: ignore[attr-defined]
    return found
