"""A form's fields and what may stand in them: no screen here, only rules."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.models import Json

CHOICES = ("dropdown", "radio", "checkbox")


@dataclass(frozen=True, slots=True)
class Field:
    """One question. A type that is not known is asked for as a line of text."""

    name: str
    """The key its value is handed in under."""
    kind: str
    question: str
    required: bool = False
    options: tuple[tuple[str, str], ...] = ()
    """(value, label)."""
    placeholder: str = ""
    hint: str = ""
    default: Json = None


def fields_of(schema: Json) -> list[Field]:
    """The fields of a form's schema; what has no name cannot be handed in and is left out."""
    listed = schema.get("fields") if isinstance(schema, Mapping) else None
    return (
        [field for raw in listed if isinstance(raw, Mapping) and (field := _field(raw)).name]
        if isinstance(listed, Sequence)
        else []
    )


def _field(raw: Mapping[str, Json]) -> Field:
    name = str(raw.get("name") or raw.get("id") or "")
    options = []
    for option in raw.get("options") or ():
        if isinstance(option, Mapping):
            value = str(option.get("value", ""))
            options.append((value, str(option.get("label") or value)))
        else:
            options.append((str(option), str(option)))
    default = next((raw[key] for key in ("default", "defaultValue", "default_value") if raw.get(key) is not None), None)
    return Field(
        name, str(raw.get("type", "")), str(raw.get("question") or raw.get("label") or name), bool(raw.get("required")),
        tuple(options), str(raw.get("placeholder") or ""), str(raw.get("helpText") or ""), default,
    )  # fmt: skip


def value_of(field: Field, entered: str | Sequence[str]) -> Json:
    """What was entered as the form wants it: numbers, lists of choices, dates. Raises ``ValueError`` with the reason."""
    if field.kind == "checkbox":
        chosen = [entered] if isinstance(entered, str) and entered else list(entered)
        if field.required and not chosen:
            raise ValueError("choose at least one")
        return chosen
    text = entered if isinstance(entered, str) else (entered[0] if entered else "")
    text = text.strip() if field.kind != "longText" else text
    if not text.strip():
        if field.required:
            raise ValueError("this one is needed")
        return None
    if field.kind == "number":
        return _number(text)
    if field.kind == "date":
        return _date(text)
    if field.kind in CHOICES and field.options and text not in {value for value, _ in field.options}:
        raise ValueError("choose one of the options")
    return text


def _number(text: str) -> int | float:
    try:
        number = float(text.replace(",", "."))
    except ValueError as error:
        raise ValueError("this is not a number") from error
    if not math.isfinite(number):
        raise ValueError("this is not a number")
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _date(text: str) -> str:
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise ValueError("write it as YYYY-MM-DD") from error
