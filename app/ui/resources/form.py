"""Forms made of descriptions: what a verb's fields ask for, with what the account has to choose from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.widget import Widget
from textual.widgets import Input

from app import resource_values as values
from app import resources as work
from app.errors import UsageError
from app.models import Json
from app.protocols import Resources
from app.resource_models import Does, Field, Kind, Verb
from app.ui import form_values
from app.ui.screens.form import FormScreen

MOST_CHOICES = 12
"""More than that are not listed in a form; their names can be typed."""
_KINDS = {
    Kind.LONG: "longText",
    Kind.JSON: "longText",
    Kind.PAIRS: "longText",
    Kind.NUMBER: "number",
    Kind.CHOICE: "radio",
    Kind.FLAG: "radio",
    Kind.SECRET: "secret",
}
Choices = Mapping[str, Sequence[tuple[str, str]]]


class ResourceForm(FormScreen):
    """A form whose values are read as the description says."""

    def __init__(self, title: str, fields: Sequence[Field], choices: Choices, entered: dict[str, str | list[str]]) -> None:
        self._described = {field.name: field for field in fields}
        super().__init__(title, {"fields": [_asked(field, choices.get(field.name, ())) for field in fields]}, entered)

    def _widget(self, index: int, field: form_values.Field) -> Widget:
        if field.kind != "secret":
            return super()._widget(index, field)
        line = Input(password=True, placeholder="not shown", id=f"field-{index}")
        line.cursor_blink = False
        return line

    def _value(self, field: form_values.Field, entered: str | list[str]) -> Json:
        """Text of the form as the wire's value. Raises ``ValueError``."""
        if isinstance(entered, list):
            return entered or None
        if not entered.strip():
            if field.required:
                raise ValueError("this one is needed")
            return ""
        try:
            return values.read(self._described[field.name], entered if "\n" in entered else entered.strip())
        except UsageError as error:
            raise ValueError(str(error)) from None


def _asked(field: Field, choices: Sequence[tuple[str, str]]) -> dict[str, Json]:
    """A field as the form's schema has it."""
    kind = _KINDS.get(field.kind, "text")
    options: list[dict[str, str]] = [{"value": value, "label": label} for value, label in choices]
    if options:
        kind = "checkbox" if field.kind is Kind.LIST else "radio"
    elif field.options:
        kind = "checkbox" if field.kind is Kind.LIST else "radio"
        options = [{"value": one, "label": one} for one in field.options]
    elif field.kind is Kind.FLAG:
        options = [{"value": one, "label": word} for one, word in (("true", "yes"), ("false", "no"))]
    return {
        "name": field.name,
        "type": kind,
        "question": field.name.replace("_", " "),
        "helpText": field.says,
        "required": field.required,
        "options": options,
        "default": field.default or None,
    }


def entered(verb: Verb, thing: Mapping[str, Json]) -> dict[str, str | list[str]]:
    """What stands in the fields of an edit: the object as it is."""
    found: dict[str, str | list[str]] = {}
    for one in verb.fields:
        if one.kind not in (Kind.SECRET, Kind.FILE):
            found[one.name] = values.typed(one, values.at(thing, one.place))
    return found


async def choices_of(vendor: Resources, fields: Sequence[Field]) -> Choices:
    """What the account has for fields that name one of its things; nothing where there is more than a form can list."""
    found: dict[str, Sequence[tuple[str, str]]] = {}
    for one in fields:
        owner = work.by_name(vendor, one.of) if one.of else None
        listing = owner.first(Does.LIST) if owner else None
        if owner is None or listing is None or listing.names or one.kind not in (Kind.TEXT, Kind.LIST):
            continue
        things = [thing async for thing in work.every(vendor, values.call(owner, listing, ()), MOST_CHOICES + 1)]
        if len(things) <= MOST_CHOICES:
            labelled = [(values.ident(owner, thing), values.label(owner, thing)) for thing in things]
            found[one.name] = [
                (known, f"{label} · {known}" if label and label.casefold() != known else label or known)
                for known, label in labelled
            ]
    return found


def deciding(verb: Verb) -> list[Field]:
    """Fields that decide which others are asked for."""
    names = {one.when[0] for one in verb.fields if one.when}
    return [one for one in verb.fields if one.name in names and one.kind is Kind.CHOICE and not one.when]
