"""Threads of a session: here each has its main one only (contract 11)."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response
from starlette.routing import BaseRoute

from app.models import Json
from app.sandbox.qoder.cloud import Cloud
from app.sandbox.qoder.gate import route
from app.sandbox.qoder.pages import page
from app.sandbox.qoder.sessions import status
from app.sandbox.qoder.streams import stream
from app.sandbox.qoder.wire import Call, Reply, conflict, unknown


def routes(cloud: Cloud) -> list[BaseRoute]:
    """Every route below a session's ``threads``; the stream is not below ``events`` (contract 17.19)."""
    return [
        route(cloud, "GET", "/sessions/{session}/threads", _list),
        route(cloud, "GET", "/sessions/{session}/threads/{thread}", _get),
        route(cloud, "POST", "/sessions/{session}/threads/{thread}/archive", _archive),
        route(cloud, "GET", "/sessions/{session}/threads/{thread}/events", _events),
        route(cloud, "GET", "/sessions/{session}/threads/{thread}/stream", _stream),
    ]


def of_thread(event: Mapping[str, Json]) -> bool:
    """Whether an event is the thread's and not only the session's."""
    return not event["type"].startswith("session.") or event["type"].startswith("session.thread_")


def _shown(cloud: Cloud, thread: Mapping[str, Json]) -> dict[str, Json]:
    return {**thread, "status": "terminated" if thread["archived_at"] else status(cloud, thread["status"])}


def _found(cloud: Cloud, call: Call) -> dict[str, Json]:
    thread: dict[str, Json] = cloud.live(call.names["session"]).record["thread"]
    if thread["id"] != call.names["thread"]:
        raise unknown("Session thread", call.names["thread"])
    return thread


def _list(cloud: Cloud, call: Call) -> Reply:
    thread = cloud.live(call.names["session"]).record["thread"]
    return Reply(page(call, [_shown(cloud, thread)], dialect=cloud.dialect))


def _get(cloud: Cloud, call: Call) -> Reply:
    return Reply(_shown(cloud, _found(cloud, call)))


def _archive(cloud: Cloud, call: Call) -> Reply:
    thread = _found(cloud, call)
    if cloud.live(call.names["session"]).busy:
        raise conflict("The thread is running.")
    thread["archived_at"] = thread["archived_at"] or cloud.stamp()
    cloud.tell("archive", object="session_thread", id=thread["id"], idempotency_key=call.key or None)
    return Reply(_shown(cloud, thread))


def _events(cloud: Cloud, call: Call) -> Reply:
    _found(cloud, call)
    events = cloud.live(call.names["session"]).journal.events
    return Reply(page(call, events, dialect=cloud.dialect, keep=of_thread))


def _stream(cloud: Cloud, call: Call) -> Response:
    _found(cloud, call)
    return stream(cloud, call, cloud.live(call.names["session"]).journal, (), of_thread)
