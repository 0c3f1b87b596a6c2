"""A session's events: sending, listing, streaming (contract 12, 13, 14)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute

from app.models import Json
from app.sandbox.qoder import sending
from app.sandbox.qoder.cloud import Cloud
from app.sandbox.qoder.echoes import ANSWERS, PROMPTS, answered, joined, prompt
from app.sandbox.qoder.gate import route
from app.sandbox.qoder.live import Live
from app.sandbox.qoder.pages import descending, many, page, within
from app.sandbox.qoder.streams import stream
from app.sandbox.qoder.wire import Call, Reply


def routes(cloud: Cloud) -> list[BaseRoute]:
    """Every route of a session's events."""
    return [
        route(cloud, "POST", "/sessions/{session}/events", _send),
        route(cloud, "GET", "/sessions/{session}/events", _list),
        route(cloud, "GET", "/sessions/{session}/events/stream", _stream),
    ]


def accept(cloud: Cloud, live: Live, events: Sequence[dict[str, Json]], key: str) -> list[dict[str, Json]]:
    """Take events that fit: name them, write them into the ledger, set the session going. Returns the receipts."""
    named = [{"id": cloud.name("evt"), **event} for event in events]
    for event in named:
        _enter(cloud, live, event, key)
    interrupts = [event for event in named if event["type"] == "user.interrupt"]
    answers = [event for event in named if event["type"] in ANSWERS]
    rest = [event for event in named if event["type"] in (*PROMPTS, "system.message")]
    if interrupts and named[0] is not interrupts[0] and answers:
        live.answer(answers)
        answers = []
    if interrupts:
        live.interrupt(interrupts)
    if answers:
        live.answer([*answers, *rest])
    elif rest:
        live.start(rest)
    return [{**event, "processed_at": None} for event in named]


def _enter(cloud: Cloud, live: Live, event: Mapping[str, Json], key: str) -> None:
    facts: dict[str, Json] = {"session": live.object["id"], "event": event["id"], "idempotency_key": key or None}
    kind = event["type"]
    if kind in PROMPTS:
        cloud.tell("prompt", agent=live.object["agent"]["id"], text=prompt([event]), **facts)
    elif kind == "user.interrupt":
        cloud.tell("interrupt", by="event", **facts)
    elif kind == "user.tool_confirmation":
        allow, reason = event["result"] == "allow", event.get("deny_message", "")
        cloud.tell("approval", answers=answered(event), allow=allow, reason=reason, **facts)
    elif kind in ANSWERS:
        cloud.tell("answer", answers=answered(event), text=joined(event["content"]), failed=event["is_error"], **facts)


def _send(cloud: Cloud, call: Call) -> Reply:
    live = cloud.live(call.names["session"])
    events = sending.envelope(cloud, call.body)
    sending.check_fits(live, events)
    receipts = accept(cloud, live, events, call.key)
    return Reply({"data": receipts}, status=202 if cloud.dialect == "cn" else 200)


def _list(cloud: Cloud, call: Call) -> Reply | Response:
    if call.wants_events:
        return _stream(cloud, call)
    live = cloud.live(call.names["session"])
    found = list(live.journal.events)
    if descending(call, default="asc"):
        found.reverse()
    types, during = set(many(call, "types")), within(call)
    keep = lambda event: (not types or event["type"] in types) and during(event["processed_at"])  # noqa: E731
    return Reply(page(call, found, dialect=cloud.dialect, keep=keep))


def _stream(cloud: Cloud, call: Call) -> Response:
    return stream(cloud, call, cloud.live(call.names["session"]).journal, many(call, "event_deltas"))
