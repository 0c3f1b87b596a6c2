"""One event of the wire in, our events out (contract 15).

A ``Decoder`` belongs to one pass over one session's events in order, live or listed. It remembers what later ones point back to:
the tool calls that were seen, the last answer, the last error, which thread is the main one, and whether a turn is open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from app.models import (
    Answered,
    Event,
    Failure,
    Json,
    Noticed,
    PartDelta,
    PartDone,
    PartKind,
    PartStarted,
    Prompted,
    Request,
    RequestKind,
    Status,
    StatusChanged,
    Stop,
    Titled,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    Unknown,
    Usage,
    Used,
    Wire,
)
from app.vendors.qoder.content import answer, attachments, decimal, kind, listing, mapping, said, shown, text

Raw = Mapping[str, Json]

PREVIEWS = frozenset({"event_start", "event_delta"})
FINAL = frozenset({"session.status_terminated", "session.deleted"})
"""After one of these a stream says no more (contract 14.6)."""

_CALLS = {
    "agent.tool_use": RequestKind.APPROVAL,
    "agent.mcp_tool_use": RequestKind.APPROVAL,
    "agent.custom_tool_use": RequestKind.TOOL,
}
_QUIET = frozenset({"session.status_idle", "session.updated", "session.usage", *FINAL})
"""What does not show that a turn is under way."""
_REASONS = {
    "end_turn": Stop.DONE,
    "cancelled": Stop.INTERRUPTED,
    "canceled": Stop.INTERRUPTED,
    "interrupted": Stop.INTERRUPTED,
    "retries_exhausted": Stop.FAILED,
    "budget_reached": Stop.OVER_BUDGET,
    "budget_exceeded": Stop.OVER_BUDGET,
    "": Stop.DONE,
}
"""Contract 15.5; ``requires_action`` is told apart below, any other word is a failure that names it."""


class Decoder:
    """Turns a session's events into ours, one after the other."""

    def __init__(self, *, open_turn: bool = True) -> None:
        """``open_turn``: whether a turn may be under way before the first event; not so at the beginning of a history."""
        self.open = open_turn
        self.primary = ""
        """The main thread's id once it is known."""
        self._workers: dict[str, str] = {}
        self._calls: dict[str, Request] = {}
        self._aliases: dict[str, str] = {}
        self._kinds: dict[str, PartKind] = {}
        self._message_id = ""
        self._failure: Failure | None = None
        self._interrupted = False

    def feed(self, raw: Raw) -> list[Event]:
        """The events that ``raw`` means, in order; never empty, never raising for a shape that is not known."""
        name = text(raw.get("type"))
        wire = self._wire(raw, name)
        if name not in _QUIET:
            self.open = True
        if name in PREVIEWS:
            return [self._preview(raw, wire)]
        area, _, rest = name.partition(".")
        if area == "user":
            return self._user(rest, raw, wire)
        if area == "agent":
            return [self._agent(name, raw, wire)]
        if area == "session":
            return self._session(rest, raw, wire)
        if area == "span":
            return [self._span(rest, raw, wire)]
        return [Unknown(wire=wire)]

    def missing(self, raw: Raw) -> tuple[str, ...]:
        """The ids an idle event waits for whose calls were not seen: look them up and ``remember`` them first (contract 18.4)."""
        if text(raw.get("type")) != "session.status_idle":
            return ()
        return tuple(name for name in _awaited(raw) if name not in self._calls)

    def remember(self, raw: Raw) -> None:
        """Note a tool call that was found elsewhere, for the requests that point at it."""
        name, own = text(raw.get("type")), text(raw.get("id"))
        if name not in _CALLS or not own:
            return
        self._calls[own] = Request(own, _CALLS[name], text(raw.get("name")), raw.get("input"))
        alias = text(raw.get("tool_use_id"))
        if alias:
            self._aliases[alias] = own

    def lost(self, raw: Raw) -> bool:
        """Whether ``raw`` names a thread while it is not known which one is the main one (contract 11)."""
        thread = text(raw.get("session_thread_id"))
        return bool(thread) and not self.primary and thread not in self._workers

    # --- who says it ---------------------------------------------------------------------------------------------------------

    def _wire(self, raw: Raw, name: str) -> Wire:
        preview = name in PREVIEWS
        own = text(raw.get("id"))
        if preview:
            own = text(raw.get("event_id")) or text(mapping(raw.get("event")).get("id")) or own
        at = text(raw.get("processed_at") or raw.get("created_at"))
        return Wire(type=name, raw=raw, id=own, lane=self._lane(raw, name), at=at, preview=preview)

    def _lane(self, raw: Raw, name: str) -> str:
        """The worker an event belongs to. Session events and a person's words name the main thread, if they name one."""
        thread = text(raw.get("session_thread_id"))
        if not thread:
            return ""
        if name == "session.thread_created" and thread != self.primary:
            self._workers[thread] = text(raw.get("agent_name"))
        if thread in self._workers:
            return thread
        if not self.primary:
            self.primary = thread
        return "" if thread == self.primary else thread

    # --- previews ------------------------------------------------------------------------------------------------------------

    def _preview(self, raw: Raw, wire: Wire) -> Event:
        if wire.type == "event_start":
            part = PartKind.THINKING if text(mapping(raw.get("event")).get("type")) == "agent.thinking" else PartKind.TEXT
            self._kinds[wire.id] = part
            return PartStarted(part_id=wire.id, kind=part, wire=wire)
        delta = mapping(raw.get("delta"))
        words = text(mapping(delta.get("content")).get("text")) or text(delta.get("text"))
        return PartDelta(part_id=wire.id, text=words, kind=self._kinds.get(wire.id, PartKind.TEXT), wire=wire)

    # --- user.* --------------------------------------------------------------------------------------------------------------

    def _user(self, rest: str, raw: Raw, wire: Wire) -> list[Event]:
        match rest:
            case "message":
                self._message_id, self._failure, self._interrupted = "", None, False
                content = raw.get("content")
                return [Prompted(prompt_id=wire.id, text=said(content), attachments=attachments(content), wire=wire)]
            case "tool_confirmation":
                word = text(raw.get("result") or raw.get("decision")).lower()
                asked = self._part(text(raw.get("tool_use_id")))
                return [
                    Answered(
                        request_id=asked, allow=word in ("allow", "approve"), reason=text(raw.get("deny_message")), wire=wire
                    )
                ]
            case "custom_tool_result" | "tool_result":
                asked = self._part(text(raw.get("custom_tool_use_id") or raw.get("tool_use_id")))
                returned = _returned(asked, raw, wire)
                return [Answered(request_id=asked, wire=wire), returned]
            case "interrupt":
                self._interrupted = not wire.lane
                return [Noticed(text="Interrupted", wire=wire)]
            case "define_outcome":
                return [Noticed(text=f"Outcome wanted: {text(raw.get('description') or raw.get('outcome'))}", wire=wire)]
            case _:
                return [Unknown(wire=wire)]

    # --- agent.* -------------------------------------------------------------------------------------------------------------

    def _agent(self, name: str, raw: Raw, wire: Wire) -> Event:
        content = raw.get("content")
        match name.removeprefix("agent."):
            case "message":
                if not wire.lane:
                    self._message_id = wire.id
                return PartDone(part_id=wire.id, text=answer(content), wire=wire)
            case "thinking":
                return PartDone(part_id=wire.id, text=_thought(raw), kind=PartKind.THINKING, wire=wire)
            case "tool_use" | "mcp_tool_use" | "custom_tool_use":
                return self._called(raw, wire)
            case "tool_result" | "mcp_tool_result" | "custom_tool_result":
                asked = raw.get("tool_use_id") or raw.get("mcp_tool_use_id") or raw.get("custom_tool_use_id")
                return _returned(self._part(text(asked)), raw, wire)
            case "artifact_delivered":
                name = text(raw.get("original_filename"))
                file = {
                    "file_id": text(raw.get("file_id")),
                    "name": name,
                    "type": text(raw.get("content_type")),
                    "size": raw.get("size"),
                }
                return PartDone(part_id=wire.id, text=name, kind=PartKind.ARTIFACT, data=file, wire=wire)
            case "thread_message_sent":
                other = text(raw.get("to_agent_name") or raw.get("to_session_thread_id"))
                return Noticed(text=f"To {other}: {said(content)}", wire=wire)
            case "thread_message_received":
                other = text(raw.get("from_agent_name") or raw.get("from_session_thread_id"))
                return Noticed(text=f"From {other}: {said(content)}", wire=wire)
            case "thread_context_compacted":
                return Noticed(text="What was said so far has been summarised for the agent.", wire=wire)
            case _:
                return Unknown(wire=wire)

    def _called(self, raw: Raw, wire: Wire) -> ToolCalled:
        self.remember(raw)
        return ToolCalled(
            part_id=wire.id,
            name=text(raw.get("name")),
            input=raw.get("input"),
            server=text(raw.get("mcp_server_name")),
            asks=text(raw.get("evaluated_permission")) == "ask",
            wire=wire,
        )

    def _part(self, name: str) -> str:
        """The call a result belongs to: older streams name it by a second id of its own (contract 15.3)."""
        return self._aliases.get(name, name)

    # --- session.* -----------------------------------------------------------------------------------------------------------

    def _session(self, rest: str, raw: Raw, wire: Wire) -> list[Event]:
        match rest:
            case "status_running":
                return [StatusChanged(status=Status.RUNNING, wire=wire)]
            case "status_rescheduled":
                return [
                    StatusChanged(status=Status.RUNNING, wire=wire),
                    Noticed(text="The platform moved this turn to another machine and goes on.", wire=wire),
                ]
            case "status_idle":
                return self._idle(raw, wire)
            case "status_terminated" | "deleted":
                return self._closed(rest, wire)
            case "error":
                return [self._error(raw, wire)]
            case "updated":
                title = raw.get("title")
                return [Titled(title=title, wire=wire)] if isinstance(title, str) else [Unknown(wire=wire)]
            case "usage":
                credits = decimal(raw.get("total_credits"))
                return [Used(usage=Usage(credits=credits), wire=wire)] if credits is not None else [Unknown(wire=wire)]
            case "thread_created":
                return [Noticed(text=f"{text(raw.get('agent_name')) or 'Another agent'} joined.", wire=wire)]
            case _:
                return [Unknown(wire=wire)]

    def _idle(self, raw: Raw, wire: Wire) -> list[Event]:
        reason = kind(raw.get("stop_reason")).lower()
        waiting = tuple(self._calls.get(name) or Request(name, RequestKind.APPROVAL) for name in _awaited(raw))
        if reason == "requires_action" or (waiting and reason not in _REASONS):
            approval = not waiting or any(request.kind is RequestKind.APPROVAL for request in waiting)
            stop = Stop.NEEDS_APPROVAL if approval else Stop.NEEDS_INPUT
            return [
                StatusChanged(status=Status.WAITING, wire=wire),
                TurnEnded(stop=stop, message_id=self._message_id, waiting=waiting, wire=wire),
            ]
        changed = StatusChanged(status=Status.IDLE, wire=wire)
        if not self.open:
            return [changed]
        stop = _REASONS.get(reason, Stop.FAILED)
        if stop is Stop.DONE and self._interrupted:
            stop = Stop.INTERRUPTED
        failure = None
        if stop is Stop.FAILED:
            failure = self._failure or Failure("vendor", f"stopped: {reason}", code=reason)
            if reason == "retries_exhausted":
                failure = replace(failure, message=_and(failure.message, "The platform's tries are used up; you may ask again."))
        elif stop is Stop.OVER_BUDGET:
            failure = Failure("vendor", "The credit limit of this session is reached; raise it to go on.", code=reason)
        ended = TurnEnded(stop=stop, message_id=self._message_id, failure=failure, wire=wire)
        self._close()
        return [changed, ended]

    def _closed(self, rest: str, wire: Wire) -> list[Event]:
        events: list[Event] = [StatusChanged(status=Status.CLOSED, wire=wire)]
        if self.open:
            words = "The session was deleted." if rest == "deleted" else "The session was terminated; it takes no more input."
            failure = Failure("vendor", words, code=rest)
            if self._failure is not None:
                failure = replace(self._failure, message=_and(self._failure.message, words))
            events.append(TurnEnded(stop=Stop.FAILED, message_id=self._message_id, failure=failure, wire=wire))
        self._close()
        return events

    def _close(self) -> None:
        self.open, self._interrupted, self._failure = False, False, None

    def _error(self, raw: Raw, wire: Wire) -> Noticed:
        """Contract 15.6: ``retry_status`` decides, the code is for diagnosis only."""
        error = mapping(raw.get("error")) or raw
        code = kind(error) if error is not raw else ""
        message = text(error.get("message")) or code or "an error without a message"
        if text(error.get("mcp_server_name")):
            message = f"{text(error.get('mcp_server_name'))}: {message}"
        retry = kind(error.get("retry_status"))
        if retry == "retrying":
            return Noticed(text=f"{message} (the platform tries again)", failure=False, wire=wire)
        self._failure = Failure("vendor", message, code=code or None)
        ends = {"exhausted": " (its tries are used up)", "terminal": " (the session ends)"}
        return Noticed(text=message + ends.get(retry, ""), failure=True, wire=wire)

    # --- span.* --------------------------------------------------------------------------------------------------------------

    @staticmethod
    def _span(rest: str, raw: Raw, wire: Wire) -> Event:
        if rest == "model_request_end" and raw.get("is_error") is True:
            return Noticed(text="A request to the model failed.", wire=wire)
        if rest == "outcome_evaluation_end":
            words = ": ".join(part for part in (text(raw.get("result")), text(raw.get("explanation"))) if part)
            return Noticed(text=f"Outcome {words}", wire=wire)
        return Unknown(wire=wire)


def _awaited(raw: Raw) -> list[str]:
    reason = mapping(raw.get("stop_reason"))
    return [text(name) for name in listing(reason.get("event_ids")) if name]


def _and(said: str, more: str) -> str:
    """The server's words as a sentence, and what they mean."""
    return f"{said.rstrip().rstrip('.')}. {more}"


def _thought(raw: Raw) -> str:
    content = raw.get("content")
    return (said(content) if content else "") or text(raw.get("thinking") or raw.get("text"))


def _returned(part_id: str, raw: Raw, wire: Wire) -> ToolReturned:
    content = raw.get("content")
    return ToolReturned(part_id=part_id, output=shown(content), failed=raw.get("is_error") is True, raw_output=content, wire=wire)
