"""Where the inspector's events come from: a conversation that is open, or a file that was exported and is played again."""

from __future__ import annotations

import asyncio
import calendar
import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from textual.content import Content

from app.errors import UsageError
from app.models import Json, Wire
from app.store import StoredEvent
from app.text import safe_line
from app.transcript import Change, Turn
from app.turns import Talk
from app.ui import words
from app.ui.desk import Desk

BIGGEST = 256 * 1024 * 1024
"""Bytes of a file that is read at most."""
_TIMES = ("processed_at", "created_at", "timestamp", "received_at")
_RFC = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?")
STEP = 0.05
"""Seconds between two events of a recording that has no times."""


class Source(Protocol):
    """Events in the order they came, later ones on request."""

    talk: Talk | None
    """The open conversation, where it is one."""

    def title(self) -> Content:
        """What it is."""
        ...

    def state(self) -> Content:
        """How it is now."""
        ...

    def turns(self) -> Sequence[Turn]:
        """The transcript, where there is one."""
        ...

    async def read(self, after: int) -> list[StoredEvent]:
        """Those after that ``seq`` which are there by now."""
        ...

    def listen(self, heard: Callable[[], None]) -> Callable[[], None]:
        """Have ``heard`` called when there may be more; returns how to end it."""
        ...


class Live:
    """A conversation that is open."""

    def __init__(self, desk: Desk, talk: Talk) -> None:
        self._desk = desk
        self.talk: Talk | None = talk
        self._of = talk

    def title(self) -> Content:
        """The conversation's."""
        return words.title_content(self._of)[0]

    def state(self) -> Content:
        """Its chip and its figures."""
        usage = self._of.turn.usage if self._of.turn is not None else None
        figures = ""
        if usage and usage.input_tokens is not None and usage.output_tokens is not None:
            figures = f"in {usage.input_tokens:,} out {usage.output_tokens:,} tokens"
        if usage and usage.credits:
            figures = f"{safe_line(usage.credits, 20)} credits"
        return Content.styled(figures + "   ", "$text-muted") + words.chip_content(self._of, self._desk.clock.monotonic())

    def turns(self) -> Sequence[Turn]:
        """Its transcript."""
        return self._of.transcript.turns

    async def read(self, after: int) -> list[StoredEvent]:
        """From the store."""
        return await self._desk.store.events(self._of.pk, after_seq=after)

    def listen(self, heard: Callable[[], None]) -> Callable[[], None]:
        """Everything but single deltas."""

        def told(talk: Talk, change: Change) -> None:
            if talk is self._of and change.text == "":
                heard()

        return self._desk.turns.listen(told)


class Replay:
    """A recording, played at its own pace times ``speed``; paused at speed 0."""

    def __init__(self, path: Path, events: Sequence[StoredEvent], now: Callable[[], float]) -> None:
        self.talk: Talk | None = None
        self._path = path
        self._events = events
        self._now = now
        self.speed = 1.0
        self._at = 0.0
        """Seconds of the recording that have been played."""
        self._told = now()

    @classmethod
    async def open(cls, path: Path, now: Callable[[], float]) -> Replay:
        """Read a file. Raises ``UsageError`` if it is none of ours."""
        return cls(path, await asyncio.to_thread(recorded, path), now)

    @property
    def length(self) -> float:
        """Seconds from the first event to the last."""
        return self._events[-1].received - self._events[0].received if self._events else 0.0

    def _play(self) -> None:
        now = self._now()
        self._at = min(self.length, self._at + (now - self._told) * self.speed)
        self._told = now

    def faster(self, factor: float) -> None:
        """Change the pace; a paused one goes on."""
        self._play()
        self.speed = min(1_000.0, max(0.125, (self.speed or 1.0) * factor))

    def pause(self) -> None:
        """Stand still, or go on."""
        self._play()
        self.speed = 0.0 if self.speed else 1.0

    def to_end(self) -> None:
        """All of it at once."""
        self._at = self.length

    def title(self) -> Content:
        """The file."""
        return Content.styled(safe_line(self._path.name, 80), "bold")

    def state(self) -> Content:
        """Where it is and how fast."""
        self._play()
        pace = "paused" if not self.speed else "played" if self._at >= self.length else f"× {self.speed:g}"
        return Content.styled(f"replay  {self._at:.0f} of {self.length:.0f} s  {pace}", "$text-muted")

    def turns(self) -> Sequence[Turn]:
        """A recording holds events only."""
        return ()

    async def read(self, after: int) -> list[StoredEvent]:
        """What has been played."""
        self._play()
        first = self._events[0].received if self._events else 0.0
        return [one for one in self._events[after:] if one.received - first <= self._at + 1e-6]

    def listen(self, heard: Callable[[], None]) -> Callable[[], None]:
        """The screen's own clock asks."""
        return lambda: None


def recorded(path: Path) -> list[StoredEvent]:
    """The events of an exported file (JSON lines); ``received`` is their own time. Raises ``UsageError``."""
    try:
        if path.stat().st_size > BIGGEST:
            raise UsageError(f"{path.name} is larger than {BIGGEST // 1048576} MiB; it is not read.")
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise UsageError(f"{path.name} cannot be read: {error.strerror}.") from None
    found: list[StoredEvent] = []
    objects = [_object(path, number, line) for number, line in enumerate(line for line in lines if line.strip())]
    stamps = [next((str(raw[name]) for name in _TIMES if isinstance(raw.get(name), str)), "") for raw in objects]
    before, known = next(((at, moment) for at, stamp in enumerate(stamps) if (moment := _seconds(stamp))), (0, 0.0))
    last = known - (before + 1) * STEP if known else 0.0
    for number, (raw, at) in enumerate(zip(objects, stamps, strict=True)):
        moment = _seconds(at)
        last = max(last, moment) if moment else last + STEP
        own, lane = raw.get("id"), raw.get("session_thread_id")
        wire = Wire(str(raw["type"]), raw, str(own) if own else "", str(lane) if isinstance(lane, str) else "", at)
        found.append(StoredEvent(number + 1, wire, last))
    if not found:
        raise UsageError(
            f"{path.name} has no events. It should be what x in the inspector, or parlour export --format jsonl, wrote."
        )
    return found


def _object(path: Path, number: int, line: str) -> dict[str, Json]:
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        raw = None
    if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
        raise UsageError(f"Line {number + 1} of {path.name} is no event. It should be what parlour export --format jsonl wrote.")
    return raw


def _seconds(at: str) -> float:
    found = _RFC.match(at)
    if found is None:
        return 0.0
    try:
        return calendar.timegm(time.strptime(found[1], "%Y-%m-%dT%H:%M:%S")) + float(found[2] or 0)
    except ValueError:
        return 0.0
