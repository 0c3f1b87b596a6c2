"""One of many writers: ``python -m tests.faults.soaking PATH NAME SECONDS wal|rollback``; says how many operations went through.

It writes turns and drafts, searches, deletes, lists and looks for what others wrote, at random. A ``StoreError`` ends it with 1.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from pathlib import Path

from app.models import Conversation
from app.store import Store, database
from tests.store.conftest import PROFILE, said


async def main(path: Path, name: str, seconds: float, way: str) -> int:
    """Work until the time is over."""
    database.wal_is_safe = lambda *_: way == "wal"
    dice, end, count = random.Random(name), time.monotonic() + seconds, 0
    store = await Store.open(path)
    account = await store.account(PROFILE)
    talk = await store.save_conversation(account, Conversation(name, f"Talk of {name}"))
    number = len(await store.turn_heads(talk.pk))
    print(await store._read(lambda connection: connection.execute("PRAGMA journal_mode").fetchone()[0]), flush=True)
    while time.monotonic() < end:
        match dice.randrange(8):
            case 0:
                await store.save_draft(talk.pk, "draft " * dice.randrange(100))
            case 1:
                await store.search(f"word{dice.randrange(50)}", accounts=[account], limit=20)
            case 2:
                await store.conversations([account], limit=50)
            case 3:
                doomed = await store.save_conversation(account, Conversation(f"{name}-doomed", "Gone soon"))
                await store.record(doomed.pk, turns=[said("u", "a prompt", "an answer " * dice.randrange(500))])
                await store.delete_conversation(doomed.pk, remember=False)
            case _:
                text = f"word{dice.randrange(50)} " * dice.randrange(1, 200)
                await store.record(talk.pk, turns=[said(f"u{number}", f"prompt {number}", text, position=float(number))])
                number += 1
        count += 1
    assert len(await store.turn_heads(talk.pk)) == number
    await store.aclose()
    print(count, number, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4])))
