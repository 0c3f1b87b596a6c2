"""The commands behind custom tools: run once, their result kept before it is sent and sent again after a crash."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.errors import SettingsError, UsageError
from app.models import RequestKind, Stop
from app.sandbox.server import Ready
from app.store import Store
from app.tools import LARGEST, Command, Tools, command_of, read_result, run
from app.turns import Talk
from tests.servers import ledger
from tests.turns.conftest import Scene, scene

TOOL = "look_up_order"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def counting(path: Path, more: str = "") -> list[str]:
    """A command that leaves a line for every time it ran, then repeats what it was given."""
    return python(
        f"import json, sys\nwith open({str(path)!r}, 'a') as out: out.write('ran\\n')\n{more}\nprint('got', json.load(sys.stdin))"
    )


async def waiting(stage: Scene) -> Talk:
    talk = await stage.talk("Clerk")
    await stage.turns.submit(talk, "Where is order B-77?")
    await stage.turns.idle(talk)
    assert talk.turn is not None and talk.turn.waiting[0].kind is RequestKind.TOOL
    return talk


def tools_of(stage: Scene, command: list[str], **more: Any) -> Tools:
    return Tools(stage.store, stage.turns, {TOOL: {"command": command, **more}})


async def test_it_runs_once_and_its_result_is_the_answer(ready: Ready, tmp_path: Path) -> None:
    async with scene("qoder", tmp_path, ready) as stage:
        talk = await waiting(stage)
        assert talk.turn is not None
        request = talk.turn.waiting[0]
        tools = tools_of(stage, counting(tmp_path / "ran"))
        await asyncio.gather(*(tools.answer(talk, request) for _ in range(3)))
        await stage.turns.idle(talk)
        assert talk.turn.stop is Stop.DONE
        assert "got {'number': 'B-77'}" in talk.turn.answer
        await tools.answer(talk, request)
        await stage.turns.idle(talk)
        await tools.aclose()
        assert (tmp_path / "ran").read_text() == "ran\n"
        assert len(ledger(ready, "answer")) == 1


async def test_a_result_that_was_kept_is_sent_again_and_never_made_again(ready: Ready, tmp_path: Path) -> None:
    async with scene("qoder", tmp_path, ready) as stage:
        talk = await waiting(stage)
        assert talk.turn is not None
        request, pk = talk.turn.waiting[0], talk.pk
        tools = tools_of(stage, counting(tmp_path / "ran"))
        await tools.result(talk, request)
        await tools.aclose()
    async with scene("qoder", tmp_path, ready) as after:
        tools = tools_of(after, counting(tmp_path / "ran"))
        assert not ledger(ready, "answer")
        assert await tools.send_kept(after.vendor, await after.store.account(after.profile)) == 1
        talk = next(talk for talk in after.turns.talks if talk.pk == pk)
        await after.turns.idle(talk)
        assert talk.turn is not None and talk.turn.stop is Stop.DONE
        assert (tmp_path / "ran").read_text() == "ran\n"
        assert [entry["text"] for entry in ledger(ready, "answer")] == ["got {'number': 'B-77'}\n"]


async def test_a_run_whose_result_was_lost_is_not_repeated(ready: Ready, tmp_path: Path) -> None:
    async with scene("qoder", tmp_path, ready) as stage:
        talk = await waiting(stage)
        assert talk.turn is not None
        request = talk.turn.waiting[0]
        first = tools_of(stage, counting(tmp_path / "ran", "import time; time.sleep(60)"))
        begun = asyncio.create_task(first.result(talk, request))
        while not ((tmp_path / "ran").exists() and (tmp_path / "ran").read_text()):
            await asyncio.sleep(0.01)
        assert first.running(talk, request)
        await first.aclose()
        await asyncio.gather(begun, return_exceptions=True)
        second = tools_of(stage, counting(tmp_path / "ran"))
        with pytest.raises(UsageError, match="its result was lost"):
            await second.answer(talk, request)
        assert await second.send_kept(stage.vendor, await stage.store.account(stage.profile)) == 0
        assert (tmp_path / "ran").read_text() == "ran\n"
        assert not ledger(ready, "answer")


async def test_without_asking_it_runs_as_soon_as_it_is_called(ready: Ready, tmp_path: Path) -> None:
    async with scene("qoder", tmp_path, ready) as stage:
        tools = tools_of(stage, counting(tmp_path / "ran"), ask=False)
        stage.turns.listen(tools.heard)
        talk = await stage.talk("Clerk")
        turn = await stage.turns.submit(talk, "Where is order B-77?")
        async with asyncio.timeout(20):
            await stage.turns.until(talk, lambda: turn.stop is Stop.DONE)
        await tools.aclose()
        assert (tmp_path / "ran").read_text() == "ran\n"


async def test_one_that_asks_is_left_alone(ready: Ready, tmp_path: Path) -> None:
    async with scene("qoder", tmp_path, ready) as stage:
        tools = tools_of(stage, counting(tmp_path / "ran"))
        stage.turns.listen(tools.heard)
        await waiting(stage)
        await tools.aclose()
        assert not (tmp_path / "ran").exists()


async def test_what_cannot_start_did_not_run(ready: Ready, tmp_path: Path) -> None:
    async with scene("qoder", tmp_path, ready) as stage:
        talk = await waiting(stage)
        assert talk.turn is not None
        request = talk.turn.waiting[0]
        with pytest.raises(UsageError, match="cannot be started"):
            await tools_of(stage, [str(tmp_path / "nothing")]).answer(talk, request)
        assert await stage.store.results.find(talk.pk, request.event_id) is None
        await tools_of(stage, python("print('now')")).answer(talk, request)
        await stage.turns.idle(talk)
        assert "now" in talk.turn.answer


async def test_a_failure_is_the_result_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    output, failed = await run(Command(tuple(python("import sys; print('x'); sys.exit('no such order')"))), {})
    assert failed and output == "The command failed (exit code 1).\nno such order"
    monkeypatch.setenv("QODER_PAT", "pt-secret")
    monkeypatch.setenv("CODEER_API_KEY", "secret")
    monkeypatch.setenv("PARLOUR_HOME", "/secret")
    output, failed = await run(Command(tuple(python("import os, json; print(json.dumps(dict(os.environ)))"))), None)
    assert not failed and "secret" not in output and "PATH" in json.loads(output)


async def test_time_and_size_are_limited(tmp_path: Path) -> None:
    mark = tmp_path / "child"
    code = f"import os, subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n" \
           f"open({str(mark)!r}, 'w').write(str(os.getpgid(0)))\ntime.sleep(600)"  # fmt: skip
    output, failed = await run(Command(tuple(python(code)), seconds=1.5), {})
    assert failed and "did not end within 1.5 seconds" in output
    if mark.exists():
        group = int(mark.read_text())
        async with asyncio.timeout(10):
            while True:
                try:
                    os.killpg(group, 0)
                except ProcessLookupError:
                    break
                await asyncio.sleep(0.02)
    output, failed = await run(Command(tuple(python(f"print('é' * {LARGEST})"))), {})
    assert not failed and output.endswith("[cut here: it was longer]") and len(output.encode()) <= LARGEST + 100
    output, _ = await run(Command(tuple(python("print('did not read')"))), "x" * 3_000_000)
    assert output == "did not read\n"


@pytest.mark.parametrize(
    "table",
    [
        {"command": []},
        {"command": [1]},
        {"command": "'"},
        {"command": {"a": 1}},
        {"command": ["x"], "timeout": 0},
        {"command": ["x"], "timeout": "soon"},
        {"command": ["x"], "ask": "no"},
    ],
)
def test_a_bad_table_is_one_sentence(table: Mapping[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"config\.toml: .*'t'"):
        command_of({"t": table}, "t")


def test_nothing_runs_without_a_command() -> None:
    assert command_of({}, "t") is None and command_of({"t": {"timeout": 3}}, "t") is None
    assert command_of({"t": {"command": "look-up --json 'a b'"}}, "t") == Command(("look-up", "--json", "a b"))


def test_a_result_from_a_file(tmp_path: Path) -> None:
    good, bad, large = tmp_path / "good", tmp_path / "bad", tmp_path / "large"
    good.write_bytes("\ufeffnaïve".encode())
    bad.write_bytes(b"\xff\xfe\x00")
    large.write_bytes(b"x" * (LARGEST + 1))
    assert read_result(good) == "naïve"
    for path in (bad, large, tmp_path, tmp_path / "none"):
        with pytest.raises(UsageError, match="Nothing was answered"):
            read_result(path)


async def test_results_go_with_their_conversation(tmp_path: Path, ready: Ready) -> None:
    async with scene("qoder", tmp_path, ready) as stage:
        talk = await waiting(stage)
        assert await stage.store.results.begin(talk.pk, "e") and not await stage.store.results.begin(talk.pk, "e")
        await stage.store.results.keep(talk.pk, "e", "very secret result", failed=False)
        other = await Store.open(stage.store.path)
        found = await other.results.find(talk.pk, "e")
        assert found is not None and found.done and found.output == "very secret result"
        await other.aclose()
        await stage.turns.aclose()
        await stage.store.delete_conversation(talk.pk)
        assert await stage.store.results.find(talk.pk, "e") is None
    assert b"very secret result" not in (tmp_path / "parlour.db").read_bytes()
