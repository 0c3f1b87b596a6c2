"""A form that an agent asks for: real fields, checked before anything is sent, resumed where it was left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, RadioButton, RadioSet, SelectionList, Static, TextArea
from textual.widgets.selection_list import Selection

from app.models import Json
from app.text import safe, safe_line
from app.ui.form_values import Field, fields_of, value_of


class FormScreen(ModalScreen[dict[str, Json] | None]):
    """Gives the values, or None if it was left for later."""

    AUTO_FOCUS = "Input, TextArea, RadioSet, SelectionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "submit", "Hand in", id="form.submit", tooltip="Check the values and hand the form in", priority=True),
        Binding("escape", "leave", "Later", id="form.leave", tooltip="Leave the form open and come back later"),
    ]

    def __init__(self, title: str, schema: Json, entered: dict[str, str | list[str]]) -> None:
        super().__init__()
        self._title = title
        self._description = schema.get("description") if isinstance(schema, Mapping) else ""
        self._fields = fields_of(schema)
        self._entered = entered
        """What stands in the fields; kept by whoever opened it, so that leaving loses nothing."""

    def compose(self) -> ComposeResult:
        """A question, its field, and room for what is wrong with it."""
        with Vertical(classes="dialog -tall", id="form"):
            yield Static(Content.styled(safe_line(self._title, 120), "bold"))
            if self._description:
                yield Static(Content.styled(safe(self._description), "$text-muted"))
            with VerticalScroll(id="fields", can_focus=False):
                for index, field in enumerate(self._fields):
                    mark = Content.styled(" *", "$warning") if field.required else Content()
                    hint = Content.styled(f"   {safe_line(field.hint, 120)}" if field.hint else "", "$text-muted")
                    with Vertical(classes="entry"):
                        yield Static(Content(safe_line(field.question, 200)) + mark + hint, classes="question")
                        yield self._widget(index, field)
                        yield Static("", id=f"wrong-{index}", classes="wrong", markup=False)
            yield Static(_keys(), classes="dialog-keys")

    def set_focus(self, widget: Widget | None, scroll_visible: bool = True, from_app_focus: bool = False) -> None:
        """A field is seen with its question: the entry is scrolled to, not the field alone."""
        super().set_focus(widget, scroll_visible=False, from_app_focus=from_app_focus)
        entry = widget.parent if widget is not None and scroll_visible else None
        if isinstance(entry, Widget) and entry.has_class("entry"):
            self.call_after_refresh(entry.scroll_visible, animate=False, force=True)

    def _widget(self, index: int, field: Field) -> Widget:
        known = self._entered.get(field.name, _default(field))
        name = f"field-{index}"
        if field.kind == "longText":
            area = TextArea(known if isinstance(known, str) else "", id=name, tab_behavior="focus")
            area.cursor_blink = False
            return area
        if field.kind in ("radio", "dropdown") and field.options:
            buttons = [RadioButton(Content(safe_line(label, 120)), value == known) for value, label in field.options]
            return RadioSet(*buttons, id=name)
        if field.kind == "checkbox" and field.options:
            chosen = known if isinstance(known, list) else [known]
            return SelectionList(
                *(Selection(Content(safe_line(label, 120)), value, value in chosen) for value, label in field.options), id=name
            )
        hint = field.placeholder or {"date": "YYYY-MM-DD", "number": "a number"}.get(field.kind, "")
        line = Input(known if isinstance(known, str) else "", placeholder=safe_line(hint, 80), id=name)
        line.cursor_blink = False
        return line

    def _read(self) -> Iterator[tuple[int, Field, str | list[str]]]:
        for index, field in enumerate(self._fields):
            widget = self.query_one(f"#field-{index}")
            entered: str | list[str] = ""
            if isinstance(widget, TextArea):
                entered = widget.text
            elif isinstance(widget, Input):
                entered = widget.value
            elif isinstance(widget, RadioSet):
                entered = field.options[widget.pressed_index][0] if widget.pressed_index >= 0 else ""
            elif isinstance(widget, SelectionList):
                entered = [str(value) for value in widget.selected]
            self._entered[field.name] = entered
            yield index, field, entered

    def action_submit(self) -> None:
        """Hand it in, once the keys that were typed before have arrived."""
        (self.focused or self).call_later(self._submit)

    def _submit(self) -> None:
        """Check all of it; the first thing that is wrong gets the focus."""
        values: dict[str, Json] = {}
        first: int | None = None
        for index, field, entered in self._read():
            wrong = ""
            try:
                value = self._value(field, entered)
            except ValueError as error:
                wrong, first = str(error), index if first is None else first
            else:
                if value is not None:
                    values[field.name] = value
            self.query_one(f"#wrong-{index}", Static).update(Content(safe_line(wrong)))
        if first is None:
            self.dismiss(values)
        else:
            self.query_one(f"#field-{first}").focus()

    def _value(self, field: Field, entered: str | list[str]) -> Json:
        """What a field is handed in as; None leaves it out. Raises ``ValueError`` with the reason."""
        return value_of(field, entered)

    def action_leave(self) -> None:
        """Later; what was entered stays."""
        for _ in self._read():
            continue
        self.dismiss(None)


def _default(field: Field) -> str | list[str]:
    if isinstance(field.default, list):
        return [str(value) for value in field.default]
    return "" if field.default is None else str(field.default)


def _keys() -> Content:
    pairs = (("tab", "next field"), ("space", "choose"), ("ctrl+s", "hand in"), ("esc", "later"))
    return Content("   ").join(Content.assemble((key, "bold"), " ", (what, "$text-muted")) for key, what in pairs)
