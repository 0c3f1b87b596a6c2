"""Stored messages to events, and finding one prompt among them (contract 5.5 and 13)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from app.models import (
    Attachment,
    Event,
    Json,
    PartDone,
    Prompt,
    Prompted,
    Request,
    Stop,
    TurnEnded,
    Used,
    Wire,
)
from app.text import storable
from app.vendors.codeer.decode import ANSWER
from app.vendors.codeer.steps import asks_form, called, form_answered, form_of, form_request, returned, usage_of
from app.vendors.codeer.tags import stripped

Row = Mapping[str, Json]


def id_of(row: Row) -> str:
    """The message id as text, "" if it has none."""
    value = row.get("id")
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def text_of(row: Row) -> str:
    """What it says, as stored."""
    content = row.get("content")
    return content if isinstance(content, str) else ""


def is_user(row: Row) -> bool:
    """Whether a person said it."""
    return row.get("role") == "user"


def is_answer(row: Row) -> bool:
    """Whether it is an agent's finished answer: one without content is still being written."""
    return row.get("role") == "assistant" and isinstance(row.get("content"), str)


def turns(rows: Iterable[Row]) -> Iterator[list[Event]]:
    """The events of one turn after another, from rows oldest first. System rows say nothing."""
    answers: list[Row] = []
    open_turn: list[Event] = []
    for row in rows:
        if is_user(row):
            yield open_turn + answered(answers)
            answers, open_turn = [], [prompted(row)]
        elif is_answer(row):
            answers.append(row)
    yield open_turn + answered(answers)


def prompted(row: Row, key: str = "") -> Prompted:
    """A person's row."""
    return Prompted(prompt_id=id_of(row), text=text_of(row), group=_group(row), attachments=_files(row), key=key, wire=_wire(row))


def answered(rows: Sequence[Row]) -> list[Event]:
    """The answer to one prompt with its end. Of several the last one is the answer, the others are kept before it."""
    events: list[Event] = []
    for row in rows:
        last = row is rows[-1]
        wire = _wire(row)
        meta = _meta(row)
        for number, step in enumerate(_steps(meta), 1):
            part_id = str(step.get("id") or f"step-{number}" + ("" if last else f"-{id_of(row)}"))
            events += [called(step, part_id, wire), returned(step, part_id, wire)]
        sources = _sources(row)
        if sources:
            part_id = f"sources-{id_of(row)}"
            told = {"tool_name": "sources", "content": "; ".join(_title(source) for source in sources), "result": sources}
            events += [called(told, part_id, wire), returned(told, part_id, wire)]
        text = stripped(text_of(row))
        if text or last:
            events.append(PartDone(part_id=ANSWER if last else f"{ANSWER}-{id_of(row)}", text=text, wire=wire))
        if last:
            usage = usage_of(meta.get("token_usage"))
            events += [Used(usage=usage, wire=wire)] if usage is not None else []
            form = waiting_form(row)
            stop = Stop.DONE if form is None else Stop.NEEDS_INPUT
            events.append(TurnEnded(stop=stop, message_id=id_of(row), waiting=(form,) if form else (), wire=wire))
    return events


def waiting_form(row: Row) -> Request | None:
    """The form that this answer waits for, if it does (contract 10.2: where it is named is not public)."""
    meta = _meta(row)
    named = meta.get("form_request")
    if isinstance(named, Mapping):
        return None if form_answered(named) else form_request([named, meta], "")
    if "form_request_id" in meta:
        return None if form_answered(meta) else form_request([meta], "")
    step = next((step for step in reversed(_steps(meta)) if asks_form(step)), None)
    return form_of(step, str(step.get("id") or "")) if step is not None else None


def find_prompt(rows: Sequence[Row], prompt: Prompt, prompt_id: str, group: str = "") -> int | None:
    """Where the row of ``prompt`` is: by its id, by its group, else by its text among those newer than ``prompt.after``."""
    for index, row in enumerate(rows):
        if is_user(row) and ((prompt_id and id_of(row) == prompt_id) or (group and _group(row) == group)):
            return index
    if prompt_id:
        return None
    wanted = storable(prompt.text).strip()
    places = [
        index
        for index, row in enumerate(rows)
        if is_user(row) and text_of(row).strip() == wanted and _newer(rows, index, prompt.after)
    ]
    # Of several equal ones the oldest after the known point is this prompt's; without such a point the newest is.
    return (places[0] if prompt.after else places[-1]) if places else None


def answers_to(rows: Sequence[Row], index: int) -> list[Row]:
    """The answers to the prompt in row ``index``: those of its group, else what follows it up to the next prompt."""
    group = _group(rows[index])
    if group and (found := [row for row in rows[index + 1 :] if is_answer(row) and _group(row) == group]):
        return found
    found = []
    for row in rows[index + 1 :]:
        if is_user(row):
            break
        if is_answer(row) and (not group or not _group(row)):
            found.append(row)
    return found


def _newer(rows: Sequence[Row], index: int, after: str) -> bool:
    if not after:
        return True
    row_id = id_of(rows[index])
    if _is_number(row_id) and _is_number(after):
        return int(row_id) > int(after)
    return not any(id_of(row) == after for row in rows[index:])


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 40


def _wire(row: Row) -> Wire:
    at = row.get("created_at")
    return Wire(f"message.{row.get('role')}", row, at=at if isinstance(at, str) else "")


def _group(row: Row) -> str:
    value = row.get("group_id")
    return value if isinstance(value, str) else ""


def _meta(row: Row) -> Mapping[str, Json]:
    meta = row.get("meta")
    return meta if isinstance(meta, Mapping) else {}


def _steps(meta: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    steps = meta.get("reasoning_steps")
    return [step for step in steps if isinstance(step, Mapping)] if isinstance(steps, list) else []


def _sources(row: Row) -> list[Json]:
    """What the answer was drawn from (contract 5.5); only an ``id`` is sure."""
    found = row.get("primary_sources")
    return [one for one in found if isinstance(one, Mapping) and one] if isinstance(found, list) else []


def _title(source: Json) -> str:
    return first_text(source, "title", "name", "url", "id") if isinstance(source, Mapping) else ""


def _files(row: Row) -> tuple[Attachment, ...]:
    files = row.get("attached_files")
    return tuple(_file(file) for file in files if isinstance(file, Mapping)) if isinstance(files, list) else ()


def _file(file: Mapping[str, Json]) -> Attachment:
    size = file.get("size")
    return Attachment(
        name=first_text(file, "name", "original_name", "file_name") or "file",
        media_type=first_text(file, "type", "content_type"),
        size=size if isinstance(size, int) and not isinstance(size, bool) else 0,
        id=first_text(file, "id", "uuid"),
        url=first_text(file, "url", "file_url"),
    )


def first_text(place: Mapping[str, Json], *names: str) -> str:
    """The first of these fields that is a text or a number, as text."""
    for name in names:
        value = place.get(name)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value):
            return str(value)
    return ""
