"""Keys out of what is handed on: the known ones exactly, in any spelling, and whatever has the shape of one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from app.models import Attachment, Conversation, Failure, Json, Request
from app.transcript import Part, Turn

MARK = "***"
_DEEPEST = 200
_SHAPES = re.compile(
    r"sk-[A-Za-z0-9_-]{16,}|pt-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{30,}|xox[abeprs]-[A-Za-z0-9-]{10,}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/-]{16,}=*"
)
_ASSIGNED = re.compile(r"(?i)(\b[A-Z0-9_.-]*(?:_KEY|_TOKEN|_SECRET|PASSWORD)[\"']?\s*[=:]\s*[\"']?)([^\s\"',;}]{8,})")
_NAMED = re.compile(r"(?i)(?:api|secret|access|private|auth)[_-]?(?:key|token)$|password$|secret$|^authorization$|^x-api-key$")


class Cleaner:
    """Takes secrets out of values and counts them in ``count``: ``known`` those that are known, then what has the shape of one.

    Not ``on`` it changes nothing.
    """

    def __init__(self, known: Callable[[str], str] = str, *, on: bool = True) -> None:
        self._known = known
        self._on = on
        self.count = 0

    def __repr__(self) -> str:
        return "Cleaner(***)"

    def text(self, text: str) -> str:
        """The text without keys."""
        if not self._on or not text:
            return text
        known = self._known(text)
        if known != text:
            self.count += max(1, known.count(MARK) - text.count(MARK))
        shaped, found = _SHAPES.subn(MARK, known)
        self.count += found

        def assigned(match: re.Match[str]) -> str:
            if match[2].startswith(MARK):
                return match[0]
            self.count += 1
            return match[1] + MARK

        return _ASSIGNED.sub(assigned, shaped)

    def value(self, value: Json, depth: int = 0) -> Json:
        """A JSON value without keys, in every text of it, names of fields too."""
        if not self._on or depth > _DEEPEST:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(name)): self._field(str(name), item, depth) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item, depth + 1) for item in value]
        return value

    def _field(self, name: str, item: Json, depth: int) -> Json:
        if isinstance(item, str) and len(item) >= 8 and _NAMED.search(name):
            self.count += 1
            return MARK
        return self.value(item, depth + 1)

    def conversation(self, conversation: Conversation) -> Conversation:
        """Title and every other text of it."""
        if not self._on:
            return conversation
        return replace(
            conversation,
            id=self.text(conversation.id),
            title=self.text(conversation.title),
            agent_id=self.text(conversation.agent_id),
            agent_name=self.text(conversation.agent_name),
            agent_version=self.text(conversation.agent_version),
            external_user_id=self.text(conversation.external_user_id),
            environment=self.text(conversation.environment),
            raw={},
        )

    def turn(self, turn: Turn) -> Turn:
        """A copy of it with every text cleaned; the turn itself is left alone."""
        if not self._on:
            return turn
        return replace(
            turn,
            text=self.text(turn.text),
            comment=self.text(turn.comment),
            agent=self.text(turn.agent),
            attachments=tuple(self._attachment(one) for one in turn.attachments),
            waiting=tuple(self._request(one) for one in turn.waiting),
            failure=self._failure(turn.failure),
            parts=[self._part(part) for part in turn.parts],
        )

    def _attachment(self, one: Attachment) -> Attachment:
        return replace(one, name=self.text(one.name), path=self.text(one.path), url=self.text(one.url), id=self.text(one.id))

    def _request(self, one: Request) -> Request:
        return replace(one, name=self.text(one.name), input=self.value(one.input))

    def _failure(self, one: Failure | None) -> Failure | None:
        return replace(one, message=self.text(one.message)) if one is not None else None

    def _part(self, part: Part) -> Part:
        data = self.value(dict(part.data))
        clean = Part(part.id, part.kind, part.done, self.text(part.name), self.value(part.input), self.text(part.output),
                     self.text(part.summary), self.text(part.server), part.asks, part.failed, part.lane, data, part.wire_id,
                     part.started, part.ended)  # fmt: skip
        clean.text = self.text(part.text)
        return clean


def redacted(text: str) -> str:
    """``text`` without anything shaped like a key."""
    return Cleaner().text(text)
