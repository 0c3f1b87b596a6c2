"""A server made of operations: each connection does what its script says, byte by byte, and what it read is kept.

``RawServer([[request(), send(b"HTTP/1.1 200 OK"), rst()], ...], last=[...])``: the first connection runs the first script, and so
on; ``last`` serves whoever comes after. After its script a connection is closed in the ordinary way (FIN).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Connection:
    """One connection that was accepted; ``got`` is every byte it was sent, ``requests`` its whole requests (head, body)."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    got: bytearray = field(default_factory=bytearray)
    requests: list[tuple[bytes, bytes]] = field(default_factory=list)
    ended: bool = False

    async def read(self, n: int) -> bytes:
        """Up to ``n`` bytes, kept."""
        data = await self.reader.read(n)
        self.got += data
        return data


Op = Callable[[Connection], Awaitable[None]]


def request() -> Op:
    """Read one whole request: its head, and as many bytes as it announces."""

    async def op(connection: Connection) -> None:
        head = await connection.reader.readuntil(b"\r\n\r\n")
        connection.got += head
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        body = await connection.reader.readexactly(length)
        connection.got += body
        connection.requests.append((head, body))

    return op


def fits(match: str, line: str) -> bool:
    """Whether a request's first line is meant: a method and the end of a path; ``*`` is any method, one segment, or any path."""
    method, _, path = match.partition(" ")
    got, _, rest = line.partition(" ")
    place = rest.split(" ")[0].partition("?")[0]
    pattern = "/".join("[^/]+" if part == "*" else re.escape(part) for part in path.strip("/").split("/"))
    return method in ("*", got) and bool(re.search(f"(^|/){pattern}$", place))


def routed(routes: Mapping[str, bytes | Sequence[Op]]) -> Op:
    """Answer request after request: the first match says with which bytes, or what else to do; no match ends the connection."""

    async def op(connection: Connection) -> None:
        while not connection.writer.is_closing():
            await request()(connection)
            line = connection.requests[-1][0].split(b"\r\n")[0].decode("latin-1")
            answer = next((answer for match, answer in routes.items() if fits(match, line)), None)
            if answer is None:
                return
            for one in [send(answer)] if isinstance(answer, bytes) else answer:
                await one(connection)

    return op


def read(n: int) -> Op:
    """Read until ``n`` bytes came, or the end."""

    async def op(connection: Connection) -> None:
        left = n
        while left > 0 and (data := await connection.read(left)):
            left -= len(data)

    return op


def send(*pieces: bytes, pause: float = 0.0) -> Op:
    """Write these pieces, ``pause`` seconds after each."""

    async def op(connection: Connection) -> None:
        for piece in pieces:
            connection.writer.write(piece)
            await connection.writer.drain()
            if pause or len(pieces) > 1:
                await asyncio.sleep(pause)

    return op


def slices(data: bytes, n: int = 1, pause: float = 0.0) -> Op:
    """Write ``data`` in pieces of ``n`` bytes, each in a segment of its own as far as the kernel goes along."""
    return send(*(data[at : at + n] for at in range(0, len(data), n)), pause=pause)


def call(function: Callable[[Connection], None]) -> Op:
    """Anything else."""

    async def op(connection: Connection) -> None:
        function(connection)

    return op


def sleep(seconds: float) -> Op:
    """Wait."""

    async def op(connection: Connection) -> None:
        await asyncio.sleep(seconds)

    return op


async def stall(connection: Connection) -> None:
    """Say nothing more until the other side goes."""
    while await connection.read(65536):
        continue


async def fin(connection: Connection) -> None:
    """Close in the ordinary way."""
    connection.writer.close()


async def half_close(connection: Connection) -> None:
    """End our side (shutdown for writing) and go on reading until the other side goes."""
    with contextlib.suppress(OSError, RuntimeError):
        connection.writer.write_eof()
    await stall(connection)


async def rst(connection: Connection) -> None:
    """Cut hard: a TCP reset, once what was written has left."""
    transport = connection.writer.transport
    for _ in range(400):
        if transport.is_closing() or transport.get_write_buffer_size() == 0:
            break
        await asyncio.sleep(0.002)
    found = connection.writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


@dataclass
class RawServer:
    """See the module. ``port`` and ``base`` are there once it runs; ``connections`` are all that came, in order."""

    scripts: Sequence[Sequence[Op]] = ()
    last: Sequence[Op] | None = None
    tls: ssl.SSLContext | None = None
    path: str = "/api/v1"
    connections: list[Connection] = field(default_factory=list)
    port: int = 0
    _served: int = 0

    @property
    def base(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}{self.path}"

    @property
    def requests(self) -> list[tuple[bytes, bytes]]:
        """Every whole request, over all connections."""
        return [one for connection in self.connections for one in connection.requests]

    @property
    def got(self) -> bytes:
        """Every byte that came, over all connections."""
        return b"".join(bytes(connection.got) for connection in self.connections)

    @property
    def open(self) -> int:
        return sum(not connection.ended for connection in self.connections)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[RawServer]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls, limit=1 << 24)
        self.port = server.sockets[0].getsockname()[1]
        self._tasks: set[asyncio.Task[None]] = set()
        try:
            yield self
        finally:
            server.close()
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        connection = Connection(reader, writer)
        self.connections.append(connection)
        script = self.scripts[self._served] if self._served < len(self.scripts) else self.last or ()
        self._served += 1
        try:
            for op in script:
                await op(connection)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            connection.ended = True
            with contextlib.suppress(ConnectionError, RuntimeError):
                writer.close()
            self._tasks.discard(task)


@contextlib.contextmanager
def black_hole(port: int = 0) -> Iterator[int]:
    """A port that never accepts: its queue is full, so a new connection is not even refused."""
    hole = socket.socket()
    hole.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    hole.bind(("127.0.0.1", port))
    hole.listen(0)
    fill = []
    try:
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(hole.getsockname())
            fill.append(one)
        yield hole.getsockname()[1]
    finally:
        for one in [*fill, hole]:
            one.close()


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """A port on which nobody listens, held so that nobody else takes it meanwhile."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    try:
        yield held.getsockname()[1]
    finally:
        held.close()


def reply(body: bytes | str = b"{}", status: int = 200, *, close: bool = False, **headers: str) -> bytes:
    """The bytes of a whole answer; headers with underscores for hyphens."""
    raw = body.encode() if isinstance(body, str) else body
    lines = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return head.encode("latin-1") + (b"connection: close\r\n" if close else b"") + b"content-length: %d\r\n\r\n" % len(raw) + raw


EVENT_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
"""What an event stream begins with."""
