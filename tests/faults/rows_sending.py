"""Q: a prompt is sent once or not at all, and what is shown of it is what the server's ledger says, or "unknown"."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from app.clock import Clock
from app.models import PromptState, Stop
from app.sandbox.qoder import gate
from app.transcript import Turn
from app.turns import Talk
from tests.faults.kit.clocks import hurried
from tests.faults.rows import Case, row
from tests.faults.stage import Stage, stage
from tests.servers import running_sandbox

FACTOR = 60.0
"""Seconds of the program that pass in one."""
LANES = 5
"""Conversations in which prompts are sent at the same time."""
IDLE = 20.0
"""Seconds that a Codeer answer may be silent here; 240 outside."""

Order = Callable[[Stage, Talk, Random], None]


# --- twenty ways for a send to go wrong ----------------------------------------------------------------------------------------


def _cut(when: str, how: str) -> Order:
    """The connection, really: before the server has it, after, or within its answer."""

    def order(on: Stage, talk: Talk, dice: Random) -> None:
        on.through.order(_send(on, talk), when, how=how, n=dice.randrange(1, 2500))  # type: ignore[arg-type]

    return order


def _ordered(fault: str, *, stream: bool = False, **more: Any) -> Order:
    """A fault of the sandbox's own; of the stream, where the vendor has one beside the post."""

    def order(on: Stage, talk: Talk, dice: Random) -> None:
        where = _read(on, talk, stream=True) if stream and on.side == "qoder" else f"POST {_path(on, talk)}"
        drawn = {name: dice.choice(value) if isinstance(value, tuple) else value for name, value in more.items()}
        on.fault(fault, where, **drawn)

    return order


FAULTS: dict[str, Order] = {
    "reset before": _cut("before", "rst"),
    "end before": _cut("before", "fin"),
    "silence before": _cut("before", "hole"),
    "reset after": _cut("after", "rst"),
    "end after": _cut("after", "fin"),
    "silence after": _cut("after", "hole"),
    "reset within": _cut("reply", "rst"),
    "end within": _cut("reply", "fin"),
    "half-closed within": _cut("reply", "half"),
    "dropped before it was stored": _ordered("drop_before"),
    "dropped after it was stored": _ordered("drop_after_store"),
    "dropped after events": _ordered("drop_after_events", stream=True, n=(0, 1, 2, 3, 5)),
    "server fails": _ordered("status", code=(408, 500, 502, 503, 504)),
    "refused": _ordered("status", code=(400, 403, 404, 409, 422)),
    "rate limited": _ordered("rate_limit", times=(1, 2, 3, 9), retry_after=(None, 0, 1, 7, 3600)),
    "not the API": _ordered("html", status=(200, 502)),
    "redirected": _ordered("redirect", status=(301, 302, 303, 307, 308)),
    "stalled": _ordered("stall", stream=True, n=(0, 1, 2, 3)),
    "a frame broken": _ordered("truncate_frame", stream=True, n=(0, 1, 2, 3)),
    "a stream that lies": _ordered("no_terminal_event", stream=True),
}
MORE: dict[str, Order] = {
    "bad JSON": _ordered("bad_json", stream=True, n=(0, 1, 2)),
    "an error event": _ordered("error_event", stream=True, n=(0, 1, 2)),
    "events twice": _ordered("duplicate_events", stream=True),
    "events unknown": _ordered("unknown_events", stream=True),
    "in pieces": _ordered("slice", stream=True, n=(1, 3, 7)),
}
"""Drawn now and then in the place of the last one."""


def _path(on: Stage, talk: Talk) -> str:
    place = talk.conversation.id
    return f"/chats/{place}/messages" if on.side == "codeer" else f"/sessions/{place}/events"


def _send(on: Stage, talk: Talk) -> str:
    return f"POST {_path(on, talk).lstrip('/')}"


def _read(on: Stage, talk: Talk, *, stream: bool = False) -> str:
    return f"GET {_path(on, talk)}{'/stream' if stream else ''}"


def _blind(on: Stage, talk: Talk, dice: Random) -> None:
    """The look for what became of it fails as well, some times."""
    times = dice.randrange(1, 4)
    match dice.randrange(4):
        case 0:
            on.through.order(_read(on, talk).replace(" /", " "), "before", how="rst", times=times)
        case 1:
            on.fault("status", _read(on, talk), code=503, times=times)
        case 2:
            on.fault("html", _read(on, talk), times=times)
        case _:
            on.fault("rate_limit", _read(on, talk), times=times, retry_after=1)


# --- judging -------------------------------------------------------------------------------------------------------------------


def judged(on: Stage, turn: Turn, name: str = "") -> str:
    """The state of one prompt, asserted against the ledger: nothing twice, nothing claimed that is not so, nothing in between."""
    count, what = on.arrived(turn.text), (on.side, name, turn.text, turn.state, turn.stop, turn.failure)
    assert count <= 1, (count, what)
    match turn.state:
        case PromptState.SENT:
            assert count == 1, what
            assert turn.stop is not None and (turn.stop is not Stop.DONE or turn.answer == turn.text), (turn.answer, what)
        case PromptState.NOT_SENT:
            assert count == 0 and turn.stop is Stop.FAILED and turn.failure is not None, what
        case PromptState.UNKNOWN:
            assert turn.stop is Stop.UNKNOWN and turn.failure is not None and turn.failure.message, what
        case _:
            raise AssertionError(what)
    return turn.state.value


async def _looked_again(on: Stage, talk: Talk, turn: Turn) -> None:
    """What stayed unknown, looked at once more without faults: what arrived is found with its answer."""
    on.turns.settle(talk, turn)
    await on.turns.idle(talk)
    if on.arrived(turn.text):
        assert (turn.state, turn.answer) == (PromptState.SENT, turn.text), (turn.state, turn.stop, turn.failure)
    else:
        assert turn.state is PromptState.UNKNOWN and turn.stop is Stop.UNKNOWN


# --- the storm -----------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def forgetful() -> Any:
    """A server that takes no notice of idempotency keys."""
    with patch.object(gate, "_once", lambda cloud, handler, call, raw: handler(cloud, call)):
        yield


@contextlib.asynccontextmanager
async def hurried_stage(side: str, folder: Path, clock: Clock, **more: Any) -> AsyncIterator[Stage]:
    """A stage in which a minute takes a second, with a sandbox behind a crossing."""
    async with running_sandbox(clock=clock) as ready:
        async with stage(side, folder, ready=ready, clock=clock, options={"idle": IDLE}, **more) as on:
            yield on


async def _storm(side: str, folder: Path, seed: int, count: int, clock: Clock) -> Counter[str]:
    seen: Counter[str] = Counter()
    names = list(FAULTS)

    async def lane(on: Stage, number: int) -> None:
        dice, talk = Random(seed * 1000 + number), await on.talk()
        await on.ask(talk, f"{side} {number} begins")
        for at in range(number, count, LANES):
            name = names[at % len(names)]
            order = FAULTS[name]
            if name == "a stream that lies" and dice.random() < 0.7:
                name, order = dice.choice(list(MORE.items()))
            order(on, talk, dice)
            if dice.random() < 0.35:
                _blind(on, talk, dice)
            text = f"{side} {seed}-{at} {name} " + "word " * dice.randrange(0, 12) + "end"
            turn = await on.ask(talk, text)
            seen[judged(on, turn, name)] += 1
            seen["faults"] += 1
            _quiet(on, talk)
            if turn.state is PromptState.UNKNOWN:
                seen["arrived and unknown"] += on.arrived(text)
                await _looked_again(on, talk, turn)
            elif turn.stop is not Stop.DONE and turn.state is PromptState.SENT:
                seen["sent, end unknown or failed"] += 1

    async with hurried_stage(side, folder, clock) as on:
        await asyncio.gather(*(lane(on, number) for number in range(LANES)))
    return seen


def _quiet(on: Stage, talk: Talk) -> None:
    """Orders for this conversation that nothing came to."""
    assert on.ready is not None
    place, faults = talk.conversation.id, on.ready.world.faults
    on.through.orders[:] = [order for order in on.through.orders if place not in order.match]
    kept = [order for order in faults.orders if isinstance(order, dict) and place not in str(order["match"])]
    faults.clear()
    for order in kept:
        faults.add(order)


@row("Q-00", "twenty kinds of failure while sending, both vendors, keys honoured and not", short=True)
async def storm(case: Case) -> str:
    """2,000 over three seeds: 0 duplicates, 0 lost, nothing shown that the ledger does not bear out."""
    total: Counter[str] = Counter()
    plans = [("codeer", False, case.size(340, 20)), ("qoder", False, case.size(180, 10)), ("qoder", True, case.size(180, 5))]
    for side, keyless, count in plans:
        with forgetful() if keyless else contextlib.nullcontext():
            folder = case.folder / f"{side}-{keyless}"
            total += await hurried(FACTOR, lambda clock, s=side, f=folder, n=count: _storm(s, f, case.seed, n, clock))  # type: ignore[misc]
    unsure = total["unknown"]
    return (
        f"{total['faults']} faults, 0 twice, 0 lost: {total['sent']} sent, {total['not_sent']} not sent, {unsure} asked about "
        f"({total['arrived and unknown']} of them had arrived)"
    )
