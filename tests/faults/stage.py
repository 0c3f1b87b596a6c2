"""The program's middle (store, turns, a vendor's client) on the way to a real sandbox or to a scripted server.

``async with stage("codeer", folder) as on:`` gives a sandbox behind a crossing; ``on.ask(text)`` submits and waits for the turn's
end. When the context ends, everything is closed and the invariants are checked with what the stage has.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.clock import Clock
from app.models import Conversation, Link, Profile, Stop
from app.protocols import NeedsEnvironment, Vendor
from app.sandbox.server import Ready
from app.store import Store
from app.transcript import Turn
from app.turns import Talk, Turns
from app.vendors import connect
from tests.faults.invariants import Evidence, check
from tests.faults.kit.census import Census, Pulse, pulse, settled
from tests.faults.kit.clocks import quick_clock
from tests.faults.kit.crossing import Crossing
from tests.servers import ledger, running_sandbox

SIDES = ("codeer", "qoder")
KEYS = {"codeer": "cdr-canary-9f8e7d6c5b4a3210", "qoder": "pt-canary-9f8e7d6c5b4a3210aaaa"}
"""For scripted servers; a sandbox has its own."""
SEND = {"codeer": "POST */messages", "qoder": "POST */events"}
"""The request that carries a prompt."""
STREAM = {"codeer": "POST */messages", "qoder": "GET */stream"}
"""The request whose answer streams."""
PATHS = {"codeer": "/api/v1", "qoder": "/api/v1/cloud"}
MADE = {"codeer": Conversation("70112", agent_id="agent-1"), "qoder": Conversation("sess_0192cc03", agent_id="agent_1")}
"""Conversations that a scripted server is taken to have."""


@dataclass
class Stage:
    """See the module."""

    side: str
    folder: Path
    store: Store
    turns: Turns
    vendor: Vendor
    profile: Profile
    key: str
    ready: Ready | None = None
    crossing: Crossing | None = None
    submitted: list[str] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    said: list[str | bytes] = field(default_factory=list)
    pulse: Pulse | None = None

    @property
    def through(self) -> Crossing:
        assert self.crossing is not None
        return self.crossing

    async def talk(self, agent: str = "Parrot") -> Talk:
        """A new conversation with one of the sandbox's agents."""
        found = next(one for one in await self.vendor.agents() if one.name == agent)
        environment = (await self.vendor.environments())[0].id if isinstance(self.vendor, NeedsEnvironment) else ""
        local = Conversation(f"~{agent}-{id(found)}", agent_id=found.id, agent_name=found.name, environment=environment)
        return await self._open(local)

    async def made(self) -> Talk:
        """A conversation that the server is taken to have."""
        return await self._open(MADE[self.side])

    async def _open(self, conversation: Conversation) -> Talk:
        account = await self.store.account(self.profile)
        talk = await self.turns.open(self.vendor, await self.store.save_conversation(account, conversation))
        self.turns.listen(lambda told, change: self._heard(told) if told is talk else None)
        return talk

    def _heard(self, talk: Talk) -> None:
        if talk.link is not None and (not self.links or talk.link is not self.links[-1]):
            self.links.append(talk.link)

    async def ask(self, talk: Talk, text: str) -> Turn:
        """Submit and wait for the end."""
        turn = await self.submit(talk, text)
        await self.turns.idle(talk)
        return turn

    async def submit(self, talk: Talk, text: str) -> Turn:
        """Submit, and note that the person did."""
        self.submitted.append(text)
        return await self.turns.submit(talk, text)

    def arrived(self, text: str) -> int:
        """How often the server has a prompt."""
        return [str(entry.get("text", entry.get("message", ""))) for entry in self.entries("prompt")].count(text)

    def entries(self, kind: str = "") -> list[dict[str, Any]]:
        """The ledger of this side."""
        assert self.ready is not None
        return ledger(self.ready, kind, self.side)

    def fault(self, fault: str, match: str = "", **more: Any) -> None:
        """Order a fault of the sandbox's own."""
        assert self.ready is not None
        where = match or ("POST /chats/*/messages" if self.side == "codeer" else "POST /sessions/*/events")
        self.ready.world.faults.add({"match": where, "vendor": self.side, "fault": fault, "times": 1, **more})


@contextlib.asynccontextmanager
async def stage(
    side: str,
    folder: Path,
    *,
    base: str = "",
    port: int = 0,
    ready: Ready | None = None,
    clock: Clock | None = None,
    patience: float = 20.0,
    options: Mapping[str, Any] | None = None,
    keys: Sequence[str] = (),
    gap: float | None = None,
) -> AsyncIterator[Stage]:
    """``base``: a scripted server instead of a sandbox; ``port``: through this relay; ``gap``: how late the loop may be (s)."""
    folder.mkdir(parents=True, exist_ok=True)
    async with contextlib.AsyncExitStack() as stack:
        before, own = Census.take(), ready is None
        crossing = None
        if not base:
            ready = ready or await stack.enter_async_context(running_sandbox())
            assert ready is not None
            real = ready.codeer_base if side == "codeer" else ready.qoder_base
            if not port:
                crossing = await stack.enter_async_context(Crossing(urlsplit(real).port or 0).running())
            base = f"http://127.0.0.1:{port or (crossing.port if crossing else 0)}{PATHS[side]}"
        before = replace(before, **_opened(before, Census.take()))
        key = KEYS[side] if ready is None else ready.codeer_key if side == "codeer" else ready.qoder_key
        profile = Profile(f"test-{side}", side, base, options=dict(options or {}))
        clock = clock or quick_clock()
        vendor, store = connect(profile, key, clock=clock), await Store.open(folder / "parlour.db")
        turns = Turns(store, clock=clock, patience=patience)
        on = Stage(side, folder, store, turns, vendor, profile, key, ready, crossing)
        on.pulse = await stack.enter_async_context(pulse())
        try:
            yield on
        finally:
            await turns.aclose()
            await vendor.aclose()
            await store.aclose()
        await stack.pop_all().aclose()
        after = await settled(before)
        if not own:  # the sandbox, which goes on, has tasks of its own
            after = replace(after, tasks=0)
        entries = None if ready is None else ledger(ready, "", side)
        felt = on.pulse if gap is not None else None
        check(
            Evidence(
                home=folder, submitted=on.submitted, ledger=entries, keys=(key, *keys), said=on.said, pulse=felt, gap=gap or 0.2,
                before=before, after=after,
            )
        )  # fmt: skip


def _opened(before: Census, now: Census) -> dict[str, Any]:
    """Children and threads that the servers of the stage may keep."""
    del before
    return {"threads": now.threads}


def failure(turn: Turn) -> str:
    """The sentence that the person was told."""
    assert turn.failure is not None, (turn.state, turn.stop)
    return turn.failure.message


async def until(condition: Any, seconds: float = 10.0) -> None:
    """Wait for a condition that nobody announces."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def settled_well(turn: Turn, arrived: int) -> None:
    """Done and sent once, or not there and honestly unknown or not sent."""
    if turn.state.value == "sent":
        assert arrived == 1, arrived
    else:
        assert arrived == 0 and turn.stop in (Stop.UNKNOWN, Stop.FAILED) and turn.failure is not None, (turn.state, turn.stop)
