"""The words of a search: what is looked for, and the filters before it.

Filters are ``agent: profile: vendor: tool: tag: in: is: has: rated: before: after:``; a value with spaces stands in "quotes".
Everything else are words that all have to be there; "quotes" hold words together, the last word may be a beginning.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace

from app.errors import UsageError

KINDS = {
    "title": ("title",),
    "prompt": ("prompt",),
    "answer": ("text",),
    "message": ("prompt", "text"),
    "tool": ("tool",),
    "file": ("file",),
    "event": ("event",),
}
"""The values of ``in:``, and what the index calls them."""
STATES = ("error", "waiting", "pinned", "archived")
RATINGS = ("up", "down", "none")
FILTERS = ("agent", "profile", "vendor", "tool", "tag", "in", "is", "has", "rated", "before", "after")
HELP = "agent: profile: tool: tag: is:error is:waiting rated:down before: after: has:file"

_PIECE = re.compile(r'(?P<name>[a-z]+):(?P<value>"[^"]*"?|\S*)|(?P<phrase>"[^"]*"?)|(?P<word>\S+)')
_DAY = 86_400
_UNITS = {"d": _DAY, "w": 7 * _DAY, "h": 3600, "m": 60}


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked. ``words`` is the rest without the filters, as it was typed; "" asks for all that the filters leave."""

    words: str = ""
    agent: str = ""
    profile: str = ""
    vendor: str = ""
    tool: str = ""
    tags: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    file: bool = False
    rated: str = ""
    before: float | None = None
    """Wall clock, seconds."""
    after: float | None = None

    @property
    def empty(self) -> bool:
        """Whether it asks for nothing."""
        return self == Query()

    @property
    def filtered(self) -> bool:
        """Whether there is any filter."""
        return replace(self, words="") != Query()

    @property
    def of_turns(self) -> bool:
        """Whether a filter asks something that only a turn has."""
        return bool(self.tool or self.file or self.rated or {"error", "waiting"} & set(self.states))


def parse(text: str, now: float) -> Query:
    """Read what was typed; a filter without a value is not finished and left out. Raises ``UsageError``."""
    found: dict[str, list[str]] = {name: [] for name in FILTERS}
    words: list[str] = []
    for match in _PIECE.finditer(text):
        name = match["name"]
        if name in found:
            value = match["value"].strip('"')
            if value:
                found[name].append(value)
        else:
            words.append(match[0])
    kept = " ".join(words)
    if kept and text.endswith(" "):
        kept += " "
    last = {name: values[-1] if values else "" for name, values in found.items()}
    kinds = tuple(kind for value in found["in"] for kind in KINDS[_one_of("in", value, tuple(KINDS))])
    return Query(
        kept,
        last["agent"],
        last["profile"],
        last["vendor"],
        last["tool"],
        tuple(found["tag"]),
        kinds,
        tuple(_one_of("is", value, STATES) for value in found["is"]),
        bool(last["has"] and _one_of("has", last["has"], ("file",))),
        _one_of("rated", last["rated"], RATINGS) if last["rated"] else "",
        _moment("before", last["before"], now) if last["before"] else None,
        _moment("after", last["after"], now) if last["after"] else None,
    )


def _one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value.lower() in known:
        return value.lower()
    raise UsageError(f"{name}:{value[:40]} is not known. There is {', '.join(f'{name}:{one}' for one in known)}.")


def _moment(name: str, value: str, now: float) -> float:
    """The beginning of a day, month or year in local time, or so long ago. The day itself is after, not before."""
    today = time.localtime(now)
    if value in ("today", "yesterday"):
        return _midnight(today.tm_year, today.tm_mon, today.tm_mday - (value == "yesterday"))
    if match := re.fullmatch(r"(\d{1,5})([mhdw])", value):
        return now - int(match[1]) * _UNITS[match[2]]
    if match := re.fullmatch(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", value):
        year, month, day = int(match[1]), int(match[2] or 1), int(match[3] or 1)
        if year >= 1970 and 1 <= month <= 12 and 1 <= day <= 31:
            return _midnight(year, month, day)
    raise UsageError(f"{name}:{value[:40]} is no date. Say {name}:2026-11-25, {name}:2026-11, {name}:yesterday or {name}:7d.")


def _midnight(year: int, month: int, day: int) -> float:
    return time.mktime((year, month, day, 0, 0, 0, 0, 0, -1))
