"""A turn on the wire: the message goes out, its answer comes back, as events or whole (contract 5.6, 6.4, 6.8)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from app.errors import Forbidden, NotFound, OutcomeUnknown, VendorError
from app.models import Conversation, Event, Json, PartDone, Prompt, Prompted, TurnEnded, Wire
from app.vendors.codeer import envelope
from app.vendors.codeer.decode import ANSWER, Answering, decode
from app.vendors.codeer.objects import whole_answer
from app.vendors.codeer.rows import Row, answers_to, find_prompt, id_of, prompted
from app.vendors.codeer.tags import stripped
from app.vendors.http import Http, Stream, StreamCut

_LINGER = 0.15
"""Seconds to wait after the answer was complete for ``[DONE]`` or a late title."""
_NAMING = 2.0
"""Seconds that the one look for the answer's id may take."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One write that an agent answers. ``user`` is whom it is sent for."""

    path: str
    body: Mapping[str, Json]
    user: str


class Answers:
    """Sends and reads. ``tail`` gives the newest stored messages of a chat; ``idle`` seconds without a byte are too long."""

    def __init__(self, http: Http, idle: float, tail: Callable[[Conversation], Awaitable[Sequence[Row]]]) -> None:
        self._http = http
        self._idle = idle
        self._tail = tail

    async def take(
        self, conversation: Conversation, sending: Sending, prompt: Prompt, state: Answering
    ) -> AsyncGenerator[Event, None]:
        """Send, and give the events of the answer with its end. What the content type says decides, not what was asked for."""
        failure: VendorError | None = None
        try:
            accept = "text/event-stream" if sending.body.get("stream", True) else "application/json"
            opening = self._http.stream(
                "POST", sending.path, body=dict(sending.body), headers={"accept": accept}, idle=self._idle
            )
            async with opening as stream:
                reading = self._events(stream, state) if stream.is_events else self._whole(stream, state)
                async with aclosing(reading):
                    async for event in reading:
                        yield event
        except Forbidden as error:
            failure = envelope.explain_user(error, sending.user) if error.code == envelope.NOT_ALLOWED else error
        except NotFound as error:
            failure = envelope.explain_missing(error)
        if failure is not None:
            raise failure
        ended = state.end(cut=False)
        if ended is None:
            raise _incomplete(state, "The answer ended without its end.")
        if ended.failure is None:
            named, ended = await self._named(conversation, prompt, state, ended)
            if named is not None:
                yield named
        yield ended

    async def _events(self, stream: Stream, state: Answering) -> AsyncGenerator[Event, None]:
        """A streamed answer, up to its end or ``OutcomeUnknown``."""
        failure: VendorError | None = None
        try:
            async with aclosing(stream.frames(unfinished=True)) as frames:
                async for frame in frames:
                    done = state.succeeded
                    for event in decode(frame, state):
                        yield event
                    if state.over:
                        break
                    if state.succeeded and not done:
                        stream.linger(_LINGER)
        except StreamCut as error:
            failure = None if state.end(cut=True) is not None else _incomplete(state, str(error))
        except VendorError as error:
            error.sent = True if state.prompted else None
            failure = None if state.succeeded else error
        for event in state.rest():
            yield event
        if failure is not None:
            raise failure

    async def _whole(self, stream: Stream, state: Answering) -> AsyncGenerator[Event, None]:
        """An answer that comes in one piece: the envelope's ``data`` is its text."""
        try:
            reply = await stream.json()
        except StreamCut as error:
            failure = _incomplete(state, str(error))
        else:
            text = whole_answer(envelope.opened(reply, write=True))
            state.prompted = state.completed = True
            yield Prompted(key=state.key, prompt_id=state.prompt_id, group=state.group, wire=Wire("message.accepted"))
            yield PartDone(part_id=ANSWER, text=stripped(text), wire=Wire("message.answered", reply.data))
            return
        raise failure

    async def _named(
        self, conversation: Conversation, prompt: Prompt, state: Answering, ended: TurnEnded
    ) -> tuple[Prompted | None, TurnEnded]:
        """The ids that the stream did not tell, from one look at the stored messages; without them if that fails."""
        try:
            async with asyncio.timeout(_NAMING):
                rows = await self._tail(conversation)
        except (VendorError, TimeoutError):
            return None, ended
        index = find_prompt(rows, prompt, state.prompt_id, state.group)
        if index is None:
            return None, ended
        answers = answers_to(rows, index)
        if answers:
            ended = replace(ended, message_id=id_of(answers[-1]))
        return (None if state.prompt_id else replace(prompted(rows[index], state.key), text=None)), ended


def _incomplete(state: Answering, words: str) -> OutcomeUnknown:
    """The stream is over and did not say how the turn ended. ``sent`` tells whether the prompt at least had arrived."""
    said = words if words.endswith((".", "!", "?")) else f"{words}."
    failure = OutcomeUnknown(f"{said} The answer may be complete at Codeer; nothing was sent again.")
    failure.sent = True if state.prompted else None
    return failure
