"""How batch jobs and their rows look in lists."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from app.batches import Outcome, figures
from app.profiles import Profile
from app.store import Job
from app.text import safe_line
from app.ui.widgets.bars import ago
from app.ui.widgets.rows import Cell, Column, Row

JOBS = (
    Column(share=3),
    Column(width=11),
    Column(width=16, right=True),
    Column(width=12, right=True),
    Column(share=2, from_width=90),
    Column(width=34, from_width=110),
    Column(width=10, right=True),
)
ROWS = (Column(share=2), Column(width=3), Column(share=4), Column(share=5, from_width=60))
ROLES = {"running": "agent", "waiting": "needs", "unknown": "needs", "failed": "failed", "completed": "", "cancelled": "quiet"}
MARKS = {"ok": ("✓", "agent"), "failed": ("×", "failed"), "missing": ("–", "needs"), "waiting": ("·", "quiet")}
WIDTH = 20


@dataclass(frozen=True, slots=True)
class Listed:
    """A job with its account."""

    profile: Profile
    job: Job


def key_of(job: Job) -> str:
    """Its name in lists: ours, else the server's id."""
    return f"job-{job.id}" if job.id else next((part.batch.id for part in job.parts if part.batch is not None), "")


def job_row(one: Listed, now: float, pace: float) -> Row:
    """Name, state, counts, account, progress, age."""
    at = figures(one.job)
    answered = at.done + at.failed
    bar = ""
    if at.state == "running" and at.total:
        full = WIDTH * answered // at.total
        left = f"  {duration((at.total - answered) / pace)} left" if pace > 0 else ""
        bar = "█" * full + "░" * (WIDTH - full) + left
    cells = (
        Cell(one.job.name or key_of(one.job), "strong"),
        Cell(at.state, ROLES.get(at.state, "")),
        Cell(f"{answered:,} of {at.total:,}"),
        Cell(f"{at.failed:,} failed" if at.failed else "", "failed"),
        Cell(one.profile.name, "quiet"),
        Cell(bar, "agent"),
        Cell(ago(now - one.job.created) if one.job.created else "", "quiet"),
    )
    return Row(key_of(one.job), cells)


def outcome_row(row: Outcome) -> Row:
    """Name, mark, prompt, answer or why there is none."""
    mark, role = MARKS.get(row.state, ("·", "quiet"))
    result = row.result
    answer = (result.text if result.ok else result.error or "failed") if result is not None else ""
    if row.state == "missing":
        answer = "no answer, and none will come"
    cells = (
        Cell(row.item.custom_id, "quiet"),
        Cell(mark, role),
        Cell(row.item.message[:300]),
        Cell(answer[:300], "failed" if row.state == "failed" else "quiet" if row.state != "ok" else ""),
    )
    return Row(row.item.custom_id, cells)


def told(job: Job, trouble: str, failed_only: bool) -> Content:
    """One line between the lists: what matters of the chosen job."""
    at = figures(job)
    parts = len(job.parts)
    words = {
        "waiting": f"{at.unsent} of {parts} batches not handed over · g goes on",
        "unknown": f"{at.unknown} of {parts} batches may have arrived · g looks for it, G hands it over again",
    }.get(at.state, f"{parts} batch{'' if parts == 1 else 'es'}")
    if not job.id:
        words = "begun elsewhere: its prompts are not known here"
    why = trouble or next((part.batch.error for part in job.parts if part.batch is not None and part.batch.error), "")
    only = " · failed only, f shows all" if failed_only else ""
    role = "$warning" if at.state in ("waiting", "unknown") or trouble else "$text-muted"
    return Content.styled(safe_line(f"{key_of(job)} · {words}{only}{' · ' + why if why else ''}", 300), role)


def duration(seconds: float) -> str:
    """A length of time in the shortest honest words."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} m {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} m"
