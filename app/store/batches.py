"""Batch jobs: a file's rows in the parts that are handed over. Every function runs inside the store's thread."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from app.batch_models import Batch, BatchState, Item, Result, Webhook
from app.text import storable


class PartState(StrEnum):
    """How far the creation of a part has come. Nothing is claimed that the wire did not prove."""

    PLANNED = "planned"
    """On disk; no byte of it has left."""
    SENDING = "sending"
    """Its request is under way."""
    SENT = "sent"
    """The server named it."""
    UNKNOWN = "unknown"
    """It may have arrived; a person decides."""


@dataclass(slots=True)
class JobPart:
    """Up to a thousand items that were, or will be, one batch."""

    number: int
    items: tuple[Item, ...]
    state: PartState = PartState.PLANNED
    started: float = 0.0
    """When its request left: wall clock, seconds."""
    batch: Batch | None = None
    results: tuple[Result, ...] = ()


@dataclass(slots=True)
class Job:
    """All of a file. ``id`` is ours."""

    id: int
    account: int
    name: str
    agent_id: str
    created: float
    webhook: Webhook | None = None
    parts: list[JobPart] = field(default_factory=list)


def add(connection: sqlite3.Connection, job: Job) -> int:
    """Keep a new job with its parts. Returns its id."""
    webhook = json.dumps({**asdict(job.webhook), "secret": ""}) if job.webhook is not None else ""
    values = (job.account, storable(job.name), storable(job.agent_id), job.created, webhook)
    sql = "INSERT INTO batch_jobs (account, name, agent_id, created, webhook) VALUES (?, ?, ?, ?, ?)"
    number = int(connection.execute(sql, values).lastrowid or 0)
    for part in job.parts:
        items = json.dumps([asdict(item) for item in part.items])
        sql = "INSERT INTO batch_parts (job, number, state, items) VALUES (?, ?, ?, ?)"
        connection.execute(sql, (number, part.number, str(part.state), items))
    return number


def save_part(connection: sqlite3.Connection, job: int, part: JobPart) -> None:
    """Keep what a part is now; its items never change."""
    batch = json.dumps(asdict(part.batch)) if part.batch is not None else ""
    results = json.dumps([asdict(result) for result in part.results]) if part.results else ""
    sql = "UPDATE batch_parts SET state = ?, started = ?, batch = ?, results = ? WHERE job = ? AND number = ?"
    connection.execute(sql, (str(part.state), part.started, batch, results, job, part.number))


def jobs(connection: sqlite3.Connection, accounts: Sequence[int], job: int | None = None) -> list[Job]:
    """The newest first; only one if its id is given."""
    marks = ",".join("?" * len(accounts))
    sql = f"""SELECT id, account, name, agent_id, created, webhook FROM batch_jobs
        WHERE account IN ({marks}) AND (? IS NULL OR id = ?) ORDER BY id DESC"""  # noqa: S608
    found = []
    for number, account, name, agent_id, created, webhook in connection.execute(sql, (*accounts, job, job)).fetchall():
        made = Job(number, account, name, agent_id, created, _webhook(webhook))
        sql = "SELECT number, items, state, started, batch, results FROM batch_parts WHERE job = ? ORDER BY number"
        made.parts = [_part(*row) for row in connection.execute(sql, (number,))]
        found.append(made)
    return found


def delete(connection: sqlite3.Connection, job: int) -> None:
    """Forget a job; the server keeps its batches."""
    connection.execute("DELETE FROM batch_jobs WHERE id = ?", (job,))


def _webhook(text: str) -> Webhook | None:
    if not text:
        return None
    found = json.loads(text)
    return Webhook(found["url"], tuple(found["events"]), "", bool(found["signed"]))


def _part(number: int, items: str, state: str, started: float, batch: str, results: str) -> JobPart:
    rows = tuple(Item(**{**row, "files": tuple(row["files"])}) for row in json.loads(items))
    known = tuple(Result(**row) for row in json.loads(results)) if results else ()
    return JobPart(number, rows, PartState(state), started, _batch(json.loads(batch)) if batch else None, known)


def _batch(row: dict[str, Any]) -> Batch:
    return Batch(**{**row, "state": BatchState(row["state"])})
