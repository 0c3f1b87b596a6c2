"""A relay between a client and a server that falls ill on order, in the eight ways a network does.

``latency`` and ``jitter`` (seconds), ``bandwidth`` (bytes a second), ``slicer`` (pieces of so many bytes), ``limit_data`` (cut in
the ordinary way after so many bytes), ``timeout`` (nothing passes any more; with seconds: then it is closed), ``reset_peer``
(a TCP reset after so many bytes), ``slow_close`` (the end is passed on so many seconds late), ``down`` (connections are refused).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["up", "down"]


@dataclass
class Toxics:
    """What is wrong in one direction; "up" is from the client to the server."""

    latency: float = 0.0
    jitter: float = 0.0
    bandwidth: float = 0.0
    slicer: int = 0
    limit_data: int | None = None
    timeout: float | None = None
    """0: for ever."""
    reset_peer: int | None = None
    slow_close: float = 0.0


@dataclass
class Relay:
    """``port`` is where clients go; ``passed`` counts the bytes that got through, by direction."""

    upstream: int
    up: Toxics = field(default_factory=Toxics)
    down: Toxics = field(default_factory=Toxics)
    seed: int = 1
    port: int = 0
    connections: int = 0
    passed: dict[str, int] = field(default_factory=lambda: {"up": 0, "down": 0})
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Relay]:
        self._random = random.Random(self.seed)
        await self.heal()
        try:
            yield self
        finally:
            await self.break_down()

    async def break_down(self) -> None:
        """``down``: refuse whoever comes, reset whoever is there."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in tuple(self._writers):
            _reset(writer)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def heal(self) -> None:
        """Up again, on the same port."""
        if self._server is None:
            self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self._writers.add(writer)
        far: asyncio.StreamWriter | None = None
        pumps: list[asyncio.Task[None]] = []
        try:
            back, far = await asyncio.open_connection("127.0.0.1", self.upstream)
            self._writers.add(far)
            pumps = [
                asyncio.create_task(self._pump("up", self.up, reader, far, writer)),
                asyncio.create_task(self._pump("down", self.down, back, writer, far)),
            ]
            await asyncio.gather(*pumps)
        except (ConnectionError, OSError, asyncio.CancelledError):
            pass
        finally:
            for pump in pumps:
                pump.cancel()
            for one in filter(None, (writer, far)):
                self._writers.discard(one)
                with contextlib.suppress(OSError, RuntimeError):
                    one.close()
            self._tasks.discard(task)

    async def _pump(
        self,
        way: Direction,
        ill: Toxics,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        other: asyncio.StreamWriter,
    ) -> None:
        count = 0
        while data := await source.read(65536):
            if way == "up":
                data = data.replace(b"127.0.0.1:%d\r\n" % self.port, b"127.0.0.1:%d\r\n" % self.upstream)
            if ill.timeout is not None:
                await asyncio.sleep(ill.timeout or 1e6)
                break
            if ill.latency or ill.jitter:
                await asyncio.sleep(max(0.0, ill.latency + self._random.uniform(-ill.jitter, ill.jitter)))
            for limit, cut in ((ill.reset_peer, True), (ill.limit_data, False)):
                if limit is not None and count + len(data) > limit:
                    await self._write(way, ill, data[: max(0, limit - count)], target)
                    if cut:
                        _reset(target)
                        _reset(other)
                    raise ConnectionAbortedError
            count += len(data)
            await self._write(way, ill, data, target)
        if ill.slow_close:
            await asyncio.sleep(ill.slow_close)
        with contextlib.suppress(OSError, RuntimeError):
            target.write_eof()

    async def _write(self, way: Direction, ill: Toxics, data: bytes, target: asyncio.StreamWriter) -> None:
        size = ill.slicer or len(data)
        for at in range(0, len(data), size or 1):
            piece = data[at : at + size]
            target.write(piece)
            await target.drain()
            self.passed[way] += len(piece)
            if ill.bandwidth:
                await asyncio.sleep(len(piece) / ill.bandwidth)
            elif ill.slicer:
                await asyncio.sleep(0)


def _reset(writer: asyncio.StreamWriter) -> None:
    found = writer.get_extra_info("socket")
    with contextlib.suppress(OSError, AttributeError):
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
