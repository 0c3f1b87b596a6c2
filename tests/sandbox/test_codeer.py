import asyncio
import json

import pytest

from tests.servers import codeer_client, ledger, running_sandbox

GUIDE, PARROT, METRONOME, RESEARCHER, INTAKE = (f"b0a7c1de-000{n}-4c1d-9a3e-5d6f0000000{n}" for n in range(1, 6))


@pytest.fixture
async def client(sandbox):
    async with codeer_client(sandbox) as client:
        yield client


async def begin(client, agent=PARROT, **more):
    reply = await client.post("/chats", json={"name": "a chat", "agent_id": agent, **more})
    assert reply.status_code == 200, reply.text
    return reply.json()["data"]["id"]


async def say(client, chat, text, agent=PARROT, **more):
    return await client.post(f"/chats/{chat}/messages", json={"message": text, "agent_id": agent, "stream": False, **more})


def frames(text):
    """(event, payload) of each frame."""
    found = []
    for frame in text.strip("\n").split("\n\n"):
        lines = dict(line.split(": ", 1) for line in frame.split("\n"))
        assert set(lines) <= {"event", "data"}
        found.append((lines.get("event", ""), lines["data"] if lines["data"] == "[DONE]" else json.loads(lines["data"])))
    return found


async def stream(client, path, **body):
    reply = await client.post(path, json={"stream": True, **body})
    assert reply.status_code == 200 and reply.headers["content-type"].startswith("text/event-stream"), reply.text
    return frames(reply.text)


# --- the key, the envelope, the lists ---------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{"x-api-key": ""}, {"x-api-key": "cdr-guess"}, {"authorization": "Bearer {key}"}])
async def test_a_wrong_key_is_refused_in_the_envelope(sandbox, headers):
    import httpx

    told = {name: value.format(key=sandbox.codeer_key) for name, value in headers.items()}
    async with httpx.AsyncClient(base_url=sandbox.codeer_base, headers=told) as stranger:
        for method, path in (("GET", "/chats"), ("POST", "/chats"), ("GET", "/nowhere"), ("POST", "/chats/upload-file")):
            reply = await stranger.request(method, path)
            assert reply.status_code == 401
            assert reply.json() == {
                "data": None,
                "message": "Invalid or missing API key",
                "error_code": 10001,
                "pagination": None,
            }


async def test_the_other_sides_key_opens_nothing(sandbox):
    async with codeer_client(sandbox) as client:
        client.headers["x-api-key"] = sandbox.qoder_key
        assert (await client.get("/chats")).status_code == 401


async def test_unknown_routes_ids_and_bodies(client):
    for method, path in (
        ("GET", "/nowhere"),
        ("GET", "/chats/7/messages"),
        ("GET", "/chats/x/messages"),
        ("PUT", "/chats/99"),
        ("GET", "/batches/b-1"),
    ):
        reply = await client.request(method, path, json={"name": "x"} if method == "PUT" else None)
        assert reply.status_code == 404 and reply.json()["error_code"] == 10003
    assert (await client.delete("/chats")).status_code == 405
    broken = await client.post("/chats", content=b"{", headers={"content-type": "application/json"})
    assert broken.status_code == 400 and broken.json()["error_code"] == 10006


async def test_published_agents(sandbox, client):
    reply = (await client.get("/chats/published-agents")).json()
    assert reply["error_code"] == 0 and reply["message"] is None
    assert [agent["name"] for agent in reply["data"]] == ["Guide", "Parrot", "Metronome", "Researcher", "Intake"]
    assert [agent["id"] for agent in reply["data"]] == [GUIDE, PARROT, METRONOME, RESEARCHER, INTAKE]
    assert all(len(agent["suggested_questions"]) <= 3 for agent in reply["data"])
    sandbox.world.section("settings")["unpublished"] = [PARROT]
    assert len((await client.get("/chats/published-agents")).json()["data"]) == 4
    chat = await begin(client)
    refused = await say(client, chat, "hi")
    assert (refused.status_code, refused.json()["error_code"], refused.json()["message"]) == (
        404,
        10003,
        "Agent version not found",
    )
    assert ledger(sandbox, "prompt") == []


async def test_a_new_account_has_no_agents():
    async with running_sandbox(new_account=True) as ready, codeer_client(ready) as client:
        assert (await client.get("/chats/published-agents")).json()["data"] == []
        assert (await client.post("/chats", json={"name": "x", "agent_id": PARROT})).status_code == 404


async def test_creating_and_validating(sandbox, client):
    made = (await client.post("/chats", json={"name": "Kiln", "agent_id": PARROT, "external_user_id": "potter-9"})).json()["data"]
    assert isinstance(made["id"], int) and made["meta"] == {"conversation_agent_id": PARROT, "external_user_id": "potter-9"}
    assert made["external_user_id"] == "potter-9" and made["created_at"].endswith("Z")
    assert (await client.post("/chats", json={"name": "", "agent_id": PARROT})).json()["data"]["name"] == "Untitled"
    wrong = await client.post("/chats", json={"name": "x" * 257, "agent_id": 7})
    assert wrong.status_code == 422 and wrong.json()["message"] == "Invalid request payload"
    assert [error["field"] for error in wrong.json()["data"]["errors"]] == ["body.name", "body.agent_id"]
    assert {"field", "message", "type", "input"} == set(wrong.json()["data"]["errors"][0])
    unknown = await client.post("/chats", json={"name": "x", "agent_id": "nobody"})
    assert unknown.status_code == 404
    assert len(ledger(sandbox, "create")) == 2


async def test_lists_page_by_offset_filter_and_order(client):
    ids = [await begin(client, PARROT if n % 2 else GUIDE, external_user_id=f"u{n % 3}") for n in range(7)]
    whole = (await client.get("/chats")).json()
    assert [chat["id"] for chat in whole["data"]] == ids[::-1]
    assert whole["pagination"] == {
        "limit": 50, "offset": 0, "total_records": 7, "total_pages": 1, "current_page": 1, "next_page": None, "prev_page": None,
    }  # fmt: skip
    second = (await client.get("/chats", params={"limit": 3, "offset": 3, "order_by": "created_at"})).json()
    assert [chat["id"] for chat in second["data"]] == ids[3:6]
    assert second["pagination"]["current_page"] == 2 and second["pagination"]["total_pages"] == 3
    assert "offset=6&limit=3" in second["pagination"]["next_page"] and "offset=0&limit=3" in second["pagination"]["prev_page"]
    for order, expected in (("asc", ids), ("ascending", ids), ("desc", ids[::-1]), ("descending", ids[::-1])):
        assert [chat["id"] for chat in (await client.get("/chats", params={"order_by": order})).json()["data"]] == expected
    assert len((await client.get("/chats", params={"agent_id": GUIDE})).json()["data"]) == 4
    assert [chat["id"] for chat in (await client.get("/chats", params={"external_user_id": "u1"})).json()["data"]] == [
        ids[4],
        ids[1],
    ]
    assert (await client.get("/chats", params={"offset": 99})).json()["data"] == []
    assert (await client.get("/chats", params={"limit": 5000})).json()["pagination"]["limit"] == 1000
    for wrong in ({"limit": 0}, {"limit": "x"}, {"offset": -1}, {"order_by": "colour"}):
        assert (await client.get("/chats", params=wrong)).status_code == 422


async def test_whitelist_mode(sandbox, client):
    chat = await begin(client, external_user_id="potter-9")
    sandbox.world.section("settings")["whitelist"] = ["potter-9"]
    user = {"external_user_id": "potter-9"}
    refused = [
        await client.post("/chats", json={"name": "x", "agent_id": PARROT}),
        await client.post("/chats", json={"name": "x", "agent_id": PARROT, "external_user_id": "other"}),
        await client.get("/chats"),
        await client.get(f"/chats/{chat}/messages"),
        await say(client, chat, "hi"),
        await client.put(f"/chats/{chat}", json={"name": "x"}),
    ]
    assert {(reply.status_code, reply.json()["error_code"]) for reply in refused} == {(403, 14103)}
    assert (await client.get("/chats", params=user)).status_code == 200
    assert (await client.get(f"/chats/{chat}/messages", params=user)).status_code == 200
    assert (await say(client, chat, "hi", **user)).json()["data"] == "hi"
    assert (await client.get("/chats/published-agents")).status_code == 200


# --- turns ------------------------------------------------------------------------------------------------------------


async def test_a_streamed_turn_is_what_the_contract_says(sandbox, client):
    chat = await begin(client)
    told = await stream(client, f"/chats/{chat}/messages", message="Yes, from 10:00.", agent_id=PARROT)
    assert [kind for kind, _ in told] == [
        "response.created",
        "response.chat.title.updated",
        *["response.output_text.delta"] * 4,
        "response.output_text.completed",
        "",
    ]
    assert told[-1] == ("", "[DONE]")
    created, title, completed = told[0][1], told[1][1], told[-2][1]
    assert set(created) == {
        "type",
        "response_id",
        "chat_id",
        "agent_id",
        "model",
        "conversation_group_id",
        "user_conversation_id",
    }
    assert all(payload["type"] == kind and payload["chat_id"] == chat for kind, payload in told[:-1])
    assert len({payload["response_id"] for _, payload in told[:-1]}) == 1
    assert title["name"] == "Yes, from 10:00."
    assert (
        "".join(payload["delta"] for kind, payload in told if kind.endswith("delta"))
        == completed["final_text"]
        == "Yes, from 10:00."
    )
    assert set(completed["usage"]) == {"total_tokens", "total_prompt_tokens", "total_completion_tokens", "total_calls"}
    rows = (await client.get(f"/chats/{chat}/messages")).json()["data"]
    assert [row["role"] for row in rows] == ["system", "user", "assistant"] and rows[0]["content"] == ""
    assert rows[1]["id"] == created["user_conversation_id"]
    assert rows[1]["group_id"] == rows[2]["group_id"] == created["conversation_group_id"]
    assert rows[2]["meta"]["token_usage"]["total_tokens"] == completed["usage"]["total_tokens"]
    assert (await client.get("/chats")).json()["data"][0]["name"] == "Yes, from 10:00."
    again = await stream(client, f"/chats/{chat}/messages", message="more", agent_id=PARROT)
    assert "response.chat.title.updated" not in [kind for kind, _ in again]
    assert [entry["text"] for entry in ledger(sandbox, "prompt")] == ["Yes, from 10:00.", "more"]


async def test_without_a_stream_the_data_is_the_text(sandbox, client):
    chat = await begin(client)
    reply = await say(client, chat, "**exactly**\n", external_user_id="u", **{"include_tool_tags": True})
    assert reply.json() == {"data": "**exactly**\n", "message": None, "error_code": 0, "pagination": None}
    wrong = await client.post(f"/chats/{chat}/messages", json={"stream": "maybe"})
    assert wrong.status_code == 422 and len(wrong.json()["data"]["errors"]) == 3
    keyed = await client.post(
        f"/chats/{chat}/messages", json={"message": "k", "agent_id": PARROT, "stream": False}, headers={"idempotency-key": "abc"}
    )
    assert keyed.status_code == 200 and ledger(sandbox, "prompt")[-1]["idempotency_key"] == "abc"


@pytest.mark.parametrize(
    "text", ["", " lead", "line\u2028separator\x85", "<tool id=x>y</tool>", "\ud83d half", "速度 👩‍🚀", "\r\n\t\x1b[2J"]
)
async def test_the_parrot_is_exact_on_the_wire(client, text):
    chat = await begin(client)
    body = json.dumps({"message": text, "agent_id": PARROT, "stream": False})
    assert (await client.post(f"/chats/{chat}/messages", content=body)).json()["data"] == text
    told = frames((await client.post(f"/chats/{chat}/messages", content=body.replace("false", "true"))).text)
    assert told[-2][1]["final_text"] == text
    assert (await client.get(f"/chats/{chat}/messages")).json()["data"][-1]["content"] == text


@pytest.mark.parametrize("tags", [False, True])
async def test_tools_are_steps_and_their_tags_stay_in_what_is_stored(client, tags):
    chat = await begin(client, RESEARCHER)
    told = await stream(client, f"/chats/{chat}/messages", message="Which glaze?", agent_id=RESEARCHER, include_tool_tags=tags)
    starts = [payload["step"] for kind, payload in told if kind.endswith("step.start")]
    ends = [payload["step"] for kind, payload in told if kind.endswith("step.end")]
    assert [step["id"] for step in starts] == [step["id"] for step in ends] and len(starts) == 4
    assert {"retrieve_context_objs", "search_web"} < {step["tool_name"] for step in starts}
    tools = [step for step in starts if step["args"]]
    final = told[-2][1]["final_text"]
    stored = (await client.get(f"/chats/{chat}/messages")).json()["data"][-1]
    for step in tools:
        tag = f"<tool id={step['id']}>{step['tool_name']}</tool>"
        assert tag in stored["content"] and (tag in final) is tags
    assert len(stored["meta"]["reasoning_steps"]) == 4 and len(stored["meta"]["token_usage"]["tool_calls"]) == 2


async def test_an_answer_goes_on_without_its_listener_and_turns_of_a_chat_keep_their_order(client):
    chat = await begin(client, METRONOME)
    body = {"message": "stream 30 at 300", "agent_id": METRONOME}
    async with client.stream("POST", f"/chats/{chat}/messages", json=body) as response:
        assert response.status_code == 200
    assert (await say(client, chat, "after")).json()["data"] == "after"
    rows = (await client.get(f"/chats/{chat}/messages")).json()["data"]
    assert [row["role"] for row in rows] == ["system", "user", "user", "assistant", "assistant"]
    assert len(rows[3]["content"]) == 120 and rows[4]["content"] == "after" and rows[4]["group_id"] == rows[2]["group_id"]


async def test_a_rate_is_kept(client):
    chat = await begin(client, METRONOME)
    loop = asyncio.get_running_loop()
    began = loop.time()
    reply = await say(client, chat, "stream 21 at 200", METRONOME)
    assert len(reply.json()["data"]) == 84 and loop.time() - began >= 0.09


async def test_rename_wins_over_the_title(sandbox, client):
    chat = await begin(client)
    assert (await client.put(f"/chats/{chat}", json={"name": "Mine"})).json()["data"]["name"] == "Mine"
    told = await stream(client, f"/chats/{chat}/messages", message="hello", agent_id=PARROT)
    assert "response.chat.title.updated" not in [kind for kind, _ in told]
    assert (await client.put(f"/chats/{chat}", json={"name": "x" * 257})).status_code == 422
    assert [entry["name"] for entry in ledger(sandbox, "rename")] == ["Mine"]


async def test_regenerate_replaces_the_last_answer(sandbox, client):
    chat = await begin(client)
    assert (await client.post(f"/chats/{chat}/regenerate", json={"agent_id": PARROT})).status_code == 400
    await say(client, chat, "one")
    await say(client, chat, "two")
    before = (await client.get(f"/chats/{chat}/messages")).json()["data"]
    told = await stream(client, f"/chats/{chat}/regenerate", agent_id=PARROT)
    assert told[0][1]["user_conversation_id"] == before[3]["id"] and told[-2][1]["final_text"] == "two"
    after = (await client.get(f"/chats/{chat}/messages")).json()["data"]
    assert [row["content"] for row in after] == [row["content"] for row in before]
    assert after[4]["id"] > before[4]["id"] and after[4]["group_id"] == before[4]["group_id"]
    assert (await client.post(f"/chats/{chat}/regenerate", json={"stream": False})).json()["data"] == "two"
    assert len(ledger(sandbox, "regenerate")) == 2 and len(ledger(sandbox, "prompt")) == 2


async def test_feedback(sandbox, client):
    chat = await begin(client)
    await say(client, chat, "rate me")
    rows = (await client.get(f"/chats/{chat}/messages")).json()["data"]
    path = f"/chats/{chat}/messages/{rows[2]['id']}/feedbacks"
    assert (await client.post(path, json={"type": "sys_improve", "content": "meh"})).json()["data"]["type"] == "sys_improve"
    await client.post(path, json={"type": "sys_helpful"})
    await client.post(path, json={"type": "sys_helpful", "external_user_id": "u"})
    found = (await client.get(f"/chats/{chat}/messages")).json()["data"][2]["feedbacks"]
    assert [(one["type"], one["content"], one["identity"]["external_user_id"]) for one in found] == [
        ("sys_helpful", None, None),
        ("sys_helpful", None, "u"),
    ]
    assert (await client.post(path, json={"rating": "good"})).json()["data"]["errors"][0]["field"] == "body.type"
    for other in (rows[1]["id"], 12345):
        assert (await client.post(f"/chats/{chat}/messages/{other}/feedbacks", json={"type": "sys_helpful"})).status_code == 404
    assert len(ledger(sandbox, "rating")) == 3


# --- forms ------------------------------------------------------------------------------------------------------------

FILLED = {
    "full_name": "Ada K.",
    "guests": 2,
    "day": "2026-03-09",
    "course": "hand",
    "level": "some",
    "extras": ["tea"],
    "wishes": "A bowl",
}


async def ask(client, chat):
    told = await stream(client, f"/chats/{chat}/messages", message="a visit", agent_id=INTAKE)
    step = next(
        payload["step"]
        for kind, payload in told
        if kind.endswith("step.end") and payload["step"]["type"] == "consultant_request_form"
    )
    assert told[-2][0] == "response.output_text.completed"
    return step["result"]["form_request_id"], told


async def test_a_form_is_asked_for_and_its_submission_goes_on_with_the_turn(sandbox, client):
    chat = await begin(client, INTAKE)
    form, told = await ask(client, chat)
    row = (await client.get(f"/chats/{chat}/messages")).json()["data"][-1]
    assert row["meta"]["form_request"]["form_request_id"] == form and row["meta"]["form_request"]["status"] == "pending"
    assert len(row["meta"]["form_request"]["form"]["fields"]) == 7
    path = f"/chats/{chat}/form-requests/{form}/submit"
    more = await stream(client, path, data=FILLED, agent_id=INTAKE)
    assert "Building by hand" in more[-2][1]["final_text"]
    assert more[0][1]["conversation_group_id"] == told[0][1]["conversation_group_id"]
    rows = (await client.get(f"/chats/{chat}/messages")).json()["data"]
    assert [row["role"] for row in rows] == ["system", "user", "assistant", "assistant"]
    assert rows[2]["meta"]["form_request"]["status"] == "submitted" and rows[3]["group_id"] == rows[1]["group_id"]
    assert ledger(sandbox, "answer")[0]["data"] == FILLED
    assert (await client.post(path, json={"data": FILLED})).status_code == 400
    assert (await client.post(f"/chats/{chat}/form-requests/form_x/submit", json={"data": FILLED})).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"full_name": None}, "full_name"),
        ({"guests": "2"}, "guests"),
        ({"guests": True}, "guests"),
        ({"day": "9 March"}, "day"),
        ({"course": "cooking"}, "course"),
        ({"extras": "tea"}, "extras"),
        ({"extras": ["gold"]}, "extras"),
        ({"wishes": 7}, "wishes"),
    ],
)
async def test_a_form_that_does_not_fit_is_refused_by_field_and_can_be_sent_again(client, change, field):
    chat = await begin(client, INTAKE)
    form, _ = await ask(client, chat)
    path = f"/chats/{chat}/form-requests/{form}/submit"
    refused = await client.post(path, json={"data": {**FILLED, **change}})
    assert refused.status_code == 422 and [error["field"] for error in refused.json()["data"]["errors"]] == [f"body.data.{field}"]
    assert (await client.post(path, json={})).status_code == 422
    assert (await client.post(path, json={"data": FILLED, "stream": False})).json()["data"].startswith("Thank you, Ada K.")


async def test_a_form_waits_over_a_restart(tmp_path):
    async with running_sandbox(data=tmp_path) as ready, codeer_client(ready) as client:
        chat = await begin(client, INTAKE)
        form, _ = await ask(client, chat)
    async with running_sandbox(data=tmp_path) as ready, codeer_client(ready) as client:
        reply = await client.post(f"/chats/{chat}/form-requests/{form}/submit", json={"data": FILLED, "stream": False})
        assert "Ada K." in reply.json()["data"]


# --- files ------------------------------------------------------------------------------------------------------------


async def test_upload_and_attach(sandbox, client):
    reply = await client.post(
        "/chats/upload-file", files={"file": ("pot.png", b"\x89PNG" * 5, "image/png")}, data={"data": '{"scope": "ephemeral"}'}
    )
    file = reply.json()["data"]
    assert {**file, "uuid": "", "file_url": ""} == {
        "uuid": "", "original_name": "pot.png", "content_type": "image/png", "size": 20, "file_url": "", "scope": "ephemeral",
    }  # fmt: skip
    chat = await begin(client)
    await say(client, chat, "look", attached_file_uuids=[file["uuid"]])
    row = (await client.get(f"/chats/{chat}/messages")).json()["data"][1]
    assert row["attached_files"][0]["id"] == file["uuid"] and row["attached_files"][0]["type"] == "image/png"
    assert (await say(client, chat, "look", attached_file_uuids=["nope"])).status_code == 400
    entry = ledger(sandbox, "upload")[0]
    assert entry["uuid"] == file["uuid"] and entry["size"] == 20 and len(entry["sha256"]) == 64


async def test_uploads_that_are_refused(client):
    assert (
        await client.post("/chats/upload-file", files={"file": ("x.bin", b"x", "application/octet-stream")})
    ).status_code == 400
    assert (await client.post("/chats/upload-file", files={"other": ("x.txt", b"x", "text/plain")})).status_code == 422
    for scope in ("{", '{"scope": "eternal"}'):
        sent = await client.post("/chats/upload-file", files={"file": ("x.txt", b"x", "text/plain")}, data={"data": scope})
        assert sent.status_code == 422
    plain = await client.post("/chats/upload-file", files={"file": ("x.md", b"x", "text/markdown")}, data={"scope": "ephemeral"})
    assert plain.json()["data"]["scope"] == "ephemeral"
    assert (await client.post("/chats/upload-file", json={})).status_code == 422
