"""``parlour sync``: fill the store with the histories of all conversations, after asking."""

from __future__ import annotations

import argparse
import asyncio
import sys

from app.cli import out
from app.cli.compose import Program
from app.cli.progress import Bar
from app.errors import UsageError
from app.models import Json, Profile
from app.settings import origin
from app.sync import Filled, Survey, Sync


def run(args: argparse.Namespace) -> int:
    """Show what there is, ask, and read it."""
    return asyncio.run(_sync(args))


async def _sync(args: argparse.Namespace) -> int:
    found: list[Json] = []
    async with Program() as program:
        try:
            for profile in await program.profiles(args.profile):
                await _account(program, profile, args, found)
        finally:
            if args.json:
                out.value(found)
    return 1 if any(one["failed"] for one in found) else 0


async def _account(program: Program, profile: Profile, args: argparse.Namespace, found: list[Json]) -> None:
    vendor = await program.vendor(profile)
    account = await program.account(profile)
    sync = Sync(program.store, vendor, account, whom=profile.external_user_id, clock=program.clock)
    looking = Bar("Looking through the conversations")
    try:
        survey = await sync.survey(looking.show)
    finally:
        looking.close()
    out.note(_told(profile, vendor.label, survey))
    filled = Filled(len(survey.missing))
    found.append(_object(profile, survey, filled))
    if not survey.missing:
        await sync.fill(survey)
        found[-1] = _object(profile, survey, filled)
        return
    if not (args.yes or survey.agreed or _wanted(len(survey.missing))):
        raise UsageError("Nothing was read. Say --yes to read it without being asked.")
    await sync.agree()
    bar = Bar("Reading")

    def tell(now: Filled) -> None:
        found[-1] = _object(profile, survey, now)
        bar.show(now.done, now.total, now.current)

    try:
        filled = await sync.fill(survey, tell)
    except asyncio.CancelledError:
        bar.close()
        out.note("Stopped. What was read is kept; the same command goes on from here.")
        raise
    finally:
        bar.close()
    for conversation, sentence in filled.failed.items():
        out.complain(f"{conversation} was left out: {sentence}")
    out.note(f"{filled.done - len(filled.failed)} conversations with {filled.turns} turns read; nothing was sent.")


def _told(profile: Profile, label: str, survey: Survey) -> str:
    whom = f", as {profile.external_user_id}" if profile.external_user_id else ""
    before = f" Everything was here on {survey.finished_at}." if survey.finished_at else ""
    count = len(survey.missing)
    lacking = f"{count} of them not here yet" if count else "all of them here"
    return (
        f"{profile.name}: {label} at {origin(profile.base)}{whom}\n  {survey.conversations} conversations, {lacking}.{before}"
        + ("\n  Going on where it was stopped." if survey.agreed and count else "")
    )


def _wanted(count: int) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    out.complain(f"Read {count} conversations and keep them on this machine? Type yes:")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _object(profile: Profile, survey: Survey, filled: Filled) -> Json:
    return {
        "profile": profile.name,
        "vendor": profile.vendor,
        "external_user_id": profile.external_user_id or None,
        "conversations": survey.conversations,
        "missing": len(survey.missing),
        "read": filled.done - len(filled.failed),
        "turns": filled.turns,
        "failed": [{"conversation": one, "message": sentence} for one, sentence in filled.failed.items()],
        "complete": filled.complete,
    }
