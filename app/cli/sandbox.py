"""``parlour sandbox``: both vendors' APIs on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path

from app.errors import UsageError


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM."""
    if args.record and args.replay:
        raise UsageError("--record and --replay do not go together: a recording that answers has nothing new to record.")
    if bool(args.upstream) != bool(args.model):
        raise UsageError("--upstream URL and --model NAME go together.")
    upstream = None
    if args.upstream:
        from app.sandbox.upstream import Upstream

        upstream = Upstream(args.upstream, args.model)
    from app.sandbox.core import World
    from app.sandbox.server import run as serve

    return serve(
        World(data=_path(args.data), new_account=args.new_account, dialect=args.dialect, upstream=upstream),
        port=args.port,
        json_ready=args.json,
        until_eof=args.until_eof,
        record=_path(args.record),
        replay=_path(args.replay),
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
