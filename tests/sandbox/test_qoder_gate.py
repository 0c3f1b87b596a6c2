"""Token, envelope, limits, idempotency keys, pages: contract 1 to 5."""

import json

import httpx
import pytest

from tests.sandbox.qoder_side import PARROT, message, running


async def test_only_a_bearer_token_opens():
    async with running() as side, httpx.AsyncClient(base_url=side.base) as bare:
        for headers in (
            {},
            {"x-api-key": side.key},
            {"Authorization": "Bearer pt-other"},
            {"Authorization": f"Basic {side.key}"},
        ):
            reply = await bare.get("/agents", headers=headers)
            assert reply.status_code == 401
            assert reply.json()["error"]["type"] == "authentication_error"
        assert side.key.startswith("pt-")


async def test_an_error_has_the_envelope_and_echoes_the_request_id():
    async with running() as side:
        reply = await side.http.get("/sessions/sess_none", headers={"x-request-id": "mine-7"})
        assert reply.status_code == 404
        assert reply.headers["x-request-id"] == "mine-7"
        assert reply.json() == {
            "type": "error",
            "request_id": "mine-7",
            "error": {"type": "not_found_error", "message": "Session 'sess_none' was not found."},
        }
        other = await side.call("GET", "/agents", status=400, limit=101)
        assert other["error"] == {"type": "invalid_request_error", "message": "limit must be between 1 and 100", "param": "limit"}
        assert len(other["request_id"]) == 36


async def test_a_route_that_does_not_exist_is_plain_text():
    async with running() as side:
        reply = await side.http.get("/nowhere")
        assert reply.status_code == 404
        assert reply.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("body", [b"{", b"[1]", b"\xff\xfe", b'"x"', b"[" * 100_000, b'{"a": 1e999}', b'{"a": NaN}'])
async def test_a_body_that_is_no_object_is_refused(body):
    async with running() as side:
        reply = await side.http.post("/agents", content=body)
        assert reply.status_code == 400
        assert reply.json()["error"]["message"].startswith("Request body must be")


async def test_a_body_over_four_mebibytes_looks_like_bad_json():
    async with running() as side:
        session = await side.session()
        frame = len(json.dumps({"events": [message("")]}, separators=(",", ":")))
        fits = json.dumps({"events": [message("a" * (4 * 1024 * 1024 - frame))]}, separators=(",", ":")).encode()
        assert len(fits) == 4 * 1024 * 1024
        reply = await side.http.post(f"/sessions/{session}/events", content=fits.replace(b'"aa', b'"aaa', 1))
        assert reply.status_code == 400
        assert reply.json()["error"]["message"] == "Request body must be valid JSON."
        assert await side.events(session) == []
        assert (await side.http.post(f"/sessions/{session}/events", content=fits)).status_code == 200


async def test_a_key_is_worth_one_execution():
    async with running() as side:
        session = await side.session()
        first = await side.send(session, "once", key="k-1")
        again = await side.send(session, "once", key="k-1")
        assert again == first
        await side.idle(session)
        assert await side.send(session, "once", key="k-1") == first
        other = await side.send(session, "twice", key="k-1", status=409)
        assert other["error"]["type"] == "conflict_error"
        prompts = [entry for entry in side.world.ledger.entries if entry["kind"] == "prompt"]
        assert [(entry["text"], entry["idempotency_key"]) for entry in prompts] == [("once", "k-1")]
        assert [event["type"] for event in await side.events(session)].count("user.message") == 1


async def test_keys_work_on_every_write_and_are_not_spent_by_a_refusal():
    async with running() as side:
        body = {"name": "one", "model": "auto"}
        made = await side.call("POST", "/agents", body, key="a")
        assert await side.call("POST", "/agents", body, key="a") == made
        await side.call("POST", "/agents", {"name": "two", "model": "auto"}, key="a", status=409)
        await side.call("POST", "/agents", {"name": "", "model": "auto"}, key="b", status=400)
        await side.call("POST", "/agents", body, key="b")
        gone = await side.call("DELETE", f"/agents/{made['id']}", key="d")
        assert await side.call("DELETE", f"/agents/{made['id']}", key="d") == gone
        await side.call("DELETE", f"/agents/{made['id']}", status=404)


async def test_a_key_lasts_a_day():
    async with running() as side:
        body = {"name": "one", "model": "auto"}
        made = await side.call("POST", "/agents", body, key="a")
        kept = side.world.section("qoder")["replies"]["a"]
        kept["at"] -= 24 * 3600 + 1
        assert (await side.call("POST", "/agents", body, key="a"))["id"] != made["id"]


async def test_pages_follow_each_other_in_every_way():
    async with running() as side:
        ids = [(await side.call("POST", "/agents", {"name": f"n{n}", "model": "auto"}))["id"] for n in range(5)]
        ids = ids[::-1]
        first = await side.call("GET", "/agents", limit=2)
        assert [item["id"] for item in first["data"]] == ids[:2]
        assert (first["first_id"], first["last_id"], first["has_more"]) == (ids[0], ids[1], True)
        by_page = await side.call("GET", "/agents", limit=2, page=first["next_page"])
        by_id = await side.call("GET", "/agents", limit=2, after_id=ids[1])
        assert by_page == by_id
        assert [item["id"] for item in by_id["data"]] == ids[2:4]
        back = await side.call("GET", "/agents", limit=1, before_id=ids[2])
        assert [item["id"] for item in back["data"]] == [ids[1]]
        assert back["has_more"]
        last = await side.call("GET", "/agents", limit=100)
        assert last["next_page"] is None
        assert not last["has_more"]


@pytest.mark.parametrize("params", [{"limit": 0}, {"limit": "x"}, {"page": "a", "after_id": "b"}, {"after_id": "nobody"}])
async def test_bad_pages_are_refused(params):
    async with running() as side:
        assert (await side.call("GET", "/agents", status=400, **params))["error"]["type"] == "invalid_request_error"


async def test_a_new_account_is_empty_and_china_has_no_next_page():
    async with running(new_account=True, dialect="cn") as side:
        assert await side.call("GET", "/agents", limit=1) == {"data": [], "first_id": None, "last_id": None, "has_more": False}
        assert (await side.call("GET", "/environments"))["data"] == []


async def test_ready_made_agents_and_one_environment():
    async with running() as side:
        agents = await side.call("GET", "/agents")
        assert [agent["name"] for agent in agents["data"]] == ["Builder", "Clerk", "Scribe", "Parrot"]
        assert agents["data"][3]["id"] == PARROT
        assert [item["name"] for item in (await side.call("GET", "/environments"))["data"]] == ["default"]
        assert {"auto", "ultimate"} <= {model["id"] for model in (await side.call("GET", "/models"))["data"]}
