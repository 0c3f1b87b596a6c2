import asyncio
import json
import signal
import sys

import httpx
import pytest

from app.errors import SettingsError
from app.sandbox.core import World
from app.sandbox.server import serve
from tests.servers import codeer_client, ledger, running_sandbox

PARROT = "b0a7c1de-0002-4c1d-9a3e-5d6f00000002"


async def chat(client, agent=PARROT, **more):
    return (await client.post("/chats", json={"name": "a chat", "agent_id": agent, **more})).json()["data"]["id"]


async def test_ready_names_both_sides_and_the_keys_are_random(sandbox):
    told = sandbox.json
    assert told["codeer"]["base"].startswith("http://127.0.0.1:") and told["codeer"]["base"].endswith("/api/v1")
    assert told["qoder"]["base"].endswith("/api/v1/cloud") and told["control"].endswith("/sandbox")
    assert told["qoder"]["key"].startswith("pt-") and len(told["qoder"]["key"]) >= 23
    async with running_sandbox() as other:
        assert other.codeer_key != sandbox.codeer_key and other.token != sandbox.token


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:1", "127.0.0.1", "localhost", ""])
async def test_another_host_name_is_refused(sandbox, host):
    async with codeer_client(sandbox) as client:
        assert (await client.get("/chats", headers={"host": host})).status_code == 421


async def test_localhost_is_a_name_of_it_and_web_pages_are_refused(sandbox):
    port = sandbox.control.split(":")[2].split("/")[0]
    async with codeer_client(sandbox) as client:
        assert (await client.get("/chats", headers={"host": f"localhost:{port}"})).status_code == 200
        refused = await client.get("/chats", headers={"origin": "http://localhost"})
        preflight = await client.options("/chats", headers={"origin": "http://localhost", "access-control-request-method": "GET"})
    assert refused.status_code == preflight.status_code == 403
    assert not [name for name in (*refused.headers, *preflight.headers) if name.startswith("access-control")]


async def test_control_wants_its_token(sandbox):
    async with httpx.AsyncClient(base_url=sandbox.control) as client:
        for method, path in (
            ("GET", "/ledger"),
            ("POST", "/faults"),
            ("DELETE", "/faults"),
            ("POST", "/reset"),
            ("GET", "/lease"),
        ):
            assert (await client.request(method, path)).status_code == 401
            assert (await client.request(method, path, headers={"x-sandbox-token": "guess"})).status_code == 401


async def test_the_ledger_and_reset_over_the_wire(sandbox):
    control = {"x-sandbox-token": sandbox.token}
    async with codeer_client(sandbox) as client, httpx.AsyncClient(base_url=sandbox.control, headers=control) as outside:
        one = await chat(client)
        await client.post(f"/chats/{one}/messages", json={"message": "hi", "agent_id": PARROT, "stream": False})
        told = (await outside.get("/ledger")).json()
        assert [(entry["kind"], entry["n"]) for entry in told] == [("create", 1), ("prompt", 2)]
        assert told[1]["text"] == "hi" and told[1]["chat_id"] == one and told[1]["idempotency_key"] is None
        assert (await outside.post("/reset")).status_code == 200
        assert (await outside.get("/ledger")).json() == []
        assert (await client.get("/chats")).json()["data"] == []
        assert (await chat(client)) > one


async def test_a_wrong_fault_is_explained(sandbox):
    async with httpx.AsyncClient(base_url=sandbox.control, headers={"x-sandbox-token": sandbox.token}) as outside:
        for order in ({"fault": "earthquake"}, ["x"], {"fault": "slice", "n": "many"}, 7):
            assert (await outside.post("/faults", json=order)).status_code == 400
        assert (await outside.post("/faults", content=b"{")).status_code == 400
        assert (await outside.post("/faults", json={"fault": "html", "match": "GET /chats"})).status_code == 201
        assert (await outside.delete("/faults")).status_code == 200
    async with codeer_client(sandbox) as client:
        assert (await client.get("/chats")).status_code == 200


async def test_state_keys_and_ids_survive_in_a_folder_and_only_one_may_use_it(tmp_path):
    folder = tmp_path / "demo"
    async with running_sandbox(data=folder) as first, codeer_client(first) as client:
        one = await chat(client)
        await client.post(f"/chats/{one}/messages", json={"message": "remember", "agent_id": PARROT, "stream": False})
        with pytest.raises(SettingsError):
            World(data=folder)
        keys, last = first.world.keys, first.world.ids.last
    assert (folder / "sandbox.json").stat().st_mode & 0o777 == 0o600
    async with running_sandbox(data=folder) as second, codeer_client(second) as client:
        assert second.world.keys == keys and second.world.ids.last >= last
        rows = (await client.get(f"/chats/{one}/messages")).json()["data"]
        assert [row["content"] for row in rows] == ["", "remember", "remember"]
        assert len(ledger(second, "prompt")) == 1
        assert await chat(client) > last


async def test_a_broken_snapshot_is_put_aside(tmp_path):
    (tmp_path / "sandbox.json").write_text("{ not json")
    async with running_sandbox(data=tmp_path) as ready:
        assert ready.world.ledger.entries == []
    assert (tmp_path / "sandbox.unreadable").read_text() == "{ not json"


async def test_a_change_is_saved_before_the_end(tmp_path):
    world = World(data=tmp_path)
    async with serve(world) as ready, codeer_client(ready) as client:
        one = await chat(client)
        world.save()
        kept = json.loads((tmp_path / "sandbox.json").read_bytes())
    assert str(one) in kept["sections"]["codeer"]["chats"]


async def test_a_folder_that_went_away_does_not_end_the_talk(tmp_path):
    folder = tmp_path / "gone"
    async with running_sandbox(data=folder) as ready, codeer_client(ready) as client:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
        one = await chat(client)
        ready.world.save()
        assert (await client.get(f"/chats/{one}/messages")).status_code == 200


async def test_stopping_ends_open_streams_at_once():
    loop = asyncio.get_running_loop()
    async with running_sandbox() as ready:
        client = codeer_client(ready)
        one = await chat(client, "b0a7c1de-0003-4c1d-9a3e-5d6f00000003")
        body = {"message": "stream 1000 at 1", "agent_id": "b0a7c1de-0003-4c1d-9a3e-5d6f00000003"}
        request = client.build_request("POST", f"/chats/{one}/messages", json=body)
        response = await client.send(request, stream=True)
        began = loop.time()
    assert loop.time() - began < 1
    await response.aclose()
    await client.aclose()


async def start(*words, stdin=None):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", "sandbox", "--json", *words,
        stdin=stdin, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    return process, json.loads(await asyncio.wait_for(process.stdout.readline(), 20))


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_with_0_and_nothing_but_the_ready_line(number):
    process, ready = await start()
    async with httpx.AsyncClient(headers={"x-api-key": ready["codeer"]["key"]}) as client:
        one = (await client.post(ready["codeer"]["base"] + "/chats", json={"name": "x", "agent_id": PARROT})).json()["data"]["id"]
        async with client.stream("GET", ready["control"] + "/lease", headers={"x-sandbox-token": ready["token"]}) as lease:
            assert lease.status_code == 200 and one
            process.send_signal(number)
            out, err = await asyncio.wait_for(process.communicate(), 3)
    assert (process.returncode, out, err) == (0, b"", b"")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes")
async def test_it_ends_with_its_parent_unless_somebody_holds_a_lease():
    process, ready = await start("--until-eof", stdin=asyncio.subprocess.PIPE)
    async with httpx.AsyncClient(headers={"x-sandbox-token": ready["token"]}) as client:
        async with client.stream("GET", ready["control"] + "/lease") as lease:
            held = lease.aiter_raw()
            assert await anext(held)
            process.stdin.close()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(process.wait(), 0.3)
            assert (await client.get(ready["control"] + "/ledger")).status_code == 200
        assert await asyncio.wait_for(process.wait(), 2) == 0
    await process.communicate()


async def test_a_taken_port_is_replaced(sandbox):
    port = sandbox.control.split(":")[2].split("/")[0]
    process, ready = await start("--port", port)
    assert f":{port}/" not in ready["control"]
    process.terminate()
    _, err = await asyncio.wait_for(process.communicate(), 3)
    assert port.encode() in err and process.returncode == 0
