"""Reading small pieces of the wire: content blocks, figures, reasons, both dialects' words (contract 12.3, 16)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from app.models import Attachment, Json, Status

BUSY = frozenset({"running", "processing", "rescheduling", "canceling", "cancelling"})
DEAD = frozenset({"terminated", "archived", "cancelled", "canceled", "deleted"})
"""Contract 9.4: everything that is neither of these nor idle is treated as busy."""

_DIGITS = 30
"""No sum of credits is longer; a figure such as 1e999999999 is not one."""


def text(value: Json) -> str:
    """A string field, whatever came: "" for null and missing, JSON text for anything that is not a string."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def mapping(value: Json) -> Mapping[str, Json]:
    """An object field; empty for anything else."""
    return value if isinstance(value, Mapping) else {}


def listing(value: Json) -> list[Json]:
    """An array field; empty for anything else."""
    return value if isinstance(value, list) else []


def kind(value: Json) -> str:
    """The word in ``"word"`` or ``{"type": "word"}``; "" if there is none."""
    return text(value.get("type")) if isinstance(value, Mapping) else text(value)


def status(session: Mapping[str, Json]) -> Status:
    """What a session says it is doing (contract 9.4): ``archived_at`` and the dead words close it, unknown words are busy."""
    word = text(session.get("status") or session.get("turn_status")).lower()
    if session.get("archived_at") or session.get("archived") is True or word in DEAD:
        return Status.CLOSED
    return Status.IDLE if word in ("", "idle") else Status.RUNNING


def busy(session: Mapping[str, Json]) -> bool:
    """Whether a turn of it is running."""
    return status(session) is Status.RUNNING


def said(content: Json) -> str:
    """The words of a ``content``: its text blocks, joined; the old dialect's plain string as it is."""
    if isinstance(content, str):
        return content
    return "".join(
        text(block.get("text")) for block in listing(content) if isinstance(block, Mapping) and block.get("type") == "text"
    )


def answer(content: Json) -> str:
    """The words of an agent's message; a block that is no text has a line of its own, one that nobody here knows by its type."""
    if isinstance(content, str):
        return content
    words, apart = "", False
    for block in listing(content):
        if not isinstance(block, Mapping):
            continue
        if block.get("type") == "text":
            line, gap = text(block.get("text")), apart
            apart = False
        else:
            known = block.get("type") in ("search_result", "redacted", "image", "document")
            line = _line(block) if known else f"[{text(block.get('type')) or 'block'}: this version cannot show it]"
            gap = apart = True
        words += ("\n\n" if gap and words else "") + line
    return words


def shown(content: Json) -> str:
    """The words of a tool's result: every kind of block has a line, in order."""
    if not isinstance(content, list):
        return text(content)
    return "\n".join(line for line in map(_line, content) if line)


def attachments(content: Json) -> tuple[Attachment, ...]:
    """The files a message carries: its image and document blocks."""
    found = []
    for block in listing(content):
        if isinstance(block, Mapping) and block.get("type") in ("image", "document"):
            source = mapping(block.get("source"))
            found.append(
                Attachment(
                    name=text(block.get("title"))
                    or text(source.get("file_id"))
                    or text(source.get("url"))
                    or text(block.get("type")),
                    media_type=text(source.get("media_type")),
                    id=text(source.get("file_id")),
                    url=text(source.get("url")),
                )
            )
    return tuple(found)


def decimal(value: Json) -> str | None:
    """A figure as decimal text without an exponent; None if it is not a finite number (contract 17.27)."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return format(number, "f") if number.is_finite() and abs(number.adjusted()) <= _DIGITS else None


def same(one: str, other: str) -> bool:
    """Whether two texts are the same prompt: line ends and outer white space do not count."""
    return _plain(one) == _plain(other)


def _plain(value: str) -> str:
    return value.replace("\r\n", "\n").replace("\r", "\n").strip()


def _line(block: Json) -> str:
    if not isinstance(block, Mapping):
        return text(block)
    match block.get("type"):
        case "text":
            return text(block.get("text"))
        case "search_result":
            words = said(block.get("content"))
            return "\n".join(
                part for part in (f"{text(block.get('title'))} — {text(block.get('source'))}", words) if part.strip(" —")
            )
        case "redacted":
            return "[redacted]"
        case "image" | "document":
            source = mapping(block.get("source"))
            if source.get("type") == "text":
                return text(source.get("data"))
            name = (
                text(block.get("title"))
                or text(source.get("file_id"))
                or text(source.get("url"))
                or text(source.get("media_type"))
            )
            return f"[{block['type']}: {name}]" if name else f"[{block['type']}]"
        case _:
            return json.dumps(dict(block), ensure_ascii=False)
