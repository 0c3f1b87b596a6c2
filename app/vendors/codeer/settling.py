"""What became of a prompt: the stored messages are read until they tell, nothing is sent (contract 13)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from app.clock import Clock
from app.errors import NotFound, OutcomeUnknown, VendorError
from app.models import Event, Link, LinkState, Prompt
from app.protocols import tell_link
from app.vendors.codeer.rows import Row, answered, answers_to, find_prompt, prompted

LOOKS = (0.0, 1.0, 2.0, 3.0, 4.0)
"""Seconds before each reading for the prompt: ten in all."""
POLLS = (1.0, 2.0, 4.0, 5.0)
"""Seconds between readings for its answer; the last one goes on."""


class Settling:
    """Reads the end of one chat, ``tail``, for at most ``patience`` seconds after the prompt was found."""

    def __init__(self, clock: Clock, tail: Callable[[], Awaitable[Sequence[Row]]], patience: float) -> None:
        self._clock = clock
        self._tail = tail
        self._patience = patience

    async def look(self, prompt: Prompt, prompt_id: str) -> AsyncGenerator[Event, None]:
        """``Prompted`` as soon as the prompt is found, its answer as soon as it is stored.

        ``NotFound`` if it did not turn up, which proves nothing; ``OutcomeUnknown`` if its answer did not. An error of the
        reading itself leaves the outcome as unknown as it was.
        """
        rows, index = await self._find(prompt, prompt_id)
        if index is None:
            raise NotFound(
                "The prompt is not among the stored messages of this conversation after looking for 10 s. That does not prove "
                "that it never arrives: read the conversation once more before sending it again.",
                sent=None,
            )
        found = prompted(rows[index], prompt.key)
        yield found
        waited, polls = 0.0, list(POLLS)
        while True:
            answers = answers_to(rows, index) if index is not None else []
            if answers:
                for event in answered(answers):
                    yield event
                return
            if waited >= self._patience:
                break
            seconds = polls.pop(0) if len(polls) > 1 else polls[0]
            await self._clock.sleep(seconds)
            waited += seconds
            rows = await self._read(sent=True)
            index = find_prompt(rows, prompt, found.prompt_id, found.group)
        failure = OutcomeUnknown(
            f"The prompt is stored, but no answer came within {self._patience:.0f} s. Read the conversation later, or have it "
            "answered again."
        )
        failure.sent = True
        raise failure

    async def _find(self, prompt: Prompt, prompt_id: str) -> tuple[Sequence[Row], int | None]:
        rows: Sequence[Row] = ()
        for seconds in LOOKS:
            if seconds:
                await self._clock.sleep(seconds)
            rows = await self._read(sent=None)
            index = find_prompt(rows, prompt, prompt_id)
            if index is not None:
                return rows, index
        return rows, None

    async def _read(self, *, sent: bool | None) -> Sequence[Row]:
        tell_link.get()(Link(LinkState.CHECKING))
        try:
            return await self._tail()
        except VendorError as error:
            error.sent = sent
            raise
