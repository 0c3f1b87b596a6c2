"""What a conversation asks of the person: approvals, results, and what to do about a message whose fate is unknown."""

from __future__ import annotations

from app.errors import ParlourError
from app.models import Answer, Request, RequestKind
from app.text import json_text
from app.transcript import Turn
from app.turns import Talk
from app.ui import words
from app.ui.desk import Desk
from app.ui.reader import TextDialog
from app.ui.screens.base import Place
from app.ui.widgets.foot import Foot

_UNKNOWN = "unknown:"


class Questions:
    """Keeps the foot of one conversation asking the right thing, and carries the answers."""

    def __init__(self, desk: Desk, talk: Talk, foot: Foot, place: Place) -> None:
        self._desk = desk
        self._talk = talk
        self._foot = foot
        self._place = place

    def refresh(self, width: int) -> None:
        """Ask what has to be asked now, or nothing."""
        turn = self._talk.turn
        if turn is None or self._talk.running is not None:
            self._foot.unask()
        elif turn.waiting:
            request = turn.waiting[0]
            question = words.approval_question(self._talk, request, len(turn.waiting) - 1, width)
            options = words.APPROVAL_OPTIONS if request.kind is RequestKind.APPROVAL else words.RESULT_OPTIONS
            self._foot.ask(request.event_id, question, options)
        elif words.needs_deciding(turn):
            self._foot.ask(f"{_UNKNOWN}{turn.uid}", words.unknown_question(turn), words.UNKNOWN_OPTIONS)
        else:
            self._foot.unask()

    def answered(self, key: str, subject: str) -> None:
        """A key of the question was pressed in earnest."""
        turn = self._talk.turn
        if turn is None:
            return
        if subject.startswith(_UNKNOWN):
            self._decide(key, turn)
            return
        request = self._request(subject)
        if request is None:
            return
        match key:
            case "y" | "n":
                self._answer(Answer(request.event_id, request.kind, allow=key == "y"))
            case "r" if request.kind is RequestKind.APPROVAL:
                self._foot.line(f"deny:{request.event_id}", "say why — enter sends the refusal, esc goes back")
            case "r":
                self._foot.line(f"result:{request.event_id}", "the tool's result — enter sends it, esc goes back")
            case _:
                self._place.app.push_screen(TextDialog(request.name, json_text(request.input, indent=2)))

    def said(self, purpose: str, text: str) -> None:
        """The line that a question asked for."""
        kind, _, event_id = purpose.partition(":")
        request = self._request(event_id)
        if request is None:
            return
        if kind == "deny":
            self._answer(Answer(event_id, request.kind, allow=False, reason=text))
        else:
            self._answer(Answer(event_id, request.kind, data=text))

    def _request(self, event_id: str) -> Request | None:
        turn = self._talk.turn
        return next((request for request in turn.waiting if request.event_id == event_id), None) if turn is not None else None

    def _answer(self, answer: Answer) -> None:
        try:
            self._desk.turns.answer(self._talk, (answer,))
        except ParlourError as error:
            self._place.say(error, failed=True)
        self._foot.unask()

    def _decide(self, key: str, turn: Turn) -> None:
        if key == "l":
            self._desk.turns.settle(self._talk, turn)
        elif key == "x":
            self._place.attempt(lambda: self._desk.turns.give_up(self._talk, turn))
        else:
            self._place.attempt(lambda: self._again(turn))

    async def _again(self, turn: Turn) -> None:
        """A new message with the same words: the person decided that, and the old one keeps its own state."""
        await self._desk.turns.give_up(self._talk, turn)
        await self._desk.turns.submit(self._talk, turn.text, turn.attachments)
