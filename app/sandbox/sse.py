"""The response that carries an event stream, with the faults that were ordered for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.sandbox.faults import Cut, broken, reset, stream_fault
from app.sandbox.frames import Frame

_HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}
_READING = 0.03
"""Seconds a client gets to read what was written, before a reset makes its kernel throw it away."""


class Batches(Protocol):
    """Frames as they come: an async generator, or anything that iterates and closes like one."""

    def __aiter__(self) -> AsyncIterator[list[Frame]]:
        """Itself."""
        ...

    async def __anext__(self) -> list[Frame]:
        """The next frames, to be written at once."""
        ...

    async def aclose(self) -> None:
        """Nobody reads any more."""
        ...


class EventStream(Response):
    """``batches`` are the frames as they come; one batch is one write. ``error`` is the vendor's error event, for the fault.

    It ends when the iterator ends, when the client leaves (the iterator is closed), or when ``closing`` is set.
    """

    media_type = "text/event-stream"

    def __init__(self, batches: Batches, *, error: Frame, closing: asyncio.Event, headers: dict[str, str] | None = None) -> None:
        super().__init__(headers={**_HEADERS, **(headers or {})})
        del self.headers["content-length"]
        self._batches = batches
        self._error = error
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write until one of the three ends."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        writing = asyncio.ensure_future(self._write(scope, send))
        ends = [asyncio.ensure_future(_left(receive)), asyncio.ensure_future(self._closing.wait())]
        try:
            await asyncio.wait([writing, *ends], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (writing, *ends):
                task.cancel()
            outcome, *_ = await asyncio.gather(writing, *ends, return_exceptions=True)
            await self._batches.aclose()
        if isinstance(outcome, Cut):
            await asyncio.sleep(_READING)
            await reset(scope)
        elif isinstance(outcome, Exception):
            raise outcome
        else:
            await send({"type": "http.response.body", "body": b""})

    async def _write(self, scope: Scope, send: Send) -> None:
        fault = stream_fault(scope)
        if fault is None:
            async for batch in self._batches:
                await send({"type": "http.response.body", "body": b"".join(frame.wire for frame in batch), "more_body": True})
            return
        async with aclosing(broken(self._batches, fault, self._error, self._closing.wait)) as pieces:
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                await asyncio.sleep(0)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
