"""How a batch job reads: for people, and as JSON."""

from __future__ import annotations

import time

from app.batches import Figures, figures, outcomes
from app.profiles import Json, Profile
from app.store import Job, JobPart, PartState

TOLD = 20
"""Failures that ``show`` tells one by one."""


def job_id(job: Job) -> str:
    """``job-3``; the server's own id for a batch that was begun elsewhere."""
    if job.id:
        return f"job-{job.id}"
    return next((part.batch.id for part in job.parts if part.batch is not None), "")


def stamp(seconds: float) -> str | None:
    """Wall clock in the wire's own writing; None where it is not known."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)) if seconds else None


def job_object(profile: Profile, job: Job) -> Json:
    """A job for a program; unknown figures are null."""
    now = figures(job)
    return {
        "id": job_id(job),
        "profile": profile.name,
        "vendor": profile.vendor,
        "name": job.name or None,
        "agent": job.agent_id or None,
        "state": now.state,
        "total": now.total,
        "done": now.done,
        "failed": now.failed,
        "unsent": now.unsent,
        "unknown": now.unknown,
        "created_at": stamp(job.created),
        "webhook": job.webhook.url if job.webhook is not None else None,
        "batches": [_part_object(part) for part in job.parts],
    }


def _part_object(part: JobPart) -> Json:
    batch = part.batch
    return {
        "number": part.number,
        "id": (batch.id or None) if batch is not None else None,
        "delivery": part.state.value,
        "state": batch.state.value if batch is not None else None,
        "word": (batch.word or None) if batch is not None else None,
        "rows": len(part.items),
        "done": batch.done if batch is not None else None,
        "failed": batch.failed if batch is not None else None,
        "error": (batch.error or None) if batch is not None else None,
    }


def totals(job: Job) -> tuple[str, ...]:
    """The cells of a list: id, state, answered, failed, begun."""
    now = figures(job)
    begun = time.strftime("%Y-%m-%d %H:%M", time.localtime(job.created)) if job.created else "–"
    return job_id(job), now.state, f"{now.done + now.failed:,} of {now.total:,}", str(now.failed or "–"), begun


def summary(job: Job) -> str:
    """One line."""
    now = figures(job)
    parts = len(job.parts)
    return f"{job_id(job)}  {now.state}  {_answered(now)}  {parts} batch{'' if parts == 1 else 'es'}"


def _answered(now: Figures) -> str:
    failed = f", {now.failed:,} failed" if now.failed else ""
    return f"{now.done + now.failed:,} of {now.total:,} answered{failed}"


def detail(profile: Profile, job: Job) -> str:
    """All that matters of one job, with the failures by name."""
    lines = [summary(job), f"  {job.name or 'begun elsewhere'}, {profile.name}, begun {stamp(job.created) or '–'}"]
    if job.webhook is not None:
        events = ", ".join(job.webhook.events) or "completed, failed"
        lines.append(f"  tells {job.webhook.url} of {events}")
    lines += [_part_line(part) for part in job.parts]
    failed = [one for one in outcomes(job) if one.state in ("failed", "missing")]
    for one in failed[:TOLD]:
        why = one.result.error if one.result is not None else "no answer"
        lines.append(f"  {one.item.custom_id}: {one.state}: {why or 'failed'}")
    if len(failed) > TOLD:
        lines.append(f"  and {len(failed) - TOLD} more; all of them: parlour batch results {job_id(job)} --failed")
    return "\n".join(lines)


def _part_line(part: JobPart) -> str:
    if part.batch is None:
        words = {
            PartState.PLANNED: "not sent yet",
            PartState.SENDING: "being sent",
            PartState.UNKNOWN: "not known whether it arrived",
        }
        return f"  batch {part.number}: {words.get(part.state, part.state.value)}, {len(part.items)} rows"
    word = part.batch.word or part.batch.state.value
    why = f": {part.batch.error}" if part.batch.error else ""
    return f"  batch {part.number}: {part.batch.id or '–'} {word}{why}, {len(part.items)} rows"
