"""A form asked for in lines: one question after the other, each checked at once."""

from __future__ import annotations

from collections.abc import Mapping

from app.cli import out
from app.cli.lines import Lines
from app.models import Json
from app.text import safe_line
from app.ui.form_values import Field, fields_of, value_of

LATER = "/later"


async def fill_in(title: str, schema: Json, lines: Lines) -> dict[str, Json] | None:
    """The values of all fields; None if it was left for later."""
    fields = fields_of(schema)
    out.complain(f"\n{title}")
    described = schema.get("description") if isinstance(schema, Mapping) else ""
    if described:
        out.complain(str(described))
    out.complain(f"{len(fields)} questions. {LATER} leaves the form open; an empty line leaves a question out.")
    values: dict[str, Json] = {}
    for number, field in enumerate(fields, 1):
        _introduce(number, field)
        while True:
            said = await _entered(field, lines)
            if said is None:
                return None
            try:
                value = value_of(field, _chosen(field, said))
            except ValueError as error:
                out.complain(f"  {error}")
                continue
            if value is not None:
                values[field.name] = value
            break
    return values


def _introduce(number: int, field: Field) -> None:
    needed = "" if field.required else " (may be left out)"
    out.complain(f"{number}. {safe_line(field.question, 200)}{needed}")
    if field.hint:
        out.complain(f"   {safe_line(field.hint, 200)}")
    for at, (_, label) in enumerate(field.options, 1):
        out.complain(f"   {at} {safe_line(label, 120)}")


async def _entered(field: Field, lines: Lines) -> str | None:
    how = {
        "checkbox": "numbers, separated by spaces",
        "radio": "a number",
        "dropdown": "a number",
        "date": "YYYY-MM-DD",
        "number": "a number",
        "longText": "text; a line with only a full stop ends it",
    }.get(field.kind, "text")
    default = "" if field.default in (None, "", []) else f", empty: {safe_line(field.default, 60)}"
    said = await lines.ask(f"   {how}{default}: ")
    if field.kind == "longText" and said not in (None, "", LATER):
        said = await _long(str(said), lines)
    if said is None or said.strip() == LATER:
        return None
    if not said.strip() and field.default is not None:
        return ",".join(map(str, field.default)) if isinstance(field.default, list) else str(field.default)
    return said


async def _long(first: str, lines: Lines) -> str:
    text = []
    line: str | None = first
    while line is not None and line.strip() != ".":
        text.append(line)
        line = await lines.ask("   ")
    return "\n".join(text)


def _chosen(field: Field, said: str) -> str | list[str]:
    """Numbers of options as their values; a value or a label may be typed, too. Raises ``ValueError``."""
    if not field.options:
        return said
    if field.kind == "checkbox":
        return [_option(field, word) for word in said.replace(",", " ").split()]
    return _option(field, said.strip()) if said.strip() else ""


def _option(field: Field, word: str) -> str:
    if word.isdecimal() and 1 <= int(word) <= len(field.options):
        return field.options[int(word) - 1][0]
    for value, label in field.options:
        if word.casefold() in (value.casefold(), label.casefold()):
            return value
    raise ValueError("choose from the numbers above")
