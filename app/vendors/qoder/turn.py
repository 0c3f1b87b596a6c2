"""Which events of a session belong to one turn, and which idle ends it (contract 18.1)."""

from __future__ import annotations

from app.models import Prompted, Wire
from app.vendors.qoder.content import kind, listing, mapping, said, same, text
from app.vendors.qoder.decode import Raw

_ENDS = frozenset({"session.status_idle", "session.status_terminated", "session.deleted"})
_NO_PROOF = frozenset({"session.updated", "session.usage", "session.thread_status_idle"})
"""What may be late news of an earlier turn."""


class Gate:
    """Follows a session's events and tells what each is to one prompt's turn."""

    def __init__(self, prompt_id: str, words: str, *, answered: frozenset[str] = frozenset()) -> None:
        """``answered``: for a turn that goes on with answers, the calls they were for."""
        self.prompt_id = prompt_id
        self.echoed = False
        self.proven = False
        """Whether something was seen that only this turn can have caused."""
        self._words = words
        self._answered = answered

    def echo(self, raw: Raw) -> bool:
        """Whether ``raw`` is the server's record of the prompt."""
        if text(raw.get("type")) != "user.message" or self._answered:
            return False
        named = text(raw.get("id")) == self.prompt_id
        return named or (not self.echoed and not self.proven and same(said(raw.get("content")), self._words))

    def older(self, raw: Raw, *, live: bool) -> bool:
        """Whether ``raw``, read after a refused cursor, may be from before the prompt: until the echo or a new start of work."""
        if self.echoed or self.proven or self._answered or self.echo(raw):
            return False
        return not (live and text(raw.get("type")) == "session.status_running")

    def foreign(self, raw: Raw) -> bool:
        """Whether ``raw`` is another prompt: this turn is then over without an end of its own."""
        return text(raw.get("type")) == "user.message" and not text(raw.get("session_thread_id")) and not self.echo(raw)

    def suspect(self, raw: Raw) -> bool:
        """Whether ``raw`` is an end that may be an earlier turn's, told late: nothing of this turn was seen before it."""
        if text(raw.get("type")) != "session.status_idle" or self.proven or self.echoed:
            return False
        if not self._answered:
            return True
        reason = mapping(raw.get("stop_reason"))
        return kind(reason) == "requires_action" and bool(
            self._answered.intersection(map(text, listing(reason.get("event_ids"))))
        )

    def note(self, raw: Raw) -> None:
        """Take ``raw`` in."""
        name = text(raw.get("type"))
        if self.echo(raw):
            self.echoed = True
        elif name in ("user.tool_confirmation", "user.custom_tool_result"):
            asked = text(raw.get("tool_use_id") or raw.get("custom_tool_use_id"))
            self.echoed = self.echoed or asked in self._answered
        elif name not in _ENDS and name not in _NO_PROOF:
            self.proven = True


def echo_of_answers(raw: Raw, answered: frozenset[str]) -> bool:
    """Whether ``raw`` is the record of an answer to one of these calls; both dialects' words (contract 16)."""
    if text(raw.get("type")) not in ("user.tool_confirmation", "user.custom_tool_result"):
        return False
    return bool(answered.intersection((text(raw.get("tool_use_id")), text(raw.get("custom_tool_use_id")))))


def record_of(raw: Raw, prompt_id: str, words: str) -> bool:
    """Whether a listed event is the record of this prompt: by its id where that is known, else by its words."""
    if text(raw.get("type")) != "user.message":
        return False
    return text(raw.get("id")) == prompt_id if prompt_id else same(said(raw.get("content")), words)


def prompted(key: str, accepted: Raw) -> Prompted:
    """The news that the server has the prompt ``key``: its receipt, or the record that was found instead."""
    name = text(accepted.get("id"))
    at = text(accepted.get("processed_at"))
    return Prompted(prompt_id=name, key=key, wire=Wire(type="user.message", raw=accepted, id=name, at=at))
