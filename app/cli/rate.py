"""``parlour rate`` and ``parlour review``."""

from __future__ import annotations

import argparse
import asyncio

from app.cli import find, out
from app.cli.compose import Program
from app.errors import UsageError
from app.models import Verdict
from app.protocols import Rates
from app.ratings import rate, rated_turn


def run(args: argparse.Namespace) -> int:
    """Rate one answer, or list those worth a look."""
    asyncio.run(_rate(args) if hasattr(args, "verdict") else _review(args))
    return 0


async def _rate(args: argparse.Namespace) -> None:
    async with Program() as program:
        profile, stored = await find.conversation(program, await program.profiles(args.profile), args.conversation)
        vendor = await program.vendor(profile)
        if not isinstance(vendor, Rates):
            raise UsageError(f"{vendor.label} takes no ratings.")
        _, talk = await find.talk(program, [profile], stored.conversation.id, fresh=True)
        turn = rated_turn(talk, args.message)
        await rate(program.turns, program.store, talk, turn, Verdict(args.verdict), args.comment)
        if args.json:
            out.value(
                {
                    "conversation": talk.conversation.id,
                    "message": turn.message_id,
                    "verdict": args.verdict,
                    "comment": args.comment,
                }
            )
        else:
            out.note(f"Rated {args.verdict}.")


async def _review(args: argparse.Namespace) -> None:
    async with Program() as program:
        rows = []
        for profile in await program.profiles(args.profile):
            vendor = await program.vendor(profile)
            if not isinstance(vendor, Rates):
                continue
            account = await program.account(profile)
            rows += [(stored, profile, turn) for stored, turn in await program.store.reviewable([account], limit=args.limit)]
        if args.json:
            out.value(
                [
                    {
                        "conversation": stored.conversation.id,
                        "profile": profile.name,
                        "message": turn.message_id,
                        "verdict": turn.verdict.value if turn.verdict else None,
                        "comment": turn.comment or None,
                        "prompt": turn.text,
                        "answer": turn.answer,
                    }
                    for stored, profile, turn in rows
                ]
            )
            return
        out.table(
            [
                (turn.verdict.value if turn.verdict else "–", stored.conversation.id, turn.message_id, turn.answer[:120])
                for stored, _, turn in rows
            ],
            ("rated", "conversation", "message", "answer"),
        )
