"""The vendor's own routes of sessions, their resources, threads and events, as the wire has them (contract 9 to 14).

What ``Qoder`` needs for a conversation it does itself; this is for whoever manages sessions. Objects go in and out as the server
writes them. All methods raise ``VendorError``; every write has an idempotency key.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from app.clock import Clock
from app.errors import NotFound, Refused
from app.models import Json
from app.vendors.qoder import bodies
from app.vendors.qoder.calls import CREATE_PATIENCE, Calls, path
from app.vendors.qoder.content import listing, mapping, text
from app.vendors.qoder.decode import Raw
from app.vendors.qoder.objects import archived
from app.vendors.qoder.pages import Query
from app.vendors.qoder.stream import Tail

POLL = 2.0
"""Seconds between looks at a thread whose server has no stream for it (contract 13, 17.19)."""
_SAME = {"processing": "running", "cancelling": "canceling", "canceled": "cancelled"}
"""The other dialect's words for a status (contract 9.4)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which sessions to list; what is left empty does not narrow."""

    agent_id: str = ""
    agent_version: int = 0
    deployment_id: str = ""
    memory_store_id: str = ""
    statuses: tuple[str, ...] = ()
    created: Mapping[str, str] | None = None
    """``gt``, ``gte``, ``lt``, ``lte`` → a time, RFC 3339."""
    archived: bool = False
    """With those that were put away."""
    oldest_first: bool = False

    def query(self) -> Query:
        """As the list takes it."""
        given: dict[str, str | int | Sequence[str]] = {"order": "asc" if self.oldest_first else "desc"}
        for name in ("agent_id", "deployment_id", "memory_store_id"):
            if getattr(self, name):
                given[name] = getattr(self, name)
        if self.agent_version:
            given["agent_version"] = self.agent_version
        if self.statuses:
            given["statuses[]"] = self.statuses
        if self.archived:
            given["include_archived"] = "true"
        return {**given, **{f"created_at[{name}]": time for name, time in (self.created or {}).items()}}

    def fits(self, raw: Raw) -> bool:
        """The filters that a gateway may ignore, once more (contract 9.5)."""
        who = raw.get("agent")
        snapshot = mapping(who)
        own = text(snapshot.get("id")) or (who if isinstance(who, str) else "") or text(raw.get("agent_id"))
        version = text(snapshot.get("version") or raw.get("agent_version"))
        return (
            (not self.agent_id or own == self.agent_id)
            and (not self.agent_version or not version or version == str(self.agent_version))
            and (not self.statuses or _word(text(raw.get("status"))) in {_word(name) for name in self.statuses})
            and (self.archived or not archived(raw))
        )


def _word(status: str) -> str:
    return _SAME.get(status.lower(), status.lower())


class Sessions:
    """Every route of sessions. An id is the server's; a path with one that would climb is refused."""

    def __init__(self, calls: Calls, clock: Clock) -> None:
        self._calls = calls
        self._clock = clock

    # --- the session itself ------------------------------------------------------------------------------------------------

    async def create(self, body: Mapping[str, Json], *, key: str = "") -> Raw:
        """A new session. ``environment_variables`` may be a map: a server that wants the other form of it is told that one."""
        told = dict(body)
        variables = told.get("environment_variables")
        if isinstance(variables, Mapping):
            told["environment_variables"] = bodies.variables(variables)
        try:
            made = await self._calls.write("POST", "/sessions", told, key=key, first_byte=CREATE_PATIENCE)
        except Refused as error:
            if not isinstance(variables, Mapping) or "environment_variables" not in error.fields:
                raise
            whole = {**told, "environment_variables": dict(variables)}
            made = await self._calls.write("POST", "/sessions", whole, first_byte=CREATE_PATIENCE)
        return mapping(made)

    async def listed(self, wanted: Wanted | None = None) -> AsyncGenerator[Raw, None]:
        """Those that fit, page after page."""
        asked = wanted or Wanted()
        async with aclosing(self._calls.every("/sessions", asked.query())) as found:
            async for raw in found:
                if asked.fits(raw):
                    yield raw

    async def get(self, session_id: str) -> Raw:
        """One as it is now."""
        return mapping(await self._calls.get(path("sessions", session_id)))

    async def update(self, session_id: str, changes: Mapping[str, Json]) -> Raw:
        """Change title, metadata (a null value removes a key), budget, or the agent's tools for this session."""
        return mapping(await self._calls.write("POST", path("sessions", session_id), dict(changes)))

    async def cancel(self, session_id: str) -> Raw:
        """Stop a running turn; the reply's word is no proof (contract 9.7), so the session is read again."""
        await self._calls.write("POST", path("sessions", session_id, "cancel"))
        return await self.get(session_id)

    async def archive(self, session_id: str) -> Raw:
        """Make it read-only."""
        return mapping(await self._calls.write("POST", path("sessions", session_id, "archive")))

    async def delete(self, session_id: str) -> Raw:
        """For good."""
        return mapping(await self._calls.write("DELETE", path("sessions", session_id)))

    # --- events ------------------------------------------------------------------------------------------------------------

    async def send(self, session_id: str, events: Sequence[Json], *, key: str = "") -> list[Raw]:
        """Client events, all or none; the receipts in their order."""
        reply = await self._calls.write("POST", path("sessions", session_id, "events"), bodies.events(*events), key=key)
        return [mapping(one) for one in listing(mapping(reply).get("data"))]

    def events(
        self, session_id: str, *, after: str = "", types: Sequence[str] = (), newest_first: bool = False
    ) -> AsyncGenerator[Raw, None]:
        """What is listed, of these types only where any are given (contract 13)."""
        query: dict[str, str | Sequence[str]] = {"order": "desc" if newest_first else "asc"}
        if types:
            query["types[]"] = tuple(types)
        return self._calls.every(path("sessions", session_id, "events"), query, f"after_id:{after}" if after else "")

    def stream(self, session_id: str, after: str = "") -> AsyncGenerator[Raw, None]:
        """Raw events with their previews from ``after`` on ("": from now on), over every cut."""
        where = path("sessions", session_id, "events", "stream")

        def missed(cursor: str) -> AsyncGenerator[Raw, None]:
            return self._calls.listed(session_id, cursor)

        return Tail(self._calls.http, where, missed, clock=self._clock, after=after).events()

    # --- threads -----------------------------------------------------------------------------------------------------------

    def threads(self, session_id: str) -> AsyncGenerator[Raw, None]:
        """The coordinator's first, then its workers'."""
        return self._calls.every(path("sessions", session_id, "threads"))

    async def thread(self, session_id: str, thread_id: str) -> Raw:
        """One thread."""
        return mapping(await self._calls.get(path("sessions", session_id, "threads", thread_id)))

    async def archive_thread(self, session_id: str, thread_id: str) -> Raw:
        """Put a thread away."""
        return mapping(await self._calls.write("POST", path("sessions", session_id, "threads", thread_id, "archive")))

    def thread_events(self, session_id: str, thread_id: str, *, after: str = "") -> AsyncGenerator[Raw, None]:
        """What is listed of one thread; this list takes no filter (contract 11)."""
        where = path("sessions", session_id, "threads", thread_id, "events")
        return self._calls.every(where, start=f"after_id:{after}" if after else "")

    async def thread_stream(self, session_id: str, thread_id: str, after: str = "") -> AsyncGenerator[Raw, None]:
        """One thread's events from ``after`` on; where the server has no such stream its list is read every two seconds."""
        where = path("sessions", session_id, "threads", thread_id, "stream")

        def missed(cursor: str) -> AsyncGenerator[Raw, None]:
            return self.thread_events(session_id, thread_id, after=cursor)

        tail = Tail(self._calls.http, where, missed, clock=self._clock, after=after, deltas=())
        try:
            async with aclosing(tail.events()) as events:
                async for raw in events:
                    yield raw
            return
        except (NotFound, Refused) as error:
            if error.status not in (404, 405):
                raise
        last = after
        while True:
            async with aclosing(missed(last)) as listed:
                async for raw in listed:
                    last = text(raw.get("id")) or last
                    yield raw
            await self._clock.sleep(POLL)

    # --- resources ---------------------------------------------------------------------------------------------------------

    def resources(self, session_id: str) -> AsyncGenerator[Raw, None]:
        """What is mounted into it."""
        return self._calls.every(path("sessions", session_id, "resources"))

    async def resource(self, session_id: str, resource_id: str) -> Raw:
        """One of them."""
        return mapping(await self._calls.get(path("sessions", session_id, "resources", resource_id)))

    async def add_file(self, session_id: str, file_id: str, mount_path: str = "") -> Raw:
        """Mount a file; nothing else can be added to a session that exists (contract 10)."""
        body = {"type": "file", "file_id": file_id, **({"mount_path": mount_path} if mount_path else {})}
        return mapping(await self._calls.write("POST", path("sessions", session_id, "resources"), body))

    async def rotate(self, session_id: str, resource_id: str, secret: Mapping[str, str]) -> Raw:
        """A new ``authorization_token`` or ``password`` for a repository; it is never given back."""
        return mapping(await self._calls.write("POST", path("sessions", session_id, "resources", resource_id), dict(secret)))

    async def remove(self, session_id: str, resource_id: str) -> Raw:
        """Unmount one."""
        where = path("sessions", session_id, "resources", resource_id)
        return mapping(await self._calls.write("DELETE", where))
