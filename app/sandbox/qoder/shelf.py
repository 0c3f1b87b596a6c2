"""What the stored resources have in common: lists by name, archiving, tombstones (resources contract 1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from app.models import Json
from app.sandbox.qoder.cloud import Cloud
from app.sandbox.qoder.pages import flag, page, within
from app.sandbox.qoder.wire import Call, Reply


def listed(
    cloud: Cloud,
    call: Call,
    objects: Iterable[Mapping[str, Json]],
    *,
    name: str = "",
    keep: Callable[[Mapping[str, Json]], bool] = lambda _: True,
) -> Reply:
    """A page, newest first, without what is archived; ``name`` is the field that the ``name`` query is a prefix of, any case."""
    archived, during = flag(call, "include_archived"), within(call)
    prefix = call.query.get("name", "").casefold() if name else ""

    def fits(item: Mapping[str, Json]) -> bool:
        return (
            (archived or not item.get("archived_at"))
            and during(item.get("created_at"))
            and str(item.get(name) or "").casefold().startswith(prefix)
            and keep(item)
        )

    return Reply(page(call, list(objects)[::-1], dialect=cloud.dialect, keep=fits))


def entered(cloud: Cloud, call: Call, kind: str, item: Mapping[str, Json], **facts: Json) -> Reply:
    """Write a change into the ledger and answer with the object."""
    cloud.tell(kind, object=item["type"], id=item["id"], **facts, idempotency_key=call.key or None)
    cloud.changed()
    return Reply(item)


def archived(cloud: Cloud, call: Call, item: dict[str, Any]) -> Reply:
    """Archive for good; doing it again changes nothing."""
    if item["archived_at"]:
        return Reply(item)
    item["archived_at"] = item["updated_at"] = cloud.stamp()
    return entered(cloud, call, "archive", item)


def deleted(cloud: Cloud, call: Call, item: Mapping[str, Json]) -> Reply:
    """The tombstone of something that was just removed."""
    tomb = {"id": item["id"], "type": f"{item['type']}_deleted"}
    cloud.tell("delete", object=item["type"], id=item["id"], idempotency_key=call.key or None)
    cloud.changed()
    return Reply(tomb)
