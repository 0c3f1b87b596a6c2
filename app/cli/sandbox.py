"""``parlour sandbox``: both vendors' APIs on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM."""
    from app.sandbox.server import run as serve

    return serve(
        port=args.port,
        json_ready=args.json,
        data=Path(args.data) if args.data else None,
        new_account=args.new_account,
        dialect=args.dialect,
        until_eof=args.until_eof,
    )
