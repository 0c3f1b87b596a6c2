"""The calls of the API, one round trip each: paths, keys, what is looked at before a write is repeated."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from app.errors import Conflict, NotFound, Refused, VendorError
from app.models import Json
from app.vendors.http import Http, segment
from app.vendors.qoder.bodies import encode
from app.vendors.qoder.content import mapping, text
from app.vendors.qoder.decode import Raw
from app.vendors.qoder.pages import MOST, Query, items, walk
from app.vendors.qoder.refusals import explained
from app.vendors.replies import Reply

Look = Callable[[], Awaitable[Raw | None]]
"""Looks whether a write has arrived; the record of it, or None."""

CREATE_PATIENCE = 120.0
"""Seconds: a new session talks to its MCP servers before it answers (contract 9.2)."""
FIRST_BYTE = 30.0
LOOK_BACK = 1_000
"""How many events are searched for a call that a request points back to."""


def path(*segments: str) -> str:
    """A path below the base; every segment is escaped, and one that would climb is refused."""
    return "/" + "/".join(map(segment, segments))


class Calls:
    """The HTTP of one account, with this vendor's manners."""

    def __init__(self, http: Http, *, read_only: bool = False) -> None:
        self.http = http
        self.read_only = read_only

    def refuse_writes(self) -> None:
        """Raise ``Refused`` if the profile was told to change nothing."""
        if self.read_only:
            raise Refused("This profile is read-only (read_only = true in config.toml); nothing was sent.", sent=False)

    async def get(self, where: str, query: Query | None = None) -> Json:
        """Read one thing."""
        reply = await self.http.call("GET", where, params=query, headers={"Accept": "application/json"})
        return reply.data

    async def write(
        self,
        method: str,
        where: str,
        body: Json = None,
        *,
        key: str = "",
        look: Look | None = None,
        first_byte: float = FIRST_BYTE,
        again: bool = True,
    ) -> Json:
        """Write once under one key. ``body``: JSON, or its bytes. ``look`` is asked before an uncertain write is repeated.

        ``again=False``: one attempt only.
        """
        self.refuse_writes()
        data = body if body is None or isinstance(body, bytes) else encode(body)
        try:
            reply = await self.http.call(
                method,
                where,
                body=data,
                key=key or str(uuid.uuid4()),
                first_byte=first_byte,
                before_repeat=_as_reply(look) if look else None,
                again=again,
                empty=True,
            )
        except Refused as error:
            raise explained(error, len(data or b"")) from error
        return reply.data

    def every(self, where: str, query: Query | None = None, start: str = "") -> AsyncGenerator[Raw, None]:
        """Every item of a list, page after page, from a cursor of ours on."""

        async def fetch(asked: Query) -> Json:
            return await self.get(where, asked)

        return walk(fetch, {"limit": MOST, **(query or {})}, start)

    async def listed(self, session_id: str, after: str = "") -> AsyncGenerator[Raw, None]:
        """A session's finished events after an id, oldest first; a server that refuses the id is read from the start."""
        where, order = path("sessions", session_id, "events"), {"order": "asc"}
        if after:
            began = False
            try:
                async for raw in self.every(where, order, f"after_id:{after}"):
                    began = True
                    yield raw
                return
            except (NotFound, Conflict, Refused):
                if began:
                    raise
        everything = [raw async for raw in self.every(where, order)]
        known = max((at for at, raw in enumerate(everything) if text(raw.get("id")) == after), default=-1) if after else -1
        for raw in everything[known + 1 :]:
            yield raw

    async def newest(self, session_id: str) -> str:
        """The id of a session's last event; "" if it has none."""
        page = items(await self.get(path("sessions", session_id, "events"), {"limit": 1, "order": "desc"}))
        return text(page[0].get("id")) if page else ""

    async def find(self, session_id: str, wanted: Callable[[Raw], bool], after: str = "") -> Raw | None:
        """The first listed event after ``after`` that is ``wanted``."""
        async with aclosing(self.listed(session_id, after)) as events:
            async for raw in events:
                if wanted(raw):
                    return raw
        return None

    async def main_thread(self, session_id: str) -> str:
        """The id of the thread without a parent; "" where there are none to be had (contract 11)."""
        try:
            async with aclosing(self.every(path("sessions", session_id, "threads"))) as threads:
                async for raw in threads:
                    if not raw.get("parent_thread_id"):
                        return text(raw.get("id"))
        except VendorError:
            return ""
        return ""

    async def tool_calls(self, session_id: str, wanted: frozenset[str]) -> list[Raw]:
        """The events of these ids, read backwards from the newest; those that cannot be found are left out."""
        found: list[Raw] = []
        left, budget = set(wanted), LOOK_BACK
        try:
            async with aclosing(self.every(path("sessions", session_id, "events"), {"order": "desc"})) as events:
                async for raw in events:
                    budget -= 1
                    if text(raw.get("id")) in left:
                        left.discard(text(raw.get("id")))
                        found.append(raw)
                    if not left or not budget:
                        break
        except VendorError:
            return found
        return found


def receipt(reply: Json) -> Raw:
    """The first accepted event of an event post; without an id if the reply does not say (contract 12.1)."""
    data = mapping(reply).get("data")
    return mapping(data[0] if isinstance(data, list) and data else reply)


def _as_reply(look: Look) -> Callable[[], Awaitable[Reply | None]]:
    """``look``, with the record it finds as the reply that was lost."""

    async def looked() -> Reply | None:
        found = await look()
        return None if found is None else Reply(200, {"data": [dict(found)]})

    return looked
