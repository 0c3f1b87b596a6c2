"""Children that write to a store and are killed: ``python -m tests.faults.killing PATH SEED COUNT random|statements``.

One process without threads forks them, so that a kill costs milliseconds. After each, the file is looked at as the next start
finds it: SQLite's own check, every acknowledged turn with its part, its event and the cursor. Prints a JSON object of counts.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from app.models import Conversation, Wire
from app.store import Store
from tests.store.conftest import PROFILE, said

ANSWER = "answer " * 50


async def _write(path: Path, acknowledge: int, cut: int) -> None:
    """Write for ever; at statement ``cut`` of the second entry (0: never) die."""
    store = await Store.open(path)
    talk = await store.save_conversation(await store.account(PROFILE), Conversation("1", "kill me"))
    number = len(await store.turn_heads(talk.pk))
    for turn in range(number, number + 10_000):
        if cut and turn == number + 1:
            await store._hand(lambda: _die_at(store._database.connection, cut))
        one = said(f"u{turn}", f"prompt {turn}", ANSWER, position=float(turn))
        event = Wire("done", {"n": turn}, id=f"e{turn}")
        await store.record(talk.pk, turns=[one], events=[(event, 1.0)], cursor=f"e{turn}")
        os.write(acknowledge, b"%d\n" % turn)
        if cut and turn > number:
            await store.aclose()
            os._exit(0)


def _die_at(connection: sqlite3.Connection, cut: int) -> None:
    left = cut

    def traced(statement: str) -> None:
        nonlocal left
        left -= not statement.startswith("--")
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    connection.set_trace_callback(traced)


def _child(path: Path, cut: int) -> tuple[int, int]:
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        try:
            asyncio.run(_write(path, theirs, cut))
        finally:
            os._exit(3)
    os.close(theirs)
    return pid, ours


def _killed(path: Path, dice: random.Random, cut: int) -> tuple[bool, int]:
    """Whether it died of the kill, and the last number it was told is safe."""
    pid, acknowledged = _child(path, cut)
    with os.fdopen(acknowledged, "rb") as lines:
        told = [lines.readline() for _ in range(1 if cut else dice.randrange(1, 6))]
        if not cut:
            time.sleep(dice.random() * 0.03)
            os.kill(pid, signal.SIGKILL)
        told += lines.read().split(b"\n")
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) or (cut and os.WEXITSTATUS(status) == 0), status
    return os.WIFSIGNALED(status), max(int(line) for line in told if line.strip())


def looked_at(path: Path, acknowledged: int) -> int:
    """How many turns there are; asserts that all of it is there that was acknowledged, and everything or nothing of the last."""
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()
        uids = [uid for (uid,) in connection.execute("SELECT uid FROM turns ORDER BY position")]
        parts = connection.execute("SELECT count(*) FROM parts WHERE text = ?", (ANSWER,)).fetchone()[0]
        events = [one for (one,) in connection.execute("SELECT wire_id FROM events ORDER BY seq")]
        cursor = connection.execute("SELECT cursor FROM conversations").fetchone()[0]
    assert uids == [f"u{number}" for number in range(len(uids))] and len(uids) > acknowledged, (len(uids), acknowledged)
    assert parts == len(uids) and events == [f"e{number}" for number in range(len(uids))] and cursor == events[-1]
    return len(uids)


def main() -> int:
    """Kill so often, or at each statement, and count."""
    path, seed, count, way = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    dice, kills, turns, acknowledged = random.Random(seed), 0, 0, -1
    for number in range(1, count + 1):
        died, told = _killed(path, dice, number if way == "statements" else 0)
        acknowledged = max(acknowledged, told)
        turns = looked_at(path, acknowledged)
        kills += died
        if not died:
            break
    print(json.dumps({"kills": kills, "turns": turns, "acknowledged": acknowledged + 1}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
