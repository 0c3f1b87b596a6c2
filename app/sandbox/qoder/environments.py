"""Environments: create, list, get, update, archive, delete unless a session refers to it (contract 8)."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.routing import BaseRoute

from app.models import Json
from app.sandbox.qoder import checks
from app.sandbox.qoder.cloud import Cloud
from app.sandbox.qoder.gate import route
from app.sandbox.qoder.pages import flag, page, within
from app.sandbox.qoder.wire import Call, Reply, conflict, invalid

MAX_SCRIPT = 64 * 1024
PACKAGES = ("apt", "cargo", "gem", "go", "npm", "pip")


def routes(cloud: Cloud) -> list[BaseRoute]:
    """Every route of the resource; the queue of self-hosted work is not offered."""
    return [
        route(cloud, "POST", "/environments", _create),
        route(cloud, "GET", "/environments", _list),
        route(cloud, "GET", "/environments/{environment}", _get),
        route(cloud, "POST", "/environments/{environment}", _update),
        route(cloud, "DELETE", "/environments/{environment}", _delete),
        route(cloud, "POST", "/environments/{environment}/archive", _archive),
    ]


def _found(cloud: Cloud, call: Call) -> dict[str, Json]:
    return cloud.row("environments", "Environment", call.names["environment"])


def _config(cloud: Cloud, body: Mapping[str, Json]) -> dict[str, Json]:
    """``config``; left out it is a cloud with limited networking, empty or null is refused (contract 8.2)."""
    if "config" not in body:
        return {"type": "cloud", "networking": _limited({})}
    given = dict(checks.mapping(body["config"], "config"))
    if not given:
        raise invalid("Field 'config' must not be empty.", "config")
    kinds = ("cloud",) if cloud.dialect == "cn" else ("cloud", "self_hosted")
    if checks.choice(given, "type", kinds) == "self_hosted":
        if set(given) - {"type", "setup_script"}:
            raise invalid("A self-hosted environment takes no other configuration.", "config")
        return given
    given["networking"] = _networking(cloud, given.get("networking"))
    if given.get("packages") is not None:
        given["packages"] = _packages(given["packages"])
    if len(checks.text(given, "setup_script").encode(errors="replace")) > MAX_SCRIPT:
        raise invalid("Field 'setup_script' must have at most 64 KB.", "config")
    return given


def _networking(cloud: Cloud, value: Json) -> dict[str, Json]:
    if value is None:
        return _limited({})
    given = checks.mapping(value, "networking")
    kinds = ("unrestricted", "limited", *(("allowed_hosts",) if cloud.dialect == "cn" else ()))
    return {"type": "unrestricted"} if checks.choice(given, "type", kinds) == "unrestricted" else _limited(given)


def _limited(given: Mapping[str, Json]) -> dict[str, Json]:
    hosts = checks.items(given, "allowed_hosts")
    if not all(isinstance(host, str) and host and "/" not in host for host in hosts):
        raise invalid("allowed_hosts holds bare host names.", "config")
    flags = {name: bool(given.get(name, False)) for name in ("allow_package_managers", "allow_mcp_servers")}
    return {"type": given.get("type", "limited"), "allowed_hosts": hosts, **flags}


def _packages(value: Json) -> dict[str, Json]:
    given = checks.mapping(value, "packages")
    for name in given:
        if name != "type" and (name not in PACKAGES or not all(isinstance(item, str) for item in checks.items(given, name))):
            raise invalid(f"packages.{name} is not a list of packages.", "config")
    return {"type": "packages", **{name: given[name] for name in PACKAGES if given.get(name)}}


def _create(cloud: Cloud, call: Call) -> Reply:
    now = cloud.stamp()
    environment: dict[str, Json] = {
        "id": cloud.name("env"), "type": "environment", "name": checks.text(call.body, "name", least=1, most=256),
        "description": checks.text(call.body, "description", most=2048), "config": _config(cloud, call.body),
        "metadata": checks.metadata(call.body), "archived_at": None, "created_at": now, "updated_at": now,
    }  # fmt: skip
    cloud.table("environments")[environment["id"]] = environment
    cloud.tell("create", object="environment", id=environment["id"], name=environment["name"], idempotency_key=call.key or None)
    return Reply(environment)


def _list(cloud: Cloud, call: Call) -> Reply:
    archived, during = flag(call, "include_archived"), within(call)
    keep = lambda item: (archived or not item["archived_at"]) and during(item["created_at"])  # noqa: E731
    return Reply(page(call, list(reversed(cloud.table("environments").values())), dialect=cloud.dialect, keep=keep))


def _get(cloud: Cloud, call: Call) -> Reply:
    return Reply(_found(cloud, call))


def _update(cloud: Cloud, call: Call) -> Reply:
    found = _found(cloud, call)
    if found["archived_at"]:
        raise conflict(f"Environment '{found['id']}' is archived.")
    changes: dict[str, Json] = {"metadata": checks.metadata(call.body, found["metadata"])}
    if "name" in call.body:
        changes["name"] = checks.text(call.body, "name", least=1, most=256)
    if "description" in call.body:
        changes["description"] = checks.text(call.body, "description", most=2048)
    if "config" in call.body:
        changes["config"] = _config(cloud, call.body)
    found.update(changes, updated_at=cloud.stamp())
    cloud.tell("update", object="environment", id=found["id"], idempotency_key=call.key or None)
    return Reply(found)


def _archive(cloud: Cloud, call: Call) -> Reply:
    found = _found(cloud, call)
    if not found["archived_at"]:
        found["archived_at"] = cloud.stamp()
        cloud.tell("archive", object="environment", id=found["id"], idempotency_key=call.key or None)
    return Reply(found)


def _delete(cloud: Cloud, call: Call) -> Reply:
    ident = _found(cloud, call)["id"]
    if ident in cloud.table("hosts"):
        raise conflict(f"Environment '{ident}' is referenced by a session; archive it instead.")
    del cloud.table("environments")[ident]
    cloud.tell("delete", object="environment", id=ident, idempotency_key=call.key or None)
    return Reply({"id": ident, "type": "environment_deleted"})
