"""One SQLite file, opened safely, and transactions on it. Everything here runs on the store's own thread."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from app.clock import Clock
from app.errors import StoreError
from app.paths import private_folder
from app.store import indexing, repair
from app.store.lock import WAIT, Presence, WriteLock, private_open
from app.store.migrations import INDEXED, MIGRATIONS, migrate, version
from app.store.space import on_network, room_for_copy

T = TypeVar("T")

GLANCE = 0.05
"""Seconds for which a reader tries on its own before it waits its turn among the writers."""
_SMALL = 16 * 1024 * 1024
"""Files up to this size are checked at every start; larger ones after a dirty exit."""
_SEARCH_DAMAGED = 267
"""SQLITE_CORRUPT_VTAB: the full-text index, not the tables, is damaged."""


def wal_is_safe(linked: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Whether this SQLite has the fix for the WAL-reset bug (3.51.3, or the backports 3.50.7 and 3.44.6)."""
    return linked >= (3, 51, 3) or (3, 50, 7) <= linked < (3, 51) or (3, 44, 6) <= linked < (3, 45)


class Database:
    """An open file. ``notices`` are sentences for a person; ``read_only`` is the reason why nothing is written, or ""."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.clock = clock
        self.notices: list[str] = []
        self.read_only = ""
        private_folder(path.parent)
        self.path = Path(os.path.realpath(path))
        self._suspect = False
        self._presence: Presence | None = None
        self._lock: WriteLock | None = None
        try:
            self._open()
        except BaseException:
            self._abandon()
            raise

    # --- opening -------------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        with self._told():
            try:
                self._lock = WriteLock(self._beside(".lock"))
                with self._lock:
                    self._presence = Presence(self._beside(".open"))
                    if self._presence.alone:
                        repair.finish(self.path)
                    self._own_file()
                    self._presence.enter()
                    self._connect(self._presence)
            except OSError as error:
                if not self.path.exists() or not self.path.stat().st_size:
                    raise StoreError(f"The database {self.path} cannot be made ({error.strerror}).") from error
                reason = f"The database cannot be written here ({error.strerror})"
                self._watch(f"{reason}: Parlour shows what it has and keeps nothing new.")

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)

    def _own_file(self) -> None:
        """Make the file 0600, or see to it that it is ours and closed to others."""
        with suppress(FileExistsError):
            os.close(private_open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL))
        found = self.path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(f"{self.path} is not a file. Move it away, then start again.")
        if os.name != "posix":
            return
        if found.st_uid != os.geteuid():
            raise StoreError(f"The database {self.path} belongs to another user. Set PARLOUR_HOME to a folder of yours.")
        for path in (self.path, *(self._beside(suffix) for suffix in ("-wal", "-shm", "-journal", ".lock", ".open"))):
            with suppress(FileNotFoundError):
                if path.stat().st_mode & 0o077:
                    path.chmod(0o600)
                    self.notices.append(f"{path.name} was open to other users of this machine; it is closed now.")

    def _connect(self, presence: Presence) -> None:
        if presence.alone:
            thorough = presence.dirty or self.path.stat().st_size <= _SMALL
            reason = repair.damage(self.path, thorough)
            if reason:
                self.notices.append(repair.replace(self.path, reason, self.clock.wall()))
        self.connection = self._handle(self.path.as_uri())
        before = version(self.connection)
        if before > len(MIGRATIONS):
            self.connection.close()
            self._watch(
                "This database was written by a newer Parlour: it can be read here, and nothing is changed. Please update."
            )
            return
        if before < len(MIGRATIONS):
            if before and not presence.alone:
                raise StoreError(
                    "An older Parlour has the database open. Close it, then start again: the database must be brought up to date."
                )
            self._prepare(before)
            migrate(self.connection)
            if 0 < before < INDEXED:
                with self._transaction():
                    indexing.rebuild(self.connection)
        self._choose_journal(presence.alone)
        if presence.dirty and indexing.damaged(self.connection):
            with self._transaction():
                indexing.rebuild(self.connection)
            self.notices.append("The search index was damaged and has been made again.")

    def _prepare(self, before: int) -> None:
        """Keep a copy of a file that is about to be migrated."""
        if not before:
            return
        if not room_for_copy(self.path):
            raise StoreError("There is not enough free space to bring the database up to date; nothing was changed.")
        copy = self._beside(f".v{before}")
        copy.unlink(missing_ok=True)
        self.connection.execute("VACUUM INTO ?", (str(copy),))
        copy.chmod(0o600)

    def _handle(self, uri: str) -> sqlite3.Connection:
        connection = sqlite3.connect(uri, uri=True, timeout=WAIT, isolation_level=None, cached_statements=256)
        for pragma in (
            "foreign_keys = ON",
            "trusted_schema = OFF",
            "secure_delete = ON",
            "temp_store = MEMORY",
            "synchronous = FULL",
            "cache_size = -8000",
        ):
            connection.execute(f"PRAGMA {pragma}")
        connection.create_function("folded_has", 2, lambda text, part: part in (text or "").casefold(), deterministic=True)
        return connection

    def _choose_journal(self, alone: bool) -> None:
        """WAL where it is safe, else a rollback journal. Others that have the file open decide for us."""
        network = on_network(self.path)
        if network:
            self.notices.append("The database lies on a network folder: that is slower and less safe than a local one.")
        if alone:
            mode = "WAL" if wal_is_safe() and not network else "TRUNCATE"
            self.connection.execute(f"PRAGMA journal_mode = {mode}").fetchone()
        elif self.connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            self.connection.execute("PRAGMA journal_mode = TRUNCATE").fetchone()
        self.connection.execute("PRAGMA journal_size_limit = 0")

    def _watch(self, reason: str) -> None:
        """Go on reading only."""
        self.read_only = reason
        self.notices.append(reason)
        try:
            self.connection = self._handle(f"{self.path.as_uri()}?mode=ro")
            version(self.connection)
        except sqlite3.OperationalError:
            # A WAL file in a folder that cannot be written: nobody can be changing it either.
            self.connection = self._handle(f"{self.path.as_uri()}?mode=ro&immutable=1")
        self.connection.execute("PRAGMA query_only = ON")

    # --- using ---------------------------------------------------------------------------------------------------------------

    def read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job that changes nothing; it may be run twice.

        With a rollback journal a reader that only tries again and again may starve beside busy writers: it queues with them.
        """
        with self._told():
            if self._lock is None or self.read_only:
                return job(self.connection)
            try:
                with self._patience(GLANCE):
                    return job(self.connection)
            except sqlite3.OperationalError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
            with self._lock:
                return job(self.connection)

    @contextmanager
    def _patience(self, seconds: float) -> Iterator[None]:
        self.connection.execute(f"PRAGMA busy_timeout = {int(1000 * seconds)}")
        try:
            yield
        finally:
            self.connection.execute(f"PRAGMA busy_timeout = {int(1000 * WAIT)}")

    def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job in one transaction: all of it is on disk when this returns, or nothing was changed."""
        if self.read_only or self._lock is None:
            raise StoreError(self.read_only or "The database is closed.")
        with self._told(), self._lock:
            try:
                with self._transaction():
                    return job(self.connection)
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorcode", 0) != _SEARCH_DAMAGED:
                    raise
            with self._transaction():
                indexing.rebuild(self.connection)
                return job(self.connection)

    def empty_journal(self) -> None:
        """Leave nothing of what was deleted in the journal."""
        if self._lock is not None:
            with self._told(), self._lock:
                self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        finally:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn SQLite's words into a sentence."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise StoreError(self._sentence(error)) from error
        except ValueError as error:
            raise StoreError("Something stored cannot be read: it is damaged. What is beside it is not touched.") from error
        except OSError as error:
            raise StoreError(f"The database could not be locked ({error.strerror}); nothing was changed.") from error

    def _sentence(self, error: sqlite3.DatabaseError) -> str:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        match code:
            case sqlite3.SQLITE_FULL:
                return "The disk is full: this was not saved, everything before it is. Free some space and try again."
            case sqlite3.SQLITE_IOERR:
                return "The disk could not be written or read: this was not saved, everything before it is."
            case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
                return "The database cannot be written: this was not saved. Look at the rights of its folder."
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return "Another program holds the database: this was not saved. Close it and try again."
            case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
                self._suspect = True
                return "The database is damaged: this was not saved. Close every Parlour and start again, it will be repaired."
            case sqlite3.SQLITE_TOOBIG:
                return "This is too large to be saved."
            case sqlite3.SQLITE_CONSTRAINT:
                return "This does not fit what is stored (it may have been deleted meanwhile); it was not saved."
        return f"The database could not do this ({error}); nothing was changed."

    # --- closing -------------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close; an end of ours that is known to be clean spares the next start its check."""
        if self._lock is not None:
            with suppress(StoreError, OSError), self._lock:
                self.connection.close()
                if self._presence is not None:
                    self._presence.leave(clean=not self._suspect)
                    self._presence = None
        self._abandon()

    def _abandon(self) -> None:
        """Let go of everything as it is."""
        with suppress(AttributeError, sqlite3.Error):
            self.connection.close()
        if self._presence is not None:
            self._presence.leave(clean=False)
            self._presence = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None
