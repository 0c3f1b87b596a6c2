from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest

from app.errors import UsageError
from app.models import Attachment, Conversation, Failure, PartKind, Request, RequestKind, Stop, Verdict, Wire
from app.store import Store, Stored, finds
from app.store.highlights import spans
from app.store.query import parse
from app.store.search import question, terms
from app.transcript import Part
from tests.store.conftest import PROFILE, said


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
    assert await found(store, talk, "walrus in:tool") == ["tool:u1"]
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


# --- filters -----------------------------------------------------------------------------------------------------------------

NOW = time.mktime((2026, 11, 25, 12, 0, 0, 0, 0, -1))


def at(year: int, month: int, day: int) -> float:
    return time.mktime((year, month, day, 0, 0, 0, 0, 0, -1))


async def filled(store: Store, talk: Stored) -> Stored:
    """Two conversations with one turn of every kind."""
    failed = said("failed", "kiln breaks", "it broke", position=1)
    failed.stop, failed.failure = Stop.FAILED, Failure("unavailable", "no kiln")
    broken = said("broken", "kiln tool", "tried", position=2)
    broken.parts.append(Part("t", PartKind.TOOL, done=True, name="search_web", output="boom", failed=True))
    waits = said("waits", "kiln waits", "may I", position=3)
    waits.stop, waits.waiting = Stop.NEEDS_APPROVAL, (Request("e", RequestKind.APPROVAL, "Bash"),)
    rated = said("rated", "kiln rated", "good", position=4)
    rated.verdict = Verdict.DOWN
    file = said("file", "kiln photo", "seen", position=5)
    file.attachments = (Attachment("glaze-chart.pdf"),)
    made = said("made", "kiln drawing", "drawn", position=6)
    made.parts.append(Part("a", PartKind.ARTIFACT, done=True, name="陶芸の窯.png"))
    made.parts[-1].text = "陶芸の窯.png"
    old = said("old", "kiln of old", "old", position=7)
    old.started = at(2026, 3, 5) + 3600
    await store.record(talk.pk, turns=[failed, broken, waits, rated, file, made, old])
    other = await store.save_conversation(talk.account, Conversation("2", "Kiln talk", agent_id="8", agent_name="Research desk"))
    await store.record(other.pk, turns=[said("other", "kiln elsewhere", "yes", position=8)])
    return other


@pytest.mark.parametrize(
    ("query", "turns"),
    [
        ("kiln is:error", {"failed", "broken"}),
        ("is:error", {"failed", "broken"}),
        ("kiln is:waiting", {"waits"}),
        ("kiln rated:down", {"rated"}),
        ("kiln rated:up", set()),
        ("tool:search", {"broken"}),
        ("boom tool:SEARCH_WEB", {"broken"}),
        ("kiln has:file", {"file", "made"}),
        ("has:file", {"file", "made"}),
        ("glaze-chart", {"file"}),
        ("窯", {"made"}),
        ("の窯", {"made"}),
        ("陶芸", {"made"}),
        ("in:file glaze", {"file"}),
        ("kiln before:2026-04 agent:7", {"failed", "broken", "waits", "rated", "file", "made", "old"}),
        ("kiln after:2026-03-05 before:2026-03-06", {"old"}),
        ("kiln after:2026-03-06 before:today", set()),
        ("kiln agent:desk in:prompt", {"other"}),
        ('kiln agent:"research desk"', {"other", ""}),
        ("kiln agent:8", {"other", ""}),
        ("profile:work vendor:codeer kiln rated:down", {"rated"}),
        ("profile:nobody kiln", set()),
        ("kiln in:title", {""}),
        ('"kiln tool"', {"broken"}),
        ('"kiln to', {"broken"}),
        ("rated:down kiln is:error", set()),
    ],
)
async def test_filters(store: Store, talk: Stored, query: str, turns: set[str]) -> None:
    await filled(store, talk)
    assert {hit.turn for hit in await store.search(query, accounts=[talk.account])} == turns


async def test_a_hit_tells_its_place(store: Store, talk: Stored) -> None:
    await filled(store, talk)
    (hit,) = await store.search("tool:search", accounts=[talk.account])
    assert (hit.kind, hit.turn, hit.part_id) == ("tool", "broken", "t")
    (hit,) = await store.search("is:error kiln breaks", accounts=[talk.account])
    assert (hit.kind, hit.snippet) == ("prompt", "kiln breaks")


async def test_unrated_answers_are_those_without_a_verdict(store: Store, talk: Stored) -> None:
    await filled(store, talk)
    assert "rated" not in {hit.turn for hit in await store.search("rated:none", accounts=[talk.account])}


async def test_events_are_found_where_no_message_is(store: Store, talk: Stored) -> None:
    await filled(store, talk)
    wires = [
        Wire("session.error", {"error": {"code": "E7731", "message": "quota of kiln used up"}}, id="evt_1"),
        Wire("delta", {"text": "E7731"}, preview=True),
        Wire("long", {"text": "E7731 " * 100}, id="evt_2"),
    ]
    await store.record(talk.pk, events=[(wire, 2000.0) for wire in wires])
    await store.record(talk.pk, events=[(wire, 2000.0) for wire in wires])
    (hit,) = await store.search("e7731", accounts=[talk.account])
    assert (hit.kind, hit.wire_id, hit.at) == ("event", "evt_1", 2000.0)
    assert "event" not in {hit.kind for hit in await store.search("kiln", accounts=[talk.account])}
    assert [hit.wire_id for hit in await store.search("kiln in:event", accounts=[talk.account])] == ["evt_1"]
    assert [hit.wire_id for hit in await store.search("evt_1 session", accounts=[talk.account])] == []
    await store.delete_conversation(talk.pk)
    assert await store.search("e7731", accounts=[talk.account]) == []


@pytest.mark.parametrize("query", ["is:red", "before:tuesday", "rated:maybe", "has:wings", "in:soup", "after:2026-13"])
async def test_a_filter_that_is_none_is_a_sentence(store: Store, talk: Stored, query: str) -> None:
    with pytest.raises(UsageError) as caught:
        await store.search(query, accounts=[talk.account])
    assert query.partition(":")[0] + ":" in str(caught.value)


def test_the_grammar() -> None:
    asked = parse('glaze agent:"Research desk" before:2026-03-05 https://x.test/a "two words" is:', NOW)
    assert (asked.words, asked.agent, asked.before) == ('glaze https://x.test/a "two words"', "Research desk", at(2026, 3, 5))
    assert parse("before:today", NOW).before == at(2026, 11, 25) and parse("after:yesterday", NOW).after == at(2026, 11, 24)
    assert parse("after:2d", NOW).after == NOW - 2 * 86_400 and parse("agent:", NOW).empty and parse("", NOW).empty
    assert parse("word ", NOW).words == "word "


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("A Crème brûlée", "creme", ["Crème"]),
        ("start art artist", "art", ["art", "art"]),
        ("start art artist", "art ", ["art"]),
        ("one two, three", '"two three"', ["two, three"]),
        ("如何使用程序", "使用 程", ["使用", "程"]),
        ("ｶﾀｶﾅ", "カタカナ", ["ｶﾀｶﾅ"]),
        ("a😀b needle", "needle", ["needle"]),
        ("snake_case_name", "case", ["case"]),
        ("nothing", "", []),
    ],
)
def test_what_is_highlighted(text: str, words: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in spans(text, words)] == found


async def test_a_search_nobody_waits_for_is_broken_off(store: Store, talk: Stored) -> None:
    await store.record(talk.pk, turns=[said(f"u{n}", "same words", "x", position=float(n)) for n in range(300)])
    assert finds.find(store._database.connection, parse("same", NOW), [talk.account], gone=lambda: True) == []
    waiting = [asyncio.create_task(store.search("same", accounts=[talk.account])) for _ in range(20)]
    for one in waiting[:-1]:
        one.cancel()
    assert len(await waiting[-1]) == 50
    assert len(await store.search("same", accounts=[talk.account], limit=500)) == 300


async def test_an_older_file_gets_files_and_events_into_its_index(path: Path) -> None:
    store = await Store.open(path)
    talk = await store.save_conversation(await store.account(PROFILE), Conversation("70112", "A talk"))
    turn = said("u1", "look", "seen")
    turn.attachments = (Attachment("walrus.pdf"),)
    await store.record(talk.pk, turns=[turn], events=[(Wire("odd", {"code": "E42"}, id="e"), 1.0)])
    await store.aclose()
    raw = sqlite3.connect(path)
    for statement in (
        "DROP TABLE tags",
        "DROP TABLE comparisons",
        "DROP INDEX turns_rated",
        "DROP INDEX parts_failed",
        "DROP INDEX parts_tool",
        "DROP INDEX turns_prompt",
        "DELETE FROM docs WHERE kind IN ('file','event')",
    ):
        raw.execute(statement)
    raw.execute("ALTER TABLE docs DROP COLUMN event")
    raw.execute("ALTER TABLE conversations DROP COLUMN read_at")
    raw.execute("PRAGMA user_version = 3")
    raw.commit()
    raw.close()
    store = await Store.open(path)
    assert {hit.kind for hit in await store.search("walrus", accounts=[talk.account])} == {"file"}
    assert {hit.kind for hit in await store.search("e42", accounts=[talk.account])} == {"event"}
    await store.aclose()
