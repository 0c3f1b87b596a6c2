"""The schema, as ordered scripts: ``PRAGMA user_version`` says how many of them a file has seen.

Every migration is a tuple of statements and runs in one transaction together with its new version number, so a kill at any
statement leaves the file as it was. A published migration is never edited; what changes gets a new one at the end.

Columns that tell a row's size stand before its text, and the two ``*_heads`` indexes cover them: a conversation of 10,000
messages is laid out without reading one of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

APPLICATION = 0x5061726C
"""``PRAGMA application_id`` of our files ("Parl")."""

_FIRST = (
    f"PRAGMA application_id = {APPLICATION}",
    """CREATE TABLE accounts (
        id INTEGER PRIMARY KEY, profile TEXT NOT NULL, origin TEXT NOT NULL, vendor TEXT NOT NULL, UNIQUE (profile, origin))""",
    """CREATE TABLE agents (
        account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, id TEXT NOT NULL, place INTEGER NOT NULL,
        name TEXT NOT NULL, description TEXT NOT NULL, model TEXT NOT NULL, version TEXT NOT NULL, tools TEXT NOT NULL,
        questions TEXT NOT NULL, updated_at TEXT NOT NULL, archived INTEGER NOT NULL, raw TEXT NOT NULL,
        last_used REAL NOT NULL DEFAULT 0, PRIMARY KEY (account, id))""",
    """CREATE TABLE conversations (
        pk INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        id TEXT NOT NULL, title TEXT NOT NULL, agent_id TEXT NOT NULL, agent_name TEXT NOT NULL, agent_version TEXT NOT NULL,
        status TEXT NOT NULL, external_user_id TEXT NOT NULL, environment TEXT NOT NULL, created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL, archived INTEGER NOT NULL, raw TEXT NOT NULL, touched REAL NOT NULL,
        cursor TEXT NOT NULL DEFAULT '', seen TEXT NOT NULL DEFAULT '', draft TEXT NOT NULL DEFAULT '',
        pinned INTEGER NOT NULL DEFAULT 0, UNIQUE (account, id))""",
    "CREATE INDEX conversations_order ON conversations (touched DESC, pk DESC)",
    "CREATE INDEX conversations_agent ON conversations (account, agent_id)",
    """CREATE TABLE turns (
        id INTEGER PRIMARY KEY, conversation INTEGER NOT NULL REFERENCES conversations (pk) ON DELETE CASCADE,
        uid TEXT NOT NULL, position REAL NOT NULL, chars INTEGER NOT NULL, newlines INTEGER NOT NULL, state TEXT NOT NULL,
        stop TEXT, unsettled INTEGER NOT NULL, waits INTEGER NOT NULL, prompt_id TEXT NOT NULL, grp TEXT NOT NULL,
        message_id TEXT NOT NULL, verdict TEXT, comment TEXT NOT NULL, agent TEXT NOT NULL, started REAL NOT NULL,
        ended REAL NOT NULL, after TEXT NOT NULL, attachments TEXT NOT NULL, waiting TEXT NOT NULL, failure TEXT, usage TEXT,
        text TEXT NOT NULL, UNIQUE (conversation, uid))""",
    "CREATE INDEX turns_heads ON turns (conversation, position, id, uid, chars, newlines, state, stop)",
    "CREATE INDEX turns_unsettled ON turns (conversation) WHERE unsettled = 1 OR waits > 0",
    """CREATE TABLE parts (
        id INTEGER PRIMARY KEY, conversation INTEGER NOT NULL REFERENCES conversations (pk) ON DELETE CASCADE,
        turn INTEGER NOT NULL REFERENCES turns (id) ON DELETE CASCADE, seq INTEGER NOT NULL, indexed INTEGER NOT NULL DEFAULT 0,
        part_id TEXT NOT NULL, kind TEXT NOT NULL, lane TEXT NOT NULL, chars INTEGER NOT NULL, newlines INTEGER NOT NULL,
        done INTEGER NOT NULL, asks INTEGER NOT NULL, failed INTEGER NOT NULL, started REAL NOT NULL, ended REAL NOT NULL,
        wire_id TEXT NOT NULL, name TEXT NOT NULL, server TEXT NOT NULL, summary TEXT NOT NULL, input TEXT, data TEXT,
        output TEXT NOT NULL, text TEXT NOT NULL, UNIQUE (turn, seq))""",
    "CREATE INDEX parts_heads ON parts (conversation, turn, seq, kind, lane, chars, newlines)",
    """CREATE TABLE events (
        seq INTEGER PRIMARY KEY, conversation INTEGER NOT NULL REFERENCES conversations (pk) ON DELETE CASCADE,
        wire_id TEXT NOT NULL, type TEXT NOT NULL, lane TEXT NOT NULL, at TEXT NOT NULL, received REAL NOT NULL,
        raw TEXT NOT NULL)""",
    "CREATE INDEX events_order ON events (conversation, seq)",
    "CREATE UNIQUE INDEX events_once ON events (conversation, wire_id, type) WHERE wire_id <> ''",
    """CREATE TABLE ratings (
        id INTEGER PRIMARY KEY, conversation INTEGER NOT NULL REFERENCES conversations (pk) ON DELETE CASCADE, uid TEXT NOT NULL,
        message_id TEXT NOT NULL, verdict TEXT NOT NULL, comment TEXT NOT NULL, state TEXT NOT NULL, at REAL NOT NULL,
        failure TEXT NOT NULL DEFAULT '')""",
    "CREATE INDEX ratings_pending ON ratings (conversation) WHERE state = 'queued'",
    """CREATE TABLE claims (
        name TEXT PRIMARY KEY, owner TEXT NOT NULL, store TEXT NOT NULL, pid INTEGER NOT NULL, born TEXT NOT NULL,
        host TEXT NOT NULL, taken REAL NOT NULL)""",
    """CREATE TABLE gone (
        account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, mark TEXT NOT NULL, PRIMARY KEY (account, mark))""",
    "CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE docs (
        id INTEGER PRIMARY KEY AUTOINCREMENT, conversation INTEGER NOT NULL REFERENCES conversations (pk) ON DELETE CASCADE,
        turn INTEGER, part INTEGER, kind TEXT NOT NULL)""",
    "CREATE INDEX docs_of ON docs (conversation, turn, part)",
    'CREATE VIRTUAL TABLE fts USING fts5 (words, tokenize = "unicode61 remove_diacritics 2")',
)

_BATCHES = (
    """CREATE TABLE batch_jobs (
        id INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
        name TEXT NOT NULL, agent_id TEXT NOT NULL, created REAL NOT NULL, webhook TEXT NOT NULL)""",
    """CREATE TABLE batch_parts (
        job INTEGER NOT NULL REFERENCES batch_jobs (id) ON DELETE CASCADE, number INTEGER NOT NULL, state TEXT NOT NULL,
        started REAL NOT NULL DEFAULT 0, batch TEXT NOT NULL DEFAULT '', items TEXT NOT NULL, results TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (job, number))""",
)

_TOOLS = (
    """CREATE TABLE tool_results (
        conversation INTEGER NOT NULL REFERENCES conversations (pk) ON DELETE CASCADE, event TEXT NOT NULL,
        done INTEGER NOT NULL DEFAULT 0, output TEXT NOT NULL DEFAULT '', failed INTEGER NOT NULL DEFAULT 0, at REAL NOT NULL,
        PRIMARY KEY (conversation, event))""",
)

_ARCHIVE = (
    "ALTER TABLE docs ADD COLUMN event INTEGER",
    "ALTER TABLE conversations ADD COLUMN read_at REAL NOT NULL DEFAULT 0",
    """CREATE TABLE tags (
        conversation INTEGER NOT NULL REFERENCES conversations (pk) ON DELETE CASCADE, name TEXT NOT NULL,
        UNIQUE (conversation, name))""",
    "CREATE INDEX turns_rated ON turns (conversation, position, verdict) WHERE verdict IS NOT NULL",
    "CREATE INDEX parts_failed ON parts (turn, seq) WHERE failed = 1",
    "CREATE INDEX parts_tool ON parts (turn, name) WHERE kind = 'tool'",
    """CREATE TABLE comparisons (
        id INTEGER PRIMARY KEY, at REAL NOT NULL, prompt TEXT NOT NULL, winner TEXT NOT NULL DEFAULT '',
        left_conversation INTEGER REFERENCES conversations (pk) ON DELETE SET NULL, left_uid TEXT NOT NULL,
        left_agent TEXT NOT NULL, right_conversation INTEGER REFERENCES conversations (pk) ON DELETE SET NULL,
        right_uid TEXT NOT NULL, right_agent TEXT NOT NULL)""",
)

_TWINS = ("CREATE INDEX turns_prompt ON turns (conversation, prompt_id) WHERE prompt_id <> ''",)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _BATCHES, _TOOLS, _ARCHIVE, _TWINS)
INDEXED = MIGRATIONS.index(_ARCHIVE) + 1
"""The schema from which on the index holds what it holds now: an older file's is made again."""


def version(connection: sqlite3.Connection) -> int:
    """How many migrations the file has seen."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> int:
    """Bring the file to the newest schema, one transaction a migration. Returns the version it had before."""
    before = version(connection)
    for number in range(before, len(migrations)):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in migrations[number]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number + 1}")
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
    return before
