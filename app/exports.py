"""A conversation as Markdown, JSON, JSONL or a page of its own."""

from __future__ import annotations

import html
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

from app.errors import UsageError
from app.models import Conversation, Json, PartKind, PromptState, Stop, Wire
from app.text import json_text, safe, safe_line
from app.transcript import Part, Turn

_SECRETS = re.compile(
    r"sk-[A-Za-z0-9_-]{16,}|pt-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|AKIA[0-9A-Z]{16}|xox[abprs]-[A-Za-z0-9-]{10,}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?<=_KEY=)[^\s\"']{8,}"
)
_STATES = {
    PromptState.QUEUED: "waiting",
    PromptState.SENDING: "sending",
    PromptState.NOT_SENT: "not sent",
    PromptState.UNKNOWN: "delivery unknown",
}
_STOPS = {
    Stop.FAILED: "Failed",
    Stop.UNKNOWN: "The end of this answer is not known",
    Stop.INTERRUPTED: "Stopped",
    Stop.OVER_BUDGET: "Stopped: the budget is used up",
    Stop.NEEDS_APPROVAL: "Waiting for an approval",
    Stop.NEEDS_INPUT: "Waiting for input",
}


def redacted(text: str, secrets: Sequence[str] = ()) -> str:
    """``text`` without the given secrets and without anything shaped like a key."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return _SECRETS.sub("***", text)


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
        state = _STATES.get(turn.state, "")
        blocks.append("## You" + (f" · {_when(turn.started)}" if turn.started else "") + (f" · {state}" if state else ""))
        blocks.append(str(safe(turn.text)))
        blocks += [f"*attached: {safe_line(attachment.name)}*" for attachment in turn.attachments]
    if turn.parts or turn.stop is not None:
        rating = f" · rated {turn.verdict.value}" if turn.verdict is not None else ""
        blocks.append(f"## {safe_line(conversation.agent_name or 'Agent')}{rating}")
    blocks += [block for part in turn.parts if (block := _part_block(part))]
    if turn.stop in _STOPS:
        blocks.append(
            f"*{_STOPS[turn.stop]}{': ' + safe_line(turn.failure.message) if turn.failure else ''}.*".replace("..*", ".*")
        )
    for request in turn.waiting:
        blocks.append(f"*waits for {request.kind.value} {safe_line(request.event_id)}: {safe_line(request.name)}*")
    return blocks


def _part_block(part: Part) -> str:
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


def _when(seconds: float) -> str:
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


def page(conversation: Conversation, turns: Sequence[Turn]) -> str:
    """A self-contained HTML page: everything escaped, nothing fetched."""
    body = []
    for turn in turns:
        if turn.text:
            body.append(f'<section class="you"><h2>You</h2><pre>{_escaped(turn.text)}</pre></section>')
        parts = "".join(f"<pre>{_escaped(_part_block(part))}</pre>" for part in turn.parts if _part_block(part))
        if parts:
            body.append(f'<section class="agent"><h2>{_escaped(conversation.agent_name or "Agent")}</h2>{parts}</section>')
    title = _escaped(conversation.title or "Untitled")
    return _PAGE.format(title=title, body="\n".join(body))


def _escaped(text: str) -> str:
    return html.escape(safe(text))


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 ui-monospace, monospace; max-width: 88ch; margin: 3rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.2rem; }} h2 {{ font-size: .85rem; opacity: .6; margin: 2rem 0 .3rem; }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 0 .8rem; font: inherit; }}
.you pre {{ border-left: 3px solid; padding-left: .8rem; }}
</style></head><body><h1>{title}</h1>
{body}
</body></html>
"""


def event_object(wire: Wire) -> Json:
    """An event as the wire had it; what is not an object is wrapped so that a type stands beside it."""
    if not isinstance(wire.raw, dict):
        return {"type": wire.type, "data": wire.raw}
    return wire.raw if "type" in wire.raw else {"type": wire.type, **wire.raw}


def event_lines(wires: Sequence[Wire], secrets: Sequence[str] = ()) -> str:
    """Events as JSON lines, without keys."""
    return "".join(redacted(json_text(event_object(wire)), secrets) + "\n" for wire in wires)


def write_new(path: Path, text: str, *, force: bool = False) -> None:
    """Write a file that only its owner reads. Raises ``UsageError``; without ``force`` nothing is ever overwritten."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    part = path.with_name(f".{path.name[:80]}.{os.getpid()}.part")
    try:
        if not force:
            with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            return
        if path.exists() and not path.is_symlink() and not path.is_file():
            raise UsageError(f"{path} is not a file; nothing was written. Take another name.")
        # Beside it and then over it: a link is replaced and never followed, and no reader sees half of it.
        with os.fdopen(os.open(part, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except FileExistsError as error:
        raise UsageError(f"{path} exists already; nothing was written. Take another name, or say --force.") from error
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UsageError(f"{path} cannot be written ({error.strerror}).") from error
