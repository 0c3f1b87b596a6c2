"""What a new conversation begins with, asked once: a small form of lines and choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, RadioButton, RadioSet, Static

from app.text import safe_line


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing that is asked for: a line, or one of ``options`` (value, label)."""

    name: str
    question: str
    value: str = ""
    hint: str = ""
    longest: int = 256
    options: Sequence[tuple[str, str]] = field(default=())


class NewTalkDialog(ModalScreen[dict[str, str] | None]):
    """Gives every value by its name, or None if it was left."""

    AUTO_FOCUS = "Input, RadioSet"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "begin", "Begin", id="new.begin", tooltip="Begin the conversation", priority=True),
        Binding("escape", "leave", "Leave", id="new.leave", tooltip="Begin nothing"),
    ]

    def __init__(self, title: str, wanted: Sequence[Wanted], verb: str = "begin") -> None:
        super().__init__()
        self._verb = safe_line(verb, 40)
        self._title = safe_line(title, 120)
        self._wanted = tuple(wanted)

    def compose(self) -> ComposeResult:
        """A question and its field, one below the other."""
        with Vertical(classes="dialog", id="new-talk"):
            yield Static(Content.styled(self._title, "bold"))
            with VerticalScroll(id="fields", can_focus=False):
                for index, one in enumerate(self._wanted):
                    hint = Content.styled(f"   {safe_line(one.hint, 120)}" if one.hint else "", "$text-muted")
                    yield Static(Content(safe_line(one.question, 120)) + hint, classes="question")
                    yield _widget(index, one)
            keys = (("enter", self._verb), ("tab", "next field"), ("esc", "leave"))
            shown = [Content.assemble((key, "bold"), " ", (what, "$text-muted")) for key, what in keys]
            yield Static(Content("   ").join(shown), classes="dialog-keys")

    def on_mount(self) -> None:
        """The first question is seen with its field."""
        self.call_after_refresh(self.query_one("#fields", VerticalScroll).scroll_home, animate=False)

    @on(Input.Submitted)
    def action_begin(self) -> None:
        """Every value as it stands."""
        found: dict[str, str] = {}
        for index, one in enumerate(self._wanted):
            widget = self.query_one(f"#new-{index}")
            if isinstance(widget, Input):
                found[one.name] = widget.value.strip()
            elif isinstance(widget, RadioSet):
                found[one.name] = one.options[widget.pressed_index][0] if widget.pressed_index >= 0 else ""
        self.dismiss(found)

    def action_leave(self) -> None:
        """Nothing is begun."""
        self.dismiss(None)


def _widget(index: int, one: Wanted) -> Widget:
    if one.options:
        buttons = [RadioButton(Content(safe_line(label, 120)), value == one.value) for value, label in one.options]
        return RadioSet(*buttons, id=f"new-{index}")
    line = Input(safe_line(one.value, one.longest), max_length=one.longest, id=f"new-{index}")
    line.cursor_blink = False
    return line
