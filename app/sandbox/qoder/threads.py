"""Threads of a session: the main one, and one for each worker of a coordinator (contract 11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

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


def of_thread(thread: Mapping[str, Json]) -> Callable[[Mapping[str, Json]], bool]:
    """A test for events of ``thread``: those that name it; for the main one also those that name none and are no session's."""

    def fits(event: Mapping[str, Json]) -> bool:
        lane = event.get("session_thread_id")
        if lane is None:
            return thread["parent_thread_id"] is None and not event["type"].startswith("session.")
        return bool(lane == thread["id"])

    return fits


def _shown(cloud: Cloud, thread: Mapping[str, Json]) -> dict[str, Json]:
    return {**thread, "status": "terminated" if thread["archived_at"] else status(cloud, thread["status"])}


def _found(cloud: Cloud, call: Call) -> dict[str, Json]:
    ident = call.names["thread"]
    thread = next((item for item in cloud.live(call.names["session"]).threads if item["id"] == ident), None)
    if thread is None:
        raise unknown("Session thread", ident)
    return thread


def _list(cloud: Cloud, call: Call) -> Reply:
    threads = cloud.live(call.names["session"]).threads
    return Reply(page(call, [_shown(cloud, thread) for thread in threads], dialect=cloud.dialect))


def _get(cloud: Cloud, call: Call) -> Reply:
    return Reply(_shown(cloud, _found(cloud, call)))


def _archive(cloud: Cloud, call: Call) -> Reply:
    thread = _found(cloud, call)
    if cloud.live(call.names["session"]).busy:
        raise conflict("The thread is running.")
    if not thread["archived_at"]:
        thread["archived_at"] = cloud.stamp()
        cloud.tell("archive", object="session_thread", id=thread["id"], idempotency_key=call.key or None)
        cloud.changed()
    return Reply(_shown(cloud, thread))


def _events(cloud: Cloud, call: Call) -> Reply:
    events = cloud.live(call.names["session"]).journal.events
    return Reply(page(call, events, dialect=cloud.dialect, keep=of_thread(_found(cloud, call))))


def _stream(cloud: Cloud, call: Call) -> Response:
    thread = _found(cloud, call)
    return stream(cloud, call, cloud.live(call.names["session"]).journal, (), of_thread(thread))
