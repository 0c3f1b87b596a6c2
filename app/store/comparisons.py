"""One prompt asked of two agents, and which answer a person found better. Every function runs inside the store's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from app.text import storable

WINNERS = ("left", "right", "equal")


@dataclass(frozen=True, slots=True)
class Asked:
    """One side: our number of the conversation (None once it was deleted), the turn, and the agent's name."""

    pk: int | None
    uid: str
    agent: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both sides. ``winner`` is ``left``, ``right``, ``equal``, or "" while nobody chose; ``at`` wall clock, seconds."""

    id: int
    at: float
    prompt: str
    left: Asked
    right: Asked
    winner: str = ""


def add(connection: sqlite3.Connection, at: float, prompt: str, left: Asked, right: Asked) -> int:
    """Keep a new one. Returns its id."""
    sql = """INSERT INTO comparisons (at, prompt, left_conversation, left_uid, left_agent, right_conversation, right_uid,
        right_agent) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
    sides = [value for one in (left, right) for value in (one.pk, storable(one.uid), storable(one.agent))]
    return int(connection.execute(sql, (at, storable(prompt), *sides)).lastrowid or 0)


def choose(connection: sqlite3.Connection, number: int, winner: str) -> None:
    """Which answer was better."""
    connection.execute("UPDATE comparisons SET winner = ? WHERE id = ?", (winner, number))


def between(connection: sqlite3.Connection, agents: Sequence[str], limit: int) -> list[Comparison]:
    """Those of these two agents (by name), whichever side they stood on, the latest first."""
    sql = """SELECT id, at, prompt, left_conversation, left_uid, left_agent, right_conversation, right_uid, right_agent, winner
        FROM comparisons WHERE (left_agent, right_agent) IN (VALUES (?, ?), (?, ?)) ORDER BY id DESC LIMIT ?"""
    one, two = map(storable, agents)
    return [
        Comparison(row[0], row[1], row[2], Asked(*row[3:6]), Asked(*row[6:9]), row[9])
        for row in connection.execute(sql, (one, two, two, one, limit))
    ]
