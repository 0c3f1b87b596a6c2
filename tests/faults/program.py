"""The program itself in a process of its own, with the keys of a running sandbox in its environment."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.sandbox.server import Ready
from tests.faults.kit.failpoints import VARIABLE
from tests.servers import ledger

ROOT = Path(__file__).resolve().parents[2]
PARLOUR = [sys.executable, "-m", "app"]
WITH_FAILPOINTS = [sys.executable, "-m", "tests.faults.kit.entry"]
LIMIT = 90.0
"""Seconds a command may take on a machine that has much else to do."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did. A negative code is the signal that ended it."""

    code: int
    out: str
    err: str


def environment(home: Path, ready: Ready | None, side: str = "", **more: str) -> dict[str, str]:
    """Variables for a program at ``home`` that talks with one side of the sandbox (both, if none is named)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CODEER_", "QODER_", "PARLOUR_"))}
    kept |= {"PARLOUR_HOME": str(home), "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    if ready is not None and side in ("", "codeer"):
        kept |= {"CODEER_API_KEY": ready.codeer_key, "CODEER_API_BASE": ready.codeer_base}
    if ready is not None and side in ("", "qoder"):
        kept |= {"QODER_PAT": ready.qoder_key, "QODER_MANAGED_BASE_URL": ready.qoder_base}
    return {**kept, **more}


async def parlour(
    *words: str, variables: Mapping[str, str], failpoints: str = "", before: Callable[[], None] | None = None
) -> Ran:
    """Run one command to its end. ``before`` runs in the new process first: limits, another user."""
    command = [*(WITH_FAILPOINTS if failpoints else PARLOUR), *words]
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**variables, **({VARIABLE: failpoints} if failpoints else {})},
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=before,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), LIMIT)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert b"Traceback" not in err, err.decode()
    return Ran(process.returncode or 0, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


def arrived(ready: Ready, text: str) -> int:
    """How often the sandbox accepted a prompt."""
    return sum(text in (entry.get("text"), entry.get("message")) for entry in ledger(ready, "prompt"))
