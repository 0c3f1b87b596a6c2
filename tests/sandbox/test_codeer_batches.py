import asyncio

import pytest

from tests.servers import codeer_client, ledger, running_sandbox

PARROT, METRONOME = "b0a7c1de-0002-4c1d-9a3e-5d6f00000002", "b0a7c1de-0003-4c1d-9a3e-5d6f00000003"


@pytest.fixture
async def client(sandbox):
    async with codeer_client(sandbox) as client:
        yield client


def rows(*texts):
    return [{"custom_id": f"row-{n}", "message": text} for n, text in enumerate(texts, 1)]


async def finished(client, name):
    for _ in range(600):
        batch = (await client.get(f"/batches/{name}")).json()["data"]
        if batch["status"] != "processing":
            return batch
        await asyncio.sleep(0.005)
    raise AssertionError(batch)


async def test_a_batch_from_beginning_to_end(sandbox, client):
    chat = (await client.post("/chats", json={"name": "old", "agent_id": PARROT})).json()["data"]["id"]
    items = [
        *rows("one", "two"),
        {"custom_id": "old", "message": "three", "history_id": chat, "external_user_id": "u"},
        {"custom_id": "bad", "message": "four", "agent_id": "nobody"},
        {"custom_id": "lost", "message": "five", "history_id": 1},
    ]
    made = (await client.post("/batches", json={"agent_id": PARROT, "requests": items})).json()["data"]
    assert made["status"] == "processing" and made["total_requests"] == 5 and made["completed_at"] is None
    done = await finished(client, made["id"])
    assert (done["status"], done["completed_requests"], done["failed_requests"]) == ("completed", 3, 2)
    reply = (await client.get(f"/batches/{made['id']}/results")).json()
    found = {row["custom_id"]: row for row in reply["data"]}
    assert reply["pagination"]["total_records"] == 5 and set(found) == {item["custom_id"] for item in items}
    assert found["row-2"]["response"] == "two" and found["old"]["history_id"] == chat and found["row-1"]["history_id"] != chat
    assert (found["bad"]["status"], found["bad"]["error"], found["bad"]["response"]) == ("failed", "Agent not found", None)
    assert found["lost"]["error"] == "Chat not found"
    page = (await client.get(f"/batches/{made['id']}/results", params={"limit": 2, "offset": 4})).json()
    assert len(page["data"]) == 1
    assert sorted(entry["text"] for entry in ledger(sandbox, "prompt")) == ["one", "three", "two"]
    assert [batch["id"] for batch in (await client.get("/batches")).json()["data"]] == [made["id"]]


async def test_cancelling(client):
    items = rows(*["stream 2000 at 10"] * 30)
    name = (await client.post("/batches", json={"agent_id": METRONOME, "requests": items})).json()["data"]["id"]
    assert (await client.post(f"/batches/{name}/cancel", json={})).json()["data"]["status"] == "cancelled"
    batch = (await client.get(f"/batches/{name}")).json()["data"]
    assert batch["status"] == "cancelled" and batch["cancelled_at"]
    refused = await client.post(f"/batches/{name}/cancel", json={})
    assert refused.status_code == 400 and "already cancelled" in refused.json()["message"]


async def test_all_failed_is_failed(sandbox, client):
    sandbox.world.section("settings")["whitelist"] = ["somebody"]
    name = (await client.post("/batches", json={"agent_id": PARROT, "requests": rows("a", "b")})).json()["data"]["id"]
    assert (await finished(client, name))["status"] == "failed"


@pytest.mark.parametrize(
    "body",
    [
        {"agent_id": PARROT, "requests": []},
        {"agent_id": PARROT, "requests": rows(*"x" * 1001)},
        {"agent_id": PARROT, "requests": rows("a") * 2},
        {"agent_id": PARROT, "requests": [{"custom_id": "x" * 257, "message": "a"}]},
        {"agent_id": PARROT, "requests": [{"custom_id": "x", "message": "a", "history_id": "7"}]},
        {"agent_id": PARROT, "requests": ["a"]},
        {"requests": rows("a")},
        {"agent_id": PARROT, "requests": rows("a"), "webhook": {"url": "http://hooks.example/x"}},
        {"agent_id": PARROT, "requests": rows("a"), "webhook": {"url": "https://hooks.example/x", "events": ["begun"]}},
        {"agent_id": PARROT, "requests": rows("a"), "webhook": "x"},
    ],
)
async def test_what_is_refused(sandbox, client, body):
    assert (await client.post("/batches", json=body)).status_code == 422
    assert ledger(sandbox) == []


async def test_a_thousand_items(client):
    made = (await client.post("/batches", json={"agent_id": PARROT, "requests": rows(*["x"] * 1000)})).json()["data"]
    assert (await finished(client, made["id"]))["completed_requests"] == 1000


async def test_a_batch_goes_on_after_a_restart(tmp_path):
    async with running_sandbox(data=tmp_path) as ready, codeer_client(ready) as client:
        body = {"agent_id": PARROT, "requests": rows(*["x"] * 60)}
        name = (await client.post("/batches", json=body)).json()["data"]["id"]
    async with running_sandbox(data=tmp_path) as ready, codeer_client(ready) as client:
        assert (await finished(client, name))["completed_requests"] == 60
        assert len(ledger(ready, "prompt")) >= 60
