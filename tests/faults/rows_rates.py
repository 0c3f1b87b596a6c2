"""R: rate limits. One countdown, no storm, lists do not hold up sends, five chats at once keep their order."""

from __future__ import annotations

import asyncio
import contextlib
import json

from app.clock import Clock
from app.errors import RateLimited, VendorError
from app.models import LinkState, PromptState, Stop
from app.vendors.http import Http
from tests.faults.kit.clocks import FakeTime
from tests.faults.kit.sockets import RawServer, reply, routed, rst
from tests.faults.rows import Case, row
from tests.faults.rows_network import judged
from tests.faults.rows_stream import codeer, turned
from tests.faults.session import Session
from tests.faults.stage import PATHS, SEND, SIDES, failure, stage
from tests.vendors.codeer.test_decode import SUCCESS
from tests.vendors.test_http import CODEER, QODER
from tests.vendors.test_qoder_stream import TURN

LIMITED = reply("<html>slow down</html>", 429, content_type="text/html")
NOTHING = reply(json.dumps({"data": [], "has_more": False, "error_code": 0}))


@row("R-01", "429 for 10 min", short=True, once=True)
async def _ten_minutes(case: Case) -> str:
    """One countdown at a time and the next prompt waits; once the retries of this host are used up, an action is one request."""
    for side in SIDES:
        ticking = FakeTime()
        routes = {SEND[side]: LIMITED, "GET *": NOTHING}
        async with RawServer([], last=[routed(routes)], path=PATHS[side]).running() as server:
            async with stage(side, case.folder / side, base=server.base, clock=ticking.clock) as on:
                talk = await on.made()
                turns = [await on.submit(talk, f"{side} prompt {number}") for number in range(3)]
                await on.turns.idle(talk)
                for turn in turns:
                    assert (turn.state, turn.stop) == (PromptState.NOT_SENT, Stop.FAILED)
                    judged(failure(turn), "no more requests")
                sent = [body[body.index(b"prompt ") + 7] for head, body in server.requests if head.startswith(b"POST")]
                assert sent == sorted(sent) and len(sent) <= 3 * (6 if side == "codeer" else 4), sent
                waits = [link for link in on.links if link.state is LinkState.RETRYING]
                assert waits and all(0 < link.seconds <= 60 for link in waits)
    figures = []
    for policy in (CODEER, QODER):
        async with RawServer([], last=[routed({"POST *": LIMITED, "GET *": reply("{}")})]).running() as server:
            http = Http(server.base, dict, policy, clock=FakeTime().clock)
            for action in range(40):
                before = len(server.requests)
                with contextlib.suppress(RateLimited):
                    await http.call("POST", "/x", body={"n": action})
                if action >= 20:
                    assert len(server.requests) - before == 1, action
            figures.append(len(server.requests))
            for _ in range(10):
                await http.call("GET", "/x")
            before = len(server.requests)
            with contextlib.suppress(RateLimited):
                await http.call("POST", "/x", body={})
            assert len(server.requests) - before == 1 + len(policy.limited)
            await http.aclose()
    return f"40 actions made {figures[0]} and {figures[1]} requests; whole again after 10 good answers"


@row("R-02", "429 on list, 200 on send", once=True)
async def _lists_limited(case: Case) -> str:
    """A list that waits for its turn does not hold up what a person sends."""
    for side in SIDES:
        async with stage(side, case.folder / side, clock=Clock()) as on:
            talk = await on.talk()
            where = "GET /chats/published-agents" if side == "codeer" else "GET /agents"
            on.fault("rate_limit", where, times=0, retry_after=30)
            waiting = asyncio.create_task(on.vendor.agents())
            await asyncio.sleep(0.05)
            turn = await on.ask(talk, "not held up")
            assert (turn.state, turn.answer) == (PromptState.SENT, "not held up") and not waiting.done()
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError, VendorError):
                await waiting
    return ""


@row("R-03", "429 inside an open stream", short=True, once=True)
async def _inside(case: Case) -> str:
    """Codeer: the turn's own failure, under the words so far. Qoder: the session goes on, so its stream is opened again."""
    error = b'event: error\ndata: {"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}\n\n'
    session = Session([[*TURN[1:9], error, rst], [*TURN[9:]]])
    got, _ = await turned(case, session, "qoder")
    assert got[1:3] == [PromptState.SENT, Stop.DONE] and session.posted == 1
    cut = SUCCESS.index(b"event: response.output_text.completed")
    failed = b'event: response.failed\ndata: {"type":"response.failed","error":{"code":429,"message":"slow down"}}\n\n'
    turn, posted = await codeer(case, "codeer", SUCCESS[:cut] + failed)
    assert posted == 1 and turn.state is PromptState.SENT and turn.stop is Stop.FAILED, (turn.stop, turn.failure)
    judged(failure(turn), "slow down")
    assert turn.answer.startswith("Yes")
    return "1 post each"


@row("R-04", "burst: 5 chats at once", once=True)
async def _burst(case: Case) -> str:
    """Five chats with four prompts each, handed in at once while the server says 429 now and then."""
    for side in SIDES:
        async with stage(side, case.folder / side) as on:
            talks = [await on.talk() for _ in range(5)]
            on.fault("rate_limit", times=3, skip=case.random.randrange(6))
            turns = [[await on.submit(talk, f"{side} chat {n} prompt {at}") for at in range(4)] for n, talk in enumerate(talks)]
            await asyncio.gather(*(on.turns.idle(talk) for talk in talks))
            sent = [str(entry.get("text", entry.get("message"))) for entry in on.entries("prompt")]
            for n, mine in enumerate(turns):
                assert [turn.answer for turn in mine] == [turn.text for turn in mine]
                assert [text for text in sent if f"chat {n} " in text] == [turn.text for turn in mine]
    return "20 prompts for each vendor, each once and in its chat's order"
