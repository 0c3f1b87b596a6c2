"""Reasoning steps: the tools an agent used, and the forms it asks for (contract 6.5 and 10)."""

from __future__ import annotations

from collections.abc import Mapping

from app.models import Json, Request, RequestKind, ToolCalled, ToolReturned, Usage, Wire
from app.text import json_text

_ANSWERED = ("submitted", "answered", "completed", "resolved", "done", "cancelled", "expired")
_FAILED = ("error", "failed", "failure")


def name_of(step: Mapping[str, Json]) -> str:
    """The name to show: ``tool_name``, else the type without its prefix, else the server's line about it."""
    for value in (step.get("tool_name"), step.get("type")):
        if isinstance(value, str) and value:
            return value.removeprefix("consultant_")
    content = step.get("content")
    return content if isinstance(content, str) and content else "step"


def called(step: Mapping[str, Json], part_id: str, wire: Wire) -> ToolCalled:
    """A step that began."""
    content = step.get("content")
    summary = content if isinstance(content, str) else ""
    return ToolCalled(part_id=part_id, name=name_of(step), input=step.get("args"), summary=summary, wire=wire)


def returned(step: Mapping[str, Json], part_id: str, wire: Wire) -> ToolReturned:
    """A step that ended."""
    result = step.get("result")
    failed = isinstance(result, Mapping) and (bool(result.get("error")) or str(result.get("status", "")).lower() in _FAILED)
    output = "" if result is None else result if isinstance(result, str) else json_text(result)
    return ToolReturned(part_id=part_id, output=output, failed=failed, name=name_of(step), raw_output=result, wire=wire)


def asks_form(step: Mapping[str, Json]) -> bool:
    """Whether the step is a request for a form."""
    return any(isinstance(step.get(key), str) and step[key].endswith("request_form") for key in ("tool_name", "type"))


def form_of(step: Mapping[str, Json], default_id: str) -> Request | None:
    """The form that a step waits for, or None once it says that it was answered."""
    found = [part for part in (step.get("result"), step.get("args"), step) if isinstance(part, Mapping)]
    if any(form_answered(part) for part in found[:-1]):
        return None
    return form_request(found, default_id)


def form_answered(place: Mapping[str, Json]) -> bool:
    """Whether this says that the form was filled in."""
    return str(place.get("status", "")).lower() in _ANSWERED or any(
        isinstance(place.get(key), Mapping) for key in ("values", "data", "submission")
    )


def form_request(places: list[Mapping[str, Json]], default_id: str) -> Request:
    """The request, its id looked for under the names of contract 10.2 and its schema where a list of fields is."""
    ids = [place.get("form_request_id") for place in places]
    ids += [inner.get("id") for place in places if isinstance(inner := place.get("form_request"), Mapping)]
    ids += [place.get("request_id") for place in places]
    event_id = next((str(value) for value in ids if isinstance(value, (str, int)) and str(value)), default_id)
    schema = next((found for place in places if (found := _schema(place)) is not None), None)
    title = schema.get("title") if schema is not None else None
    return Request(event_id, RequestKind.FORM, title if isinstance(title, str) and title else "form", schema)


def usage_of(usage: Json) -> Usage | None:
    """Token figures under the names of the stream and of stored rows (contract 6.3, 5.5); None if there is none."""
    if not isinstance(usage, Mapping):
        return None
    given = [_count(usage, *names) for names in (
        ("total_prompt_tokens", "prompt_tokens"), ("total_completion_tokens", "completion_tokens"), ("total_tokens",)
    )]  # fmt: skip
    return Usage(given[0], given[1], given[2]) if any(value is not None for value in given) else None


def _schema(place: Mapping[str, Json]) -> Mapping[str, Json] | None:
    if isinstance(place.get("fields"), list):
        return place
    for key in ("custom_form_schema", "form", "schema", "form_schema", "form_request"):
        inner = place.get(key)
        if isinstance(inner, Mapping) and (found := _schema(inner)) is not None:
            return found
    return None


def _count(usage: Mapping[str, Json], *names: str) -> int | None:
    for name in names:
        value = usage.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15:
            return value
    return None
