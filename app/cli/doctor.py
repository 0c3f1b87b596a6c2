"""``parlour doctor``: what this terminal, keyring, network and database can do."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import shutil
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path

from app import __version__
from app.cli import out, probe
from app.cli.compose import Program
from app.errors import ParlourError
from app.models import Json
from app.paths import config_file, database_file, log_file
from app.protocols import Checks


def run(args: argparse.Namespace) -> int:
    """Look, report, and say what to do about each finding."""
    asked = probe.terminal()
    found = asyncio.run(_look(asked))
    if args.json:
        out.value(found)
    else:
        out.say(text(found))
    return 0


def text(found: Mapping[str, Json]) -> str:
    """A report for people: a heading, then a line a fact."""
    lines = []
    for name, fact in found.items():
        lines.append(name)
        if isinstance(fact, dict):
            lines += [f"  {key:<12} {_words(value)}" for key, value in fact.items()]
        else:
            lines += [f"  {_words(value)}" for value in (fact if isinstance(fact, list) and fact else [fact or "–"])]
    return "\n".join(lines)


async def look(program: Program, asked: Mapping[str, Json]) -> dict[str, Json]:
    """Everything that can be told of an open program. ``asked`` is what the terminal said. No key, no home folder in it."""
    found = await _surroundings(asked)
    found["database"] = {"sqlite": sqlite3.sqlite_version, "notices": list(program.store.notices)}
    found["profiles"] = [await _profile(program, profile.name) for profile in program.settings.profiles]
    found["keys"] = list(_keys(program))
    return found


async def _look(asked: Mapping[str, Json]) -> dict[str, Json]:
    try:
        async with Program() as program:
            return await look(program, asked)
    except ParlourError as error:
        trouble: dict[str, Json] = {"sqlite": sqlite3.sqlite_version, "trouble": probe.without_home(str(error))}
        return {**await _surroundings(asked), "database": trouble}


async def _surroundings(asked: Mapping[str, Json]) -> dict[str, Json]:
    files = {"config": config_file(), "database": database_file(), "log": log_file()}
    return {
        "parlour": {"version": __version__, "python": sys.version.split()[0], "bytecode": _bytecode()},
        "terminal": {**_terminal(), **asked},
        "files": {name: probe.without_home(str(path)) for name, path in files.items()},
        "keyring": await _keyring(),
        "proxy": sorted(name for name in os.environ if name.upper() in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")),
    }


def _keys(program: Program) -> list[str]:
    """Entries of the keymap that cannot be."""
    if not program.settings.keymap:
        return []
    from app.ui.keymap import checked

    return [str(notice) for notice in checked(program.settings.keymap, swapped=program.settings.swapped)[1]]


def _bytecode() -> str:
    spec = importlib.util.find_spec("textual.app")
    if spec is None or spec.cached is None or not Path(spec.cached).exists():
        return "missing: every start is two to three times slower; run: python -m compileall on the installed packages"
    return "compiled"


def _terminal() -> dict[str, Json]:
    size = shutil.get_terminal_size()
    inside = probe.tmux(os.environ)
    return {
        "term": os.environ.get("TERM", ""),
        "program": os.environ.get("TERM_PROGRAM", "") or "unknown",
        "colour": probe.colours(os.environ),
        "size": f"{size.columns}x{size.lines}",
        "tmux": bool(os.environ.get("TMUX")),
        "ssh": bool(os.environ.get("SSH_CONNECTION")),
        "encoding": probe.encoding(),
        "newline": "ctrl+j, or \\ before enter, in every terminal",
        "clipboard": probe.clipboard(os.environ),
        **inside,
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
