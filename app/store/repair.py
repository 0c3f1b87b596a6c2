"""A file that is damaged or not ours: kept aside untouched, a new one made, and what can be read copied into it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from app.models import Status, Verdict
from app.store import indexing
from app.store.migrations import APPLICATION, MIGRATIONS, migrate, version
from app.store.rows import AGENT, PART, TURN, agent_of, part_of, turn_of, unpack

_MAGIC = b"SQLite format 3\0"
_COMPANIONS = ("-journal", "-wal", "-shm")
_PROBES = 50_000
_TABLES = ("accounts", "agents", "conversations", "turns", "parts", "events", "ratings", "gone", "notes")
_LATER = {2: ("batch_jobs", "batch_parts"), 3: ("tool_results",), 4: ("tags", "comparisons")}
"""Tables that came with a later version."""
SMALL = 64 * 1024 * 1024
"""Bytes up to which every index is compared with its table; that finds what a quick check does not see."""


def damage(path: Path, thorough: bool) -> str:
    """What is wrong with the file, in a few words; "" if nothing was found. Only for somebody who has it alone."""
    size = path.stat().st_size
    if not size:
        left = [name for name in _COMPANIONS[:2] if _size(_beside(path, name))]
        return "was empty, but a journal of another one lay beside it" if left else ""
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            return "was not a database"
    try:
        with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
            return _look(connection, "" if not thorough else "integrity_check(1)" if size <= SMALL else "quick_check(1)")
    except sqlite3.DatabaseError as error:
        unreadable = isinstance(error, sqlite3.OperationalError) and not hasattr(error, "sqlite_errorcode")
        broken = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
        if unreadable or getattr(error, "sqlite_errorcode", 0) & 0xFF in broken:
            return "was damaged"
        raise


def _tables(number: int) -> tuple[str, ...]:
    """The tables of a file of that version whose rows are kept."""
    return (*_TABLES, *(name for since, names in _LATER.items() if number >= since for name in names)) if number else ()


def _look(connection: sqlite3.Connection, check: str) -> str:
    connection.execute("PRAGMA trusted_schema = OFF")
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
        return "belonged to another program" if tables or version(connection) else ""
    if version(connection) > len(MIGRATIONS):
        return ""
    wanted = _tables(version(connection))
    if wanted and not tables.issuperset((*wanted, "docs")):
        return "was damaged"
    for table in wanted:
        connection.execute(f"SELECT * FROM {table} ORDER BY rowid DESC LIMIT 1").fetchall()  # noqa: S608 - our own names
    if check and connection.execute(f"PRAGMA {check}").fetchone()[0] != "ok":
        return "was damaged"
    return ""


def replace(path: Path, reason: str, now: float) -> str:
    """Put the file aside, make a new one with what could be read, and say so in one sentence."""
    rescued, counts = _beside(path, ".rescued"), {}
    copy = _beside(path, ".copy")
    try:
        _discard(rescued, copy)
        for suffix in ("", *_COMPANIONS[:2]):
            if _beside(path, suffix).exists():
                shutil.copyfile(_beside(path, suffix), _private(_beside(copy, suffix)))
        _private(rescued)
        counts = _rescue(copy, rescued)
    except (OSError, sqlite3.Error):
        _discard(rescued)
    finally:
        _discard(copy)
    aside = _aside(path, now)
    for suffix in ("", *_COMPANIONS):
        if _beside(path, suffix).exists():
            _beside(path, suffix).rename(_beside(aside, suffix))
    if rescued.exists():
        rescued.rename(path)
    _private(path)
    found = counts.get("conversations", 0), counts.get("turns", 0)
    saved = (
        f"{found[0]} conversations with {found[1]} prompts were recovered" if any(found) else "nothing could be recovered from it"
    )
    return f"The database {reason}. It was kept as {aside.name}, a new one was made, and {saved}."


def finish(path: Path) -> None:
    """Complete a replacement that was cut off between putting the old file aside and the new one in place."""
    rescued = _beside(path, ".rescued")
    if rescued.exists():
        if path.exists():
            _discard(rescued)
        else:
            rescued.rename(path)
    _discard(_beside(path, ".copy"))


def _rescue(source: Path, target: Path) -> dict[str, int]:
    """Copy every row that can be read. Returns how many of each table."""
    counts = {}
    with closing(sqlite3.connect(source, timeout=1, isolation_level=None)) as old:
        with closing(sqlite3.connect(target, isolation_level=None)) as new:
            migrate(new)
            new.execute("PRAGMA foreign_keys = ON")
            new.execute("BEGIN IMMEDIATE")
            if _is_ours(old):
                for table in _tables(_version_of(old)):
                    counts[table] = _copy(old, new, table)
                indexing.rebuild(new)
            new.execute("COMMIT")
    return counts


def _is_ours(old: sqlite3.Connection) -> bool:
    old.execute("PRAGMA trusted_schema = OFF")
    old.text_factory = _text
    try:
        old.execute("PRAGMA cell_size_check = ON")
        return bool(old.execute("PRAGMA application_id").fetchone()[0] == APPLICATION)
    except sqlite3.DatabaseError:
        return False


def _version_of(old: sqlite3.Connection) -> int:
    try:
        return min(len(MIGRATIONS), max(1, version(old)))
    except sqlite3.DatabaseError:
        return len(MIGRATIONS)


def _copy(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> int:
    columns = [row[1] for row in new.execute(f"PRAGMA table_info({table})")]
    with suppress(sqlite3.DatabaseError):
        there = {row[1] for row in old.execute(f"PRAGMA table_info({table})")}
        columns = [name for name in columns if not there or name in there]
    names = ", ".join(columns)
    insert = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our own names
    count = 0
    for row in _readable(old, table, names):
        with suppress(sqlite3.IntegrityError, ValueError, TypeError, KeyError):
            _check(table, dict(zip(columns, row, strict=True)))
            count += new.execute(insert, row).rowcount
    return count


def _check(table: str, row: dict[str, Any]) -> None:
    """Raise ``ValueError``, ``TypeError`` or ``KeyError`` for a row that could not be read later."""
    match table:
        case "turns":
            turn_of([row[name] for name in TURN])
        case "parts":
            part_of([row[name] for name in PART])
        case "agents":
            agent_of([row[name] for name in AGENT])
        case "conversations":
            Status(row["status"])
            unpack(row["raw"])
        case "events":
            unpack(row["raw"])
        case "ratings":
            Verdict(row["verdict"])


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _readable(old: sqlite3.Connection, table: str, names: str) -> Iterator[tuple[Any, ...]]:
    """The rows that can be read: ranges of rowids are halved around what cannot."""
    sql = f"SELECT {names} FROM {table} WHERE rowid BETWEEN ? AND ? ORDER BY rowid"  # noqa: S608 - our own names
    ranges, probes = [(1, _last(old, table))], 0
    while ranges and probes < _PROBES:
        low, high = ranges.pop()
        probes += 1
        try:
            rows = old.execute(sql, (low, high)).fetchall() if high - low < 1_000 else None
        except (sqlite3.DatabaseError, UnicodeDecodeError, OverflowError):
            rows = None
            if low == high:
                continue
        if rows is None:
            middle = (low + high) // 2
            ranges += [(middle + 1, high), (low, middle)]
            continue
        yield from rows


def _last(old: sqlite3.Connection, table: str) -> int:
    try:
        found = old.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0]  # noqa: S608 - our own names
    except sqlite3.DatabaseError:
        return 1 << 20
    return min(int(found or 0), 1 << 40)


def _aside(path: Path, now: float) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    number, aside = 1, _beside(path, f".damaged-{stamp}")
    while aside.exists():
        number, aside = number + 1, _beside(path, f".damaged-{stamp}-{number}")
    return aside


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _private(path: Path) -> Path:
    """Make it now, for this user only, if it is not there."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return path


def _discard(*paths: Path) -> None:
    for path in paths:
        for suffix in ("", *_COMPANIONS):
            _beside(path, suffix).unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
