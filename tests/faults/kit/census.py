"""What a process holds, before and after: descriptors, threads, tasks, children, memory; and how late its loop was."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Census:
    """Counts of one moment."""

    descriptors: frozenset[str]
    threads: int
    tasks: int
    children: frozenset[int]
    rss: int
    """Bytes."""

    @classmethod
    def take(cls) -> Census:
        """Of this process, now."""
        try:
            tasks = len([task for task in asyncio.all_tasks() if not task.done()])
        except RuntimeError:
            tasks = 0
        named = [thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")]
        return cls(frozenset(_descriptors()), len(named), tasks, frozenset(children(os.getpid())), rss())


def _descriptors() -> list[str]:
    found = []
    for entry in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            target = os.readlink(f"/proc/self/fd/{entry}")
            if target.startswith("socket:") or (target.startswith("/") and not target.startswith(("/dev/", "/proc/"))):
                found.append(f"{entry} {target}")
    return found


def children(pid: int) -> list[int]:
    """The processes below ``pid``, without those that ended and wait to be fetched."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in task.read_text().split()]
    return [child for child in found if not _ended(child)]


def _ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def rss(pid: int | None = None) -> int:
    """Bytes of memory that a process (this one) has now."""
    pages = Path(f"/proc/{pid or 'self'}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class Pulse:
    """``gap``: the longest time in seconds by which the loop came late; ``peak``: the most memory seen, bytes."""

    gap: float = 0.0
    peak: int = 0
    began: int = field(default_factory=rss)

    @property
    def grown(self) -> int:
        """Bytes of memory that were added at most."""
        return max(0, self.peak - self.began)


@contextlib.asynccontextmanager
async def pulse(every: float = 0.01) -> AsyncIterator[Pulse]:
    """Feel the pulse of the running loop."""
    gc.collect()
    felt = Pulse()

    async def feel() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(every)
            felt.gap = max(felt.gap, time.monotonic() - before - every)
            felt.peak = max(felt.peak, rss())

    task = asyncio.create_task(feel(), name="pulse")
    try:
        yield felt
    finally:
        felt.peak = max(felt.peak, rss())
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def settled(before: Census, seconds: float = 3.0) -> Census:
    """A census once what is closing has closed, or after ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        gc.collect()
        now = Census.take()
        fewer = len(now.descriptors) <= len(before.descriptors)
        same = now.tasks <= before.tasks and fewer and now.threads <= before.threads
        if (same and now.children <= before.children) or time.monotonic() > deadline:
            return now
        await asyncio.sleep(0.02)
