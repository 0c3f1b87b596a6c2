"""Connections, and work on them that is cancelled once and then left to finish closing."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
import httpx

from app.protocols import Exchange, tell_request
from app.vendors.replies import request_id_of

CONNECT_SECONDS = 5.0
WRITE_SECONDS = 30.0
POOL_SECONDS = 5.0

T = TypeVar("T")


class Errand(Generic[T]):
    """A piece of work in a task of its own, with a deadline that can be moved.

    A cancellation while a connection is being closed would leak its place in the pool, and so would one between a connection's
    making and its first request. So the task is cancelled at most once, whoever asks and how often, never in these two places,
    and is always waited for to its end. ``traced`` and ``sent`` are what the connection told: that it reports at all, and that
    the head of the request began to leave this machine.
    """

    def __init__(self) -> None:
        self.traced = False
        self.sent = False
        self.late = False
        self._seconds_to_answer: float | None = None
        self._task: asyncio.Task[T] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False
        self._fresh = False
        self._closing = False
        self._put_off = False

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin; at most once."""
        self._task = asyncio.create_task(work)
        return self._task

    def limit(self, seconds: float | None) -> None:
        """Stop the work so many seconds from now (None: never), instead of any earlier deadline."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    async def result(self) -> T:
        """What the work gives or raises; ``TimeoutError`` if the deadline ended it."""
        task = self._begun()
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            await self._to_the_end()
            raise
        finally:
            self.limit(None)
        if self.late and task.cancelled():
            raise TimeoutError
        return task.result()

    async def stop(self) -> None:
        """End the work now; returns once everything is closed, and only then lets a cancellation through."""
        if await self._to_the_end():
            raise asyncio.CancelledError

    def answer_within(self, seconds: float) -> None:
        """Once the request has left, its answer must begin within ``seconds``."""
        self._seconds_to_answer = seconds

    async def trace(self, name: str, info: Mapping[str, Any]) -> None:
        """What the connection reports about its steps."""
        self.traced = True
        if name.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._fresh = True
        elif name.endswith(".started") and self._fresh:
            self._fresh = False
            self._overdue()
        request = info.get("request")
        if request is not None and request.method == b"CONNECT":
            return
        if name.endswith(".send_request_headers.started"):
            self.sent = True
        elif name.endswith(".receive_response_headers.started") and self._seconds_to_answer is not None and not self._stopped:
            self.limit(self._seconds_to_answer)

    @property
    def maybe_sent(self) -> bool:
        """Whether a byte of the request may have left: a connection that reports nothing proves nothing."""
        return self.sent or not self.traced

    def _begun(self) -> asyncio.Task[T]:
        if self._task is None:
            raise RuntimeError("The errand was not started.")
        return self._task

    def _expire(self) -> None:
        self.late = True
        self._cancel()

    async def close(self, closing: Awaitable[object]) -> None:
        """Close a connection from inside the work: a cancellation that comes meanwhile is carried out when it is closed."""
        self._closing = True
        try:
            await closing
        finally:
            self._closing = self._fresh = False
        self._overdue()

    def _overdue(self) -> None:
        """Past a delicate place: whoever asked to cancel meanwhile gets it now."""
        if self._put_off and not self._closing:
            self._put_off = False
            raise asyncio.CancelledError

    def _cancel(self) -> None:
        if self._stopped:
            return
        self._stopped = True
        if self._fresh or self._closing:
            self._put_off = True
        else:
            self._begun().cancel()

    async def _to_the_end(self) -> bool:
        """Whether somebody asked to cancel meanwhile."""
        task = self._begun()
        asked = False
        self.limit(None)
        if not task.done():
            self._cancel()
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                asked = True
        if not task.cancelled():
            task.exception()
        return asked


def make_client(base: str, transport: httpx.AsyncBaseTransport | None, redact: Callable[[str], str] = str) -> httpx.AsyncClient:
    """A client for one origin: HTTP/1.1, no redirects, no cookies, certificates always checked, the standard proxy variables.

    ``redact`` goes over every address that is told to whoever asked for requests to be told.
    A loopback address is never reached through a proxy. ``SSLKEYLOGFILE`` has no effect; ``SSL_CERT_FILE`` may add trusted roots.
    """
    _quieten()
    loopback = is_loopback(urlsplit(base).hostname or "")
    return httpx.AsyncClient(
        transport=transport,
        verify=_trust(load=transport is None and base.startswith("https:")),
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=not loopback,
        limits=httpx.Limits(max_connections=64, max_keepalive_connections=8, keepalive_expiry=3.0),
        headers={"user-agent": "parlour"},
        event_hooks=_told(redact),
    )


def _told(redact: Callable[[str], str]) -> dict[str, list[Callable[..., Any]]]:
    """Hooks that tell of a request's start and of its answer's, in the task that made it."""

    async def leaves(request: httpx.Request) -> None:
        tell = tell_request.get()
        if tell is not None:
            request.extensions["parlour.began"] = time.monotonic()
            tell(Exchange(request.method, redact(str(request.url))))

    async def answered(response: httpx.Response) -> None:
        tell, request = tell_request.get(), response.request
        if tell is not None:
            seconds = time.monotonic() - request.extensions.get("parlour.began", time.monotonic())
            request_id = redact(request_id_of({name.lower(): value for name, value in response.headers.items()}))
            tell(Exchange(request.method, redact(str(request.url)), response.status_code, seconds, request_id))

    return {"request": [leaves], "response": [answered]}


async def wire_bytes(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """The body as it comes, before any decoding."""
    if isinstance(response.stream, httpx.AsyncByteStream):
        async for chunk in response.stream:
            yield chunk


def timeouts(read: float) -> httpx.Timeout:
    """The limits of each phase; ``read`` is the longest silence in seconds."""
    return httpx.Timeout(connect=CONNECT_SECONDS, write=WRITE_SECONDS, pool=POOL_SECONDS, read=read)


def proxy_of(base: str) -> str:
    """Host and port of the proxy that the environment sets on the way to ``base``; "" for none. Never its user or password."""
    parts = urlsplit(base)
    host = parts.hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        return ""
    found = getproxies()
    return urlsplit(found.get(parts.scheme) or found.get("all") or "").netloc.rpartition("@")[2]


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine, by its name or number alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _trust(*, load: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if load:
        context.load_verify_locations(certifi.where())
        extra = os.environ.get("SSL_CERT_FILE", "")
        if extra and Path(extra).is_file():
            context.load_verify_locations(extra)
    return context


def _no_content(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


def _quieten() -> None:
    """The libraries' loggers would tell addresses and headers."""
    for name in (
        "httpx",
        "httpcore",
        "httpcore.connection",
        "httpcore.http11",
        "httpcore.http2",
        "httpcore.proxy",
        "httpcore.socks",
    ):
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        logger.addFilter(_no_content)
