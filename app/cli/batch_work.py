"""The jobs of an account on the command line: found by their id, handed over, told about as they go on."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from dataclasses import replace

from app.batches import BatchJobs, figures
from app.cli import out
from app.cli.batch_words import job_id, job_object, summary
from app.cli.compose import Program
from app.cli.progress import Bar
from app.errors import NotFound, UsageError, VendorError
from app.profiles import Profile
from app.protocols import Batches
from app.store import Job, PartState

TIMED_OUT = 130
UNKNOWN = 6


class Work:
    """Jobs of one account, told about on stderr as they go on."""

    def __init__(self, program: Program, profile: Profile, vendor: Batches, account: int) -> None:
        self.profile = profile
        self._told: set[int] = set()
        self._bar: Bar | None = None
        self.jobs = BatchJobs(program.store, vendor, account, clock=program.clock, tell=self._tell)

    def _tell(self, job: Job) -> None:
        for part in job.parts:
            if part.state is PartState.SENT and part.batch is not None and part.batch.id and part.number not in self._told:
                self._told.add(part.number)
                out.note(f"Batch {part.number} of {len(job.parts)}: {part.batch.id}, {len(part.items)} rows.")
        now = figures(job)
        if self._bar is not None and now.state == "running":
            self._bar.show(now.done + now.failed, now.total, f"{now.failed} failed" if now.failed else "")

    async def through(self, job: Job, args: argparse.Namespace) -> int:
        """Hand over, wait if that was asked for, tell how it stands."""
        name = job_id(job)
        try:
            if args.wait:
                self._bar = Bar("Answered")
                await self.jobs.watch(job, seconds=args.timeout or float("inf"))
            else:
                await self.jobs.submit(job)
        except asyncio.CancelledError:
            out.note(f"Left; nothing is lost. Go on with: parlour batch resume {name} --wait")
            raise
        except VendorError:
            out.note(f"What was not handed over is kept. Go on with: parlour batch resume {name}")
            raise
        finally:
            if self._bar is not None:
                self._bar.close()
        if args.json:
            out.value(job_object(self.profile, job))
        else:
            out.say(summary(job))
        await self.jobs.told(job)
        return self._ended(job, args)

    def _ended(self, job: Job, args: argparse.Namespace) -> int:
        now, name = figures(job), job_id(job)
        if now.state == "unknown":
            out.complain(
                f"parlour: Whether {now.unknown} of {len(job.parts)} batches was created is not known; nothing was sent again. "
                f"Look: parlour batch list. It is not there: parlour batch resume {name} --create-unknown"
            )
            return UNKNOWN
        if not args.wait:
            out.note(f"Watch it: parlour batch resume {name} --wait. Its answers: parlour batch results {name}")
            return 0
        if now.state == "running":
            out.note(f"Still running after {args.timeout:g} s. Go on with: parlour batch resume {name} --wait")
            return TIMED_OUT
        if now.done < now.total:
            out.note(
                f"{now.total - now.done} of {now.total} were not answered. Once more, only those: parlour batch retry {name}"
            )
            return 1
        return 0


async def able(program: Program, wanted: str | None) -> list[tuple[Profile, Batches]]:
    """The accounts that take batches. Raises ``UsageError`` if none does."""
    found: list[tuple[Profile, Batches]] = []
    labels: list[str] = []
    for profile in await program.profiles(wanted):
        vendor = await program.vendor(profile)
        labels.append(vendor.label)
        if isinstance(vendor, Batches):
            found.append((profile, vendor))
    if not found:
        raise UsageError(f"{', '.join(dict.fromkeys(labels))} takes no batches.")
    return found


async def works(program: Program, wanted: str | None) -> list[Work]:
    """What can be done with each of them."""
    return [Work(program, profile, vendor, await program.account(profile)) for profile, vendor in await able(program, wanted)]


async def found_job(program: Program, args: argparse.Namespace) -> tuple[Work, Job]:
    """The job of that id, one batch of it, or a batch that was begun elsewhere. Raises ``NotFound``."""
    wanted: str = args.id
    number = wanted.removeprefix("job-")
    known = await works(program, args.profile)
    for work in known:
        for job in await work.jobs.all():
            if number.isascii() and number.isdigit() and job.id == int(number):
                return work, job
            mine = [part for part in job.parts if part.batch is not None and part.batch.id == wanted]
            if mine:
                return work, replace(job, parts=mine)
    for work in known:
        with contextlib.suppress(NotFound):
            return work, await work.jobs.elsewhere(wanted)
    raise NotFound(f"There is no batch {wanted!r}. See them with: parlour batch list")


def secret(args: argparse.Namespace) -> str:
    """The webhook's, from stdin if that was asked for."""
    if not args.webhook_secret_stdin:
        return ""
    from app.cli.run import stdin_text

    return stdin_text().strip("\r\n")
