"""What the commands of custom tools gave: kept before it is sent, so that no command ever runs a second time."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from app.text import storable

T = TypeVar("T")


class _Do(Protocol):
    def __call__(self, job: Callable[[sqlite3.Connection], T], /) -> Awaitable[T]: ...


@dataclass(frozen=True, slots=True)
class ToolResult:
    """One run. Without ``done`` it was begun and what it gave is not known: the program ended meanwhile."""

    event: str
    done: bool
    output: str
    failed: bool


class Results:
    """The runs of all conversations; a part of the store."""

    def __init__(self, do: _Do, now: Callable[[], float]) -> None:
        self._do = do
        self._now = now

    async def begin(self, pk: int, event: str) -> bool:
        """Write down that the command for this call begins; False if it began before, here or in another program."""
        sql, values = "INSERT OR IGNORE INTO tool_results (conversation, event, at) VALUES (?, ?, ?)", (pk, storable(event))
        now = self._now()
        return await self._do(lambda connection: connection.execute(sql, (*values, now)).rowcount) == 1

    async def keep(self, pk: int, event: str, output: str, *, failed: bool) -> None:
        """Keep what it gave."""
        sql = "UPDATE tool_results SET done = 1, output = ?, failed = ?, at = ? WHERE conversation = ? AND event = ?"
        values = (storable(output), int(failed), self._now(), pk, storable(event))
        await self._do(lambda connection: connection.execute(sql, values).rowcount)

    async def forget(self, pk: int, event: str) -> None:
        """It did not begin after all."""
        sql, values = "DELETE FROM tool_results WHERE conversation = ? AND event = ?", (pk, storable(event))
        await self._do(lambda connection: connection.execute(sql, values).rowcount)

    async def find(self, pk: int, event: str) -> ToolResult | None:
        """The run for a call; None if there was none."""
        sql = "SELECT done, output, failed FROM tool_results WHERE conversation = ? AND event = ?"
        row = await self._do(lambda connection: connection.execute(sql, (pk, storable(event))).fetchone())
        return None if row is None else ToolResult(event, bool(row[0]), str(row[1]), bool(row[2]))
