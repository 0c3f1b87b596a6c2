"""D, the place of the file: full, read-only, locked, linked, elsewhere. What was there is never harmed."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import resource
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest

from app.errors import StoreError
from app.models import Conversation, PromptState, Stop
from app.sandbox.server import Ready
from app.store import Store, database, space
from app.transcript import Turn
from app.turns import Talk
from tests.faults.invariants import Evidence, check
from tests.faults.kit.census import pulse
from tests.faults.program import arrived, environment, parlour
from tests.faults.rows import Case, row
from tests.servers import running_sandbox
from tests.store.conftest import PROFILE, said
from tests.store.damage import fill, sound
from tests.turns.conftest import Scene, scene

SIDES = ("codeer", "qoder")
STREAMS = {"codeer": "Metronome", "qoder": "Scribe"}


async def full(store: Store, is_full: bool) -> None:
    """Let the file not grow any more, its free pages taken; or let it again."""

    def limit() -> None:
        connection = store._database.connection
        connection.execute(f"PRAGMA max_page_count = {1 if is_full else 1_000_000}").fetchone()
        if not is_full:
            connection.execute("DROP TABLE IF EXISTS filler")
            return
        free = connection.execute("PRAGMA freelist_count").fetchone()[0]
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("CREATE TABLE filler (x)")
            connection.execute("INSERT INTO filler VALUES (zeroblob(?))", (max(0, free - 4) * 4000,))
            for _ in range(8):
                connection.execute("INSERT INTO filler VALUES (zeroblob(3000))")

    await store._hand(limit)


@contextlib.asynccontextmanager
async def _stages(case: Case) -> AsyncIterator[list[Scene]]:
    async with running_sandbox() as ready, contextlib.AsyncExitStack() as opened:
        yield [await opened.enter_async_context(scene(side, case.folder / side, ready)) for side in SIDES]


@row("D-01", "the disk is full when a prompt is handed in", short=True)
async def full_at_submit(case: Case) -> str:
    """Nothing is sent, the person is told, earlier history is the same; when there is space again the same words go, once."""
    count = case.size(10, 2)
    async with _stages(case) as stages:
        for stage in stages:
            talk = await stage.talk()
            texts = [f"before {stage.side}"]
            await stage.turns.submit(talk, texts[0])
            await stage.turns.idle(talk)
            for number in range(count):
                text = f"{stage.side} {number} " + case.random.choice("abc") * 9_000
                await full(stage.store, True)
                before = stage.prompts()
                with pytest.raises(StoreError, match="disk is full"):
                    await stage.turns.submit(talk, text)
                await stage.turns.idle(talk)
                kept = await stage.store.turns(talk.pk)
                assert stage.prompts() == before and [turn.text for turn in kept] == texts and not talk.queued
                await full(stage.store, False)
                turn = await stage.turns.submit(talk, text)
                await stage.turns.idle(talk)
                texts.append(text)
                assert (turn.state, turn.stop) == (PromptState.SENT, Stop.DONE)
            ledger = stage.ready.world.ledger.entries
            check(Evidence(database=stage.store.path, submitted=texts, ledger=ledger))
    return f"{2 * count} refused, 0 sent meanwhile, {2 * count} sent once afterwards"


@row("D-02", "the disk is full in the middle of an answer", short=True)
async def full_in_an_answer(case: Case) -> str:
    """The answer goes on in memory with its events, ``trouble`` says so, and all of it is on disk soon after there is space."""
    async with _stages(case) as stages:
        for stage in stages:
            talk = await stage.talk(STREAMS[stage.side])
            turn = await stage.turns.submit(talk, f"stream {case.size(4000, 2000)} at 1500")
            await _until(partial(_said, turn, 100))
            await full(stage.store, True)
            await stage.turns.idle(talk)
            await _until(partial(_troubled, stage, True))
            assert turn.stop is Stop.DONE and "disk is full" in str(stage.turns.trouble)
            await full(stage.store, False)
            await _until(partial(_troubled, stage, False))
            await _same(stage, talk)
    return "both vendors: turns, events, cursor and title on disk as if nothing had been"


def _said(turn: Turn, count: int) -> bool:
    return len(turn.answer) > count


def _troubled(stage: Scene, troubled: bool) -> bool:
    return (stage.turns.trouble is not None) is troubled


async def _until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


async def _same(stage: Scene, talk: Talk) -> None:
    """The store against a second account that reads the whole history from the server."""
    turn = talk.transcript.turns[0]
    kept = (await stage.store.turns(talk.pk))[0]
    assert (kept.answer, kept.stop, kept.state, kept.message_id) == (turn.answer, Stop.DONE, PromptState.SENT, turn.message_id)
    stored = await stage.store.get(talk.pk)
    assert stored is not None and stored.cursor == talk.cursor and stored.conversation == talk.conversation
    types = [event.wire.type for event in await stage.store.events(talk.pk)]
    assert types and any("completed" in one or "idle" in one for one in types), types


def _limited(size: int) -> Callable[[], None]:
    def before() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    return before


@row("D-03", "no file may grow (RLIMIT_FSIZE): the write itself fails", once=True)
async def no_growth(case: Case) -> str:
    """One sentence, nothing sent, the file sound; the program is asked at several limits, the last of which is enough."""
    async with running_sandbox() as ready:
        home = case.folder / "home"
        variables = environment(home, ready, "codeer")
        assert (await parlour("ask", "--agent", "Parrot", "first", variables=variables)).code == 0
        size = (home / "parlour.db").stat().st_size
        texts = ["first"]
        limits = [size] if not case.full else [0, 4096, size // 2, size, size + 4096, size + 8192, size + 12288]
        for limit in limits:
            text = f"prompt at {limit} " + "x" * 20_000
            done = await parlour("ask", "--agent", "Parrot", text, variables=variables, before=_limited(limit))
            assert done.code == 1 and ("was not saved" in done.err or "cannot be written" in done.err), (limit, done.err)
            assert arrived(ready, text) == 0 and sound(home / "parlour.db")
        text = "y" * 20_000
        assert (await parlour("ask", "--agent", "Parrot", text, variables=variables)).code == 0
        check(Evidence(home=home, submitted=[*texts, text], ledger=ready.world.ledger.entries))
    return f"{len(limits)} limits, 0 sent, integrity ok {len(limits)}/{len(limits)}, then sent once"


@row("D-04", "file or folder that may not be written", short=True, once=True)
async def read_only(case: Case) -> str:
    """Real modes: the program reads and says why it writes nothing. Root is run without the right to pass them over."""
    path = case.folder / "home" / "parlour.db"
    await fill(path)
    async with running_sandbox() as ready:
        with closing(sqlite3.connect(path)) as connection:
            origin = ready.codeer_base.removesuffix("/api/v1")
            connection.execute("UPDATE accounts SET profile = 'codeer', origin = ?", (origin,))
            connection.commit()
        for one in (path.parent, *path.parent.iterdir()):
            one.chmod(0o500 if one.is_dir() else 0o400)
        before = path.read_bytes()
        variables = environment(path.parent, ready, "codeer")
        found = await parlour("search", "answer", "--json", variables=variables, before=_ordinary)
        assert found.code == 0 and "an answer" in found.out and "keeps nothing new" in found.err, found
        asked = await parlour("ask", "--agent", "Parrot", "a prompt", variables=variables, before=_ordinary)
        assert asked.code == 1 and "cannot be written" in asked.err and arrived(ready, "a prompt") == 0, asked
        assert path.read_bytes() == before
    for one in (path.parent, *path.parent.iterdir()):
        one.chmod(0o700)
    return "searched, a prompt refused, 0 sent, file the same"


def _ordinary() -> None:
    """What root may do beyond others (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER) is gone after the next exec."""
    if os.geteuid() == 0:
        library = ctypes.CDLL(None, use_errno=True)
        for right in (1, 2, 3):
            assert library.prctl(24, right, 0, 0, 0) == 0


@row("D-05", "the folder is missing, is a file, or there is no HOME", once=True)
async def no_folder(case: Case) -> str:
    """A missing one is made, closed to others; what cannot be one is a sentence and exit code 2; HOME is not needed."""
    async with running_sandbox() as ready:
        home = case.folder / "a" / "b"
        made = await parlour("search", "x", variables=environment(home, ready, "codeer"))
        assert made.code == 0 and home.stat().st_mode & 0o777 == 0o700, made
        file = case.folder / "file"
        file.write_text("mine")
        places = (file, file / "below", Path("/dev/null"), Path("/proc/parlour"))
        for place in places[: case.size(4, 1)]:
            refused = await parlour("search", "x", variables=environment(place, ready, "codeer"))
            assert refused.code == 2 and "cannot be" in refused.err and len(refused.err.splitlines()) == 1, (place, refused)
        assert file.read_text() == "mine"
        variables = environment(home, ready, "codeer")
        for gone in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
            variables.pop(gone, None)
        assert (await parlour("search", "x", variables=variables)).code == 0
    return f"made 0700; {case.size(4, 1)} impossible places: exit 2, one line; HOME is not needed"


_HOLDING = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("COMMIT")
"""


@row("D-08", "another tool holds the file", short=True, once=True)
async def locked(case: Case) -> str:
    """A write waits on the store's own thread, the loop stays alive, then it is done; a lock without end is a sentence."""
    seconds = case.size(10, 1)
    store = await Store.open(case.folder / "home" / "parlour.db")
    talk = await store.save_conversation(await store.account(PROFILE), Conversation("1"))
    command = [sys.executable, "-c", _HOLDING, str(store.path)]
    holder = await asyncio.create_subprocess_exec(*command, str(seconds), stdout=asyncio.subprocess.PIPE)
    assert holder.stdout is not None and await holder.stdout.readline() == b"held\n"
    began = time.monotonic()
    async with pulse() as felt:
        await store.save_draft(talk.pk, "at last")
    waited = time.monotonic() - began
    await holder.wait()
    found = await store.get(talk.pk)
    assert found is not None and found.draft == "at last" and waited > seconds / 2
    check(Evidence(pulse=felt, gap=0.5))
    await store._read(lambda connection: connection.execute("PRAGMA busy_timeout = 50").fetchall())
    holder = await asyncio.create_subprocess_exec(*command, "60", stdout=asyncio.subprocess.PIPE)
    assert holder.stdout is not None and await holder.stdout.readline() == b"held\n"
    with pytest.raises(StoreError, match="Another program holds the database"):
        await store.save_draft(talk.pk, "never")
    holder.kill()
    await holder.wait()
    await store.save_draft(talk.pk, "again")
    await store.aclose()
    return f"waited {waited:.1f} s for a lock of {seconds} s; the loop was at most {felt.gap * 1000:.0f} ms late"


@row("D-16", "the database is a symbolic link", once=True)
async def linked(case: Case) -> str:
    """The real file is used, with one set of companions beside it, whichever name it was opened by."""
    real = case.folder / "real" / "other.db"
    await fill(real)
    home = case.folder / "home"
    home.mkdir(0o700)
    (home / "parlour.db").symlink_to(real)
    store = await Store.open(home / "parlour.db")
    direct = await Store.open(real)
    await asyncio.gather(store.save_note("a", "1"), direct.save_note("b", "2"))
    assert (await store.note("b"), await direct.note("a")) == ("2", "1") and store.path == real
    await store.aclose()
    await direct.aclose()
    assert [one.name for one in home.iterdir()] == ["parlour.db"] and (home / "parlour.db").is_symlink()
    return "one file, one set of companions"


@row("D-17", "the folder lies on a network disk", once=True)
async def network(case: Case) -> str:
    """Said at the start, and a rollback journal whatever SQLite is linked. Injected is the system's table of mounts."""
    mounts = case.folder / "mounts"
    home = case.folder / "net" / "home"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/x {case.folder / 'net'} nfs4 rw 0 0\n")
    assert space.on_network(home / "parlour.db", mounts) and not space.on_network(Path("/elsewhere/parlour.db"), mounts)
    there = patch.object(database, "on_network", lambda path: space.on_network(path, mounts))
    with there, patch.object(database, "wal_is_safe", lambda: True):
        store = await Store.open(home / "parlour.db")
        assert "network" in store.notices[0]
        mode = await store._read(lambda connection: connection.execute("PRAGMA journal_mode").fetchone()[0])
        await store.aclose()
    assert mode == "truncate"
    return "said; journal mode truncate"


@row("D-18", "a conversation is deleted", once=True)
async def deleted(case: Case) -> str:
    """Its turns, parts, events and words go with it, nothing of the others does, and no byte of it stays in any file."""
    path = case.folder / "home" / "parlour.db"
    await fill(path)
    store = await Store.open(path)
    talk = await store.save_conversation(1, Conversation("doomed", "Quetzalcoatlus title"))
    await store.record(talk.pk, turns=[said("u", "quetzalcoatlus prompt", "quetzalcoatlus answer")], cursor="quetzalcoatlus")
    before = await _counts(store)
    await store.delete_conversation(talk.pk)
    after = await _counts(store)
    keys = await store._read(lambda connection: connection.execute("PRAGMA foreign_keys").fetchone()[0])
    await store.aclose()
    assert {name: before[name] - after[name] for name in after} == {"conversations": 1, "turns": 1, "parts": 1, "docs": 3}
    assert keys == 1 and not [one for one in path.parent.iterdir() if b"quetzalcoatlus" in one.read_bytes().lower()]
    return f"{after['turns']} other turns untouched, 0 bytes left"


async def _counts(store: Store) -> dict[str, int]:
    names = ("conversations", "turns", "parts", "docs")

    def counted(connection: sqlite3.Connection) -> dict[str, int]:
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}

    return await store._read(counted)


@row("D-20", "copied and exported while answers stream")
async def copied(case: Case) -> str:
    """A copy by SQLite's own means and an export by the program, over and over during two streams: always whole, always sound."""
    copies = 0
    async with _stages(case) as stages:
        talks = [await stage.talk(STREAMS[stage.side]) for stage in stages]
        for stage, talk in zip(stages, talks, strict=True):
            await stage.turns.submit(talk, f"stream {case.size(4000, 800)} at 2000")
        while any(talk.busy for talk in talks):
            for stage, talk in zip(stages, talks, strict=True):
                copy = case.folder / f"copy{copies}.db"
                await asyncio.to_thread(_backed_up, stage.store.path, copy)
                assert sound(copy)
                with closing(sqlite3.connect(copy)) as connection:
                    texts = [text for (text,) in connection.execute("SELECT text FROM turns")]
                assert len(texts) <= 1 and (not texts or texts[0].startswith("stream"))
                copies += 1
                copy.unlink()
                assert talk.transcript.turns or talk.queued or talk.busy
        assert all(talk.transcript.turns[0].stop is Stop.DONE for talk in talks)
        exported = await _exported(stages[0].ready, stages[0], talks[0])
    return f"{copies} copies sound; the export holds {exported} characters of the answer"


def _backed_up(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source, timeout=30)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


async def _exported(ready: Ready, stage: Scene, talk: Talk) -> int:
    home = stage.store.path.parent / "export"
    home.mkdir(0o700)
    await asyncio.to_thread(_backed_up, stage.store.path, home / "parlour.db")
    (home / "parlour.db").chmod(0o600)
    with closing(sqlite3.connect(home / "parlour.db")) as connection:
        connection.execute("UPDATE accounts SET profile = ?", (stage.side,))
        connection.commit()
    shutil.copyfile(home / "parlour.db", home / "before.db")
    done = await parlour("export", talk.conversation.id, "--format", "json", variables=environment(home, ready, stage.side))
    answer = talk.transcript.turns[0].answer
    assert done.code == 0 and answer[:200].split("\n")[0] in done.out, done.err
    return len(answer)
