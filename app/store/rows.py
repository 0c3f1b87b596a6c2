"""Between values and rows.

Text goes through ``storable`` (lone surrogates become U+FFFD, all else incl. NUL stays), ids are always TEXT, JSON is written
with ``ensure_ascii`` so that it is exact whatever is in it.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from app.models import (
    Agent,
    Attachment,
    Conversation,
    Failure,
    Json,
    PartKind,
    PromptState,
    Request,
    RequestKind,
    Status,
    Stop,
    Usage,
    Verdict,
    Wire,
)
from app.store.values import Stored, StoredEvent
from app.text import storable
from app.transcript import Part, Turn

Row = tuple[Any, ...]


def _names(text: str) -> list[str]:
    return text.split()


TURN = _names(
    "uid position chars newlines state stop unsettled waits prompt_id grp message_id verdict comment agent started ended after"
    " attachments waiting failure usage text"
)
PART = _names(
    "part_id kind lane chars newlines done asks failed started ended wire_id name server summary input data output text"
)
CONVERSATION = _names(
    "id title agent_id agent_name agent_version status external_user_id environment created_at updated_at archived raw"
)
AGENT = _names("id name description model version tools questions updated_at archived raw")
STORED = f"""SELECT c.pk, c.account, a.profile, c.cursor, c.draft, c.pinned, c.touched, c.seen,
    (SELECT coalesce(sum(t.waits), 0) FROM turns t WHERE t.conversation = c.pk AND (t.unsettled = 1 OR t.waits > 0)),
    EXISTS (SELECT 1 FROM turns t WHERE t.conversation = c.pk AND (t.unsettled = 1 OR t.waits > 0)
            AND t.stop IS NULL AND t.state IN ('sending', 'sent', 'unknown')),
    c.read_at, (SELECT group_concat(g.name, char(10)) FROM tags g WHERE g.conversation = c.pk),
    (SELECT t.stop FROM turns t WHERE t.conversation = c.pk ORDER BY t.position DESC LIMIT 1),
    (SELECT t.ended FROM turns t WHERE t.conversation = c.pk ORDER BY t.position DESC LIMIT 1),
    (SELECT t.verdict FROM turns t WHERE t.conversation = c.pk AND t.verdict IS NOT NULL ORDER BY t.position DESC LIMIT 1),
    {", ".join("c." + name for name in CONVERSATION)}
    FROM conversations c JOIN accounts a ON a.id = c.account"""  # noqa: S608 - our own names
"""Selects what ``stored`` reads; add WHERE and ORDER BY."""
_STORED_OWN = 15


# --- JSON --------------------------------------------------------------------------------------------------------------------


def pack(value: Json) -> str | None:
    """A JSON value as text; None as NULL. What JSON cannot hold (NaN, a foreign type, endless nesting) becomes text."""
    if value is None:
        return None
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"), default=_plain)
    except (ValueError, TypeError):
        return json.dumps(_finite(value), separators=(",", ":"), default=_plain)
    except RecursionError:
        return json.dumps("(nested too deeply to be kept)")


def unpack(text: str | None) -> Json:
    """What ``pack`` was given."""
    return None if text is None else json.loads(text)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def _finite(value: Any, depth: int = 0) -> Any:
    """The same with NaN and the infinities, and integers beyond what Python prints, as text."""
    if depth > 200:
        return "(nested too deeply to be kept)"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and value.bit_length() > 12_000:
        return hex(value)
    if isinstance(value, Mapping):
        return {str(key): _finite(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item, depth + 1) for item in value]
    return value


def _record(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


# --- turns -------------------------------------------------------------------------------------------------------------------


def snapshot(turn: Turn) -> Turn:
    """A copy that later events do not touch, for another thread."""
    copy = Turn(**{name: getattr(turn, name) for name in _TURN_FIELDS})
    copy.parts = [_copy_part(part) for part in turn.parts]
    return copy


_TURN_FIELDS = [field.name for field in fields(Turn) if field.name != "parts"]
_PART_FIELDS = [field.name for field in fields(Part) if field.name != "_chunks"]


def _copy_part(part: Part) -> Part:
    copy = Part(**{name: getattr(part, name) for name in _PART_FIELDS})
    copy.text = part.text
    return copy


def is_unsettled(turn: Turn) -> bool:
    """Whether its end is still to be learnt: it has not left for certain, or has not stopped for certain."""
    if turn.state in (PromptState.QUEUED, PromptState.SENDING, PromptState.UNKNOWN):
        return True
    return turn.state is PromptState.SENT and turn.stop in (None, Stop.UNKNOWN)


def turn_row(turn: Turn) -> Row:
    """The values of the columns in ``TURN``."""
    text = storable(turn.text)
    return (
        storable(turn.uid),
        float(turn.position),
        len(text),
        text.count("\n"),
        str(turn.state),
        None if turn.stop is None else str(turn.stop),
        int(is_unsettled(turn)),
        len(turn.waiting),
        storable(turn.prompt_id),
        storable(turn.group),
        storable(turn.message_id),
        None if turn.verdict is None else str(turn.verdict),
        storable(turn.comment),
        storable(turn.agent),
        float(turn.started),
        float(turn.ended),
        storable(turn.after),
        pack([_record(attachment) for attachment in turn.attachments]),
        pack([_record(request) for request in turn.waiting]),
        None if turn.failure is None else pack(_record(turn.failure)),
        None if turn.usage is None else pack(_record(turn.usage)),
        text,
    )


def turn_of(row: Sequence[Any]) -> Turn:
    """The turn of a row of ``TURN`` columns, without its parts."""
    uid, position, _, _, state, stop, _, _, prompt_id, group, message_id, verdict, comment, agent, started, ended, after = row[
        :17
    ]
    attachments, waiting, failure, usage, text = row[17:22]
    return Turn(
        uid=uid,
        position=position,
        text=text,
        attachments=() if attachments == "[]" else tuple(Attachment(**item) for item in unpack(attachments)),
        state=PromptState(state),
        prompt_id=prompt_id,
        group=group,
        message_id=message_id,
        stop=None if stop is None else Stop(stop),
        waiting=() if waiting == "[]" else tuple(_request(item) for item in unpack(waiting)),
        failure=None if failure is None else Failure(**unpack(failure)),
        usage=None if usage is None else Usage(**unpack(usage)),
        verdict=None if verdict is None else Verdict(verdict),
        comment=comment,
        agent=agent,
        started=started,
        ended=ended,
        after=after,
    )


def _request(item: dict[str, Any]) -> Request:
    return Request(item["event_id"], RequestKind(item["kind"]), item["name"], item["input"])


def part_row(part: Part) -> Row:
    """The values of the columns in ``PART``."""
    text, output = storable(part.text), storable(part.output)
    seen = output if part.kind is PartKind.TOOL else text
    return (
        storable(part.id),
        str(part.kind),
        storable(part.lane),
        len(seen),
        seen.count("\n"),
        int(part.done),
        int(part.asks),
        int(part.failed),
        float(part.started),
        float(part.ended),
        storable(part.wire_id),
        storable(part.name),
        storable(part.server),
        storable(part.summary),
        pack(part.input),
        pack(part.data) if part.data else None,
        output,
        text,
    )


def part_of(row: Sequence[Any]) -> Part:
    """The part of a row of ``PART`` columns."""
    part_id, kind, lane, _, _, done, asks, failed, started, ended, wire_id, name, server, summary, given, data, output, text = row
    part = Part(
        id=part_id,
        kind=PartKind(kind),
        done=bool(done),
        name=name,
        input=unpack(given),
        output=output,
        summary=summary,
        server=server,
        asks=bool(asks),
        failed=bool(failed),
        lane=lane,
        data=unpack(data) or {},
        wire_id=wire_id,
        started=started,
        ended=ended,
    )
    part.text = text
    return part


# --- conversations, agents, events ---------------------------------------------------------------------------------------------


def conversation_row(conversation: Conversation) -> Row:
    """The values of the columns in ``CONVERSATION``."""
    texts = [getattr(conversation, name) for name in CONVERSATION[:10]]
    return (*(storable(str(text)) for text in texts), int(conversation.archived), pack(conversation.raw or {}))


def stored(row: sqlite3.Row | Row) -> Stored:
    """A row of ``STORED``."""
    pk, account, profile, cursor, draft, pinned, touched, seen, waiting, running, *more = row[:_STORED_OWN]
    read_at, tags, stop, ended, verdict = more
    own = dict(zip(CONVERSATION, row[_STORED_OWN:], strict=False))
    own |= {"status": Status(own["status"]), "archived": bool(own["archived"]), "raw": unpack(own["raw"])}
    conversation = Conversation(**own)
    busy = bool(running) or conversation.status is Status.RUNNING
    marks = tuple(sorted((tags or "").split("\n"))) if tags else ()
    own_marks = (read_at, marks, Stop(stop) if stop else None, ended or 0.0, Verdict(verdict) if verdict else None)
    return Stored(pk, account, profile, conversation, cursor, draft, bool(pinned), touched, waiting, busy, seen, *own_marks)


def agent_row(agent: Agent) -> Row:
    """The values of the columns in ``AGENT``."""
    plain = [storable(getattr(agent, name)) for name in AGENT[:5]]
    lists = pack(list(agent.tools)), pack(list(agent.questions))
    return (*plain, *lists, storable(agent.updated_at), int(agent.archived), pack(agent.raw or {}))


def agent_of(row: Sequence[Any]) -> Agent:
    """The agent of a row of ``AGENT`` columns."""
    agent_id, name, description, model, version, tools, questions, updated_at, archived, raw = row
    return Agent(
        agent_id,
        name,
        description,
        model,
        version,
        tuple(unpack(tools)),
        tuple(unpack(questions)),
        updated_at,
        bool(archived),
        unpack(raw),
    )


def event_row(wire: Wire, received: float) -> Row:
    """wire_id, type, lane, at, received, raw."""
    names = (wire.id, wire.type, wire.lane, wire.at)
    return (*(storable(name) for name in names), float(received), pack(wire.raw) or "null")


def event_of(row: Sequence[Any]) -> StoredEvent:
    """An event of a row seq, wire_id, type, lane, at, received, raw."""
    seq, wire_id, kind, lane, at, received, raw = row
    return StoredEvent(seq, Wire(type=kind, raw=unpack(raw), id=wire_id, lane=lane, at=at), received)
