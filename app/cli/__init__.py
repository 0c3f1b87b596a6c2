"""The command ``parlour``: read the arguments, call, print."""

from __future__ import annotations

import gc
import io
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. ``--version`` and ``--help`` load nothing but the parser."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:
        from app import __version__

        sys.stdout.write(f"parlour {__version__}\n")
        return 0
    _hold_back()
    if not arguments:
        gc.disable()  # the application turns it on when it is up: nothing that is loaded for its first frame becomes garbage
    try:
        from app.cli.run import run

        return run(arguments)
    finally:
        gc.enable()


def _hold_back() -> None:
    """No core dumps, no tracebacks with values, and a text that the terminal cannot spell is no fault."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    except (ImportError, OSError, ValueError):
        pass  # there is no such thing here, or somebody has set it lower already
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    from app.ui.crash import install

    install()
