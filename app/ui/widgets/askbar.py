"""A question in the composer's place: an approval, or what to do about a message whose fate is unknown.

Keys count only ``GUARD`` seconds after it appeared, so that nothing typed ahead answers it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from app.text import safe_line

GUARD = 0.5
"""Seconds during which no key answers."""


@dataclass(frozen=True, slots=True)
class Option:
    """A key and what it does."""

    key: str
    what: str


class AskBar(Widget, can_focus=True):
    """Shows one question with its options."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Later", id="ask.leave", show=False, tooltip="Leave the question open and read on"),
    ]

    class Answered(Message):
        """A key was pressed in earnest."""

        def __init__(self, key: str, subject: str) -> None:
            super().__init__()
            self.key = key
            self.subject = subject

    class Left(Message):
        """The question stays open."""

    def __init__(self, now: Callable[[], float], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._now = now
        self._since = 0.0
        self._question = Content()
        self._options: tuple[Option, ...] = ()
        self.subject = ""

    def ask(self, subject: str, question: Content, options: Sequence[Option]) -> None:
        """Show a question; the same subject again does not restart the guard."""
        if subject != self.subject:
            self.subject, self._since = subject, self._now()
        self._question, self._options = question, tuple(options)
        self.refresh(layout=True)

    def clear(self) -> None:
        """No question any more."""
        self.subject = ""

    def on_key(self, event: events.Key) -> None:
        """An option's key, once the guard is over."""
        if event.key in {option.key for option in self._options}:
            event.stop()
            if self._now() - self._since >= GUARD:
                self.post_message(self.Answered(event.key, self.subject))

    def action_leave(self) -> None:
        """Leave it open."""
        self.post_message(self.Left())

    def render(self) -> Content:
        """The question, then the options in one line."""
        line = Content("   ").join(
            Content.assemble((option.key, "bold $warning"), " ", safe_line(option.what)) for option in self._options
        )
        return Content("\n").join([self._question, line])
