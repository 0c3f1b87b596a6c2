"""Memory stores, their memories and the versions of those (resources contract 5)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from starlette.routing import BaseRoute

from app.models import Json
from app.sandbox.qoder import checks, shelf
from app.sandbox.qoder.cloud import Cloud
from app.sandbox.qoder.gate import route
from app.sandbox.qoder.wire import Call, Reply, clash, invalid, unknown

MAX_CONTENT = 102_400
MAX_PATH = 1024


def routes(cloud: Cloud) -> list[BaseRoute]:
    """Every route of stores, memories and versions."""
    store = "/memory_stores/{store}"
    return [
        route(cloud, "POST", "/memory_stores", _create),
        route(cloud, "GET", "/memory_stores", _list),
        route(cloud, "GET", store, lambda cloud, call: Reply(_store(cloud, call)["object"])),
        route(cloud, "POST", store, _update),
        route(cloud, "DELETE", store, _delete),
        route(cloud, "POST", f"{store}/archive", _archive),
        route(cloud, "POST", f"{store}/memories", _write),
        route(cloud, "GET", f"{store}/memories", _memories),
        route(cloud, "GET", f"{store}/memories/{{memory}}", lambda cloud, call: Reply(_memory(cloud, call))),
        route(cloud, "POST", f"{store}/memories/{{memory}}", _rewrite),
        route(cloud, "DELETE", f"{store}/memories/{{memory}}", _forget),
        route(cloud, "GET", f"{store}/memory_versions", _versions),
        route(cloud, "GET", f"{store}/memory_versions/{{version}}", lambda cloud, call: Reply(_version(cloud, call))),
        route(cloud, "POST", f"{store}/memory_versions/{{version}}/redact", _redact),
    ]


def _store(cloud: Cloud, call: Call, *, to_write: bool = False) -> dict[str, Json]:
    row = cloud.row("memory_stores", "Memory store", call.names["store"])
    if to_write and row["object"]["archived_at"]:
        raise clash(f"Memory store '{row['object']['id']}' is archived.")
    return row


def _memory(cloud: Cloud, call: Call) -> dict[str, Json]:
    ident = call.names["memory"]
    found: dict[str, Json] | None = _store(cloud, call)["memories"].get(ident)
    if found is None:
        raise unknown("Memory", ident)
    return found


def _version(cloud: Cloud, call: Call) -> dict[str, Json]:
    ident = call.names["version"]
    found: dict[str, Json] | None = _store(cloud, call)["versions"].get(ident)
    if found is None:
        raise unknown("Memory version", ident)
    return found


def _named(body: Mapping[str, Json]) -> str:
    name = checks.text(body, "name", least=1, most=255)
    if not name.isprintable():
        raise invalid("Field 'name' must not have control characters.", "name")
    return name


def _create(cloud: Cloud, call: Call) -> Reply:
    now = cloud.stamp()
    store: dict[str, Json] = {
        "id": cloud.name("memstore"), "type": "memory_store", "name": _named(call.body),
        "description": checks.text(call.body, "description", most=1024), "status": "active", "entry_count": 0, "total_size": 0,
        "metadata": checks.metadata(call.body), "archived_at": None, "created_at": now, "updated_at": now,
    }  # fmt: skip
    cloud.table("memory_stores")[store["id"]] = {"object": store, "memories": {}, "versions": {}}
    return shelf.entered(cloud, call, "create", store)


def _list(cloud: Cloud, call: Call) -> Reply:
    return shelf.listed(cloud, call, [row["object"] for row in cloud.table("memory_stores").values()], name="name")


def _update(cloud: Cloud, call: Call) -> Reply:
    store = _store(cloud, call, to_write=True)["object"]
    changes: dict[str, Json] = {"metadata": checks.metadata(call.body, store["metadata"])}
    if "name" in call.body:
        changes["name"] = _named(call.body)
    if "description" in call.body:
        changes["description"] = checks.text(call.body, "description", most=1024)
    store.update(changes, updated_at=cloud.stamp())
    return shelf.entered(cloud, call, "update", store)


def _archive(cloud: Cloud, call: Call) -> Reply:
    store = _store(cloud, call)["object"]
    store["status"] = "archived"
    return shelf.archived(cloud, call, store)


def _delete(cloud: Cloud, call: Call) -> Reply:
    store = _store(cloud, call)["object"]
    del cloud.table("memory_stores")[store["id"]]
    return shelf.deleted(cloud, call, store)


def _content(body: Mapping[str, Json]) -> dict[str, Json]:
    """UTF-8 text of at most 102 400 bytes, with its size and its hash (5.2)."""
    content = checks.text(body, "content", least=1)
    try:
        raw = content.encode()
    except UnicodeEncodeError:
        raise invalid("Field 'content' must be valid text.", "content") from None
    if not content.strip() or len(raw) > MAX_CONTENT:
        raise invalid(f"Field 'content' must not be blank and have at most {MAX_CONTENT} bytes.", "content")
    return {"content": content, "content_size_bytes": len(raw), "content_sha256": hashlib.sha256(raw).hexdigest()}


def _write(cloud: Cloud, call: Call) -> Reply:
    row = _store(cloud, call, to_write=True)
    path = checks.text(call.body, "path", least=1, most=MAX_PATH)
    if path.startswith("/") or ".." in path.split("/"):
        raise invalid("A path is relative and has no '..'.", "path")
    if any(memory["path"] == path for memory in row["memories"].values()):
        raise clash(f"There is a memory at '{path}' already.", "path")
    now = cloud.stamp()
    memory: dict[str, Json] = {
        "id": cloud.name("mem"), "type": "memory", "memory_store_id": row["object"]["id"], "path": path, **_content(call.body),
        "version": 1, "metadata": checks.metadata(call.body), "created_at": now, "updated_at": now,
    }  # fmt: skip
    row["memories"][memory["id"]] = memory
    _record(cloud, row, memory, "created")
    return shelf.entered(cloud, call, "create", memory, path=path)


def _memories(cloud: Cloud, call: Call) -> Reply:
    prefix = call.query.get("path_prefix", "")
    found = [_bare(memory) for memory in _store(cloud, call)["memories"].values()]
    return shelf.listed(cloud, call, found, keep=lambda memory: memory["path"].startswith(prefix))


def _rewrite(cloud: Cloud, call: Call) -> Reply:
    row, memory = _store(cloud, call, to_write=True), _memory(cloud, call)
    guard = call.body.get("content_sha256")
    if guard is not None and guard != memory["content_sha256"]:
        raise clash("content_sha256 does not match the current memory.", "content_sha256")
    changes = _content(call.body) if "content" in call.body else {}
    patch = {"metadata": checks.metadata(call.body)} if "metadata" in call.body else {}
    memory.update(changes, **patch, version=memory["version"] + 1, updated_at=cloud.stamp())
    _record(cloud, row, memory, "updated")
    return shelf.entered(cloud, call, "update", memory, path=memory["path"])


def _forget(cloud: Cloud, call: Call) -> Reply:
    row, memory = _store(cloud, call, to_write=True), _memory(cloud, call)
    guard = call.query.get("expected_content_sha256")
    if guard is not None and guard != memory["content_sha256"]:
        raise clash("expected_content_sha256 does not match the current memory.")
    del row["memories"][memory["id"]]
    _record(cloud, row, memory, "deleted")
    return shelf.deleted(cloud, call, memory)


def _versions(cloud: Cloud, call: Call) -> Reply:
    memory, operation = call.query.get("memory_id"), call.query.get("operation")
    operation = "updated" if operation == "modified" else operation

    def keep(version: Mapping[str, Json]) -> bool:
        return memory in (None, version["memory_id"]) and operation in (None, version["operation"])

    return shelf.listed(cloud, call, [_bare(version) for version in _store(cloud, call)["versions"].values()], keep=keep)


def _redact(cloud: Cloud, call: Call) -> Reply:
    version = _version(cloud, call)
    if version["redacted"]:
        raise clash(f"Memory version '{version['id']}' is redacted already.")
    version.update(content=None, redacted=True, redacted_at=cloud.stamp())
    return shelf.entered(cloud, call, "redact", version)


def _record(cloud: Cloud, row: dict[str, Json], memory: dict[str, Json], operation: str) -> None:
    """Append a version and count anew; a deletion has an empty hash and no size (5.4)."""
    gone = operation == "deleted"
    version: dict[str, Json] = {
        "id": cloud.name("memver"), "type": "memory_version", "memory_store_id": memory["memory_store_id"],
        "memory_id": memory["id"], "path": memory["path"], "operation": operation, "content": None if gone else memory["content"],
        "content_sha256": "" if gone else memory["content_sha256"],
        "content_size_bytes": 0 if gone else memory["content_size_bytes"],
        "redacted": False, "redacted_at": None, "created_at": cloud.stamp(),
    }  # fmt: skip
    row["versions"][version["id"]] = version
    memory["memory_version_id"] = version["id"]
    sizes = [item["content_size_bytes"] for item in row["memories"].values()]
    row["object"].update(entry_count=len(sizes), total_size=sum(sizes), updated_at=cloud.stamp())


def _bare(item: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in item.items() if name != "content"}
