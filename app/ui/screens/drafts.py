"""The draft of a conversation: on disk within a second, over quit and crash; and the shelf for those put away."""

from __future__ import annotations

from textual.timer import Timer

from app.errors import StoreError
from app.models import PromptState
from app.store import Store
from app.transcript import Turn
from app.turns import Talk
from app.ui import shelf
from app.ui.screens.base import Place
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

    async def restore(self, draft: str = "") -> None:
        """Put the given draft, or the one that was left, into the composer; what was typed meanwhile stays."""
        stored = await self._store.get(self._talk.pk)
        self._saved = stored.draft if stored is not None else ""
        wanted = draft or self._saved
        if wanted and not self._prompt.text:
            self._prompt.put(wanted)

    def changed(self) -> None:
        """A key was pressed."""
        if self._timer is None:
            self._timer = self._place.set_timer(AFTER, self.save)

    async def save(self) -> None:
        """Put it on disk now; where that fails it stays in the composer, and the person is told once."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        text = self._prompt.text
        if text == self._saved:
            return
        try:
            await self._store.save_draft(self._talk.pk, text)
        except StoreError as error:
            if not self._refused:
                self._place.say(f"The draft stays here only. {error}", failed=True)
            self._refused = True
        else:
            self._saved, self._refused = text, False

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
        count = await shelf.put(self._store, self._prompt.text)
        self._prompt.clear()
        self._place.say(f"Put on the shelf ({count} there); ctrl+s brings it back.")

    async def bring_back(self) -> None:
        """The newest one off the shelf."""
        draft = await shelf.take(self._store)
        if draft:
            self._prompt.put(draft)
        else:
            self._place.say("The shelf is empty; ctrl+c or ctrl+s puts a draft there.")
