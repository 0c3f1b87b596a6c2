"""Event streams as bytes: frames, heartbeats, and an end only where the session ends (contract 14)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping

from starlette.responses import Response

from app.clock import Clock
from app.models import Json
from app.sandbox.frames import Frame, comment, frame
from app.sandbox.qoder.cloud import Cloud
from app.sandbox.qoder.journal import PREVIEWED, Entry, Journal, Listener
from app.sandbox.qoder.wire import Call, invalid
from app.sandbox.sse import EventStream

HEARTBEAT = 5.0
"""Seconds of silence after which a comment shows that the line is good."""

MOST = 256
"""Frames written in one piece."""

TURN_ENDS = ("session.status_idle", "session.status_terminated", "session.deleted")


def stream(
    cloud: Cloud,
    call: Call,
    journal: Journal,
    deltas: Collection[str],
    keep: Callable[[Mapping[str, Json]], bool] = lambda _: True,
) -> Response:
    """Open a stream of ``journal``. It listens before the first byte of the answer goes out, so a tail misses nothing later."""
    for name in deltas:
        if name not in PREVIEWED:
            raise invalid(f"event_deltas[] takes: {', '.join(PREVIEWED)}", "event_deltas")
    listener = journal.listen(call.headers.get("last-event-id", ""), deltas, keep)
    message = {"type": "error", "error": {"type": "api_error", "message": "The stream failed."}, "request_id": call.request_id}
    return EventStream(
        _batches(journal, listener, cloud.world.clock),
        error=frame("error", message),
        closing=cloud.world.closing,
        headers={"x-request-id": call.request_id},
    )


async def _batches(journal: Journal, listener: Listener, clock: Clock) -> AsyncGenerator[list[Frame], None]:
    beat: asyncio.Future[None] | None = None
    following: asyncio.Future[Entry] | None = None
    try:
        yield [comment("heartbeat")]
        while True:
            following = following or asyncio.ensure_future(listener.next())
            beat = beat or asyncio.ensure_future(clock.sleep(HEARTBEAT))
            await asyncio.wait((following, beat), return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                beat = None
                yield [comment("heartbeat")]
                continue
            entries = [following.result()]
            following = None
            beat.cancel()
            beat = None
            while len(entries) < MOST and (entry := listener.ready()) is not None:
                entries.append(entry)
            yield [frame(entry.event, entry.data, id=entry.id, terminal=entry.event in TURN_ENDS) for entry in entries]
            if entries[-1].ends:
                return
    finally:
        journal.leave(listener)
        for task in (beat, following):
            if task is not None:
                task.cancel()
