"""Files of prompts: CSV or JSON lines in, items out; results out again."""

from __future__ import annotations

import csv
import io
import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from app.batch_models import LONGEST_NAME, Item, Webhook
from app.errors import UsageError
from app.text import safe_line

FIELDS = ("message", "custom_id", "name", "external_user_id", "agent_id", "history_id", "attached_file_uuids")
BIGGEST = 256 * 1024 * 1024
TOLD = 10
"""Faults that are told one by one."""
EVENTS = ("completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file's rows by column, and the columns in their order."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, object], ...]
    faults: tuple[str, ...] = field(default=())


def read(path: Path) -> Sheet:
    """A CSV with a head, or JSON lines. Raises ``UsageError`` with a sentence."""
    try:
        if path.stat().st_size > BIGGEST:
            raise UsageError(f"{path.name} is larger than {BIGGEST // 1048576} MiB.")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path.name} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path.name} is not UTF-8. Save it as UTF-8 and try again; nothing was sent.") from None
    lines = path.suffix.lower() in (".jsonl", ".ndjson", ".json") or text.lstrip().startswith("{")
    return _json_lines(path, text) if lines else _csv(path, text)


def _json_lines(path: Path, text: str) -> Sheet:
    rows: list[Mapping[str, object]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise UsageError(f"Line {number} of {path.name} is not JSON; nothing was sent.") from None
        if not isinstance(row, dict):
            raise UsageError(f"Line {number} of {path.name} is no JSON object; nothing was sent.")
        rows.append(row)
    return Sheet(tuple(dict.fromkeys(name for row in rows for name in row)), tuple(rows))


def _csv(path: Path, text: str) -> Sheet:
    try:
        delimiter = csv.Sniffer().sniff(text[:4096].partition("\n")[0], ",;\t").delimiter
    except csv.Error:
        delimiter = ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = tuple({name: value for name, value in row.items() if name is not None and value is not None} for row in reader)
    except csv.Error as error:
        raise UsageError(f"{path.name} is no CSV (line {reader.line_num}: {error}); nothing was sent.") from None
    return Sheet(tuple(reader.fieldnames or ()), rows)


def mapping(sheet: Sheet, wanted: Mapping[str, str]) -> dict[str, str]:
    """Field → column: as ``wanted``, else the column of the same name. Raises ``UsageError`` where a column is missing."""
    if not sheet.columns:
        raise UsageError("There is no row in this file; nothing was sent.")
    columns = {column.strip().casefold(): column for column in sheet.columns}
    found: dict[str, str] = {}
    for name in FIELDS:
        column = wanted.get(name, name)
        if column.strip().casefold() in columns:
            found[name] = columns[column.strip().casefold()]
        elif name in wanted:
            raise UsageError(f"There is no column {column!r}. There are: {', '.join(map(safe_line, sheet.columns)) or 'none'}.")
    if "message" not in found:
        there = ", ".join(map(safe_line, sheet.columns)) or "none"
        raise UsageError(f"Which column is the message? Say --map message=COLUMN. There are: {there}.")
    return found


_GIVEN = re.compile(r"row-[0-9]{4,}-[0-9a-f]{8}")


def given(custom_id: str) -> bool:
    """Whether it is a name that ``items`` made."""
    return bool(_GIVEN.fullmatch(custom_id))


def items(sheet: Sheet, columns: Mapping[str, str]) -> list[Item]:
    """The rows as items, each with a ``custom_id`` of its own. Raises ``UsageError`` that names the first faults."""
    mark = secrets.token_hex(4)
    width = max(4, len(str(len(sheet.rows))))
    made: list[Item] = []
    faults: list[str] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(sheet.rows, 1):
        values = {name: _text(row.get(column)) for name, column in columns.items()}
        values["custom_id"] = values.get("custom_id") or f"row-{number:0{width}}-{mark}"
        faults += [f"row {number}: {fault}" for fault in _faults(values)]
        if values["custom_id"] in seen:
            faults.append(f"row {number}: the custom_id is that of row {seen[values['custom_id']]}")
        seen.setdefault(values["custom_id"], number)
        made.append(_item(values))
    if not made:
        faults.append("there is no row")
    if faults:
        more = f"; and {len(faults) - TOLD} more" if len(faults) > TOLD else ""
        raise UsageError("Nothing was sent: " + "; ".join(faults[:TOLD]) + more + ".")
    return made


def _item(values: Mapping[str, str]) -> Item:
    get = values.get
    return Item(
        values["custom_id"],
        get("message", ""),
        get("agent_id", ""),
        get("external_user_id", ""),
        get("name", ""),
        get("history_id", ""),
        tuple(name for name in re.split(r"[\s,;\[\]\"]+", get("attached_file_uuids", "")) if name),
    )


def _faults(values: Mapping[str, str]) -> Iterable[str]:
    if not values.get("message", "").strip():
        yield "the message is empty"
    for name in ("custom_id", "name"):
        if len(values.get(name, "")) > LONGEST_NAME:
            yield f"the {name} has more than {LONGEST_NAME} characters"
    history = values.get("history_id", "")
    if history and not (history.isascii() and history.isdigit()):
        yield "the history_id is no whole number"


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else json.dumps(value, ensure_ascii=False)


def webhook(url: str, events: Sequence[str], secret: str) -> Webhook | None:
    """A webhook from its options; None without a URL. Raises ``UsageError``."""
    if not url:
        return None
    if urlsplit(url).scheme != "https":
        raise UsageError("A webhook needs an https:// address; nothing was sent.")
    unknown = [event for event in events if event not in EVENTS]
    if unknown:
        raise UsageError(f"A webhook is told of {', '.join(EVENTS)}; not of {safe_line(unknown[0], 40)}.")
    if len(secret) > 255:
        raise UsageError("The webhook's secret has more than 255 characters.")
    return Webhook(url, tuple(events), secret, bool(secret))


def written(rows: Sequence[Mapping[str, object]], form: str) -> str:
    """Result rows as ``csv`` or ``jsonl``. A cell that a spreadsheet would run gets an apostrophe in front."""
    if form == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in rows)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]) if rows else ["custom_id"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return out.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
