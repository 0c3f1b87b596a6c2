"""Turns to show, and an application with nothing but the transcript."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.app import App, ComposeResult
from textual.filter import LineFilter
from textual.widgets import Input

from app.models import PartKind, Stop
from app.transcript import Part, Turn
from app.ui import themes
from app.ui.linefilter import SafeFilter
from app.ui.widgets.transcript import TranscriptView

NOW = 1_700_000_000.0


def text_part(part_id: str, text: str = "", *, done: bool = True, kind: PartKind = PartKind.TEXT) -> Part:
    part = Part(part_id, kind, done=done)
    part.text = text
    return part


def turn(uid: str, asked: str = "a question", answer: str = "", *, stop: Stop | None = Stop.DONE) -> Turn:
    made = Turn(uid, 1.0, asked, stop=stop, started=NOW)
    if answer:
        made.parts.append(text_part(f"{uid}-answer", answer, done=stop is not None))
    return made


def many(count: int, answer: str = "An answer.\n\n- one\n- two\n") -> list[Turn]:
    return [turn(f"t{number}", f"question {number}", answer) for number in range(count)]


class Page(App[None]):
    """The transcript above an input; keeps the messages it is sent."""

    CSS = "Input { dock: bottom; height: 1; border: none; }"

    def __init__(self, turns: Sequence[Turn] = ()) -> None:
        super().__init__()
        self.turns = list(turns)
        self.said: list[Any] = []
        self.safe_filter = SafeFilter()
        self.now = NOW + 60

    def compose(self) -> ComposeResult:
        yield TranscriptView(wall=lambda: self.now, id="transcript")
        yield Input()

    def on_mount(self) -> None:
        themes.register(self)
        self.theme = themes.DARK
        self.view.agent_name = "Researcher"
        self.view.set_turns(self.turns)
        self.view.focus()

    @property
    def view(self) -> TranscriptView:
        return self.query_one(TranscriptView)

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self.safe_filter]

    def on_focused(self, event: Any) -> None:
        self.said.append(event)

    def on_copy_requested(self, event: Any) -> None:
        self.said.append(event)

    def on_rate_requested(self, event: Any) -> None:
        self.said.append(event)

    def on_link_requested(self, event: Any) -> None:
        self.said.append(event)

    def on_fold_toggled(self, event: Any) -> None:
        self.said.append(event)

    def shown(self) -> list[str]:
        """What stands on the screen, line by line."""
        self.view.flush()
        return [line.text.rstrip(" ▐") for line in self.view.painter.lines]

    def last(self, kind: type) -> Any:
        return next((message for message in reversed(self.said) if isinstance(message, kind)), None)
