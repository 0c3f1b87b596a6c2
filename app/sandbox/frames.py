"""Server-sent events as the sandbox writes them: frames, and the response that carries them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from app.models import Json


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, ready for the wire. ``terminal`` marks the event that ends a turn, ``comment`` a heartbeat."""

    wire: bytes
    terminal: bool = False
    comment: bool = False


def frame(event: str, data: Json, *, id: str | None = None, terminal: bool = False) -> Frame:
    """An event: ``event:`` line (left out when empty), ``id:`` line if there is one, one ``data:`` line (a str goes as it is)."""
    head = (f"event: {event}\n" if event else "") + (f"id: {id}\n" if id is not None else "")
    return Frame(b"%bdata: %b\n\n" % (head.encode(), wire_json(data)), terminal=terminal)


def wire_json(data: Json) -> bytes:
    """``data`` as compact JSON in UTF-8 (a str goes as it is); lone surrogates stay escaped."""
    if isinstance(data, str):
        return data.encode("utf-8", "replace")
    try:
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(data, separators=(",", ":")).encode()


def comment(text: str) -> Frame:
    """A comment line, which clients skip."""
    return Frame(f": {text}\n\n".encode(), comment=True)
