"""A database on a thread of its own: jobs go in, answers are awaited."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Self, TypeVar

from app.clock import Clock
from app.errors import StoreError
from app.paths import database_file
from app.store import claims
from app.store.database import Database

T = TypeVar("T")
_CLOSED = "The database is closed."


class Access:
    """Open it with ``await open()``, close it with ``await aclose()``."""

    def __init__(self, executor: ThreadPoolExecutor, database: Database, clock: Clock) -> None:
        self._executor = executor
        self._database = database
        self._clock = clock
        self._token = uuid.uuid4().hex
        self._closed = False

    @classmethod
    async def open(cls, path: Path | None = None, *, clock: Clock | None = None) -> Self:
        """Open or make the file; ``None`` is the usual place. What was noteworthy is in ``notices``."""
        clock = clock or Clock()
        executor = ThreadPoolExecutor(1, thread_name_prefix="parlour-store")
        place = path if path is not None else database_file()
        opening = executor.submit(Database, place, clock)
        try:
            database = await asyncio.shield(asyncio.wrap_future(opening))
        except BaseException:
            executor.submit(_close_unseen, opening)
            executor.shutdown(wait=False)
            raise
        return cls(executor, database, clock)

    async def aclose(self) -> None:
        """Finish what was handed over, let go of all claims, close. May be called again."""
        if self._closed:
            return
        self._closed = True
        closing = self._executor.submit(self._close)
        self._executor.shutdown(wait=False)
        await asyncio.shield(asyncio.wrap_future(closing))

    def _close(self) -> None:
        with suppress(StoreError):
            self._database.write(lambda connection: claims.release_all(connection, self._token))
        self._database.close()

    @property
    def path(self) -> Path:
        """The file itself, symbolic links resolved."""
        return self._database.path

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences for a person about what was found at the start: a repair, a read-only file."""
        return tuple(self._database.notices)

    @property
    def read_only(self) -> str:
        """Why nothing can be written, or ""."""
        return self._database.read_only

    async def _hand(self, job: Callable[[], T]) -> T:
        if self._closed:
            raise StoreError(_CLOSED)
        return await asyncio.shield(asyncio.wrap_future(self._executor.submit(job)))

    async def _do(self, job: Callable[[Connection], T]) -> T:
        return await self._hand(partial(self._database.write, job))

    async def _read(self, job: Callable[[Connection], T]) -> T:
        return await self._hand(partial(self._database.read, job))

    async def _erase(self, job: Callable[[Connection], object]) -> None:
        def erase() -> None:
            self._database.write(job)
            self._database.empty_journal()

        await self._hand(erase)


def _close_unseen(opening: Future[Database]) -> None:
    """Close what was opened for a caller that has gone."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
