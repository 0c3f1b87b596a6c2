"""Time that a test moves.

``FakeTime`` is a clock for what takes one: nobody waits, the hours pass, the wall clock can be set apart from the monotonic one.
``hurried`` runs a coroutine on a loop of its own whose seconds are shorter than real ones, so that deadlines of libraries and of
our own run out in their true order and proportion without anybody waiting for them.
"""

from __future__ import annotations

import asyncio
import random
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from app.clock import Clock

T = TypeVar("T")
QUICK = 1000.0


class FakeTime:
    """``sleep`` returns at once and moves both clocks; ``slept`` is what was asked for. ``set_wall`` moves one of them."""

    def __init__(self, seed: int | None = None) -> None:
        self.monotonic = 1_000.0
        self.wall = 1_800_000_000.0
        self.slept: list[float] = []
        draw = random.Random(seed).uniform if seed is not None else (lambda low, high: (low + high) / 2)
        self.clock = Clock(wall=lambda: self.wall, monotonic=lambda: self.monotonic, sleep=self._sleep, uniform=draw)

    def set_wall(self, seconds: float) -> None:
        """The wall clock is put forward or back by so many seconds; nothing else notices."""
        self.wall += seconds

    def pass_by(self, seconds: float) -> None:
        """So many seconds pass without anybody sleeping."""
        self.monotonic += seconds
        self.wall += seconds

    async def _sleep(self, seconds: float) -> None:
        assert seconds >= 0, f"a negative sleep: {seconds}"
        self.slept.append(seconds)
        self.pass_by(seconds)
        await asyncio.sleep(0)


async def _quickly(seconds: float) -> None:
    assert seconds >= 0, f"a negative sleep: {seconds}"
    await asyncio.sleep(min(seconds, 60) / QUICK)


def quick_clock() -> Clock:
    """A second takes a millisecond: the order of things stays, the waiting goes; times that are read are real ones."""
    return Clock(sleep=_quickly)


class _Hurried(selectors.DefaultSelector):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self._factor = factor

    def select(self, timeout: float | None = None) -> Any:
        return super().select(timeout / self._factor if timeout and timeout > 0 else timeout)


class HurriedLoop(asyncio.SelectorEventLoop):
    """A loop in which ``factor`` seconds pass in one."""

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._zero = time.monotonic()
        super().__init__(_Hurried(factor))

    def time(self) -> float:
        return self._zero + (time.monotonic() - self._zero) * self._factor


async def hurried(factor: float, work: Callable[[Clock], Coroutine[Any, Any, T]], limit: float = 120.0) -> T:
    """Run ``work`` with a clock of the hurried loop, in a thread of its own; what it gives or raises is passed on.

    ``limit``: real seconds after which it is ``TimeoutError``.
    """

    def run() -> T:
        loop = HurriedLoop(factor)
        try:
            made = work(Clock(monotonic=loop.time, sleep=asyncio.sleep))
            return loop.run_until_complete(asyncio.wait_for(made, limit * factor))
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    return await asyncio.to_thread(run)
