"""A process that writes turns and says on stdout what it was told is safe. ``python -m tests.store.writer PATH ID COUNT``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from app.models import Conversation
from app.store import Store
from tests.store.conftest import PROFILE, said


async def main(path: Path, name: str, count: int) -> None:
    store = await Store.open(path)
    account = await store.account(PROFILE)
    talk = await store.save_conversation(account, Conversation(name, "kill me"))
    begin = len(await store.turn_heads(talk.pk))
    print("ready", flush=True)
    for number in range(begin, begin + count):
        await store.record(talk.pk, turns=[said(f"u{number}", f"prompt {number}", "answer " * 50, position=float(number))])
        print(number, flush=True)
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
