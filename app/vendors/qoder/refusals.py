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
    sent = None if status == 408 or (status >= 500 and status != 501 and code != "feature_not_available") else False
    kind, begin, end = _KINDS.get(404 if status == 410 else status, (Protocol, "Qoder answered in an unusual way", ""))
    if sent is None:
        kind, begin, end = Unavailable, "Qoder failed", ""
    elif 400 <= status < 600 and status not in (*_KINDS, 410):
        kind, begin, end = _KINDS[400]
    said = words if status != 501 else _beta(error, words)
    sentence = f"{begin}: {said}{'' if said.endswith(('.', '!', '?')) else '.'}{end}"
    return kind(sentence, status=status, code=code, request_id=request_id, sent=sent, fields=fields)


_KINDS: Mapping[int, tuple[type[VendorError], str, str]] = {
    400: (Refused, "Qoder rejected the request", ""),
    401: (KeyRefused, "The key was refused", " A key is valid in one region only; check it and the profile's base."),
    403: (Forbidden, "Qoder denied permission for this", " The key may lack it, or this belongs to another account."),
    404: (NotFound, "Qoder does not know this", " It may have been deleted; read the list again, or begin a new conversation."),
    409: (Conflict, "This changed meanwhile or is busy at Qoder", ""),
    429: (RateLimited, "Qoder takes no more requests for now", ""),
}
"""By status: the class, how its sentence begins, and what is added to the server's words."""


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
    return f"status {status} ({phrase}){said}"


def _json(body: bytes) -> Json:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
