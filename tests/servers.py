"""Real servers for tests: the sandbox on a free port, in the test's own loop."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from app.clock import Clock
from app.sandbox.core import World
from app.sandbox.server import Ready, serve


@contextlib.asynccontextmanager
async def running_sandbox(
    *, clock: Clock | None = None, data: Path | None = None, new_account: bool = False, dialect: str = "intl"
) -> AsyncIterator[Ready]:
    """A sandbox for the length of the context. ``ready.world`` is its inside: ``world.ledger.entries``, ``world.faults.add``."""
    async with serve(World(clock, data=data, new_account=new_account, dialect=dialect)) as ready:
        yield ready


def codeer_client(ready: Ready, **options: object) -> httpx.AsyncClient:
    """A plain client with the Codeer side's base and key."""
    return httpx.AsyncClient(base_url=ready.codeer_base, headers={"x-api-key": ready.codeer_key}, timeout=10, **options)  # type: ignore[arg-type]


def qoder_client(ready: Ready, **options: object) -> httpx.AsyncClient:
    """A plain client with the Qoder side's base and key."""
    headers = {"authorization": f"Bearer {ready.qoder_key}"}
    return httpx.AsyncClient(base_url=ready.qoder_base, headers=headers, timeout=10, **options)  # type: ignore[arg-type]


def ledger(ready: Ready, kind: str = "", vendor: str = "") -> list[dict]:
    """What was accepted, in order."""
    return [one for one in ready.world.ledger.entries if kind in ("", one["kind"]) and vendor in ("", one["vendor"])]
