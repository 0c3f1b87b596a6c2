"""``parlour demo``: the application on the demo."""

from __future__ import annotations

import argparse


def run(args: argparse.Namespace) -> int:
    """Open it."""
    from app.cli.open import run as opened

    args.profile = "demo"
    return opened(args)
