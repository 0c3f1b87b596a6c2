"""``parlour ask``: one turn, streamed to stdout."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from app.cli import find
from app.cli.compose import Program
from app.cli.turn import Watch, watch
from app.errors import UsageError
from app.models import Attachment, Profile
from app.protocols import Attaches
from app.text import safe_line
from app.turns import Talk


def run(args: argparse.Namespace) -> int:
    """Ask, print, and give the exit code."""
    prompt = args.prompt
    if prompt is None or prompt == "-":
        from app.cli.run import stdin_text

        prompt = stdin_text().rstrip("\n")
    if not prompt.strip() and not args.attach:
        raise UsageError("There is nothing to ask. Give a prompt, or pipe one in.")
    return asyncio.run(_ask(args, prompt, _files(args.attach)))


async def _ask(args: argparse.Namespace, prompt: str, files: list[Path]) -> int:
    printer = Watch(json=args.json, events=args.events)
    async with Program(overhear=printer.overheard) as program:
        profile, talk = await _target(program, args)
        program.refuse_key_in(prompt)
        attachments = await _attach(talk, files)
        return await watch(program, profile, talk, printer, args, lambda: program.turns.submit(talk, prompt, attachments))


async def _target(program: Program, args: argparse.Namespace) -> tuple[Profile, Talk]:
    profiles = await program.profiles(args.profile)
    if args.conversation:
        if args.user or args.title or args.beginning:
            raise UsageError("--user, --title and --with are for a new conversation; this one has its own. Nothing was sent.")
        if args.agent:
            raise UsageError("A conversation has its agent already: give --conversation or --agent, not both.")
        profile, talk = await find.talk(program, profiles, args.conversation)
        await program.turns.idle(talk)
        return profile, talk
    if not args.agent:
        raise UsageError("Say who to ask with --agent. See who there is with: parlour agents")
    profile, who = await find.agent(program, profiles, args.agent)
    more = {name: value for name, value in (("title", args.title), ("external_user_id", args.user)) if value}
    for pair in args.beginning:
        name, mark, value = pair.partition("=")
        if not mark or name in ("title", "external_user_id"):
            raise UsageError(f"--with takes NAME=VALUE, like version=4; {pair[:60]!r} is none. Nothing was sent.")
        more[name] = f"{more[name]} {value}" if name in more else value
    return profile, await find.new_talk(program, profile, who, args.environment or "", more)


async def _attach(talk: Talk, files: list[Path]) -> tuple[Attachment, ...]:
    if not files:
        return ()
    if not isinstance(talk.vendor, Attaches):
        raise UsageError(f"{talk.vendor.label} takes no files with a prompt here.")
    return tuple([await talk.vendor.upload(path) for path in files])


def _files(names: list[str]) -> list[Path]:
    for name in names:
        if not Path(name).is_file():
            raise UsageError(f"There is no file {safe_line(name, 200)!r} to attach.")
    return [Path(name) for name in names]
