"""What the browser asks: a name before something goes, a look before something is written, both sides of a conflict, a text."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static, TextArea

from app.text import safe, safe_line


def keys(*pairs: tuple[str, str]) -> Content:
    """The line of keys of a dialog."""
    return Content("   ").join(Content.assemble((key, "bold"), " ", (what, "$text-muted")) for key, what in pairs)


def coloured(difference: str) -> Content:
    """A difference with what goes and what comes in their colours."""
    lines = []
    for line in safe(difference).splitlines():
        role = "$success" if line.startswith("+") else "$error" if line.startswith("-") else "$text-muted"
        lines.append(Content.styled(line, role))
    return Content("\n").join(lines)


class NameDialog(ModalScreen[bool]):
    """Something goes for good once its name is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", id="name.leave", tooltip="Change nothing"),
    ]

    def __init__(self, doing: str, name: str, told: str) -> None:
        super().__init__()
        self._doing, self._wanted, self._told = safe_line(doing, 200), safe_line(name, 200), safe(told)

    def compose(self) -> ComposeResult:
        """What would happen, and the field."""
        with Vertical(classes="dialog"):
            yield Static(Content.styled(self._doing, "bold"))
            if self._told:
                yield Static(Content(self._told))
            yield Static(Content.assemble("Type its name: ", (self._wanted, "$warning")))
            field = Input(id="line")
            field.cursor_blink = False
            yield field
            yield Static("", id="wrong", markup=False)
            yield Static(keys(("enter", "do it"), ("esc", "leave")), classes="dialog-keys")

    @on(Input.Submitted)
    def typed(self, event: Input.Submitted) -> None:
        """Right or not."""
        if event.value.strip() == self._wanted:
            self.dismiss(True)
        else:
            self.query_one("#wrong", Static).update(Content.styled("That is not its name.", "$warning"))

    def action_leave(self) -> None:
        """Nothing happens."""
        self.dismiss(False)


class LookDialog(ModalScreen[str]):
    """Something to look at before it is written: the result is the word of the key that was taken, "" for none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "take('write')", "Write", id="look.write", tooltip="Write it"),
        Binding("e", "take('edit')", "Edit again", id="look.edit", tooltip="Go on editing"),
        Binding("u", "turn", "Request", id="look.request", tooltip="The request as a command and for curl, or the difference"),
        Binding("n,escape", "take('')", "Leave", id="look.leave", tooltip="Write nothing"),
    ]

    def __init__(self, title: str, difference: str, request: str, *, note: str = "", write: str = "write") -> None:
        super().__init__()
        self._title, self._difference, self._request = safe_line(title, 200), difference, safe(request)
        self._note, self._write = safe(note), write
        self._turned = not difference

    def compose(self) -> ComposeResult:
        """Title, text, keys."""
        with Vertical(classes="dialog -tall"):
            yield Static(Content.styled(self._title, "bold"))
            if self._note:
                yield Static(Content.styled(self._note, "$warning"))
            with VerticalScroll():
                yield Static(id="looked-at")
            yield Static(keys(("y", self._write), ("e", "edit again"), ("u", "request"), ("esc", "leave")), classes="dialog-keys")

    def on_mount(self) -> None:
        """The difference first."""
        self._show()

    def _show(self) -> None:
        self.query_one("#looked-at", Static).update(Content(self._request) if self._turned else coloured(self._difference))

    def action_turn(self) -> None:
        """The other side."""
        self._turned = not self._turned or not self._difference
        self._show()

    def action_take(self, word: str) -> None:
        """Decided."""
        self.dismiss(word)


class TextEdit(ModalScreen[str | None]):
    """A text, edited in place; None if it was left as it was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "keep", "Hand in", id="text.keep", tooltip="Look at the difference, then write", priority=True),
        Binding("ctrl+g", "outside", "Editor", id="text.editor", tooltip="The text in your own editor", priority=True),
        Binding("escape", "leave", "Leave", id="text.leave", tooltip="Leave it as it was"),
    ]

    def __init__(self, title: str, text: str, suffix: str = ".md") -> None:
        super().__init__()
        self._title, self._text, self._suffix = safe_line(title, 200), text, suffix

    def compose(self) -> ComposeResult:
        """Title, text, keys."""
        with Vertical(classes="dialog -tall"):
            yield Static(Content.styled(self._title, "bold"))
            area = TextArea(self._text, id="text", tab_behavior="focus")
            area.cursor_blink = False
            yield area
            yield Static(keys(("ctrl+s", "hand in"), ("ctrl+g", "your editor"), ("esc", "leave")), classes="dialog-keys")

    def action_keep(self) -> None:
        """Done with it, once the keys that were typed before have arrived."""
        self.query_one(TextArea).call_later(self._kept)

    def _kept(self) -> None:
        self.dismiss(self.query_one(TextArea).text)

    def action_outside(self) -> None:
        """In the person's own editor."""
        from app.errors import UsageError
        from app.ui.editor import edit

        area = self.query_one(TextArea)
        try:
            area.text = edit(self.app, area.text, self._suffix)
        except UsageError as error:
            self.app.notify(safe_line(error, 400), severity="warning", markup=False)

    def action_leave(self) -> None:
        """As it was."""
        self.dismiss(None)
