"""Agents, environments and sessions of the wire, as our models (contract 7.3, 8.2, 9.3)."""

from __future__ import annotations

from collections.abc import Mapping

from app.models import Agent, Conversation, Environment, Json
from app.vendors.qoder.content import kind, listing, mapping, status, text

Raw = Mapping[str, Json]


def agent(raw: Raw) -> Agent:
    """An agent object; its ``model`` may be a word or an object, ``archived`` a time or, in the old dialect, a flag."""
    model = raw.get("model")
    return Agent(
        id=text(raw.get("id")),
        name=text(raw.get("name")) or text(raw.get("id")),
        description=text(raw.get("description")),
        model=text(model.get("id")) if isinstance(model, Mapping) else text(model),
        version=text(raw.get("version")),
        tools=tuple(name for entry in listing(raw.get("tools")) for name in _tools(entry)),
        updated_at=text(raw.get("updated_at")),
        archived=archived(raw),
        raw=raw,
    )


def environment(raw: Raw) -> Environment:
    """An environment object."""
    return Environment(id=text(raw.get("id")), name=text(raw.get("name")) or text(raw.get("id")), raw=raw)


def conversation(raw: Raw) -> Conversation:
    """A session object; its ``agent`` is a snapshot or, in the other dialect, a bare id (contract 16)."""
    who = raw.get("agent")
    snapshot = mapping(who)
    return Conversation(
        id=text(raw.get("id")),
        title=text(raw.get("title")),
        agent_id=text(snapshot.get("id")) or (who if isinstance(who, str) else "") or text(raw.get("agent_id")),
        agent_name=text(snapshot.get("name")),
        agent_version=text(snapshot.get("version") or raw.get("agent_version")),
        status=status(raw),
        environment=text(raw.get("environment_id")),
        created_at=text(raw.get("created_at")),
        updated_at=text(raw.get("updated_at")),
        archived=archived(raw),
        raw=raw,
    )


def archived(raw: Raw) -> bool:
    """Whether an object was put away: a time, the old flag, or the old status."""
    return bool(raw.get("archived_at")) or raw.get("archived") is True or raw.get("status") == "archived"


def _tools(entry: Json) -> list[str]:
    """The names worth showing of one tool entry (contract 7.4)."""
    found = mapping(entry)
    word = kind(found)
    if word == "custom":
        return [text(found.get("name"))]
    if word == "mcp_toolset":
        return [text(found.get("mcp_server_name"))]
    enabled = [text(name) for name in listing(found.get("enabled_tools"))]
    return enabled or [text(found.get("name")) or word]
