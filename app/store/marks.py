"""What a person leaves on conversations, and how they are found again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from sqlite3 import Connection
from threading import Event

from app.store import comparisons, conversations, finds, record
from app.store.access import Access
from app.store.comparisons import Asked, Comparison
from app.store.query import Query, parse
from app.store.values import Hit, Stored
from app.text import storable

TAG = 40
"""Characters of a tag that are kept."""


class Marks(Access):
    """Drafts, what was read, pins and tags; the list and the search."""

    async def save_draft(self, pk: int, text: str) -> None:
        """What stands in the composer of a conversation."""
        await self._set(pk, "draft", storable(text))

    async def save_seen(self, pk: int, mark: str) -> None:
        """How far a person has read, and that it was just now."""
        sql, values = "UPDATE conversations SET seen = ?, read_at = ? WHERE pk = ?", (storable(mark), self._clock.wall(), pk)
        await self._do(lambda connection: connection.execute(sql, values).rowcount)

    async def pin(self, pk: int, pinned: bool) -> None:
        """Keep it at the top, or not any more."""
        await self._set(pk, "pinned", int(pinned))

    async def save_tags(self, pk: int, tags: Sequence[str]) -> None:
        """Exactly these tags, in small letters, each once."""
        names = {storable(" ".join(tag.split())).casefold()[:TAG] for tag in tags} - {""}

        def job(connection: Connection) -> None:
            connection.execute("DELETE FROM tags WHERE conversation = ?", (pk,))
            connection.executemany("INSERT INTO tags (conversation, name) VALUES (?, ?)", [(pk, name) for name in sorted(names)])

        await self._do(job)

    async def tags(self, accounts: Sequence[int]) -> list[str]:
        """Every tag there is, the most used first."""
        sql = f"""SELECT g.name FROM tags g JOIN conversations c ON c.pk = g.conversation
            WHERE c.account IN ({",".join("?" * len(accounts))}) GROUP BY g.name ORDER BY count(*) DESC, g.name"""  # noqa: S608
        return [str(name) for (name,) in await self._read(lambda connection: connection.execute(sql, tuple(accounts)).fetchall())]

    async def add_comparison(self, prompt: str, left: Asked, right: Asked) -> int:
        """Keep that one prompt went to two agents. Returns its id."""
        now = self._clock.wall()
        return await self._do(lambda connection: comparisons.add(connection, now, prompt, left, right))

    async def choose_winner(self, number: int, winner: str) -> None:
        """``left``, ``right`` or ``equal``."""
        await self._do(lambda connection: comparisons.choose(connection, number, winner))

    async def comparisons(self, one: str, two: str, limit: int = 1_000) -> list[Comparison]:
        """Those of two agents (by name), the latest first."""
        return await self._read(lambda connection: comparisons.between(connection, (one, two), limit))

    async def _set(self, pk: int, column: str, value: str | int) -> None:
        sql = f"UPDATE conversations SET {column} = ? WHERE pk = ?"  # noqa: S608 - a name of this class
        await self._do(lambda connection: connection.execute(sql, (value, pk)).rowcount)

    async def conversations(
        self,
        accounts: Sequence[int],
        *,
        text: str = "",
        agent: str = "",
        limit: int = 50,
        before: tuple[float, int] | None = None,
        archived: bool | None = False,
        pinned: bool | None = None,
        query: Query | None = None,
    ) -> list[Stored]:
        """Newest first. ``before`` is the ``place`` of the last one of the page before; None for ``archived`` is both.

        ``query`` narrows it by its filters on conversations; its words are not looked at.
        """
        values = (tuple(accounts), text, agent, limit, before, archived, pinned, query)
        return await self._read(lambda connection: conversations.listing(connection, *values))

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
