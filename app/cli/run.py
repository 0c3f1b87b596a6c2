"""From arguments to an exit code: parse, call the command's module, and turn every failure into one sentence."""

from __future__ import annotations

import importlib
import json
import sys
from types import SimpleNamespace
from typing import Any

from app.cli.out import BROKEN_PIPE, ReaderGone, complain, note, quiet
from app.errors import ParlourError, VendorError

INTERRUPTED = 130
BARE = {
    "command": "open", "profile": None, "agent": None, "plain": False, "json": False, "quiet": False, "verbose": False,
}  # fmt: skip
"""What the parser makes of no arguments; making the parser takes longer than a frame."""


def run(arguments: list[str]) -> int:
    """Run one command. A module of this package named after the command has ``run(args) -> int``."""
    args = _parsed(arguments)
    quiet.set(args.quiet)
    if args.verbose:
        from app.cli.verbose import tell_requests

        tell_requests()
    module = importlib.import_module(f"app.cli.{args.command}")
    try:
        code: int = module.run(args)
    except ParlourError as error:
        return fail(error)
    except ReaderGone:
        return BROKEN_PIPE
    except KeyboardInterrupt:
        note("Interrupted.")
        return INTERRUPTED
    return code


def _parsed(arguments: list[str]) -> Any:
    if not arguments:
        return SimpleNamespace(**BARE)
    from app.cli.parser import build

    return build(whole="qoder" in arguments).parse_args(arguments)


def fail(error: ParlourError) -> int:
    """Say it in one sentence on stderr and give the exit code."""
    complain(f"parlour: {error}")
    if isinstance(error, VendorError) and error.fields:
        for field, words in error.fields.items():
            if words != str(error):
                complain(f"  {field}: {words}")
    if isinstance(error, VendorError) and error.request_id:
        complain(f"  request id: {error.request_id}")
    return error.exit_code


def read_json(text: str) -> Any:
    """``--data``: JSON itself, or ``@FILE`` that holds it. Raises ``UsageError``."""
    from pathlib import Path

    from app.errors import UsageError

    try:
        source = Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
        return json.loads(source)
    except OSError as error:
        raise UsageError(f"The file {text[1:]} cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--data is not JSON ({error}).") from error


def stdin_text() -> str:
    """All of stdin as text."""
    return sys.stdin.buffer.read().decode("utf-8", "replace")
