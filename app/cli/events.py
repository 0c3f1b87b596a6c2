"""``parlour events``: a conversation's events, one JSON object a line."""

from __future__ import annotations

import argparse
import asyncio
import contextlib

from app.cli import find, out
from app.cli.compose import Program
from app.errors import UsageError
from app.exports import event_object
from app.models import Wire
from app.protocols import Follows


def run(args: argparse.Namespace) -> int:
    """Print what there was; with ``--follow`` go on until interrupted."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_events(args))
    return 0


async def _events(args: argparse.Namespace) -> None:
    async with Program(patience=0.0) as program:
        profiles = await program.profiles(args.profile)
        profile, stored = await find.conversation(program, profiles, args.conversation)
        vendor = await program.vendor(profile)
        shown = Shown(args.type, args.after)
        if not isinstance(vendor, Follows):
            if args.follow:
                raise UsageError(f"{vendor.label} has no stream to follow; leave --follow out to see what was recorded.")
            for kept in await program.store.events(stored.pk):
                shown.show(kept.wire)
            return
        last = args.after
        async for event in vendor.history(stored.conversation):
            shown.show(event.wire)
            last = event.wire.id or last
        if args.follow:
            async for event in vendor.follow(stored.conversation, last):
                if not event.wire.preview:
                    shown.show(event.wire)


class Shown:
    """Prints each event of the wire once, after the wanted one and of the wanted type."""

    def __init__(self, prefix: str, after: str) -> None:
        self._prefix = prefix
        self._after = after
        self._waiting = bool(after)
        self._last: Wire | None = None

    def show(self, wire: Wire) -> None:
        """One event; several of ours may carry the same one."""
        if not wire.type or wire is self._last:
            return
        self._last = wire
        if self._waiting:
            self._waiting = wire.id != self._after
            return
        if wire.type.startswith(self._prefix):
            out.line(event_object(wire))
