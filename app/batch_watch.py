"""Batch jobs that go on while nobody looks: one task a job, owned here and by no screen, taken up again after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from app.batches import LONGEST_WAIT, BatchJobs, figures
from app.clock import Clock
from app.errors import ParlourError, RateLimited, Unavailable
from app.protocols import Batches
from app.store import Job, Store


class BatchWatch:
    """The jobs of every account that is in use. Listeners are told of each change of one."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._accounts: dict[int, BatchJobs] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._listeners: list[Callable[[Job], None]] = []
        self._begun: dict[int, tuple[float, int]] = {}
        self.trouble: dict[int, str] = {}
        """Job → why it does not go on, in one sentence."""

    def listen(self, listener: Callable[[Job], None]) -> Callable[[], None]:
        """Be told; the result ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def of(self, account: int, vendor: Batches) -> BatchJobs:
        """The jobs of an account, told to the listeners."""
        if account not in self._accounts:
            self._accounts[account] = BatchJobs(self._store, vendor, account, clock=self._clock, tell=self._changed)
        return self._accounts[account]

    async def pick_up(self, account: int, vendor: Batches) -> None:
        """After a restart: look after what the server works on. What has not left waits for a person."""
        jobs = self.of(account, vendor)
        for job in await jobs.all():
            if figures(job).state == "running":
                self.start(job)

    def start(self, job: Job) -> None:
        """Hand over what has not left and look after it to its end; once is enough."""
        if not self.watched(job):
            self.trouble.pop(job.id, None)
            task = asyncio.create_task(self._look_after(self._accounts[job.account], job))
            self._tasks[job.id] = task
            task.add_done_callback(partial(self._ended, job))

    def watched(self, job: Job) -> bool:
        """Whether it is looked after now."""
        return job.id in self._tasks

    def pace(self, job: Job) -> float:
        """Rows a second since it was first looked at; 0 where that is not known."""
        now = figures(job)
        moment, count = self._begun.get(job.id, (0.0, 0))
        passed = self._clock.monotonic() - moment if moment else 0.0
        return (now.done + now.failed - count) / passed if passed > 0 else 0.0

    async def aclose(self) -> None:
        """Look no more; the server goes on, and so does the next start."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_after(self, jobs: BatchJobs, job: Job) -> None:
        while True:
            try:
                await jobs.watch(job)
            except (Unavailable, RateLimited) as error:
                self.trouble[job.id] = str(error)
                self._changed(job)
                await self._clock.sleep(LONGEST_WAIT)
            except ParlourError as error:
                self.trouble[job.id] = str(error)
                return
            else:
                self.trouble.pop(job.id, None)
                return

    def _ended(self, job: Job, task: asyncio.Task[None]) -> None:
        self._tasks.pop(job.id, None)
        if not task.cancelled():
            task.exception()
        self._changed(job)

    def _changed(self, job: Job) -> None:
        now = figures(job)
        if job.id and now.state == "running":
            self._begun.setdefault(job.id, (self._clock.monotonic(), now.done + now.failed))
        for listener in tuple(self._listeners):
            listener(job)
