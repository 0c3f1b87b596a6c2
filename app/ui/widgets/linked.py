"""A transcript that tells when it is scrolled, so that another can go along."""

from __future__ import annotations

from textual.message import Message

from app.transcript import Change, Transcript, What
from app.ui.widgets.transcript import TranscriptView


class LinkedView(TranscriptView):
    """Shows one of two answers."""

    class Scrolled(Message):
        """It moved by rows; 0: to the end, and follows it."""

        def __init__(self, view: LinkedView, rows: int) -> None:
            super().__init__()
            self.view = view
            self.rows = rows

    _listed: frozenset[str] = frozenset()

    def scroll_rows(self, rows: int) -> None:
        """Move by rows, and say so."""
        super().scroll_rows(rows)
        self.post_message(self.Scrolled(self, rows))

    def go_along(self, rows: int) -> None:
        """Move as the other did, and say nothing."""
        if rows:
            super().scroll_rows(rows)
        else:
            super().action_end()

    def action_end(self) -> None:
        """The newest line, here and there."""
        super().action_end()
        self.post_message(self.Scrolled(self, 0))

    def show(self, transcript: Transcript) -> None:
        """All of a conversation."""
        self._listed = frozenset(turn.uid for turn in transcript.turns)
        self.set_turns(transcript.turns)

    def changed(self, transcript: Transcript, change: Change) -> None:
        """What an event did to it."""
        if change.removed is not None or {turn.uid for turn in transcript.turns} != self._listed:
            self.show(transcript)
        elif change.turn is not None:
            self.turn_changed(change.turn, change.part, change.text if change.what is What.DELTA else "")
