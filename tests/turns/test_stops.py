"""How a Qoder turn stops is told apart, in both dialects: tries used up, session ended, over budget, mended by the platform."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli.final import exit_code
from app.models import Conversation, PartKind, Status, Stop
from app.transcript import Turn
from app.turns import Chip, Talk, chip
from tests.servers import qoder_client, running_sandbox
from tests.turns.conftest import Scene, scene


async def asked(stage: Scene, prompt: str, **begins: object) -> tuple[Talk, Turn]:
    async with qoder_client(stage.ready) as client:
        agent = (await client.post("/agents", json={"name": "W", "model": "auto"})).json()["id"]
    local = Conversation(f"~{prompt}", agent_id=agent, environment="env_default", raw=begins)
    account = await stage.store.account(stage.profile)
    talk = await stage.turns.open(stage.vendor, await stage.store.save_conversation(account, local))
    turn = await stage.turns.submit(talk, prompt)
    await stage.turns.idle(talk)
    return talk, turn


def notices(turn: Turn) -> list[str]:
    return [part.text for part in turn.parts if part.kind is PartKind.NOTICE]


@pytest.mark.parametrize("dialect", ["intl", "cn"])
async def test_each_has_its_own_words_and_code(dialect: str, tmp_path: Path) -> None:
    async with running_sandbox(dialect=dialect) as ready, scene("qoder", tmp_path, ready) as stage:
        talk, turn = await asked(stage, "fail")
        assert (turn.stop, exit_code(turn), talk.conversation.status) == (Stop.FAILED, 1, Status.IDLE)
        assert turn.failure is not None and "tries are used up; you may ask again" in turn.failure.message
        assert chip(talk, 0.0)[0] is Chip.FAILED

        talk, turn = await asked(stage, "fail for good")
        assert (turn.stop, exit_code(turn), talk.conversation.status) == (Stop.FAILED, 1, Status.CLOSED)
        assert turn.failure is not None and "terminated; it takes no more input" in turn.failure.message

        talk, turn = await asked(stage, "reschedule")
        assert (turn.stop, exit_code(turn), turn.answer) == (Stop.DONE, 0, "I am back.")
        assert any("the platform tries again" in words for words in notices(turn))

        talk, turn = await asked(stage, "stream 4000", budget={"type": "limit", "max_credit_cost": "0.01"})
        assert (turn.stop, exit_code(turn), talk.conversation.status) == (Stop.OVER_BUDGET, 1, Status.IDLE)
        assert turn.failure is not None and "credit limit" in turn.failure.message
