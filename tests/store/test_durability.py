from __future__ import annotations

import asyncio
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import StoreError
from app.models import Conversation
from app.store import Store, Stored
from app.store import database as opening
from app.store.lock import WriteLock
from app.store.migrations import MIGRATIONS, migrate
from tests.store.conftest import PROFILE, said
from tests.store.damage import KINDS, at, fill, sound, start_on_damage

ROOT = Path(__file__).resolve().parents[2]


def writer(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.store.writer", str(path), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


async def test_nothing_acknowledged_is_lost_by_kill_9(path: Path) -> None:
    seed = random.Random(7)
    acknowledged = -1
    for _ in range(12):
        process = writer(path, "1", 10_000)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for _ in range(seed.randrange(1, 25)):
            acknowledged = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split("\n")[:-1]
        process.wait()
        process.stdout.close()
        acknowledged = max([acknowledged, *map(int, rest)])
        store = await Store.open(path)
        assert store.notices == ()
        talk = await store.find(await store.account(PROFILE), "1")
        assert talk is not None
        turns = await store.turns(talk.pk)
        assert [turn.uid for turn in turns][: acknowledged + 1] == [f"u{n}" for n in range(acknowledged + 1)]
        assert all(turn.answer == "answer " * 50 for turn in turns)
        await store.aclose()
    assert sound(path)


async def test_three_processes_write_at_once(path: Path) -> None:
    store = await Store.open(path)
    processes = [writer(path, str(number), 300) for number in range(3)]
    account = await store.account(PROFILE)
    results = [await asyncio.to_thread(process.communicate) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert [out.split()[-1] for out, _ in results] == ["299"] * 3
    for number in range(3):
        talk = await store.find(account, str(number))
        assert talk is not None
        assert len(await store.turns(talk.pk)) == 300
    await store.aclose()
    assert sound(path)


async def test_several_processes_make_the_file_at_once(path: Path) -> None:
    processes = [writer(path, str(number), 3) for number in range(3)]
    results = [await asyncio.to_thread(process.communicate) for process in processes]
    assert [out.split()[-1] for out, _ in results] == ["2"] * 3


# --- damage ------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with something in it."""
    path = tmp_path_factory.mktemp("whole") / "home" / "parlour.db"
    asyncio.run(fill(path))
    return path


@pytest.mark.parametrize("kind", KINDS)
async def test_a_damaged_file_never_stops_the_start(kind: str, whole: Path, path: Path) -> None:
    shutil.copytree(whole.parent, path.parent)
    path.parent.chmod(0o700)
    await start_on_damage(kind, path)


async def test_what_can_be_read_is_recovered(whole: Path, path: Path) -> None:
    shutil.copytree(whole.parent, path.parent)
    size = path.stat().st_size
    at(size // 2 // 4096 * 4096, b"\xff" * 4096)(path)
    store = await Store.open(path)
    assert "recovered" in store.notices[0]
    account = await store.account(PROFILE)
    found = await store.conversations([account])
    turns = sum([len(await store.turns(one.pk)) for one in found])
    assert len(found) == 10
    assert turns > 50
    assert len(await store.search("prompt", accounts=[account], limit=500)) >= turns
    await store.aclose()


async def test_a_replacement_that_was_cut_off_is_completed(whole: Path, path: Path) -> None:
    shutil.copytree(whole.parent, path.parent)
    path.rename(path.with_name("parlour.db.rescued"))
    path.with_name("parlour.db.copy").write_bytes(b"half")
    store = await Store.open(path)
    assert len(await store.conversations([await store.account(PROFILE)])) == 10
    await store.aclose()
    assert {file.name for file in path.parent.iterdir()} <= {
        "parlour.db",
        "parlour.db-journal",
        "parlour.db.lock",
        "parlour.db.open",
    }


async def test_a_damaged_index_is_made_again(store: Store, talk: Stored, path: Path) -> None:
    await store.record(talk.pk, turns=[said("u1", "walrus", "oyster")])
    await store._do(lambda connection: connection.execute("UPDATE fts_data SET block = x'0102030405060708'").rowcount)
    await store.record(talk.pk, turns=[said("u2", "walrus", "oyster", position=2.0)])
    await store.record(talk.pk, turns=[said("u1", "changed", "oyster")])
    assert len(await store.search("oyster", accounts=[talk.account])) == 2
    await store._do(lambda connection: connection.execute("DELETE FROM fts_docsize").rowcount)
    store._database._suspect = True
    await store.aclose()
    again = await Store.open(path)
    assert "search index" in again.notices[0]
    assert len(await again.search("oyster", accounts=[talk.account])) == 2
    await again.aclose()


# --- migrations --------------------------------------------------------------------------------------------------------------


async def test_a_migration_can_be_cut_off_at_every_statement(tmp_path: Path) -> None:
    for cut in range(len(MIGRATIONS[0]) + 1):
        folder, image = tmp_path / f"{cut}", tmp_path / f"{cut}-image"
        folder.mkdir()
        path = folder / "x.db"
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        for statement in MIGRATIONS[0][:cut]:
            connection.execute(statement)
        shutil.copytree(folder, image)  # what a kill at this moment leaves, with its hot journal
        connection.close()
        connection = sqlite3.connect(image / "x.db", isolation_level=None)
        assert migrate(connection) == 0
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert migrate(connection) == len(MIGRATIONS)
        connection.close()


async def test_a_failing_migration_leaves_the_old_file(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    migrate(connection)
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, (*MIGRATIONS, ("ALTER TABLE notes ADD COLUMN more TEXT", "CREATE nonsense")))
    assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert "more" not in [row[1] for row in connection.execute("PRAGMA table_info(notes)")]
    connection.close()


NEXT = (*MIGRATIONS, ("ALTER TABLE notes ADD COLUMN more TEXT NOT NULL DEFAULT ''",))


async def test_an_upgrade_keeps_a_copy_and_all_rows(whole: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(whole.parent, path.parent)
    monkeypatch.setattr(opening, "MIGRATIONS", NEXT)
    monkeypatch.setattr(opening, "migrate", lambda connection: migrate(connection, NEXT))
    store = await Store.open(path)
    assert len(await store.conversations([1])) == 10
    await store.aclose()
    old = sqlite3.connect(path.with_name(f"parlour.db.v{len(MIGRATIONS)}"))
    assert old.execute("SELECT count(*) FROM turns").fetchone() == (100,)
    old.close()


async def test_an_upgrade_waits_until_it_is_alone(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await store.save_note("a", "b")
    monkeypatch.setattr(opening, "MIGRATIONS", NEXT)
    with pytest.raises(StoreError, match="older Parlour"):
        await Store.open(path)
    assert await store.note("a") == "b"


async def test_an_upgrade_without_room_changes_nothing(whole: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(whole.parent, path.parent)
    before = path.read_bytes()
    monkeypatch.setattr(opening, "MIGRATIONS", NEXT)
    monkeypatch.setattr(opening, "room_for_copy", lambda path: False)
    with pytest.raises(StoreError, match="free space"):
        await Store.open(path)
    assert path.read_bytes() == before


# --- no room, no rights, no luck -----------------------------------------------------------------------------------------------


async def test_a_full_disk_harms_nothing_and_passes(store: Store, talk: Stored) -> None:
    await store.record(talk.pk, turns=[said("u1", "before", "kept")])

    def pages(count: int) -> int:
        return int(store._database.connection.execute(f"PRAGMA max_page_count = {count}").fetchone()[0])

    small = await store._hand(lambda: pages(1))
    assert small < 200
    with pytest.raises(StoreError, match="disk is full"):
        await store.record(talk.pk, turns=[said("u2", "too much", "x" * 2_000_000, position=2.0)], cursor="late")
    assert [turn.uid for turn in await store.turns(talk.pk)] == ["u1"]
    found = await store.get(talk.pk)
    assert found is not None
    assert found.cursor == ""
    await store._hand(lambda: pages(1_000_000))
    await store.record(talk.pk, turns=[said("u2", "too much", "x" * 2_000_000, position=2.0)], cursor="late")
    assert len(await store.turns(talk.pk)) == 2


async def test_a_file_size_limit_harms_nothing(path: Path) -> None:
    code = """
import asyncio, resource, signal, sys
from pathlib import Path
from app.errors import StoreError
from app.models import Conversation
from app.store import Store
from tests.store.conftest import PROFILE, said
from tests.store.damage import KINDS, at, fill, sound, start_on_damage
async def main():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = await Store.open(Path(sys.argv[1]))
    talk = await store.save_conversation(await store.account(PROFILE), Conversation("1"))
    await store.record(talk.pk, turns=[said("u1", "a", "b")])
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    try:
        await store.record(talk.pk, turns=[said("u2", "c", "d" * 3_000_000)])
    except StoreError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await store.record(talk.pk, turns=[said("u3", "e", "f")])
    print([turn.uid for turn in await store.turns(talk.pk)])
    await store.aclose()
asyncio.run(main())
"""
    command = [sys.executable, "-c", code, str(path)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, cwd=ROOT, check=False)
    first, second = done.stdout.splitlines()
    assert "not saved" in first
    assert second == "['u1', 'u3']"
    assert sound(path)


async def test_a_file_that_cannot_be_written_is_shown(
    store: Store, talk: Stored, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.aclose()

    def refuse(*_: object) -> WriteLock:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(opening, "WriteLock", refuse)
    shown = await Store.open(path)
    assert "Permission denied" in shown.notices[0]
    assert await shown.find(talk.account, "70112") is not None
    with pytest.raises(StoreError, match="Permission denied"):
        await shown.save_draft(talk.pk, "x")
    await shown.aclose()


async def test_a_folder_that_cannot_be_written_is_one_sentence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> WriteLock:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(opening, "WriteLock", refuse)
    with pytest.raises(StoreError, match="cannot be made"):
        await Store.open(path)


async def test_another_writer_is_waited_for(store: Store, talk: Stored, path: Path) -> None:
    other = WriteLock(path.with_name("parlour.db.lock"))
    with other:
        writing = asyncio.create_task(store.save_draft(talk.pk, "at last"))
        done, _ = await asyncio.wait([writing], timeout=0.02)
        assert not done
    await writing
    store._database._lock = WriteLock(path.with_name("parlour.db.lock"), wait=0.01)
    with other, pytest.raises(StoreError, match="Another Parlour"):
        await store.save_draft(talk.pk, "never")
    other.close()


async def test_a_row_that_cannot_be_read_is_a_sentence(store: Store, talk: Stored) -> None:
    await store.record(talk.pk, turns=[said("u1", "a", "b")])
    await store._do(lambda connection: connection.execute("UPDATE turns SET state = 'nonsense'").rowcount)
    with pytest.raises(StoreError, match="damaged"):
        await store.turns(talk.pk)


@pytest.mark.parametrize(
    ("linked", "safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), True),
    ],
)
def test_wal_only_where_it_is_safe(linked: tuple[int, ...], safe: bool) -> None:
    assert opening.wal_is_safe(linked) is safe


async def test_settings_of_the_connection(store: Store) -> None:
    wanted = {
        "foreign_keys": 1,
        "secure_delete": 1,
        "trusted_schema": 0,
        "synchronous": 2,
        "temp_store": 2,
    }
    found = await store._read(lambda c: {name: c.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted})
    assert found == wanted
    assert (await store._do(lambda c: c.execute("PRAGMA busy_timeout").fetchone()))[0] == 30_000, "writers are patient"
    assert (await store._read(lambda c: c.execute("PRAGMA busy_timeout").fetchone()))[0] == 50, "readers take their turn"
    mode = await store._read(lambda c: c.execute("PRAGMA journal_mode").fetchone()[0])
    assert mode == ("wal" if opening.wal_is_safe() else "truncate")


async def test_it_also_works_with_a_wal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "wal_is_safe", lambda: True)
    store = await Store.open(path)
    talk = await store.save_conversation(await store.account(PROFILE), Conversation("1", "Zanzibarquux"))
    await store.delete_conversation(talk.pk)
    assert all(b"zanzibarquux" not in file.read_bytes().lower() for file in path.parent.iterdir())
    await store.aclose()
    assert sound(path)
