"""The syncs of the application: one an account, owned by no screen, paused and gone on with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.errors import ParlourError
from app.profiles import Profile
from app.sync import Filled, Survey, Sync
from app.ui.desk import Desk


class Stage(StrEnum):
    """What the sync of an account is doing."""

    LOOKING = "looking through the list"
    ASKING = "waits for your word"
    READING = "reading"
    PAUSED = "paused"
    DONE = "everything is here"
    FAILED = "stopped"


@dataclass(slots=True)
class Course:
    """How far one account has come. ``found`` counts the list while it is looked through."""

    profile: Profile
    stage: Stage = Stage.LOOKING
    found: int = 0
    survey: Survey | None = None
    filled: Filled | None = None
    trouble: str = ""


class Syncing:
    """Starts, pauses and goes on. ``start`` runs work as long as the application does; ``changed`` is called after every step."""

    def __init__(self, desk: Desk, start: Callable[[Callable[[], Coroutine[Any, Any, None]]], None]) -> None:
        self._desk = desk
        self._start = start
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.courses: dict[str, Course] = {}
        self.changed: Callable[[], None] = lambda: None

    def look(self, profile: Profile) -> None:
        """Look through the server's list, if that account is not being read. Nothing is kept of it but the agents."""
        if self.courses.get(profile.name, Course(profile, Stage.DONE)).stage not in (Stage.LOOKING, Stage.READING):
            self._run(profile, self._look)

    def go(self, profile: Profile) -> None:
        """Read what is missing: a person said so."""
        course = self.courses.get(profile.name)
        if course is not None and course.survey is not None and course.stage is not Stage.READING:
            self._run(profile, self._read)

    def pause(self, profile: Profile) -> None:
        """Stop for now; what was read is kept and not read again."""
        task = self._tasks.get(profile.name)
        if task is not None:
            task.cancel()

    def _run(self, profile: Profile, work: Callable[[Profile], Coroutine[Any, Any, None]]) -> None:
        async def guarded() -> None:
            task = asyncio.current_task()
            if task is not None:
                self._tasks[profile.name] = task
            course = self.courses[profile.name]
            try:
                await work(profile)
            except ParlourError as error:
                course.stage, course.trouble = Stage.FAILED, str(error)
            except asyncio.CancelledError:
                course.stage = Stage.PAUSED
                raise
            finally:
                self.changed()

        if work == self._look:
            self.courses[profile.name] = Course(profile)
        else:
            self.courses[profile.name].stage = Stage.READING
            self.courses[profile.name].trouble = ""
        self.changed()
        self._start(guarded)

    async def _sync(self, profile: Profile) -> Sync:
        await self._desk.open()
        vendor = await self._desk.vendor(profile)
        account = await self._desk.account(profile)
        return Sync(self._desk.store, vendor, account, whom=profile.external_user_id, clock=self._desk.clock)

    async def _look(self, profile: Profile) -> None:
        course = self.courses[profile.name]

        def tell(found: int) -> None:
            course.found = found
            self.changed()

        sync = await self._sync(profile)
        course.survey = await sync.survey(tell)
        if course.survey.missing:
            course.stage = Stage.PAUSED if course.survey.agreed else Stage.ASKING
        else:
            await sync.fill(course.survey)
            course.stage = Stage.DONE

    async def _read(self, profile: Profile) -> None:
        course = self.courses[profile.name]
        sync = await self._sync(profile)
        if course.filled is not None or course.survey is None:
            course.survey = await sync.survey()

        def tell(filled: Filled) -> None:
            course.filled = filled
            self.changed()

        await sync.agree()
        filled = await sync.fill(course.survey, tell)
        course.filled = filled
        course.stage = Stage.DONE if filled.complete else Stage.FAILED
        if filled.failed:
            course.trouble = f"{len(filled.failed)} left out: {next(iter(filled.failed.values()))}"
