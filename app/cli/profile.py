"""``parlour profile``: accounts, their keys in the system's keyring and nowhere else."""

from __future__ import annotations

import argparse
import asyncio
import sys

from app.cli import out
from app.cli.compose import Program
from app.cli.demo_side import is_demo
from app.errors import UsageError
from app.keys import Keyring, Secret
from app.models import Profile
from app.protocols import Checks
from app.settings import origin
from app.vendors import CATALOGUE, normal_base


def run(args: argparse.Namespace) -> int:
    """One of ``list``, ``add``, ``check``, ``remove``."""
    if args.verb == "add":
        args.key = _asked(args)  # not inside a loop: there the first Ctrl+C would not end the question
    verbs = {"list": _list, "add": _add, "check": _check, "remove": _remove}
    asyncio.run(verbs[args.verb](args))
    return 0


async def _list(args: argparse.Namespace) -> None:
    async with Program(stored=False) as program:
        profiles = list(program.settings.profiles)
        from_environment = {profile.name for profile in profiles if program.settings.environment_key(profile.name)}
    if args.json:
        out.value(
            [
                {
                    "name": profile.name,
                    "vendor": profile.vendor,
                    "base": profile.base,
                    "external_user_id": profile.external_user_id or None,
                    "environment": profile.environment or None,
                    "key": "environment" if profile.name in from_environment else "keyring",
                }
                for profile in profiles
            ]
        )
        return
    if not profiles:
        out.note("There is no profile yet. Add one with: parlour profile add NAME --vendor codeer|qoder, or try: parlour demo")
        return
    rows = [
        (profile.name, profile.vendor, "environment" if profile.name in from_environment else "keyring", profile.base)
        for profile in profiles
    ]
    out.table(rows, ("profile", "vendor", "key from", "base"))


def _base(args: argparse.Namespace) -> str:
    entry = CATALOGUE[args.vendor]
    return normal_base(args.vendor, args.base or entry.bases[args.region or entry.default_region])


def _asked(args: argparse.Namespace) -> Secret:
    if is_demo(args.name):
        raise UsageError(f"{args.name!r} is the demo's name; choose another.")
    return Secret(_key(args, f"{CATALOGUE[args.vendor].label} at {origin(_base(args))}"))


async def _add(args: argparse.Namespace) -> None:
    base, key = _base(args), args.key
    profile = Profile(args.name, args.vendor, base, external_user_id=args.user, environment=args.environment)
    async with Program(stored=False) as program:
        program.settings.refuse_known(args.name)
        await Keyring().put(args.name, origin(base), key)
        program.settings.add_profile(profile)
    if args.json:
        out.value({"name": args.name, "vendor": args.vendor, "base": base})
    else:
        out.note(f"Stored. Try: parlour profile check {args.name}")


def _key(args: argparse.Namespace, where: str) -> str:
    if args.key_stdin:
        key = sys.stdin.readline().strip()
    elif sys.stdin.isatty():
        import getpass

        key = getpass.getpass(f"Key for {where} (it is not shown): ").strip()
    else:
        raise UsageError("There is no terminal to ask for the key. Pipe it in with --key-stdin.")
    if not key:
        raise UsageError("No key was given; nothing was stored.")
    bad = next((index for index, char in enumerate(key) if not char.isascii() or not char.isprintable() or char == " "), None)
    if bad is not None:
        raise UsageError(f"Character {bad + 1} of the key cannot be part of one; nothing was stored. Copy it again.")
    return key


async def _check(args: argparse.Namespace) -> None:
    async with Program(stored=False) as program:
        lines = []
        for profile in await program.profiles(args.name):
            vendor = await program.vendor(profile)
            verdict = await vendor.check() if isinstance(vendor, Checks) else f"{len(await vendor.agents())} agents answer."
            lines.append((profile, verdict))
    if args.json:
        out.value([{"name": profile.name, "valid": True, "verdict": verdict} for profile, verdict in lines])
    else:
        for profile, verdict in lines:
            out.say(f"{profile.name}: {verdict}")


async def _remove(args: argparse.Namespace) -> None:
    async with Program() as program:
        profile = next((profile for profile in program.settings.stored_profiles if profile.name == args.name), None)
        if profile is None and args.name not in program.settings.refused:
            raise UsageError(f"There is no stored profile {args.name!r}.")
        if profile is None:
            program.settings.remove_profile(args.name)
            told = f"Removed {args.name} from the file; where its key belongs was not known."
            out.value({"removed": args.name}) if args.json else out.note(told)
            return
        await Keyring().remove(profile.name, origin(profile.base))
        await program.store.forget_account(profile)
        program.settings.remove_profile(profile.name)
    out.value({"removed": args.name}) if args.json else out.note(f"Removed {args.name}, its key and what was stored of it.")
