"""Who is running. One task a conversation, strongly held here and by nothing that can be closed."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from app.clock import Clock
from app.errors import ParlourError, StoreError, UsageError
from app.models import Answer, Attachment, Event, Failure, PromptState, Status, Stop, Verdict
from app.protocols import Approves, Follows, Interrupts, Regenerates, Vendor, tell_link
from app.store import Store, Stored
from app.transcript import Change, Transcript, Turn, What
from app.turns.course import Course
from app.turns.keep import Keeper
from app.turns.outbox import OWNER, Outbox
from app.turns.talk import Job, JobKind, Talk

Listener = Callable[[Talk, Change], None]
"""Told after the store was written. Must not block and must not raise."""


class Turns:
    """All conversations that are open in this program.

    ``patience`` is how long, in seconds, a prompt whose fate is unknown is looked up again while the vendor cannot be reached.
    ``overhear`` is handed every event of the wire as it was kept.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock | None = None,
        patience: float = math.inf,
        overhear: Callable[[Talk, Event], None] | None = None,
    ) -> None:
        self._store = store
        self._clock = clock or Clock()
        self._keeper = Keeper(store, self._clock, self._troubled)
        self._course = Course(store, self._keeper, self._clock, patience, self._tell)
        self._course.overhear = overhear
        self._outbox = Outbox(store, self._keeper, self._clock, self._start, self._tell)
        self._talks: dict[int, Talk] = {}
        self._listeners: list[Listener] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._flusher: asyncio.Task[None] | None = None
        self._watched: set[int] = set()

    @property
    def talks(self) -> Sequence[Talk]:
        """Every conversation opened so far."""
        return tuple(self._talks.values())

    @property
    def trouble(self) -> StoreError | None:
        """Why writing fails at present, if it does."""
        return self._keeper.trouble

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Be told of every change; the result takes the listener away again."""
        self._listeners.append(listener)

        def unlisten() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return unlisten

    async def open(self, vendor: Vendor, stored: Stored) -> Talk:
        """The conversation as it was left; what was under way when the program ended is looked up at once."""
        known = self._talks.get(stored.pk)
        if known is not None:
            return known
        conversation = stored.conversation
        turns = await self._store.turns(stored.pk)
        transcript = Transcript(turns, title=conversation.title, status=conversation.status)
        made = Talk(stored.pk, stored.account, stored.profile, vendor, conversation, transcript, cursor=stored.cursor)
        talk = self._talks.setdefault(stored.pk, made)
        if talk is made:
            for turn in list(transcript.turns):
                await self._pick_up(talk, turn)
        return talk

    async def pick_up(self, vendor: Vendor, account: int) -> None:
        """Open every conversation of an account in which something was under way when a program ended."""
        for stored, _ in await self._store.unsettled(account):
            await self.open(vendor, stored)

    async def _pick_up(self, talk: Talk, turn: Turn) -> None:
        """Go on with a turn that the program left unfinished, unless another instance has it."""
        unfinished = (turn.state is PromptState.QUEUED or turn.open) and not self._store.read_only
        if not unfinished or not await self._store.claim(f"turn:{turn.uid}", OWNER):
            return
        if turn.state is PromptState.QUEUED:
            turn.state, turn.stop = PromptState.NOT_SENT, Stop.FAILED
            turn.failure = Failure("not_sent", "The program ended before this was sent; nothing of it left this machine.")
            await self._keeper.turn(talk, turn)
            return
        if turn.state is PromptState.SENDING:
            turn.state = PromptState.UNKNOWN
        self._add(talk, Job(JobKind.SETTLE, turn))

    # --- what a person can ask for ---------------------------------------------------------------------------------------

    async def submit(self, talk: Talk, text: str, attachments: tuple[Attachment, ...] = ()) -> Turn:
        """Queue a prompt. It is on disk when this returns; it leaves when those before it are done.

        Raises ``StoreError`` if it could not be written (then nothing is sent) and ``UsageError`` for an empty one. Whoever is
        cancelled meanwhile has submitted it all the same: it is never on disk without being sent, nor sent without being there.
        """
        if not text.strip() and not attachments:
            raise UsageError("There is nothing to send. Type a message first.")
        return await self._whole(self._outbox.submit(talk, text, attachments))

    async def again(self, talk: Talk, turn: Turn) -> Turn:
        """Send the words of a message whose fate is unknown once more, before what waits; a person decided that."""
        made = await self._whole(self._outbox.again(talk, turn))
        await self.give_up(talk, turn)
        return made

    async def _whole(self, work: Coroutine[Any, Any, Turn]) -> Turn:
        """Do it to its end, whoever is cancelled meanwhile."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def withdraw(self, talk: Talk, turn: Turn) -> bool:
        """Take a queued prompt back before it leaves; False if it has begun."""
        return await self._outbox.withdraw(talk, turn)

    async def move(self, talk: Talk, turn: Turn, step: int) -> bool:
        """Let a queued prompt leave earlier (-1) or later (1) by one place; False if it cannot."""
        return await self._outbox.move(talk, turn, step)

    def answer(self, talk: Talk, answers: Sequence[Answer]) -> None:
        """Answer what the agent waits for; the same decision has the same key, so it is never applied twice."""
        if not isinstance(talk.vendor, Approves):
            raise UsageError(f"{talk.vendor.label} has no requests to answer.")
        turn = next((turn for turn in reversed(talk.transcript.turns) if turn.stop is not None), None)
        self._add(talk, Job(JobKind.ANSWER, turn, answers=tuple(answers)))

    def regenerate(self, talk: Talk) -> None:
        """Have the last prompt answered again."""
        if not isinstance(talk.vendor, Regenerates):
            raise UsageError(f"{talk.vendor.label} cannot answer a prompt again.")
        self._add(talk, Job(JobKind.REGENERATE, talk.turn))

    def refresh(self, talk: Talk) -> None:
        """Read the history again and fill in what is missing here."""
        if talk.conversation.made and not any(job.kind is JobKind.REFRESH for job in talk.jobs):
            self._add(talk, Job(JobKind.REFRESH))

    def settle(self, talk: Talk, turn: Turn) -> None:
        """Look again what became of a prompt."""
        self._add(talk, Job(JobKind.SETTLE, turn))

    async def give_up(self, talk: Talk, turn: Turn) -> None:
        """Ask no more about a message whose fate is unknown; it keeps saying so."""
        turn.stop = Stop.INTERRUPTED
        talk.held = False
        await self._keeper.turn(talk, turn)
        self._tell(talk, Change(What.TURN, turn))
        self._start(talk)

    def release(self, talk: Talk) -> None:
        """Let the next prompt go although the stopped turn is not settled."""
        talk.held = False
        self._start(talk)

    async def interrupt(self, talk: Talk) -> bool:
        """Stop the running turn. True: the server was asked and will say so itself. False: only we stopped listening.

        A prompt that the server has not named yet is not tried again; whether it arrived is looked up.
        """
        if isinstance(talk.vendor, Interrupts) and talk.conversation.made:
            turn = talk.turn
            if turn is not None and turn.state is PromptState.SENDING:
                self._stop(talk)
            token = tell_link.set(partial(self._course.linked, talk))
            try:
                await talk.vendor.interrupt(talk.conversation)
            finally:
                tell_link.reset(token)
            if turn is not None and turn.stop is not None and turn.stop.waits:
                self._add(talk, Job(JobKind.SETTLE, turn))
            return True
        self._stop(talk)
        return False

    def _stop(self, talk: Talk) -> None:
        if talk.running is not None and talk.task is not None and not talk.stopping:
            talk.stopping = True
            talk.task.cancel()

    def watch(self, talk: Talk) -> None:
        """Somebody looks: while nothing of ours runs, hear what others do here; a turn that begins so is followed to its end."""
        self._watched.add(talk.pk)
        self._follow(talk)

    def unwatch(self, talk: Talk) -> None:
        """Nobody looks any more; a turn that runs is followed all the same."""
        self._watched.discard(talk.pk)
        if talk.following is not None:
            talk.following.cancel()

    async def rated(self, talk: Talk, turn: Turn, verdict: Verdict | None, comment: str) -> None:
        """Keep a rating with its turn."""
        turn.verdict, turn.comment = verdict, comment
        await self._keeper.turn(talk, turn)
        self._tell(talk, Change(What.TURN, turn))

    async def idle(self, talk: Talk) -> None:
        """Wait until nothing runs or waits to run in a conversation."""
        while talk.task is not None and not talk.task.done():
            await asyncio.wait([talk.task])

    async def until(self, talk: Talk, condition: Callable[[], bool]) -> None:
        """Wait until ``condition`` holds; it is looked at after each change in the conversation."""
        met = asyncio.Event()
        unlisten = self.listen(lambda told, change: met.set() if told is talk and condition() else None)
        try:
            if not condition():
                await met.wait()
        finally:
            unlisten()

    async def aclose(self) -> None:
        """Stop listening everywhere, keep every word, and leave the agents running."""
        tasks = [task for task in self._tasks if not task.done()]
        if self._flusher is not None:
            tasks.append(self._flusher)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(StoreError):
            await self._keeper.flush()

    # --- the task of a conversation --------------------------------------------------------------------------------------

    def _add(self, talk: Talk, job: Job) -> None:
        talk.jobs.append(job)
        self._start(talk)

    def _start(self, talk: Talk) -> None:
        if self._flusher is None:
            self._flusher = asyncio.create_task(self._keeper.run(), name="keeper")
        if talk.task is None or talk.task.done():
            talk.task = asyncio.create_task(self._drive(talk), name=f"talk-{talk.pk}")
            self._tasks.add(talk.task)
            talk.task.add_done_callback(self._tasks.discard)

    async def _drive(self, talk: Talk) -> None:
        tell_link.set(partial(self._course.linked, talk))
        if talk.following is not None:
            talk.following.cancel()
            await asyncio.wait([talk.following])
        while talk.jobs:
            if talk.held and talk.jobs[0].kind is JobKind.PROMPT:
                return
            job = talk.jobs.popleft()
            talk.running, talk.heard, talk.link, talk.trouble = job, self._clock.monotonic(), None, None
            try:
                await self._course.run(talk, job)
            except asyncio.CancelledError:
                if not talk.stopping:
                    raise
                await self._course.stopped(talk, job)
            finally:
                talk.running, talk.stopping, talk.link = None, False, None
                self._tell(talk, Change(What.CONVERSATION))
        self._follow(talk)

    def _troubled(self) -> None:
        for talk in self.talks:
            self._tell(talk, Change(What.NOTHING))

    def _follow(self, talk: Talk) -> None:
        there = talk.conversation.made and talk.conversation.status is not Status.CLOSED
        free = there and talk.following is None and not talk.busy
        if free and talk.pk in self._watched and isinstance(talk.vendor, Follows):
            talk.following = asyncio.create_task(self._listen(talk), name=f"follow-{talk.pk}")
            self._tasks.add(talk.following)
            talk.following.add_done_callback(self._tasks.discard)

    async def _listen(self, talk: Talk) -> None:
        tell_link.set(partial(self._course.linked, talk))
        try:
            turn = await self._course.follow(talk)
        except ParlourError:
            return
        finally:
            talk.following = None
        if turn is not None:
            self._add(talk, Job(JobKind.SETTLE, turn))

    def _tell(self, talk: Talk, change: Change) -> None:
        for listener in tuple(self._listeners):
            listener(talk, change)
