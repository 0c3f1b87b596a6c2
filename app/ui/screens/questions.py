"""What a conversation asks of the person: approvals, results, and what to do about a message whose fate is unknown."""

from __future__ import annotations

from app.errors import ParlourError
from app.models import Answer, Failure, Json, Request, RequestKind
from app.text import json_text
from app.transcript import Turn
from app.turns import Talk
from app.ui import words
from app.ui.desk import Desk
from app.ui.screens.base import Place
from app.ui.screens.form import FormScreen
from app.ui.tool_results import ToolResults
from app.ui.widgets.foot import Foot

_UNKNOWN = "unknown:"


class Questions:
    """Keeps the foot of one conversation asking the right thing, and carries the answers."""

    def __init__(self, desk: Desk, talk: Talk, foot: Foot, place: Place) -> None:
        self._desk = desk
        self._talk = talk
        self._foot = foot
        self._place = place
        self._results = ToolResults(desk, place)
        self._told: Failure | None = None
        self._entered: dict[str, dict[str, str | list[str]]] = {}

    def refresh(self, width: int) -> None:
        """Ask what has to be asked now, or nothing."""
        turn = self._talk.turn
        if turn is None or self._talk.running is not None:
            self._foot.unask()
        elif turn.waiting and self._talk.trouble is not None and self._talk.trouble is not self._told:
            self._told = self._talk.trouble
            faults = "; ".join(f"{name}: {why}" for name, why in self._talk.fields.items())
            self._place.say(f"{self._talk.trouble.message} {faults}", failed=True)
            self.refresh(width)
        elif turn.waiting:
            request = turn.waiting[0]
            question = words.approval_question(self._talk, request, len(turn.waiting) - 1, width)
            tool = request.kind is RequestKind.TOOL
            options = self._results.options(self._talk, request) if tool else words.OPTIONS[request.kind]
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
            case "c":
                self._results.by_command(self._opened, request)
            case "f" if request.kind is RequestKind.TOOL:
                self._results.from_file(self._opened, request)
            case "f":
                self._fill_in(request)
            case "y" | "n":
                self._answer(Answer(request.event_id, request.kind, allow=key == "y"))
            case "r" if request.kind is RequestKind.APPROVAL:
                self._foot.line(f"deny:{request.event_id}", "say why — enter sends the refusal, esc goes back")
            case "r":
                self._foot.line(f"result:{request.event_id}", "the tool's result — enter sends it, esc goes back")
            case _:
                self._place.read_whole(request.name, json_text(request.input, indent=2))

    async def _opened(self) -> Talk:
        return self._talk

    def _fill_in(self, request: Request) -> None:
        entered = self._entered.setdefault(request.event_id, {})

        def handed_in(values: dict[str, Json] | None) -> None:
            if values is not None:
                self._answer(Answer(request.event_id, request.kind, data=values))

        self._place.app.push_screen(FormScreen(request.name or "Form", request.input, entered), handed_in)

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
        await self._desk.turns.again(self._talk, turn)
