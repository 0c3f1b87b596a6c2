"""A paste opened: read, changed, kept."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea

from app.text import safe, safe_line
from app.ui.widgets.bars import KeyBar


class PasteDialog(ModalScreen[str | None]):
    """The result is the text as it was kept; None if nothing is to change."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "keep", "Keep", id="paste.keep", tooltip="Keep the changes", priority=True),
        Binding("escape", "leave", "Leave", id="paste.leave", tooltip="Change nothing", priority=True),
    ]

    def __init__(self, word: str, text: str) -> None:
        super().__init__()
        self._word = safe_line(word, 80)
        self._text = text

    def compose(self) -> ComposeResult:
        """The text in a field as large as there is room."""
        with Vertical(id="reader"):
            yield Static(Content.styled(self._word.strip("[]"), "bold"), id="reader-title")
            field = TextArea(self._text, soft_wrap=True, tab_behavior="focus", id="reader-text")
            field.cursor_blink = False
            yield field
            bar = KeyBar(id="reader-keys")
            bar.keys([("ctrl+s", "keep"), ("esc", "leave as it is")])
            yield bar

    def action_keep(self) -> None:
        """This is the text now."""
        self.dismiss(safe(self.query_one(TextArea).text))

    def action_leave(self) -> None:
        """As it was."""
        self.dismiss(None)
