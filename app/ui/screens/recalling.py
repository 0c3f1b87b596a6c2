"""Up and down in the composer: through what was asked before, and back to one's own draft, which nothing of this destroys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from app.ui.screens.drafts import Drafts
from app.ui.widgets.prompt import Prompt


class Recalling:
    """Where one is among the earlier prompts of one composer. ``asked`` brings them, the latest first."""

    def __init__(self, prompt: Prompt, drafts: Drafts, asked: Callable[[], Awaitable[Sequence[str]]]) -> None:
        self._prompt = prompt
        self._drafts = drafts
        self._asked = asked
        self._prompts: list[str] = []
        self._at = -1
        self._shown = ""

    @property
    def away(self) -> bool:
        """Whether something that was asked before stands in the composer."""
        return self._at >= 0

    async def step(self, step: int) -> bool:
        """One further back (-1) or forward (1); False if there is nothing."""
        to = self._at - step
        if self._at < 0:
            if step > 0:
                return False
            self._prompts = list(await self._asked())
        if not -1 <= to < len(self._prompts):
            return False
        if self._at < 0:
            await self._drafts.put_aside()
        elif self._prompt.whole != self._shown:
            self._prompts[self._at] = self._prompt.whole
        self._at = to
        if to < 0:
            await self._drafts.take_aside()
        else:
            self._prompt.put(self._prompts[to])
            self._shown = self._prompt.whole
        if step < 0:
            self._prompt.move_cursor((0, 0))
        return True

    async def sent(self) -> None:
        """What stood in the composer is on its way: one's own draft comes back."""
        if self.away:
            self._at = -1
            await self._drafts.take_aside()
