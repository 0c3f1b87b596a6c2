"""Sessions and what hangs on them: threads, events, mounts, artifacts (contract 9, 10, 11, 13)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.errors import UsageError
from app.profiles import Json
from app.resource_models import Column, Does, Field, Kind, Resource, Verb
from app.vendors.qoder.bodies import variables
from app.vendors.qoder.resources.common import (
    ARCHIVED,
    CHANGED,
    ID,
    METADATA,
    PUT_AWAY,
    SINCE,
    UNTIL,
    archiving,
    checked,
    deleting,
    listing,
    showing,
)
from app.vendors.qoder.resources.files import COLUMNS, DOWNLOAD, LABEL

CREATE_PATIENCE = 120.0
"""Seconds: a new session talks to its MCP servers before it answers (contract 9.2)."""
_STATUSES = ("idle", "running", "processing", "rescheduling", "canceling", "terminated")


def _shape(body: Mapping[str, Json]) -> dict[str, Json]:
    """The agent as a bare id unless a version is pinned, mounts as objects, variables as this vendor reads them (9.2, 17)."""
    made: dict[str, Any] = checked(body)
    agent = made.get("agent")
    if isinstance(agent, Mapping) and "id" in agent and agent.get("type") in (None, "agent"):
        made["agent"] = {"type": "agent", **agent} if agent.get("version") else agent["id"]
    if isinstance(made.get("environment_variables"), Mapping):
        made["environment_variables"] = variables(made["environment_variables"])
    mounts = [_mounted_file(one) for one in made.pop("files", None) or ()]
    mounts += [_mounted_store(one) for one in made.pop("memory", None) or ()]
    if mounts:
        made["resources"] = [*(made.get("resources") or ()), *mounts]
    said = made.pop("message", None)
    if said:
        content = [{"type": "text", "text": said}]
        made["initial_events"] = [*(made.get("initial_events") or ()), {"type": "user.message", "content": content}]
    if isinstance(made.get("budget"), Mapping):
        made["budget"] = {"type": "limit", **made["budget"]} if made["budget"].get("max_credit_cost") else None
    return made


def _mounted_file(one: str) -> Json:
    ident, _, path = one.partition(":")
    return {"type": "file", "file_id": ident, **({"mount_path": path} if path else {})}


def _mounted_store(one: str) -> Json:
    ident, _, access = one.partition(":")
    if access not in ("", "read_only", "read_write"):
        raise UsageError(f"A memory store is mounted read_only or read_write, not {access[:20]!r}.")
    return {"type": "memory_store", "memory_store_id": ident, "access": access or "read_only"}


def _mount_shape(body: Mapping[str, Json]) -> dict[str, Json]:
    return {"type": "file", **{name: value for name, value in body.items() if value not in (None, "")}}


SESSIONS = Resource(
    name="sessions",
    one="session",
    says="conversations with agents, as the server has them",
    prefix="sess_",
    label=(("title",),),
    columns=(
        Column("title", (("title",),), form="untitled"),
        Column("agent", (("agent", "name"), ("agent", "id")), width=18),
        Column("status", (("status",),), width=12),
        Column("credits", (("usage", "total_credits"),), width=9, right=True, from_width=80),
        CHANGED,
        ID,
        PUT_AWAY,
    ),
    verbs=(
        listing(
            "/sessions",
            Field("agent", "with this agent", at=("agent_id",), of="agents"),
            Field("agent_version", "of this version", Kind.NUMBER),
            Field("memory", "with this memory store", at=("memory_store_id",), of="memory"),
            Field("status", f"some of {', '.join(_STATUSES)}", Kind.LIST, at=("statuses[]",)),
            SINCE, UNTIL, ARCHIVED,
            Field("order", "by time", Kind.CHOICE, options=("desc", "asc")),
        ),
        showing("/sessions/{session}"),
        Verb(
            "create", Does.CREATE, "POST", "/sessions", "begin one",
            fields=(
                Field("agent", "who", at=("agent", "id"), required=True, of="agents"),
                Field("agent_version", "pinned; the latest if left out", Kind.NUMBER, at=("agent", "version")),
                Field("environment", "where its tools run", at=("environment_id",), required=True, of="environments",
                      makes="default"),
                Field("title", "for people", most=1_024),
                Field("files", "ids of files, each with :PATH for where it is mounted", Kind.LIST),
                Field("memory", "ids of memory stores, each with :read_write if it may write", Kind.LIST),
                Field("vaults", "ids of vaults", Kind.LIST, at=("vault_ids",), of="vaults"),
                Field("variables", "NAME=VALUE", Kind.PAIRS, at=("environment_variables",)),
                METADATA,
                Field("budget", "credits at most, like 12.50", at=("budget", "max_credit_cost"), pattern=r"\d{1,12}(\.\d{1,2})?"),
                Field("message", "said at once", Kind.LONG),
                Field("resources", "more mounts, as the wire has them", Kind.JSON),
            ),
            shape=_shape, patience=CREATE_PATIENCE,
        ),
        Verb(
            "update", Does.UPDATE, "POST", "/sessions/{session}", "change its title, metadata, budget or agent",
            fields=(
                Field("title", "for people", most=1_024),
                METADATA,
                Field("budget", "credits at most, like 12.50", at=("budget", "max_credit_cost"), pattern=r"\d{1,12}(\.\d{1,2})?"),
            ),
            shape=_shape,
        ),
        Verb("cancel", Does.ACT, "POST", "/sessions/{session}/cancel", "stop its running turn"),
        archiving("/sessions/{session}", "It stays readable; nothing can be said any more."),
        deleting("/sessions/{session}", "All that was said in it goes."),
    ),
    children=("events", "threads", "mounts", "artifacts"),
)  # fmt: skip

THREADS = Resource(
    name="threads",
    one="thread",
    says="the lanes of a session: its main one, and its workers'",
    prefix="sthr_",
    parent="sessions",
    label=(("agent", "name"),),
    columns=(
        Column("agent", (("agent", "name"), ("agent", "id"))),
        Column("status", (("status",),), width=12),
        Column("parent", (("parent_thread_id",),), width=18, from_width=80),
        CHANGED,
        ID,
        PUT_AWAY,
    ),
    verbs=(
        listing("/sessions/{session}/threads"),
        showing("/sessions/{session}/threads/{thread}"),
        Verb("events", Does.LIST, "GET", "/sessions/{session}/threads/{thread}/events", "what happened in it"),
        archiving("/sessions/{session}/threads/{thread}"),
    ),
)

EVENTS = Resource(
    name="events",
    one="event",
    says="what happened in a session",
    prefix="evt_",
    parent="sessions",
    label=(("type",),),
    columns=(
        Column("type", (("type",),)),
        Column("what", (("name",), ("content",), ("stop_reason", "type")), form="said"),
        Column("at", (("processed_at",), ("created_at",)), width=18, form="when", from_width=70),
        ID,
    ),
    verbs=(
        listing(
            "/sessions/{session}/events",
            Field("types", "only these", Kind.LIST, at=("types[]",)),
            Field("order", "by time", Kind.CHOICE, options=("asc", "desc")),
        ),
    ),
)

MOUNTS = Resource(
    name="mounts",
    one="mount",
    says="what is mounted into a session: files, repositories, memory stores",
    prefix="sesr_",
    parent="sessions",
    label=(("mount_path",),),
    columns=(
        Column("path", (("mount_path",),)),
        Column("type", (("type",),), width=19),
        Column("what", (("file_id",), ("memory_store_id",), ("url",)), from_width=60),
        Column("access", (("access",),), width=11, from_width=90),
        ID,
    ),
    verbs=(
        listing("/sessions/{session}/resources"),
        showing("/sessions/{session}/resources/{mount}"),
        Verb(
            "add", Does.CREATE, "POST", "/sessions/{session}/resources", "mount a file into a session that exists",
            fields=(
                Field("file", "its id", at=("file_id",), required=True, of="files"),
                Field("path", "where; say one that tells what it is", at=("mount_path",)),
            ),
            shape=_mount_shape,
        ),
        Verb(
            "rotate", Does.UPDATE, "POST", "/sessions/{session}/resources/{mount}", "another secret of a repository",
            fields=(
                Field("type", "as it is", Kind.CHOICE, options=("github_repository", "git_repository")),
                Field("authorization_token", "of GitHub", Kind.SECRET, required=True, when=("type", "github_repository")),
                Field("password", "of another git server", Kind.SECRET, required=True, when=("type", "git_repository")),
            ),
            copies=(("type",),), shape=lambda body: {name: value for name, value in body.items() if name != "type"}, once=True,
        ),
        Verb(
            "remove", Does.DELETE, "DELETE", "/sessions/{session}/resources/{mount}",
            "take it out; a file itself stays", asks=True,
        ),
    ),
)  # fmt: skip

ARTIFACTS = Resource(
    name="artifacts",
    one="file",
    says="files that a session made",
    prefix="file_",
    parent="sessions",
    label=LABEL,
    columns=COLUMNS,
    verbs=(
        Verb("list", Does.LIST, "GET", "/files", "list them", fixed={"scope_id": "{session}"}),
        DOWNLOAD,
    ),
)
