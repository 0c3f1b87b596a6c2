"""What waits to be sent in a conversation: on disk before it is in the queue, in the order the person wants."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from app.clock import Clock
from app.errors import StoreError
from app.models import Attachment, PromptState
from app.store import Entry, Store
from app.transcript import Change, Turn, What
from app.turns.course import last_id
from app.turns.keep import Keeper
from app.turns.talk import Job, JobKind, Talk

OWNER = "turns"
"""What the claims on running turns are held under."""


class Outbox:
    """``start`` lets a conversation go on, ``tell`` passes changes on."""

    def __init__(
        self, store: Store, keeper: Keeper, clock: Clock, start: Callable[[Talk], None], tell: Callable[[Talk, Change], None]
    ) -> None:
        self._store = store
        self._keeper = keeper
        self._clock = clock
        self._start = start
        self._tell = tell

    async def submit(self, talk: Talk, text: str, attachments: tuple[Attachment, ...]) -> Turn:
        """Keep a prompt and put it at the end. Raises ``StoreError``."""
        position = max((turn.position for turn in (*talk.transcript.turns[-1:], *talk.queued)), default=0.0) + 1
        turn = await self._kept(talk, position, text, attachments)
        talk.jobs.append(Job(JobKind.PROMPT, turn))
        self._start(talk)
        self._tell(talk, Change(What.TURN, turn))
        return turn

    async def again(self, talk: Talk, turn: Turn) -> Turn:
        """Keep a new prompt with the words of ``turn`` and put it first; it waits for the decision about the old one."""
        later = [one.position for one in (*talk.transcript.turns, *talk.queued) if one.position > turn.position]
        position = (turn.position + min(later)) / 2 if later else turn.position + 1
        made = await self._kept(talk, position, turn.text, turn.attachments)
        talk.jobs.appendleft(Job(JobKind.PROMPT, made))
        talk.held = True
        self._tell(talk, Change(What.TURN, made))
        return made

    async def _kept(self, talk: Talk, position: float, text: str, attachments: tuple[Attachment, ...]) -> Turn:
        turn = Turn(str(uuid.uuid4()), position, text, attachments, PromptState.QUEUED, agent=talk.conversation.agent_name)
        turn.started, turn.after = self._clock.wall(), last_id(talk)
        await self._store.claim(f"turn:{turn.uid}", OWNER)
        await self._keeper.turn(talk, turn)
        return turn

    async def withdraw(self, talk: Talk, turn: Turn) -> bool:
        """Take a prompt back before it leaves; False if it has begun. Raises ``StoreError``; then it is where it was."""
        job = _job(talk, turn)
        if job is None:
            return False
        place = talk.jobs.index(job)
        talk.jobs.remove(job)
        try:
            await self._store.record_many([Entry(talk.pk, removed=(turn.uid,))])
        except StoreError:
            talk.jobs.insert(min(place, len(talk.jobs)), job)
            self._start(talk)
            raise
        self._tell(talk, Change(What.CONVERSATION, removed=turn))
        return True

    async def move(self, talk: Talk, turn: Turn, step: int) -> bool:
        """Let a prompt leave earlier (-1) or later (1) by one place; False if it cannot."""
        queued = talk.queued
        at = next((number for number, one in enumerate(queued) if one is turn), -1)
        if at < 0 or not 0 <= at + step < len(queued):
            return False
        other = queued[at + step]
        mine, theirs = (next(job for job in talk.jobs if job.turn is one) for one in (turn, other))
        here, there = talk.jobs.index(mine), talk.jobs.index(theirs)
        talk.jobs[here], talk.jobs[there] = theirs, mine
        turn.position, other.position = other.position, turn.position
        await self._store.record_many([Entry(talk.pk, turns=(turn, other))])
        self._tell(talk, Change(What.CONVERSATION))
        return True


def _job(talk: Talk, turn: Turn) -> Job | None:
    return next((job for job in talk.jobs if job.turn is turn and job.kind is JobKind.PROMPT), None)
