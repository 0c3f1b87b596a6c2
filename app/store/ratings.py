"""Ratings that wait to be sent. Every function runs inside the store's thread."""

from __future__ import annotations

import sqlite3

from app.models import Verdict
from app.store.conversations import get
from app.store.values import Rating
from app.text import storable


def queue(connection: sqlite3.Connection, pk: int, uid: str, message_id: str, verdict: Verdict, comment: str, now: float) -> int:
    """Keep a rating, instead of one of the same answer that still waits, and show it on the turn. Returns its id."""
    uid, comment = storable(uid), storable(comment)
    connection.execute("DELETE FROM ratings WHERE conversation = ? AND uid = ? AND state = 'queued'", (pk, uid))
    connection.execute(
        "UPDATE turns SET verdict = ?, comment = ? WHERE conversation = ? AND uid = ?", (str(verdict), comment, pk, uid)
    )
    values = (pk, uid, storable(message_id), str(verdict), comment, now)
    sql = "INSERT INTO ratings (conversation, uid, message_id, verdict, comment, state, at) VALUES (?, ?, ?, ?, ?, 'queued', ?)"
    return int(connection.execute(sql, values).lastrowid or 0)


def pending(connection: sqlite3.Connection, account: int) -> list[Rating]:
    """Oldest first."""
    sql = """SELECT r.id, r.conversation, r.uid, coalesce(nullif(r.message_id, ''), t.message_id, ''), r.verdict, r.comment,
        r.at, r.failure FROM ratings r JOIN conversations c ON c.pk = r.conversation
        LEFT JOIN turns t ON t.conversation = r.conversation AND t.uid = r.uid
        WHERE c.account = ? AND r.state = 'queued' ORDER BY r.id"""
    found = []
    for number, pk, uid, message_id, verdict, comment, at, failure in connection.execute(sql, (account,)).fetchall():
        stored = get(connection, pk)
        if stored is not None:
            found.append(Rating(number, stored, uid, message_id, Verdict(verdict), comment, at, failure))
    return found


def settle(connection: sqlite3.Connection, number: int, state: str, failure: str) -> None:
    """It was sent, refused for good, or failed and waits on."""
    connection.execute("UPDATE ratings SET state = ?, failure = ? WHERE id = ?", (state, storable(failure), number))
