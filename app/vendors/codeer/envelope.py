"""The envelope around every answer that is not a stream, and what its refusals mean (contract 2 and 11)."""

from __future__ import annotations

from collections.abc import Mapping

from app.errors import (
    Conflict,
    Forbidden,
    KeyRefused,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unavailable,
    VendorError,
)
from app.models import Json
from app.text import safe_line
from app.vendors.http import Reply
from app.vendors.replies import read_json

NOT_ALLOWED = "14103"
"""WORKSPACE_CLIENT_NOT_ALLOWED: the workspace is in whitelist mode (contract 4)."""
_DENIED, _NOT_FOUND, _SERVER, _BAD_REQUEST = "10001", "10003", "10005", "10006"


def opened(reply: Reply, *, write: bool) -> Json:
    """The ``data`` of a reply of status 2xx; raises the typed error that its ``error_code`` names.

    An answer that is no envelope is its own data. A server error after a write leaves the outcome unknown.
    """
    envelope = reply.data
    if not isinstance(envelope, Mapping) or not ({"data", "error_code", "error", "pagination"} & set(envelope)):
        return envelope
    code = code_of(envelope.get("error_code"))
    if not code and not (envelope.get("error") and "data" not in envelope):
        return envelope.get("data")
    error = typed(reply.status, code, message_of(envelope), fields_of(envelope))
    error.request_id = reply.request_id or None
    if write and isinstance(error, Unavailable):
        error = OutcomeUnknown(
            f"{error} The request may have been carried out all the same; nothing was sent again.",
            status=error.status,
            code=error.code,
            request_id=error.request_id,
        )
    raise error


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> VendorError:
    """A reply of status 4xx or 5xx as a typed error. Whatever the body is, the answer is one sentence."""
    del headers
    try:
        envelope = read_json(body.decode("utf-8", "replace"))
    except ValueError:
        envelope = None
    if not isinstance(envelope, Mapping):
        return typed(status, "", "", {})
    return typed(status, code_of(envelope.get("error_code")), message_of(envelope), fields_of(envelope))


def code_of(value: Json) -> str:
    """``error_code`` as text, "" for none; numbers may come as strings (contract 16.2)."""
    if value is None or isinstance(value, bool):
        return ""
    text = str(value).strip()
    return "" if text in ("", "0", "None") else text[:40]


def message_of(envelope: Mapping[str, Json]) -> str:
    """The server's words, in the order of contract 2; "" if it found none."""
    data = envelope.get("data")
    inner: Mapping[str, Json] = data if isinstance(data, Mapping) else {}
    error = envelope.get("error")
    candidates = [
        envelope.get("message"),
        error.get("message") if isinstance(error, Mapping) else error,
        inner.get("error_msg"),
        inner.get("reason"),
        _first(inner.get("errors"), "message"),
        envelope.get("detail"),
        _first(envelope.get("detail"), "msg"),
    ]
    return next((str(safe_line(text)) for text in candidates if isinstance(text, str) and text.strip()), "")


def fields_of(envelope: Mapping[str, Json]) -> dict[str, str]:
    """Which fields were rejected and why, without the values they had (contract 2: ``input`` is not for showing)."""
    data = envelope.get("data")
    errors = data.get("errors") if isinstance(data, Mapping) else envelope.get("detail")
    found: dict[str, str] = {}
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, Mapping):
            place = error.get("field", error.get("loc", ""))
            name = ".".join(str(part) for part in place) if isinstance(place, list) else str(place)
            words = error.get("message", error.get("msg", ""))
            found[str(safe_line(name, 80))] = str(safe_line(words, 200))
    return found


def typed(status: int, code: str, words: str, fields: Mapping[str, str]) -> VendorError:
    """The class of a failure, by ``error_code`` first and status second, and its sentence."""
    said = f": {words}" if words else "."
    closed = said if said.endswith((".", "!", "?")) else f"{said}."
    kind: type[VendorError] = Refused
    sentence = f"Codeer rejected the request{closed}"
    if code == NOT_ALLOWED:
        kind, sentence = Forbidden, f"Codeer does not allow this user in the workspace{closed}"
    elif status == 429:
        kind, sentence = RateLimited, f"Codeer takes no more requests for now{closed}"
    elif status == 401 or (code == _DENIED and status == 400):
        kind = KeyRefused
        sentence = (
            f"Codeer refused the key or this action{closed} If the key is wrong, ctrl+k or parlour profile add takes another one."
        )
    elif status == 403 or code == _DENIED:
        kind, sentence = (
            Forbidden,
            f"Codeer denied permission for this{closed} The key may lack it, or this is not its workspace.",
        )
    elif code == _NOT_FOUND or status in (404, 410):
        kind, sentence = NotFound, f"Codeer does not know this{closed}"
    elif status == 409:
        kind, sentence = Conflict, f"This changed meanwhile or is busy at Codeer{closed}"
    elif status >= 500 or status == 408 or code == _SERVER:
        kind, sentence = Unavailable, f"Codeer failed with status {status}{closed}"
    if fields and kind is Refused:
        sentence += " " + "; ".join(f"{name}: {reason.rstrip('.')}" for name, reason in list(fields.items())[:5]) + "."
    return kind(sentence, status=status, code=code or None, fields=dict(fields))


def explain_user(error: Forbidden, user: str) -> Forbidden:
    """14103 again, with the user id that was sent."""
    if user:
        sentence = (
            f"The user id {str(safe_line(user, 80))!r} is not on the whitelist of this Codeer workspace (14103). "
            "Ask its administrator to add it, or set another one in the profile."
        )
    else:
        sentence = (
            "This Codeer workspace only admits users on its whitelist (14103), and the profile has no user id. "
            "Add one: parlour profile add NAME --vendor codeer --user ID"
        )
    return Forbidden(sentence, status=error.status, code=error.code, request_id=error.request_id)


def explain_missing(error: NotFound) -> NotFound:
    """404 on a send: three things may be meant (contract 16.14)."""
    quoted = str(error).removeprefix("Codeer does not know this").strip(": .")
    tail = f' Codeer said: "{quoted}".' if quoted else ""
    return NotFound(
        f"The chat, the agent or its published version was not found; nothing was sent.{tail}",
        status=error.status,
        code=error.code,
        request_id=error.request_id,
    )


def _first(items: Json, name: str) -> Json:
    if isinstance(items, list) and items and isinstance(items[0], Mapping):
        return items[0].get(name)
    return None
