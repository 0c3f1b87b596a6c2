"""Created agents answer with a model elsewhere; what it says, costs and fails at is told on the Qoder wire."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from app.errors import SettingsError
from app.sandbox.upstream import KEY_VARIABLE, Upstream
from tests.sandbox.qoder_side import PARROT, running

CHUNKS = (
    *({"choices": [{"delta": {"content": word}}]} for word in ("Four", " and ", "中 five")),
    {"choices": [{"delta": {}}]},
    {"choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 5000}},
)


class Model:
    """An endpoint that speaks chat completions over a real socket and remembers what it was asked."""

    def __init__(self):
        self.asked, self.heads, self.status, self.frames = [], [], 200, [*map(json.dumps, CHUNKS), "nonsense", "[DONE]"]

    async def serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(next(line for line in head.lower().split("\r\n") if line.startswith("content-length:")).split(":")[1])
        self.asked.append(json.loads(await reader.readexactly(length)))
        self.heads.append(head)
        body = "".join(f"data: {frame}\n\n" for frame in self.frames)
        kind = "text/event-stream" if self.status == 200 else "application/json"
        writer.write(f"HTTP/1.1 {self.status} X\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def asked(model):
    server = await asyncio.start_server(model.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, running(upstream=Upstream(f"http://127.0.0.1:{port}/v1/", "tiny")) as side:
        yield side


async def created(side):
    made = await side.call("POST", "/agents", {"name": "Mine", "model": "auto", "system": "Count."})
    return await side.session(made["id"])


async def test_a_created_agent_says_what_the_model_says(monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "upstream-key")
    model = Model()
    async with asked(model) as side:
        session = await created(side)
        async with side.stream(session, "agent.message") as stream:
            await side.send(session, "three")
            await stream.until("session.status_idle")
        deltas = [frame["delta"]["content"]["text"] for frame in stream.of("event_delta")]
        await side.send(session, "six")
        await side.idle(session, count=2)
        said = [event["content"][0]["text"] for event in await side.events(session, types="agent.message")]
        usage = (await side.call("GET", f"/sessions/{session}"))["usage"]
    assert deltas == ["Four", " and ", "中 five"] and said == ["Four and 中 five"] * 2
    first, second = model.asked
    assert first["model"] == "tiny" and first["stream"] is True
    assert [message["content"] for message in second["messages"]] == ["Count.", "three", "Four and 中 five", "six"]
    assert float(usage["model_credits"]) == pytest.approx(2 * (1000 * 0.0004 + 5000 * 0.002), abs=0.02)
    assert "authorization: bearer upstream-key" in model.heads[0].lower() and side.key not in "".join(model.heads)


async def test_the_ready_made_agents_stay_as_they_are():
    model = Model()
    async with asked(model) as side:
        session = await side.session(PARROT)
        await side.send(session, "three")
        await side.idle(session)
        [said] = await side.events(session, types="agent.message")
    assert said["content"][0]["text"] == "three" and not model.asked


@pytest.mark.parametrize("broken", ["status", "silent", "gone"])
async def test_a_model_that_gives_nothing_fails_the_turn(broken):
    model = Model()
    if broken == "status":
        model.status = 503
    if broken == "silent":
        model.frames = ["[DONE]"]
    async with asked(model) as side:
        if broken == "gone":
            side.world.upstream = Upstream("http://127.0.0.1:1/v1", "tiny")
        session = await created(side)
        await side.send(session, "three")
        await side.idle(session, "retries_exhausted")
        [error] = await side.events(session, types="session.error")
    assert error["error"]["type"] == "model_request_failed_error" and "127.0.0.1" in error["error"]["message"]


def test_an_endpoint_has_to_be_one():
    for base, model in (("ftp://x/v1", "m"), ("nonsense", "m"), ("http://127.0.0.1:1/v1", "")):
        with pytest.raises(SettingsError):
            Upstream(base, model)
