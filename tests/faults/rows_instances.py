"""M: several programs on one database, and several conversations at once in one."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from asyncio.subprocess import PIPE
from pathlib import Path
from unittest.mock import patch

import pytest

from app.errors import StoreError
from app.models import PromptState, Stop
from app.sandbox.server import Ready
from app.store import Store, database
from app.store.migrations import MIGRATIONS, migrate
from app.transcript import Turn
from app.turns import Talk
from tests.faults.invariants import Evidence, check
from tests.faults.kit.clocks import quick_clock
from tests.faults.kit.crossing import Crossing
from tests.faults.kit.relay import Relay, Toxics
from tests.faults.program import ROOT, arrived, environment, parlour
from tests.faults.rows import Case, row
from tests.faults.rows_delivery import program
from tests.faults.stage import SIDES, Stage
from tests.servers import running_sandbox
from tests.store.conftest import PROFILE
from tests.store.damage import sound
from tests.terminal import Terminal

AGENTS = {"codeer": "Metronome", "qoder": "Scribe"}


async def _writer(path: Path, name: str, count: int) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "tests.store.writer", str(path), name, str(count)]
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE, stderr=PIPE)


@row("M-01", "three instances write at once", once=True)
async def three(case: Case) -> str:
    """Every write of each goes through at its first try; whoever looks has the others' within two seconds."""
    count, path = case.size(1500, 60), case.folder / "home" / "parlour.db"
    store = await Store.open(path)
    account = await store.account(PROFILE)
    writers = [await _writer(path, str(number), count) for number in range(3)]
    ends = [asyncio.create_task(one.communicate()) for one in writers]
    began, version, looks = time.monotonic(), await store.version(), [0.0]
    while not all(end.done() for end in ends):
        await asyncio.sleep(0.1)
        looked = time.monotonic()
        if await store.version() != version:
            version = await store.version()
            await store.conversations([account])
            looks.append(time.monotonic() - looked)
    for writer, end in zip(writers, ends, strict=True):
        out, error = await end
        assert writer.returncode == 0 and out.split()[-1] == str(count - 1).encode(), error.decode()
    assert {one.conversation.id for one in await store.conversations([account])} == {"0", "1", "2"}
    assert [len(await store.turns(one.pk)) for one in await store.conversations([account])] == [count] * 3
    await store.aclose()
    looks.sort()
    assert sound(path) and looks[-1] <= 2.0, looks[-5:]
    seen = f"a list was read beside them in {looks[len(looks) // 2]:.2f} s, {looks[-1]:.2f} s at the most"
    return f"{3 * count} writes, 0 locked, in {time.monotonic() - began:.0f} s; {seen}"


async def _soak(path: Path, count: int, seconds: float, way: str) -> tuple[str, int, int]:
    """Writers that come and go, and one in three is killed on the way. (journal mode, operations, kills)."""
    modes: set[str] = set()
    end, operations, kills, name = time.monotonic() + seconds, 0, 0, 0

    async def lane(number: int) -> None:
        nonlocal operations, kills, name
        while (left := end - time.monotonic()) > 1:
            name += 1
            span = min(left, 5.0 + number % 5)
            command = [sys.executable, "-m", "tests.faults.soaking", str(path), f"w{name}", str(span), way]
            process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE, stderr=PIPE)
            if number % 3 == 2:
                await asyncio.sleep(span * 0.7)
                process.kill()
            out, error = await process.communicate()
            words = out.split()
            modes.update(word.decode() for word in words[:1])
            if process.returncode == -signal.SIGKILL:
                kills += 1
                continue
            assert process.returncode == 0, error.decode()[-2000:]
            operations += int(words[1])

    await asyncio.gather(*(lane(number) for number in range(count)))
    assert len(modes) == 1, modes
    return modes.pop(), operations, kills


@row("M-02", "ten instances for a long time, some of them killed", once=True)
async def soaked(case: Case) -> str:
    """With a rollback journal, which this SQLite gets, and with the WAL that a repaired one gets: 0 errors, the file sound."""
    told = []
    for way, mode in (("rollback", "truncate"), ("wal", "wal")):
        path = case.folder / way / "parlour.db"
        seconds = case.soak_minutes * 30 if case.full else 4.0
        found, operations, kills = await _soak(path, case.size(10, 3), seconds, way)
        assert found == mode and sound(path), (found, mode)
        told.append(f"{mode}: {operations} operations, {kills} killed in {seconds:.0f} s")
    return "; ".join(told) + "; 0 locked, integrity ok"


@row("M-03", "two instances in one conversation, both send", short=True)
async def both(case: Case) -> str:
    """Each prompt is sent once and answered in its place; both see all of them, and the store has each once."""
    count, clock = case.size(8, 3), quick_clock()
    async with running_sandbox() as ready:
        for side in SIDES:
            folder = case.folder / side
            port = int(ready.codeer_base.split(":")[2].split("/")[0])
            async with contextlib.AsyncExitStack() as opened:
                one = await opened.enter_async_context(program(side, folder, port, ready, clock))
                two = await opened.enter_async_context(program(side, folder, port, ready, clock))
                talk = await one.talk()
                await one.ask(talk, f"{side} begins")
                found = await two.store.get(talk.pk)
                assert found is not None
                other = await two.turns.open(two.vendor, found)
                await asyncio.gather(_talks(one, talk, side, "one", count), _talks(two, other, side, "two", count))
                for on, mine in ((one, talk), (two, other)):
                    on.turns.refresh(mine)
                    await on.turns.idle(mine)
                texts = [f"{side} begins", *(f"{side} {name} {at}" for at in range(count) for name in ("one", "two"))]
                for mine in (talk, other):
                    assert sorted(turn.text for turn in mine.transcript.turns) == sorted(texts), [
                        t.text for t in mine.transcript.turns
                    ]
                assert all(turn.answer in ("", turn.text) for mine in (talk, other) for turn in mine.transcript.turns)
            check(Evidence(home=folder, submitted=texts, ledger=ready.world.ledger.entries))
    return f"{4 * count} prompts of two instances, each once at the server and once in the store, 0 answers crossed"


async def _talks(on: Stage, talk: Talk, side: str, name: str, count: int) -> None:
    for at in range(count):
        await on.ask(talk, f"{side} {name} {at}")
        if at % 2:
            on.turns.refresh(talk)
            await on.turns.idle(talk)


_HOLDER = """
import os, sqlite3, signal, sys
from pathlib import Path
from app.store.lock import WriteLock
path = Path(sys.argv[1])
lock = WriteLock(path.with_name(path.name + ".lock"))
lock.__enter__()
connection = sqlite3.connect(path, isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE notes SET value = 'half' || randomblob(9000)")
print("held", flush=True)
sys.stdin.read()
"""


@row("M-04", "one dies while it holds the lock", short=True)
async def dies(case: Case) -> str:
    """The other goes on at once, on a file that is as it was before the dead one's transaction."""
    path = case.folder / "home" / "parlour.db"
    store = await Store.open(path)
    await store.save_note("a", "whole")
    latest = 0.0
    for number in range(case.size(10, 2)):
        command = [sys.executable, "-c", _HOLDER, str(path)]
        holder = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=PIPE, stdout=PIPE)
        assert holder.stdout is not None and await holder.stdout.readline() == b"held\n"
        writing = asyncio.create_task(store.save_note("b", str(number)))
        await asyncio.wait([writing], timeout=0.1)
        assert not writing.done()
        holder.kill()
        began = time.monotonic()
        await holder.wait()
        await writing
        latest = max(latest, time.monotonic() - began)
        assert (await store.note("a"), await store.note("b")) == ("whole", str(number))
    await store.aclose()
    assert latest <= 5.0 and sound(path)
    return f"went on after {latest * 1000:.0f} ms at most"


@row("M-05", "an old and a new version at once", once=True)
async def versions(case: Case) -> str:
    """The newer one brings the file up to date only when it is alone; the older one then reads only."""
    path = case.folder / "home" / "parlour.db"
    newer = (*MIGRATIONS, ("ALTER TABLE notes ADD COLUMN more TEXT NOT NULL DEFAULT ''",))
    old = await Store.open(path)
    await old.save_note("a", "1")
    with patch.object(database, "MIGRATIONS", newer), patch.object(database, "migrate", lambda one: migrate(one, newer)):
        with pytest.raises(StoreError, match="older Parlour"):
            await Store.open(path)
        await old.save_note("a", "2")
        await old.aclose()
        new = await Store.open(path)
    reader = await Store.open(path)
    assert "newer Parlour" in reader.read_only and await reader.note("a") == "2"
    with pytest.raises(StoreError, match="newer Parlour"):
        await reader.save_note("a", "3")
    await new.save_note("a", "4")
    assert await reader.note("a") == "4"
    await reader.aclose()
    await new.aclose()
    return "refused while the old one runs, then done; the old one reads on"


@row("M-06", "another conversation is gone to while one streams", once=True)
async def switched(case: Case) -> str:
    """In the application: each answer is in its own conversation, whole, whoever is looked at meanwhile."""
    async with running_sandbox() as ready:
        home = case.folder / "home"
        await asyncio.to_thread(_switch, environment(home, ready, "codeer"), home)
        store = await Store.open(home / "parlour.db")
        told = {turn.text: turn for one in await store.conversations([1]) for turn in await store.turns(one.pk)}
        await store.aclose()
        assert set(told) == {"stream 150 at 60", "the other words"}, list(told)
        answers = {text: turn.answer for text, turn in told.items()}
        assert len(answers["stream 150 at 60"]) == 600 and answers["the other words"] == "the other words", answers
        assert all(turn.stop is Stop.DONE for turn in told.values())
    return "two answers, each in its own place"


def _switch(variables: dict[str, str], home: Path) -> None:
    def talk_to(agent: str, others: str) -> None:
        terminal.until(agent)
        terminal.type(agent.lower())
        terminal.until(lambda screen: agent in screen and others not in screen)
        terminal.press("enter")
        terminal.until("Write a message")

    with Terminal(home=home, extra=variables) as terminal:
        talk_to("Metronome", "Parrot")
        terminal.type("stream 150 at 60")
        terminal.press("enter")
        terminal.until("live")
        terminal.press("f2")
        talk_to("Parrot", "Metronome")
        terminal.type("the other words")
        terminal.press("enter")
        terminal.until(lambda screen: screen.count("the other words") >= 2 and "done" in screen)
        terminal.press("f3")
        terminal.until(lambda screen: "stream 150" in screen)
        terminal.settle(4.0)
        terminal.press("ctrl+q")
        terminal.wait()


@row("M-07", "two streams at once, one of them on a slow line", once=True)
async def slow(case: Case) -> str:
    """The quick one is done long before the slow one, and both are whole."""
    clock, count = quick_clock(), case.size(400, 100)
    took = []
    async with running_sandbox() as ready:
        for side in SIDES:
            port = int(ready.codeer_base.split(":")[2].split("/")[0])
            async with contextlib.AsyncExitStack() as opened:
                crossing = await opened.enter_async_context(Crossing(port).running())
                relay = await opened.enter_async_context(Relay(crossing.port, down=Toxics(bandwidth=20_000)).running())
                far = await opened.enter_async_context(program(side, case.folder / f"{side}-far", relay.port, ready, clock))
                near = await opened.enter_async_context(program(side, case.folder / f"{side}-near", port, ready, clock))
                began = time.monotonic()
                ends = [asyncio.create_task(_timed(on, AGENTS[side], count, began)) for on in (far, near)]
                late, soon = [await end for end in ends]
                assert soon < late, (soon, late)
                took.append(f"{side} {soon:.1f} s beside {late:.1f} s")
    return "; ".join(took)


async def _timed(on: Stage, agent: str, count: int, began: float) -> float:
    talk = await on.talk(agent)
    turn: Turn = await on.ask(talk, f"stream {count}")
    assert turn.stop is Stop.DONE and len(turn.answer) == 4 * count, (turn.stop, len(turn.answer))
    return time.monotonic() - began


@row("M-08", "both look up the same unknown prompt", short=True)
async def reconciled(case: Case) -> str:
    """A program was killed after its prompt had left; two start at the same moment. One looks it up, the record has it once."""
    count = case.size(5, 1)
    async with running_sandbox() as ready:
        for side in SIDES:
            folder = case.folder / side
            for at in range(count):
                text = f"stream 20 at 400 # {side} {at}"
                variables = environment(folder, ready, side)
                done = await parlour("ask", "--agent", AGENTS[side], text, variables=variables, failpoints="event#1=kill")
                assert done.code == -signal.SIGKILL and arrived(ready, text) == 1, done
                winners = await _both_start(side, folder, ready)
                assert winners == 1, winners
                check(Evidence(home=folder, submitted=[text], ledger=ready.world.ledger.entries))
                store = await Store.open(folder / "parlour.db")
                turns = [
                    turn for one in await store.conversations([1]) for turn in await store.turns(one.pk) if turn.text == text
                ]
                await store.aclose()
                assert [(turn.state, turn.stop, len(turn.answer)) for turn in turns] == [(PromptState.SENT, Stop.DONE, 80)], turns
    return f"{2 * count} prompts, one winner each, 0 answers attached twice"


async def _both_start(side: str, folder: Path, ready: Ready) -> int:
    """How many of two programs go on with what a third one left."""
    clock, port = quick_clock(), int(ready.codeer_base.split(":")[2].split("/")[0])
    async with contextlib.AsyncExitStack() as opened:
        both = [await opened.enter_async_context(program(side, folder, port, ready, clock, name=side)) for _ in range(2)]
        account = await both[0].store.account(both[0].profile)
        busy: set[int] = set()

        async def watch() -> None:
            while True:  # the quicker one may be done before the other has looked
                busy.update(number for number, on in enumerate(both) if any(talk.busy for talk in on.turns.talks))
                await asyncio.sleep(0)

        watching = asyncio.create_task(watch())
        await asyncio.gather(*(on.turns.pick_up(on.vendor, account) for on in both))
        for on in both:
            for talk in on.turns.talks:
                await on.turns.idle(talk)
        watching.cancel()
        return len(busy)
