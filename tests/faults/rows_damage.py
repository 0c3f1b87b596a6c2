"""D, the file itself: damaged, foreign, older, newer, half migrated. The old file is never lost and the program always starts."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import pytest

from app.errors import StoreError
from app.sandbox.server import Ready
from app.store import Store
from app.store import database as opening
from app.store.migrations import MIGRATIONS, migrate
from tests.faults.program import ROOT, environment, parlour
from tests.faults.rows import Case, row
from tests.servers import running_sandbox
from tests.store.conftest import PROFILE
from tests.store.damage import KINDS, at, fill, sound, start_on_damage

PROMPTS = 100
"""Turns of the whole file."""


async def _whole(folder: Path) -> Path:
    path = folder / "whole" / "parlour.db"
    await fill(path)
    return path


def _copy(whole: Path, folder: Path) -> Path:
    shutil.copytree(whole.parent, folder)
    folder.chmod(0o700)
    return folder / whole.name


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@row("D-06", "the file is damaged or not ours", short=True)
async def damaged(case: Case) -> str:
    """Every kind of damage: the program starts, works, keeps the old file beside the new one and names it."""
    whole = await _whole(case.folder)
    kinds = list(KINDS) if case.full else case.random.sample(list(KINDS), 8)
    told = {kind: await start_on_damage(kind, _copy(whole, case.folder / kind)) for kind in kinds}
    recovered = sum("recovered" in words and "nothing could be" not in words for words in told.values())
    noisy = case.size(20, 4)
    for number in range(noisy):
        path = _copy(whole, case.folder / f"noise{number}")
        dice, size = case.random, path.stat().st_size
        for _ in range(number % 8 + 1):
            at(dice.randrange(0, size - 64), dice.randbytes(64))(path)
        store = await Store.open(path)
        await store.aclose()
        assert sound(path), number
    return f"starts {len(kinds)}/{len(kinds)} kinds + {noisy}/{noisy} random; rows came back in {recovered}"


@row("D-07", "the journal is lost, or another file's lies there", short=True, once=True)
async def journals(case: Case) -> str:
    """A journal is believed only if it is the file's own; one that is lost takes with it at most what it alone held."""
    whole = await _whole(case.folder)
    for name in ("alien wal", "alien journal", "gone, journal left"):
        await start_on_damage(name, _copy(whole, case.folder / name))
    image = case.folder / "hot"
    with closing(sqlite3.connect(_copy(whole, case.folder / "writing"), isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE turns SET text = text || 'half written' || randomblob(500)")
        shutil.copytree(case.folder / "writing", image)
        connection.execute("ROLLBACK")
    assert (image / "parlour.db-journal").stat().st_size > 0
    store = await Store.open(image / "parlour.db")
    turns = [turn for one in await store.conversations([1]) for turn in await store.turns(one.pk)]
    await store.aclose()
    assert len(turns) == PROMPTS and not any("half written" in turn.text for turn in turns) and sound(image / "parlour.db")
    return f"a hot journal undone, {PROMPTS}/{PROMPTS} prompts; 3 foreign ones kept aside"


@row("D-10", "the search index is damaged, the tables are not", once=True)
async def index(case: Case) -> str:
    """The index is made again at the next start, or at the next write that meets the damage."""
    path = await _whole(case.folder)
    before = await _found(path)
    for damage in ("DELETE FROM fts_data", "DELETE FROM fts_docsize", "UPDATE fts_data SET block = x'00'", "DELETE FROM docs"):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(damage)
            connection.commit()
        path.with_name("parlour.db.open").write_bytes(b"1")
        assert await _found(path) == before, damage
        assert sound(path)
    return f"4 damages, {before} of {before} found each time"


async def _found(path: Path) -> int:
    store = await Store.open(path)
    try:
        return len(await store.search("prompt", accounts=[1], limit=1000))
    finally:
        await store.aclose()


def _rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        ours = [name for name in names if not name.startswith(("sqlite_", "fts"))]
        return {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in ours}


def _old(whole: Path, folder: Path, number: int) -> Path:
    """The whole file as an earlier release would have written it: its schema, its columns, the same rows."""
    folder.mkdir(mode=0o700)
    path = folder / "parlour.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, MIGRATIONS[:number])
        connection.execute("ATTACH ? AS whole", (str(whole),))
        names = [name for (name,) in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")]
        for name in names:
            if not name.startswith(("sqlite_", "fts_")):
                fields = ", ".join(
                    ["rowid"] * (name == "fts") + [f[1] for f in connection.execute(f"PRAGMA main.table_info({name})")]
                )
                connection.execute(f"INSERT INTO main.{name} ({fields}) SELECT {fields} FROM whole.{name}")
    path.chmod(0o600)
    return path


@row("D-12", "an upgrade from every schema there ever was", once=True)
async def upgrade(case: Case) -> str:
    """Every row of the old file is in the new one, and a copy of the old file lies beside it."""
    whole = await _whole(case.folder)
    for number in range(1, len(MIGRATIONS)):
        path = _old(whole, case.folder / f"v{number}", number)
        before = _rows(path)
        store = await Store.open(path)
        turns = [turn for one in await store.conversations([1]) for turn in await store.turns(one.pk)]
        assert len(turns) == PROMPTS and len(await store.search("prompt", accounts=[1], limit=1000)) == PROMPTS
        await store.aclose()
        after, kept = _rows(path), _rows(path.with_name(f"parlour.db.v{number}"))
        for name, rows in before.items():
            assert kept[name] == rows, name
            width = len(rows[0]) if rows else 0
            if name != "docs":  # the search index's own, which an upgrade may make again; the search above judges it
                assert sorted([one[:width] for one in after[name]], key=repr) == rows, name
        assert sound(path)
    return f"{len(MIGRATIONS) - 1} of {len(MIGRATIONS) - 1} older schemas, rows equal, copies kept"


_DYING = """
import os, signal, sqlite3, sys
from app.store.migrations import MIGRATIONS, migrate
path, number, cut = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
connection = sqlite3.connect(path, isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
count = -1
def traced(statement):
    global count
    count += 1
    if count > cut:
        os.kill(os.getpid(), signal.SIGKILL)
connection.set_trace_callback(traced)
migrate(connection)
"""


@row("D-13", "killed at each statement of a migration", once=True)
async def migration_killed(case: Case) -> str:
    """SIGKILL at every statement of every migration from every older schema: the next start completes it, nothing is lost."""
    whole = await _whole(case.folder)
    first = [(0, cut) for cut in range(len(MIGRATIONS[0]) + 3)]
    later = [(n, cut) for n in range(1, len(MIGRATIONS)) for cut in range(sum(len(one) + 3 for one in MIGRATIONS[n:]) + 1)]
    cuts = [*first, *later] if case.full else [*case.random.sample(first, 2), *case.random.sample(later, 2)]
    kills = 0
    for number, cut in cuts:
        folder = case.folder / f"{number}-{cut}"
        if number:
            path = _old(whole, folder, number)
        else:
            folder.mkdir(mode=0o700)
            path = folder / "parlour.db"
            path.touch(0o600)
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", _DYING, str(path), str(number), str(cut), cwd=ROOT)
        kills += await process.wait() == -signal.SIGKILL
        store = await Store.open(path)
        turns = [turn for one in await store.conversations([1]) for turn in await store.turns(one.pk)]
        await store.aclose()
        assert len(turns) == (PROMPTS if number else 0) and sound(path), (number, cut)
        shutil.rmtree(folder)
    assert kills >= len(cuts) - len(MIGRATIONS)
    return f"{kills} kills, 0 lost, integrity ok {len(cuts)}/{len(cuts)}"


@row("D-14", "no room to bring the file up to date", once=True)
async def no_room(case: Case) -> str:
    """Refused before anything begins; the old file is the same to the byte."""
    whole = await _whole(case.folder)
    path = _old(whole, case.folder / "old", 1)
    before = _digest(path)
    with patch.object(opening, "room_for_copy", lambda path: False), pytest.raises(StoreError, match="free space"):
        await Store.open(path)
    assert _digest(path) == before
    return "refused, hash equal"


async def _newer(whole: Path, folder: Path) -> Path:
    path = _copy(whole, folder)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE later (x)")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
        connection.commit()
    return path


@row("D-15", "a newer program wrote the file", once=True)
async def newer(case: Case) -> str:
    """What can be read is shown with a notice; nothing is written, nothing is sent, the file is the same to the byte."""
    path = await _newer(await _whole(case.folder), case.folder / "newer")
    before = _digest(path)
    store = await Store.open(path)
    assert "newer Parlour" in store.read_only and len(await store.conversations([await store.account(PROFILE)])) == 10
    await store.aclose()
    assert _digest(path) == before
    async with running_sandbox() as ready:
        await _commands(path, ready)
        assert not ready.world.ledger.entries
    return "searched and shown by two commands, a prompt refused, 0 sent, hash equal"


async def _commands(path: Path, ready: Ready) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE accounts SET profile = 'codeer', origin = ?", (ready.codeer_base.removesuffix("/api/v1"),))
        connection.commit()
    before = _digest(path)
    variables = environment(path.parent, ready, "codeer")
    found = await parlour("search", "answer", "--json", variables=variables)
    assert found.code == 0 and "an answer" in found.out and "newer Parlour" in found.err, found
    shown = await parlour("show", "3", variables=variables)
    assert shown.code == 0 and "prompt 3" in shown.out, shown
    asked = await parlour("ask", "--agent", "Parrot", "a prompt", variables=variables)
    assert asked.code == 1 and "newer Parlour" in asked.err, asked
    assert _digest(path) == before
