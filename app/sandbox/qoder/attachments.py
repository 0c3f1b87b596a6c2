"""What is mounted into a session: files, repositories, memory stores (contract 10)."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.routing import BaseRoute

from app.models import Json
from app.sandbox.qoder import checks
from app.sandbox.qoder.cloud import Cloud
from app.sandbox.qoder.gate import route
from app.sandbox.qoder.pages import page
from app.sandbox.qoder.wire import Call, Reply, clash, invalid, unknown

KINDS = ("file", "github_repository", "git_repository", "memory_store")
SECRETS = {"github_repository": "authorization_token", "git_repository": "password"}
"""The write-only field of each kind that has one."""


def routes(cloud: Cloud) -> list[BaseRoute]:
    """Every route below a session's ``resources``."""
    return [
        route(cloud, "GET", "/sessions/{session}/resources", _list),
        route(cloud, "POST", "/sessions/{session}/resources", _add),
        route(cloud, "GET", "/sessions/{session}/resources/{resource}", _get),
        route(cloud, "POST", "/sessions/{session}/resources/{resource}", _rotate),
        route(cloud, "DELETE", "/sessions/{session}/resources/{resource}", _delete),
    ]


def mounted(cloud: Cloud, entries: list[dict[str, Json]]) -> list[dict[str, Json]]:
    """The resources of a new session: checked, named, without their secrets. Raises ``RefusedError`` 400, 404, 409."""
    found: list[dict[str, Json]] = []
    for entry in entries:
        found.append(_mount(cloud, entry, found))
    return found


def _mount(cloud: Cloud, entry: Mapping[str, Json], others: list[dict[str, Json]]) -> dict[str, Json]:
    kind = checks.choice(entry, "type", KINDS)
    now = cloud.stamp()
    told: dict[str, Json] = {"id": cloud.name("sesr"), "type": kind}
    if kind == "file":
        told |= _file(cloud, entry, others)
    elif kind == "memory_store":
        store = checks.text(entry, "memory_store_id", least=1)
        kept = cloud.row("memory_stores", "Memory store", store)["object"]
        access = checks.choice(entry, "access", ("read_only", "read_write"), "read_write")
        told |= {"memory_store_id": store, "access": access, "name": kept["name"], "description": kept["description"]}
        told["mount_path"] = f"/mnt/memory/{store}"
        if entry.get("instructions") is not None:
            told["instructions"] = checks.text(entry, "instructions", most=4096)
    else:
        told |= _repository(entry)
    return {**told, "created_at": now, "updated_at": now}


def _file(cloud: Cloud, entry: Mapping[str, Json], others: list[dict[str, Json]]) -> dict[str, Json]:
    ident = checks.text(entry, "file_id", least=1)
    cloud.row("files", "File", ident)
    if any(other.get("file_id") == ident for other in others):
        raise clash(f"File '{ident}' is mounted already.", "file_id")
    return {"file_id": ident, "mount_path": checks.text(entry, "mount_path") or f"/mnt/session/uploads/{ident}"}


def _repository(entry: Mapping[str, Json]) -> dict[str, Json]:
    url = checks.text(entry, "url", least=1, most=4096)
    name = url.rstrip("/").rpartition("/")[2].removesuffix(".git") or "repository"
    told: dict[str, Json] = {"url": url, "mount_path": checks.text(entry, "mount_path") or f"/workspace/{name}"}
    if entry.get("checkout") is not None:
        checkout = checks.mapping(entry["checkout"], "checkout")
        kind = checks.choice(checkout, "type", ("branch", "commit"))
        field = "name" if kind == "branch" else "sha"
        told["checkout"] = {"type": kind, field: checks.text(checkout, field, least=1)}
    return told


def _of(cloud: Cloud, call: Call) -> list[dict[str, Json]]:
    found: list[dict[str, Json]] = cloud.live(call.names["session"]).object["resources"]
    return found


def _one(cloud: Cloud, call: Call) -> dict[str, Json]:
    ident = call.names["resource"]
    found = next((item for item in _of(cloud, call) if item["id"] == ident), None)
    if found is None:
        raise unknown("Session resource", ident)
    return found


def _list(cloud: Cloud, call: Call) -> Reply:
    return Reply(page(call, _of(cloud, call), dialect=cloud.dialect))


def _add(cloud: Cloud, call: Call) -> Reply:
    live = cloud.live(call.names["session"])
    if live.object["archived_at"] or live.object["status"] == "terminated":
        raise clash("The session takes no more resources.")
    if call.body.get("type") != "file":
        raise invalid("Only files can be added to a session that exists.", "type")
    resource = _mount(cloud, call.body, live.object["resources"])
    live.object["resources"].append(resource)
    facts = {"session": live.object["id"], "file": resource["file_id"]}
    cloud.tell("create", object="session_resource", id=resource["id"], **facts, idempotency_key=call.key or None)
    return Reply(resource)


def _get(cloud: Cloud, call: Call) -> Reply:
    return Reply(_one(cloud, call))


def _rotate(cloud: Cloud, call: Call) -> Reply:
    found = _one(cloud, call)
    secret = SECRETS.get(found["type"])
    if secret is None:
        raise invalid(f"A resource of type {found['type']} has no secret.", "type")
    checks.text(call.body, secret, least=1)
    found["updated_at"] = cloud.stamp()
    cloud.tell("update", object="session_resource", id=found["id"], idempotency_key=call.key or None)
    return Reply(found)


def _delete(cloud: Cloud, call: Call) -> Reply:
    found = _one(cloud, call)
    _of(cloud, call).remove(found)
    cloud.tell("delete", object="session_resource", id=found["id"], idempotency_key=call.key or None)
    return Reply({"id": found["id"], "type": "session_resource_deleted"})
