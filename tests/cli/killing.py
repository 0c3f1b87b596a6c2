"""A driver for ``test_batch_kills``: the command line in forks that are killed at a given step of handing a batch over.

``python -m tests.cli.killing HOMES FILES`` reads one job a line from stdin, ``{"step": n, "words": […]}``, and answers each with
``{"killed": bool, "code": n}``. Step 0 kills nowhere. The failpoints live here and nowhere in the product.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import app.batches
from app.cli import batch, compose  # noqa: F401
from app.cli.run import run
from app.store import Store
from app.vendors.codeer.client import Codeer

STEPS = {"done": 0, "last": 0}


def _step() -> None:
    STEPS["done"] += 1
    if STEPS["done"] == STEPS["last"]:
        os.kill(os.getpid(), signal.SIGKILL)


def _deadly(kind: type, name: str) -> None:
    """Die before or after it."""
    plain: Callable[..., Awaitable[Any]] = getattr(kind, name)

    async def around(*args: Any, **more: Any) -> Any:
        _step()
        found = await plain(*args, **more)
        _step()
        return found

    setattr(kind, name, around)


def main() -> None:
    """One fork a line."""
    app.batches.LOOKS = (0.0, 0.1, 0.2, 0.3)
    app.batches.planned.__globals__["MOST_ITEMS"] = 2
    _deadly(Store, "add_batch_job")
    _deadly(Store, "save_batch_part")
    _deadly(Codeer, "create_batch")
    for line in sys.stdin:
        wanted = json.loads(line)
        pid = os.fork()
        if not pid:
            STEPS["last"] = wanted["step"]
            os.environ["PARLOUR_HOME"] = wanted["home"]
            nothing = os.open(os.devnull, os.O_RDWR)
            os.dup2(nothing, 0)
            os.dup2(os.open(wanted["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
            code = run(wanted["words"])
            sys.stdout.flush()
            os._exit(code)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        print(json.dumps({"killed": code == -signal.SIGKILL, "code": code}), flush=True)


if __name__ == "__main__":
    main()
