"""What a Codeer workspace holds: agents, chats and their rows, files (contract 4, 5)."""

from __future__ import annotations

import textwrap
from typing import Any

from app.models import Json
from app.sandbox.agents import of_side
from app.sandbox.codeer.wire import NOT_ALLOWED, ApiError
from app.sandbox.core import World
from app.sandbox.steps import AgentSpec, Past

WORKSPACE = "a0a0a0a0-0000-4000-8000-000000000001"
ORGANIZATION = "a0a0a0a0-0000-4000-8000-000000000002"
_BORN = "2026-01-05T09:00:00Z"
MODEL = "parlour-sandbox"

Chat = dict[str, Any]
"""A stored chat: ``id``, ``name``, ``created_at``, ``updated_at``, ``agent_id``, ``external_user_id``, ``named`` (a person
renamed it), ``rows`` (messages in their wire form) and ``forms`` (by form request id)."""
Row = dict[str, Any]


class Account:
    """The workspace of the run's key, kept in the world's section ``codeer``."""

    def __init__(self, world: World) -> None:
        self.world = world

    # --- agents ---

    def agents(self) -> list[AgentSpec]:
        """The ones that have a published version."""
        hidden = self.world.section("settings").get("unpublished") or []
        return [] if self.world.new_account else [one for one in of_side("codeer") if one.id not in hidden]

    def agent(self, agent_id: str) -> AgentSpec:
        """One of the workspace, published or not; 404 else."""
        for one in () if self.world.new_account else of_side("codeer"):
            if one.id == agent_id:
                return one
        raise ApiError(404, "Agent not found")

    def published(self, agent_id: str) -> AgentSpec:
        """One that can answer; contract 5.2 has the words of the refusal."""
        agent = self.agent(agent_id)
        if agent not in self.agents():
            raise ApiError(404, "Agent version not found")
        return agent

    def allow(self, external_user_id: str | None) -> None:
        """In whitelist mode, refuse who is not on the list (contract 4)."""
        listed = self.world.section("settings").get("whitelist")
        if listed is not None and (external_user_id or "") not in listed:
            raise ApiError(403, "External user is not allowed in this workspace", NOT_ALLOWED)

    # --- chats ---

    def _chats(self) -> dict[str, Chat]:
        found: dict[str, Chat] = self.world.section("codeer").setdefault("chats", {})
        return found

    def chats(self) -> list[Chat]:
        """All of them, oldest first."""
        return list(self._chats().values())

    def chat(self, chat_id: int) -> Chat:
        """One; 404 else."""
        found = self._chats().get(str(chat_id))
        if found is None:
            raise ApiError(404, "Chat not found")
        return found

    def create(self, name: str, agent: AgentSpec, external_user_id: str) -> Chat:
        """A new chat. Its first row is an empty system one, as the vendor's may be (contract 5.5)."""
        now = self.world.clock.stamp()
        chat: Chat = {
            "id": self.world.ids.number(),
            "name": name or "Untitled",
            "created_at": now,
            "updated_at": now,
            "agent_id": agent.id,
            "external_user_id": external_user_id or None,
            "named": False,
            "rows": [],
            "forms": {},
        }
        self._chats()[str(chat["id"])] = chat
        self.add_row(chat, "system", "", None)
        self.world.ledger.add(
            "create", "codeer", chat_id=chat["id"], name=name, agent_id=agent.id, external_user_id=external_user_id or None
        )
        return chat

    def add_row(self, chat: Chat, role: str, content: str, group: str | None, **more: Json) -> Row:
        """Append a message; ``more`` may hold ``meta`` members and ``attached_files``."""
        files = more.pop("attached_files", [])
        now = self.world.clock.stamp()
        meta: dict[str, Json] = dict.fromkeys(
            (
                "agent_profile",
                "participant_email",
                "reasoning_steps",
                "token_usage",
                "related_questions",
                "current_step_index",
                "response_time_ms",
            )
        )
        row: Row = {
            "id": self.world.ids.number(),
            "group_id": group,
            "role": role,
            "content": content,
            "meta": {**meta, **more},
            "attached_files": files,
            "feedbacks": [],
            "created_at": now,
        }
        chat["rows"].append(row)
        chat["updated_at"] = now
        self.world.changed()
        return row

    def past(self, chat: Chat, before: str) -> Past:
        """The finished turns before the group ``before``, as (prompt, answer)."""
        turns: dict[str, list[str]] = {}
        for row in chat["rows"]:
            if row["group_id"] == before:
                break
            if row["role"] != "system":
                turns.setdefault(row["group_id"], []).append(row["content"])
        return [(told[0], "".join(told[1:])) for told in turns.values() if len(told) > 1]

    def title(self, prompt: str) -> str:
        """A short name for a chat, from its first prompt."""
        line = " ".join(prompt.split())
        return textwrap.shorten(line, 48, placeholder="…") if len(line) > 48 and " " in line[:48] else line[:48] or "Untitled"

    # --- files ---

    def files(self) -> dict[str, dict[str, Json]]:
        """Uploads by uuid, in the form of the reply to one."""
        found: dict[str, dict[str, Json]] = self.world.section("codeer").setdefault("files", {})
        return found

    def contents(self) -> dict[str, str]:
        """What uploaded files hold, by their uuid, in base64."""
        found: dict[str, str] = self.world.section("codeer").setdefault("contents", {})
        return found

    def attached(self, uuids: list[str]) -> list[dict[str, Json]]:
        """Uploads in the form a message row has them (contract 5.5); 400 for an unknown one."""
        files, found = self.files(), []
        for uuid in uuids:
            if uuid not in files:
                raise ApiError(400, f"Attachment {uuid} not found")
            file = files[uuid]
            found.append(
                {
                    "id": uuid,
                    "type": file["content_type"],
                    "name": file["original_name"],
                    "url": file["file_url"],
                    "scope": file["scope"],
                    "attachment_type": "file",
                }
            )
        return found


def chat_object(chat: Chat) -> dict[str, Json]:
    """A chat as the wire has it (contract 5.2)."""
    return {
        "id": chat["id"],
        "name": chat["name"],
        "created_at": chat["created_at"],
        "updated_at": chat["updated_at"],
        "meta": {"conversation_agent_id": chat["agent_id"], "external_user_id": chat["external_user_id"]},
        "external_user_id": chat["external_user_id"],
    }


def agent_object(agent: AgentSpec) -> dict[str, Json]:
    """An agent as the wire has it (contract 5.1)."""
    return {
        "id": agent.id,
        "name": agent.name,
        "description": agent.description or None,
        "workspace_id": WORKSPACE,
        "publish_state": "public",
        "agent_type": "basic",
        "llm_model": agent.model,
        "use_search": False,
        "version": 1,
        "latest_version_number": 1,
        "published_version_number": 1,
        "publish_history_id": f"{agent.id[:-1]}f",
        "suggested_questions": list(agent.questions[:3]),
        "unified_tools": list(agent.tools),
        "meta": {},
        "created_at": _BORN,
        "updated_at": _BORN,
    }
