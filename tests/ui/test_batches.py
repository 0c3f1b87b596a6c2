"""The batch cockpit on the real program and a real sandbox: from a file to answers, and what goes on without the screen."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from app.sandbox.server import Ready
from app.ui.dialogs import AskLine, ConfirmDialog
from app.ui.pick import FileDialog
from app.ui.reader import SureDialog
from app.ui.screens.agents import AgentsScreen
from app.ui.screens.batches import BatchesScreen
from app.ui.screens.conversation import ConversationScreen
from app.ui.screens.new_talk import NewTalkDialog
from app.ui.widgets.rows import Rows
from tests.servers import ledger
from tests.ui.test_places import application, listed, place, until, use

NOBODY = "nobody"


def states(pilot: Pilot[Any]) -> list[tuple[str, ...]]:
    return [tuple(cell.text for cell in row.cells[:4]) for row in pilot.app.screen.query_one("#list", Rows).rows]


async def cockpit(pilot: Pilot[Any]) -> BatchesScreen:
    await until(pilot, lambda: isinstance(pilot.app.screen, AgentsScreen) and "Parrot" in listed(pilot))
    await pilot.press("f6")
    await until(pilot, lambda: isinstance(pilot.app.screen, BatchesScreen))
    screen: BatchesScreen = place(pilot, BatchesScreen)
    return screen


async def new_batch(pilot: Pilot[Any], file: Path, agent: str = "Parrot", **answers: str) -> str:
    """Through the dialogs; gives the preview's text."""
    screen = place(pilot, BatchesScreen)
    await pilot.press("n")
    await until(pilot, lambda: isinstance(pilot.app.screen, FileDialog))
    pilot.app.screen.query_one("#line", Input).value = str(file)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, NewTalkDialog))
    await fill(pilot, agent, **answers)
    await until(pilot, lambda: isinstance(pilot.app.screen, SureDialog))
    shown = str(pilot.app.screen._text)  # type: ignore[attr-defined]
    await pilot.press("y")
    await until(pilot, lambda: pilot.app.screen is screen)
    return shown


async def fill(pilot: Pilot[Any], agent: str, **answers: str) -> None:
    dialog = pilot.app.screen
    assert isinstance(dialog, NewTalkDialog)
    for index, one in enumerate(dialog._wanted):
        if one.name == "agent":
            place_of = next(number for number, (_, label) in enumerate(one.options) if label.startswith(agent))
            buttons = list(dialog.query_one(f"#new-{index}").children)
            buttons[place_of].toggle()  # type: ignore[attr-defined]
            await pilot.pause()
        elif one.name in answers:
            dialog.query_one(f"#new-{index}", Input).value = answers[one.name]
    await pilot.press("ctrl+s")


async def test_from_a_file_to_answers_and_once_more_what_failed(
    sandbox: Ready, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, sandbox, "codeer")
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "glazes.csv"
    file.write_text(f"Question,agent_id\nWhat is cone 6?,\nWhich glaze?,{NOBODY}\nAnd matte?,\n")
    async with application((120, 40)) as pilot:
        screen = await cockpit(pilot)
        shown = await new_batch(pilot, file, message="Question")
        assert "3 prompts in 1 batch for Parrot" in shown and "What is cone 6?" in shown
        await until(pilot, lambda: bool(states(pilot)) and states(pilot)[0][1:] == ("completed", "3 of 3", "1 failed"))
        await pilot.press("f")
        below = screen.query_one("#rows", Rows)
        await until(pilot, lambda: len(below.rows) == 1)
        assert [cell.text for cell in below.rows[0].cells[1:]] == ["×", "Which glaze?", "Agent not found"]
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("y")
        await until(pilot, lambda: len(states(pilot)) == 2 and states(pilot)[0][1] == "failed")
        await pilot.press("f", "down", "enter")
        await until(pilot, lambda: below.has_focus and len(below.rows) == 3)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, AskLine))
        await pilot.press("enter")
        await until(pilot, lambda: (tmp_path / "glazes-answers.csv").exists())
        written = list(csv.DictReader((tmp_path / "glazes-answers.csv").read_text().splitlines()))
        assert [row["status"] for row in written] == ["ok", "failed", "ok"] and written[2]["response"] == "And matte?"
        await pilot.press("home", "o")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen))
        talk = place(pilot, ConversationScreen).talk
        await until(pilot, lambda: bool(talk.transcript.turns and talk.transcript.turns[-1].answer == "What is cone 6?"))
    assert [entry["count"] for entry in ledger(sandbox, "batch")] == [3, 1]


async def test_a_wrong_answer_is_told_and_asked_again(sandbox: Ready, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use(monkeypatch, sandbox, "codeer")
    file = tmp_path / "two.jsonl"
    file.write_text('{"message": "a", "custom_id": "x"}\n{"message": "b", "custom_id": "x"}\n')
    async with application() as pilot:
        await cockpit(pilot)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, FileDialog))
        pilot.app.screen.query_one("#line", Input).value = str(file)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, NewTalkDialog))
        first = pilot.app.screen
        await fill(pilot, "Guide")
        await until(pilot, lambda: pilot.app.screen is not first and isinstance(pilot.app.screen, NewTalkDialog))
        second = pilot.app.screen
        await fill(pilot, "Guide", custom_id="", webhook="http://hooks.example/x")
        await until(pilot, lambda: pilot.app.screen is not second and isinstance(pilot.app.screen, NewTalkDialog))
        await fill(pilot, "Guide", webhook="https://hooks.example/x", secret="s3cr3t", events="completed")
        await until(pilot, lambda: isinstance(pilot.app.screen, SureDialog))
        body = str(pilot.app.screen._text)  # type: ignore[attr-defined]
        assert "s3cr3t" not in body and "https://hooks.example/x" in body
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, NewTalkDialog))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, BatchesScreen))
    assert not ledger(sandbox, "batch")


async def test_it_goes_on_without_the_screen_and_after_a_restart(
    sandbox: Ready, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, sandbox, "codeer")
    file = tmp_path / "slow.jsonl"
    file.write_text("".join(json.dumps({"message": f"stream {40 + n} at 4"}) + "\n" for n in range(12)))
    async with application() as pilot:
        await cockpit(pilot)
        await new_batch(pilot, file, "Metronome")
        await until(pilot, lambda: bool(states(pilot)) and states(pilot)[0][1] == "running")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, AgentsScreen))
    async with application() as pilot:
        screen = await cockpit(pilot)
        await until(pilot, lambda: bool(states(pilot)) and states(pilot)[0][1:3] == ("completed", "12 of 12"), 40.0)
        assert len(screen.query_one("#rows", Rows).rows) == 12
    assert len(ledger(sandbox, "batch")) == 1


async def test_cancelling_and_a_batch_begun_elsewhere(sandbox: Ready, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from tests.sandbox.test_codeer_batches import METRONOME, rows
    from tests.servers import codeer_client

    use(monkeypatch, sandbox, "codeer")
    async with codeer_client(sandbox) as client:
        await client.post("/batches", json={"agent_id": METRONOME, "requests": rows(*["stream 2000 at 10"] * 30)})
    async with application((80, 24)) as pilot:
        await cockpit(pilot)
        await until(pilot, lambda: bool(states(pilot)) and states(pilot)[0][1] == "running")
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("y")
        await until(pilot, lambda: isinstance(pilot.app.screen, BatchesScreen) and states(pilot)[0][1] == "cancelled")
    assert len(ledger(sandbox, "cancel")) == 1


async def test_the_key_is_there_only_where_batches_are_taken(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "qoder")
    async with application() as pilot:
        await until(pilot, lambda: "Scribe" in listed(pilot))
        await pilot.press("f6")
        await pilot.pause()
        assert isinstance(pilot.app.screen, AgentsScreen)
