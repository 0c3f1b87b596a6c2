"""``parlour``: opens the application."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from typing import TYPE_CHECKING, TextIO

from app.cli.compose import Program
from app.cli.demo_side import is_demo
from app.cli.desk import ProgramDesk
from app.cli.out import note
from app.errors import UsageError

if TYPE_CHECKING:
    import argparse

SETTLED = 2.0
"""Seconds after which start-up is over."""


def _collect_again() -> None:
    gc.freeze()
    gc.enable()


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def run(args: argparse.Namespace) -> int:
    """Show the application until it is left."""
    if args.plain or os.environ.get("ACCESSIBLE"):
        from app.cli.plain import run as plain

        return plain(args)
    if not (_is_terminal(sys.stdin) and _is_terminal(sys.stdout)) or os.environ.get("TERM", "") in ("", "dumb"):
        raise UsageError("The application needs a terminal. Without one use: parlour --plain, or parlour ask --agent NAME PROMPT")
    gc.disable()  # until the first screen is up: nothing that is loaded for it becomes garbage
    from app.ui.app import ParlourApp

    first = "demo" if args.profile and is_demo(args.profile) else ""
    desk = ProgramDesk(
        Program(patience=float("inf"), announce=False), demo=args.profile if first else "", only=args.profile or ""
    )
    app = ParlourApp(desk, first=first, agent=args.agent or "")

    async def show() -> int:
        asyncio.get_running_loop().call_later(SETTLED, _collect_again)
        going = 0
        try:
            await app.run_async(mouse=desk.settings.ui.get("mouse", True) is not False)
        finally:
            going = desk.going_on()
            try:
                await desk.aclose()
            finally:
                app.give_terminal_back()
        if going:
            who = "One agent goes" if going == 1 else f"{going} agents go"
            note(f"{who} on at the server without you. Start parlour again to catch up, or see it with: parlour conversations")
        return app.return_code or 0

    return asyncio.run(show())
