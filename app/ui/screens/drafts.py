"""The draft of a conversation: on disk within a second, over quit and crash; and the shelf for those put away."""

from __future__ import annotations

import json
from collections.abc import Sequence

from textual.timer import Timer

from app.errors import StoreError
from app.models import PromptState
from app.store import Store
from app.transcript import Turn
from app.turns import Talk
from app.ui import shelf
from app.ui.screens.base import Place
from app.ui.widgets.pastes import Span
from app.ui.widgets.prompt import Prompt

AFTER = 1.0
"""Seconds after a key that the draft is on disk."""


class Drafts:
    """Keeps what stands in one composer."""

    def __init__(self, store: Store, talk: Talk, prompt: Prompt, place: Place) -> None:
        self._store = store
        self._talk = talk
        self._given_back = {turn.uid for turn in talk.transcript.turns}
        self._prompt = prompt
        self._place = place
        self._timer: Timer | None = None
        self._saved = ""
        self._refused = False
        self._spans: list[Span] = []
        self.aside = ""
        """The person's own draft, while something that was asked before stands in the composer."""

    @property
    def _notes(self) -> tuple[str, str]:
        return f"pasted:{self._talk.pk}", f"aside:{self._talk.pk}"

    async def restore(self, draft: str = "") -> None:
        """Put the given draft, or the one that was left, into the composer; what was typed meanwhile follows it."""
        stored = await self._store.get(self._talk.pk)
        self._saved = stored.draft if stored is not None else ""
        aside = await self._store.note(self._notes[1])
        if aside:
            await shelf.put(self._store, aside)
            await self._store.save_note(self._notes[1], "")
            self._place.say(f"The draft that you had before is on the shelf; {self._place.key('talk.shelf')} brings it back.")
        wanted = draft or self._saved
        spans = await self._pasted() if wanted == self._saved else ()
        if wanted:
            typed, own = self._prompt.pastes.whole(self._prompt.text)
            self._prompt.put(wanted + typed, [*spans, *((start + len(wanted), size) for start, size in own)])

    async def _pasted(self) -> Sequence[Span]:
        try:
            size, *spans = json.loads(await self._store.note(self._notes[0]) or "[0]")
            return [(int(start), int(length)) for start, length in spans] if size == len(self._saved) else ()
        except (ValueError, TypeError):
            return ()

    def changed(self) -> None:
        """A key was pressed."""
        if self._timer is None:
            self._timer = self._place.set_timer(AFTER, self.save)

    async def save(self) -> None:
        """Put it on disk now; where that fails it stays in the composer, and the person is told once."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        text, spans = self._prompt.pastes.whole(self._prompt.text)
        if text == self._saved and spans == self._spans:
            return
        try:
            if spans or self._spans:
                await self._store.save_note(self._notes[0], json.dumps([len(text), *spans]) if spans else "")
                self._spans = spans
            await self._store.save_draft(self._talk.pk, text)
        except StoreError as error:
            if not self._refused:
                self._place.say(f"The draft stays here only. {error}", failed=True)
            self._refused = True
        else:
            self._saved, self._refused = text, False

    async def put_aside(self) -> None:
        """Keep the person's own draft while the composer shows something else."""
        await self.save()
        self.aside = self._prompt.whole
        if self.aside:
            await self._store.save_note(self._notes[1], self.aside)

    async def take_aside(self) -> None:
        """The person's own draft is in the composer again."""
        self._prompt.put(self.aside)
        await self.save()
        if self.aside:
            await self._store.save_note(self._notes[1], "")
        self.aside = ""

    def give_back(self) -> Turn | None:
        """The words of a message that did not leave go back into an empty composer, once; the turn they were of."""
        turn = self._talk.turn
        if turn is None or turn.state is not PromptState.NOT_SENT or turn.uid in self._given_back:
            return None
        self._given_back.add(turn.uid)
        if not self._prompt.text and not self._talk.queued:
            self._prompt.put(turn.text)
            return turn
        return None

    async def put_away(self) -> None:
        """Onto the shelf."""
        text = self._prompt.whole
        count = await shelf.put(self._store, text)
        if self._prompt.whole == text:
            self._prompt.clear()
        await self.save()
        self._place.say(f"Put on the shelf ({count} there); {self._place.key('talk.shelf')} brings it back.")

    async def bring_back(self, draft: str = "") -> None:
        """One off the shelf, the newest by default; it is in the conversation's own draft before it is gone from there."""
        wanted = draft or next(iter(await shelf.drafts_on(self._store)), "")
        if not wanted:
            self._place.say("The shelf is empty; ctrl+c or ctrl+s puts a draft there.")
            return
        if self._prompt.text:
            await self.put_away()
        self._prompt.put(wanted)
        await self.save()
        await shelf.take_one(self._store, wanted)
