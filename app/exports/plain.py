"""A conversation as Markdown for people and as objects for programs."""

from __future__ import annotations

import time
from collections.abc import Sequence

from app.models import Conversation, Json, PartKind, PromptState, Stop, Wire
from app.text import json_text, safe, safe_line
from app.transcript import Part, Turn

STATES = {
    PromptState.QUEUED: "waiting",
    PromptState.SENDING: "sending",
    PromptState.NOT_SENT: "not sent",
    PromptState.UNKNOWN: "delivery unknown",
}
STOPS = {
    Stop.FAILED: "Failed",
    Stop.UNKNOWN: "The end of this answer is not known",
    Stop.INTERRUPTED: "Stopped",
    Stop.OVER_BUDGET: "Stopped: the budget is used up",
    Stop.NEEDS_APPROVAL: "Waiting for an approval",
    Stop.NEEDS_INPUT: "Waiting for input",
}


def markdown(conversation: Conversation, turns: Sequence[Turn]) -> str:
    """The transcript as people read it; every foreign string is made displayable."""
    blocks = [f"# {safe_line(conversation.title or 'Untitled')}"]
    facts = [
        f"agent: {safe_line(conversation.agent_name)}" if conversation.agent_name else "",
        f"conversation: {safe_line(conversation.id)}",
    ]
    blocks.append("  \n".join(fact for fact in facts if fact))
    for turn in turns:
        blocks += _turn_blocks(conversation, turn)
    return "\n\n".join(blocks) + "\n"


def _turn_blocks(conversation: Conversation, turn: Turn) -> list[str]:
    blocks = []
    if turn.text or turn.attachments:
        state = STATES.get(turn.state, "")
        blocks.append("## You" + (f" · {when(turn.started)}" if turn.started else "") + (f" · {state}" if state else ""))
        blocks.append(str(safe(turn.text)))
        blocks += [f"*attached: {safe_line(attachment.name)}*" for attachment in turn.attachments]
    if turn.parts or turn.stop is not None:
        rating = f" · rated {turn.verdict.value}" if turn.verdict is not None else ""
        blocks.append(f"## {safe_line(conversation.agent_name or 'Agent')}{rating}")
    blocks += [block for part in turn.parts if (block := part_block(part))]
    if turn.stop in STOPS:
        blocks.append(
            f"*{STOPS[turn.stop]}{': ' + safe_line(turn.failure.message) if turn.failure else ''}.*".replace("..*", ".*")
        )
    for request in turn.waiting:
        blocks.append(f"*waits for {request.kind.value} {safe_line(request.event_id)}: {safe_line(request.name)}*")
    return blocks


def part_block(part: Part) -> str:
    """A part as Markdown; "" if there is nothing of it."""
    match part.kind:
        case PartKind.TEXT:
            return str(safe(part.text))
        case PartKind.THINKING:
            return "\n".join(f"> {line}" for line in safe(part.text).splitlines()) if part.text else ""
        case PartKind.TOOL:
            outcome = "" if not part.done else " ×" if part.failed else " ✓"
            what = safe_line(part.summary or (json_text(part.input) if part.input is not None else ""), 200)
            line = f"- **{safe_line(part.name)}** {what}{outcome}".rstrip()
            return line + (f"\n  {safe_line(part.output, 400)}" if part.output else "")
        case PartKind.ARTIFACT:
            return f"*file: {safe_line(part.text)}*"
        case PartKind.NOTICE:
            return f"*{safe_line(part.text)}*"


def when(seconds: float) -> str:
    """A moment in local time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def conversation_object(conversation: Conversation, profile: str, vendor: str) -> Json:
    """A conversation for programs."""
    return {
        "id": conversation.id,
        "title": conversation.title,
        "profile": profile,
        "vendor": vendor,
        "agent": {"id": conversation.agent_id, "name": conversation.agent_name},
        "status": conversation.status.value,
        "external_user_id": conversation.external_user_id or None,
        "environment": conversation.environment or None,
        "archived": conversation.archived,
        "created_at": conversation.created_at or None,
        "updated_at": conversation.updated_at or None,
    }


def turn_object(turn: Turn) -> Json:
    """A turn for programs: the wire's own text, unchanged."""
    return {
        "prompt": turn.prompt_id or None,
        "text": turn.text,
        "state": turn.state.value,
        "attachments": [
            {"id": item.id or None, "name": item.name, "media_type": item.media_type or None} for item in turn.attachments
        ],
        "message": turn.message_id or None,
        "stop": turn.stop.value if turn.stop else None,
        "answer": turn.answer,
        "rating": {"verdict": turn.verdict.value, "comment": turn.comment} if turn.verdict else None,
        "error": {"kind": turn.failure.kind, "message": turn.failure.message} if turn.failure else None,
        "parts": [part_object(part) for part in turn.parts],
    }


def part_object(part: Part) -> Json:
    """A part for programs."""
    shared = {"id": part.id, "kind": part.kind.value, "lane": part.lane or None}
    if part.kind is PartKind.TOOL:
        return {**shared, "name": part.name, "input": part.input, "output": part.output, "failed": part.failed, "done": part.done}
    return {**shared, "text": part.text, **({"data": dict(part.data)} if part.data else {})}


def event_object(wire: Wire) -> Json:
    """An event as the wire had it; what is not an object is wrapped so that a type stands beside it."""
    if not isinstance(wire.raw, dict):
        return {"type": wire.type, "data": wire.raw}
    return wire.raw if "type" in wire.raw else {"type": wire.type, **wire.raw}
