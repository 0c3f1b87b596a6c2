"""The composer: grows with its text, sends on Enter, knows nothing of what happens then."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.document._document import EditResult, Location
from textual.message import Message
from textual.widgets import TextArea

from app.text import safe
from app.ui.keymap import doing, keys_of
from app.ui.widgets.pastes import Pastes, Span

IN_THE_LOOP = 50_000
"""Characters of a paste that are cleaned while everything waits."""


class Prompt(TextArea):
    """Where a message is written. ``text`` is what stands there, ``whole`` what is meant: with the pastes in full."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Send", id="prompt.send", tooltip="Send the message", show=False),
        Binding(
            "ctrl+j,shift+enter,alt+enter",
            "newline",
            "New line",
            id="prompt.newline",
            tooltip="Begin a new line; so does \\ before enter",
            show=False,
        ),
        Binding("ctrl+d", "leave", "Quit", id="prompt.quit", tooltip="In an empty composer: leave Parlour", show=False),
        Binding("ctrl+o", "details", "Details", id="prompt.details", tooltip="The paste at the cursor, or all details above"),
    ]

    class Submitted(Message):
        """The person wants this sent."""

        def __init__(self, text: str, shown: str) -> None:
            super().__init__()
            self.text = text
            self.shown = shown

    class Recalled(Message):
        """Up in the first line (-1) or down in the last (1): what was asked before, or what is queued, is wanted."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    class Asked(Message):
        """A key of the composer that the screen has to act on: ``leave``, ``help``, ``details``."""

        def __init__(self, what: str) -> None:
            super().__init__()
            self.what = what

    class PasteOpened(Message):
        """A paste is to be read or changed."""

        def __init__(self, word: str, text: str) -> None:
            super().__init__()
            self.word = word
            self.text = text

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
        self.pastes = Pastes()
        self._asks = placeholder

    @property
    def whole(self) -> str:
        """The text with every paste in full."""
        return self.pastes.whole(self.text)[0]

    def on_mount(self) -> None:
        """Say which key does what."""
        self.say_keys()

    def say_keys(self) -> None:
        """The placeholder names the keys as they are here: what this terminal cannot send is not offered."""
        keys = {
            binding.id: keys_of(self, binding, self.app) for one in self._bindings.key_to_bindings.values() for binding in one
        }
        send, lines = keys["prompt.send"], keys["prompt.newline"]
        told = [key for key in lines if key != "shift+enter" or self.app.has_class("-shift-enter")]
        line = "shift+enter" if "shift+enter" in told and "enter" not in told else (told or lines)[0]
        self.placeholder = f"{self._asks} · {send[0]} sends · {line} new line"

    # --- keys -------------------------------------------------------------------------------------------------------------

    async def _on_key(self, event: events.Key) -> None:
        actions = doing(self, event.key, self.app)
        if self._ours(event, actions):
            event.stop()
            event.prevent_default()
        elif actions and not event.is_printable:
            await self._at_once(event, actions)
        elif event.character == "@" and self._at_word_start():
            self.post_message(self.FileWanted())

    async def _at_once(self, event: events.Key, actions: set[str]) -> None:
        """What moves and deletes happens before the next letter is put in, also when many keys come in one read."""
        if event.key == "backspace" and not self.text:
            self.post_message(self.Erased())
        for action in actions:
            if self.check_action(action, ()):
                event.stop()
                event.prevent_default()
                await self.run_action(action)

    def _ours(self, event: events.Key, actions: set[str]) -> bool:
        """Do what the key means in a composer; False if it means what it means in any text."""
        here = self.cursor_location
        if "submit" in actions:
            self.action_submit()
        elif "newline" in actions:
            self.action_newline()
        elif "details" in actions:
            self.action_details()
        elif "leave" in actions:
            self.action_leave()
        elif event.key == "question_mark" and not self.text:
            self.post_message(self.Asked("help"))
        elif event.key == "up" and self.navigator.is_first_wrapped_line(here):
            self.post_message(self.Recalled(-1))
        elif event.key == "down" and self.navigator.is_last_wrapped_line(here):
            self.post_message(self.Recalled(1))
        else:
            return event.is_printable and event.character is not None and safe(event.character) != event.character
        return True

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        lines = event.text.replace("\r\n", "\n").replace("\r", "\n")
        cleaned = safe(lines) if len(lines) < IN_THE_LOOP else await asyncio.to_thread(safe, lines)
        text = self.pastes.taken(cleaned)
        if result := self._replace_via_keyboard(text, *self.selection):
            self.move_cursor(result.end_location)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the keys to the screens that TextArea takes and nobody expects of a composer."""
        if action in ("leave", "submit", "newline", "details"):
            return True
        return action not in ("select_line", "select_all", "cut") and super().check_action(action, parameters)

    def action_submit(self) -> None:
        """Hand the text over; it stays until whoever took it says so. After a backslash it is a new line."""
        row, column = self.cursor_location
        if self.selection.is_empty and column and self.document.get_line(row)[column - 1] == "\\":
            self.replace("\n", (row, column - 1), (row, column), maintain_selection_offset=False)
        elif self.text.strip():
            self.post_message(self.Submitted(self.whole, self.text))

    def action_newline(self) -> None:
        """A line break at the cursor."""
        self._replace_via_keyboard("\n", *self.selection)

    def action_leave(self) -> None:
        """Leave, if nothing is written; else take away what is right of the cursor, as everywhere."""
        if self.text:
            self.action_delete_right()
        else:
            self.post_message(self.Asked("leave"))

    def action_details(self) -> None:
        """Open the paste at the cursor; elsewhere it is for the transcript."""
        row, column = self.cursor_location
        for start, end, word in self.pastes.words(self.document.get_line(row)):
            if start <= column <= end:
                self.post_message(self.PasteOpened(word, self.pastes.text_of(word)))
                return
        self.post_message(self.Asked("details"))

    def _at_word_start(self) -> bool:
        row, column = self.cursor_location
        return not column or self.document.get_line(row)[column - 1].isspace()

    # --- edits that leave pastes whole ------------------------------------------------------------------------------------

    def _out(self, place: Location, *, end: bool) -> Location:
        """The place itself, or the start or end of the paste's word that it is inside of."""
        row, column = place
        for start, stop, _ in self.pastes.words(self.document.get_line(row)):
            if start < column < stop:
                return (row, stop if end else start)
        return place

    def _delete_via_keyboard(self, start: Location, end: Location) -> EditResult | None:
        first, last = sorted((start, end))
        return super()._delete_via_keyboard(self._out(first, end=False), self._out(last, end=True))

    def _replace_via_keyboard(self, insert: str, start: Location, end: Location) -> EditResult | None:
        first, last = sorted((start, end))
        if first == last:
            first = last = self._out(first, end=True)
        return super()._replace_via_keyboard(insert, self._out(first, end=False), self._out(last, end=True))

    # --- texts that come from elsewhere -----------------------------------------------------------------------------------

    def sent(self, shown: str) -> None:
        """Take away what was handed over; what was typed behind it meanwhile stays."""
        if self.text == shown:
            self.clear()
        elif self.text.startswith(shown):
            lines = shown.split("\n")
            self.replace("", (0, 0), (len(lines) - 1, len(lines[-1])), maintain_selection_offset=True)

    def take_back_at(self) -> None:
        """Take the ``@`` away that asked for a file."""
        row, column = self.cursor_location
        if column and self.document.get_line(row)[column - 1] == "@":
            self.action_delete_left()

    def change_paste(self, word: str, text: str) -> None:
        """Put another text in the place of a paste."""
        for row in range(self.document.line_count):
            for start, end, found in self.pastes.words(self.document.get_line(row)):
                if found == word:
                    self.replace(self.pastes.taken(safe(text)), (row, start), (row, end), maintain_selection_offset=False)
                    return

    def replace_all(self, text: str) -> None:
        """Put another text there; undo brings the old one back."""
        self.replace(self.pastes.back(safe(text)), self.document.start, self.document.end)
        self.move_cursor(self.document.end)
        self.focus()

    def put(self, text: str, spans: Sequence[Span] = ()) -> None:
        """Put a text there, the cursor at its end; ``spans`` are the pastes that it was made of."""
        self.load_text(self.pastes.back(safe(text), spans))
        self.move_cursor(self.document.end)
