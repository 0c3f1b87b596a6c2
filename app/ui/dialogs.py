"""Small questions over a screen: yes or no, one of several, one line; and the keys of where one is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Static

from app.text import safe, safe_line
from app.ui.keymap import keys_of
from app.ui.widgets.rows import Cell, Column, Row, Rows


def _bindings(node: DOMNode) -> list[Binding]:
    return [binding for bindings in node._bindings.key_to_bindings.values() for binding in bindings]


def _keys(*pairs: tuple[str, str]) -> Content:
    return Content("   ").join(Content.assemble((key, "bold"), " ", (what, "$text-muted")) for key, what in pairs)


class ConfirmDialog(ModalScreen[bool]):
    """Yes or no; no is what Esc means."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "say(True)", "Yes", id="confirm.yes", tooltip="Do it"),
        Binding("n,escape", "say(False)", "No", id="confirm.no", tooltip="Leave it as it is"),
    ]

    def __init__(self, question: str, yes: str = "yes", no: str = "no") -> None:
        super().__init__()
        self._question = safe(question)
        self._words = (safe_line(yes, 40), safe_line(no, 40))

    def compose(self) -> ComposeResult:
        """The question and its two keys."""
        with Vertical(classes="dialog"):
            yield Static(Content(self._question))
            yield Static(_keys(("y", self._words[0]), ("n", self._words[1])), classes="dialog-keys")

    def action_say(self, answer: bool) -> None:
        """Answer."""
        self.dismiss(answer)


class CarefulDialog(ConfirmDialog, inherit_bindings=False):
    """Yes or no, where Enter, which is easily pressed twice, means no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "say(True)", "Yes", id="careful.yes", tooltip="Do it all the same"),
        Binding("n,enter,escape", "say(False)", "No", id="careful.no", tooltip="Leave it as it is"),
    ]


class ChooseDialog(ModalScreen[str | None]):
    """One of several; None if none was taken."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", id="choose.leave", tooltip="Take none"),
    ]

    def __init__(self, title: str, options: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._title = safe_line(title, 200)
        self._options = options

    def compose(self) -> ComposeResult:
        """The list."""
        with Vertical(classes="dialog"):
            yield Static(Content.styled(self._title, "bold"))
            yield Rows([Column(share=1)], id="options")
            yield Static(_keys(("enter", "take it"), ("esc", "leave")), classes="dialog-keys")

    def on_mount(self) -> None:
        """Fill it."""
        rows = self.query_one(Rows)
        rows.styles.height = min(12, max(1, len(self._options)))
        rows.show([Row(key, (Cell(name),)) for key, name in self._options])
        rows.focus()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Taken."""
        self.dismiss(event.key)

    def action_leave(self) -> None:
        """None of them."""
        self.dismiss(None)


class AskLine(ModalScreen[str | None]):
    """One line of text; None if it was left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", id="line.leave", tooltip="Change nothing"),
    ]

    def __init__(self, title: str, value: str = "", *, verb: str = "keep") -> None:
        super().__init__()
        self._verb = safe_line(verb, 40)
        self._title = safe_line(title, 200)
        self._value = safe_line(value, 256)

    def compose(self) -> ComposeResult:
        """Title and field."""
        with Vertical(classes="dialog"):
            yield Static(Content.styled(self._title, "bold"))
            field = Input(self._value, id="line")
            field.cursor_blink = False
            yield field
            yield Static(_keys(("enter", self._verb), ("esc", "leave")), classes="dialog-keys")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Kept."""
        self.dismiss(event.value)

    def action_leave(self) -> None:
        """Not kept."""
        self.dismiss(None)


class HelpScreen(ModalScreen[None]):
    """The keys of the focused widget and of its screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,q", "close", "Close", id="help.close", tooltip="Back to where you were"),
    ]

    def __init__(self, focused: Widget | None, place: DOMNode) -> None:
        super().__init__()
        self._focused = focused
        self._place = place

    def compose(self) -> ComposeResult:
        """One line a key, grouped by what has it."""
        with Vertical(classes="dialog -tall"):
            yield Static(Content.styled("Keys here", "bold"))
            with VerticalScroll():
                yield Static(Content("\n").join(self._lines()))
            yield Static(_keys(("esc", "close"), ("ctrl+p", "every action, by name")), classes="dialog-keys")

    def _lines(self) -> list[Content]:
        lines: list[Content] = []
        seen: set[str] = set()
        nodes = [node for node in (self._focused, self._place, self.app) if node is not None]
        for node in nodes:
            for binding in sorted(_bindings(node), key=lambda one: one.key):
                if not binding.tooltip or not binding.id or binding.id in seen:
                    continue
                seen.add(binding.id)
                keys = safe_line(" ".join(keys_of(node, binding, self.app)), 22)
                lines.append(
                    Content.assemble((f"{keys:<20}", "bold"), binding.description, ("   " + binding.tooltip, "$text-muted"))
                )
        return lines

    def action_close(self) -> None:
        """Put it away."""
        self.dismiss(None)
