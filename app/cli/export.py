"""``parlour export``: a conversation as a file."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path

from app.cli import find, out
from app.cli.compose import Program
from app.errors import UsageError
from app.exports import conversation_object, markdown, page, redacted, turn_object
from app.models import Profile
from app.text import json_text
from app.turns import Talk


def run(args: argparse.Namespace) -> int:
    """Write it; an existing file is only overwritten with ``--force``."""
    return asyncio.run(_export(args))


async def _export(args: argparse.Namespace) -> int:
    async with Program(patience=0.0) as program:
        profile, talk = await find.talk(program, await program.profiles(args.profile), args.conversation, fresh=True)
        events = [out.event_object(event.wire) for event in await program.store.events(talk.pk)] if args.format == "jsonl" else []
        text = redacted(_text(args.format, profile, talk, events))
    if not args.output:
        out.write(text)
        return 0
    path = Path(args.output)
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if args.force else os.O_EXCL)
    try:
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"{path} exists already; nothing was written. Say --force to overwrite it.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}).") from error
    out.note(f"Wrote {path}.")
    return 0


def _text(form: str, profile: Profile, talk: Talk, events: list[object]) -> str:
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
            return "".join(json_text(event) + "\n" for event in events)
