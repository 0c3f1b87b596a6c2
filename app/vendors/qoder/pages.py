"""Walking the lists: one algorithm for both paging styles (contract 5)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

from app.errors import Protocol
from app.models import Json
from app.vendors.qoder.content import listing, text

Query = Mapping[str, str | int | Sequence[str]]
Fetch = Callable[[Query], Awaitable[Json]]

MOST = 100
"""The largest ``limit`` (contract 2)."""
PAGE_CAP = 5_000


def items(reply: Json) -> list[Mapping[str, Json]]:
    """The objects of a page; ``Protocol`` if it is not one."""
    if not isinstance(reply, Mapping) or not isinstance(reply.get("data"), list):
        raise Protocol("The server's list has no `data`; this is not the API that was expected.")
    return [item for item in reply["data"] if isinstance(item, Mapping)]


def following(reply: Json) -> str:
    """The cursor of the next page as ``page:…`` or ``after_id:…``; "" at the end (contract 5.3)."""
    if not isinstance(reply, Mapping) or reply.get("has_more") is False:
        return ""
    page = reply.get("next_page")
    if isinstance(page, str) and page:
        return f"page:{page}"
    data = listing(reply.get("data"))
    if reply.get("has_more") is not True or not data:
        return ""
    last = reply.get("last_id") or (data[-1].get("id") if isinstance(data[-1], Mapping) else "")
    return f"after_id:{text(last)}" if last else ""


def asking(cursor: str) -> dict[str, str]:
    """The query of a cursor; the two styles are never sent together."""
    name, mark, value = cursor.partition(":")
    if not cursor:
        return {}
    if not mark or name not in ("page", "after_id"):
        raise Protocol("This is not a cursor of the session list.")
    return {name: value}


async def walk(fetch: Fetch, query: Query, start: str = "") -> AsyncGenerator[Mapping[str, Json], None]:
    """Every item of a list from ``start`` on. A cursor that comes again ends it with ``Protocol``: the list would never end."""
    cursor = start
    seen: set[str] = set()
    for _ in range(PAGE_CAP):
        reply = await fetch({**query, **asking(cursor)})
        for item in items(reply):
            yield item
        seen.add(cursor)
        cursor = following(reply)
        if not cursor:
            return
        if cursor in seen:
            raise Protocol("The server's list repeats itself; what was read of it is not complete.")
    raise Protocol(f"The server's list is longer than {PAGE_CAP} pages.")
