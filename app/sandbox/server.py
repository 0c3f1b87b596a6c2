"""The server around both sides: who may talk to it, where it listens, and when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Router
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from app.models import Json
from app.sandbox import codeer, qoder
from app.sandbox.control import Control
from app.sandbox.core import World
from app.sandbox.faults import FaultLayer
from app.sandbox.player import Player
from app.sandbox.recording import Exchange, Recorder, read

_HOST = "127.0.0.1"
_GRACE = 0.5
"""Seconds that open requests have to end when the server stops."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Where a running sandbox is, and what opens it."""

    codeer_base: str
    codeer_key: str
    qoder_base: str
    qoder_key: str
    control: str
    token: str
    world: World

    @property
    def json(self) -> dict[str, Json]:
        """The ready line."""
        return {
            "codeer": {"base": self.codeer_base, "key": self.codeer_key},
            "qoder": {"base": self.qoder_base, "key": self.qoder_key},
            "control": self.control,
            "token": self.token,
        }


class _Protocol(H11Protocol):
    """Tells the application its transport, so that a fault can reset the connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class _Door:
    """Lets in only what speaks to this address by its own name, and no web page."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._hosts = {f"{_HOST}:{port}".encode(), f"localhost:{port}".encode()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if headers.get(b"host", b"").lower() not in self._hosts:
            await PlainTextResponse("This server answers to its own address only.\n", status_code=421)(scope, receive, send)
        elif b"origin" in headers:
            await PlainTextResponse("This server does not talk to web pages.\n", status_code=403)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def application(world: World, control: Control, replay: Sequence[Exchange] | None = None) -> ASGIApp:
    """Everything behind the door; with ``replay`` both sides answer from a recording."""

    def refusal(vendor: str, status: int, code: Json, message: str) -> Response:
        side = codeer.refusal if vendor == "codeer" else qoder.refusal
        return side(world, status, code, message)

    own = Mount("/sandbox", routes=control.routes())
    if replay is not None:
        router = Router([own, Mount("/", app=Player(replay, world, refusal))], redirect_slashes=False)
    else:
        sides = [Mount("/api/v1/cloud", routes=qoder.routes(world)), *codeer.mounts(world)]
        router = Router([own, *sides], redirect_slashes=False)
    return FaultLayer(router, world.faults, world.clock, refusal)


@contextlib.asynccontextmanager
async def serve(
    world: World,
    *,
    port: int = 0,
    control: Control | None = None,
    quiet: bool = False,
    recorder: Recorder | None = None,
    replay: Sequence[Exchange] | None = None,
) -> AsyncIterator[Ready]:
    """Listen on 127.0.0.1 until the context ends; closes ``world``. ``OSError`` if the port is not to be had.

    ``quiet`` keeps a failure of the sandbox's own out of the log. ``recorder`` writes the traffic down; ``replay`` are the
    exchanges of a recording that answer instead of the two sides.
    """
    listener = _listener(port)
    port = listener.getsockname()[1]
    behind = application(world, control or Control(world), replay)
    app = _Door(recorder.around(behind) if recorder is not None else behind, port)
    config = Config(app, lifespan="off", ws="none", access_log=False, log_config=None, date_header=False, server_header=False)
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1 if quiet else logging.ERROR)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Protocol(config, state, {}), sock=listener, backlog=256)
    origin = f"http://{_HOST}:{port}"
    try:
        yield Ready(
            codeer_base=origin + "/api/v1",
            codeer_key=world.keys["codeer"],
            qoder_base=origin + "/api/v1/cloud",
            qoder_key=world.keys["qoder"],
            control=origin + "/sandbox",
            token=world.token,
            world=world,
        )
    finally:
        server.close()
        await world.close()
        await _hang_up(state)


async def _hang_up(state: ServerState) -> None:
    for connection in list(state.connections):
        connection.shutdown()
    if state.tasks:
        await asyncio.wait(set(state.tasks), timeout=_GRACE)
    for task in list(state.tasks):
        task.cancel()
    for connection in list(state.connections):
        if isinstance(connection, H11Protocol):
            connection._unset_keepalive_if_required()
            connection.transport.abort()
    await asyncio.sleep(0)


def _listener(port: int) -> socket.socket:
    listener = socket.socket(
        socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )  # asyncio turns Nagle off only where it is named
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_HOST, port))
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def run(
    world: World,
    *,
    port: int = 0,
    json_ready: bool = False,
    until_eof: bool = False,
    record: Path | None = None,
    replay: Path | None = None,
) -> int:
    """Serve until SIGINT or SIGTERM, or with ``until_eof`` until standard input ends and no lease is open. The exit code.

    A ``port`` that is taken is replaced by a free one. Raises ``SettingsError`` if ``record`` is there already or ``replay`` is
    no recording.
    """
    exchanges = read(replay) if replay is not None else None
    with contextlib.ExitStack() as stack:
        recorder = None
        if record is not None:
            recorder = Recorder(record, (*world.keys.values(), world.token), world.clock)
            stack.callback(recorder.close)
        return asyncio.run(_run(world, port, json_ready, until_eof, recorder, exchanges))


async def _run(
    world: World, port: int, json_ready: bool, until_eof: bool, recorder: Recorder | None, replay: Sequence[Exchange] | None
) -> int:
    stop = asyncio.Event()
    control = Control(world)
    for name in ("SIGINT", "SIGTERM"):
        _on_signal(getattr(signal, name), stop)
    serving = functools.partial(serve, world, control=control, quiet=True, recorder=recorder, replay=replay)
    try:
        ready = serving(port=port)
        where = await ready.__aenter__()
    except OSError as error:
        sys.stderr.write(f"Port {port} cannot be used ({error.strerror}); taking a free one.\n")
        ready = serving()
        where = await ready.__aenter__()
    try:
        sys.stdout.write(json.dumps(where.json) + "\n" if json_ready else _greeting(where))
        sys.stdout.flush()
        if until_eof:
            _on_eof(control.parent_gone)
            control.on_deserted(stop.set)
        await stop.wait()
    finally:
        await ready.__aexit__(None, None, None)
    return 0


def _greeting(ready: Ready) -> str:
    return (
        "The sandbox is running. Ctrl+C ends it.\n"
        f"  codeer   {ready.codeer_base}\n           key {ready.codeer_key}\n"
        f"  qoder    {ready.qoder_base}\n           key {ready.qoder_key}\n"
        f"  control  {ready.control}\n           token {ready.token}\n"
    )


def _on_signal(number: int, stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def heard(*_: Any) -> None:
        loop.call_soon_threadsafe(stop.set)

    signal.signal(number, heard)


def _on_eof(call: Any) -> None:
    """Call ``call`` in the loop once standard input has ended."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                continue
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(call)

    threading.Thread(target=read, name="stdin", daemon=True).start()
