"""``parlour interrupt``, ``regenerate``, ``rename``, ``archive`` and ``delete``: where the vendor can."""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import replace

from app.cli import find, out
from app.cli.compose import Program
from app.cli.turn import Watch, watch
from app.errors import UsageError
from app.protocols import Archives, Deletes, Interrupts, Regenerates, Renames, Vendor
from app.store import Stored


def run(args: argparse.Namespace) -> int:
    """Do it, or refuse in one sentence."""
    return asyncio.run(_manage(args))


async def _manage(args: argparse.Namespace) -> int:
    async with Program() as program:
        profile, stored = await find.conversation(program, await program.profiles(args.profile), args.conversation)
        vendor = await program.vendor(profile)
        if args.verb == "regenerate":
            if not isinstance(vendor, Regenerates):
                raise UsageError(f"{vendor.label} cannot answer a prompt again.")
            _, talk = await find.talk(program, [profile], stored.conversation.id, fresh=True)
            args.approve = args.timeout = None

            async def start() -> None:
                program.turns.regenerate(talk)

            return await watch(program, profile, talk, Watch(json=args.json, events=False), args, start)
        done = await _do(program, vendor, stored, args)
        out.value({"conversation": stored.conversation.id, args.verb: True}) if args.json else out.note(done)
    return 0


async def _do(program: Program, vendor: Vendor, stored: Stored, args: argparse.Namespace) -> str:
    conversation = stored.conversation
    match args.verb:
        case "interrupt":
            if not isinstance(vendor, Interrupts):
                raise UsageError(f"{vendor.label} cannot be interrupted; its answer goes on until it is done.")
            await vendor.interrupt(conversation)
            return "Interrupted."
        case "rename":
            if not isinstance(vendor, Renames):
                raise UsageError(f"{vendor.label} cannot rename a conversation.")
            await vendor.rename(conversation, args.title)
            await program.store.save_conversation(stored.account, replace(conversation, title=args.title))
            return "Renamed."
        case "archive":
            if not isinstance(vendor, Archives):
                raise UsageError(f"{vendor.label} cannot archive a conversation.")
            await vendor.archive(conversation)
            return "Archived."
        case _:
            if not isinstance(vendor, Deletes):
                raise UsageError(f"{vendor.label} cannot delete a conversation.")
            if not args.yes and not _sure(conversation.title or conversation.id):
                raise UsageError("Nothing was deleted. Say --yes to delete without being asked.")
            await vendor.delete(conversation)
            await program.store.delete_conversation(stored.pk)
            return "Deleted."


def _sure(name: str) -> bool:
    if not sys.stdin.isatty():
        return False
    out.complain(f"Delete {name!r} at the server and here, for good? Type yes:")
    return sys.stdin.readline().strip() == "yes"
