"""Requests to one vendor at one origin: limits, retries, typed errors, and a key that goes nowhere else.

``Http`` knows no vendor. It is handed the base URL, a function for the headers that hold the key, and a ``Policy``.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit

import httpx

from app.clock import Clock
from app.errors import OutcomeUnknown, Refused, Unavailable, VendorError
from app.models import Json
from app.text import storable
from app.vendors.connection import CONNECT_SECONDS, POOL_SECONDS, Errand, make_client, proxy_of, timeouts, wire_bytes
from app.vendors.failures import broken, redirected, silent, unknown
from app.vendors.redact import Redactor
from app.vendors.replies import BODY_LIMIT, Inflater, Reply, decode_body, request_id_of
from app.vendors.retries import Brake, Failed, Policy, Tries, Why, retry_after
from app.vendors.streams import Opening, Stream, StreamCut
from app.vendors.uploads import Upload

__all__ = ["Http", "Params", "Policy", "Reply", "Stream", "StreamCut", "Upload", "segment"]

Params = Mapping[str, "str | int | Sequence[str]"]
FIRST_BYTE = 30.0
"""Seconds until an answer must have begun, unless the caller says otherwise; all of it must be there in four times that."""

_READS = ("GET", "HEAD", "OPTIONS")


def segment(text: str) -> str:
    """An id as one segment of a path; ``Refused`` for one that would be something else there."""
    if not text or text in (".", "..") or len(text) > 2000:
        raise Refused(f"{text[:40]!r} cannot be an id.")
    return quote(storable(text), safe="")


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """One logical request; each attempt sends exactly this."""

    method: str
    url: str
    params: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    content: bytes | Upload | None
    first_byte: float
    keyed: bool
    empty: bool = False

    @property
    def write(self) -> bool:
        return self.method not in _READS


class Http:
    """A vendor's origin. ``secrets`` are taken out of every text that the server sends."""

    def __init__(
        self,
        base: str,
        auth: Callable[[], Mapping[str, str]],
        policy: Policy,
        *,
        clock: Clock | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        secrets: Sequence[str] = (),
    ) -> None:
        self.host = urlsplit(base).netloc.rpartition("@")[2]
        self.redact = Redactor(secrets)
        self._base = base.rstrip("/")
        self._auth = auth
        self._policy = policy
        self._clock = clock or Clock()
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
        self._brake = Brake()

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: Json | bytes | None = None,
        key: str = "",
        headers: Mapping[str, str] | None = None,
        first_byte: float = FIRST_BYTE,
        before_repeat: Callable[[], Awaitable[Reply | None]] | None = None,
        again: bool = True,
        empty: bool = False,
    ) -> Reply:
        """Ask and read the whole answer, a JSON value.

        ``body`` is serialised once; ``key`` becomes the ``Idempotency-Key`` of every attempt. ``before_repeat`` is awaited before
        a write is repeated after an uncertain failure: a reply from it means that the write had arrived. ``again=False`` makes a
        single attempt; ``empty`` accepts an answer without a body (its data is None). Raises the typed errors of ``app.errors``.
        """
        more = {"accept": "application/json", "accept-encoding": "gzip", **(headers or {})}
        out = self._outgoing(method, path, params, _serialised(body), key, more, first_byte)
        return await self._carry(replace(out, empty=empty), before_repeat, again)

    async def upload(
        self, path: str, upload: Upload, *, key: str = "", headers: Mapping[str, str] | None = None, first_byte: float = 120.0
    ) -> Reply:
        """Post a file as ``multipart/form-data``, read from the disk as it goes out. Errors as ``call``."""
        more = {"accept": "application/json", "accept-encoding": "gzip", **(headers or {}), **upload.headers()}
        return await self._carry(self._outgoing("POST", path, None, upload, key, more, first_byte), None, True)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: Json | bytes | None = None,
        key: str = "",
        headers: Mapping[str, str] | None = None,
        idle: float = 240.0,
    ) -> AsyncIterator[Stream]:
        """Open an answer that is read while it comes; ``idle`` seconds without a byte end it with ``StreamCut``.

        Connecting is repeated only where nothing had been sent, and on 429. Any other status but 2xx raises its typed error here:
        ``OutcomeUnknown`` for a write that may have arrived.
        """
        out = self._outgoing(method, path, params, _serialised(body), key, headers or {}, idle)
        opening = Opening(out.method, out.url, out.params, _bytes(out), {**out.headers, **self._auth()}, idle, self._proxy())
        tries = Tries(self._policy, self._clock, again_in_doubt=False, brake=self._brake)
        while True:
            stream = Stream(self._ready(), opening, self.host, self.redact)
            failed = await stream.open(self._refused)
            if failed is None:
                self._brake.good()
                break
            seconds = tries.next(failed)
            if seconds is None:
                raise self._clean(_given_up(failed, out.write, False, self.host))
            await tries.wait(seconds, failed)
        try:
            yield stream
        finally:
            await stream.aclose()

    async def aclose(self) -> None:
        """Close the connections; the next request opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _outgoing(
        self,
        method: str,
        path: str,
        params: Params | None,
        content: bytes | Upload | None,
        key: str,
        headers: Mapping[str, str],
        first_byte: float,
    ) -> _Outgoing:
        if not path.startswith("/") or path.startswith("//"):
            raise Refused("A request must stay below the base URL of its profile.")
        more = {name.lower(): value for name, value in headers.items()}
        if isinstance(content, bytes):
            more.setdefault("content-type", "application/json")
        if key:
            more["idempotency-key"] = key
        return _Outgoing(method.upper(), self._base + path, _pairs(params), more, content, first_byte, bool(key))

    async def _carry(self, out: _Outgoing, before_repeat: Callable[[], Awaitable[Reply | None]] | None, again: bool) -> Reply:
        """Attempt by attempt, by the table in ``app.vendors.retries``."""
        repeats = not out.write or (self._policy.writes_repeat and out.keyed)
        policy = self._policy if again else replace(self._policy, unsent=(), limited=(), uncertain=())
        tries = Tries(policy, self._clock, again_in_doubt=repeats, brake=self._brake)
        doubt = False
        while True:
            outcome = await self._attempt(out)
            if isinstance(outcome, Reply):
                tries.over()
                return outcome
            doubt = doubt or (out.write and outcome.why is Why.DOUBTFUL)
            seconds = tries.next(outcome)
            if seconds is None:
                raise self._clean(_given_up(outcome, out.write, doubt, self.host))
            await tries.wait(seconds, outcome)
            if doubt and before_repeat is not None:
                arrived = await self._look(before_repeat)
                if arrived is not None:
                    return arrived

    async def _look(self, before_repeat: Callable[[], Awaitable[Reply | None]]) -> Reply | None:
        """Whether the write had arrived; not being able to tell leaves it unknown."""
        try:
            return await before_repeat()
        except VendorError as error:
            failure = unknown(error, self.host)
        raise failure

    async def _attempt(self, out: _Outgoing) -> Reply | Failed:
        """One attempt in a task of its own. Failures are values, so that no error drags the request and its key along."""
        errand: Errand[Reply | Failed] = Errand()
        errand.answer_within(out.first_byte)
        errand.start(self._exchange(out, errand))
        if not isinstance(out.content, Upload):
            errand.limit(out.first_byte + 2 * CONNECT_SECONDS + POOL_SECONDS)
        try:
            return await errand.result()
        except TimeoutError:
            return silent(self.host, out.first_byte, sent=errand.maybe_sent)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, VendorError) as error:
            return broken(error, self.host, sent=errand.maybe_sent, proxy=self._proxy())

    async def _exchange(self, out: _Outgoing, errand: Errand[Reply | Failed]) -> Reply | Failed:
        client = self._ready()
        request = client.build_request(
            out.method,
            out.url,
            params=out.params or None,
            headers={**out.headers, **self._auth()},
            content=out.content.chunks() if isinstance(out.content, Upload) else out.content,
            timeout=timeouts(out.first_byte),
            extensions={"trace": errand.trace},
        )
        response = await client.send(request, stream=True)
        try:
            errand.limit(4 * out.first_byte)
            headers = {name.lower(): value for name, value in response.headers.items()}
            inflater = Inflater(headers, self.host)
            body = bytearray()
            async for raw in wire_bytes(response):
                for piece in inflater.feed(raw):
                    body += piece
        finally:
            await errand.close(response.aclose())
        if not response.is_success:
            return self._refused(response.status_code, headers, bytes(body))
        if out.empty and not body:
            return Reply(response.status_code, None, headers, request_id_of(headers))
        text = self.redact(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        return Reply(response.status_code, decode_body(text, headers, self.host), headers, request_id_of(headers))

    def _refused(self, status: int, headers: Mapping[str, str], body: bytes) -> Failed:
        """What an answer of any status but 2xx means."""
        request_id = request_id_of(headers) or None
        if 300 <= status < 400:
            failure: VendorError = redirected(status, headers.get("location", ""), self.host)
            why = Why.FINAL
        else:
            failure = self._policy.decode_error(status, headers, body[:BODY_LIMIT])
            why = Why.LIMITED if status == 429 else Why.DOUBTFUL if status == 408 or status >= 500 else Why.FINAL
        if why is Why.DOUBTFUL and not isinstance(failure, Unavailable):
            failure = Unavailable(str(failure), status=status, code=failure.code)
        failure.status = failure.status or status
        failure.request_id = failure.request_id or request_id
        return Failed(why, failure, retry_after(headers, self._clock.wall()) if why is Why.LIMITED else None)

    def _ready(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = make_client(self._base, self._transport, self.redact)
        return self._client

    def _proxy(self) -> str:
        return "" if self._transport is not None else proxy_of(self._base)

    def _clean(self, error: VendorError) -> VendorError:
        """The same error without secrets in its words."""
        error.args = tuple(self.redact(str(part)) for part in error.args)
        error.fields = {self.redact(name): self.redact(words) for name, words in error.fields.items()}
        error.code = self.redact(error.code) if error.code else error.code
        error.request_id = self.redact(error.request_id) if error.request_id else error.request_id
        return error


def _given_up(failed: Failed, write: bool, doubt: bool, host: str) -> VendorError:
    """What is raised at the end: a write that once was in doubt stays in doubt."""
    if write and (failed.why is Why.DOUBTFUL or (doubt and failed.why in (Why.UNSENT, Why.LIMITED))):
        return failed.error if isinstance(failed.error, OutcomeUnknown) else unknown(failed.error, host)
    if doubt:
        failed.error.sent = None
    elif not write:
        failed.error.sent = False
    return failed.error


def _serialised(body: Json | bytes | None) -> bytes | None:
    if body is None or isinstance(body, bytes):
        return body
    try:
        return storable(json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)).encode()
    except (TypeError, ValueError, RecursionError):
        failure = Refused("The request holds something that JSON cannot say. Nothing was sent.")
    raise failure


def _bytes(out: _Outgoing) -> bytes | None:
    return out.content if isinstance(out.content, bytes) else None


def _pairs(params: Params | None) -> tuple[tuple[str, str], ...]:
    pairs: list[tuple[str, str]] = []
    for name, value in (params or {}).items():
        if isinstance(value, (str, int)):
            pairs.append((name, storable(str(value))))
        else:
            pairs.extend((name, storable(item)) for item in value)
    return tuple(pairs)
