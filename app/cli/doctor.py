"""``parlour doctor``: what this terminal, keyring, network and database can do."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import shutil
import sqlite3
import sys
from pathlib import Path

from app import __version__
from app.cli import out
from app.cli.compose import Program
from app.errors import ParlourError
from app.models import Json
from app.paths import config_file, database_file
from app.protocols import Checks


def run(args: argparse.Namespace) -> int:
    """Look, report, and say what to do about each finding."""
    found = asyncio.run(_look(args))
    if args.json:
        out.value(found)
    else:
        for name, fact in found.items():
            out.say(f"{name:<12} {_words(fact)}")
    return 0


async def _look(args: argparse.Namespace) -> dict[str, Json]:
    found: dict[str, Json] = {
        "parlour": {"version": __version__, "python": sys.version.split()[0], "bytecode": _bytecode()},
        "terminal": _terminal(),
        "files": {"config": str(config_file()), "database": str(database_file())},
        "keyring": await _keyring(),
    }
    try:
        async with Program() as program:
            found["database"] = {"sqlite": sqlite3.sqlite_version, "notices": list(program.store.notices)}
            found["profiles"] = [await _profile(program, profile.name) for profile in program.settings.profiles]
    except ParlourError as error:
        found["database"] = {"sqlite": sqlite3.sqlite_version, "trouble": str(error)}
    return found


def _bytecode() -> str:
    spec = importlib.util.find_spec("textual.app")
    if spec is None or spec.cached is None or not Path(spec.cached).exists():
        return "missing: every start is two to three times slower; run: python -m compileall on the installed packages"
    return "compiled"


def _terminal() -> Json:
    size = shutil.get_terminal_size()
    return {
        "term": os.environ.get("TERM", ""),
        "colour": "none" if os.environ.get("NO_COLOR") else os.environ.get("COLORTERM", "") or "basic",
        "size": f"{size.columns}x{size.lines}",
        "tmux": bool(os.environ.get("TMUX")),
        "ssh": bool(os.environ.get("SSH_CONNECTION")),
        "encoding": sys.stdout.encoding or "",
        "newline": "ctrl+j" + ("; shift+enter needs: tmux set -g extended-keys on" if os.environ.get("TMUX") else ""),
    }


async def _keyring() -> Json:
    from app.keys import Keyring

    try:
        return {"backend": await Keyring().describe()}
    except ParlourError as error:
        return {"trouble": str(error)}


async def _profile(program: Program, name: str) -> Json:
    try:
        profile = (await program.profiles(name))[0]
        vendor = await program.vendor(profile)
        verdict = await vendor.check() if isinstance(vendor, Checks) else "reachable"
    except ParlourError as error:
        return {"name": name, "trouble": str(error)}
    return {"name": name, "verdict": verdict}


def _words(fact: Json) -> str:
    if isinstance(fact, dict):
        return "  ".join(f"{key}: {_words(value)}" for key, value in fact.items())
    if isinstance(fact, list):
        return "; ".join(_words(item) for item in fact) or "–"
    return str(fact)
