"""The vendor's own command line works against the sandbox (contract 14): its code knows nothing of ours."""

import asyncio
import json
import os
import sys

import pytest

from tests.servers import codeer_client, ledger

GUIDE, RESEARCHER = "b0a7c1de-0001-4c1d-9a3e-5d6f00000001", "b0a7c1de-0004-4c1d-9a3e-5d6f00000004"


@pytest.fixture
def codeer(sandbox, tmp_path):
    async def run(*words, key=sandbox.codeer_key):
        env = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(tmp_path),
            "CODEER_API_BASE": sandbox.codeer_base.removesuffix("/api/v1"),
            "CODEER_API_KEY": key,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "codeer_cli.cli", *words, env=env, cwd=tmp_path, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), 30)
        return process.returncode, out.decode(), err.decode()

    return run


async def test_check(codeer):
    code, out, err = await codeer("check", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert told["status"] == "ok" and told["auth"]["ok"] and told["workspace"]["name"] == "Sandbox"
    code, out, _ = await codeer("check", "--json", key="cdr-wrong")
    assert code == 1 and not json.loads(out)["auth"]["ok"]


async def test_agents(codeer):
    code, out, err = await codeer("agent", "list")
    assert code == 0, err
    assert all(name in out for name in ("Guide", "Parrot", "Metronome", "Researcher", "Intake"))


async def test_create_send_list_and_read_a_history(codeer, sandbox, tmp_path):
    words = ("history", "create", "--agent", RESEARCHER, "--title", "By the vendor", "--user", "ada", "--message", "Which glaze?")
    code, out, err = await codeer(*words, "--message", "And then?", "--out", "made.json")
    assert code == 0, err
    made = json.loads((tmp_path / "made.json").read_text())
    history = made["history_id"]
    assert [turn["completed"] for turn in made["messages"]] == [True, True]
    assert "What I found" in made["messages"][0]["final_text"] and made["messages"][0]["updated_title"] == "Which glaze?"
    kinds = [part["part_kind"] for part in made["conversation_parts"]]
    assert kinds[0] == "user-prompt" and kinds.count("text") == 2 and "tool-call" in kinds and kinds.count("tool-return") == 8
    assert not any("<tool" in str(part["content"]) for part in made["conversation_parts"] if part["part_kind"] == "text")
    code, out, err = await codeer("history", "send", str(history), "--message", "Thanks", "--agent", GUIDE)
    assert code == 0, err
    assert [entry["text"] for entry in ledger(sandbox, "prompt")] == ["Which glaze?", "And then?", "Thanks"]
    assert {entry["external_user_id"] for entry in ledger(sandbox, "prompt")} == {"ada"}
    code, out, err = await codeer("history", "list")
    assert code == 0 and json.loads(out)[0]["id"] == history, err
    code, out, err = await codeer("history", "get", str(history))
    assert code == 0 and json.loads(out)["external_user_id"] == "ada", err
    code, out, err = await codeer("history", "conversations", str(history))
    assert code == 0 and json.loads(out)["turn_count"] == 3, err
    async with codeer_client(sandbox) as client:
        assert len((await client.get(f"/chats/{history}/messages")).json()["data"]) == 7


async def test_negative_feedback_is_found(codeer, sandbox):
    async with codeer_client(sandbox) as client:
        chat = (await client.post("/chats", json={"name": "x", "agent_id": RESEARCHER})).json()["data"]["id"]
        await client.post(f"/chats/{chat}/messages", json={"message": "a", "agent_id": RESEARCHER, "stream": False})
        answer = (await client.get(f"/chats/{chat}/messages")).json()["data"][-1]["id"]
        await client.post(f"/chats/{chat}/messages/{answer}/feedbacks", json={"type": "sys_improve", "content": "Too short."})
    code, out, err = await codeer("history", "negative-feedback", "--agent", RESEARCHER)
    assert code == 0, err
    assert "Too short." in out


async def test_a_failed_stream_is_a_failure_there_too(codeer, sandbox):
    sandbox.world.faults.add({"match": "POST /chats/*/messages", "fault": "error_event", "n": 2})
    code, _, err = await codeer("history", "create", "--agent", GUIDE, "--message", "hi")
    assert code != 0 and "turn 1/1" in err


async def test_one_agent(codeer):
    code, out, err = await codeer("agent", "get", GUIDE)
    assert code == 0 and "Guide" in out, err
