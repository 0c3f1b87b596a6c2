"""The command ``parlour``: read the arguments, call, print."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. ``--version`` and ``--help`` load nothing but the parser."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:
        from app import __version__

        sys.stdout.write(f"parlour {__version__}\n")
        return 0
    from app.cli.run import run

    return run(arguments)
