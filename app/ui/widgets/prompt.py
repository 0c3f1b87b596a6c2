"""The composer: grows with its text, sends on Enter, knows nothing of what happens then."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from app.text import safe


class Prompt(TextArea):
    """Where a message is written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Send", id="prompt.send", tooltip="Send the message", show=False),
        Binding("ctrl+j,shift+enter", "newline", "New line", id="prompt.newline", tooltip="Begin a new line", show=False),
    ]

    class Submitted(Message):
        """The person wants this sent."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Recalled(Message):
        """Up was pressed in an empty composer: the last queued message is wanted back."""

    class FileWanted(Message):
        """An ``@`` was typed where a word begins."""

    class Erased(Message):
        """Backspace was pressed in an empty composer."""

    def __init__(self, *, id: str | None = None, placeholder: str = "") -> None:
        super().__init__(
            id=id,
            soft_wrap=True,
            tab_behavior="focus",
            show_line_numbers=False,
            highlight_cursor_line=False,
            placeholder=placeholder,
        )
        self.cursor_blink = False

    async def _on_key(self, event: events.Key) -> None:
        ours = {binding.action for binding in self._bindings.key_to_bindings.get(event.key, ())}
        if ours & {"submit", "newline"}:
            event.stop()
            event.prevent_default()
            (self.action_submit if "submit" in ours else self.action_newline)()
        elif event.key == "up" and not self.text:
            event.stop()
            event.prevent_default()
            self.post_message(self.Recalled())
        elif event.key == "backspace" and not self.text:
            self.post_message(self.Erased())
        elif event.character == "@" and self._at_word_start():
            self.post_message(self.FileWanted())
        elif event.is_printable and event.character is not None and safe(event.character) != event.character:
            event.stop()
            event.prevent_default()

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        text = safe(event.text.replace("\r\n", "\n").replace("\r", "\n"))
        if result := self._replace_via_keyboard(text, *self.selection):
            self.move_cursor(result.end_location)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the keys to the screens that TextArea takes and nobody expects of a composer."""
        return action not in ("select_line", "select_all", "cut") and super().check_action(action, parameters)

    def action_submit(self) -> None:
        """Hand the text over; it stays until whoever took it says so."""
        if self.text.strip():
            self.post_message(self.Submitted(self.text))

    def action_newline(self) -> None:
        """A line break at the cursor."""
        self._replace_via_keyboard("\n", *self.selection)

    def _at_word_start(self) -> bool:
        row, column = self.cursor_location
        return not column or self.document.get_line(row)[column - 1].isspace()

    def take_back_at(self) -> None:
        """Take the ``@`` away that asked for a file."""
        row, column = self.cursor_location
        if column and self.document.get_line(row)[column - 1] == "@":
            self.action_delete_left()

    def replace_all(self, text: str) -> None:
        """Put another text there; undo brings the old one back."""
        self.replace(safe(text), self.document.start, self.document.end)
        self.move_cursor(self.document.end)
        self.focus()

    def put(self, text: str) -> None:
        """Put a text there, the cursor at its end."""
        self.load_text(safe(text))
        self.move_cursor(self.document.end)
