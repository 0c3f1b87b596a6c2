"""One pass over a session's events: raw ones in, ours out, up to the end of a turn where there is one to wait for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from dataclasses import replace

from app.clock import Clock
from app.errors import OutcomeUnknown, VendorError
from app.models import Event, Prompted, Status, StatusChanged, Stop, TurnEnded
from app.vendors.qoder.calls import Calls, path
from app.vendors.qoder.content import text
from app.vendors.qoder.decode import Decoder, Raw
from app.vendors.qoder.stream import Tail
from app.vendors.qoder.turn import Gate

PATIENCE = 600.0
"""Seconds a turn's stream may give no sign of life, over all reconnects, before the outcome is called unknown."""


class Course:
    """The events of one session, decoded in order with what the decoder has to look up."""

    def __init__(self, calls: Calls, session_id: str, *, clock: Clock, open_turn: bool = True) -> None:
        self._calls, self._clock = calls, clock
        self._session_id = session_id
        self.decoder = Decoder(open_turn=open_turn)
        self._asked_threads = False

    def tail(self, after: str = "", *, patience: float | None = PATIENCE) -> Tail:
        """The live stream from ``after`` on."""
        where = path("sessions", self._session_id, "events", "stream")

        def listed(cursor: str) -> AsyncGenerator[Raw, None]:
            return self._calls.listed(self._session_id, cursor)

        return Tail(self._calls.http, where, listed, clock=self._clock, after=after, patience=patience)

    async def decoded(self, raw: Raw) -> list[Event]:
        """What ``raw`` means; the main thread and calls that were not seen are looked up first."""
        if self.decoder.lost(raw) and not self._asked_threads:
            self._asked_threads = True
            self.decoder.primary = await self._calls.main_thread(self._session_id)
        missing = self.decoder.missing(raw)
        if missing:
            for call in await self._calls.tool_calls(self._session_id, frozenset(missing)):
                self.decoder.remember(call)
        return self.decoder.feed(raw)

    async def plain(self, source: AsyncGenerator[Raw, None]) -> AsyncGenerator[Event, None]:
        """All of ``source``, decoded."""
        async with aclosing(source) as raws:
            async for raw in raws:
                for event in await self.decoded(raw):
                    yield event

    async def live(self, tail: Tail, gate: Gate, key: str = "") -> AsyncGenerator[Event, None]:
        """The live events of the gate's turn to its end. Whatever fails here fails after the server took the prompt."""
        try:
            async with aclosing(tail.events()) as raws:
                async for raw in raws:
                    if tail.rebuilt and gate.older(raw, live=not tail.listing):
                        continue
                    async with aclosing(self.belonging(raw, gate, key)) as events:
                        async for event in events:
                            yield event
                            if isinstance(event, TurnEnded):
                                return
        except VendorError as error:
            error.sent = True
            raise
        unknown = OutcomeUnknown("The event stream ended before the turn did; the session's history has the rest.")
        unknown.sent = True
        raise unknown

    async def belonging(self, raw: Raw, gate: Gate, key: str = "") -> AsyncGenerator[Event, None]:
        """What ``raw`` is to the gate's turn: its events, its end, or another prompt that cut it off."""
        if gate.foreign(raw):
            yield TurnEnded(stop=Stop.INTERRUPTED)
            return
        if gate.suspect(raw) and await self._stale(raw, gate):
            yield StatusChanged(status=Status.RUNNING)
            return
        gate.note(raw)
        for event in await self.decoded(raw):
            if isinstance(event, Prompted) and key:
                event = replace(event, key=key)
            yield event

    async def _stale(self, idle: Raw, gate: Gate) -> bool:
        """Whether an idle is older than the prompt: the list, which is in order, has the prompt after it."""
        if not gate.prompt_id:
            return True
        try:
            after = await self._calls.find(
                self._session_id, lambda raw: text(raw.get("id")) == gate.prompt_id, text(idle.get("id"))
            )
        except VendorError:
            return False
        return after is not None


async def gathered(source: AsyncIterable[Raw]) -> list[Raw]:
    """All of a list that is read to its end."""
    return [raw async for raw in source]
