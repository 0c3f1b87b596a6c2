"""``parlour show``: the transcript."""

from __future__ import annotations

import argparse
import asyncio

from app.cli import find, out
from app.cli.compose import Program
from app.exports import conversation_object, markdown, turn_object


def run(args: argparse.Namespace) -> int:
    """Print it as Markdown, or as one JSON object."""
    return asyncio.run(_show(args))


async def _show(args: argparse.Namespace) -> int:
    async with Program(patience=0.0) as program:
        profile, talk = await find.talk(program, await program.profiles(args.profile), args.conversation, fresh=True)
        if talk.trouble is not None:
            out.note(f"Shown as it was last seen: {talk.trouble.message}")
        if args.json:
            turns = [turn_object(turn) for turn in talk.transcript.turns]
            out.value({**conversation_object(talk.conversation, profile.name, profile.vendor), "turns": turns})
        else:
            out.write(markdown(talk.conversation, talk.transcript.turns))
    return 0
