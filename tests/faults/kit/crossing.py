"""A crossing on the way to a real server: it reads each request whole, lets it pass or not, and cuts the answer where it is told.

``crossing.order("POST */messages", "after", how="rst")``: the next matching request is carried out by the server, and its answer
is lost. ``match`` is a method and the end of a path, ``*`` one segment or any method.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Literal

from tests.faults.kit.sockets import Connection, Op, fin, fits, half_close, reply, rst, send, stall

When = Literal["accept", "before", "after", "reply"]
"""As it is accepted; before the request is passed on; once the server answered, none of it passed on; after ``n`` bytes of it."""


@dataclass(slots=True)
class Order:
    """What to do to one request."""

    match: str
    when: When
    how: str
    n: int
    times: int


@dataclass
class Crossing:
    """``port`` is where clients go. ``requests`` are the first lines of all requests; ``cuts`` counts the orders carried out."""

    upstream: int
    port: int = 0
    orders: list[Order] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    cuts: int = 0
    slicer: int = 0
    """Answers are passed on in pieces of so many bytes."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def order(self, match: str, when: When, *, how: str = "rst", n: int = 0, times: int = 1) -> None:
        """Queue an order; the first that fits is taken."""
        self.orders.append(Order(match, when, how, n, times))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Crossing]:
        server = await asyncio.start_server(self._cross, "127.0.0.1", self.port, limit=1 << 24)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _take(self, line: str, *, accepted: bool = False) -> Order | None:
        for order in self.orders:
            if (order.when == "accept") == accepted and (accepted or fits(order.match, line)):
                order.times -= 1
                if order.times <= 0:
                    self.orders.remove(order)
                self.cuts += 1
                return order
        return None

    async def _cross(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        connection = Connection(reader, writer)
        try:
            accepted = self._take("", accepted=True)
            if accepted is not None:
                await _cut(accepted.how)(connection)
                return
            await self._request(connection)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()
            self._tasks.discard(task)

    async def _request(self, near: Connection) -> None:
        head = await near.reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        body = await near.reader.readexactly(length)
        line = head.split(b"\r\n")[0].decode("latin-1")
        self.requests.append(line)
        self.bodies.append(body)
        order = self._take(line)
        if order is not None and order.when == "before":
            await _cut(order.how)(near)
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream, limit=1 << 24)
        try:
            once = re.sub(rb"\r\n(connection|host):[^\r]*", b"", head[:-4], flags=re.IGNORECASE)
            once += b"\r\nhost: 127.0.0.1:%d\r\nconnection: close\r\n\r\n" % self.upstream
            writer.write(once + body)
            await writer.drain()
            if order is not None and order.when == "after":
                await reader.read(1)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await reader.read()
                writer.transport.abort()
                await _cut(order.how)(near)
            else:
                await self._back(near, reader, order)
        finally:
            writer.transport.abort()

    async def _back(self, near: Connection, reader: asyncio.StreamReader, order: Order | None) -> None:
        """Pass the answer on, up to its end, its cut, or until the client goes."""
        gone = asyncio.ensure_future(near.reader.read(1))
        left = order.n if order is not None else None
        try:
            while True:
                reading = asyncio.ensure_future(reader.read(65536 if left is None else max(1, min(left, 65536))))
                await asyncio.wait([reading, gone], return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    reading.cancel()
                    return
                data = reading.result() if left != 0 else b""
                if not data and left is None:
                    return
                size = self.slicer or max(1, len(data))
                for at in range(0, len(data), size):
                    near.writer.write(data[at : at + size])
                    await near.writer.drain()
                    if self.slicer:
                        await asyncio.sleep(0)
                if left is not None:
                    left -= len(data)
                    if left <= 0 or not data:
                        break
        finally:
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
        assert order is not None
        await _cut(order.how)(near)


def _cut(how: str) -> Op:
    """``rst``, ``fin``, ``half``, ``hole``, or a status: a gateway's page instead of the answer."""
    if how.isdigit():
        return send(reply("<html>bad gateway</html>", int(how), close=True, content_type="text/html"))
    return {"rst": rst, "fin": fin, "half": half_close, "hole": stall}[how]
