"""Reading what a client sends: the envelope, its events, their content blocks (contract 12). Nothing is changed here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from app.models import Json
from app.sandbox.qoder import checks
from app.sandbox.qoder.echoes import ANSWERS, PROMPTS, answered
from app.sandbox.qoder.wire import conflict, invalid, unknown

if TYPE_CHECKING:
    from app.sandbox.qoder.cloud import Cloud
    from app.sandbox.qoder.live import Live

MAX_EVENTS = 50
SOURCES = {"base64": "data", "url": "url", "file": "file_id", "text": "data"}
"""The field that each type of source must have."""


def envelope(cloud: Cloud, body: Mapping[str, Json]) -> list[dict[str, Json]]:
    """The events of ``{"events": [...]}``, cleaned to the fields of the contract; raises ``RefusedError`` 400."""
    if not isinstance(body.get("events"), list) or not body["events"]:
        raise invalid("Field 'events' must be a non-empty array.", "events")
    return parsed(cloud, checks.objects(body, "events", least=1, most=MAX_EVENTS))


def parsed(cloud: Cloud, events: list[dict[str, Json]]) -> list[dict[str, Json]]:
    """Client events, each checked by its type; ids are not given yet."""
    found = [{"type": event.get("type"), **_fields(cloud, event)} for event in events]
    for index, event in enumerate(found):
        if event["type"] != "system.message":
            continue
        before = found[index - 1]["type"] if index else ""
        if index + 1 < len(found) or before not in ("user.message", "user.tool_result", "user.custom_tool_result"):
            raise invalid("A system.message must be the last event, right after what it belongs to.", "events")
    return found


def check_fits(live: Live, events: list[dict[str, Json]]) -> None:
    """Whether the session can take these events in this order; raises ``RefusedError`` 400 or 409, for all of them together."""
    live.check_open()
    busy, waiting = live.busy, list(live.unanswered)
    open_ids = {event["id"] for event in live.journal.events}
    for event in events:
        kind = event["type"]
        if kind == "user.interrupt":
            if event.get("session_thread_id") not in (None, *(thread["id"] for thread in live.threads)):
                raise unknown("Session thread", event["session_thread_id"])
            if live.stops(event):
                busy, waiting = False, []
        elif kind in PROMPTS:
            if busy:
                raise conflict("A turn is running; wait until the session is idle, or interrupt it.")
            if waiting:
                raise conflict("The session waits for an answer to: " + ", ".join(waiting))
        elif kind in ANSWERS:
            ident = answered(event)
            if ident not in waiting:
                if ident in open_ids:
                    raise conflict(f"'{ident}' does not wait for an answer.", "events")
                raise invalid(f"'{ident}' is not an event of this session.", "events")
            _check_kind(live, kind, ident)
            waiting.remove(ident)
    if sum(event["type"] == "user.define_outcome" for event in events) > 1:
        raise invalid("Only one outcome can be defined at a time.", "events")
    if any(event["type"] in PROMPTS for event in events) and any(event["type"] in ANSWERS for event in events):
        raise conflict("An answer and a message cannot go together.", "events")


def _check_kind(live: Live, kind: str, ident: str) -> None:
    asked = next(event["type"] for event in live.journal.events if event["id"] == ident)
    if (asked == "agent.custom_tool_use") != (kind == "user.custom_tool_result"):
        raise invalid(f"'{ident}' is answered with another type of event.", "events")


def _fields(cloud: Cloud, event: Mapping[str, Json]) -> dict[str, Json]:
    old = cloud.dialect == "cn"
    match event.get("type"):
        case "user.message":
            return {"content": _content(cloud, event, ("text", "image", "document", "redacted"))}
        case "system.message":
            return {"content": _content(cloud, event, ("text",))}
        case "user.interrupt":
            lane = checks.text(event, "session_thread_id")
            return {"session_thread_id": lane} if lane else {}
        case "user.tool_confirmation":
            return _confirmation(event, old=old)
        case "user.custom_tool_result":
            name = "tool_use_id" if old and "custom_tool_use_id" not in event else "custom_tool_use_id"
            return {"custom_tool_use_id": checks.text(event, name, least=1), **_result(cloud, event)}
        case "user.tool_result":
            return {"tool_use_id": checks.text(event, "tool_use_id", least=1), **_result(cloud, event)}
        case "user.define_outcome":
            return _outcome(cloud, event)
        case other:
            raise invalid(f"Unknown event type '{other}'.", "events")


def _confirmation(event: Mapping[str, Json], *, old: bool) -> dict[str, Json]:
    """``result`` allow or deny; the China dialect also takes ``decision`` approve or deny (contract 12.2)."""
    ident = checks.text(event, "tool_use_id", least=1)
    if old and "result" not in event:
        result = "allow" if checks.choice(event, "decision", ("approve", "deny")) == "approve" else "deny"
    else:
        result = checks.choice(event, "result", ("allow", "deny"))
    reason = checks.text(event, "deny_message", most=100_000)
    if reason and result == "allow":
        raise invalid("deny_message goes only with 'deny'.", "deny_message")
    return {"tool_use_id": ident, "result": result, **({"deny_message": reason} if reason else {})}


def _result(cloud: Cloud, event: Mapping[str, Json]) -> dict[str, Json]:
    failed = event.get("is_error")
    if failed is not None and not isinstance(failed, bool):
        raise invalid("Field 'is_error' must be a boolean.", "is_error")
    kinds = ("text", "image", "document", "search_result")
    content = _content(cloud, event, kinds) if event.get("content") is not None else []
    return {"content": content, "is_error": bool(failed)}


def _outcome(cloud: Cloud, event: Mapping[str, Json]) -> dict[str, Json]:
    rubric = checks.required(event, "rubric")
    if isinstance(rubric, str) and cloud.dialect == "cn":
        rubric = {"type": "text", "content": rubric}
    kind = checks.choice(checks.mapping(rubric, "rubric"), "type", ("text", "file"))
    checks.text(rubric, "content" if kind == "text" else "file_id", least=1)
    rounds = event.get("max_iterations", 3)
    if not isinstance(rounds, int) or isinstance(rounds, bool) or not 1 <= rounds <= 20:
        raise invalid("max_iterations must be between 1 and 20", "max_iterations")
    description = checks.text(event, "description", least=1)
    return {"description": description, "rubric": rubric, "max_iterations": rounds, "outcome_id": cloud.name("outc")}


def _content(cloud: Cloud, event: Mapping[str, Json], kinds: tuple[str, ...]) -> list[dict[str, Json]]:
    """A non-empty array of blocks; a plain string only where the China dialect still takes one (contract 12.1)."""
    content = event.get("content")
    if isinstance(content, str) and cloud.dialect == "cn":
        return [{"type": "text", "text": content}]
    if not isinstance(content, list) or not content:
        raise invalid("Field 'content' must be a non-empty array of content blocks.", "content")
    blocks = [checks.mapping(block, "content") for block in content]
    for block in blocks:
        kind = checks.choice(block, "type", kinds)
        if kind == "text":
            if not isinstance(block.get("text"), str):
                raise invalid("A text block needs a 'text'.", "content")
        elif kind in ("image", "document"):
            _check_source(cloud, checks.mapping(checks.required(block, "source"), "source"), text=kind == "document")
    return blocks


def _check_source(cloud: Cloud, source: Mapping[str, Json], *, text: bool) -> None:
    kind = checks.choice(source, "type", tuple(name for name in SOURCES if text or name != "text"))
    value = checks.text(source, SOURCES[kind], least=1, most=8_000_000)
    if kind == "file":
        cloud.row("files", "File", value)
    elif kind == "base64":
        checks.text(source, "media_type", least=1)
