"""Faults on order: what the sandbox does wrong, once or often, when a request matches.

A fault is a JSON object: ``match`` ("POST /chats/*/messages": method and path below the vendor's base, ``*`` one segment or any
method; missing: every request), ``fault`` (a word of ``REQUEST`` or ``STREAM``), ``n``, ``times`` (1; 0 or null: for ever),
``skip`` (matching requests to let pass first), ``vendor``, and for some ``status``, ``code``, ``body``, ``seconds``,
``retry_after``, ``location``, ``message``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeGuard

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.clock import Clock
from app.models import Json
from app.sandbox.frames import Frame

REQUEST = ("status", "rate_limit", "delay", "drop_before", "drop_after_store", "html", "redirect")
"""Faults of the request as a whole."""
STREAM = (
    "drop_after_events", "stall", "slice", "truncate_frame", "bad_json", "error_event", "no_terminal_event", "unknown_events",
    "duplicate_events",
)  # fmt: skip
"""Faults of an event stream; a request that opens none passes them by."""

BASES = {"qoder": ("/api/v1/cloud",), "codeer": ("/api/v1", "/api/v2")}
"""Where the sides are mounted, the more special first."""
_KEY = "parlour.fault"


class Cut(Exception):
    """The connection is to be reset, here and now."""


@dataclass(slots=True)
class Fault:
    """One order. ``left`` counts down; None is for ever."""

    kind: str
    method: str = "*"
    path: tuple[str, ...] | None = None
    vendor: str = ""
    n: int | None = None
    left: int | None = 1
    skip: int = 0
    order: dict[str, Json] = field(default_factory=dict)

    @classmethod
    def parse(cls, order: Json) -> Fault:
        """Read an order. ``ValueError`` says what is wrong with it."""
        if not isinstance(order, dict) or order.get("fault") not in REQUEST + STREAM:
            raise ValueError("fault must be one of: " + ", ".join(REQUEST + STREAM))
        method, _, path = str(order.get("match") or "*").strip().partition(" ")
        times, n = order.get("times", 1), order.get("n")
        return cls(
            kind=str(order["fault"]),
            method=method.upper(),
            path=_segments(path) if path else None,
            vendor=str(order.get("vendor") or ""),
            n=None if n is None else int(n),
            left=int(times) if times else None,
            skip=int(order.get("skip") or 0),
            order=order,
        )

    def fits(self, vendor: str, method: str, path: str) -> bool:
        """Whether the request is meant."""
        if self.vendor not in ("", vendor) or self.method not in ("*", method):
            return False
        found = _segments(path)
        return self.path is None or (
            len(self.path) == len(found) and all(a in ("*", b) for a, b in zip(self.path, found, strict=True))
        )

    def seconds(self, otherwise: float) -> float:
        """How long: ``seconds``, else ``n``."""
        return float(self.order.get("seconds", otherwise if self.n is None else self.n))


class Faults:
    """The queue. The first order that fits is taken."""

    def __init__(self) -> None:
        self._queue: list[Fault] = []

    def add(self, order: Json) -> None:
        """Queue an order; ``ValueError`` if it cannot be understood."""
        self._queue.append(Fault.parse(order))

    @property
    def orders(self) -> list[Json]:
        """Those that wait, first come first; ``times`` is how often each will still happen."""
        return [{**fault.order, "times": fault.left} for fault in self._queue]

    def clear(self) -> None:
        """Forget all orders."""
        self._queue.clear()

    def take(self, vendor: str, method: str, path: str) -> Fault | None:
        """The fault for this request, counted down."""
        for fault in self._queue:
            if not fault.fits(vendor, method, path):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.left is not None:
                fault.left -= 1
                if fault.left <= 0:
                    self._queue.remove(fault)
            return fault
        return None


def stream_fault(scope: Scope) -> Fault | None:
    """The stream fault that this request was given, if any."""
    fault = scope.get(_KEY)
    return fault if isinstance(fault, Fault) and fault.kind in STREAM else None


async def reset(scope: Scope) -> None:
    """Close the connection of ``scope`` with a TCP reset, after what was written has gone out."""
    transport = scope.get("state", {}).get("transport")
    if transport is None:
        return
    for _ in range(200):
        if transport.is_closing() or transport.get_write_buffer_size() == 0:
            break
        await asyncio.sleep(0.005)
    with contextlib.suppress(OSError):
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await asyncio.sleep(0)


class FaultLayer:
    """ASGI: applies the request's fault around ``app``; a fault of the stream is handed on in the scope.

    ``refuse`` gives a vendor's own reply for (vendor, status, error code or None, message).
    """

    def __init__(self, app: ASGIApp, faults: Faults, clock: Clock, refuse: Callable[[str, int, Json, str], Response]) -> None:
        self._app = app
        self._faults = faults
        self._clock = clock
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the fault for this request and carry it out."""
        vendor, path = below_base(scope["path"])
        fault = self._faults.take(vendor, scope["method"], path) if vendor else None
        if fault is None or fault.kind in STREAM:
            scope[_KEY] = fault
            await self._app(scope, receive, send)
        elif fault.kind == "delay":
            await self._clock.sleep(fault.seconds(1.0))
            await self._app(scope, receive, send)
        elif fault.kind == "drop_before":
            await _read(receive)
            await reset(scope)
        elif fault.kind == "drop_after_store":
            await self._app(scope, receive, _Deaf(scope))
            await reset(scope)
        else:
            await _read(receive)
            await self._reply(vendor, fault)(scope, receive, send)

    def _reply(self, vendor: str, fault: Fault) -> Response:
        order = fault.order
        if fault.kind == "html":
            page = str(order.get("body") or "<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>")
            return Response(page, status_code=int(order.get("status") or 502), media_type="text/html")
        if fault.kind == "redirect":
            place = str(order.get("location") or "http://127.0.0.1:9/elsewhere")
            return Response(status_code=int(order.get("status") or 307), headers={"location": place})
        code = order.get("code")
        if fault.kind == "rate_limit":
            status = 429
        else:
            status = next((x for x in (order.get("status"), fault.n, code) if _is_status(x)), 500)
        response = self._body(vendor, status, order)
        if order.get("retry_after") is not None:
            response.headers["retry-after"] = str(order["retry_after"])
        return response

    def _body(self, vendor: str, status: int, order: dict[str, Json]) -> Response:
        body, code = order.get("body"), order.get("code")
        if isinstance(body, str):
            return Response(body, status_code=status, media_type=str(order.get("content_type") or "text/plain"))
        if body is not None:
            return Response(json.dumps(body), status_code=status, media_type="application/json")
        if code == status:
            code = None
        return self._refuse(vendor, status, code, str(order.get("message") or f"Ordered fault: {status}"))


class _Deaf:
    """A ``send`` that answers nothing: it resets the connection at the first word."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._done = False

    async def __call__(self, message: Message) -> None:
        if not self._done:
            self._done = True
            await reset(self._scope)


async def broken(
    frames: AsyncIterable[list[Frame]], fault: Fault, error: Frame, forever: Callable[[], Awaitable[object]]
) -> AsyncGenerator[bytes, None]:
    """The bytes of an event stream with ``fault`` in it. ``error`` is the vendor's own error event. Raises ``Cut`` for a reset.

    ``n`` counts events, not comments. ``forever`` is an awaitable maker that returns when the sandbox closes.
    """
    count, n = 0, fault.n if fault.n is not None else (1 if fault.kind != "slice" else 7)
    async for batch in frames:
        for frame in batch:
            if not frame.comment and count >= n:
                match fault.kind:
                    case "drop_after_events":
                        raise Cut
                    case "stall":
                        async for _ in frames:
                            continue
                        await forever()
                        return
                    case "truncate_frame":
                        yield frame.wire[: len(frame.wire) * 2 // 3]
                        return
                    case "error_event":
                        yield error.wire
                        return
            for piece in _written(frame, fault, count, n):
                yield piece
            count += not frame.comment
    if fault.kind == "drop_after_events":
        raise Cut


def _written(frame: Frame, fault: Fault, count: int, n: int) -> list[bytes]:
    wire = frame.wire
    if fault.kind == "slice":
        return [wire[at : at + max(1, n)] for at in range(0, len(wire), max(1, n))]
    if frame.comment:
        return [wire]
    within = fault.n is None or count < fault.n
    if fault.kind == "no_terminal_event" and frame.terminal:
        return []
    if fault.kind == "bad_json" and count == n:
        return [wire.replace(b"data: {", b'data: {"broken": tru, ', 1)]
    if fault.kind == "unknown_events" and within:
        return [b'event: response.weather.changed\ndata: {"type":"response.weather.changed","sky":"clear"}\n\n', wire]
    if fault.kind == "duplicate_events" and within:
        return [wire, wire]
    return [wire]


def below_base(path: str) -> tuple[str, str]:
    """(vendor, path below its base) of a full path; ("", path) if it is neither's."""
    for vendor, bases in BASES.items():
        for base in bases:
            if path == base or path.startswith(base + "/"):
                return vendor, path[len(base) :] or "/"
    return "", path


def _segments(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.partition("?")[0].strip().split("/") if part)


def _is_status(value: Json) -> TypeGuard[int]:
    return isinstance(value, int) and 200 <= value < 600


async def _read(receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            return
