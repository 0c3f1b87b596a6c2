"""The kit itself: what it says it injects is injected, and what it says it checks is checked."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.store import Store
from app.turns import Turns
from tests.faults.invariants import Evidence, check, foreign, forms, open_modes
from tests.faults.kit.census import Census, pulse, settled
from tests.faults.kit.clocks import FakeTime, hurried
from tests.faults.kit.failpoints import SEAMS, Failpoint
from tests.faults.kit.relay import Relay, Toxics
from tests.faults.kit.sockets import (
    RawServer,
    black_hole,
    closed_port,
    fin,
    half_close,
    read,
    reply,
    request,
    rst,
    send,
    slices,
    stall,
)
from tests.terminal import Terminal

ROOT = Path(__file__).parent.parent.parent
KEY = "sk-canary-0123456789"


async def said(port: int, words: bytes = b"GET / HTTP/1.1\r\n\r\n", seconds: float = 5.0) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(words)
        async with asyncio.timeout(seconds):
            return await reader.read()
    finally:
        writer.close()


async def test_a_script_is_carried_out_byte_by_byte() -> None:
    scripts = [[request(), send(reply("{}"))], [read(5), fin], [request(), *[slices(b"abc")]], [request(), half_close]]
    async with RawServer(scripts, last=[request(), rst]).running() as server:
        assert (await said(server.port)).endswith(b"\r\n\r\n{}")
        assert await said(server.port) == b"" and bytes(server.connections[1].got) == b"GET /"
        assert await said(server.port) == b"abc"
        assert await said(server.port) == b""
        with pytest.raises(ConnectionError):
            await said(server.port)
        assert len(server.requests) == 4


async def test_a_black_hole_neither_takes_nor_refuses() -> None:
    with black_hole() as port, pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await asyncio.open_connection("127.0.0.1", port)
    with closed_port() as port, pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_eight_illnesses() -> None:
    async with RawServer([], last=[request(), send(b"x" * 1000), fin]).running() as server:

        async def through(**ill: float) -> tuple[bytes, float, Relay]:
            async with Relay(server.port, down=Toxics(**ill)).running() as relay:  # type: ignore[arg-type]
                began = time.monotonic()
                try:
                    got = await said(relay.port, seconds=0.5)
                except (TimeoutError, ConnectionError) as error:
                    got = type(error).__name__.encode()
                return got, time.monotonic() - began, relay

        assert (await through(slicer=7))[0] == b"x" * 1000
        got, took, _ = await through(latency=0.1)
        assert got == b"x" * 1000 and took >= 0.1
        got, took, _ = await through(bandwidth=10_000)
        assert got == b"x" * 1000 and took >= 0.1
        assert (await through(limit_data=100))[0] == b"x" * 100
        assert (await through(reset_peer=100))[0] == b"ConnectionResetError"
        assert (await through(timeout=0))[0] == b"TimeoutError"
        assert (await through(timeout=0.1))[0] == b""
        got, took, _ = await through(slow_close=0.15)
        assert got == b"x" * 1000 and took >= 0.15
        async with Relay(server.port).running() as relay:
            await relay.break_down()
            with pytest.raises(ConnectionRefusedError):
                await said(relay.port)
            await relay.heal()
            assert await said(relay.port) == b"x" * 1000 and relay.passed["down"] == 1000


def entered(home: Path, failpoints: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PARLOUR_HOME": str(home), "FAILPOINTS": failpoints}
    command = [sys.executable, "-m", "tests.faults.kit.entry", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, cwd=ROOT)


def test_failpoints_kill_raise_and_leave_alone(tmp_path: Path) -> None:
    where = "app.store.store:Store.open"
    assert entered(tmp_path, "", "--version").stdout.startswith("parlour ")
    assert entered(tmp_path, "app.cli.run:run@before=kill", "list").returncode == -signal.SIGKILL
    assert "(OSError)" in entered(tmp_path, "app.cli.run:run@before=raise:OSError", "list").stderr
    assert entered(tmp_path, "app.cli.run:run@before#2=kill", "--version").returncode == 0
    with pytest.raises(ValueError, match="not a failpoint"):
        Failpoint.parse(where)


def test_every_seam_is_there() -> None:
    import importlib

    for target in SEAMS.values():
        module, _, path = target.partition("@")[0].partition(":")
        found = importlib.import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
        assert callable(found)


def test_the_program_holds_no_failpoint() -> None:
    for path in sorted((ROOT / "app").rglob("*.py")):
        text = path.read_text(encoding="utf-8").lower()
        assert "failpoint" not in text and "tests.faults" not in text, path


async def test_a_hurried_minute_takes_a_second() -> None:
    async def minute(clock: object) -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await asyncio.Event().wait()
        return loop.time() - began

    began = time.monotonic()
    assert 60 <= await hurried(100, minute) < 80
    assert time.monotonic() - began < 3


async def test_a_clock_that_is_set() -> None:
    time_ = FakeTime()
    await time_.clock.sleep(10)
    time_.set_wall(-3600)
    assert time_.clock.monotonic() == 1010 and time_.clock.wall() == 1_800_000_010 - 3600 and time_.slept == [10]


async def test_the_census_and_the_pulse_notice() -> None:
    before = Census.take()
    task = asyncio.create_task(asyncio.Event().wait())
    held = open(__file__)  # noqa: SIM115
    after = await settled(before, 0.1)
    with pytest.raises(AssertionError, match="I7"):
        check(Evidence(before=before, after=after))
    held.close()
    task.cancel()
    check(Evidence(before=before, after=await settled(before)))
    async with pulse() as felt:
        await asyncio.sleep(0.05)
        time.sleep(0.3)
        await asyncio.sleep(0.05)
    with pytest.raises(AssertionError, match="I4"):
        check(Evidence(pulse=felt))


async def test_lost_doubled_and_false_are_found(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "parlour.db")
    turns = Turns(store)
    await turns.aclose()
    await store.aclose()
    with pytest.raises(AssertionError, match="I1"):
        check(Evidence(home=tmp_path, submitted=["a"]))
    once = {"kind": "prompt", "text": "a"}
    with pytest.raises(AssertionError, match="I2"):
        check(Evidence(submitted=["a"], shown={"a": "sent"}, ledger=[once, once]))
    with pytest.raises(AssertionError, match="I5"):
        check(Evidence(submitted=["a"], shown={"a": "not_sent"}, ledger=[once]))
    with pytest.raises(AssertionError, match="I5"):
        check(Evidence(submitted=["a"], shown={"a": "sent"}, ledger=[]))
    check(Evidence(submitted=["a"], shown={"a": "unknown"}, ledger=[]))
    for form in forms(KEY):
        with pytest.raises(AssertionError, match="I3"):
            check(Evidence(keys=[KEY], said=[b"..." + form + b"..."]))
    (tmp_path / "log").write_text(KEY[::-1])
    with pytest.raises(AssertionError, match="I3"):
        check(Evidence(home=tmp_path, keys=[KEY]))


@pytest.mark.pty
def test_the_terminal_of_the_real_program_passes_and_hostile_bytes_do_not(own_home: Path) -> None:
    with Terminal((), home=own_home, columns=100, lines=30) as terminal:
        terminal.until("ctrl+q quit")
        terminal.settle(0.3)
        terminal.press("ctrl+q")
        terminal.wait()
        assert len(terminal.raw) > 1000
        check(Evidence(pty=bytes(terminal.raw)))
    for payload in (b"\x1b]9;x\x07", b"\x1bc", b"\x1bP$q m\x1b\\", b"\xc2\x9b2J", b"\x1b]52;c;\x1b\\\x1b_x\x1b\\", b"a\x05"):
        assert foreign(b"ok\x1b[0m" + payload)
    assert open_modes(b"\x1b[?1049h\x1b[?25l\x1b[?1000;1006h\x1b[?1049l") == ["25", "1000", "1006"]


def test_stall_is_an_operation() -> None:
    assert asyncio.iscoroutinefunction(stall)
