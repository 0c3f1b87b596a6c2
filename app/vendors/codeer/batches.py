"""Batches of Codeer (contract 8). Their replies are guesses: decoded here alone, and tolerantly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.batch_models import Batch, BatchState, Item, Result, Webhook
from app.errors import Protocol
from app.models import Json
from app.vendors.codeer.rows import first_text

_OVER = {
    **dict.fromkeys(("completed", "complete", "succeeded", "success", "done", "finished"), BatchState.COMPLETED),
    **dict.fromkeys(("partially_completed", "partial"), BatchState.COMPLETED),
    **dict.fromkeys(("failed", "error", "errored", "expired"), BatchState.FAILED),
    **dict.fromkeys(("cancelled", "canceled"), BatchState.CANCELLED),
}
"""Contract 8.3; any other word is running."""
_TEXTS = ("response", "output", "result", "content", "final_text", "answer", "message", "data", "text")
_FAILED = ("failed", "error", "errored", "cancelled", "canceled", "expired")


def request(agent_id: str, items: Sequence[Item], webhook: Webhook | None, user: str) -> dict[str, Json]:
    """The body of a creation (contract 8.1); ``user`` is sent for items that name nobody."""
    body: dict[str, Json] = {"agent_id": agent_id, "requests": [_item(item, user) for item in items]}
    if webhook is not None:
        body["webhook"] = {
            "url": webhook.url,
            **({"events": list(webhook.events)} if webhook.events else {}),
            **({"secret": webhook.secret} if webhook.secret else {}),
        }
    return body


def _item(item: Item, user: str) -> dict[str, Json]:
    more = {"agent_id": item.agent_id, "external_user_id": item.external_user_id or user, "name": item.name}
    fields: dict[str, Json] = {"custom_id": item.custom_id, "message": item.message}
    fields |= {name: value for name, value in more.items() if value}
    if item.history_id:
        fields["history_id"] = int(item.history_id) if item.history_id.isdigit() else item.history_id
    if item.files:
        fields["attached_file_uuids"] = list(item.files)
    return fields


def batch(data: Json, *, made: bool = False) -> Batch:
    """A batch from its JSON (contract 8.3). Raises ``Protocol`` if it has no id; after a creation that leaves its fate open."""
    row = data if isinstance(data, Mapping) else {}
    name = first_text(row, "id", "batch_id", "uuid")
    if not name:
        what = (
            "Codeer answered the creation of a batch without naming it." if made else "Codeer described a batch without its id."
        )
        raise Protocol(what, sent=None if made else False)
    word = first_text(row, "status", "state").lower()
    counts = row.get("request_counts")
    counts = counts if isinstance(counts, Mapping) else {}
    return Batch(
        name,
        _OVER.get(word, BatchState.RUNNING),
        word,
        _count(row, counts, ("total_requests", "total_count", "total"), "total"),
        _count(row, counts, ("completed_requests", "completed_count", "completed", "succeeded"), "completed"),
        _count(row, counts, ("failed_requests", "failed_count", "failed"), "failed"),
        first_text(row, "agent_id"),
        first_text(row, "created_at", "started_at"),
        first_text(row, "completed_at", "cancelled_at"),
        first_text(row, "error", "error_message", "message"),
        {key: value for key, value in row.items() if key not in ("requests", "results")},
    )


def _count(row: Mapping[str, Json], counts: Mapping[str, Json], names: Sequence[str], inner: str) -> int | None:
    found = [row.get(name) for name in names] + [counts.get(inner)]
    return next((value for value in found if isinstance(value, int) and not isinstance(value, bool) and value >= 0), None)


def result(row: Mapping[str, Json]) -> Result:
    """One row of results; only ``custom_id`` is sure (contract 8.3)."""
    text = _text(row)
    word = first_text(row, "status", "state").lower()
    error = row.get("error")
    said = first_text(error, "message", "code", "error_message") if isinstance(error, Mapping) else first_text(row, "error")
    said = said or first_text(row, "error_message") or first_text(row, "error_code").removesuffix("0")
    failed = word in _FAILED or (bool(said) and word not in _OVER)
    conversation = first_text(row, "history_id", "chat_id")
    return Result(
        first_text(row, "custom_id"), not failed, "" if failed else text, conversation, said or (word if failed else "")
    )


def _text(row: Mapping[str, Json]) -> str:
    for name in _TEXTS:
        value = row.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, Mapping):
            inner = next((value[one] for one in _TEXTS if isinstance(value.get(one), str)), None)
            if inner is not None:
                return str(inner)
    return ""
