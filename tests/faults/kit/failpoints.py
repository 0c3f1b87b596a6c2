"""Failpoints: places in the program at which a test lets it die, fail or hang. The program itself holds none of this.

``FAILPOINTS=NAME[#NTH]=ACTION[,…]`` in the environment of ``tests.faults.kit.entry`` wraps the named seams before the program
starts. NAME is a word of ``SEAMS``, or ``module:Class.function@before`` (or ``@after``); NTH counts calls, 1 where it
is not given (0: each one). ACTION: ``kill`` (SIGKILL), ``term`` (SIGTERM), ``raise`` (RuntimeError), ``raise:OSError`` (any
built-in error, or ``module.Error``), ``hang`` (blocks the thread), ``stall`` (waits for ever, the loop goes on), ``sleep:1.5``,
``half`` (writes half of the bytes, then SIGKILL; for ``bytes-out``), ``note`` (nothing; the seam's name goes to FAILPOINT_LOG).
"""

from __future__ import annotations

import asyncio
import builtins
import functools
import importlib
import inspect
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

VARIABLE = "FAILPOINTS"
LOG = "FAILPOINT_LOG"

SEAMS = {
    "composed": "app.turns.turns:Turns.submit@before",
    "kept": "app.turns.turns:Turns.submit@after",
    "begin": "app.turns.course:Course._begin@before",
    "begun": "app.turns.course:Course._begin@after",
    "committing": "app.store.store:Store.record_many@before",
    "committed": "app.store.store:Store.record_many@after",
    "bytes-out": "httpcore._backends.anyio:AnyIOStream.write@before",
    "bytes-gone": "httpcore._backends.anyio:AnyIOStream.write@after",
    "answered": "httpx:AsyncClient.send@after",
    "event": "app.turns.keep:Keeper.event@before",
    "event-kept": "app.turns.keep:Keeper.event@after",
    "flush": "app.turns.keep:Keeper.flush@before",
    "flushed": "app.turns.keep:Keeper.flush@after",
    "settle": "app.turns.course:Course._settle@before",
}
"""The steps of a prompt on its way, by name."""


@dataclass(slots=True)
class Failpoint:
    """One seam with what happens there."""

    name: str
    target: str
    after: bool
    nth: int
    action: str
    calls: int = 0

    @classmethod
    def parse(cls, text: str) -> Failpoint:
        """``kept#2=kill``; ``ValueError`` for anything else."""
        name, _, action = text.partition("=")
        name, _, nth = name.partition("#")
        target, _, when = SEAMS.get(name, name).partition("@")
        if ":" not in target or when not in ("before", "after") or not action:
            raise ValueError(f"not a failpoint: {text}")
        return cls(name, target, when == "after", int(nth or 1), action)

    @property
    def due(self) -> bool:
        """Count a call; whether it is the one."""
        self.calls += 1
        return self.nth in (0, self.calls)


def install(environment: Mapping[str, str] = os.environ) -> list[Failpoint]:
    """Wrap what the environment names."""
    points = [Failpoint.parse(one) for one in environment.get(VARIABLE, "").split(",") if one.strip()]
    for point in points:
        _wrap(point)
    return points


def _wrap(point: Failpoint) -> None:
    module, _, path = point.target.partition(":")
    holder: Any = importlib.import_module(module)
    *owners, name = path.split(".")
    for owner in owners:
        holder = getattr(holder, owner)
    inner = getattr(holder, name)
    raw = inspect.getattr_static(holder, name)
    if isinstance(raw, staticmethod | classmethod):
        raise ValueError(f"{point.target} cannot be wrapped")
    setattr(holder, name, _wrapped(point, inner))


def _wrapped(point: Failpoint, inner: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(inner):

        @functools.wraps(inner)
        async def waiting(*args: Any, **kwargs: Any) -> Any:
            if not point.after and point.due:
                await _act_waiting(point, inner, args)
            result = await inner(*args, **kwargs)
            if point.after and point.due:
                await _act_waiting(point, inner, args)
            return result

        return waiting

    @functools.wraps(inner)
    def plain(*args: Any, **kwargs: Any) -> Any:
        if not point.after and point.due:
            _act(point)
        result = inner(*args, **kwargs)
        if point.after and point.due:
            _act(point)
        return result

    return plain


async def _act_waiting(point: Failpoint, inner: Callable[..., Awaitable[Any]], args: tuple[Any, ...]) -> None:
    verb, _, value = point.action.partition(":")
    match verb:
        case "stall":
            await asyncio.Event().wait()
        case "sleep":
            await asyncio.sleep(float(value))
        case "half":
            stream, data = args[0], bytes(args[1])
            await inner(stream, data[: max(1, len(data) // 2)])
            _kill(signal.SIGKILL)
        case _:
            _act(point)


def _act(point: Failpoint) -> None:
    verb, _, value = point.action.partition(":")
    match verb:
        case "kill":
            _kill(signal.SIGKILL)
        case "term":
            _kill(signal.SIGTERM)
        case "raise":
            raise _error(value)
        case "hang" | "stall":
            time.sleep(1e6)
        case "sleep":
            time.sleep(float(value))
        case "note":
            _note(point.name)
        case _:
            raise ValueError(f"no such action: {point.action}")


def _kill(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(10 if number == signal.SIGKILL else 0)


def _error(value: str) -> Exception:
    module, _, name = value.rpartition(".")
    kind = getattr(importlib.import_module(module) if module else builtins, name or "RuntimeError")
    made = kind("a failpoint")
    assert isinstance(made, Exception)
    return made


def _note(name: str) -> None:
    with open(os.environ[LOG], "a", encoding="utf-8") as log:
        log.write(name + "\n")
