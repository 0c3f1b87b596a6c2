"""Reading fields of a request's body: each reader returns a value of the promised type or raises ``RefusedError`` 400."""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.models import Json
from app.sandbox.qoder.wire import invalid

MAX_PAIRS = 16
MAX_KEY = 64
MAX_VALUE = 512

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = ("SERVER_ENDPOINT", "USER_ID", "WORK_DIR")
_RESERVED_PREFIXES = ("CAW_", "QODER_")


def required(body: Mapping[str, Json], name: str) -> Json:
    """A field that must be there and not null."""
    if body.get(name) is None:
        raise invalid(f"Field '{name}' is required.", name)
    return body[name]


def text(body: Mapping[str, Json], name: str, *, least: int = 0, most: int = 1_000_000, default: str = "") -> str:
    """A string of ``least`` to ``most`` characters; missing or null is ``default`` unless ``least`` asks for something."""
    value = required(body, name) if least else body.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise invalid(f"Field '{name}' must be a string.", name)
    if not least <= len(value) <= most:
        raise invalid(f"Field '{name}' must have {least} to {most} characters.", name)
    return value


def items(body: Mapping[str, Json], name: str, *, least: int = 0, most: int = 1000) -> list[Json]:
    """An array of ``least`` to ``most`` elements; missing or null is an empty one."""
    value = body.get(name)
    if value is None and not least:
        return []
    if not isinstance(value, list):
        raise invalid(f"Field '{name}' must be an array.", name)
    if not least <= len(value) <= most:
        raise invalid(f"Field '{name}' must have {least} to {most} elements.", name)
    return value


def mapping(value: Json, name: str) -> dict[str, Json]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise invalid(f"Field '{name}' must be an object.", name)
    return value


def objects(body: Mapping[str, Json], name: str, *, least: int = 0, most: int = 1000) -> list[dict[str, Json]]:
    """An array of JSON objects."""
    return [mapping(value, f"{name}[{index}]") for index, value in enumerate(items(body, name, least=least, most=most))]


def choice(body: Mapping[str, Json], name: str, allowed: tuple[str, ...], default: str = "") -> str:
    """One of ``allowed``; a missing one is ``default``, or refused where there is none."""
    value = body.get(name, default or None)
    if value is None:
        raise invalid(f"Field '{name}' is required.", name)
    if value not in allowed:
        raise invalid(f"Field '{name}' must be one of: {', '.join(allowed)}.", name)
    return str(value)


def metadata(body: Mapping[str, Json], old: Mapping[str, str] | None = None) -> dict[str, str]:
    """The string map of section 2: on a create the whole of it, on an update a patch in which null removes a key."""
    merged = dict(old or {})
    given = body.get("metadata")
    if given is None:
        return merged
    for key, value in mapping(given, "metadata").items():
        if value is None and old is not None:
            merged.pop(key, None)
        elif not isinstance(value, str) or len(value) > MAX_VALUE:
            raise invalid(f"Metadata values must be strings of at most {MAX_VALUE} characters.", "metadata")
        elif not 0 < len(key) <= MAX_KEY:
            raise invalid(f"Metadata keys must have 1 to {MAX_KEY} characters.", "metadata")
        else:
            merged[key] = value
    if len(merged) > MAX_PAIRS:
        raise invalid(f"Metadata must have at most {MAX_PAIRS} pairs.", "metadata")
    return merged


def variables(body: Mapping[str, Json]) -> dict[str, str]:
    """``environment_variables``: a map, or text of ``K=V`` separated by ``;`` or line breaks (contract 9.2)."""
    name = "environment_variables"
    given = body.get(name)
    if given is None:
        return {}
    if isinstance(given, str):
        pairs = [part.partition("=") for part in re.split(r"[;\n]", given) if part.strip()]
        given = {key.strip(): value if found else None for key, found, value in pairs}
    for key, value in mapping(given, name).items():
        if not _VARIABLE.fullmatch(key) or not isinstance(value, str):
            raise invalid(f"'{key}' is not a valid environment variable.", name)
        if key in _RESERVED or key.startswith(_RESERVED_PREFIXES):
            raise invalid(f"'{key}' is a reserved environment variable.", name)
    return dict(given)


def budget(body: Mapping[str, Json]) -> dict[str, str] | None:
    """A limit in Credits: at most 12 digits before and 2 after the point, positive (contract 2)."""
    if body.get("budget") is None:
        return None
    given = mapping(body["budget"], "budget")
    cost = given.get("max_credit_cost")
    if given.get("type") != "limit" or not isinstance(cost, str) or not re.fullmatch(r"\d{1,12}(\.\d{1,2})?", cost):
        raise invalid('Field \'budget\' must be {"type":"limit","max_credit_cost":"12.50"}.', "budget")
    if float(cost) <= 0:
        raise invalid("The budget must be positive.", "budget")
    return {"type": "limit", "max_credit_cost": cost}
