"""A server made of bytes: each connection reads one request after another and does what the script says next."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from app.clock import Clock

Act = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Scripted:
    """``requests`` holds (head, body) of everything that was read; ``open`` counts connections, ``base`` is its address."""

    script: list[Act]
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    open: int = 0
    base: str = ""
    last: Act | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Scripted]:
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/v1"
        tasks = asyncio.all_tasks()
        try:
            yield self
        finally:
            server.close()
            for task in asyncio.all_tasks() - tasks:
                if task.get_name().startswith("scripted"):
                    task.cancel()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.set_name("scripted")
        self.open += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next((int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0)
                self.requests.append((head, await reader.readexactly(length)))
                act = self.script.pop(0) if self.script else self.last
                if act is None:
                    break
                await act(reader, writer)
        self.open -= 1
        with contextlib.suppress(ConnectionError):
            writer.close()


def answer(body: bytes | str = b"{}", status: int = 200, **headers: str) -> Act:
    """A whole reply; ``content_type`` and other headers with underscores for hyphens."""
    raw = body if isinstance(body, bytes) else body.encode()
    lines = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head.encode("latin-1") + f"content-length: {len(raw)}\r\n\r\n".encode() + raw)
        await writer.drain()

    return act


def events(*pieces: bytes | float, kind: str = "text/event-stream", then: Act | None = None) -> Act:
    """An event stream in these pieces (a number: a pause in seconds), then ``then`` or the end of the connection."""

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n".encode())
        for piece in pieces:
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            else:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
        if then is not None:
            await then(reader, writer)
        else:
            writer.close()

    return act


def raw(*pieces: bytes, pause: float = 0.0, close: bool = True) -> Act:
    """Exactly these bytes, ``pause`` seconds apart."""

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        if close:
            writer.close()

    return act


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Cut the connection hard."""
    found = writer.get_extra_info("socket")
    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Nothing more until the other side goes."""
    await reader.read()
    writer.close()


class Ticking:
    """A clock that never waits: ``waits`` are the seconds that were asked for, ``draws`` what chance gave."""

    def __init__(self, uniform: Callable[[float, float], float] = lambda low, high: (low + high) / 2) -> None:
        self.waits: list[float] = []
        self.now = 1_800_000_000.0
        self.clock = Clock(wall=lambda: self.now, monotonic=lambda: self.now, sleep=self._sleep, uniform=uniform)

    async def _sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.waits.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)
