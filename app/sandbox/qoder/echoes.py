"""What the events of a session mean for the next step: prompts, answers, earlier turns. Pure functions over wire objects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from app.models import Json

CREDITS_A_TOKEN = {"input": 0.0004, "output": 0.002}
CREDITS_A_SECOND = 0.001
"""Credits a second of a sandbox costs."""

PROMPTS = ("user.message", "user.define_outcome")
ANSWERS = ("user.tool_confirmation", "user.custom_tool_result", "user.tool_result")


def joined(content: Json) -> str:
    """The text of content blocks, one below the other."""
    return "\n\n".join(str(block.get("text", "")) for block in content or () if block.get("type") == "text")


def prompt(events: Sequence[Mapping[str, Json]]) -> str:
    """What the client's events of one request ask for."""
    texts = [
        str(event["description"]) if event["type"] == "user.define_outcome" else joined(event["content"])
        for event in events
        if event["type"] in PROMPTS
    ]
    return "\n\n".join(texts)


def attached(events: Sequence[Mapping[str, Json]]) -> list[str]:
    """A line for each image or document that came with the client's events."""
    blocks = [block for event in events if event["type"] == "user.message" for block in event["content"]]
    return [f"{block['type']} {_source(block)}" for block in blocks if block.get("type") in ("image", "document")]


def _source(block: Mapping[str, Json]) -> str:
    source = block.get("source") or {}
    return str(block.get("title") or source.get("file_id") or source.get("url") or source.get("media_type") or "")


def past(events: Sequence[Mapping[str, Json]]) -> list[list[str]]:
    """The earlier turns of the main thread as [prompt, answer]."""
    turns: list[list[str]] = []
    for event in events:
        if event["type"] in PROMPTS:
            turns.append([prompt([event]), ""])
        elif event["type"] == "agent.message" and turns and not event.get("session_thread_id"):
            turns[-1][1] += joined(event["content"])
    return turns


def answered(event: Mapping[str, Json]) -> str:
    """The event id that an answer is for."""
    return str(event["custom_tool_use_id"] if event["type"] == "user.custom_tool_result" else event["tool_use_id"])


def answer(event: Mapping[str, Json]) -> dict[str, Json]:
    """An answer as it is kept: approvals by ``allow``, results by ``failed``."""
    if event["type"] == "user.tool_confirmation":
        return {"allow": event["result"] == "allow", "text": event.get("deny_message") or ""}
    return {"allow": True, "text": joined(event.get("content")), "failed": bool(event.get("is_error"))}


def evaluation(event: Mapping[str, Json]) -> dict[str, Json]:
    """The entry of ``outcome_evaluations`` for an outcome that is being worked on (contract 9.3)."""
    return {
        "type": "outcome_evaluation", "outcome_id": event["outcome_id"], "description": event["description"], "result": None,
        "iteration": 0, "explanation": None, "completed_at": None,
    }  # fmt: skip


def floor(credits: float) -> float:
    """Credits as the wire tells them: floored to two decimals (contract 9.3)."""
    return math.floor(credits * 100 + 1e-9) / 100
