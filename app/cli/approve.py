"""``parlour approve`` and ``parlour answer``: say what the agent waits for."""

from __future__ import annotations

import argparse
import asyncio
import json

from app.cli import find, out
from app.cli.compose import Program
from app.cli.final import exit_code
from app.cli.run import read_json
from app.cli.turn import Watch, watch
from app.errors import UsageError
from app.models import Answer, Json, RequestKind
from app.transcript import Turn


def run(args: argparse.Namespace) -> int:
    """Send the answer; with ``--wait`` go on as ``ask`` does."""
    return asyncio.run(_answer(args))


async def _answer(args: argparse.Namespace) -> int:
    printer = Watch(json=args.json, events=False)
    async with Program(overhear=printer.overheard) as program:
        profile, talk = await find.talk(program, await program.profiles(args.profile), args.conversation, fresh=True)
        await program.turns.idle(talk)
        turn = next((turn for turn in reversed(talk.transcript.turns) if _waits(turn, args.event)), None)
        if turn is None:
            raise UsageError(
                f"Nothing in this conversation waits for {args.event!r}. See what does with: parlour show {args.conversation}"
            )
        kind = next(request.kind for request in turn.waiting if request.event_id == args.event)
        answer = _made(args, kind)

        async def start() -> Turn:
            program.turns.answer(talk, (answer,))
            return turn

        if args.wait:
            return await watch(program, profile, talk, printer, args, start)
        await start()
        await program.turns.until(talk, lambda: not _waits(turn, args.event) or not talk.busy)
        if turn.failure is not None or talk.trouble is not None:
            trouble = talk.trouble or turn.failure
            out.complain(f"parlour: {trouble.message if trouble else ''}")
            return exit_code(turn)
        out.value({"answered": args.event}) if args.json else out.note("Answered.")
    return 0


def _waits(turn: Turn, event: str) -> bool:
    return any(request.event_id == event for request in turn.waiting)


def _made(args: argparse.Namespace, kind: RequestKind) -> Answer:
    if args.command == "approve":
        if kind is not RequestKind.APPROVAL:
            raise UsageError(f"{args.event} is not an approval but a {kind.value}. Use: parlour answer")
        return Answer(args.event, kind, args.decision == "allow", args.reason)
    if kind is RequestKind.APPROVAL:
        raise UsageError(f"{args.event} is an approval. Use: parlour approve")
    return Answer(args.event, kind, data=_data(args.data, kind), failed=args.error)


def _data(text: str, kind: RequestKind) -> Json:
    """A form's values have to be JSON; a tool's result may be any text."""
    if kind is not RequestKind.TOOL:
        return read_json(text)
    from pathlib import Path

    from app.tools import read_result

    source = read_result(Path(text[1:])) if text.startswith("@") else text
    try:
        value: Json = json.loads(source)
    except (ValueError, RecursionError):
        return source
    return value
