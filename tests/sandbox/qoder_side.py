"""A running sandbox, seen from the Qoder side: what the tests of this folder talk with."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.sandbox.core import World
from app.sandbox.server import serve

BUILDER, CLERK, SCRIBE, PARROT = (f"agent_sandbox_{name}" for name in ("builder", "clerk", "scribe", "parrot"))


@dataclass
class Frame:
    id: str | None
    event: str
    data: Any


@dataclass
class Reader:
    """One open event stream, read in the background."""

    frames: list[Frame] = field(default_factory=list)
    comments: int = 0
    status: int = 0
    ended: bool = False
    body: str = ""
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, event: str, count: int = 1) -> Frame:
        """Wait for the ``count``-th frame with this name."""
        async with asyncio.timeout(5):
            while True:
                found = [frame for frame in self.frames if frame.event == event]
                if len(found) >= count:
                    return found[count - 1]
                assert not self.ended, f"the stream ended before {event}: {self.names()}"
                self.moved.clear()
                await self.moved.wait()

    def names(self) -> list[str]:
        return [frame.event for frame in self.frames]

    def of(self, event: str) -> list[Any]:
        return [frame.data for frame in self.frames if frame.event == event]

    async def feed(self, lines: AsyncIterator[str]) -> None:
        part: dict[str, str] = {}
        async for line in lines:
            if line.startswith(":"):
                self.comments += 1
            elif line:
                name, _, value = line.partition(": ")
                part[name] = value
            elif "data" in part:
                self.frames.append(Frame(part.get("id"), part["event"], json.loads(part["data"])))
                part = {}
            self.moved.set()


@dataclass
class Side:
    world: World
    http: httpx.AsyncClient
    base: str
    key: str

    async def call(
        self, method: str, path: str, body: Any = None, *, status: int = 200, key: str = "", query: Any = None, **params: Any
    ) -> Any:
        """One JSON call that must answer with ``status``."""
        params |= query or {}
        headers = {"Idempotency-Key": key} if key else {}
        reply = await self.http.request(method, path, json=body, params=params or None, headers=headers)
        assert reply.status_code == status, f"{reply.status_code}: {reply.text}"
        assert reply.headers["x-request-id"]
        return reply.json()

    async def session(self, agent: Any = PARROT, **more: Any) -> str:
        made = await self.call("POST", "/sessions", {"agent": agent, "environment_id": "env_default", **more})
        return str(made["id"])

    async def send(self, session: str, *events: Any, status: int = 200, key: str = "") -> Any:
        """Events as they are; a str is a user.message."""
        told = [message(event) if isinstance(event, str) else event for event in events]
        return await self.call("POST", f"/sessions/{session}/events", {"events": told}, status=status, key=key)

    async def events(self, session: str, **params: Any) -> list[Any]:
        data = (await self.call("GET", f"/sessions/{session}/events", **{"limit": 100, **params}))["data"]
        assert isinstance(data, list)
        return data

    async def idle(self, session: str, reason: str = "end_turn", count: int = 1) -> Any:
        """Wait until the session has become idle ``count`` times for this reason; returns that event."""
        async with asyncio.timeout(5):
            while True:
                found = await self.events(session, types="session.status_idle")
                fitting = [event for event in found if event["stop_reason"]["type"] == reason]
                if len(fitting) >= count:
                    return fitting[count - 1]
                await asyncio.sleep(0.01)

    @contextlib.asynccontextmanager
    async def stream(self, session: str, *deltas: str, cursor: str = "", path: str = "") -> AsyncIterator[Reader]:
        """An open stream; it has been accepted when the body of the ``with`` begins."""
        reader = Reader()
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": cursor} if cursor else {})}
        url = path or f"/sessions/{session}/events/stream"

        async def read() -> None:
            async with self.http.stream("GET", url, headers=headers, params={"event_deltas[]": list(deltas)}) as reply:
                reader.status = reply.status_code
                reader.opened.set()
                if reply.status_code != 200:
                    reader.body = (await reply.aread()).decode()
                    return
                with contextlib.suppress(httpx.TransportError):
                    await reader.feed(reply.aiter_lines())
            reader.ended = True
            reader.moved.set()

        task = asyncio.create_task(read())
        try:
            async with asyncio.timeout(5):
                await reader.opened.wait()
            yield reader
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def message(text: str) -> dict[str, Any]:
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}


def allow(ident: str) -> dict[str, Any]:
    return {"type": "user.tool_confirmation", "tool_use_id": ident, "result": "allow"}


def deny(ident: str, why: str) -> dict[str, Any]:
    return {"type": "user.tool_confirmation", "tool_use_id": ident, "result": "deny", "deny_message": why}


def result(ident: str, text: str, failed: bool = False) -> dict[str, Any]:
    content = [{"type": "text", "text": text}]
    return {"type": "user.custom_tool_result", "custom_tool_use_id": ident, "content": content, "is_error": failed}


@contextlib.asynccontextmanager
async def running(world: World | None = None, **options: Any) -> AsyncIterator[Side]:
    """A sandbox on a free port."""
    async with serve(world or World(**options)) as ready:
        headers = {"Authorization": f"Bearer {ready.qoder_key}"}
        async with httpx.AsyncClient(base_url=ready.qoder_base, headers=headers, timeout=10) as http:
            yield Side(ready.world, http, ready.qoder_base, ready.qoder_key)
