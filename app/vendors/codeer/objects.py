"""Agents, chats and uploaded files from their JSON. Only ids and names are needed; the rest may be missing (contract 5)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from app.errors import Protocol
from app.models import Agent, Attachment, Conversation, Json
from app.vendors.codeer.rows import first_text


def agents(data: Json) -> list[Agent]:
    """The published agents in the server's order (contract 5.1)."""
    found: dict[str, Agent] = {}
    for row in data if isinstance(data, list) else []:
        if isinstance(row, Mapping) and (agent_id := first_text(row, "id")):
            found.setdefault(agent_id, _agent(agent_id, row))
    return list(found.values())


def conversation(row: Mapping[str, Json], names: Mapping[str, str]) -> Conversation:
    """A chat (contract 5.2); ``names`` are the known agents' by id."""
    meta = _mapping(row.get("meta"))
    agent = _mapping(row.get("agent"))
    agent_id = first_text(row, "agent_id") or first_text(agent, "id") or first_text(meta, "conversation_agent_id")
    return Conversation(
        id=first_text(row, "id"),
        title=first_text(row, "name") or "Untitled",
        agent_id=agent_id,
        agent_name=first_text(row, "agent_name") or first_text(agent, "name") or names.get(agent_id, ""),
        external_user_id=first_text(row, "external_user_id") or first_text(meta, "external_user_id"),
        created_at=first_text(row, "created_at"),
        updated_at=first_text(row, "updated_at") or first_text(row, "created_at"),
        raw=dict(row),
    )


def started(data: Json, names: Mapping[str, str]) -> Conversation:
    """The reply to a creation; without an id it is unknown whether there is a chat."""
    if isinstance(data, Mapping) and first_text(data, "id"):
        return conversation(data, names)
    raise Protocol("Codeer answered the creation of a chat without naming it; look at the list before trying again.", sent=None)


def attachment(data: Json, path: Path, size: int, media_type: str) -> Attachment:
    """The reply to an upload (contract 5.9): ``uuid`` is the attachment's id."""
    row = _mapping(data)
    uuid = first_text(row, "uuid", "id")
    if not uuid:
        raise Protocol("Codeer took the file but did not name it; it cannot be attached.", sent=None)
    return Attachment(
        name=first_text(row, "original_name") or path.name,
        path=str(path),
        media_type=first_text(row, "content_type") or media_type,
        size=size,
        id=uuid,
        url=first_text(row, "file_url", "url"),
    )


def whole_answer(data: Json) -> str:
    """The text of an answer that was not streamed: a string, null, or an object that holds it (contract 16.4)."""
    if isinstance(data, Mapping):
        names = ("final_text", "content", "text", "message", "answer")
        return next((data[name] for name in names if isinstance(data.get(name), str)), "")
    return data if isinstance(data, str) else ""


def _agent(agent_id: str, row: Mapping[str, Json]) -> Agent:
    questions = row.get("suggested_questions")
    tools = row.get("unified_tools")
    return Agent(
        id=agent_id,
        name=first_text(row, "name") or agent_id,
        description=first_text(row, "description"),
        model=first_text(row, "llm_model"),
        version=first_text(row, "published_version_number", "version"),
        tools=tuple(name for tool in _list(tools) if (name := first_text(_mapping(tool), "name", "tool_name", "type"))),
        questions=tuple(question for question in _list(questions) if isinstance(question, str) and question.strip()),
        updated_at=first_text(row, "updated_at"),
        raw=dict(row),
    )


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
