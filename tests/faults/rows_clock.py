"""C: clocks. The wall clock orders nothing and times nothing; a sleep of the machine is no reason to hurry afterwards."""

from __future__ import annotations

import os
import time
from email.utils import formatdate
from typing import Any

from app.clock import Clock
from app.models import PromptState, Stop
from app.vendors.http import Http
from tests.faults.kit.clocks import FakeTime, quick_clock
from tests.faults.kit.sockets import RawServer, reply, request, rst, send
from tests.faults.rows import Case, row
from tests.faults.session import WORDS, Session
from tests.faults.stage import SIDES, stage
from tests.vendors.test_http import CODEER
from tests.vendors.test_qoder_stream import TURN


@row("C-01", "wall clock back 1 h / forward 1 y mid-turn", once=True)
async def _set(case: Case) -> str:
    """Turns stay in the order they were said in, here and on the disk, and no wait gets longer or shorter."""
    for side in SIDES:
        offset = 0.0
        quick = quick_clock()
        clock = Clock(wall=lambda: time.time() + offset, sleep=quick.sleep)  # noqa: B023 - the clock is set on purpose
        async with stage(side, case.folder / side, clock=clock) as on:
            talk = await on.talk("Metronome" if side == "codeer" else "Scribe")
            for number, shift in enumerate((0.0, -3600.0, 365 * 86400.0, -86400.0)):
                turn = await on.submit(talk, f"stream {30 + number}")
                await on.turns.until(talk, lambda turn=turn: turn.state is PromptState.SENT)  # type: ignore[misc]
                offset = shift
                await on.turns.idle(talk)
                assert turn.stop is Stop.DONE and len(turn.answer) == 4 * (30 + number)
            said = [turn.text for turn in talk.transcript.turns]
            assert said == [f"stream {30 + number}" for number in range(4)]
            assert [turn.text for turn in await on.store.turns(talk.pk)] == said
    return ""


@row("C-02", "DST change, TZ change at run time", once=True)
async def _zones(case: Case) -> str:
    before = os.environ.get("TZ")
    try:
        async with stage("codeer", case.folder) as on:
            talk = await on.talk()
            zones = ("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati", "UTC")
            for zone in zones:
                os.environ["TZ"] = zone
                time.tzset()
                assert (await on.ask(talk, f"in {zone}")).stop is Stop.DONE
            kept = await on.store.turns(talk.pk)
            assert [turn.text for turn in kept] == [f"in {zone}" for zone in zones]
            assert [turn.started for turn in kept] == sorted(turn.started for turn in kept)
    finally:
        os.environ.pop("TZ", None) if before is None else os.environ.update(TZ=before)
        time.tzset()
    return ""


@row("C-03", "Retry-After date with skewed local clock", short=True, once=True)
async def _skewed(case: Case) -> str:
    """Measured by the server's own clock where it tells it; without that, never negative and never over a minute."""
    waits = []
    for skew in (-365 * 86400.0, -3600.0, 0.0, 3600.0, 365 * 86400.0):
        for dated in (True, False):
            ticking = FakeTime()
            now = ticking.wall
            ticking.set_wall(skew)
            more: dict[str, Any] = {"retry_after": formatdate(now + 10, usegmt=True)}
            if dated:
                more["date"] = formatdate(now, usegmt=True)
            script = [request(), send(reply("{}", 429, **more)), request(), send(reply())]
            async with RawServer([script]).running() as server:
                http = Http(server.base, dict, CODEER, clock=ticking.clock)
                try:
                    await http.call("GET", "/x")
                except Exception:
                    assert not dated and skew < 0, "a year of waiting is refused, not begun"
                await http.aclose()
            assert all(0 <= one <= 60 for one in ticking.slept), ticking.slept
            if dated:
                assert ticking.slept == [10.0], (skew, ticking.slept)
            waits += ticking.slept
    return f"{len(waits)} waits, {min(waits):.1f} to {max(waits):.1f} s"


@row("C-04", "timer resolution / monotonic stall after sleep", short=True, once=True)
async def _stall(case: Case) -> str:
    """The machine sleeps for an hour in the middle of a turn: one new connection, not a burst that catches up."""
    ticking = FakeTime()

    async def asleep(connection: Any) -> None:
        ticking.pass_by(3600)

    session = Session([[*TURN[1:4], asleep, rst], [*TURN[4:]]])
    async with session.server().running() as server:
        async with stage("qoder", case.folder, base=server.base, clock=ticking.clock) as on:
            began = len(ticking.slept)
            turn = await on.ask(await on.made(), WORDS)
            assert turn.stop is Stop.DONE and session.posted == 1
            waits = [seconds for seconds in ticking.slept[began:] if seconds not in (0.0,)]
    assert len(session.opened) == 2, session.opened
    return f"{len(session.opened) - 1} new connection, {len(waits)} waits"
