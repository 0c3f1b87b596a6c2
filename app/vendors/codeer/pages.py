"""Lists by ``limit`` and ``offset``, walked to their end on a server that need not be sane (contract 3 and 16.22)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass

from app.errors import Protocol
from app.models import Json
from app.vendors.codeer.rows import Row, id_of

PAGE = 200
"""Rows asked for at a time; the most is 1000."""


@dataclass(frozen=True, slots=True)
class Rows:
    """One page: its rows, where it begins, how many there are in all if the server said so, how many it would give at most."""

    rows: tuple[Row, ...]
    offset: int
    total: int | None = None
    limit: int = PAGE

    @property
    def next(self) -> int | None:
        """Where the following page begins; None at the end."""
        after = self.offset + len(self.rows)
        if not self.rows or (after >= self.total if self.total is not None else len(self.rows) < self.limit):
            return None
        return after


def page(envelope: Json, offset: int, limit: int) -> Rows:
    """The envelope of a list as a page; ``Protocol`` if the server gave another page than the one asked for."""
    data = envelope.get("data") if isinstance(envelope, Mapping) else envelope
    if isinstance(data, Mapping):
        data = next((data[name] for name in ("messages", "items", "results") if isinstance(data.get(name), list)), [])
    rows = tuple(row for row in data if isinstance(row, Mapping)) if isinstance(data, list) else ()
    told = envelope.get("pagination") if isinstance(envelope, Mapping) else None
    told = told if isinstance(told, Mapping) else {}
    echo = _number(told.get("offset"))
    if echo is not None and echo != offset:
        raise _ignored()
    return Rows(rows, offset, _number(told.get("total_records")), _number(told.get("limit")) or limit)


async def walk(fetch: Callable[[int, int], Awaitable[Rows]], limit: int = PAGE) -> AsyncGenerator[list[Row], None]:
    """Page after page, each row once. ``Protocol`` if the server gives the same rows again and again."""
    offset: int | None = 0
    seen: set[str] = set()
    while offset is not None:
        found = await fetch(offset, limit)
        fresh = [row for row in found.rows if not id_of(row) or id_of(row) not in seen]
        if found.rows and not any(id_of(row) for row in found.rows) and offset:
            raise _ignored()
        if found.rows and not fresh:
            raise _ignored()
        seen.update(id_of(row) for row in fresh)
        if fresh:
            yield fresh
        offset = found.next


def cursor(text: str) -> tuple[int, str]:
    """An ``after`` of ours as the offset and the first id of the page before; anything else is the beginning."""
    offset, _, first = text.partition(":")
    return (int(offset), first) if offset.isascii() and offset.isdigit() and len(offset) < 10 else (0, "")


def following(found: Rows, first_before: str) -> str:
    """The ``after`` of the next page, "" at the end; ``Protocol`` if this page is the one before again."""
    first = id_of(found.rows[0]) if found.rows else ""
    if found.offset and first and first == first_before:
        raise _ignored()
    return "" if found.next is None else f"{found.next}:{first}"


def _ignored() -> Protocol:
    return Protocol("Codeer gave the same page of a list again; the list was read no further.")


def _number(value: Json) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
