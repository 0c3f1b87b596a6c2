"""Agents: create, list, get, update with its optimistic lock, archive, versions, delete (contract 7)."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from starlette.routing import BaseRoute

from app.models import Json
from app.sandbox.qoder import checks, toolset
from app.sandbox.qoder.cloud import Cloud
from app.sandbox.qoder.gate import route
from app.sandbox.qoder.models import catalogue
from app.sandbox.qoder.pages import flag, page, within
from app.sandbox.qoder.wire import Call, Reply, conflict, invalid

EFFORTS = ("none", "low", "medium", "high", "xhigh", "max")


def routes(cloud: Cloud) -> list[BaseRoute]:
    """Every route of the resource; PUT is the older spelling of an update."""
    return [
        route(cloud, "POST", "/agents", _create),
        route(cloud, "GET", "/agents", _list),
        route(cloud, "GET", "/agents/{agent}", _get),
        route(cloud, "POST", "/agents/{agent}", _update),
        route(cloud, "PUT", "/agents/{agent}", _update),
        route(cloud, "DELETE", "/agents/{agent}", _delete),
        route(cloud, "POST", "/agents/{agent}/archive", _archive),
        route(cloud, "GET", "/agents/{agent}/versions", _versions),
    ]


def configured(cloud: Cloud, call: Call, body: Mapping[str, Json], *, own: str = "") -> dict[str, Json]:
    """What a body says about an agent, checked; only the fields it has. ``own`` is the agent's id on an update.

    Raises ``RefusedError`` 400, and 404 for an agent of the roster that does not exist.
    """
    told: dict[str, Json] = {}
    if "model" in body:
        told["model"] = _model(checks.required(body, "model"))
    if "name" in body:
        told["name"] = checks.text(body, "name", least=1, most=256)
    if "system" in body:
        told["system"] = checks.text(body, "system", most=100_000) if body["system"] is not None else None
    if "description" in body:
        told["description"] = checks.text(body, "description", most=2048)
    if "mcp_servers" in body:
        told["mcp_servers"] = toolset.check_servers(body)
    if "tools" in body:
        servers = told.get("mcp_servers", _servers(cloud, own))
        told["tools"] = toolset.check_tools(body, servers, call.headers.get("x-qoder-beta", ""))
    if "skills" in body:
        told["skills"] = [_skill(skill) for skill in checks.objects(body, "skills", most=20)]
    if "multiagent" in body:
        told["multiagent"] = _roster(cloud, body["multiagent"])
    return told


def _servers(cloud: Cloud, own: str) -> list[dict[str, Json]]:
    found: list[dict[str, Json]] = cloud.agent(own)["mcp_servers"] if own else []
    return found


def _create(cloud: Cloud, call: Call) -> Reply:
    for name in ("name", "model"):
        checks.required(call.body, name)
    now = cloud.stamp()
    agent: dict[str, Json] = {
        "id": cloud.name("agent"), "type": "agent", "name": "", "description": "", "model": "", "system": None, "tools": [],
        "mcp_servers": [], "skills": [], "metadata": checks.metadata(call.body), "multiagent": None, "version": 1,
        "archived_at": None, "created_at": now, "updated_at": now, **configured(cloud, call, call.body),
    }  # fmt: skip
    _check_coordinator(agent)
    cloud.table("agents")[agent["id"]] = {"versions": [agent]}
    cloud.tell("create", object="agent", id=agent["id"], name=agent["name"], idempotency_key=call.key or None)
    return Reply(agent)


def _list(cloud: Cloud, call: Call) -> Reply:
    newest = [record["versions"][-1] for record in reversed(cloud.table("agents").values())]
    archived, during = flag(call, "include_archived"), within(call)
    keep = lambda item: (archived or not item["archived_at"]) and during(item["created_at"])  # noqa: E731
    return Reply(page(call, newest, dialect=cloud.dialect, keep=keep))


def _get(cloud: Cloud, call: Call) -> Reply:
    version = call.query.get("version")
    if version is not None and not (version.isascii() and version.isdigit()):
        raise invalid("version must be a positive integer", "version")
    return Reply(cloud.agent(call.names["agent"], int(version) if version else None))


def _update(cloud: Cloud, call: Call) -> Reply:
    ident = call.names["agent"]
    old = cloud.agent(ident)
    version = checks.required(call.body, "version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise invalid("Field 'version' must be an integer.", "version")
    if old["archived_at"]:
        raise conflict(f"Agent '{ident}' is archived.")
    if version != old["version"]:
        raise conflict(f"Agent '{ident}' is at version {old['version']}, not {version}.", "version")
    patch = configured(cloud, call, call.body, own=ident)
    agent = {**copy.deepcopy(old), **patch, "metadata": checks.metadata(call.body, old["metadata"])}
    _check_coordinator(agent)
    toolset.check_tools(agent, agent["mcp_servers"], toolset.BROWSER_BETA)
    if agent != old:
        agent.update(version=old["version"] + 1, updated_at=cloud.stamp())
        cloud.table("agents")[ident]["versions"].append(agent)
        cloud.tell("update", object="agent", id=ident, version=agent["version"], idempotency_key=call.key or None)
    return Reply(agent)


def _archive(cloud: Cloud, call: Call) -> Reply:
    agent = cloud.agent(call.names["agent"])
    if not agent["archived_at"]:
        agent["archived_at"] = cloud.stamp()
        cloud.tell("archive", object="agent", id=agent["id"], idempotency_key=call.key or None)
    return Reply(agent)


def _delete(cloud: Cloud, call: Call) -> Reply:
    ident = call.names["agent"]
    cloud.agent(ident)
    del cloud.table("agents")[ident]
    cloud.tell("delete", object="agent", id=ident, idempotency_key=call.key or None)
    return Reply({"id": ident, "type": "agent_deleted"})


def _versions(cloud: Cloud, call: Call) -> Reply:
    newest = list(reversed(cloud.row("agents", "Agent", call.names["agent"])["versions"]))
    return Reply(page(call, newest, dialect=cloud.dialect, cursor=lambda item: str(item["version"])))


def _model(model: Json) -> Json:
    """A model's id, or an object with an effort and a window that the model has."""
    if isinstance(model, str):
        model = {"id": model}
        bare = True
    else:
        bare = False
        model = dict(checks.mapping(model, "model"))
    known = next((item for item in catalogue() if item["id"] == model.get("id")), None)
    if known is None:
        raise invalid(f"Unknown model '{model.get('id')}'.", "model")
    if bare:
        return known["id"]
    effort = model.get("effort")
    if isinstance(effort, dict):
        effort = model["effort"] = effort.get("type")
    if effort is not None and effort not in known.get("efforts", ()):
        raise invalid(f"Model '{known['id']}' has no effort '{effort}'.", "model")
    window = model.get("context_window")
    if window is not None and window not in known.get("available_context_windows", ()):
        raise invalid(f"Model '{known['id']}' has no context window of {window}.", "model")
    return model


def _skill(skill: Mapping[str, Json]) -> dict[str, Json]:
    checks.choice(skill, "type", ("custom", "qoder"))
    checks.text(skill, "skill_id", least=1, most=256)
    checks.text(skill, "version", most=64)
    return dict(skill)


def _roster(cloud: Cloud, value: Json) -> Json:
    """The agents of a coordinator, with their versions resolved now (contract 7.6)."""
    if value is None:
        return None
    given = checks.mapping(value, "multiagent")
    checks.choice(given, "type", ("coordinator",))
    roster = [_member(cloud, member) for member in checks.items(given, "agents", least=1, most=20)]
    names = [str(member.get("id") or member["type"]) for member in roster]
    if len(set(names)) < len(names):
        raise invalid("The agents of a coordinator must be unique.", "multiagent")
    return {"type": "coordinator", "agents": roster}


def _member(cloud: Cloud, member: Json) -> dict[str, Json]:
    if isinstance(member, str):
        member = {"type": "agent", "id": member}
    given = checks.mapping(member, "multiagent.agents")
    if checks.choice(given, "type", ("agent", "self", "advisor")) != "agent":
        return dict(given)
    agent = cloud.agent(checks.text(given, "id", least=1), given.get("version"))
    return {"type": "agent", "id": agent["id"], "version": agent["version"], "name": agent["name"]}


def _check_coordinator(agent: Mapping[str, Json]) -> None:
    if agent["multiagent"] and not any(tool["type"] == toolset.TOOLSET for tool in agent["tools"]):
        raise invalid(f"A coordinator needs the tool {toolset.TOOLSET}.", "multiagent")
