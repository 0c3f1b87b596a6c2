"""What people see of a thing: the cells of a list, and all of it as lines."""

from __future__ import annotations

import json
from collections.abc import Mapping

from app.profiles import Json
from app.resource_models import Column, Field, Object, Resource
from app.resource_values import at, typed


def cell(column: Column, thing: Object) -> str:
    """What a list shows in this column."""
    found = next((value for place in column.at if (value := at(thing, place)) not in (None, "", [])), None)
    form, _, word = column.form.partition(":")
    match form:
        case "when":
            return str(found or "")[:16].replace("T", " ")
        case "size":
            return size_words(found) if isinstance(found, int) else ""
        case "count" | "number":
            count = len(found) if isinstance(found, list) else found if isinstance(found, int) else 0
            return f"{count} {_plural(word, count)}" if count else "–"
        case "flag":
            return word if found is True else ""
        case "version":
            return f"v{found}" if found is not None else ""
        case "factor":
            return f"× {found}" if found is not None else ""
        case "words":
            return ", ".join(map(str, found)) if isinstance(found, list) else typed(_PLAIN, found)
        case "said":
            return _said_in(found)
        case "archived" | "redacted":
            return form if found else ""
        case "new":
            return "new" if found is True else ""
        case "untitled" if not found:
            return "Untitled"
    return typed(_PLAIN, found)


def described(resource: Resource, thing: Json) -> str:
    """An object for people: a line for each field that holds something, its text last."""
    if not isinstance(thing, Mapping):
        return json.dumps(thing, ensure_ascii=False)
    width = max((len(name) for name in thing), default=0)
    lines = []
    for name, value in thing.items():
        if name != resource.text and value not in (None, "", [], {}):
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
            lines.append(f"{name:<{width}}  " + shown.replace("\n", "\n" + " " * (width + 2)))
    if resource.text and thing.get(resource.text):
        lines.append(f"\n{thing[resource.text]}")
    return "\n".join(lines)


_PLAIN = Field("")


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def _said_in(value: Json) -> str:
    if isinstance(value, list):
        return " ".join(str(block.get("text") or block.get("type") or "") for block in value if isinstance(block, Mapping))
    return typed(_PLAIN, value)


def size_words(size: int) -> str:
    """Bytes for people."""
    for unit, step in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)):
        if size >= step:
            return f"{size / step:.1f} {unit}"
    return f"{size} bytes"
