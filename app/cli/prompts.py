"""What to answer when an agent asks: the person at the terminal, or the policy that was given."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from app.cli import out
from app.cli.lines import Lines
from app.models import Answer, Json, Request, RequestKind
from app.text import json_text, safe, safe_line
from app.transcript import Turn
from app.turns import Talk

DENIED = "Denied by the policy of this command line."


async def decide(talk: Talk, turn: Turn, policy: str | None, lines: Lines) -> tuple[Answer, ...]:
    """Answers for what waits; () leaves it open. Only approvals are ever decided by a policy."""
    approvals = [request for request in turn.waiting if request.kind is RequestKind.APPROVAL]
    if not approvals:
        return ()
    if policy in ("allow", "deny"):
        reason = "" if policy == "allow" else DENIED
        return tuple(Answer(request.event_id, request.kind, policy == "allow", reason) for request in approvals)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return ()
    return await ask_all(talk, approvals, lines)


async def ask_all(talk: Talk, requests: Sequence[Request], lines: Lines) -> tuple[Answer, ...]:
    """Ask the person about each request in turn; () if one of them is left for later."""
    answers = []
    for request in requests:
        answer = await _ask(talk, request, lines)
        if answer is None:
            return ()
        answers.append(answer)
    return tuple(answers)


async def _ask(talk: Talk, request: Request, lines: Lines) -> Answer | None:
    who = safe_line(talk.conversation.agent_name or "The agent", 60)
    if request.kind is RequestKind.FORM:
        from app.cli.forms import fill_in

        values = await fill_in(f"{who} asks: {request.name or 'a form'}", request.input, lines)
        return None if values is None else Answer(request.event_id, request.kind, data=values)
    what = safe(json_text(request.input, indent=2)) if request.input is not None else ""
    if request.kind is RequestKind.TOOL:
        return await _result(f"{who} waits for the result of {safe_line(request.name, 80)}", what, request, lines)
    out.complain(f"\n{who} wants to run {safe_line(request.name, 80)}\n{what}")
    while True:
        said = await lines.ask("allow? [y]es, [n]o, or no and why: ")
        if said is None:
            return None
        word = said.strip()
        if word.lower() in ("y", "yes"):
            return Answer(request.event_id, request.kind, allow=True)
        if word.lower() in ("n", "no"):
            return Answer(request.event_id, request.kind, allow=False)
        if word:
            return Answer(request.event_id, request.kind, allow=False, reason=word)


async def _result(title: str, what: str, request: Request, lines: Lines) -> Answer | None:
    out.complain(f"\n{title}\n{what}")
    said = await lines.ask("its result, in one line, JSON or text (empty: later): ")
    if said is None or not said.strip():
        return None
    return Answer(request.event_id, request.kind, data=_value(said))


def _value(text: str) -> Json:
    """An object or a list as JSON; anything else is the text itself."""
    import json

    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, dict | list) else text
