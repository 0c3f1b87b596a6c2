from __future__ import annotations

import pytest

from app.models import Conversation, PartKind
from app.store import Store, Stored
from app.store.search import question, terms
from app.transcript import Part
from tests.store.conftest import said


async def found(store: Store, talk: Stored, query: str, **filters: str) -> list[str]:
    return [f"{hit.kind}:{hit.turn}" for hit in await store.search(query, accounts=[talk.account], **filters)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("如何使用Python编写程序", "使用"),
        ("如何使用Python编写程序", "程序"),
        ("如何使用Python编写程序", "何使用"),
        ("如何使用Python编写程序", "python"),
        ("如何使用Python编写程序", "用Python编"),
        ("如何使用Python编写程序", "序"),
        ("如何使用Python编写程序", "写"),
        ("東京タワーへ行きました", "タワー"),
        ("東京タワーへ行きました", "東京"),
        ("안녕하세요 세계", "세계"),
        ("안녕하세요 세계", "하세"),
        ("ｶﾀｶﾅ", "カタカナ"),
        ("Crème brûlée", "creme brulee"),
        ("snake_case_name", "case"),
        ("a\0needle", "needle"),
        ("unfinished busi", "unfin"),
        ("one two three", '"two three"'),
        ("one two three", "three one"),
        ("𠮷野家で", "𠮷野"),
    ],
)
async def test_finds(store: Store, talk: Stored, text: str, query: str) -> None:
    await store.record(talk.pk, turns=[said("u1", text, "nothing")])
    assert await found(store, talk, query) == ["prompt:u1"]


@pytest.mark.parametrize("query", ["用何", "序程", '"two one"', "nowhere", "", "   ", '""', "***", "、。", "-", "two NOT one"])
async def test_does_not_find(store: Store, talk: Stored, query: str) -> None:
    await store.record(talk.pk, turns=[said("u1", "如何使用程序 one two three", "x")])
    assert await found(store, talk, query) == []


@pytest.mark.parametrize(
    "query",
    ['"', "'", "q OR z", "words:x", "NEAR(a b)", "^zz", "y*z", "(", "q AND", "\0", "\ud800", "{x y}: z", "+", ";--", "col : x"],
)
async def test_no_query_is_syntax(store: Store, talk: Stored, query: str) -> None:
    await store.record(talk.pk, turns=[said("u1", "harmless", "x")])
    assert await store.search(query, accounts=[talk.account]) == []


async def test_filters_kinds_and_snippets(store: Store, talk: Stored) -> None:
    turn = said("u1", "look for the walrus", "The walrus was found. " + "filler " * 100)
    tool = Part("t1", PartKind.TOOL, done=True, name="grep", input={"pattern": "海象 walrus"}, output="walrus.txt")
    turn.parts = [*turn.parts, tool, Part("n", PartKind.THINKING, done=True)]
    turn.parts[2].text = "walrus thoughts"
    await store.record(talk.pk, turns=[turn])
    other = await store.save_conversation(talk.account, Conversation("2", "Walrus talk", agent_id="8"))
    assert sorted(await found(store, talk, "walrus")) == ["prompt:u1", "text:u1", "title:", "tool:u1"]
    assert await found(store, talk, "walrus", kind="tool") == ["tool:u1"]
    assert await found(store, talk, "walrus", agent="8") == ["title:"]
    (hit,) = await store.search("海象", accounts=[talk.account])
    assert (hit.part_id, hit.at) == ("t1", 1001.0)
    assert "海象 walrus" in hit.snippet
    assert await store.search("walrus", accounts=[]) == []
    assert [hit.stored.pk for hit in await store.search("walrus", accounts=[talk.account], pk=other.pk)] == [other.pk]
    (hit,) = await store.search("found", accounts=[talk.account])
    assert hit.snippet.startswith("The walrus was found.")
    assert hit.snippet.endswith("…")


async def test_a_running_answer_is_indexed_when_it_ends(store: Store, talk: Stored) -> None:
    turn = said("u1", "q", "half a giraf", done=False)
    await store.record(talk.pk, turns=[turn])
    assert await found(store, talk, "giraf") == []
    turn.parts[0].append("fe")
    turn.parts[0].done = True
    await store.record(talk.pk, turns=[turn])
    assert await found(store, talk, "giraffe") == ["text:u1"]
    turn.parts[0].text = "an okapi"
    await store.record(talk.pk, turns=[turn])
    assert await found(store, talk, "giraffe") == []
    assert await found(store, talk, "okapi") == ["text:u1"]


async def test_a_changed_title_is_found_by_the_new_one(store: Store, talk: Stored) -> None:
    await store.save_conversation(talk.account, Conversation("70112", "Renamed"))
    assert await found(store, talk, "renamed") == ["title:"]
    assert await found(store, talk, '"a talk"') == []


def test_terms_and_question() -> None:
    assert terms("plain text") == "plain text"
    assert terms("中文字").split() == ["中文", "文字", "字"]
    assert terms("中文字", asked=True).split() == ["中文", "文字"]
    assert question("中文 a") == '"中文" AND "a" *'
    assert question("中") == '"中" *'
    assert question('say "x y"') == '"say" AND "x y"'


async def test_the_latest_come_first_and_not_too_many(store: Store, talk: Stored) -> None:
    await store.record(talk.pk, turns=[said(f"u{n}", "same", "x", position=float(n)) for n in range(80)])
    hits = await store.search("same", accounts=[talk.account], limit=10)
    assert [hit.turn for hit in hits] == [f"u{n}" for n in range(79, 69, -1)]
