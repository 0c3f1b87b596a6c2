"""The vendor's error envelope, as our errors (contract 3). The status decides; ``type`` and ``message`` explain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from app.errors import (
    Conflict,
    Forbidden,
    KeyRefused,
    NotFound,
    Protocol,
    RateLimited,
    Refused,
    TooLarge,
    Unavailable,
    VendorError,
)
from app.models import Json
from app.vendors.qoder.bodies import NEAR
from app.vendors.qoder.content import mapping, text

_KEPT = 2_048
"""Bytes of a body without an envelope that are shown."""
_BY_TYPE = {
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "rate_limit_error": 429,
    "invalid_request_error": 400,
}


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> VendorError:
    """The error of a reply that is not 2xx. 429, 502 and 503 of the gateway may have no envelope, or HTML."""
    whole = _json(body)
    error = mapping(mapping(whole).get("error")) or (mapping(whole) if "message" in mapping(whole) else {})
    lower = {name.lower(): value for name, value in headers.items()}
    request_id = lower.get("x-request-id") or lower.get("request-id") or text(mapping(whole).get("request_id")) or None
    words = text(error.get("message")) or _plain(status, body)
    return _build(status, error, words, request_id)


def mid_stream(raw: Mapping[str, Json]) -> VendorError:
    """The error that a stream's own ``error`` event tells (contract 14.2)."""
    error = mapping(raw.get("error")) or raw
    status = _BY_TYPE.get(text(error.get("type")), 500)
    return _build(
        status, error, text(error.get("message")) or "the stream reported an error", text(raw.get("request_id")) or None
    )


def explained(error: VendorError, size: int) -> VendorError:
    """The same refusal, or the true reason where a long body came back as bad JSON (contract 17.22)."""
    if error.status == 400 and size >= NEAR and "json" in str(error).lower():
        return TooLarge(
            f"The server cut this message off: {size / 1_048_576:.1f} MiB is at its limit of 4 MiB. Nothing was done; "
            "shorten it or attach a file.",
            status=400,
            request_id=error.request_id,
            sent=False,
        )
    return error


def _build(status: int, error: Mapping[str, Json], words: str, request_id: str | None) -> VendorError:
    code = text(error.get("type") or error.get("code")) or None
    param = text(error.get("param"))
    fields = {param: words} if param else None
    made: type[VendorError]
    sent: bool | None = False
    match status:
        case 400 | 413 | 422:
            made = Refused
        case 401:
            made, words = (
                KeyRefused,
                f"The key was refused ({words}). A key is valid in one region only; check it and the profile's base.",
            )
        case 403:
            made = Forbidden
        case 404 | 410:
            made = NotFound
        case 409:
            made = Conflict
        case 429:
            made = RateLimited
        case 501:
            made, words = Refused, _beta(error, words)
        case 503 if code == "feature_not_available":
            made = Refused
        case 408 | _ if status == 408 or status >= 500:
            made, sent = Unavailable, None
        case _:
            made = Refused if 400 <= status < 500 else Protocol
    return made(words, status=status, code=code, request_id=request_id, sent=sent, fields=fields)


def _beta(error: Mapping[str, Json], words: str) -> str:
    feature, since = text(error.get("feature")), text(error.get("available_from"))
    return f"{words} ({feature} needs the beta {since})" if feature and since else words


def _plain(status: int, body: bytes) -> str:
    """The sentence for a reply without an envelope: markup is not shown, plain text is, shortened."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "an unusual status"
    head = body[:_KEPT].decode("utf-8", "replace").strip()
    said = "" if not head or head.startswith(("<", "{", "[")) else f": {head[:300]}"
    return f"HTTP {status} {phrase}{said}"


def _json(body: bytes) -> Json:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
