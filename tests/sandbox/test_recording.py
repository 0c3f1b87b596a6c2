"""What passed is on file with its keys masked, and answers again byte for byte."""

import json
import stat
from contextlib import asynccontextmanager

import httpx
import pytest

from app.errors import SettingsError
from app.sandbox.core import World
from app.sandbox.recording import MASK, Recorder, read
from app.sandbox.server import serve
from tests.servers import codeer_client, qoder_client

PARROT = "b0a7c1de-0002-4c1d-9a3e-5d6f00000002"


@asynccontextmanager
async def recording(path):
    world = World()
    recorder = Recorder(path, (*world.keys.values(), world.token), world.clock)
    async with serve(world, recorder=recorder) as ready:
        yield ready
    recorder.close()


async def talk(ready):
    """A turn on each side; everything that was answered."""
    said = []
    async with codeer_client(ready) as client:
        made = await client.post("/chats", json={"name": "a chat", "agent_id": PARROT})
        chat = made.json()["data"]["id"]
        body = {"message": "Hello ✓ 中", "agent_id": PARROT, "stream": True}
        said.append((await client.post(f"/chats/{chat}/messages", json=body)).content)
        said.append((await client.get(f"/chats/{chat}/messages", params={"limit": 5})).content)
    async with qoder_client(ready) as client:
        said.append((await client.get("/agents", params={"limit": 2})).content)
        said.append((await client.get("/agents/nobody")).content)
    return said


async def test_a_recording_answers_the_same_bytes(tmp_path):
    path = tmp_path / "talk.jsonl"
    async with recording(path) as ready:
        first = await talk(ready)
        keys = (ready.codeer_key, ready.qoder_key, ready.token)
    text = path.read_text()
    assert not any(key in text for key in keys) and text.count(f'"x-api-key":"{MASK}"') == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    exchanges = read(path)
    assert [exchange.status for exchange in exchanges] == [200, 200, 200, 200, 404]
    async with serve(World(), replay=exchanges) as ready:
        assert await talk(ready) == first
        assert ready.world.ledger.entries == []
        async with codeer_client(ready) as client:
            unknown = await client.get("/chats/published-agents")
            refused = await client.get("/chats/1/messages", headers={"x-api-key": "another"})
        assert unknown.status_code == 404 and refused.status_code == 401
        assert "no such request" in unknown.text


async def test_secrets_in_bodies_are_masked(tmp_path):
    path = tmp_path / "vault.jsonl"
    async with recording(path) as ready, qoder_client(ready) as client:
        vault = (await client.post("/vaults", json={"display_name": "v"})).json()["id"]
        auth = {"type": "static_bearer", "mcp_server_url": "https://m.test", "token": 'hush "quoted" \\'}
        made = await client.post(f"/vaults/{vault}/credentials", json={"auth": auth})
        assert made.status_code == 200, made.text
    assert "hush" not in path.read_text()
    assert json.loads(read(path)[1].request["body"])["auth"]["token"] == MASK


async def test_a_cut_is_a_cut_again(tmp_path):
    path = tmp_path / "cut.jsonl"

    async def cut(ready):
        async with qoder_client(ready) as client:
            with pytest.raises(httpx.HTTPError) as caught:
                await client.get("/agents")
        return type(caught.value)

    async with recording(path) as ready:
        ready.world.faults.add({"match": "GET /agents", "fault": "drop_before"})
        first = await cut(ready)
    async with serve(World(), replay=read(path)) as ready:
        assert await cut(ready) is first


def test_nothing_is_overwritten_and_nonsense_is_refused(tmp_path):
    path = tmp_path / "there"
    path.write_text("mine")
    with pytest.raises(SettingsError, match="never overwrites"):
        Recorder(path, (), World().clock)
    with pytest.raises(SettingsError, match="is no recording"):
        read(path)
    path.write_text('{"type":"parlour-recording","version":1}\n{"request":7}\n')
    with pytest.raises(SettingsError, match="is no recording"):
        read(path)
    with pytest.raises(SettingsError, match="cannot be read"):
        read(tmp_path / "missing")
    assert path.read_text()
