"""Chat V2's parts: what a row of v1 is taken apart into (contract 14)."""

from __future__ import annotations

from app.models import Json
from app.sandbox.codeer.account import Chat, Row


def parts_of(chat: Chat) -> list[dict[str, Json]]:
    """A chat as parts, oldest first; an answer's tools stand before its text."""
    found: list[dict[str, Json]] = []

    def add(row: Row, kind: str, content: dict[str, Json], **more: Json) -> None:
        one = part(chat["id"], row["group_id"], len(found) + 1, kind, content)
        found.append({**one, "id": row["id"] * 100 + len(found), "created_at": row["created_at"], **more})

    for row in chat["rows"]:
        if row["role"] == "user":
            add(row, "user-prompt", {"content": row["content"]}, id=row["id"], attached_files=row["attached_files"])
        elif row["role"] == "assistant":
            for step in row["meta"]["reasoning_steps"] or []:
                add(row, "tool-call", call_content(step), metadata={"reasoning_step_type": step["type"]})
                add(row, "tool-return", return_content(step))
            text = row["content"]
            for step in row["meta"]["reasoning_steps"] or []:
                text = text.replace(f"<tool id={step['id']}>{step['tool_name']}</tool>", "")
            add(row, "text", {"content": text}, id=row["id"], feedbacks=row["feedbacks"])
    return found


def part(chat_id: int, group: str | None, sequence: int, kind: str, content: dict[str, Json]) -> dict[str, Json]:
    """A V2 part without an id of its own."""
    return {
        "id": None,
        "conversation_id": chat_id,
        "conversation_group_id": group,
        "sequence": sequence,
        "part_kind": kind,
        "source": "stack",
        "content": content,
        "metadata": {},
        "attached_files": [],
        "feedbacks": [],
    }


def call_content(step: dict[str, Json]) -> dict[str, Json]:
    """What a ``tool-call`` part holds."""
    return {"tool_name": step["tool_name"], "tool_call_id": step["id"], "args": step["args"]}


def return_content(step: dict[str, Json]) -> dict[str, Json]:
    """What a ``tool-return`` part holds."""
    return {"tool_name": step["tool_name"], "tool_call_id": step["id"], "content": step["result"], "outcome": "success"}
