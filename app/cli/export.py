"""``parlour export``: a conversation as a file."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from app.cli import find, out
from app.cli.compose import Program
from app.exports import conversation_object, event_lines, markdown, page, redacted, turn_object, write_new
from app.models import Profile
from app.text import json_text
from app.turns import Talk


def run(args: argparse.Namespace) -> int:
    """Write it; an existing file is only overwritten with ``--force``."""
    return asyncio.run(_export(args))


async def _export(args: argparse.Namespace) -> int:
    async with Program(patience=0.0) as program:
        profile, talk = await find.talk(program, await program.profiles(args.profile), args.conversation, fresh=True)
        wires = [event.wire for event in await program.store.events(talk.pk)] if args.format == "jsonl" else []
        text = program.without_keys(event_lines(wires) if wires else redacted(_text(args.format, profile, talk)))
    if not args.output:
        out.write(text)
        return 0
    path = Path(args.output)
    write_new(path, text, force=args.force)
    out.note(f"Wrote {path}.")
    return 0


def _text(form: str, profile: Profile, talk: Talk) -> str:
    turns = talk.transcript.turns
    match form:
        case "md":
            return markdown(talk.conversation, turns)
        case "html":
            return page(talk.conversation, turns)
        case "json":
            shown = conversation_object(talk.conversation, profile.name, profile.vendor)
            return json_text({**shown, "turns": [turn_object(turn) for turn in turns]}, indent=2) + "\n"
        case _:
            return ""
