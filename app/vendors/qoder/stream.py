"""The resumable event stream of one session (contract 14).

``Tail.events`` yields the raw events in the session's order: each finished one once however often the connection breaks, previews
as they come. Two cursors are kept, because a delta's SSE id is the id its finished event will have: resuming from it would skip
the replay of the preview. A reconnect therefore resumes from the last *finished* event.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

from app.clock import Clock
from app.errors import Conflict, NotFound, OutcomeUnknown, Protocol, RateLimited, Refused, Unavailable, VendorError
from app.models import Json, Link, LinkState
from app.protocols import tell_link
from app.vendors.http import Http, Stream
from app.vendors.qoder.content import mapping, text
from app.vendors.qoder.decode import FINAL, PREVIEWS, Raw
from app.vendors.qoder.refusals import mid_stream
from app.vendors.replies import read_json
from app.vendors.sse import Frame

DELTAS = ("agent.message", "agent.thinking")
SILENCE = 60.0
"""Seconds without a byte, heartbeats included, after which a connection counts as dead."""
FIRST_WAIT, LONGEST_WAIT, HEALTHY = 0.5, 10.0, 5.0
"""Seconds: reconnect waits begin with the first, double up to the second, and begin anew after a connection lived the third."""
QUIET, LONGEST_QUIET = 15.0, 120.0
"""Seconds without an event, on a line that lives, after which the list is read; longer each time that it has nothing."""
LOOK = 20.0
"""Seconds that reading the list may take then: on a dead line it must not hide that the stream is dead too."""
REMEMBERED = 10_000
ODD_LIMIT = 3
"""Connections in a row that broke on something that is not this API, without one event in between."""

Lister = Callable[[str], AsyncIterator[Raw]]
"""All finished events after an id ("" is from the beginning), oldest first."""


class Seen:
    """The ids of the last finished events; bounded."""

    def __init__(self, size: int = REMEMBERED) -> None:
        self._size = size
        self._ids: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, name: str) -> bool:
        return name in self._ids

    def add(self, name: str) -> bool:
        """Note an id; False if it was there."""
        if name in self._ids:
            self._ids.move_to_end(name)
            return False
        self._ids[name] = None
        if len(self._ids) > self._size:
            self._ids.popitem(last=False)
        return True


class Tail:
    """One session's events from a cursor on, for as long as somebody listens."""

    def __init__(
        self,
        http: Http,
        path: str,
        listed: Lister,
        *,
        clock: Clock,
        after: str = "",
        patience: float | None = None,
        deltas: tuple[str, ...] = DELTAS,
    ) -> None:
        """``path`` of the stream; ``after``: the cursor, "" is from now on; ``patience``: seconds without a sign of life."""
        self._deltas = deltas
        self._http, self._path, self._listed, self._clock, self._patience = http, path, listed, clock, patience
        self.last_any = after
        self.last_buffered = after
        self.rebuilt = False
        """Whether the cursor was refused and not found again: what comes may be older than the cursor was."""
        self.from_nothing = False
        """The session had no event when this began: whatever is listed once the stream is open belongs to it."""
        self.listing = False
        """Whether the events that come now were listed after a refused cursor."""
        self._seen = Seen()
        self._cursor_refused = False
        self._sure = after
        """Up to here the list has confirmed what was delivered."""
        self._since_sure = 0
        self._gap_filled = False
        """Whether the list was read since the last event came; if so, a reconnect reads it once there is a new frame."""
        self._previews: dict[str, str] = {}
        self._begun: set[str] = set()
        self._alive = clock.monotonic()
        self._odd = 0

    def note(self, name: str) -> None:
        """Count a listed event as delivered and go on after it."""
        if name:
            self._seen.add(name)
            self.last_any = self.last_buffered = self._sure = name

    async def events(self) -> AsyncGenerator[Raw, None]:
        """Yield until the session is terminated or deleted. Raises what cannot be mended by connecting again."""
        wait, attempt = FIRST_WAIT, 0
        self._alive = self._clock.monotonic()
        while True:
            began, reason = self._clock.monotonic(), "the connection ended"
            try:
                async with aclosing(self._connection(resumed=attempt > 0 or self.from_nothing)) as received:
                    async for raw in received:
                        attempt = 0 if text(raw.get("type")) not in PREVIEWS else attempt
                        yield raw
                        if text(raw.get("type")) in FINAL:
                            return
            except VendorError as error:
                reason = self._mendable(error)
                if not reason:
                    continue
            if self._clock.monotonic() - began >= HEALTHY:
                wait, attempt, self._alive = FIRST_WAIT, 0, self._clock.monotonic()
            attempt += 1
            await self._pause(wait, attempt, reason)
            wait = min(wait * 2, LONGEST_WAIT)

    def _mendable(self, error: VendorError) -> str:
        """Why to connect again; "" to do so at once without the cursor; raises if there is no use."""
        cursor = self.last_buffered and not self._cursor_refused
        if isinstance(error, (NotFound, Conflict, Refused)) and error.status in (400, 404, 409) and cursor:
            self._cursor_refused = True
            return ""
        if isinstance(error, Protocol):
            self._odd += 1
            if self._odd < ODD_LIMIT:
                return str(error)
        elif isinstance(error, (Unavailable, RateLimited, OutcomeUnknown)):
            return str(error)
        raise error

    async def _pause(self, wait: float, attempt: int, reason: str) -> None:
        silent = self._clock.monotonic() - self._alive
        if self._patience is not None and silent >= self._patience:
            raise OutcomeUnknown(
                f"The event stream could not be had for {silent / 60:.0f} minutes ({reason}); the turn goes on at the server."
            )
        # Longer, never shorter: a server that drops every connection is asked ten times in the first minute.
        seconds = min(LONGEST_WAIT, self._clock.uniform(wait, wait * 1.25))
        tell_link.get()(Link(LinkState.RECONNECTING, seconds=seconds, attempt=attempt, reason=reason))
        await self._clock.sleep(seconds)

    async def _connection(self, *, resumed: bool) -> AsyncGenerator[Raw, None]:
        """One connection. After a reconnect, what is listed fills the gap before the first new frame is believed."""
        cursor = "" if self._cursor_refused else self.last_buffered
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": cursor} if cursor else {})}
        self._begun.clear()
        query = {"event_deltas[]": self._deltas} if self._deltas else {}
        async with self._http.stream("GET", self._path, params=query, headers=headers, idle=SILENCE) as stream:
            if not stream.is_events:
                raise Protocol("The event stream answered with something else than events.", status=stream.status)
            if self._cursor_refused:
                self.listing = True
                for raw in await self._rebuild():
                    yield raw
                self.listing = False
            async with aclosing(self._heard(stream, resumed=resumed)) as heard:
                async for raw in heard:
                    yield raw

    async def _heard(self, stream: Stream, *, resumed: bool) -> AsyncGenerator[Raw, None]:
        """The events of an open stream. Where none come although the line lives, the list is asked whether some were lost."""
        gap, quiet = resumed, QUIET
        if gap and not self._gap_filled:
            gap = False
            for raw in await self._missed():
                yield raw
        time = asyncio.get_running_loop().time
        while True:
            until = time() + quiet
            stream.linger(quiet)
            async for frame in stream.frames():
                self._alive = self._clock.monotonic()
                if gap:
                    gap = False
                    for raw in await self._missed():
                        yield raw
                for raw in self._received(frame):
                    yield raw
                quiet = QUIET
                until = time() + quiet
                stream.linger(quiet)
            if time() < until:
                return
            missed = await self._missed()
            quiet = QUIET if missed else min(quiet * 2, LONGEST_QUIET)
            for raw in missed:
                yield raw

    async def _rebuild(self) -> list[Raw]:
        """The cursor was refused: everything listed after the last event that was delivered, else everything (contract 17.24)."""
        listed = [raw async for raw in self._listed("")]
        known = max((at for at, raw in enumerate(listed) if self._is_known(text(raw.get("id")))), default=-1)
        self.rebuilt = self.rebuilt or known < 0
        fresh = self._unseen(listed[known + 1 :])
        self._cursor_refused = False
        self.last_buffered = self._sure = text(listed[-1].get("id")) if listed else ""
        if fresh:
            tell_link.get()(Link(LinkState.CATCHING_UP, count=len(fresh)))
        return fresh

    def _is_known(self, name: str) -> bool:
        return name in self._seen or bool(name and name == self.last_buffered)

    async def _missed(self) -> list[Raw]:
        """What is listed and was not delivered: a server may skip events, most likely when it resumes.

        A list that cannot be read (in time) is no reason to stop: by the contract the resumed stream is complete.
        """
        try:
            async with asyncio.timeout(LOOK):
                listed = [raw async for raw in self._listed(self._sure)]
        except (VendorError, TimeoutError):
            return []
        self._gap_filled = True
        fresh = self._unseen(listed)
        if fresh:
            tell_link.get()(Link(LinkState.CATCHING_UP, count=len(fresh)))
        return fresh

    def _unseen(self, listed: list[Raw]) -> list[Raw]:
        fresh = []
        for raw in listed:
            name = text(raw.get("id"))
            if not name or self._seen.add(name):
                fresh.append(raw)
                self._delivered(name)
        last = text(listed[-1].get("id")) if listed else ""
        if last:
            self._sure, self._since_sure = last, 0
            if fresh and fresh[-1] is listed[-1]:
                self.last_any = self.last_buffered = last
        return fresh

    def _delivered(self, name: str) -> None:
        self._previews.pop(name, None)
        self._odd = 0
        self._gap_filled = False
        self._since_sure += 1
        if self._since_sure > REMEMBERED // 2:
            self._sure, self._since_sure = self.last_buffered, 0

    def _received(self, frame: Frame) -> list[Raw]:
        """What a frame means: usually one event; none for a heartbeat, a repetition, a late delta."""
        raw = parse(frame)
        if raw is None:
            tell_link.get()(Link(LinkState.BEAT))
            return []
        name = text(raw.get("type"))
        if name == "error":
            raise mid_stream(raw)
        self.last_any = frame.id or self.last_any
        if name in PREVIEWS:
            return self._previewed(raw, name)
        own = text(raw.get("id"))
        fresh = not own or self._seen.add(own)
        if frame.id:
            self.last_buffered = frame.id
        if not fresh:
            return []
        self._delivered(own)
        if name == "session.status_idle":
            self._previews.clear()
        return [raw]

    def _previewed(self, raw: Raw, name: str) -> list[Raw]:
        """A preview frame; deltas that go on in a new connection without their start get one, so that nothing is joined twice."""
        event = mapping(raw.get("event"))
        own = text(raw.get("event_id")) or text(event.get("id"))
        if own in self._seen:
            return []
        if name == "event_start":
            self._previews[own] = text(event.get("type"))
            self._begun.add(own)
            return [raw]
        restart = own in self._previews and own not in self._begun
        kind = self._previews.setdefault(own, DELTAS[0])
        self._begun.add(own)
        return [{"type": "event_start", "event": {"id": own, "type": kind}}, raw] if restart else [raw]


def parse(frame: Frame) -> Raw | None:
    """A frame's event, its missing ``id`` and ``type`` filled in from the SSE lines; None for one that says nothing."""
    if frame.event in ("heartbeat", "ping") or not frame.data.strip() or frame.data.strip() == "[DONE]":
        return None
    try:
        value: Json = read_json(frame.data)
    except ValueError as error:
        raise Protocol("The event stream sent a frame that is not JSON.") from error
    if not isinstance(value, dict):
        raise Protocol("The event stream sent a frame that is not an object.")
    name = text(value.get("type")) or (frame.event if frame.event != "message" else "")
    raw: dict[str, Json] = {**value, "type": name}
    if name in PREVIEWS:
        if not (text(raw.get("event_id")) or text(mapping(raw.get("event")).get("id"))) and frame.id:
            raw["event_id"] = frame.id
    elif not text(raw.get("id")) and frame.id and name != "error":
        raw["id"] = frame.id
    return raw
