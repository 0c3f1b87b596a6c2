"""Files that are damaged in every way we know, and a whole one to damage."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from app.models import Conversation
from app.store import Store
from tests.store.conftest import PROFILE, said


def at(offset: int, data: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(data)

    return damage


def _rewritten(how: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.write_bytes(how(path.read_bytes()))

    return damage


def _cut(keep: Callable[[int], int]) -> Callable[[Path], None]:
    return _rewritten(lambda whole: whole[: keep(len(whole))])


def _lost(path: Path) -> None:
    _beside("-journal", b"x" * 600)(path)
    path.unlink()


def _noise(seed: int) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        dice = random.Random(seed)
        size = path.stat().st_size
        for _ in range(8):
            at(dice.randrange(100, size - 64), dice.randbytes(64))(path)

    return damage


def _beside(suffix: str, data: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.with_name(path.name + suffix).write_bytes(data)

    return damage


def _foreign(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()


KINDS: dict[str, Callable[[Path], None]] = {
    "empty": _cut(lambda size: 0),
    "one byte": _cut(lambda size: 1),
    "half a header": _cut(lambda size: 50),
    "one page": _cut(lambda size: 4096),
    "half": _cut(lambda size: size // 2),
    "odd length": _cut(lambda size: size - 777),
    "last page gone": _cut(lambda size: size - 4096),
    "wrong magic": at(0, b"Not a database!!"),
    "zero header": at(0, b"\0" * 100),
    "zero first page": at(0, b"\0" * 4096),
    "zero page 2": at(4096, b"\0" * 4096),
    "zero page 9": at(4096 * 8, b"\0" * 4096),
    "wrong page size": at(16, b"\x00\x03"),
    "noise 1": _noise(1),
    "noise 2": _noise(2),
    "noise in the schema": at(200, random.Random(3).randbytes(64)),
    "NUL tail": _rewritten(lambda whole: whole + b"\0" * 5000),
    "text": _rewritten(lambda whole: b"hello there\n" * 5000),
    "another program's": _foreign,
    "alien journal": _beside("-journal", b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + b"\x00\x00\x00\x05" + b"\x07" * 9000),
    "alien wal": _beside("-wal", b"\x37\x7f\x06\x82" + b"\x01" * 5000),
    "all noise": _rewritten(lambda whole: b"SQLite format 3\0" + random.Random(5).randbytes(40_000)),
    "gone, journal left": _lost,
}


async def fill(path: Path) -> None:
    """A file with something in it: 10 conversations of 10 turns."""
    store = await Store.open(path)
    account = await store.account(PROFILE)
    for number in range(10):
        talk = await store.save_conversation(account, Conversation(str(number), f"Talk {number}"))
        turns = [said(f"u{n}", f"prompt {n} " * 10, "an answer " * 100, position=float(n)) for n in range(10)]
        await store.record(talk.pk, turns=turns)
    await store.aclose()


async def start_on_damage(kind: str, path: Path) -> str:
    """Damage a copy of the whole file, start on it, work with it, start again. Returns what the person is told."""
    KINDS[kind](path)
    damaged = path.read_bytes() if path.exists() else b""
    store = await Store.open(path)
    account = await store.account(PROFILE)
    talk = await store.save_conversation(account, Conversation("new", "After"))
    await store.record(talk.pk, turns=[said("n1", "still", "works")])
    found = await store.conversations([account])
    hits = await store.search("works", accounts=[account])
    notices = store.notices
    await store.aclose()
    assert sound(path)
    assert len(hits) == 1
    aside = [
        file
        for file in path.parent.iterdir()
        if ".damaged-" in file.name and not file.name.endswith(("-journal", "-wal", "-shm"))
    ]
    if len(found) < 11 and damaged:
        assert len(aside) == 1
        assert any(aside[0].name in notice for notice in notices)
    if aside:
        assert aside[0].read_bytes() == damaged
    again = await Store.open(path)
    assert again.notices == ()
    await again.aclose()
    return " ".join(notices)


def sound(path: Path) -> bool:
    """Whether SQLite finds nothing wrong with the file."""
    with closing(sqlite3.connect(path)) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))
