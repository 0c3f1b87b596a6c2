"""What a person leaves on conversations, and how they are found again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from threading import Event

from app.store import finds, record
from app.store.access import Access
from app.store.query import Query, parse
from app.store.values import Hit
from app.text import storable


class Marks(Access):
    """Drafts, what was read, pins and tags; and the search."""

    async def save_draft(self, pk: int, text: str) -> None:
        """What stands in the composer of a conversation."""
        await self._set(pk, "draft", storable(text))

    async def save_seen(self, pk: int, wire_id: str) -> None:
        """How far a person has read."""
        await self._set(pk, "seen", storable(wire_id))

    async def pin(self, pk: int, pinned: bool) -> None:
        """Keep it at the top, or not any more."""
        await self._set(pk, "pinned", int(pinned))

    async def _set(self, pk: int, column: str, value: str | int) -> None:
        sql = f"UPDATE conversations SET {column} = ? WHERE pk = ?"  # noqa: S608 - a name of this class
        await self._do(lambda connection: connection.execute(sql, (value, pk)).rowcount)

    async def search(
        self, query: str | Query, *, accounts: Sequence[int], agent: str = "", limit: int = 50, pk: int | None = None
    ) -> list[Hit]:
        """What fits ``query`` (its text is read by ``query.parse``), the latest first. Cancelled, it is broken off at once.

        Raises ``UsageError`` for a filter's value that is none.
        """
        asked = parse(query, self._clock.wall()) if isinstance(query, str) else query
        gone = Event()
        ask = partial(
            finds.find, query=asked, accounts=tuple(accounts), agent=agent, limit=limit, conversation=pk, gone=gone.is_set
        )
        try:
            return await self._read(ask)
        finally:
            gone.set()

    async def prompts(self, accounts: Sequence[int], *, text: str = "", limit: int = 200) -> list[str]:
        """What was asked in all conversations, the latest first, each once; ``text`` is looked for in it."""
        return await self._read(lambda connection: record.prompts(connection, tuple(accounts), text, limit))
