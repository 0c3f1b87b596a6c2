"""``parlour export``: a conversation as a file."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from app.cli import find, out
from app.cli.compose import Program
from app.exports import Cleaner, document, write_new


def run(args: argparse.Namespace) -> int:
    """Write it; an existing file is only overwritten with ``--force``."""
    return asyncio.run(_export(args))


async def _export(args: argparse.Namespace) -> int:
    async with Program(patience=0.0) as program:
        profile, talk = await find.talk(program, await program.profiles(args.profile), args.conversation, fresh=True)
        wires = [event.wire for event in await program.store.events(talk.pk)] if args.format == "jsonl" else []
        clean = Cleaner(program.without_keys, on=not args.no_redact)
        text = document(args.format, talk.conversation, talk.transcript.turns, wires, profile, clean)
    if not args.output:
        out.write(text)
    else:
        path = Path(args.output)
        write_new(path, text, force=args.force)
        out.note(f"Wrote {path}.")
    if clean.count:
        out.note(f"{clean.count} secrets were taken out of it; --no-redact keeps them.")
    return 0
