"""What to answer when an agent asks: the person at the terminal, or the policy that was given."""

from __future__ import annotations

import asyncio
import sys
import threading

from app.models import Answer, Request, RequestKind
from app.text import json_text, safe, safe_line
from app.transcript import Turn
from app.turns import Talk

DENIED = "Denied by the policy of this command line."


async def decide(talk: Talk, turn: Turn, policy: str | None) -> tuple[Answer, ...]:
    """Answers for what waits; () leaves it open. Only approvals are ever decided by a policy."""
    approvals = [request for request in turn.waiting if request.kind is RequestKind.APPROVAL]
    if not approvals:
        return ()
    if policy in ("allow", "deny"):
        reason = "" if policy == "allow" else DENIED
        return tuple(Answer(request.event_id, request.kind, policy == "allow", reason) for request in approvals)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return ()
    answers = []
    for request in approvals:
        answer = await _ask(talk, request)
        if answer is None:
            return ()
        answers.append(answer)
    return tuple(answers)


async def _ask(talk: Talk, request: Request) -> Answer | None:
    who = safe_line(talk.conversation.agent_name or "The agent", 60)
    what = safe(json_text(request.input, indent=2)) if request.input is not None else ""
    sys.stderr.write(f"\n{who} wants to run {safe_line(request.name, 80)}\n{what}\n")
    while True:
        said = await _line("allow? [y]es, [n]o, or no and why: ")
        if said is None:
            return None
        word = said.strip()
        if word.lower() in ("y", "yes"):
            return Answer(request.event_id, request.kind, allow=True)
        if word.lower() in ("n", "no"):
            return Answer(request.event_id, request.kind, allow=False)
        if word:
            return Answer(request.event_id, request.kind, allow=False, reason=word)


async def _line(prompt: str) -> str | None:
    """One line from the terminal; None at its end. In a daemon thread, so that a pending read never keeps the program alive."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str | None] = loop.create_future()

    def deliver(line: str | None) -> None:
        if not answer.done():
            answer.set_result(line)

    def read() -> None:
        line = sys.stdin.readline()
        loop.call_soon_threadsafe(deliver, line or None)

    sys.stderr.write(prompt)
    sys.stderr.flush()
    threading.Thread(target=read, daemon=True).start()
    return await answer
