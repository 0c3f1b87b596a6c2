"""What to answer when an agent asks: the person at the terminal, or the policy that was given."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from app.cli import out
from app.cli.lines import Lines
from app.errors import UsageError
from app.models import Answer, Json, Request, RequestKind
from app.text import json_text, safe, safe_line
from app.tools import Command, Tools, explained, read_result
from app.transcript import Turn
from app.turns import Talk

DENIED = "Denied by the policy of this command line."


async def decide(talk: Talk, turn: Turn, policy: str | None, lines: Lines, tools: Tools) -> tuple[Answer, ...]:
    """Answers for what waits; () leaves it open. A policy decides approvals only, a command gives a custom tool's result."""
    person = sys.stdin.isatty() and sys.stderr.isatty()
    if talk.trouble is not None and not person:
        return ()
    by_command = await run_commands(talk, turn.waiting, lines, tools, person=person)
    done = {answer.request_id for answer in by_command}
    approvals = [request for request in turn.waiting if request.kind is RequestKind.APPROVAL]
    if approvals and policy in ("allow", "deny"):
        reason = "" if policy == "allow" else DENIED
        decided = (Answer(request.event_id, request.kind, policy == "allow", reason) for request in approvals)
        return (*by_command, *decided)
    if not person:
        return by_command
    left = [request for request in turn.waiting if request.kind is RequestKind.TOOL and request.event_id not in done]
    return (*by_command, *await ask_all(talk, [*approvals, *left], lines))


async def run_commands(
    talk: Talk, requests: Sequence[Request], lines: Lines, tools: Tools, *, person: bool
) -> tuple[Answer, ...]:
    """The results of the commands behind custom tools: shown before they run, and asked about unless their table says not to."""
    answers = []
    for request in requests:
        if request.kind is not RequestKind.TOOL:
            continue
        try:
            known = await tools.kept(talk.pk, request)
            command = tools.command(request.name)
            if known is None and (command is None or not await _sure(command, request, lines, person=person)):
                continue
            answers.append(await tools.result(talk, request))
        except UsageError as error:
            out.complain(f"parlour: {error}")
    return tuple(answers)


async def _sure(command: Command, request: Request, lines: Lines, *, person: bool) -> bool:
    name = safe_line(request.name, 80)
    if not command.asks:
        out.note(f"· runs for {name}: {safe_line(command.shown, 300)}")
        return True
    if not person:
        out.note(f"· {name} has a command, which is not run without asking (ask = false in its table would).")
        return False
    out.complain(f"\nThe command for {name}:\n{safe(explained(command, request))}")
    said = await lines.ask("run it? [y]es, anything else is no: ")
    return said is not None and said.strip().lower() in ("y", "yes")


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
    while True:
        said = await lines.ask("its result, JSON or text in one line, or @FILE (empty: later): ")
        if said is None or not said.strip():
            return None
        if not said.startswith("@"):
            return Answer(request.event_id, request.kind, data=_value(said))
        try:
            return Answer(request.event_id, request.kind, data=read_result(Path(said[1:].strip())))
        except UsageError as error:
            out.complain(f"parlour: {error}")


def _value(text: str) -> Json:
    """An object or a list as JSON; anything else is the text itself."""
    import json

    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, dict | list) else text
