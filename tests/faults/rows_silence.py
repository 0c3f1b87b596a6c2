"""N, where time matters: starts without a network, silences, slow lines. Long silences pass on a loop whose seconds are short."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any
from urllib.parse import urlsplit

from app.clock import Clock
from app.errors import OutcomeUnknown
from app.models import LinkState, PromptState, Stop
from app.vendors.codeer.client import POLICY
from app.vendors.http import Http
from tests.cli.conftest import Served, end, serve
from tests.faults.invariants import Evidence, check
from tests.faults.kit.clocks import hurried
from tests.faults.kit.crossing import Crossing
from tests.faults.kit.relay import Relay, Toxics
from tests.faults.kit.sockets import RawServer, black_hole, closed_port, reply, request, send, slices, stall
from tests.faults.rows import Case, row
from tests.faults.stage import SIDES, STREAM, Stage, stage, until
from tests.servers import running_sandbox
from tests.terminal import Terminal
from tests.vendors.qoder_cuts import cut_run


def opened(served: Served, words: str) -> float:
    """Seconds from the start of the program to the list of agents; what was said is there, what is said now is kept."""
    keys = {name: value for name, value in served.environment("codeer").items() if name.startswith("CODEER_")}
    began = time.monotonic()
    with Terminal(home=served.home, extra=keys, columns=100, lines=30) as terminal:
        terminal.until("Parrot")
        took = time.monotonic() - began
        if words:
            terminal.until("not reached: codeer")
            terminal.press("f3")
            terminal.until("cached words")
            terminal.press("enter")
            terminal.until("Write a message")
            terminal.type(words)
            terminal.press("enter")
            terminal.until("Nothing was sent")
            terminal.until(f"❯ {words}")
        terminal.press("ctrl+q")
        assert terminal.wait() == 0
        check(Evidence(pty=bytes(terminal.raw), keys=(served.ready["codeer"]["key"],)))
    return took


@row("N-01", "offline at start", once=True, alone=True)
async def _offline(case: Case) -> str:
    """Offline costs nothing: nobody waits for the network to see what was said before.

    A start takes as long as the machine has time for it. So it is compared with the same start while the sandbox runs, and the
    network is a black hole, in which a first try alone takes five seconds and the last ends after sixteen.
    """
    served = await asyncio.to_thread(serve, case.folder / "home")
    port = urlsplit(served.ready["codeer"]["base"]).port or 0
    online, offline = [], []
    try:
        asked = await asyncio.to_thread(lambda: served.run("ask", "--agent", "Parrot", "cached words", sides=("codeer",)))
        assert asked.code == 0
        for _ in range(4):
            online.append(await asyncio.to_thread(opened, served, ""))
    finally:
        await asyncio.to_thread(end, served)
    with black_hole(port):
        for _ in range(4):
            offline.append(await asyncio.to_thread(opened, served, ""))
    await asyncio.to_thread(opened, served, "to nowhere")
    check(Evidence(home=served.home, submitted=["to nowhere", "cached words"], keys=(served.ready["codeer"]["key"],)))
    assert min(offline) <= max(1.0, min(online) + 0.3), (online, offline)
    return f"first screen {min(offline):.2f} s without a network, {min(online):.2f} s with one"


@row("N-10", "RST in mid stream (Qoder)")
async def _mid_stream(case: Case) -> str:
    """Whole sessions with deltas, approvals, tools and workers, cut again and again: 1,000 cuts with three seeds."""
    cuts = runs = 0
    while cuts < case.size(334, 5):
        cuts += await cut_run(case.seed * 10_000 + runs)
        runs += 1
    return f"{cuts} cuts in {runs} sessions of the last seed, each byte-identical to the uncut one"


async def silent(case: Case, side: str, clock: Clock, wanted: LinkState | None) -> float:
    """The line falls silent in the middle of an answer: seconds until ``wanted`` is said, or (None) until the answer is whole."""
    loop = asyncio.get_running_loop()
    async with stage(side, case.folder / f"{side}-{wanted}", clock=clock, patience=60.0) as on:
        talk = await on.talk("Metronome" if side == "codeer" else "Scribe")
        await on.ask(talk, "stream 5")
        on.through.order(STREAM[side], "reply", n=900, how="hole")
        if side == "qoder" and wanted is not None:
            on.through.order("GET */events", "before", how="hole", times=2)
        turn = await on.submit(talk, "stream 60")
        await until(lambda: on.through.cuts > 0 or turn.stop is not None, 60)
        assert on.through.cuts, "the machine is too busy for seconds this short"
        began, count = loop.time(), len(on.links)
        if wanted is not None:
            await on.turns.until(talk, lambda: any(link.state is wanted for link in on.links[count:]))
            took = loop.time() - began
        await on.turns.idle(talk)
        assert (turn.state, turn.stop, len(turn.answer)) == (PromptState.SENT, Stop.DONE, 240), turn.failure
        assert on.arrived("stream 60") == 1
        said = {link.state for link in on.links[count:]}
        assert wanted is not None or LinkState.CATCHING_UP in said, said
        return took if wanted is not None else loop.time() - began


@row("N-11", "black hole in mid stream", once=True, alone=True)
async def _hole(case: Case) -> str:
    """Qoder: after 15 s without an event the list is read, after 60 s without a byte the stream is opened again.

    A Codeer answer cannot be resumed, so it is looked up after 240 s, and the chip says how long it has been quiet.
    """
    listed = await hurried(5, lambda clock: silent(case, "qoder", clock, None))
    assert 13.5 <= listed <= 22, listed
    again = await hurried(10, lambda clock: silent(case, "qoder", clock, LinkState.RECONNECTING))
    assert 54 <= again <= 66, again
    asked = await hurried(20, lambda clock: silent(case, "codeer", clock, None))
    assert 216 <= asked <= 270, asked
    return f"Qoder: whole after {listed:.0f} s by its list, else opened again after {again:.0f} s; Codeer after {asked:.0f} s"


async def slow(case: Case, side: str, clock: Clock) -> float:
    async with running_sandbox(clock=clock) as ready:
        ill = Toxics(latency=2.0, jitter=1.0)
        down = Toxics(latency=2.0, jitter=1.0, bandwidth=1000)
        crossing = Crossing(urlsplit(ready.codeer_base).port or 0)  # one request a connection: none is closed for idleness
        async with crossing.running(), Relay(crossing.port, ill, down, seed=case.seed).running() as relay:
            async with stage(side, case.folder / side, port=relay.port, ready=ready, clock=clock, patience=600.0) as on:
                talk = await on.talk()
                words = f"slow but correct {case.seed}"
                turn = await on.ask(talk, words)
                assert (turn.state, turn.answer, on.arrived(words)) == (PromptState.SENT, words, 1), turn.failure
                return await stopped(on)


async def stopped(on: Stage) -> float:
    """Seconds of the real clock until a stopped turn has let go."""
    talk = await on.talk("Metronome" if on.side == "codeer" else "Scribe")
    turn = await on.submit(talk, "stream 4000 at 1")
    await on.turns.until(talk, lambda: turn.state is PromptState.SENT)
    began = time.monotonic()
    await on.turns.interrupt(talk)
    if on.side == "codeer":
        await on.turns.until(talk, lambda: turn.stop is Stop.INTERRUPTED)
    took = time.monotonic() - began
    assert turn.stop is Stop.INTERRUPTED or on.side == "qoder"
    return took


@row("N-12", "latency 2 s ±1 s, 1 kB/s", once=True)
async def _slow(case: Case) -> str:
    took = [await hurried(20, lambda clock, side=side: slow(case, side, clock)) for side in SIDES]  # type: ignore[misc]
    assert max(took) <= 1.0, took
    return f"stopped within {max(took) * 1000:.0f} ms"


@row("N-18", "IPv6 broken, IPv4 fine", once=True)
async def _ipv6(case: Case) -> str:
    """A name with both kinds of address, of which the first is dead: refused, or a black hole."""
    took = []
    with closed_port() as closed:
        for kind in ("refused", "hole"):
            async with RawServer([], last=[request(), send(reply('{"data": []}'))]).running() as server:
                with black_hole() as hole:
                    dead = ("127.0.0.1", hole) if kind == "hole" else ("127.0.0.1", closed)
                    async with TwoAddresses(server.port, dead):
                        base = "http://localhost:80/api/v1"
                        async with stage("codeer", case.folder / kind, base=base) as on:
                            began = time.monotonic()
                            assert await on.vendor.agents() == []
                            took.append(time.monotonic() - began)
    assert max(took) < 5, took
    return f"connected after {max(took):.2f} s"


class TwoAddresses:
    """``localhost:80`` is two places, the dead one first: what a broken IPv6 route is to a program."""

    def __init__(self, port: int, dead: tuple[str, int]) -> None:
        self._found: list[Any] = [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 80, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80)),
        ]
        self._real = {"::1": dead, "127.0.0.1": ("127.0.0.1", port)}

    async def __aenter__(self) -> None:
        loop: Any = asyncio.get_running_loop()
        self._loop, self._connect, self._resolve = loop, loop.create_connection, loop.getaddrinfo

        async def resolve(host: Any, port: Any, **options: Any) -> list[Any]:
            return self._found

        async def connect(protocol: Any, host: str, port: int, **options: Any) -> Any:
            return await self._connect(protocol, *self._real[host])

        loop.getaddrinfo, loop.create_connection = resolve, connect

    async def __aexit__(self, *_: object) -> None:
        self._loop.getaddrinfo, self._loop.create_connection = self._resolve, self._connect


async def loris(clock: Clock, head: bool) -> float:
    loop = asyncio.get_running_loop()
    begin = b"HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n"
    slowly = b"HTTP/1.1 200 OK\r\nx-long: " + b"y" * 4000 if head else b" " * 4000
    script = [request(), *([] if head else [send(begin)]), slices(slowly, 1, 0.4), stall]
    async with RawServer([[request(), send(reply())]], last=script).running() as server:
        http = Http(server.base, dict, POLICY, clock=clock)
        await http.call("GET", "/warm")
        began = loop.time()
        try:
            await http.call("POST", "/x", again=False)
        except OutcomeUnknown as error:
            took = loop.time() - began
            check(Evidence(sentences=[str(error)]))
        finally:
            await http.aclose()
        assert len(server.requests) == 2
        return took


@row("N-19", "slow-loris reply", once=True)
async def _loris(case: Case) -> str:
    """A byte every 0.4 s never is a silence; the deadlines are of the whole head and of the whole answer."""
    factor = 10
    head = await hurried(factor, lambda clock: loris(clock, True))
    body = await hurried(4 * factor, lambda clock: loris(clock, False))
    assert 27 <= head <= 33 and 108 <= body <= 132, (head, body)
    return f"head {head:.1f} s of 30, whole answer {body:.0f} s of 120"
