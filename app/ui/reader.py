"""A text to be read whole: a tool's input, a long message."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from app.text import safe, safe_line


class TextDialog(ModalScreen[None]):
    """Shows a text; any of the closing keys puts it away."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "close", "Close", id="reader.close", tooltip="Back to where you were"),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title = safe_line(title, 120)
        self._text = safe(text)

    def compose(self) -> ComposeResult:
        """Title, text, the key that closes it."""
        with Vertical(id="reader"):
            yield Static(Content.styled(self._title, "bold"), id="reader-title")
            with VerticalScroll(id="reader-text"):
                yield Static(Content(self._text))
            yield Static(Content.assemble(("esc", "bold"), " ", ("close", "$text-muted")), id="reader-keys")

    def action_close(self) -> None:
        """Put it away."""
        self.dismiss(None)


class SureDialog(ModalScreen[bool]):
    """A text to be read whole, and then yes or no; no is what Esc means."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "say(True)", "Yes", id="sure.yes", tooltip="Do it"),
        Binding("n,escape", "say(False)", "No", id="sure.no", tooltip="Do not"),
    ]

    def __init__(self, title: str, text: str, yes: str, no: str) -> None:
        super().__init__()
        self._title = safe_line(title, 120)
        self._text = safe(text)
        self._words = (safe_line(yes, 40), safe_line(no, 40))

    def compose(self) -> ComposeResult:
        """Title, text, the two keys."""
        with Vertical(id="reader"):
            yield Static(Content.styled(self._title, "bold"), id="reader-title")
            with VerticalScroll(id="reader-text"):
                yield Static(Content(self._text))
            keys = (
                ("y", "bold"),
                " ",
                (self._words[0], "$text-muted"),
                "   ",
                ("n", "bold"),
                " ",
                (self._words[1], "$text-muted"),
            )
            yield Static(Content.assemble(*keys), id="reader-keys")

    def action_say(self, answer: bool) -> None:
        """Answer."""
        self.dismiss(answer)
