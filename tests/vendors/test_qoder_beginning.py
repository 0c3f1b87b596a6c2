"""What a new session begins with, from the lines a person typed; and whether one that was never opened waits for somebody."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import inbox
from app.errors import UsageError
from app.models import RequestKind
from app.sandbox.server import Ready
from app.vendors.qoder.beginning import begun_with
from tests.servers import qoder_client, running_sandbox
from tests.turns.conftest import scene

LINES = {
    "version": "4",
    "files": "file_1:/mnt/a.csv, file_2",
    "vaults": "vault_9 vault_8",
    "variables": "CI=1  LANG=C",
    "metadata": "ticket=REL-34 why=a=b",
    "budget": "12.50",
}


def test_lines_become_the_fields_of_the_contract() -> None:
    assert begun_with("agent_1", LINES) == {
        "agent": {"type": "agent", "id": "agent_1", "version": 4},
        "resources": [
            {"type": "file", "file_id": "file_1", "mount_path": "/mnt/a.csv"},
            {"type": "file", "file_id": "file_2"},
        ],
        "vault_ids": ["vault_9", "vault_8"],
        "environment_variables": {"CI": "1", "LANG": "C"},
        "metadata": {"ticket": "REL-34", "why": "a=b"},
        "budget": {"type": "limit", "max_credit_cost": "12.50"},
    }
    assert begun_with("agent_1", {"version": " ", "files": ""}) == {}


@pytest.mark.parametrize(
    "line",
    [
        {"version": "0"},
        {"version": "x"},
        {"budget": "free"},
        {"metadata": "a"},
        {"variables": "1A=b"},
        {"variables": "QODER_A=b"},
    ],
)
def test_a_bad_line_is_one_sentence_and_nothing_is_sent(line: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        begun_with("agent_1", line)


async def test_what_waits_in_sessions_that_were_never_opened_is_found(tmp_path: Path) -> None:
    async with running_sandbox() as ready, scene("qoder", tmp_path, ready) as stage:
        waiting = await begin(ready, "clerk", "Where is order B-77?")
        await begin(ready, "parrot", "done")
        account, known = await stage.store.account(stage.profile), dict[str, str]()
        assert await inbox.waiting(stage.store, [account]) == []
        await inbox.look_around(stage.store, stage.turns, stage.vendor, account, known)
        (talk,) = stage.turns.talks
        await stage.turns.idle(talk)
        (found,) = await inbox.waiting(stage.store, [account])
        assert (found.stored.conversation.id, found.request.kind) == (waiting, RequestKind.TOOL)
        assert len(known) == 1
        await inbox.look_around(stage.store, stage.turns, stage.vendor, account, known)
        assert len(stage.turns.talks) == 1 and not talk.busy


async def begin(ready: Ready, agent: str, text: str) -> str:
    """A session that somebody else talks in, once its turn has come to rest."""
    async with qoder_client(ready) as client:
        event = {"type": "user.message", "content": [{"type": "text", "text": text}]}
        body = {"agent": f"agent_sandbox_{agent}", "environment_id": "env_default", "initial_events": [event]}
        made = str((await client.post("/sessions", json=body)).json()["id"])
        while (await client.get(f"/sessions/{made}")).json()["status"] != "idle":
            pass
        return made
