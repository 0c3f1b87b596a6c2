"""The cost of a search in instructions of SQLite: a store four times as large must not cost four times as much."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.store import Store, finds
from app.store.query import parse
from tests.benchmarks.searching import fill


async def cost(path: Path, messages: int, query: str) -> tuple[int, int]:
    """Hundreds of instructions, and how many were found."""
    store = await Store.open(path)
    account = await fill(store, messages)
    steps = 0

    def count() -> bool:
        nonlocal steps
        steps += 1
        return False

    found = await store._read(lambda connection: finds.find(connection, parse(query, 0.0), (account,), limit=100, gone=count))
    await store.aclose()
    return steps, len(found)


@pytest.mark.parametrize("query", ["needle17 agent:guide0", '"needle17"', "茶碗の無い needle99999"])
async def test_a_rare_word_costs_the_same_in_a_large_store(query: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finds, "_STEPS", 100)
    small, few = await cost(tmp_path / "small" / "p.db", 500, query)
    large, many = await cost(tmp_path / "large" / "p.db", 2_000, query)
    assert large <= small * 2 + 40, (small, large)
    assert few <= many


async def test_a_common_word_is_put_in_order_only_as_far_as_it_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finds, "_STEPS", 100)
    monkeypatch.setattr(finds, "RECENT", 200)
    small, few = await cost(tmp_path / "small" / "p.db", 500, "k")
    large, many = await cost(tmp_path / "large" / "p.db", 2_000, "k")
    assert (few, many) == (100, 100)
    assert large <= small * 2, (small, large)
