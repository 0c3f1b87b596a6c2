"""What one can do with a transcript in front of one: rate, copy, open a link."""

from __future__ import annotations

from textual import on

from app.errors import Unavailable
from app.protocols import Rates
from app.ratings import rate
from app.text import json_text
from app.turns import Talk
from app.ui import links
from app.ui.desk import Desk
from app.ui.dialogs import ConfirmDialog
from app.ui.screens.away import Away
from app.ui.screens.base import Place
from app.ui.widgets.foot import Foot
from app.ui.widgets.transcript import TranscriptView, messages


class Reading(Place):
    """A screen with a transcript and a foot of one conversation."""

    def __init__(self, desk: Desk, talk: Talk) -> None:
        super().__init__(desk)
        self.talk = talk
        self._away: Away | None = None

    async def begin_watching(self) -> None:
        """Somebody looks at it from now on, unless they have left already."""
        if not self.is_attached:
            return
        self._away = Away(self.desk.store, self.talk, self.view)
        await self._away.restore()
        if self.is_attached:
            self.desk.turns.watch(self.talk)

    async def end_watching(self) -> None:
        """Nobody looks any more; a turn that runs goes on."""
        self.desk.turns.unwatch(self.talk)
        if self._away is not None:
            await self._away.leave()

    def look_again(self) -> None:
        """The history was read; what comes live is seen as it comes."""
        if self._away is not None and self.talk.running is None and self.talk.following is None:
            self._away.look()

    @property
    def view(self) -> TranscriptView:
        """The transcript."""
        return self.query_one(TranscriptView)

    @property
    def foot(self) -> Foot:
        """Composer, question, comment."""
        return self.query_one(Foot)

    @property
    def can_rate(self) -> bool:
        """Whether answers of this conversation can be rated."""
        return isinstance(self.talk.vendor, Rates)

    @on(messages.RateRequested)
    def begin_rating(self, event: messages.RateRequested) -> None:
        """A verdict; a comment may follow."""
        if self.can_rate:
            self.foot.rate(event.uid, event.verdict)

    @on(Foot.Rated)
    def finish_rating(self, event: Foot.Rated) -> None:
        """Write it down and send it."""
        turn = self.talk.transcript.turn(event.uid)
        if turn is None:
            return

        async def send() -> None:
            try:
                await rate(self.desk.turns, self.desk.store, self.talk, turn, event.verdict, event.comment)
            except Unavailable:
                self.say("The rating is kept; it is sent when the vendor can be reached.")

        self.attempt(send, group="rate")

    def action_export(self) -> None:
        """As a file of its own."""
        from app.ui import exporting

        exporting.ask_talk(self, self.talk)

    @on(messages.CopyRequested)
    def copy_part(self, event: messages.CopyRequested) -> None:
        """To the clipboard; an event as the wire sent it, if it is kept."""

        async def look() -> None:
            seq = await self.desk.store.event_seq(self.talk.pk, event.wire_id)
            found = await self.desk.store.events(self.talk.pk, after_seq=seq - 1, limit=1) if seq else []
            self.copy(event.kind, json_text(found[0].wire.raw, indent=2) if found else event.text)

        if event.wire_id:
            self.attempt(look, group="copy")
        else:
            self.copy(event.kind, event.text)

    @on(messages.LinkRequested)
    def open_link(self, event: messages.LinkRequested) -> None:
        """Show where it goes and ask."""

        def opened(sure: bool | None) -> None:
            if sure and not links.browse(event.url):
                self.say(f"It could not be opened. The address: {event.url}", failed=True)

        try:
            shown = links.described(event.url)
        except ValueError as error:
            self.say(f"This link is not opened: {error}", failed=True)
            return
        self.app.push_screen(ConfirmDialog(f"Open this address?\n\n{shown}", "open", "leave it"), opened)
