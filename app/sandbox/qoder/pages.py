"""Lists in pages: ``limit``, ``page``, ``after_id``, ``before_id`` and the envelope around them (contract 5)."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence

from app.models import Json
from app.sandbox.qoder.wire import Call, invalid

DEFAULT_LIMIT = 20
MAX_LIMIT = 100

_BOUNDS: Mapping[str, Callable[[float, float], bool]] = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}


def identity(item: Mapping[str, Json]) -> str:
    """The cursor of an item: its id."""
    return str(item["id"])


def page(
    call: Call,
    items: Sequence[Mapping[str, Json]],
    *,
    dialect: str,
    keep: Callable[[Mapping[str, Json]], bool] = lambda _: True,
    cursor: Callable[[Mapping[str, Json]], str] = identity,
) -> dict[str, Json]:
    """One page of ``items``, which are in list order; cursors may name items that ``keep`` hides.

    The China dialect leaves ``next_page`` out (contract 5.2). Raises ``RefusedError`` 400 for a bad limit, two cursors or an
    unknown one.
    """
    limit = limit_of(call)
    name, value = _cursor(call)
    start, stop = 0, len(items)
    if name:
        at = next((index for index, item in enumerate(items) if cursor(item) == value), -1)
        if at < 0:
            raise invalid(f"'{name}' does not name an item of this list", name)
        start, stop = (0, at) if name == "before_id" else (at + 1, stop)
    kept = [item for item in items[start:stop] if keep(item)]
    chosen = kept[-limit:] if name == "before_id" else kept[:limit]
    more = len(kept) > len(chosen)
    first, last = (cursor(chosen[0]), cursor(chosen[-1])) if chosen else (None, None)
    told: dict[str, Json] = {"data": chosen, "first_id": first, "last_id": last, "has_more": more}
    if dialect != "cn":
        told["next_page"] = last if more and name != "before_id" else None
    return told


def limit_of(call: Call) -> int:
    """``limit``: 1 to 100, 20 without one."""
    text = call.query.get("limit")
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= MAX_LIMIT:
        raise invalid(f"limit must be between 1 and {MAX_LIMIT}", "limit")
    return int(text)


def _cursor(call: Call) -> tuple[str, str]:
    given = [(name, call.query[name]) for name in ("page", "after_id", "before_id") if call.query.get(name)]
    if len(given) > 1:
        raise invalid(f"'{given[0][0]}' and '{given[1][0]}' exclude each other", given[1][0])
    return given[0] if given else ("", "")


def many(call: Call, name: str) -> list[str]:
    """An array of the query: ``name[]`` repeated, ``name`` repeated, or a comma list (contract 1.4)."""
    values = [*call.query.getlist(f"{name}[]"), *call.query.getlist(name)]
    return [part for value in values for part in value.split(",") if part]


def flag(call: Call, name: str) -> bool:
    """A boolean of the query, false without one."""
    value = call.query.get(name, "false")
    if value not in ("true", "false"):
        raise invalid(f"'{name}' must be true or false", name)
    return value == "true"


def descending(call: Call, *, default: str) -> bool:
    """Whether ``order`` asks for the newest first."""
    value = call.query.get("order", default)
    if value not in ("asc", "desc"):
        raise invalid("order must be 'asc' or 'desc'", "order")
    return value == "desc"


def within(call: Call, field: str = "created_at") -> Callable[[str | None], bool]:
    """A test of time stamps against ``field[gt|gte|lt|lte]``; without a bound everything passes."""
    tests = [
        (check, instant(call.query[f"{field}[{name}]"], f"{field}[{name}]"))
        for name, check in _BOUNDS.items()
        if f"{field}[{name}]" in call.query
    ]

    def passes(stamp: str | None) -> bool:
        return not tests or (stamp is not None and all(check(instant(stamp, field), bound) for check, bound in tests))

    return passes


def instant(text: str, param: str) -> float:
    """An RFC 3339 time in seconds; raises ``RefusedError`` 400."""
    try:
        moment = datetime.datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise invalid(f"'{param}' must be an RFC 3339 time", param) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()
