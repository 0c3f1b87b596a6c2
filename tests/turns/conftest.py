"""A talk with either vendor's side of the sandbox."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.clock import Clock
from app.models import Conversation, Profile
from app.protocols import NeedsEnvironment, Vendor
from app.sandbox.server import Ready
from app.store import Store
from app.turns import Talk, Turns
from app.vendors import connect
from tests.servers import ledger, running_sandbox


async def quickly(seconds: float) -> None:
    """A second takes a millisecond: the order of things stays, the waiting goes."""
    await asyncio.sleep(min(seconds, 60) / 1000)


QUICK = Clock(sleep=quickly)


@dataclass
class Scene:
    """A program's middle, with one vendor's side of a running sandbox behind it."""

    side: str
    ready: Ready
    store: Store
    turns: Turns
    vendor: Vendor
    profile: Profile

    async def talk(self, agent: str = "Parrot") -> Talk:
        found = next(one for one in await self.vendor.agents() if one.name == agent)
        environment = (await self.vendor.environments())[0].id if isinstance(self.vendor, NeedsEnvironment) else ""
        local = Conversation(f"~{agent}-{id(found)}", agent_id=found.id, agent_name=found.name, environment=environment)
        account = await self.store.account(self.profile)
        return await self.turns.open(self.vendor, await self.store.save_conversation(account, local))

    def fault(self, fault: str, match: str = "", **more: Any) -> None:
        where = match or ("POST /chats/*/messages" if self.side == "codeer" else "POST /sessions/*/events")
        self.ready.world.faults.add({"match": where, "vendor": self.side, "fault": fault, "times": 1, **more})

    def prompts(self) -> list[str]:
        return [str(entry.get("text", entry.get("message", ""))) for entry in ledger(self.ready, "prompt", self.side)]


@contextlib.asynccontextmanager
async def scene(side: str, path: Path, ready: Ready, **options: Any) -> AsyncIterator[Scene]:
    profile = Profile(f"test-{side}", side, ready.codeer_base if side == "codeer" else ready.qoder_base)
    vendor = connect(profile, ready.codeer_key if side == "codeer" else ready.qoder_key, clock=QUICK)
    store = await Store.open(path / "parlour.db")
    turns = Turns(store, clock=QUICK, **{"patience": 20.0, **options})
    try:
        yield Scene(side, ready, store, turns, vendor, profile)
    finally:
        await turns.aclose()
        await vendor.aclose()
        await store.aclose()


@pytest.fixture
async def ready() -> AsyncIterator[Ready]:
    async with running_sandbox() as running:
        yield running


@pytest.fixture(params=["codeer", "qoder"])
def side(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def stage(side: str, ready: Ready, tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(side, tmp_path, ready) as made:
        yield made
