"""One event stream: opened with ``httpx_sse``, pumped by a task of its own, decoded by ``app.vendors.sse``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from httpx_sse import aconnect_sse

from app.errors import Protocol, TooLarge, Unavailable, VendorError
from app.models import Link, LinkState
from app.protocols import tell_link
from app.vendors.connection import Errand, timeouts, wire_bytes
from app.vendors.failures import broken, silent
from app.vendors.redact import Redactor
from app.vendors.replies import BODY_LIMIT, Inflater, Reply, decode_body, media_type, request_id_of
from app.vendors.retries import Failed
from app.vendors.sse import Decoder, Frame

_QUEUE = 32
_ERROR_BODY = 1024 * 1024
_ERROR_SECONDS = 30.0


class StreamCut(Unavailable):
    """A stream that had begun was cut, or was silent for too long (``silent``). What it means is the caller's to say."""

    def __init__(self, message: str, *, silent: bool = False) -> None:
        super().__init__(message, sent=None)
        self.silent = silent


@dataclass(frozen=True, slots=True)
class Opening:
    """What is asked for, and how long between two bytes is too long (seconds)."""

    method: str
    url: str
    params: tuple[tuple[str, str], ...]
    content: bytes | None
    headers: Mapping[str, str]
    idle: float
    proxy: str = ""
    """Host and port of the proxy on the way."""


class Stream:
    """An answer of status 2xx that is still coming. Made by ``Http.stream``, which also closes it."""

    def __init__(self, client: httpx.AsyncClient, opening: Opening, host: str, redact: Redactor) -> None:
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.decoder = Decoder()
        self._client = client
        self._opening = opening
        self._host = host
        self._redact = redact
        self._errand: Errand[None] = Errand()
        self._head: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._queue: asyncio.Queue[bytes | VendorError | None] = asyncio.Queue(_QUEUE)
        self._until: float | None = None
        self._over = False

    @property
    def is_events(self) -> bool:
        """Whether events come: the content type is exactly ``text/event-stream``, whatever its case and parameters."""
        return media_type(self.headers) == "text/event-stream"

    @property
    def request_id(self) -> str:
        """The server's name for the request, or ""."""
        return request_id_of(self.headers)

    @property
    def retry(self) -> float | None:
        """The reconnection time in seconds that the server asked for."""
        return self.decoder.retry

    async def open(self, refused: Callable[[int, Mapping[str, str], bytes], Failed]) -> Failed | None:
        """Send the request and wait for the head of its answer; ``refused`` judges any status but 2xx. None: it is open."""
        opening = self._opening
        self._errand.answer_within(opening.idle)
        task: asyncio.Future[Any] = self._errand.start(self._pump())
        waiting: asyncio.Future[Any] = self._head
        try:
            await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.aclose()
            raise
        if not self._head.done():
            failed = await self._failed()
        elif (body := self._head.result()) is not None:
            await self.aclose()
            failed = refused(self.status, self.headers, body)
        else:
            tell_link.get()(Link(LinkState.LIVE))
            return None
        return failed

    def linger(self, seconds: float) -> None:
        """Whatever does not come within ``seconds`` is not waited for: the frames end then, without an error."""
        self._until = asyncio.get_running_loop().time() + seconds

    async def frames(self, *, unfinished: bool = False) -> AsyncGenerator[Frame, None]:
        """The frames until the stream ends; ``unfinished``: with one at the end that lacks its empty line.

        Raises ``StreamCut`` if it is cut or silent, ``TooLarge``, or ``Protocol`` for an encoding that cannot be read.
        """
        while (chunk := await self._next()) is not None:
            frames = self.decoder.feed(chunk)
            if not frames:
                tell_link.get()(Link(LinkState.BEAT))
            for frame in frames:
                yield self._clean(frame)
        if unfinished and self._over:
            for frame in self.decoder.close():
                yield self._clean(frame)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The answer as bytes, for one that is neither events nor JSON. Errors as ``frames``."""
        while (chunk := await self._next()) is not None:
            yield chunk

    async def json(self) -> Reply:
        """The whole answer, if it is JSON instead of events; ``Protocol`` or ``TooLarge`` otherwise."""
        body = bytearray()
        while (chunk := await self._next()) is not None:
            body += chunk
            if len(body) > BODY_LIMIT:
                raise TooLarge(
                    f"The reply of {self._host} is larger than {BODY_LIMIT // 1048576} MiB; it was not read.", sent=None
                )
        try:
            text = self._redact(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
            data = decode_body(text, self.headers, self._host)
        except Protocol as error:
            error.sent, error.status = None, self.status
            raise
        return Reply(self.status, data, self.headers, self.request_id)

    async def aclose(self) -> None:
        """Close the connection; again is harmless."""
        await self._errand.stop()

    async def _failed(self) -> Failed:
        """Why the work ended before there was a head."""
        try:
            await self._errand.result()
        except TimeoutError:
            return silent(self._host, self._opening.idle, sent=self._errand.maybe_sent)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, VendorError) as error:
            return broken(error, self._host, sent=self._errand.maybe_sent, proxy=self._opening.proxy)
        return silent(self._host, self._opening.idle, sent=True)

    async def _next(self) -> bytes | None:
        if self._over:
            return None
        try:
            async with asyncio.timeout_at(self._until):
                item = await self._queue.get()
        except TimeoutError:
            return None
        if item is None:
            self._over = True
        elif isinstance(item, VendorError):
            raise item
        return item

    def _clean(self, frame: Frame) -> Frame:
        data = self._redact(frame.data)
        return frame if data is frame.data else Frame(frame.event, data, frame.id)

    async def _pump(self) -> None:
        """Everything that touches the connection happens here, from its opening to its closing."""
        opening = self._opening
        headers = {**opening.headers, "accept-encoding": "identity"}
        accept = headers.pop("accept", "text/event-stream")
        extensions: dict[str, Any] = {"trace": self._errand.trace}
        connecting = aconnect_sse(
            self._client,
            opening.method,
            opening.url,
            params=opening.params or None,
            content=opening.content,
            headers=headers if accept == "text/event-stream" else _Accepting(headers, accept),
            timeout=timeouts(opening.idle),
            extensions=extensions,
        )
        source = await connecting.__aenter__()
        last: VendorError | None = None
        try:
            last = await self._read(source.response)
        finally:
            await self._errand.close(connecting.__aexit__(None, None, None))
        # Told once the connection is closed: whoever hears of the end stops this task, and closing would be broken off.
        if self._head.result() is None:
            await self._queue.put(last)

    async def _read(self, response: httpx.Response) -> VendorError | None:
        """Everything that comes; why it ended, if not by itself."""
        opening = self._opening
        self._errand.limit(None)
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        if not response.is_success:
            self._errand.limit(min(opening.idle, _ERROR_SECONDS))
            self._head.set_result(await _small_body(response, self.headers, self._host))
            return None
        inflater = Inflater(self.headers, self._host, limit=None)
        self._head.set_result(None)
        try:
            async for raw in wire_bytes(response):
                for piece in inflater.feed(raw):
                    await self._queue.put(piece)
        except httpx.ReadTimeout:
            return StreamCut(f"{self._host} was silent for {opening.idle:.0f} s in the middle of its answer.", silent=True)
        except (httpx.HTTPError, OSError):
            return StreamCut(f"The connection to {self._host} was cut in the middle of the answer.")
        except VendorError as error:
            return error
        return None


class _Accepting(dict[str, str]):
    """Headers whose ``Accept`` stays as the caller wants it, where JSON is expected rather than events."""

    def __init__(self, headers: Mapping[str, str], accept: str) -> None:
        super().__init__(headers)
        super().__setitem__("Accept", accept)

    def __setitem__(self, name: str, value: str) -> None:
        if name != "Accept":
            super().__setitem__(name, value)


async def _small_body(response: httpx.Response, headers: Mapping[str, str], host: str) -> bytes:
    """As much of an error's body as is worth reading; a cut one counts as far as it came."""
    body = bytearray()
    try:
        inflater = Inflater(headers, host, limit=None)
        async for raw in wire_bytes(response):
            for piece in inflater.feed(raw):
                body += piece
                if len(body) > _ERROR_BODY:
                    return bytes(body[:_ERROR_BODY])
    except (httpx.HTTPError, OSError, VendorError):
        return bytes(body)
    return bytes(body)
