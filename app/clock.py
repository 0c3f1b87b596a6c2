"""Time and chance, as parameters: everything that waits or rolls dice is handed one of these."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


async def _sleep(seconds: float) -> None:
    await asyncio.sleep(max(0.0, seconds))


@dataclass(frozen=True, slots=True)
class Clock:
    """The real one by default. ``wall`` and ``monotonic`` are in seconds, ``uniform`` is a draw between two bounds."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = _sleep
    uniform: Callable[[float, float], float] = field(default_factory=lambda: random.SystemRandom().uniform)

    def stamp(self) -> str:
        """Now, as RFC 3339 in UTC with milliseconds."""
        now = self.wall()
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
