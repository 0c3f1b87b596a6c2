"""``python -m tests.benchmarks.load``: how much the sandbox serves at once, and how many sessions the application follows.

*Serve*: the sandbox in a process of its own streams to ``--streams`` raw connections (half of either vendor), ``--rate`` events a
second each; what arrives is joined and compared with what the agent says, so a lost or reordered event shows. *Follow*: ``Turns``
with a store on disk runs ``--sessions`` turns at once against such a sandbox while a heartbeat measures the gaps of its loop.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
import uuid
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

from app.models import Agent, Conversation, Profile, Stop
from app.protocols import Vendor
from app.sandbox.metronome import metronome
from app.sandbox.steps import Say
from app.sandbox.testing import RunningSandbox, Side, sandbox
from app.store import Store
from app.turns import Talk, Turns
from app.vendors import connect

METRONOME = "b0a7c1de-0003-4c1d-9a3e-5d6f00000003"
SCRIBE = "agent_sandbox_scribe"
BEAT = 0.01
"""Seconds between two beats of the heart."""


def expected(order: str) -> str:
    """What ``stream N at R`` says."""
    return "".join(step.text for step in metronome(order, []) if isinstance(step, Say))


async def request(
    side: Side, method: str, path: str, body: object, head: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request on a connection of its own, sent."""
    parts = urlsplit(side.base)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**24)
    data = b"" if body is None else json.dumps(body).encode()
    writer.write(
        f"{method} {parts.path}{path} HTTP/1.1\r\nhost: {parts.netloc}\r\n{head}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(data)}\r\n\r\n".encode()
        + data
    )
    await writer.drain()
    return reader, writer


async def asked(side: Side, method: str, path: str, body: object, head: str) -> dict:
    """A request and its JSON."""
    reader, writer = await request(side, method, path, body, head + "\r\nconnection: close")
    answer = (await reader.read()).partition(b"\r\n\r\n")[2]
    writer.close()
    found: dict = json.loads(answer)
    return found


async def codeer_stream(running: RunningSandbox, order: str, start: asyncio.Event) -> tuple[str, int, float]:
    """(text, events, seconds) of one answer; ``start`` lets it go."""
    head = f"x-api-key: {running.codeer.key}"
    made = await asked(running.codeer, "POST", "/chats", {"name": "load", "agent_id": METRONOME}, head)
    await start.wait()
    began = time.monotonic()
    body = {"message": order, "agent_id": METRONOME, "stream": True}
    reader, writer = await request(running.codeer, "POST", f"/chats/{made['data']['id']}/messages", body, head)
    pieces: list[str] = []
    async for line in reader:
        if line.startswith(b'data: {"type":"response.output_text.delta"'):
            pieces.append(json.loads(line[6:])["delta"])
        elif line.startswith(b"data: [DONE]"):
            break
    writer.close()
    return "".join(pieces), len(pieces), time.monotonic() - began


async def qoder_stream(running: RunningSandbox, order: str, start: asyncio.Event) -> tuple[str, int, float]:
    """As ``codeer_stream``, from a session's stream with deltas."""
    head = f"authorization: Bearer {running.qoder.key}"
    made = await asked(running.qoder, "POST", "/sessions", {"agent": SCRIBE, "environment_id": "env_default"}, head)
    path = f"/sessions/{made['id']}/events"
    asking = f"{path}/stream?event_deltas[]=agent.message"
    reader, writer = await request(running.qoder, "GET", asking, None, head + "\r\naccept: text/event-stream")
    await reader.readuntil(b": heartbeat\n\n")
    await start.wait()
    began = time.monotonic()
    content = [{"type": "text", "text": order}]
    await asked(running.qoder, "POST", path, {"events": [{"type": "user.message", "content": content}]}, head)
    pieces: list[str] = []
    async for line in reader:
        if line.startswith(b'data: {"type":"event_delta"'):
            pieces.append(json.loads(line[6:])["delta"]["content"]["text"])
        elif line.startswith(b"event: session.status_idle"):
            break
    writer.close()
    return "".join(pieces), len(pieces), time.monotonic() - began


async def serve(streams: int, rate: int, seconds: int) -> None:
    """The figures of the sandbox."""
    order = f"stream {rate * seconds} at {rate}"
    said, start = expected(order), asyncio.Event()
    with sandbox() as running:
        kinds = (codeer_stream, qoder_stream)
        tasks = [asyncio.create_task(kinds[number % 2](running, order, start)) for number in range(streams)]
        await asyncio.sleep(1 + streams / 50)
        start.set()
        done = await asyncio.gather(*tasks)
    wrong = sum(text != said for text, _, _ in done)
    events, longest = sum(count for _, count, _ in done), max(took for _, _, took in done)
    print(
        f"serve: {streams} streams × {rate} events/s × {seconds} s: {events:,} events, {wrong} streams lost or reordered one; "
        f"the slowest took {longest:.1f} s ({events / longest:,.0f} events/s in all)"
    )


async def heart(gaps: list[float]) -> None:
    """Beats, and how late each of them was."""
    last = time.monotonic()
    while True:
        await asyncio.sleep(BEAT)
        now = time.monotonic()
        gaps.append(now - last - BEAT)
        last = now


async def follow(sessions: int, rate: int, seconds: int) -> None:
    """The figures of the middle: turns, store and both vendors' clients in one loop."""
    order = f"stream {rate * seconds} at {rate}"
    said, gaps = expected(order), list[float]()
    with sandbox() as running, tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            store = await Store.open(Path(folder) / "parlour.db")
            stack.push_async_callback(store.aclose)
            turns = Turns(store)
            stack.push_async_callback(turns.aclose)
            sides = [await _side(store, stack, "codeer", running.codeer), await _side(store, stack, "qoder", running.qoder)]
            talks: list[Talk] = []
            for number in range(sessions):
                vendor, account, agent = sides[number % 2]
                environment = "env_default" if number % 2 else ""
                local = Conversation(f"~{uuid.uuid4()}", agent_id=agent.id, agent_name=agent.name, environment=environment)
                talks.append(await turns.open(vendor, await store.save_conversation(account, local)))
            beating = asyncio.create_task(heart(gaps))
            began, cpu = time.monotonic(), time.process_time()
            for talk in talks:
                await turns.submit(talk, order)
            await asyncio.gather(*(turns.idle(talk) for talk in talks))
            took, spent = time.monotonic() - began, time.process_time() - cpu
            beating.cancel()
            whole = sum(talk.turn is not None and talk.turn.stop is Stop.DONE and talk.turn.answer == said for talk in talks)
    ordered = sorted(gaps)
    print(
        f"follow: {sessions} sessions × {rate} tokens/s × {seconds} s: {whole} whole; loop gap median "
        f"{1000 * statistics.median(ordered):.1f} ms, p99 {1000 * ordered[int(len(ordered) * 0.99)]:.0f} ms, "
        f"longest {1000 * ordered[-1]:.0f} ms; {took:.1f} s, {100 * spent / took:.0f} % of a core"
    )


async def _side(store: Store, stack: AsyncExitStack, name: str, side: Side) -> tuple[Vendor, int, Agent]:
    profile = Profile(name, name, side.base)
    vendor = connect(profile, side.key)
    stack.push_async_callback(vendor.aclose)
    agents = await vendor.agents()
    return vendor, await store.account(profile), next(agent for agent in agents if agent.id in (METRONOME, SCRIBE))


def main() -> int:
    """Both."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.load")
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=10)
    options = parser.parse_args()
    asyncio.run(serve(options.streams, options.rate, options.seconds))
    asyncio.run(follow(options.sessions, options.rate, options.seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
