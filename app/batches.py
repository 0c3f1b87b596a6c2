"""Batch jobs: a file's prompts are handed over in parts, watched, joined with their answers, and never handed over twice.

Every part is on disk before its request leaves. One whose creation was cut is looked for in the batch list; what cannot be
proved is told as unknown, and only a person has it created again.
"""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.batch_files import given
from app.batch_models import MOST_ITEMS, Batch, BatchState, Item, Result, Webhook
from app.clock import Clock
from app.errors import NotFound, UsageError, VendorError
from app.protocols import Batches
from app.store import Job, JobPart, PartState, Store

FIRST_WAIT, GROWTH, LONGEST_WAIT = 2.0, 1.5, 30.0
"""Seconds between two looks: the first, what each is longer than the one before by, and the most (codeer §8.4)."""
LOOKS = (0.0, 1.0, 2.0, 4.0)
"""Seconds before each look for a part whose creation was cut."""
SKEW = 300.0
"""Seconds by which the server's clock may differ from ours."""
_RFC = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Figures:
    """How far a job is. ``unknown`` parts wait for a person."""

    total: int
    done: int
    failed: int
    unsent: int
    unknown: int
    state: str
    """running, waiting, unknown, completed, failed or cancelled."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of the file and what became of it: ``ok``, ``failed``, ``missing`` (over without it) or ``waiting``."""

    item: Item
    state: str
    result: Result | None = None


def planned(items: Sequence[Item]) -> list[JobPart]:
    """The parts that these make, in their order."""
    starts = range(0, len(items), MOST_ITEMS)
    return [JobPart(number, tuple(items[start : start + MOST_ITEMS])) for number, start in enumerate(starts, 1)]


def figures(job: Job) -> Figures:
    """How far it is, by the server's last words."""
    total = sum(max(len(part.items), (part.batch.total or 0) if part.batch is not None else 0) for part in job.parts)
    done = sum(_done(part) for part in job.parts)
    failed = sum(_failed(part) for part in job.parts)
    unsent = sum(part.state is PartState.PLANNED for part in job.parts)
    unknown = sum(part.state in (PartState.UNKNOWN, PartState.SENDING) for part in job.parts)
    states = [part.batch.state for part in job.parts if part.batch is not None]
    if unknown:
        state = "unknown"
    elif unsent:
        state = "waiting"
    elif any(not one.over for one in states):
        state = "running"
    elif BatchState.CANCELLED in states:
        state = "cancelled"
    else:
        state = "failed" if states and all(one is BatchState.FAILED for one in states) else "completed"
    return Figures(total, done, failed, unsent, unknown, state)


def _done(part: JobPart) -> int:
    if part.results:
        return sum(result.ok for result in part.results)
    return (part.batch.done or 0) if part.batch is not None else 0


def _failed(part: JobPart) -> int:
    if part.results:
        return sum(not result.ok for result in part.results)
    return (part.batch.failed or 0) if part.batch is not None else 0


def outcomes(job: Job) -> list[Outcome]:
    """Every row of the file in its order, joined with its answer by ``custom_id``."""
    found: list[Outcome] = []
    for part in job.parts:
        results = {result.custom_id: result for result in part.results}
        over = part.batch is not None and part.batch.state.over
        for item in part.items:
            result = results.get(item.custom_id)
            if result is not None:
                found.append(Outcome(item, "ok" if result.ok else "failed", result))
            else:
                found.append(Outcome(item, "missing" if over else "waiting"))
    return found


def rows(job: Job) -> list[dict[str, object]]:
    """The outcomes as plain rows, for a file or a program."""
    return [
        {
            "custom_id": one.item.custom_id,
            "status": one.state,
            "message": one.item.message or None,
            "response": one.result.text if one.result is not None and one.result.ok else None,
            "error": (one.result.error or None) if one.result is not None else None,
            "conversation": (one.result.conversation_id or None) if one.result is not None else None,
        }
        for one in outcomes(job)
    ]


class BatchJobs:
    """The jobs of one account. ``tell`` is called after each change of one."""

    def __init__(
        self,
        store: Store,
        vendor: Batches,
        account: int,
        *,
        clock: Clock | None = None,
        tell: Callable[[Job], None] | None = None,
    ) -> None:
        self._store = store
        self._vendor = vendor
        self._account = account
        self._clock = clock or Clock()
        self._tell = tell or (lambda job: None)

    async def create(self, name: str, agent_id: str, items: Sequence[Item], webhook: Webhook | None = None) -> Job:
        """A new job, on disk; nothing of it has left."""
        job = Job(0, self._account, name, agent_id, self._clock.wall(), webhook, planned(items))
        job.id = await self._store.add_batch_job(job)
        return job

    async def all(self) -> list[Job]:
        """The newest first."""
        return await self._store.batch_jobs([self._account])

    async def get(self, number: int) -> Job:
        """One of them. Raises ``NotFound``."""
        found = await self._store.batch_jobs([self._account], number)
        if not found:
            raise NotFound(f"There is no batch job {number} here. See: parlour batch list")
        return found[0]

    async def unfinished(self, agent_id: str, items: Sequence[Item]) -> Job | None:
        """The newest job of the same prompts that is not over, or whose end nobody was told of: a repeated command goes on with
        it instead of doubling it."""
        wanted = _same(agent_id, items)
        for job in await self.all():
            if _same(job.agent_id, [item for part in job.parts for item in part.items]) != wanted:
                continue
            told = await self._store.note(f"batch told {job.id}")
            if told and figures(job).state == "running":
                await self.refresh(job)
            if not told or figures(job).state in ("running", "waiting", "unknown"):
                return job
        return None

    async def told(self, job: Job) -> None:
        """Somebody has seen what became of it."""
        await self._store.save_note(f"batch told {job.id}", "yes")

    async def listed(self) -> list[Job]:
        """Ours with the server's newest words, then what was begun elsewhere; the newest first. Nothing is kept."""
        there: dict[str, Batch] = {}
        after, seen = "", {""}
        while True:
            page = await self._vendor.batches(after)
            there |= {batch.id: batch for batch in page.items}
            after = page.next
            if after in seen:
                break
            seen.add(after)
        ours = await self.all()
        for part in (part for job in ours for part in job.parts if part.batch is not None):
            newer = there.pop(part.batch.id, None) if part.batch is not None else None
            if newer is not None and part.batch is not None and not part.batch.state.over:
                part.batch = replace(newer, agent_id=newer.agent_id or part.batch.agent_id)
        found = [*ours, *(self._foreign(batch, ()) for batch in there.values())]
        return sorted(found, key=lambda job: -job.created)

    async def elsewhere(self, batch_id: str) -> Job:
        """A batch that was begun elsewhere, with what is answered of it; its prompts are not known here."""
        batch = await self._vendor.batch(batch_id)
        return self._foreign(batch, await self._results(batch_id))

    def _foreign(self, batch: Batch, results: Sequence[Result]) -> Job:
        items = tuple(Item(result.custom_id, "") for result in results)
        part = JobPart(1, items, PartState.SENT, batch=batch, results=tuple(results))
        return Job(0, self._account, "", batch.agent_id, _seconds(batch.created_at), None, [part])

    async def again(self, job: Job, name: str = "") -> Job:
        """A new job of those rows of a finished one that failed or are missing."""
        wanted = [one.item for one in outcomes(job) if one.state in ("failed", "missing")]
        if not wanted:
            raise UsageError("Nothing of this job failed, so there is nothing to run again.")
        return await self.create(name or f"{job.name} (again)", job.agent_id, wanted, job.webhook)

    # --- handing over -------------------------------------------------------------------------------------------------

    async def submit(self, job: Job) -> None:
        """Hand over every part that has not left, in order. A part in doubt is looked for first.

        Raises what the vendor refused with; what was not sent is planned still, what is in doubt is unknown.
        """
        webhook = job.webhook
        if webhook is not None and webhook.signed and not webhook.secret and any(p.state is PartState.PLANNED for p in job.parts):
            raise UsageError("The webhook's secret is not kept on disk. Give it again with --webhook-secret-stdin.")
        if not await self._store.claim(f"batch:{job.id}", "batch"):
            raise UsageError("Another Parlour is handing this job over; nothing was sent from here.")
        try:
            for number in range(len(job.parts)):
                job.parts = (await self.get(job.id)).parts
                part = job.parts[number]
                if part.state in (PartState.SENDING, PartState.UNKNOWN):
                    await self.look(job, part)
                if part.state is PartState.PLANNED:
                    await self._send(job, part)
        finally:
            await self._store.release(f"batch:{job.id}", "batch")

    async def _save(self, job: Job, part: JobPart) -> None:
        await self._store.save_batch_part(job.id, part)
        self._tell(job)

    async def _send(self, job: Job, part: JobPart) -> None:
        part.state, part.started = PartState.SENDING, self._clock.wall()
        await self._save(job, part)
        try:
            part.batch = await self._vendor.create_batch(job.agent_id, part.items, job.webhook)
        except VendorError as error:
            part.state = PartState.PLANNED if error.sent is False else PartState.UNKNOWN
            await self._save(job, part)
            if part.state is PartState.PLANNED:
                raise
            await self.look(job, part)
            return
        part.state = PartState.SENT
        await self._save(job, part)

    async def look(self, job: Job, part: JobPart) -> None:
        """Find out whether a part in doubt has become a batch; it is adopted if that can be proved, else it stays unknown."""
        for wait in LOOKS:
            await self._clock.sleep(wait)
            found = await self._candidates(job, part)
            proved = [batch for batch in found if await self._is_ours(batch, part)]
            if len(proved) == 1:
                part.batch, part.state = proved[0], PartState.SENT
                await self._save(job, part)
                return
        part.state = PartState.UNKNOWN
        await self._save(job, part)

    async def _candidates(self, job: Job, part: JobPart) -> list[Batch]:
        taken = {one.batch.id for other in await self.all() for one in other.parts if one.batch is not None}
        found: list[Batch] = []
        after = ""
        while True:
            page = await self._vendor.batches(after)
            for batch in page.items:
                agent = not batch.agent_id or batch.agent_id == job.agent_id
                moment = _seconds(batch.created_at)
                recent = not moment or moment >= part.started - SKEW
                if batch.id not in taken and agent and recent and batch.total in (None, len(part.items)):
                    found.append(batch)
            oldest = _seconds(page.items[-1].created_at) if page.items else 0.0
            after = page.next
            if not after or (oldest and oldest < part.started - SKEW):
                return found

    async def _is_ours(self, batch: Batch, part: JobPart) -> bool:
        """Its answers carry our names: that is proof. Without an answer so far there is none."""
        page = await self._vendor.batch_results(batch.id, limit=50)
        names = {item.custom_id for item in part.items}
        return bool(page.items) and all(result.custom_id in names for result in page.items)

    async def create_anyway(self, job: Job) -> None:
        """A person decided: parts in doubt are handed over again, although they may be there already."""
        for part in job.parts:
            if part.state in (PartState.UNKNOWN, PartState.SENDING):
                part.state = PartState.PLANNED
                await self._save(job, part)
        await self.submit(job)

    # --- watching -----------------------------------------------------------------------------------------------------

    async def refresh(self, job: Job) -> None:
        """Ask how every part is; the answers of one that has ended are read to the end."""
        for part in job.parts:
            over = part.batch is not None and part.batch.state.over
            if part.batch is None or not part.batch.id or (over and len(part.results) >= len(part.items)):
                continue
            if not over:
                part.batch = replace(await self._vendor.batch(part.batch.id), agent_id=part.batch.agent_id)
            if part.batch.state.over:
                part.results = tuple(await self._results(part.batch.id))
            await self._save(job, part)

    async def _results(self, batch_id: str) -> list[Result]:
        found: dict[str, Result] = {}
        after, seen = "", {""}
        while True:
            page = await self._vendor.batch_results(batch_id, after)
            found |= {result.custom_id: result for result in page.items}
            after = page.next
            if after in seen:
                return list(found.values())
            seen.add(after)

    async def watch(self, job: Job, *, seconds: float = float("inf")) -> None:
        """Hand over what has not left, then look again and again until it is over, unknown, or the time is up."""
        await self.submit(job)
        end, wait = self._clock.monotonic() + seconds, FIRST_WAIT
        while True:
            await self.refresh(job)
            self._tell(job)
            if figures(job).state not in ("running",) or self._clock.monotonic() >= end:
                return
            await self._clock.sleep(min(wait * self._clock.uniform(0.9, 1.1), max(0.0, end - self._clock.monotonic())))
            wait = min(LONGEST_WAIT, wait * GROWTH)

    async def cancel(self, job: Job) -> None:
        """Begin no other item; parts that have not left never leave."""
        for part in job.parts:
            if part.state is PartState.PLANNED:
                part.batch, part.state = Batch("", BatchState.CANCELLED, "not sent"), PartState.SENT
                await self._save(job, part)
            elif part.batch is not None and not part.batch.state.over:
                part.batch = replace(await self._vendor.cancel_batch(part.batch.id), agent_id=part.batch.agent_id)
                await self._save(job, part)
        await self.refresh(job)


def _same(agent_id: str, items: Sequence[Item]) -> list[tuple[object, ...]]:
    """What makes prompts the same: everything but the names that we gave them ourselves."""
    return [
        (item.agent_id or agent_id, "" if given(item.custom_id) else item.custom_id, item.message, *_where(item))
        for item in items
    ]


def _where(item: Item) -> tuple[object, ...]:
    return (item.external_user_id, item.name, item.history_id, item.files)


def _seconds(at: str) -> float:
    found = _RFC.match(at)
    try:
        return calendar.timegm(time.strptime(f"{found[1]} {found[2]}", "%Y-%m-%d %H:%M:%S")) if found else 0.0
    except ValueError:
        return 0.0
