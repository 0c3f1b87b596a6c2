"""Sessions: create, list, get, update, cancel, archive, delete (contract 9)."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from starlette.routing import BaseRoute

from app.models import Json
from app.sandbox.builder import PROJECT
from app.sandbox.qoder import attachments, checks, sending
from app.sandbox.qoder.agents import configured
from app.sandbox.qoder.cloud import Cloud
from app.sandbox.qoder.events import accept
from app.sandbox.qoder.gate import route
from app.sandbox.qoder.live import Live
from app.sandbox.qoder.models import window
from app.sandbox.qoder.pages import descending, flag, instant, many, page, within
from app.sandbox.qoder.wire import Call, Reply, conflict, invalid

SNAPSHOT = ("id", "type", "version", "name", "description", "system", "tools", "mcp_servers", "skills", "multiagent")
OVERRIDES = ("model", "system", "tools", "mcp_servers", "skills")


def routes(cloud: Cloud) -> list[BaseRoute]:
    """Every route of the resource itself."""
    return [
        route(cloud, "POST", "/sessions", _create),
        route(cloud, "GET", "/sessions", _list),
        route(cloud, "GET", "/sessions/{session}", _get),
        route(cloud, "POST", "/sessions/{session}", _update),
        route(cloud, "DELETE", "/sessions/{session}", _delete),
        route(cloud, "POST", "/sessions/{session}/cancel", _cancel),
        route(cloud, "POST", "/sessions/{session}/archive", _archive),
    ]


def shown(cloud: Cloud, session: Mapping[str, Json]) -> dict[str, Json]:
    """A session as this dialect writes it: China says ``processing`` for ``running`` (contract 16)."""
    duration = cloud.world.clock.wall() - instant(session["created_at"], "created_at")
    stats = {**session["stats"], "duration_seconds": round(max(0.0, duration), 3)}
    return {**session, "status": status(cloud, session["status"]), "stats": stats}


def status(cloud: Cloud, word: str) -> str:
    """A status in the words of this dialect."""
    return "processing" if word == "running" and cloud.dialect == "cn" else word


def _create(cloud: Cloud, call: Call) -> Reply:
    for name in ("agent", "environment_id"):
        checks.required(call.body, name)
    agent = _snapshot(cloud, call)
    environment = cloud.row("environments", "Environment", checks.text(call.body, "environment_id", least=1))
    if environment["archived_at"]:
        raise conflict(f"Environment '{environment['id']}' is archived.", "environment_id")
    vaults = checks.items(call.body, "vault_ids")
    for vault in vaults:
        cloud.row("vaults", "Vault", str(vault))
    starts = sending.parsed(cloud, checks.objects(call.body, "initial_events", most=sending.MAX_EVENTS))
    if any(event["type"] not in ("user.message", "user.define_outcome") for event in starts):
        raise invalid("initial_events takes user.message and user.define_outcome.", "initial_events")
    now = cloud.stamp()
    session: dict[str, Json] = {
        "id": cloud.name("sess"), "type": "session", "status": "idle", "agent": agent, "environment_id": environment["id"],
        "environment_variables": checks.variables(call.body), "title": checks.text(call.body, "title", most=1024),
        "metadata": checks.metadata(call.body), "vault_ids": vaults, "deployment_id": None,
        "resources": attachments.mounted(cloud, checks.objects(call.body, "resources")), "outcome_evaluations": [],
        "stats": {"active_seconds": 0.0, "duration_seconds": 0.0}, "usage": None, "budget": checks.budget(call.body),
        "archived_at": None, "created_at": now, "updated_at": now,
    }  # fmt: skip
    live = _born(cloud, session)
    cloud.table("hosts")[environment["id"]] = True
    facts = {"id": session["id"], "agent": agent["id"], "environment": environment["id"]}
    cloud.tell("create", object="session", **facts, idempotency_key=call.key or None)
    if starts:
        accept(cloud, live, starts, call.key)
    return Reply(shown(cloud, live.object))


def _born(cloud: Cloud, session: dict[str, Json]) -> Live:
    now, agent = session["created_at"], session["agent"]
    thread = {
        "id": cloud.name("sthr"), "type": "session_thread", "session_id": session["id"], "parent_thread_id": None, "agent": agent,
        "status": "idle", "stats": None, "usage": None, "archived_at": None, "created_at": now, "updated_at": now,
    }  # fmt: skip
    spent = {"model": 0.0, "runtime": 0.0, "seconds": 0.0}
    record: dict[str, Json] = {
        "object": session,
        "events": [],
        "thread": thread,
        "workers": [],
        "disk": dict(PROJECT),
        "turn": None,
        "spent": spent,
    }
    cloud.table("sessions")[session["id"]] = record
    return cloud.live(session["id"])


def _snapshot(cloud: Cloud, call: Call) -> dict[str, Json]:
    """The agent as this session will keep it: by id, by ``{type, id, version}``, or with overrides (contract 9.2)."""
    given = call.body["agent"]
    reference = {"type": "agent", "id": given} if isinstance(given, str) else checks.mapping(given, "agent")
    if cloud.dialect == "cn":
        reference = {"type": "agent", **reference}
    kind = checks.choice(reference, "type", ("agent", "agent_with_overrides"))
    version = reference.get("version") or None
    if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
        raise invalid("agent.version must be an integer.", "agent")
    agent = cloud.agent(checks.text(reference, "id", least=1), version)
    if cloud.agent(agent["id"])["archived_at"]:
        raise conflict(f"Agent '{agent['id']}' is archived.", "agent")
    told = {name: copy.deepcopy(agent[name]) for name in (*SNAPSHOT, "model")}
    if kind == "agent_with_overrides":
        patch = {name: reference[name] for name in OVERRIDES if name in reference}
        told |= configured(cloud, call, patch, own=agent["id"])
    model = told["model"] if isinstance(told["model"], dict) else {"id": told["model"]}
    told["model"] = {**model, "effective_context_window": window(told["model"])}
    return told


def _list(cloud: Cloud, call: Call) -> Reply:
    found = [record["object"] for record in cloud.table("sessions").values()]
    if descending(call, default="desc"):
        found.reverse()
    archived, during = flag(call, "include_archived"), within(call)
    statuses = {"running" if word == "processing" else word for word in many(call, "statuses")}
    agent, version, deployment, store = (
        call.query.get(name) for name in ("agent_id", "agent_version", "deployment_id", "memory_store_id")
    )

    def keep(item: Mapping[str, Json]) -> bool:
        return (
            (archived or not item["archived_at"])
            and (not statuses or item["status"] in statuses)
            and agent in (None, item["agent"]["id"])
            and version in (None, str(item["agent"]["version"]))
            and deployment in (None, item["deployment_id"])
            and (store is None or any(entry.get("memory_store_id") == store for entry in item["resources"]))
            and during(item["created_at"])
        )

    told = page(call, found, dialect=cloud.dialect, keep=keep)
    told["data"] = [shown(cloud, item) for item in told["data"]]
    return Reply(told)


def _get(cloud: Cloud, call: Call) -> Reply:
    return Reply(shown(cloud, cloud.live(call.names["session"]).object))


def _update(cloud: Cloud, call: Call) -> Reply:
    live = cloud.live(call.names["session"])
    live.check_open()
    if "vault_ids" in call.body:
        raise invalid("The vaults of a session cannot be changed.", "vault_ids")
    old = live.object
    changes: dict[str, Json] = {"metadata": checks.metadata(call.body, old["metadata"])}
    if "title" in call.body:
        changes["title"] = checks.text(call.body, "title", most=1024)
    if "budget" in call.body:
        changes["budget"] = checks.budget(call.body)
    if "environment_variables" in call.body:
        changes["environment_variables"] = checks.variables(call.body)
    if call.body.get("agent") is not None:
        if live.busy:
            raise conflict("The agent of a running session cannot be changed.", "agent")
        given = checks.mapping(call.body["agent"], "agent")
        patch = configured(cloud, call, {name: given[name] for name in OVERRIDES if name in given}, own=old["agent"]["id"])
        if "model" in patch:
            model = patch["model"] if isinstance(patch["model"], dict) else {"id": patch["model"]}
            patch["model"] = {**model, "effective_context_window": window(patch["model"])}
        changes["agent"] = {**old["agent"], **patch}
    changed = {name: value for name, value in changes.items() if value != old[name]}
    if changed:
        old.update(changed, updated_at=cloud.stamp())
        told = {name: value for name, value in changed.items() if name != "environment_variables"}
        live.journal.add("session.updated", **told)
        cloud.tell("update", object="session", id=old["id"], fields=sorted(changed), idempotency_key=call.key or None)
    return Reply(shown(cloud, old))


def _cancel(cloud: Cloud, call: Call) -> Reply:
    """202 while a turn runs, else 200; the body says ``canceling`` either way, but in China an idle one stays idle (9.7)."""
    live = cloud.live(call.names["session"])
    live.check_open()
    began = live.cancel()
    if began:
        cloud.tell("interrupt", session=live.object["id"], by="cancel", idempotency_key=call.key or None)
    word = "idle" if cloud.dialect == "cn" and not began else "canceling"
    return Reply({"id": live.object["id"], "type": "session", "status": word}, status=202 if began else 200)


def _archive(cloud: Cloud, call: Call) -> Reply:
    live = cloud.live(call.names["session"])
    if live.busy:
        raise conflict("A turn is running; cancel it and wait until the session is idle.")
    if live.waiting:
        live.stop()
    if not live.object["archived_at"]:
        live.object["archived_at"] = live.object["updated_at"] = cloud.stamp()
        cloud.tell("archive", object="session", id=live.object["id"], idempotency_key=call.key or None)
    return Reply(shown(cloud, live.object))


def _delete(cloud: Cloud, call: Call) -> Reply:
    live = cloud.live(call.names["session"])
    if live.busy:
        raise conflict("A turn is running; cancel it and wait until the session is idle.")
    if live.waiting:
        live.stop()
    ident = live.object["id"]
    live.journal.close()
    cloud.forget(ident)
    cloud.tell("delete", object="session", id=ident, idempotency_key=call.key or None)
    return Reply({"id": ident, "type": "session_deleted"})
