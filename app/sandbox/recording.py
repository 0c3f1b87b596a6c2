"""Traffic on file: what was asked and what was answered, byte for byte and with its pauses, keys masked.

A recording is JSON lines. The first is ``{"type": "parlour-recording", "version": 1}``; each of the others is an exchange,
written when it has ended::

    {"n": 1, "request": {"method", "path", "query", "headers": {…}, "body": …},
     "response": {"status", "headers": {…}, "pieces": [[seconds, …], …], "end": "whole" | "reset"}}

A body or piece is text, or ``{"base64": …}`` where it is no UTF-8. The authorization headers, the run's own keys wherever they
stand, and the fields of JSON bodies that hold secrets are ``***``.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import os
import re
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.clock import Clock
from app.errors import SettingsError
from app.models import Json

HEAD: dict[str, Json] = {"type": "parlour-recording", "version": 1}
MASK = "***"
_HIDDEN_HEADERS = ("authorization", "x-api-key", "cookie", "set-cookie", "x-sandbox-token")
_SECRET = re.compile(
    r'("(?:token|access_token|refresh_token|client_secret|secret_value|password|authorization_token)"\s*:\s*)"(?:[^"\\]|\\.)*"'
)
_LARGEST = 1024 * 1024
"""Bytes of a request's body that are kept."""


@dataclass(slots=True)
class Exchange:
    """One request and what came back, as it is written."""

    request: dict[str, Json]
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    end: str = "reset"

    @property
    def place(self) -> tuple[str, str, str]:
        """What a request has to have in common with this one: method, path, query."""
        return str(self.request["method"]), str(self.request["path"]), str(self.request["query"])


class Recorder:
    """Writes down what passes. The file is new, and only its owner may read it."""

    def __init__(self, path: Path, secrets: Sequence[str], clock: Clock) -> None:
        """Raises ``SettingsError`` if the file is there already or cannot be made."""
        self._clock = clock
        self._secrets = [secret for secret in secrets if secret]
        self._count = 0
        try:
            made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise SettingsError(f"There is a file {path} already; a recording never overwrites one.") from None
        except OSError as error:
            raise SettingsError(f"The recording {path} cannot be written ({error.strerror}).") from error
        self._file = os.fdopen(made, "w", encoding="utf-8")
        self._write(HEAD)

    def close(self) -> None:
        """Nothing more will come."""
        self._file.close()

    def around(self, app: ASGIApp) -> ASGIApp:
        """``app``, overheard; the control routes are nobody's traffic."""

        async def overheard(scope: Scope, receive: Receive, send: Send) -> None:
            await (app if scope["path"].startswith("/sandbox") else functools.partial(self._exchange, app))(scope, receive, send)

        return overheard

    async def _exchange(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytearray()
        exchange, began = Exchange({}), self._clock.monotonic()

        async def heard() -> Message:
            message = await receive()
            if message["type"] == "http.request" and len(body) <= _LARGEST:
                body.extend(message.get("body", b""))
            return message

        async def said(message: MutableMapping[str, Any]) -> None:
            await send(message)
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                exchange.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
            elif message["type"] == "http.response.body":
                if message.get("body"):
                    exchange.pieces.append((round(self._clock.monotonic() - began, 4), bytes(message["body"])))
                exchange.end = exchange.end if message.get("more_body") else "whole"

        try:
            await app(scope, heard, said)
        finally:
            exchange.request = self._request(scope, bytes(body))
            self._keep(exchange)

    def _request(self, scope: Scope, body: bytes) -> dict[str, Json]:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        shown = {name: MASK if name.lower() in _HIDDEN_HEADERS else self._masked(value) for name, value in headers.items()}
        kept: Json = self._content(body) if len(body) <= _LARGEST else {"left_out": len(body)}
        query = self._masked(scope["query_string"].decode("latin-1"))
        return {"method": scope["method"], "path": scope["path"], "query": query, "headers": shown, "body": kept}

    def _keep(self, exchange: Exchange) -> None:
        self._count += 1
        headers = {name: MASK if name.lower() in _HIDDEN_HEADERS else value for name, value in exchange.headers.items()}
        pieces: list[Json] = [[seconds, self._content(piece)] for seconds, piece in exchange.pieces]
        response: Json = {"status": exchange.status, "headers": headers, "pieces": pieces, "end": exchange.end}
        self._write({"n": self._count, "request": exchange.request, "response": response})

    def _content(self, data: bytes) -> Json:
        try:
            return self._masked(data.decode())
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(data).decode()}

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return _SECRET.sub(rf'\1"{MASK}"', text)

    def _write(self, line: Json) -> None:
        if not self._file.closed:
            self._file.write(
                json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace").decode() + "\n"
            )
            self._file.flush()


def read(path: Path) -> list[Exchange]:
    """The exchanges of a recording, in the order in which they ended. Raises ``SettingsError``."""
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        if not lines or lines[0] != HEAD:
            raise SettingsError(f"{path} is no recording of this version.")
        return [_exchange(line) for line in lines[1:]]
    except OSError as error:
        raise SettingsError(f"The recording {path} cannot be read ({error.strerror}).") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SettingsError(f"{path} is no recording ({type(error).__name__}).") from error


def _exchange(line: Any) -> Exchange:
    answer = line["response"]
    pieces = [(float(seconds), _bytes(piece)) for seconds, piece in answer["pieces"]]
    request = {name: line["request"][name] for name in ("method", "path", "query", "headers", "body")}
    return Exchange(request, int(answer["status"]), dict(answer["headers"]), pieces, str(answer["end"]))


def _bytes(content: Any) -> bytes:
    return base64.b64decode(content["base64"]) if isinstance(content, dict) else content.encode()


async def pause(clock: Clock, began: float, seconds: float) -> None:
    """Wait until ``seconds`` after ``began``, or not at all if that has passed."""
    left = began + seconds - clock.monotonic()
    await (clock.sleep(left) if left > 0 else asyncio.sleep(0))
