"""What we send: bodies built once, measured before they leave (contract 2, 12)."""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from app.errors import Refused, TooLarge
from app.models import Answer, Attachment, Json, Prompt, RequestKind

LIMIT = 4 * 1024 * 1024
"""Bytes. The server cuts a longer body off and then calls it bad JSON."""
NEAR = 3_500_000
"""From here on "bad JSON" most likely means the size."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = frozenset({"SERVER_ENDPOINT", "USER_ID", "WORK_DIR"})
_RESERVED_PREFIXES = ("CAW_", "QODER_")


def encode(body: Json) -> bytes:
    """The bytes of a body, the same for every attempt; ``TooLarge`` beyond the limit, before anything is sent."""
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    if len(data) > LIMIT:
        raise TooLarge(
            f"This message is {len(data) / 1_048_576:.1f} MiB and the server takes at most 4 MiB; nothing was sent. "
            "Attach it as a file or shorten it.",
            sent=False,
        )
    return data


def message(prompt: Prompt) -> Json:
    """A prompt as a ``user.message`` whose content is blocks, never a plain string."""
    content: list[Json] = [_attached(file) for file in prompt.attachments]
    if prompt.text or not content:
        content.append({"type": "text", "text": prompt.text})
    return {"type": "user.message", "content": content}


def answered(answer: Answer) -> Json:
    """A person's answer. Its type follows the kind of the call, not the reason the session stopped for (contract 18.4)."""
    if answer.kind is RequestKind.TOOL:
        words = answer.data if isinstance(answer.data, str) else json.dumps(answer.data, ensure_ascii=False)
        return {
            "type": "user.custom_tool_result",
            "custom_tool_use_id": answer.request_id,
            "is_error": answer.failed,
            "content": [{"type": "text", "text": words if answer.data is not None else answer.reason}],
        }
    if answer.kind is not RequestKind.APPROVAL:
        raise Refused(
            "A session here asks for approvals and tool results only, there is no form to fill in; nothing was sent.", sent=False
        )
    verdict: dict[str, Json] = {
        "type": "user.tool_confirmation",
        "tool_use_id": answer.request_id,
        "result": "allow" if answer.allow else "deny",
    }
    if not answer.allow and answer.reason:
        verdict["deny_message"] = answer.reason
    return verdict


def events(*sent: Json) -> bytes:
    """The envelope of an event post."""
    return encode({"events": list(sent)})


def environment(name: str) -> Json:
    """A new cloud environment. Networking is said in full: left out, it would silently be limited (contract 8.3)."""
    return {"name": name, "config": {"type": "cloud", "networking": {"type": "unrestricted"}}}


def session(agent_id: str, environment_id: str, title: str, extra: Mapping[str, Json] | None) -> Json:
    """A new session. The agent goes by its bare id, which every dialect takes; ``extra`` may say it in full."""
    body: dict[str, Json] = {"agent": agent_id, "environment_id": environment_id}
    if title:
        body["title"] = title
    return {**body, **(extra or {})}


def variables(given: Mapping[str, Json]) -> str:
    """Environment variables as ``NAME=value`` lines, the form that the documentation has (contract 9.2, 17.2).

    Raises ``Refused``, before anything is sent, for a name that is reserved or none, and for a value of several lines.
    """
    for name, value in given.items():
        if not _VARIABLE.fullmatch(name):
            raise Refused(f"{name!r} is no name of an environment variable: letters, digits and _. Nothing was sent.", sent=False)
        if name in _RESERVED or name.startswith(_RESERVED_PREFIXES):
            raise Refused(f"The environment variable {name} is the platform's own; choose another name.", sent=False)
        if not isinstance(value, str) or "\n" in value or "\r" in value or ";" in value:
            raise Refused(f"The value of {name} has to be text on one line, without a semicolon. Nothing was sent.", sent=False)
    return "\n".join(f"{name}={value}" for name, value in given.items())


def answer_ids(answers: Sequence[Answer]) -> frozenset[str]:
    """The calls that a batch of answers is for."""
    return frozenset(answer.request_id for answer in answers)


def _attached(file: Attachment) -> Json:
    if not file.id and not file.url:
        raise Refused(f"The file {PurePath(file.name).name} was not uploaded yet; nothing was sent.", sent=False)
    source = {"type": "file", "file_id": file.id} if file.id else {"type": "url", "url": file.url}
    media = file.media_type or mimetypes.guess_type(file.name)[0] or ""
    if media.startswith("image/"):
        return {"type": "image", "source": source}
    block: dict[str, Json] = {"type": "document", "source": source}
    if file.name:
        block["title"] = file.name
    return block
