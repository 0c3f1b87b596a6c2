"""N: the network. Cuts are made on real sockets, and the sandbox's ledger or the bytes a server saw are the judge."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from app.models import LinkState, PromptState, Stop
from tests.faults.invariants import Evidence, check
from tests.faults.kit.certificates import Authority
from tests.faults.kit.clocks import FakeTime
from tests.faults.kit.relay import Relay
from tests.faults.kit.sockets import RawServer, black_hole, closed_port, fin, read, reply, request, send
from tests.faults.rows import Case, row
from tests.faults.stage import KEYS, PATHS, SEND, SIDES, failure, settled_well, stage


def judged(sentence: str, *words: str) -> None:
    """A sentence a person can do something with, which has these words."""
    check(Evidence(sentences=[sentence], keys=KEYS.values()))  # type: ignore[arg-type]
    for word in words:
        assert word in sentence, f"{word!r} is not in {sentence!r}"


@contextlib.contextmanager
def variables(**values: str) -> Iterator[None]:
    """The environment with these variables."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


async def unreachable(case: Case, base: str, *words: str) -> None:
    """Both vendors, with a conversation that is there and one to be made: not sent, two more tries, and the sentence says why."""
    for side in SIDES:
        ticking = FakeTime()
        async with stage(side, case.folder / side, base=base + PATHS[side], clock=ticking.clock, patience=1.0) as on:
            turn = await on.ask(await on.made(), f"{side} to nowhere")
            tries = [seconds for seconds in ticking.slept if 0.37 < seconds < 0.63 or 0.74 < seconds < 1.26]
            assert (turn.state, turn.stop) == (PromptState.NOT_SENT, Stop.FAILED), (turn.state, turn.stop, turn.failure)
            judged(failure(turn), "Nothing was sent", *words)
            assert len(tries) >= 2 and LinkState.RETRYING in [link.state for link in on.links]


@row("N-02", "DNS failure", short=True)
async def _dns(case: Case) -> str:
    await unreachable(case, "https://nowhere.invalid", "Cannot find the host nowhere.invalid")
    return ""


@row("N-03", "connection refused")
async def _refused(case: Case) -> str:
    with closed_port() as port:
        await unreachable(case, f"http://127.0.0.1:{port}", f"127.0.0.1:{port} refuses connections")
    return "2 more tries"


@row("N-04", "connect black hole", once=True)
async def _black_hole(case: Case) -> str:
    """Three times five seconds: the tries are said as they begin, and each gives up in time."""
    with black_hole() as port:
        async with stage("codeer", case.folder, base=f"http://127.0.0.1:{port}/api/v1", patience=1.0) as on:
            began = time.monotonic()
            turn = await on.ask(await on.made(), "into the hole")
            took = time.monotonic() - began
            assert turn.state is PromptState.NOT_SENT
            judged(failure(turn), "did not take the connection in time", "Nothing was sent")
            assert 15 <= took <= 16.5, took
            assert [link.attempt for link in on.links if link.state is LinkState.RETRYING] == [2, 3]
    return f"{took / 3:.2f} s a try"


@row("N-05", "TLS: self-signed, expired, wrong name, plain port", short=True, once=True)
async def _tls(case: Case) -> str:
    authority = Authority(case.folder)
    words = {"self-signed": "not trusted", "expired": "expired", "wrong-name": "not valid for", "plain": "secure connection"}
    with variables(SSL_CERT_FILE=str(authority.roots)):
        async with RawServer([], last=[request(), send(reply('{"data": []}'))], tls=authority.server("good")).running() as good:
            async with stage("codeer", case.folder / "good", base=good.base) as on:
                assert await on.vendor.agents() == []
        for kind, word in words.items():
            script = [read(200), send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), fin]
            context = None if kind == "plain" else authority.server(kind)
            async with RawServer([], last=script, tls=context).running() as server:
                base = f"https://127.0.0.1:{server.port}/api/v1"
                async with stage("codeer", case.folder / kind, base=base) as on:
                    turn = await on.ask(await on.made(), f"private {kind}")
                    assert turn.state is PromptState.NOT_SENT
                    judged(failure(turn), f"127.0.0.1:{server.port}", word, "Nothing was sent")
                assert b"private" not in server.got and KEYS["codeer"].encode() not in server.got
                assert kind == "plain" or not server.got
    return "0 bytes of the request in 4 of 4"


async def cut_sends(case: Case, when: str, hows: tuple[str, ...], *, arrives: bool) -> str:
    """A send that is cut: never twice, and in the end what is shown is what the server has."""
    counts = {"sent": 0, "unknown": 0, "not_sent": 0}
    for side in SIDES:
        for how in hows:
            async with stage(side, case.folder / f"{side}-{how}") as on:
                talk = await on.talk()
                await on.ask(talk, "before")
                on.through.order(SEND[side], when, how=how)  # type: ignore[arg-type]
                words = f"{side} {when} {how} {case.seed}"
                turn = await on.ask(talk, words)
                assert on.through.cuts == 1
                settled_well(turn, on.arrived(words))
                counts[turn.state.value] += 1
                if arrives:
                    assert (turn.state, turn.stop, turn.answer) == (PromptState.SENT, Stop.DONE, words), turn.failure
                if side == "qoder":
                    assert turn.state is PromptState.SENT, "a keyed write is repeated once the list was looked at"
                after = await on.ask(talk, "after")
                assert (after.state, after.answer) == (PromptState.SENT, "after")
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count)


@row("N-06", "RST before request bytes")
async def _rst_on_accept(case: Case) -> str:
    """Codeer: nobody can prove that nothing left, so it is looked up, and stays unknown until a person decides."""
    return await cut_sends(case, "accept", ("rst",), arrives=False)


@row("N-07", "RST after request read", short=True)
async def _rst_after(case: Case) -> str:
    lost = await cut_sends(Case(case.seed, case.folder / "lost"), "before", ("rst",), arrives=False)
    stored = await cut_sends(Case(case.seed, case.folder / "stored"), "after", ("rst",), arrives=True)
    return f"never passed on: {lost}; stored: {stored}"


@row("N-08", "FIN without response")
async def _fin(case: Case) -> str:
    lost = await cut_sends(Case(case.seed, case.folder / "lost"), "before", ("fin",), arrives=False)
    stored = await cut_sends(Case(case.seed, case.folder / "stored"), "after", ("fin",), arrives=True)
    return f"never passed on: {lost}; stored: {stored}"


async def cut_answers(case: Case, side: str, places: list[int], how: str) -> int:
    """The streamed answer is cut after so many bytes; the prompt was sent once, and the answer is whole in the end."""
    async with stage(side, case.folder / f"{side}-{how}") as on:
        talk = await on.talk()
        await on.ask(talk, "before")
        for place in places:
            words = f"naïve 你好 {side} {how} {place} {case.seed}"
            on.through.order(STREAMS[side], "reply", n=place, how=how)
            turn = await on.ask(talk, words)
            assert (turn.state, turn.stop, turn.answer) == (PromptState.SENT, Stop.DONE, words), (place, turn.failure)
            assert on.arrived(words) == 1
            on.through.orders.clear()
    return len(places)


STREAMS = {"codeer": "POST */messages", "qoder": "GET */stream"}


@row("N-09", "RST in mid reply (Codeer)")
async def _mid_reply(case: Case) -> str:
    count = await cut_answers(case, "codeer", list(range(case.seed, 4000, case.size(97, 970))), "rst")
    return f"{count} places: sent once, the stored answer took the place of what had come"


@row("N-13", "1-byte slices, random")
async def _slices(case: Case) -> str:
    for side in SIDES:
        async with stage(side, case.folder / side) as on:
            talk = await on.talk()
            for size in (1, *case.random.sample(range(2, 40), case.size(8, 1))):
                on.through.slicer = size
                words = f"naïve 👩‍💻 你好 in pieces of {size}"
                turn = await on.ask(talk, words)
                assert (turn.state, turn.answer, on.arrived(words)) == (PromptState.SENT, words, 1)
    return ""


@row("N-14", "half-close by server, then silence")
async def _half_close(case: Case) -> str:
    """The end of the server's side is the end of the answer: it is read again at once, nobody waits for a silence."""
    began = time.monotonic()
    for side in SIDES:
        await cut_answers(case, side, [300, 900], "half")
    return f"{time.monotonic() - began:.1f} s for four"


@row("N-15", "network changes while idle (dead keep-alive)")
async def _dead_keep_alive(case: Case) -> str:
    for side in SIDES:
        async with stage(side, case.folder / side) as first:
            assert first.ready is not None
            async with Relay(urlsplit(first.ready.codeer_base).port or 0).running() as relay:
                async with stage(side, case.folder / f"{side}-relay", port=relay.port, ready=first.ready) as on:
                    talk = await on.talk()
                    await on.ask(talk, "before")
                    await relay.break_down()
                    await relay.heal()
                    await asyncio.sleep(0.05)
                    turn = await on.ask(talk, "after the change")
                    assert (turn.state, turn.answer, on.arrived("after the change")) == (
                        PromptState.SENT,
                        "after the change",
                        1,
                    )
    return ""


@row("N-16", "proxy: refuses CONNECT 407/502, or proxy down", once=True)
async def _proxy(case: Case) -> str:
    secret = "proxy-password-canary"
    said = {"407": "user name and password", "502": "refused", "down": "refuses connections"}
    for kind, words in said.items():
        async with RawServer([], last=[request(), send(f"HTTP/1.1 {kind[:3]} No\r\n\r\n".encode()), fin]).running() as server:
            with closed_port() as closed:
                port = closed if kind == "down" else server.port
                proxy = f"http://me:{secret}@127.0.0.1:{port}"
                with variables(HTTPS_PROXY=proxy, https_proxy=proxy, NO_PROXY="", no_proxy=""):
                    where = case.folder / kind
                    async with stage("codeer", where, base="https://api.example/api/v1", keys=(secret,)) as on:
                        turn = await on.ask(await on.made(), "through the proxy")
                        assert turn.state is PromptState.NOT_SENT, kind
                        judged(failure(turn), f"The proxy 127.0.0.1:{port} on the way to api.example", words, "Nothing was sent")
                        on.said.append(failure(turn))
            if kind != "down":
                assert all(head.startswith(b"CONNECT api.example:443") for head, _ in server.requests) and server.requests
                assert KEYS["codeer"].encode() not in server.got
    return ""


@row("N-17", "captive portal: 200 text/html or 302 to http", short=True, once=True)
async def _captive(case: Case) -> str:
    page = reply(b"<!doctype html><title>Welcome to the hotel</title>", content_type="text/html")
    async with RawServer([], last=[request(), send(page)]).running() as hotel:
        away = reply(b"", 302, location=f"http://127.0.0.1:{hotel.port}/login")
        for side in SIDES:
            for name, answer, word in (("page", page, "HTML"), ("away", away, f"127.0.0.1:{hotel.port}")):
                async with RawServer([], last=[request(), send(answer)], path=PATHS[side]).running() as server:
                    async with stage(side, case.folder / f"{side}-{name}", base=server.base, patience=1.0) as on:
                        turn = await on.ask(await on.made(), f"hello {name}")
                        assert turn.stop is not Stop.DONE and turn.state is not PromptState.SENT, (side, name)
                        judged(failure(turn), word)
        assert not hotel.got
    return "0 requests followed"
