"""A Qoder session cut at random places: what is kept must be the same, byte for byte, as of one that was never cut.

``cut_run(seed)`` holds two conversations at once, over real sockets through a proxy that resets connections in the middle of
bytes: a coordinator with workers, approvals and a custom tool, and a writer that streams deltas. Event streams are cut again and
again, posts lose some of their answers. The judges are the same two conversations without a cut, the server's own history,
and its ledger.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import socket
import struct
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.clock import Clock
from app.exports import markdown, turn_object
from app.models import Answer, Conversation, Profile, RequestKind
from app.sandbox.core import World
from app.sandbox.server import serve
from app.store import Store
from app.transcript import Transcript, Turn
from app.turns import Talk, Turns
from app.vendors.qoder import Qoder

TOOLS = [
    {
        "type": "custom",
        "name": "get_ticket",
        "description": "Find a ticket.",
        "input_schema": {"type": "object", "properties": {"key": {"type": "string", "default": "REL-34"}}, "required": ["key"]},
    },
    {
        "type": "agent_toolset_20260401",
        "enabled_tools": ["Read", "Bash", "Write"],
        "configs": [{"name": name, "permission_policy": {"type": "always_ask"}} for name in ("Bash", "Write")],
    },
]
ASKED = ["Count the open tickets, each of you, and say how many they are.", "use Bash, get_ticket, Read, Write", "And once more."]
WRITTEN = ["stream 40 at 200", "stream 25 at 100"]
_ID = re.compile(r"\b(?:evt|sess|sthr|agent|env|file)_0[0-9a-z]{9}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")

_uncut: dict[str, bytes] = {}


async def _slower(seconds: float) -> None:
    """The sandbox's clock: fast, yet a stream is long enough to be cut in its middle."""
    await asyncio.sleep(seconds / 20)


async def _quick(seconds: float) -> None:
    await asyncio.sleep(min(seconds, 60) / 1000)


class Proxy:
    """Hands bytes on; the answer to an event stream, and sometimes that to a post, ends in a reset at a random byte."""

    def __init__(self, target: tuple[str, int], chance: random.Random | None) -> None:
        self._target, self._chance = target, chance
        self.cuts = 0
        self.port = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        budget: list[int | None] = [None]
        there, away = await asyncio.open_connection(*self._target)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            up = asyncio.create_task(self._up(reader, away, budget))
            down = asyncio.create_task(self._down(there, writer, budget))
            try:
                await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
            finally:
                up.cancel()
                down.cancel()
                await asyncio.gather(up, down, return_exceptions=True)
        for end in (writer, away):
            end.close()

    async def _up(self, reader: asyncio.StreamReader, away: asyncio.StreamWriter, budget: list[int | None]) -> None:
        while data := await reader.read(65536):
            first = data.split(b"\r\n", 1)[0]
            if first.startswith((b"GET ", b"POST ")):
                budget[0] = self._limit(first)
                data = data.replace(f":{self.port}\r\n".encode(), f":{self._target[1]}\r\n".encode(), 1)
            away.write(data)
            await away.drain()

    def _limit(self, first: bytes) -> int | None:
        """How many bytes of the answer may come."""
        if self._chance is None:
            return None
        if b"/events/stream" in first:
            longest = self._chance.choice([200, 1500, 6000, 20_000])
            return self._chance.randrange(longest) if self._chance.random() < 0.85 else None
        if first.startswith(b"POST ") and b"/events" in first and self._chance.random() < 0.3:
            return self._chance.choice([0, 40])
        return None

    async def _down(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, budget: list[int | None]) -> None:
        while data := await there.read(65536):
            left = budget[0]
            if left is not None:
                budget[0] = left - len(data)
                if left <= len(data):
                    writer.write(data[:left])
                    await writer.drain()
                    self._reset(writer)
                    return
            writer.write(data)
            await writer.drain()

    def _reset(self, writer: asyncio.StreamWriter) -> None:
        self.cuts += 1
        if self._chance is not None and self._chance.random() < 0.7:
            found = writer.get_extra_info("socket")
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


async def cut_run(seed: int) -> int:
    """One run; raises ``AssertionError`` if one byte of it is different. Returns how many connections were cut."""
    if not _uncut:
        _uncut.update((await _run(None))[0])
    found, cuts = await _run(random.Random(seed))
    for name, kept in found.items():
        assert kept == _uncut[name], f"seed {seed}: {name} differs {_differ(kept.decode(), _uncut[name].decode())}"
    return cuts


async def _run(chance: random.Random | None) -> tuple[dict[str, bytes], int]:
    clock = Clock(sleep=_quick)
    async with serve(World(Clock(sleep=_slower))) as ready:
        port = int(ready.qoder_base.split(":")[2].split("/")[0])
        async with Proxy(("127.0.0.1", port), chance).running() as proxy:
            with tempfile.TemporaryDirectory(prefix="parlour-cuts-") as folder:
                profile = Profile("q", "qoder", ready.qoder_base.replace(str(port), str(proxy.port)))
                direct = Qoder(Profile("d", "qoder", ready.qoder_base), ready.qoder_key, clock=clock)
                vendor = Qoder(profile, ready.qoder_key, clock=clock)
                path = Path(folder) / "parlour.db"
                async with asyncio.timeout(60):
                    found = await _talked(ready.world, direct, vendor, profile, path, clock)
                await vendor.aclose()
                await direct.aclose()
            return found, proxy.cuts


async def _talked(world: World, direct: Qoder, vendor: Qoder, profile: Profile, path: Path, clock: Clock) -> dict[str, bytes]:
    boss = await _coordinator(direct)
    environment = (await direct.environments())[0].id
    store = await Store.open(path)
    turns = Turns(store, clock=clock, patience=60.0)
    account = await store.account(profile)

    async def begun(agent: str) -> Talk:
        local = Conversation(f"~{agent}", title=agent, agent_id=agent, agent_name="Agent", environment=environment)
        return await turns.open(vendor, await store.save_conversation(account, local))

    talks = {"coordinator": await begun(boss), "writer": await begun("agent_sandbox_scribe")}
    await asyncio.gather(
        *(_all(turns, talks[name], prompts, name) for name, prompts in (("coordinator", ASKED), ("writer", WRITTEN)))
    )
    await turns.aclose()
    await store.aclose()
    told = [entry["text"] for entry in world.ledger.entries if entry["kind"] == "prompt"]
    assert sorted(told) == sorted([*ASKED, *WRITTEN]), told
    answers = [entry for entry in world.ledger.entries if entry["kind"] in ("approval", "answer")]
    assert len(answers) == 3, answers
    found = {}
    again = await Store.open(path)
    for name, talk in talks.items():
        kept = await again.turns(talk.pk)
        listed = Transcript()
        async for event in direct.history(talk.conversation):
            listed.apply(event)
        ours, theirs = _exact(kept), _exact(listed.turns)
        assert ours == theirs, f"{name}: the disk and the server's history differ {_differ(ours, theirs)}"
        wires = [one.wire.id for one in await again.events(talk.pk)]
        assert len(wires) == len(set(wires)), f"{name}: an event was kept twice"
        found[name] = _plain(talk.conversation, kept)
    await again.aclose()
    return found


async def _coordinator(direct: Qoder) -> str:
    """An agent with workers, tools that ask, and a tool of the client's."""
    made: Any = await direct._calls.write("POST", "/agents", {"name": "Worker", "model": "auto"})
    roster = {"type": "coordinator", "agents": [made["id"], {"type": "self"}]}
    body: Any = {"name": "Boss", "model": "auto", "tools": TOOLS, "multiagent": roster}
    boss: Any = await direct._calls.write("POST", "/agents", body)
    return str(boss["id"])


async def _all(turns: Turns, talk: Talk, prompts: list[str], name: str) -> None:
    for prompt in prompts:
        turn = await turns.submit(talk, prompt)
        await turns.idle(talk)
        while turn.waiting:
            turns.answer(talk, [_answered(request.event_id, request.kind, request.name) for request in turn.waiting])
            await turns.idle(talk)
        assert talk.trouble is None, f"{name}: {talk.trouble}"
        assert turn.stop is not None and turn.stop.value == "done", f"{name}: {turn.stop} {turn.failure} {turn.state}"


def _answered(event: str, kind: RequestKind, name: str) -> Answer:
    if kind is RequestKind.TOOL:
        return Answer(event, kind, data={"status": "open", "by": name})
    return Answer(event, kind, allow=name == "Bash", reason="" if name == "Bash" else "Not on a Friday.")


def _differ(one: str, other: str) -> str:
    """Where two texts part, and what stands there."""
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return f"at {at}: …{one[max(0, at - 60) : at + 200]!r} and …{other[max(0, at - 60) : at + 200]!r}"


def _exact(turns: list[Turn]) -> str:
    """A transcript as it is kept, ids and all, without our own times and names; what it cost is told after the turn."""
    return json.dumps([[turn.prompt_id, turn_object(turn)] for turn in turns], sort_keys=True)


def _plain(conversation: Conversation, turns: list[Turn]) -> bytes:
    """The transcript with every id replaced by its number in order of appearance: no two runs have the same ids."""
    timeless = [replace(turn, started=0.0, ended=0.0) for turn in turns]
    text = _exact(turns) + "\n" + markdown(conversation, timeless)
    known: dict[str, str] = {}
    return _ID.sub(lambda found: known.setdefault(found[0], f"#{len(known)}"), text).encode()
