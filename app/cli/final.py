"""How a turn ended, for programs: the final object and the exit code."""

from __future__ import annotations

from app.models import Failure, Json, Profile, PromptState, Request, Stop
from app.transcript import Turn
from app.turns import Talk

_CODES = {
    Stop.DONE: 0,
    Stop.FAILED: 1,
    Stop.OVER_BUDGET: 1,
    Stop.UNKNOWN: 6,
    Stop.NEEDS_APPROVAL: 7,
    Stop.NEEDS_INPUT: 7,
    Stop.INTERRUPTED: 130,
}
_FAILURE_CODES = {
    "key_refused": 3,
    "key_missing": 3,
    "forbidden": 3,
    "not_found": 4,
    "unavailable": 5,
    "rate_limited": 5,
    "usage": 2,
    "settings": 2,
    "unknown": 6,
}


def stop_of(turn: Turn) -> Stop:
    """Why the turn stopped; one that has not is unknown."""
    if turn.state is PromptState.UNKNOWN and turn.stop is not Stop.INTERRUPTED:
        return Stop.UNKNOWN
    return turn.stop or Stop.UNKNOWN


def exit_code(turn: Turn) -> int:
    """What a command that ran this turn ends with."""
    stop = stop_of(turn)
    if stop is Stop.FAILED and turn.failure is not None:
        return _FAILURE_CODES.get(turn.failure.kind, 1)
    return _CODES[stop]


def final_object(profile: Profile, talk: Talk, turn: Turn) -> Json:
    """The object that ends ``ask``; unknown figures are null, ids are strings."""
    conversation = talk.conversation
    usage = turn.usage
    figures = None
    if usage is not None and (usage.input_tokens is not None or usage.output_tokens is not None):
        figures = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    return {
        "type": "turn",
        "profile": profile.name,
        "vendor": profile.vendor,
        "agent": {"id": conversation.agent_id, "name": conversation.agent_name},
        "conversation": conversation.id if conversation.made else None,
        "message": turn.message_id or None,
        "status": stop_of(turn).value,
        "text": turn.answer,
        "usage": figures,
        "waiting": [request_object(request) for request in turn.waiting],
        "error": failure_object(turn.failure),
    }


def request_object(request: Request) -> Json:
    """Something the agent waits for."""
    return {"event": request.event_id, "kind": request.kind.value, "name": request.name, "input": request.input}


def failure_object(failure: Failure | None) -> Json:
    """Why something failed."""
    if failure is None:
        return None
    return {
        "kind": failure.kind,
        "message": failure.message,
        "status": failure.status,
        "code": failure.code,
        "request_id": failure.request_id,
    }
