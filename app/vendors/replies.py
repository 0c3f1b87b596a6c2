"""What comes back: bodies within limits, and JSON without surprises."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from app.errors import Protocol, TooLarge
from app.models import Json

BODY_LIMIT = 16 * 1024 * 1024
"""Bytes of one JSON body, after decompression."""
DEPTH_LIMIT = 100
_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer of status 2xx. Header names are in lower case; ``request_id`` is "" where the server gave none."""

    status: int
    data: Json
    headers: Mapping[str, str] = field(default_factory=dict)
    request_id: str = ""


def request_id_of(headers: Mapping[str, str]) -> str:
    """The server's name for the request (both vendors' contracts: ``x-request-id``, else ``request-id``)."""
    return (headers.get("x-request-id") or headers.get("request-id") or "")[:200]


def media_type(headers: Mapping[str, str]) -> str:
    """The content type without its parameters, in lower case; "" if there is none."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def read_json(text: str) -> Json:
    """``text`` as a JSON value: a byte order mark is dropped, of doubled names the last wins.

    Raises ``ValueError`` with a short reason (never the text) for anything else that is not plain JSON: NaN and Infinity, numbers
    out of range, integers of thousands of digits, nesting deeper than 100.
    """
    try:
        value = json.loads(text.removeprefix("\ufeff"), parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON at character {error.pos}") from None
    if text.count("[") + text.count("{") > DEPTH_LIMIT and _deeper_than(value, DEPTH_LIMIT):
        raise ValueError("nested too deeply")
    return value


def decode_body(body: bytes, headers: Mapping[str, str], host: str) -> Json:
    """The JSON of a body; ``Protocol`` names the host and what came instead, and keeps the request id. Never quotes the body."""
    request_id = request_id_of(headers) or None
    kind = media_type(headers)
    reason = ""
    if not body.strip():
        reason = "an empty body"
    elif kind in ("text/html", "application/xhtml+xml") or re.match(rb"\s*<(!doctype|html)", body[:64], re.IGNORECASE):
        reason = "HTML"
    else:
        try:
            return read_json(body.decode("utf-8"))
        except UnicodeDecodeError:
            reason = "text that is not UTF-8"
        except ValueError as error:
            reason = f"something that cannot be read ({error})"
    raise Protocol(
        f"{host} did not answer as the API does: {reason} where JSON is due. Check the base URL of this profile, or whether a "
        f"proxy or login page answers in its place.",
        request_id=request_id,
    )


class Inflater:
    """Undoes a content encoding in pieces of bounded size, counting the bytes that come out.

    Raises ``TooLarge`` beyond ``limit`` bytes (None: no limit) and ``Protocol`` for an encoding we did not ask for.
    """

    def __init__(self, headers: Mapping[str, str], host: str, limit: int | None = BODY_LIMIT) -> None:
        self._host = host
        self._limit = limit
        self._count = 0
        self._raw = True
        name = headers.get("content-encoding", "identity").strip().lower() or "identity"
        if name in ("gzip", "x-gzip", "deflate"):
            self._raw = False
            self._inflate = zlib.decompressobj(47)
        elif name != "identity":
            raise Protocol(f"{host} answered in an encoding that was not asked for ({name[:40]!r}).")
        length = headers.get("content-length", "")
        if (
            limit is not None
            and self._raw
            and length.isascii()
            and length.isdigit()
            and (len(length) > 12 or int(length) > limit)
        ):
            raise self._too_large()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What these bytes stand for."""
        if self._raw:
            yield self._counted(chunk)
            return
        try:
            while chunk:
                piece = self._inflate.decompress(chunk, _PIECE)
                chunk = self._inflate.unconsumed_tail
                if piece:
                    yield self._counted(piece)
        except zlib.error:
            raise Protocol(f"{self._host} sent a compressed body that cannot be read.") from None

    def _counted(self, piece: bytes) -> bytes:
        self._count += len(piece)
        if self._limit is not None and self._count > self._limit:
            raise self._too_large()
        return piece

    def _too_large(self) -> TooLarge:
        limit = (self._limit or 0) // 1048576
        return TooLarge(f"The reply of {self._host} is larger than {limit} MiB; it was not read and the connection was closed.")


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number out of range")
    return value


def _deeper_than(value: Json, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        deeper: list[Json] = []
        for item in level:
            if isinstance(item, dict):
                deeper.extend(child for child in item.values() if isinstance(child, (dict, list)))
            elif isinstance(item, list):
                deeper.extend(child for child in item if isinstance(child, (dict, list)))
        if not deeper:
            return False
        level = deeper
    return True
