"""Keeping the full-text index whole: whether it fits the tables, and making it again."""

from __future__ import annotations

import sqlite3

from app.store import search
from app.store.rows import PART, event_of, part_of


def damaged(connection: sqlite3.Connection) -> bool:
    """Whether the index contradicts itself or the list of what is in it."""
    try:
        connection.execute("INSERT INTO fts (fts) VALUES ('integrity-check')")
        listed = connection.execute("SELECT count(*) FROM docs").fetchone()[0]
        return bool(listed != connection.execute("SELECT count(*) FROM fts_docsize").fetchone()[0])
    except sqlite3.DatabaseError:
        return True


def rebuild(connection: sqlite3.Connection) -> None:
    """Make the index again from the tables. Runs inside a transaction of the caller's; damaged texts are taken as they are."""
    factory, connection.text_factory = connection.text_factory, lambda text: text.decode("utf-8", "replace")
    try:
        _forget(connection)
        _fill(connection)
    finally:
        connection.text_factory = factory


def _fill(connection: sqlite3.Connection) -> None:
    for pk, title in connection.execute("SELECT pk, title FROM conversations WHERE title <> ''").fetchall():
        search.add(connection, pk, "title", title)
    turns = connection.cursor().execute("SELECT id, conversation, text, attachments FROM turns ORDER BY conversation, position")
    for turn, pk, text, attachments in turns:
        search.add(connection, pk, "prompt", text, turn=turn)
        search.add(connection, pk, "file", search.names_of(attachments), turn=turn)
    connection.execute("UPDATE parts SET indexed = 1 WHERE kind = 'artifact' AND done = 1")
    parts = connection.cursor().execute(f"SELECT id, conversation, turn, {', '.join(PART)} FROM parts WHERE indexed = 1")  # noqa: S608
    for row in parts:
        said = search.words_of(part_of(row[3:]))
        if said is not None:
            search.add(connection, row[1], *said, turn=row[2], part=row[0])
    events = connection.cursor().execute("SELECT conversation, seq, wire_id, type, lane, at, received, raw FROM events")
    for row in events:
        search.add(connection, row[0], "event", search.words_of_event(event_of(row[1:]).wire), event=row[1])


def _forget(connection: sqlite3.Connection) -> None:
    """Empty the index. A damaged one cannot always be dropped in one piece, then its tables go one by one."""
    try:
        connection.execute("SAVEPOINT index_drop")
        connection.execute("DROP TABLE IF EXISTS fts")
        connection.execute("RELEASE index_drop")
    except sqlite3.DatabaseError:
        connection.execute("ROLLBACK TO index_drop")
        connection.execute("RELEASE index_drop")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_master WHERE name = 'fts'")
        connection.execute("PRAGMA writable_schema = RESET")
    for suffix in ("data", "idx", "content", "docsize", "config"):
        connection.execute(f"DROP TABLE IF EXISTS fts_{suffix}")
    connection.execute("DELETE FROM docs")
    connection.execute('CREATE VIRTUAL TABLE fts USING fts5 (words, tokenize = "unicode61 remove_diacritics 2")')
