"""``python -m tests.benchmarks.searching``: a hundred thousand messages, and how long an answer takes while one types.

``--messages N`` (100,000). The store is generated, seeded, and read through ``Store.search`` as the search screen does.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from pathlib import Path

from app.models import Conversation, PartKind, Profile, PromptState, Stop, Verdict
from app.store import Entry, Store
from app.transcript import Part, Turn

PROFILE = Profile("work", "codeer", "https://api.example.test/api/v1", account="https://api.example.test")
WORDS = (
    "kiln", "glaze", "clay", "cone", "stoneware", "porcelain", "booking", "studio",
    "maintenance", "schedule", "firing", "oxide", "slip", "wheel", "throw", "trim",
)  # fmt: skip
CJK = "陶芸窯釉薬粘土焼成温度予約工房轆轤磁器茶碗花瓶絵付皿鉢"
TURNS = 50
QUERIES = {
    "a rare word": "needle4711",
    "typing it": ["n", "ne", "nee", "need", "needl", "needle", "needle4", "needle47"],
    "a common word": "kiln",
    "one letter": "k",
    "two common words": "kiln glaze",
    "a phrase": '"kiln glaze"',
    "one CJK character": "窯",
    "two CJK characters": "茶碗",
    "three CJK characters": "釉薬粘",
    "a word, an agent": "kiln agent:guide3",
    "a word, bad ratings": "kiln rated:down",
    "a word, errors": "kiln is:error",
    "a word, a tool nobody used": "kiln tool:nobody",
    "only errors": "is:error",
    "only a date": "after:7d",
}


def turns(number: int, chosen: random.Random) -> list[Turn]:
    """A conversation: each turn is two messages, every seventh has a tool, every fortieth failed."""
    out = []
    for at in range(TURNS):
        uid = f"{number}-{at}"
        words = " ".join(chosen.choices(WORDS, k=12)) + " " + "".join(chosen.choices(CJK, k=10))
        turn = Turn(uid, float(at), f"{words} n{number * TURNS + at}", state=PromptState.SENT, stop=Stop.DONE)
        turn.started = 1.7e9 + number * 3600 + at
        part = Part("a", PartKind.TEXT, done=True)
        part.text = " ".join(chosen.choices(WORDS, k=40)) + f" needle{number * TURNS + at} " + "".join(chosen.choices(CJK, k=30))
        turn.parts = [part]
        if at % 7 == 0:
            turn.parts.append(Part("t", PartKind.TOOL, done=True, name="search_web", input={"q": words}, output=words))
        if at % 40 == 1:
            turn.stop = Stop.FAILED
        if at % 25 == 2:
            turn.verdict = Verdict.DOWN
        out.append(turn)
    return out


async def fill(store: Store, messages: int) -> int:
    """Write that many messages; returns the account."""
    chosen = random.Random(7)
    account = await store.account(PROFILE)
    for number in range(messages // (2 * TURNS)):
        talk = await store.save_conversation(
            account, Conversation(str(number), f"Talk {number}", agent_id=f"a{number % 9}", agent_name=f"Guide{number % 9}")
        )
        await store.record_many([Entry(talk.pk, turns=turns(number, chosen))])
    return account


async def ask(store: Store, account: int, query: str) -> tuple[float, float, int]:
    """Milliseconds waited, milliseconds of processor, and how many were found."""
    began, spent = time.perf_counter(), time.process_time()
    hits = await store.search(query, accounts=[account], limit=100)
    return (time.perf_counter() - began) * 1000, (time.process_time() - spent) * 1000, len(hits)


async def measure(messages: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = await Store.open(Path(folder) / "home" / "parlour.db")
        began = time.perf_counter()
        account = await fill(store, messages)
        print(f"{messages} messages written in {time.perf_counter() - began:.0f} s, {store.path.stat().st_size / 1e6:.0f} MB")
        for name, queries in QUERIES.items():
            figures, busy = [], []
            count = 0
            for query in [queries] * 5 if isinstance(queries, str) else queries:
                took, spent, count = await ask(store, account, query)
                figures.append(took)
                busy.append(spent)
            middle, work = statistics.median(figures), statistics.median(busy)
            print(f"{name:<28} median {middle:6.1f} ms, worst {max(figures):6.1f} ms, processor {work:6.1f} ms, {count} shown")
        await store.aclose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=100_000)
    asyncio.run(measure(parser.parse_args().messages))
