"""Agents and their versions (contract 7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.errors import UsageError
from app.profiles import Json
from app.resource_models import Column, Does, Field, Kind, Resource, Use, Verb
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

TOOLSET = "agent_toolset_20260401"
BUILT_IN = (
    "Bash", "Read", "Write", "Edit", "Glob", "Grep", "WebFetch", "WebSearch", "ImageGen", "ImageSearch", "DeliverArtifacts",
)  # fmt: skip
_BY_FOLDED = {name.casefold(): name for name in BUILT_IN}
POLICIES = ("always_allow", "always_ask", "always_deny")


def _shape(body: Mapping[str, Json]) -> dict[str, Json]:
    """The model as a word where it is nothing else, skills as objects, built-in tools as one toolset (contract 7.2, 7.4)."""
    made: dict[str, Any] = checked(body)
    model = made.get("model")
    if isinstance(model, Mapping):
        kept = {name: value for name, value in model.items() if value not in (None, "") and name != "effective_context_window"}
        if isinstance(kept.get("effort"), Mapping):
            kept["effort"] = kept["effort"].get("type")
        made["model"] = kept["id"] if set(kept) == {"id"} else kept
    if isinstance(made.get("skills"), list):
        made["skills"] = [_skill(one) for one in made["skills"]]
    built_in, policy = made.pop("built_in", None), made.pop("permission", None)
    if built_in:
        toolset: dict[str, Any] = {"type": TOOLSET}
        if [name.casefold() for name in built_in] != ["all"]:
            toolset["enabled_tools"] = [_built_in(name) for name in built_in]
        if policy:
            toolset["default_config"] = {"permission_policy": {"type": policy}}
        made["tools"] = [toolset, *(tool for tool in made.get("tools") or () if tool.get("type") != TOOLSET)]
    elif policy:
        raise UsageError("permission goes with built_in: say which built-in tools the agent has.")
    return made


def _built_in(name: str) -> str:
    """The vendor's own spelling of a tool's name, whatever its case (contract 7.4)."""
    return _BY_FOLDED.get(name.replace("_", "").casefold(), name)


def _skill(one: Json) -> Json:
    if not isinstance(one, str):
        return one
    name, _, version = one.partition("@")
    return {"type": "custom", "skill_id": name, **({"version": version} if version else {})}


_CHANGEABLE = (
    Field("name", "1 to 256 characters", required=True, most=256),
    Field("model", "a model's id", at=("model", "id"), required=True, of="models", default="auto"),
    Field("effort", "where the model has it", at=("model", "effort")),
    Field("context_window", "where the model has a choice", Kind.NUMBER, at=("model", "context_window")),
    Field("system", "what it is told to be", Kind.LONG, most=100_000),
    Field("description", "for people", most=2_048),
)
_RAW = (
    Field("tools", "all its tools, as the wire has them", Kind.JSON),
    Field("skills", "all of them: names or ids, with @VERSION for a fixed one, or as the wire has them", Kind.JSON, of="skills"),
    Field("mcp_servers", "each with name, type url, url", Kind.JSON),
    METADATA,
    Field("multiagent", "a coordinator's team", Kind.JSON),
)

AGENTS = Resource(
    name="agents",
    one="agent",
    says="who there is to talk with",
    prefix="agent_",
    columns=(
        Column("name", (("name",),)),
        Column("version", (("version",),), width=8, form="version"),
        Column("model", (("model", "id"),), width=12),
        Column("tools", (("tools",),), width=10, form="count:tool"),
        Column("skills", (("skills",),), width=10, form="count:skill", from_width=80),
        CHANGED,
        ID,
        PUT_AWAY,
    ),
    verbs=(
        listing("/agents", ARCHIVED, SINCE, UNTIL),
        showing("/agents/{agent}", Field("version", "as it was then", Kind.NUMBER)),
        Verb(
            "create",
            Does.CREATE,
            "POST",
            "/agents",
            "make a new one",
            fields=(
                *(field for field in _CHANGEABLE if field.name in ("name", "model", "system")),
                Field("built_in", "built-in tools it may use", Kind.LIST, options=("all", *BUILT_IN)),
                Field("permission", "for its built-in tools", Kind.CHOICE, options=POLICIES),
                *(field for field in _CHANGEABLE if field.name not in ("name", "model", "system")),
                Field("skills", "ids of skills, each with @VERSION for a fixed one", Kind.LIST, of="skills"),
                *(field for field in _RAW if field.name != "skills"),
            ),
            shape=_shape,
        ),
        Verb(
            "update", Does.UPDATE, "POST", "/agents/{agent}", "change one; a stale version is a conflict that shows both sides",
            fields=(*(Field(f.name, f.says, f.kind, f.at, f.required, of=f.of, most=f.most) for f in _CHANGEABLE), *_RAW),
            carries=("version",), shape=_shape,
        ),
        archiving("/agents/{agent}", "Sessions that exist go on with what they have; no new one can begin."),
        deleting("/agents/{agent}", "Archiving keeps it readable; deleting does not."),
    ),
    children=("agent-versions",),
    used_by=(
        Use("sessions", ("agent", "id"), "agent_id"),
        Use("agents", ("multiagent", "agents", "*", "id")),
    ),
)  # fmt: skip

AGENT_VERSIONS = Resource(
    name="agent-versions",
    one="version",
    says="what an agent was, change by change",
    key="version",
    label=(("version",),),
    compares=True,
    parent="agents",
    columns=(
        Column("version", (("version",),), width=8, form="version"),
        Column("name", (("name",),)),
        Column("model", (("model", "id"),), width=12),
        Column("tools", (("tools",),), width=10, form="count:tool"),
        CHANGED,
    ),
    verbs=(
        listing("/agents/{agent}/versions"),
        Verb(
            "show", Does.SHOW, "GET", "/agents/{agent}", "show the agent as it was then", fixed={"version": "{version}"},
        ),
    ),
)  # fmt: skip
