"""The course of one job: a prompt's way to its answer, an answer to a request, a look at the history.

A prompt is *sent* when the server named it, *not sent* when there is proof, and *unknown* in between: then its history is read,
and it is never sent again from here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, cast

from app.clock import Clock
from app.errors import NotFound, OutcomeUnknown, ParlourError, RateLimited, StoreError, Unavailable, UsageError, VendorError
from app.models import (
    Event,
    Failure,
    Link,
    LinkState,
    PartDelta,
    PartKind,
    PartStarted,
    Prompt,
    Prompted,
    PromptState,
    RequestKind,
    Stop,
    Titled,
)
from app.protocols import Approves, Follows, Regenerates
from app.store import Entry, Store, snapshot
from app.text import safe_line
from app.transcript import Change, Turn, What
from app.turns.keep import Keeper
from app.turns.talk import Job, JobKind, Talk

SETTLE_DELAYS = (0.5, 1.0, 2.0, 4.0, 5.0)
"""Seconds between looks at the history while the network is away; the last one repeats."""
BATCH = 100
"""Turns of a history written in one transaction."""
TITLE = 60
"""Characters of a prompt that name a new conversation."""

_log = logging.getLogger("parlour.turns")
_ANSWERS = uuid.UUID("6f0f6c0e-6c1c-4b0e-9d8e-6e2f7d1a9b54")
_BEGINNINGS = uuid.UUID("f3f4d0f2-6a57-4a4f-9a51-0c1d6a1f2b77")


def failure_of(error: ParlourError) -> Failure:
    """An error as it is stored and shown."""
    if isinstance(error, VendorError):
        return Failure(error.kind, str(error), error.status, error.code, error.request_id)
    return Failure(error.kind, str(error))


def last_id(talk: Talk) -> str:
    """The newest id of the server known here: what is newer may be the next prompt's."""
    if talk.cursor:
        return talk.cursor
    named = (turn.message_id or turn.prompt_id for turn in reversed(talk.transcript.turns))
    return next((name for name in named if name), "")


class Course:
    """Runs jobs. ``tell`` passes changes on, ``patience`` (seconds) bounds the looking while the vendor cannot be reached."""

    def __init__(self, store: Store, keeper: Keeper, clock: Clock, patience: float, tell: Callable[[Talk, Change], None]) -> None:
        self._store = store
        self._keeper = keeper
        self._clock = clock
        self._patience = patience
        self._tell = tell

    async def run(self, talk: Talk, job: Job) -> None:
        """Do one job. The program's one broad ``except`` is here: a fault of ours ends this turn, never the program."""
        try:
            match job.kind:
                case JobKind.PROMPT if job.turn is not None:
                    await self._prompt(talk, job.turn)
                case JobKind.ANSWER:
                    await self._answer(talk, job)
                case JobKind.SETTLE if job.turn is not None:
                    await self._settle(talk, job.turn, None)
                case JobKind.REGENERATE:
                    await self._regenerate(talk, job.turn)
                case _:
                    await self._refresh(talk)
        except ParlourError as error:
            await self._fail(talk, job, failure_of(error), error.fields if isinstance(error, VendorError) else {})
        except Exception as error:  # noqa: BLE001 - the one place; the words stay on disk and the conversation can go on
            _log.error("a turn failed inside: %s", type(error).__name__)
            await self._broken(talk, job, error)
        finally:
            if job.turn is not None:
                self._keeper.later(talk, job.turn)

    async def stopped(self, talk: Talk, job: Job) -> None:
        """The person stopped listening; the agent may still finish, so the history is read before the next prompt."""
        turn = job.turn
        if turn is None:
            return
        if turn.state is PromptState.QUEUED:
            turn.state = PromptState.NOT_SENT
        elif turn.state is PromptState.SENDING:
            turn.state = PromptState.UNKNOWN
        turn.stop, turn.ended = Stop.INTERRUPTED, self._clock.wall()
        await self._kept(talk, turn)
        if turn.state is not PromptState.NOT_SENT and job.kind is not JobKind.SETTLE:
            talk.held = True
            talk.jobs.appendleft(Job(JobKind.SETTLE, turn))

    def linked(self, talk: Talk, link: Link) -> None:
        """A remark about the line came from the vendor's code."""
        talk.beat = self._clock.monotonic()
        turn = talk.running.turn if talk.running is not None else None
        if link.state is LinkState.CHECKING and turn is not None and turn.state is PromptState.SENT:
            link = replace(link, state=LinkState.CATCHING_UP)
        if link.state is LinkState.LIVE:
            talk.link = None
        elif link.state is not LinkState.BEAT:
            talk.link = link
        self._tell(talk, Change(What.NOTHING))

    async def follow(self, talk: Talk) -> Turn | None:
        """Keep what others do in a conversation where nothing of ours runs. Returns the turn that goes on now, to be followed."""
        if not isinstance(talk.vendor, Follows):
            return None
        async with contextlib.aclosing(_generator(talk.vendor.follow(talk.conversation, talk.cursor))) as events:
            async for event in events:
                before = talk.cursor
                await _whole(self._apply(talk, event))
                turn = talk.transcript.current
                if turn is not None and turn.open:
                    turn.after = turn.after or before
                    return turn
        return None

    # --- the jobs ----------------------------------------------------------------------------------------------------------

    async def _prompt(self, talk: Talk, turn: Turn) -> None:
        talk.transcript.turns.append(turn)
        talk.transcript.current = turn
        if not talk.conversation.made:
            await self._begin(talk, turn)
        turn.after = last_id(talk)
        turn.state = PromptState.SENDING
        await self._keeper.turn(talk, turn)
        self._tell(talk, Change(What.TURN, turn))
        try:
            await self._take(talk, talk.vendor.send(talk.conversation, _prompt_of(turn)))
        except VendorError as error:
            if turn.state is not PromptState.SENT and error.sent is False:
                raise
            await self._settle(talk, turn, error)

    async def _begin(self, talk: Talk, turn: Turn) -> None:
        """Make the conversation at the vendor. The prompt is still queued, so a failure here proves that it was not sent."""
        local = talk.conversation
        made = await talk.vendor.start(
            local.agent_id,
            title=local.title or safe_line(turn.text, TITLE),
            environment=local.environment,
            external_user_id=local.external_user_id,
            key=str(uuid.uuid5(_BEGINNINGS, turn.uid)),
            extra=local.raw or None,
        )
        talk.conversation = replace(
            made,
            agent_id=made.agent_id or local.agent_id,
            agent_name=made.agent_name or local.agent_name,
            agent_version=made.agent_version or local.agent_version,
            environment=made.environment or local.environment,
            external_user_id=made.external_user_id or local.external_user_id,
        )
        talk.transcript.title = talk.conversation.title
        await self._store.record_many([Entry(talk.pk, conversation=talk.conversation)])
        self._tell(talk, Change(What.CONVERSATION))

    async def _answer(self, talk: Talk, job: Job) -> None:
        if not isinstance(talk.vendor, Approves):
            raise UsageError(f"{talk.vendor.label} has no requests to answer.")
        waits = {request.event_id for turn in talk.transcript.turns[-1:] for request in turn.waiting}
        waits |= {request.event_id for request in job.turn.waiting} if job.turn is not None else set()
        answers = tuple(answer for answer in job.answers if answer.request_id in waits)
        if not answers:
            return
        said = "\n".join(repr(answer) for answer in answers)
        key = str(uuid.uuid5(_ANSWERS, f"{talk.conversation.id}\n{said}"))
        if job.turn is not None and any(answer.kind is RequestKind.FORM for answer in answers):
            _keep_what_was_said(job.turn)
        try:
            await self._take(talk, talk.vendor.answer(talk.conversation, answers, key, talk.cursor))
        except VendorError as error:
            if job.turn is None or error.sent is False:
                raise
            await self._settle(talk, job.turn, error)

    async def _regenerate(self, talk: Talk, turn: Turn | None) -> None:
        if not isinstance(talk.vendor, Regenerates) or turn is None:
            raise UsageError("There is no answer yet that could be made again.")
        before = snapshot(turn)
        turn.stop, turn.failure = None, None
        for part in turn.parts:
            part.done, part.text = False, ""
        talk.transcript.current = turn
        self._tell(talk, Change(What.TURN, turn))
        try:
            await self._take(talk, talk.vendor.regenerate(talk.conversation))
        except VendorError as error:
            turn.parts, turn.stop = before.parts, before.stop
            if error.sent is not False:
                with contextlib.suppress(VendorError):
                    await self._refresh(talk)
            if not before.message_id or turn.message_id == before.message_id:
                raise
        else:
            await self._refresh(talk)

    async def _refresh(self, talk: Talk) -> None:
        transcript = talk.transcript
        touched: dict[str, Turn] = {}
        async with contextlib.aclosing(_generator(talk.vendor.history(talk.conversation))) as events:
            async for event in events:
                change = transcript.apply(event)
                if isinstance(event, Prompted) and change.turn is not None:
                    change.turn.after = change.turn.after or talk.cursor
                if change.turn is not None:
                    touched[change.turn.uid] = change.turn
                if event.wire.id:
                    talk.cursor = event.wire.id
                if len(touched) > BATCH:
                    await self._store.record_many([Entry(talk.pk, turns=tuple(touched.values()))])
                    touched.clear()
        for turn in transcript.turns[:-1]:
            if turn.stop is None and turn.state is PromptState.SENT:
                turn.stop = Stop.UNKNOWN
                touched[turn.uid] = turn
        transcript.current = transcript.turns[-1] if transcript.turns else None
        await self._store.record_many([Entry(talk.pk, turns=tuple(touched.values()), cursor=talk.cursor or None)])
        self._tell(talk, Change(What.CONVERSATION))
        last = transcript.current
        if last is not None and last.open:
            talk.jobs.appendleft(Job(JobKind.SETTLE, last))

    async def _settle(self, talk: Talk, turn: Turn, error: ParlourError | None) -> None:
        """Learn from the server what became of a prompt, for as long as ``patience`` allows; never send it again."""
        if turn.state is PromptState.SENDING:
            turn.state = PromptState.UNKNOWN
        self._keeper.later(talk, turn)
        self.linked(talk, Link(LinkState.CHECKING, reason=str(error or "")))
        began, tries = self._clock.monotonic(), 0
        while True:
            try:
                await self._take(talk, talk.vendor.settle(talk.conversation, _prompt_of(turn), turn.prompt_id))
            except (Unavailable, RateLimited) as away:
                if self._clock.monotonic() - began >= self._patience:
                    return await self._unsettled(talk, turn, failure_of(away))
            except (NotFound, OutcomeUnknown, VendorError) as final:
                return await self._unsettled(talk, turn, failure_of(final))
            else:
                talk.held = False
                return None
            self.linked(talk, Link(LinkState.CHECKING, attempt=tries + 1))
            await self._clock.sleep(SETTLE_DELAYS[min(tries, len(SETTLE_DELAYS) - 1)])
            tries += 1

    async def _unsettled(self, talk: Talk, turn: Turn, failure: Failure) -> None:
        if turn.stop is None or turn.stop.waits or turn.stop is Stop.UNKNOWN:
            turn.stop, turn.failure = Stop.UNKNOWN, failure
        talk.held = talk.held or bool(talk.queued)
        await self._kept(talk, turn)

    async def _fail(self, talk: Talk, job: Job, failure: Failure, fields: Mapping[str, str]) -> None:
        turn = job.turn
        if turn is None or job.kind is JobKind.ANSWER:
            talk.trouble = failure
            talk.fields = fields
            self._tell(talk, Change(What.CONVERSATION, turn))
            return
        if turn.state in (PromptState.QUEUED, PromptState.SENDING):
            turn.state = PromptState.NOT_SENT
        turn.stop, turn.failure, turn.ended = Stop.FAILED, failure, self._clock.wall()
        await self._kept(talk, turn)

    async def _broken(self, talk: Talk, job: Job, error: Exception) -> None:
        """A fault of ours proves nothing about a prompt whose request had begun: it stays unknown, and a person is asked."""
        failure = Failure("internal", f"Parlour itself failed ({type(error).__name__}). What was said is kept; look again.")
        turn = job.turn
        if turn is None or turn.state not in (PromptState.SENDING, PromptState.UNKNOWN):
            await self._fail(talk, job, failure, {})
            return
        turn.state = PromptState.UNKNOWN
        await self._unsettled(talk, turn, failure)

    async def _kept(self, talk: Talk, turn: Turn) -> None:
        """Commit and tell; a disk that is full does not keep the person from being told."""
        try:
            await self._keeper.turn(talk, turn)
        except StoreError:
            self._keeper.later(talk, turn)
        self._tell(talk, Change(What.TURN, turn))

    # --- events ------------------------------------------------------------------------------------------------------------

    async def _take(self, talk: Talk, events: AsyncIterator[Event]) -> None:
        async with contextlib.aclosing(_generator(events)) as stream:
            async for event in stream:
                await self._apply(talk, event)

    async def _apply(self, talk: Talk, event: Event) -> None:
        talk.heard = talk.beat = self._clock.monotonic()
        talk.link = None
        change = talk.transcript.apply(event, self._clock.wall())
        if isinstance(event, PartStarted):
            talk.deltas.begin(event.part_id)
        if isinstance(event, PartDelta):
            talk.deltas.add(event.part_id, self._clock.wall(), event.text)
            if change.turn is not None:
                self._keeper.later(talk, change.turn)
        else:
            title = event.title if isinstance(event, Titled) else talk.conversation.title
            status = talk.transcript.status
            if title != talk.conversation.title or status is not talk.conversation.status:
                talk.conversation = replace(talk.conversation, title=title, status=status)
            await self._keeper.event(talk, event, change)
        self._tell(talk, change)
        if self.overhear is not None:
            self.overhear(talk, event)

    overhear: Callable[[Talk, Event], None] | None = None
    """Handed every event after it was kept, in order; for whoever prints the stream itself."""


async def _whole(work: Coroutine[Any, Any, None]) -> None:
    """Do all of it, also if whoever asked for it is cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _prompt_of(turn: Turn) -> Prompt:
    return Prompt(turn.uid, turn.text, turn.attachments, turn.after)


def _keep_what_was_said(turn: Turn) -> None:
    """A turn that goes on in a further message: what the first one said keeps its place under that message's id."""
    for part in turn.parts:
        ours = part.kind is PartKind.TEXT and part.done and not part.wire_id and bool(turn.message_id)
        if ours and not part.id.endswith(turn.message_id):
            part.id = f"{part.id}-{turn.message_id}"


def _generator(events: AsyncIterator[Event]) -> AsyncGenerator[Event, None]:
    """Vendors write their iterators as generators; this tells the type checker so, to close them for certain."""
    return cast(AsyncGenerator[Event, None], events)
