"""A session's record: the events that stay, the preview of the one in the making, and everybody who listens (contract 13, 14)."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from app.models import Json
from app.sandbox.qoder.wire import conflict

ENDS = ("session.status_terminated", "session.deleted")
"""The events after which a stream closes (contract 15.4)."""

PREVIEWED = ("agent.message", "agent.thinking")
"""What ``event_deltas[]`` can ask for (contract 14.1)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one server-sent event carries: its SSE id, its name and its payload."""

    id: str
    event: str
    data: Mapping[str, Json]

    @property
    def ends(self) -> bool:
        """Whether nothing follows."""
        return self.event in ENDS


@dataclass(slots=True)
class Preview:
    """The event in the making: its future id and type, and the text that has gone out so far."""

    id: str
    type: str
    deltas: list[str] = field(default_factory=list)

    def start(self) -> Entry:
        """The ``event_start`` frame."""
        return Entry(self.id, "event_start", {"type": "event_start", "event": {"id": self.id, "type": self.type}})

    def delta(self, text: str) -> Entry:
        """An ``event_delta`` frame: no id and no time of its own in the payload (contract 14.4)."""
        content = {"type": "content_delta", "index": 0, "content": {"type": "text", "text": text}}
        return Entry(self.id, "event_delta", {"type": "event_delta", "event_id": self.id, "delta": content})


class Listener:
    """One open stream: what is still to be written to it."""

    def __init__(self, keep: Callable[[Entry], bool]) -> None:
        self._keep = keep
        self._queue: asyncio.Queue[Entry] = asyncio.Queue()

    def put(self, frame: Entry) -> None:
        """Queue a frame if this stream is about it."""
        if self._keep(frame):
            self._queue.put_nowait(frame)

    async def next(self) -> Entry:
        """The next frame; waits for it."""
        return await self._queue.get()

    def ready(self) -> Entry | None:
        """The next frame if it is there already."""
        return None if self._queue.empty() else self._queue.get_nowait()


class Journal:
    """The events of one session. ``events`` is the stored list itself: what is added here is what will be saved."""

    def __init__(self, events: list[dict[str, Json]], name: Callable[[], str], stamp: Callable[[], str]) -> None:
        self.events = events
        self.preview: Preview | None = None
        self._name = name
        self._stamp = stamp
        self._at = {str(event["id"]): index for index, event in enumerate(events)}
        self._listeners: weakref.WeakSet[Listener] = weakref.WeakSet()

    def add(self, type_: str, id_: str = "", /, **fields: Json) -> dict[str, Json]:
        """Append an event that stays; returns it."""
        event = {"id": id_ or self._name(), "type": type_, **fields, "processed_at": self._stamp()}
        self._at[event["id"]] = len(self.events)
        self.events.append(event)
        self._tell(Entry(event["id"], type_, event))
        return event

    def begin(self, type_: str) -> None:
        """Announce an event in the making."""
        self.preview = Preview(self._name(), type_)
        self._tell(self.preview.start())

    def say(self, text: str) -> None:
        """More text of the event in the making."""
        if self.preview is not None:
            self.preview.deltas.append(text)
            self._tell(self.preview.delta(text))

    def finish(self, **fields: Json) -> dict[str, Json] | None:
        """Replace the preview by its event."""
        if self.preview is None:
            return None
        preview, self.preview = self.preview, None
        return self.add(preview.type, preview.id, **fields)

    def abandon(self) -> None:
        """Drop the preview: its event never comes. Its id stays good as a cursor, for whoever saw it."""
        if self.preview is not None:
            self._at[self.preview.id] = len(self.events) - 1
            self.preview = None

    def listen(
        self, cursor: str, deltas: Collection[str], keep: Callable[[Mapping[str, Json]], bool] = lambda _: True
    ) -> Listener:
        """Start a stream: the live tail without a cursor, else everything after it (contract 14.3, 14.5).

        Raises ``RefusedError`` 409 for a cursor that is not of this session.
        """
        previewed = _PreviewFilter(deltas, keep)
        listener = Listener(previewed)
        preview = self.preview
        in_progress = preview is not None and cursor == preview.id
        if cursor and not in_progress:
            if cursor not in self._at:
                raise conflict("The Last-Event-ID is not an event of this session.", "Last-Event-ID")
            for event in self.events[self._at[cursor] + 1 :]:
                listener.put(Entry(event["id"], event["type"], event))
            if preview is not None:
                listener.put(preview.start())
                for text in preview.deltas:
                    listener.put(preview.delta(text))
        if preview is not None:
            previewed.current = preview.type
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget a stream."""
        self._listeners.discard(listener)

    def close(self) -> None:
        """The session is no more: streams end with ``session.deleted``, which nobody can list."""
        ident = self._name()
        self._tell(Entry(ident, "session.deleted", {"id": ident, "type": "session.deleted", "processed_at": self._stamp()}))

    def _tell(self, frame: Entry) -> None:
        for listener in list(self._listeners):
            listener.put(frame)


class _PreviewFilter:
    """Lets the buffered events through that ``keep`` wants, and previews of the types that were asked for."""

    def __init__(self, deltas: Collection[str], keep: Callable[[Mapping[str, Json]], bool]) -> None:
        self.current = ""
        self._deltas = deltas
        self._keep = keep

    def __call__(self, frame: Entry) -> bool:
        if frame.event == "event_start":
            self.current = frame.data["event"]["type"]
        if frame.event in ("event_start", "event_delta"):
            return self.current in self._deltas
        return self._keep(frame.data)


def newest(events: Sequence[Mapping[str, Json]], type_: str) -> Mapping[str, Json] | None:
    """The last event of a type."""
    return next((event for event in reversed(events) if event["type"] == type_), None)
