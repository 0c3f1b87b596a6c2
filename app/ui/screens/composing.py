"""The text of a composer and where it goes: its draft, the shelf, what was asked before, the queue, its pastes."""

from __future__ import annotations

from textual import on

from app.text import safe_line
from app.transcript import Turn
from app.ui import shelf
from app.ui.paste import PasteDialog
from app.ui.pick import PickDialog
from app.ui.screens.attachments import Attachments
from app.ui.screens.drafts import Drafts
from app.ui.screens.queue import QueueDialog
from app.ui.screens.recalling import Recalling
from app.ui.screens.saving import Saving
from app.ui.widgets.foot import Prompt
from app.ui.widgets.rows import Cell, Column, Row


class Composing(Saving):
    """A conversation with a composer. Whoever mounts it calls ``begin_composing`` first of all."""

    drafts: Drafts
    recalling: Recalling
    attachments: Attachments

    def begin_composing(self) -> None:
        """Make what keeps the text."""
        self.drafts = Drafts(self.desk.store, self.talk, self.foot.prompt, self)
        self.recalling = Recalling(self.foot.prompt, self.drafts, self.asked)
        self.attachments = Attachments(self.desk.store, self.talk, self.foot)

    @on(Prompt.Recalled)
    def recall(self, event: Prompt.Recalled) -> None:
        """Up in an empty composer takes the last queued message back; otherwise what was asked before comes."""
        queued = self.talk.queued
        if event.step < 0 and queued and not self.foot.prompt.text and not self.recalling.away:
            self._take_back(queued[-1])
        else:
            self._recall(event.step)

    def _recall(self, step: int) -> None:
        async def go() -> None:
            await self.recalling.step(step)

        self.attempt(go, group="recall")

    def _take_back(self, turn: Turn) -> None:
        async def withdraw() -> None:
            if await self.desk.turns.withdraw(self.talk, turn):
                if self.foot.prompt.text:
                    await self.drafts.put_away()
                self.foot.prompt.put(turn.text)
                await self.drafts.save()
                await self.attachments.put_back(turn.attachments)

        self.attempt(withdraw)

    def action_queue(self) -> None:
        """What waits to be sent."""

        async def move(turn: Turn, step: int) -> bool:
            return await self.desk.turns.move(self.talk, turn, step)

        async def drop(turn: Turn) -> None:
            if await self.desk.turns.withdraw(self.talk, turn):
                await shelf.put(self.desk.store, turn.text)

        def chosen(turn: Turn | None) -> None:
            if turn is not None:
                self._take_back(turn)

        if self.talk.queued:
            self.app.push_screen(QueueDialog(lambda: self.talk.queued, move, drop), chosen)
        else:
            self.say("Nothing waits to be sent. What you send while the agent works waits here.")

    @on(Prompt.PasteOpened)
    def open_paste(self, event: Prompt.PasteOpened) -> None:
        """Read it whole, and change it."""

        def kept(text: str | None) -> None:
            if text is not None:
                self.foot.prompt.change_paste(event.word, text)

        self.app.push_screen(PasteDialog(event.word, event.text), kept)

    @on(Prompt.Asked)
    async def act(self, event: Prompt.Asked) -> None:
        """A key of the composer that is not about its text."""
        await self.run_action({"leave": "app.quit", "help": "app.help", "details": "details"}[event.what])

    async def asked(self, text: str = "") -> list[str]:
        """What was asked before in any conversation, the latest first."""
        accounts = [await self.desk.account(profile) for profile in await self.desk.profiles()]
        return await self.desk.store.prompts(accounts, text=text)

    def action_shelf(self) -> None:
        """Put the draft away; or bring back the last one, or any if there are several."""
        self.attempt(self.drafts.put_away if self.foot.prompt.text else self._from_shelf, group="shelf")

    async def _from_shelf(self) -> None:
        drafts = await shelf.drafts_on(self.desk.store)
        if len(drafts) < 2:
            await self.drafts.bring_back()
            return

        async def fitting(typed: str) -> list[Row]:
            found = [(at, draft) for at, draft in enumerate(drafts) if typed.casefold() in draft.casefold()]
            return [Row(str(at), (Cell(safe_line(draft, 300)), Cell(f"{len(draft):,}", "quiet"))) for at, draft in found]

        def picked(number: str | None) -> None:
            if number is not None:
                self.attempt(lambda: self.drafts.bring_back(drafts[int(number)]), group="shelf")

        columns = (Column(share=1), Column(width=8, right=True))
        self.app.push_screen(PickDialog(f"The shelf: {len(drafts)} drafts, the newest first", fitting, columns=columns), picked)
