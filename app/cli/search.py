"""``parlour search``: everything seen so far."""

from __future__ import annotations

import argparse
import asyncio

from app.cli import out
from app.cli.compose import Program


def run(args: argparse.Namespace) -> int:
    """Search without asking anybody."""
    asyncio.run(_search(args))
    return 0


async def _search(args: argparse.Namespace) -> None:
    async with Program() as program:
        accounts = await program.accounts(await program.profiles(args.profile))
        hits = await program.store.search(" ".join(args.query), accounts=list(accounts), limit=args.limit)
    if args.json:
        out.value(
            [
                {
                    "conversation": hit.stored.conversation.id,
                    "title": hit.stored.conversation.title,
                    "profile": accounts[hit.stored.account].name,
                    "snippet": hit.snippet,
                }
                for hit in hits
            ]
        )
        return
    if not hits:
        out.note("Nothing found in what has been seen here so far.")
        return
    for hit in hits:
        out.say(
            f"{hit.stored.conversation.title or 'Untitled'}  ({hit.stored.conversation.id})\n    {' '.join(hit.snippet.split())}"
        )
