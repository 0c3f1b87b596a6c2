"""The program with one fault in it: ``python -m tests.faults.broken KIND [WORDS]``. The product holds nothing of this."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from typing import Any

CANARY = "canary-5f1d0b7c9a3e-values-of-somebody"
"""In a local variable of every frame that raises, in every message, and nowhere else."""


def boom(kind: type[Exception] = RuntimeError) -> None:
    said = CANARY
    raise kind(f"it says {said}")


def encoded() -> None:
    secret = CANARY + "\ud800"
    secret.encode()


class Drawn(Exception):
    """Would be asked to draw itself."""

    def __rich__(self) -> str:
        return CANARY


def drawn() -> None:
    raise Drawn(CANARY)


def chained() -> None:
    try:
        boom()
    except RuntimeError as error:
        raise ValueError(CANARY) from error


def looped() -> None:
    first, second = RuntimeError(CANARY), ValueError(CANARY)
    first.__cause__, second.__cause__ = second, first
    raise first


KINDS = {
    "runtime": boom, "encode": encoded, "drawn": drawn, "chained": chained, "looped": looped,
    "memory": lambda: boom(MemoryError), "recursion": lambda: boom(RecursionError), "os": lambda: boom(OSError),
    "key": lambda: boom(KeyError), "assertion": lambda: boom(AssertionError), "stop": lambda: boom(StopIteration),
    "unicode": encoded, "timeout": lambda: boom(TimeoutError),
}  # fmt: skip


def main() -> int:
    where, *words = sys.argv[1:]
    where, _, kind = where.partition(":")
    fail = KINDS[kind or "runtime"]
    from app.cli import main as run

    if where == "import":  # a dependency that is not there
        sys.modules["textual.app"] = None  # type: ignore[assignment]
        return run(words)
    from app.ui import app as application
    from app.ui.shell import Shell

    wanted: Any = application.ParlourApp
    if where == "handler":
        wanted.action_help = lambda self: fail()
    elif where == "redraw":  # in the drawing of a line
        from app.ui.widgets.bars import KeyBar

        def act(self: Any) -> None:
            KeyBar.render = lambda bar: fail()  # type: ignore[method-assign,assignment,return-value]
            self.screen.refresh(repaint=True, layout=True)
            for bar in self.screen.query(KeyBar):
                bar.refresh()

        wanted.action_help = act
    elif where == "timer":
        wanted.action_help = lambda self: self.set_timer(0.01, fail)
    elif where == "worker":
        from app.ui import background

        async def work() -> None:
            fail()

        wanted.action_help = lambda self: background.start(self, work)
    elif where == "task":

        async def stray() -> None:
            fail()

        def begin(self: Any) -> None:
            self._stray_task = asyncio.get_running_loop().call_soon(fail)

        wanted.action_help = begin
    elif where == "start":
        wanted.on_mount = lambda self: fail()
    elif where == "compose":
        from app.ui.screens.base import Place

        Place.compose = lambda self: fail()  # type: ignore[method-assign,assignment,return-value]
    elif where == "style":
        Shell.CSS = "Screen { color: " + CANARY + " }"
    elif where == "driver":
        from app.ui.terminal import TerminalDriver

        before = TerminalDriver.start_application_mode

        def start(self: Any) -> None:
            before(self)
            fail()

        TerminalDriver.start_application_mode = start  # type: ignore[method-assign]
    elif where == "shutdown":

        async def shut(self: Any) -> None:
            fail()

        wanted._shutdown = shut
    elif where == "twice":  # the crash's own handling fails
        from app.ui import crash

        wanted.action_help = lambda self: fail()
        crash._lines = lambda error: fail()  # type: ignore[assignment,return-value]
    elif where == "hang":
        wanted.action_help = lambda self: time.sleep(60)
    elif where == "spin":
        wanted.action_help = lambda self: re.match("(a|a)*b", "a" * 40)
    else:
        raise SystemExit(f"no such fault: {where}")
    return run(words)


if __name__ == "__main__":
    sys.exit(main())
