"""``parlour search``: everything seen so far."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from typing import TYPE_CHECKING

from app.cli import out
from app.cli.compose import Program
from app.models import Profile

if TYPE_CHECKING:
    from app.store import Hit
    from app.store.query import Query

KINDS = {"text": "answer"}
BOLD, PLAIN = "\x1b[1m", "\x1b[22m"


def run(args: argparse.Namespace) -> int:
    """Search without asking anybody."""
    asyncio.run(_search(args))
    return 0


async def _search(args: argparse.Namespace) -> None:
    from app.store.query import parse

    async with Program() as program:
        query = parse(_typed(args.query), program.clock.wall())
        accounts = await program.accounts(await program.profiles(args.profile))
        hits = await program.store.search(query, accounts=list(accounts), limit=args.limit)
        left = await _not_read(program, accounts)
    if args.json:
        out.value([_object(hit, accounts) for hit in hits])
    else:
        for hit in hits:
            _show(hit, query)
        if not hits:
            out.note("Nothing found in what has been seen here so far.")
    if left:
        out.note(f"Not all of it was read here: {', '.join(left)}. parlour sync reads the rest.")


def _typed(words: list[str]) -> str:
    """The words as one query: what the shell held together as a filter's value stays together."""
    from app.store.query import FILTERS

    if len(words) == 1:
        return words[0]
    quoted = []
    for word in words:
        name, colon, value = word.partition(":")
        held = colon and name in FILTERS and " " in value and '"' not in value
        quoted.append(f'{name}:"{value}"' if held else word)
    return " ".join(quoted)


async def _not_read(program: Program, accounts: dict[int, Profile]) -> list[str]:
    """The profiles of which not everything was ever read."""
    from app.sync import known

    states = {profile.name: await known(program.store, pk, profile.external_user_id) for pk, profile in accounts.items()}
    return [name for name, state in states.items() if not state.finished_at]


def _object(hit: Hit, accounts: dict[int, Profile]) -> dict[str, str | None]:
    conversation = hit.stored.conversation
    return {
        "conversation": conversation.id,
        "title": conversation.title,
        "profile": accounts[hit.stored.account].name,
        "agent": conversation.agent_name or None,
        "kind": KINDS.get(hit.kind, hit.kind),
        "turn": hit.turn or None,
        "event": hit.wire_id or (f"#{hit.seq}" if hit.seq else None),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(hit.at)) if hit.at else None,
        "snippet": hit.snippet,
    }


def _show(hit: Hit, query: Query) -> None:
    """Two lines: where, and what stands there with the finds in bold on a terminal."""
    from app.store.highlights import spans
    from app.text import safe_line

    conversation = hit.stored.conversation
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(hit.at)) if hit.at else ""
    facts = [hit.stored.profile, conversation.agent_name, KINDS.get(hit.kind, hit.kind), when]
    out.say(f"{conversation.title or 'Untitled'}  ({conversation.id})  {' · '.join(fact for fact in facts if fact)}")
    text = safe_line(hit.snippet, 300)
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        out.say(f"    {text}")
        return
    pieces, at = ["    "], 0
    for start, end in spans(text, query.words):
        pieces += [text[at:start], BOLD, text[start:end], PLAIN]
        at = end
    out.write("".join([*pieces, text[at:], "\n"]))
