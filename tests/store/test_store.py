from __future__ import annotations

import asyncio
import sqlite3
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest

from app.clock import Clock
from app.errors import StoreError
from app.models import Agent, Conversation, PartKind, Profile, PromptState, Request, RequestKind, Status, Stop, Verdict, Wire
from app.store import Entry, Store, Stored, account_of
from app.transcript import Part, Turn
from tests.store.conftest import PROFILE, said


async def test_what_was_recorded_is_there_after_a_restart(store: Store, talk: Stored, path: Path) -> None:
    await store.record(talk.pk, turns=[said("u1", "hello", "hi")], cursor="e9")
    await store.save_draft(talk.pk, "half a sen")
    await store.aclose()
    again = await Store.open(path)
    assert again.notices == ()
    found = await again.find(talk.account, "70112")
    assert found is not None
    assert (found.cursor, found.draft, found.profile) == ("e9", "half a sen", "work")
    assert [turn.answer for turn in await again.turns(found.pk)] == ["hi"]
    await again.aclose()


async def test_the_same_name_on_another_origin_sees_nothing(store: Store, talk: Stored) -> None:
    other = await store.account(replace(PROFILE, account="", base="https://Other.example.test:8443/api/v1"))
    assert other != talk.account
    assert await store.find(other, "70112") is None
    assert await store.conversations([other]) == []
    assert account_of(Profile("a", "codeer", "https://X.test/api")) == ("a", "https://x.test")


async def test_a_turn_is_copied_before_it_is_written(store: Store, talk: Stored) -> None:
    turn = said("u1", "hello", "one", done=False)
    writing = asyncio.create_task(store.record(talk.pk, turns=[turn]))
    await asyncio.sleep(0)
    turn.parts[0].append(" two")
    await writing
    assert (await store.turns(talk.pk))[0].answer == "one"
    await store.record(talk.pk, turns=[turn])
    assert (await store.turns(talk.pk))[0].answer == "one two"


async def test_only_changed_rows_are_written(store: Store, talk: Stored) -> None:
    turn = said("u1", "hello", "one")
    await store.record(talk.pk, turns=[turn])
    connection = store._database.connection

    def changes() -> int:
        return connection.total_changes

    before = await store._hand(changes)
    await store.record(talk.pk, turns=[turn])
    assert await store._hand(changes) == before
    more = Part("p2", PartKind.THINKING)
    turn.parts.append(more)
    await store.record(talk.pk, turns=[turn])
    assert await store._hand(changes) == before + 1


async def test_parts_and_turns_that_went_away(store: Store, talk: Stored) -> None:
    await store.record(talk.pk, turns=[said("u1", "first", "aardvark"), said("r:9", "first", "aardvark", position=2)])
    shorter = said("u1", "first", "aardvark")
    shorter.parts = []
    await store.record(talk.pk, turns=[shorter], removed=["r:9", "never"])
    (turn,) = await store.turns(talk.pk)
    assert turn.parts == []
    assert await store.search("aardvark", accounts=[talk.account]) == []


async def test_events_are_kept_once_and_previews_not_at_all(store: Store, talk: Stored) -> None:
    one, two = Wire("agent.message", {"n": 1}, id="e1", lane="l", at="2026-01-01T00:00:00Z"), Wire("agent.thinking", {}, id="e1")
    no_id = Wire("response.created", {"x": "\u2028"})
    await store.record(
        talk.pk, events=[(one, 5.0), (two, 5.0), (no_id, 6.0), (Wire("d", {}, preview=True), 6.0), (Wire(""), 1.0)]
    )
    await store.record(talk.pk, events=[(one, 7.0), (no_id, 7.0)])
    found = await store.events(talk.pk)
    assert [event.wire for event in found] == [one, two, no_id, no_id]
    assert [event.received for event in found] == [5.0, 5.0, 6.0, 7.0]
    assert [event.wire.type for event in await store.events(talk.pk, type_prefix="agent.")] == ["agent.message", "agent.thinking"]
    assert await store.events(talk.pk, after_seq=found[2].seq) == found[3:]
    assert await store.events(talk.pk, limit=1) == found[:1]
    assert await store.has_event(talk.pk, "e1")
    assert not await store.has_event(talk.pk, "")
    assert await store.event_seq(talk.pk, "e1") == found[1].seq


async def test_all_or_nothing_over_several_conversations(store: Store, talk: Stored) -> None:
    with pytest.raises(StoreError, match="not saved"):
        await store.record_many([Entry(talk.pk, [said("u1", "a", "b")], cursor="c"), Entry(999, [said("u2", "c", "d")])])
    assert await store.turns(talk.pk) == []
    found = await store.get(talk.pk)
    assert found is not None
    assert found.cursor == ""


async def test_the_list_is_newest_first_and_paged(store: Store, account: int) -> None:
    made = [
        await store.save_conversation(account, Conversation(str(n), f"Talk {n}", updated_at=f"2026-01-{n:02d}T10:00:00Z"))
        for n in range(1, 10)
    ]
    first = await store.conversations([account], limit=4)
    assert [one.conversation.id for one in first] == ["9", "8", "7", "6"]
    rest = await store.conversations([account], before=first[-1].place)
    assert [one.conversation.id for one in rest] == ["5", "4", "3", "2", "1"]
    await store.record(made[0].pk, turns=[replace(said("u", "x", "y"), ended=2e9)])
    assert (await store.conversations([account], limit=1))[0].conversation.id == "1"
    assert [one.conversation.id for one in await store.conversations([account], text="TALK 4")] == ["4"]
    await store.pin(made[2].pk, True)
    assert [one.conversation.id for one in await store.conversations([account], pinned=True)] == ["3"]
    await store.save_conversation(account, Conversation("5", "Talk 5", archived=True, updated_at="2026-01-05T10:00:00Z"))
    assert len(await store.conversations([account])) == 8
    assert [one.conversation.id for one in await store.conversations([account], archived=True)] == ["5"]
    assert await store.conversations([]) == []


async def test_a_list_without_times_keeps_its_place(store: Store, account: int) -> None:
    await store.save_conversation(account, Conversation("1", "old", updated_at="2026-01-01T10:00:00Z"))
    again = await store.save_conversation(account, Conversation("1", "renamed", updated_at="not a time"))
    assert again.touched == 1767261600.0
    assert again.conversation.title == "renamed"


async def test_waiting_and_running_are_known_in_the_list(store: Store, talk: Stored) -> None:
    turn = said("u1", "go", "…", done=False)
    await store.record(talk.pk, turns=[turn])
    (listed,) = await store.conversations([talk.account])
    assert (listed.running, listed.waiting) == (True, 0)
    turn.stop, turn.waiting = Stop.NEEDS_APPROVAL, (Request("e1", RequestKind.APPROVAL, "write", {"path": "x"}),)
    await store.record(talk.pk, turns=[turn])
    (listed,) = await store.conversations([talk.account])
    assert (listed.running, listed.waiting) == (False, 1)
    turn.stop, turn.waiting = Stop.DONE, ()
    await store.record(talk.pk, turns=[turn], conversation=replace(talk.conversation, status=Status.RUNNING))
    (listed,) = await store.conversations([talk.account])
    assert (listed.running, listed.waiting) == (True, 0)


async def test_unsettled_turns(store: Store, talk: Stored) -> None:
    states = [
        (PromptState.QUEUED, None, True),
        (PromptState.SENDING, None, True),
        (PromptState.UNKNOWN, Stop.UNKNOWN, True),
        (PromptState.SENT, None, True),
        (PromptState.SENT, Stop.UNKNOWN, True),
        (PromptState.SENT, Stop.DONE, False),
        (PromptState.SENT, Stop.NEEDS_INPUT, False),
        (PromptState.NOT_SENT, None, False),
    ]
    turns = [Turn(f"u{n}", float(n), "x", state=state, stop=stop) for n, (state, stop, _) in enumerate(states)]
    await store.record(talk.pk, turns=turns)
    found = await store.unsettled(talk.account)
    assert [turn.uid for _, turn in found] == [f"u{n}" for n, (_, _, wanted) in enumerate(states) if wanted]
    assert {stored.pk for stored, _ in found} == {talk.pk}
    plan = "EXPLAIN QUERY PLAN SELECT 1 FROM turns t WHERE t.conversation = 1 AND (t.unsettled = 1 OR t.waits > 0)"
    rows = await store._read(lambda connection: connection.execute(plan).fetchall())
    assert "turns_unsettled" in rows[0][3]


async def test_agents_keep_when_they_were_used(store: Store, account: int) -> None:
    await store.save_agents(account, [Agent("1", "A"), Agent("2", "B")])
    await store.used_agent(account, "2", 50.0)
    await store.used_agent(account, "2", 40.0)
    await store.save_agents(account, [Agent("3", "C"), Agent("2", "B2")])
    assert [(known.agent.name, known.last_used) for known in await store.agents(account)] == [("C", 0.0), ("B2", 50.0)]


async def test_ratings_wait_and_stay_on_their_turn(store: Store, talk: Stored) -> None:
    turn = said("u1", "q", "a")
    await store.record(talk.pk, turns=[turn])
    await store.queue_rating(talk.pk, "u1", "", Verdict.UP)
    number = await store.queue_rating(talk.pk, "u1", "", Verdict.DOWN, "wrong")
    turn.message_id = "902"
    await store.record(talk.pk, turns=[turn])
    (waiting,) = await store.pending_ratings(talk.account)
    assert (waiting.id, waiting.message_id, waiting.verdict, waiting.comment) == (number, "902", Verdict.DOWN, "wrong")
    (kept,) = await store.turns(talk.pk)
    assert (kept.verdict, kept.comment) == (Verdict.DOWN, "wrong")
    await store.rating_failed(number, "offline")
    assert (await store.pending_ratings(talk.account))[0].failure == "offline"
    await store.rating_sent(number)
    assert await store.pending_ratings(talk.account) == []


async def test_claims_between_stores(store: Store, path: Path) -> None:
    other = await Store.open(path)
    assert await store.claim("turn:u1", "a")
    assert await store.claim("turn:u1", "a")
    assert not await store.claim("turn:u1", "b")
    assert not await other.claim("turn:u1", "a")
    await other.release("turn:u1", "a")
    assert not await other.claim("turn:u1", "a")
    await store.release("turn:u1", "a")
    assert await other.claim("turn:u1", "a")
    await other.aclose()
    assert await store.claim("turn:u1", "c")


async def test_a_dead_owner_holds_nothing(store: Store) -> None:
    assert await store.claim("x", "me")
    await store._do(lambda connection: connection.execute("UPDATE claims SET born = '1', store = 'gone'").rowcount)
    assert await store.claim("x", "you")
    await store._do(lambda connection: connection.execute("UPDATE claims SET host = 'elsewhere', store = 'gone'").rowcount)
    assert not await store.claim("x", "me")


async def test_deleting_leaves_the_others(store: Store, talk: Stored) -> None:
    other = await store.save_conversation(talk.account, Conversation("2", "Other"))
    await store.record(talk.pk, turns=[said("u1", "zebra", "lion")], events=[(Wire("t", {}, id="e"), 1.0)])
    await store.record(other.pk, turns=[said("u1", "zebra", "lion")])
    await store.queue_rating(talk.pk, "u1", "1", Verdict.UP)
    await store.delete_conversation(talk.pk)
    assert await store.get(talk.pk) is None
    assert {hit.stored.pk for hit in await store.search("zebra", accounts=[talk.account])} == {other.pk}
    tables = ("turns", "parts", "events", "ratings")
    counts = await store._read(lambda c: [c.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables])
    assert counts == [1, 1, 0, 0]
    with pytest.raises(StoreError):
        await store.record(talk.pk, turns=[said("u2", "late", "")])


async def test_a_deleted_one_does_not_come_back_by_a_list(store: Store, talk: Stored) -> None:
    await store.delete_conversation(talk.pk)
    assert [
        one.conversation.id for one in await store.save_conversations(talk.account, [talk.conversation, Conversation("9")])
    ] == ["9"]
    back = await store.save_conversation(talk.account, talk.conversation)
    assert back.pk > talk.pk
    assert len(await store.save_conversations(talk.account, [talk.conversation])) == 1


async def test_forgetting_an_account(store: Store, talk: Stored) -> None:
    await store.record(talk.pk, turns=[said("u1", "zebra", "lion")])
    await store.forget_account(PROFILE)
    await store.forget_account(PROFILE)
    assert await store.search("zebra", accounts=[talk.account]) == []
    assert await store.conversations([talk.account]) == []


async def test_delete_means_gone(store: Store, talk: Stored, path: Path) -> None:
    secrets = ["Xylophonquark", "Brontowumpus", "Kettlefjord", "Plinthmarmot"]
    title, prompt, answer, tool = secrets
    turn = said("u1", f"tell {prompt}", f"{answer} " * 3000)
    turn.parts.append(Part("t", PartKind.TOOL, done=True, name="run", input={"c": tool}, output=f"{tool} " * 50))
    filler = await store.save_conversation(talk.account, Conversation("2", "Other"))
    for number in range(20):
        await store.record(filler.pk, turns=[said(f"f{number}", "words of others " * 20, "more " * 200, position=number)])
    await store.record(
        talk.pk,
        turns=[turn],
        events=[(Wire("t", {"text": answer}, id="e"), 1.0)],
        conversation=replace(talk.conversation, title=title),
    )
    await store.save_draft(talk.pk, prompt)

    def left() -> set[str]:
        data = b"".join(file.read_bytes() for file in path.parent.iterdir())
        return {secret for secret in secrets if secret.encode() in data or secret.lower().encode() in data}

    assert left() == set(secrets)
    await store.delete_conversation(talk.pk)
    assert left() == set()


async def test_drafts_notes_and_seen(store: Store, talk: Stored) -> None:
    await store.save_seen(talk.pk, "e4")
    assert await store.note("last") == ""
    await store.save_note("last", "70112")
    found = await store.get(talk.pk)
    assert found is not None
    assert (found.seen, await store.note("last")) == ("e4", "70112")


async def test_another_instance_is_noticed(store: Store, talk: Stored, path: Path) -> None:
    other = await Store.open(path)
    before = await store.version()
    await other.save_draft(talk.pk, "from there")
    assert await store.version() != before
    await other.aclose()


async def test_a_cancelled_caller_does_not_undo_the_write(store: Store, talk: Stored) -> None:
    task = asyncio.create_task(store.save_draft(talk.pk, "kept"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    found = await store.get(talk.pk)
    assert found is not None
    assert found.draft == "kept"


async def test_closed_means_closed(path: Path) -> None:
    store = await Store.open(path)
    await store.aclose()
    await store.aclose()
    with pytest.raises(StoreError, match="closed"):
        await store.note("x")


async def test_files_are_private(path: Path) -> None:
    import os

    old = os.umask(0)
    try:
        store = await Store.open(path)
        await store.save_note("a", "b")
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        await store.aclose()
    finally:
        os.umask(old)
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.chmod(0o644)
    store = await Store.open(path)
    assert "closed now" in store.notices[0]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await store.aclose()


async def test_a_symbolic_link_is_resolved_once(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "home").mkdir()
    link = tmp_path / "home" / "parlour.db"
    link.symlink_to(tmp_path / "real" / "own.db")
    store = await Store.open(link)
    assert store.path == tmp_path / "real" / "own.db"
    assert {file.name for file in (tmp_path / "home").iterdir()} == {"parlour.db"}
    await store.aclose()


async def test_a_newer_file_is_only_read(store: Store, talk: Stored, path: Path) -> None:
    await store.aclose()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    before = path.read_bytes()
    newer = await Store.open(path)
    assert "newer" in newer.notices[0]
    assert newer.read_only
    assert (await newer.find(talk.account, "70112")) is not None
    with pytest.raises(StoreError, match="newer"):
        await newer.save_draft(talk.pk, "x")
    await newer.aclose()
    assert path.read_bytes() == before


async def test_a_folder_where_the_file_should_be(tmp_path: Path) -> None:
    (tmp_path / "parlour.db").mkdir()
    with pytest.raises(StoreError, match="not a file"):
        await Store.open(tmp_path / "parlour.db")


async def test_ten_thousand_messages_are_laid_out_fast(store: Store, talk: Stored) -> None:
    turns = [said(f"u{n}", "a question\n" * 3, "an answer " * 30, position=float(n)) for n in range(5_000)]
    await store.record(talk.pk, turns=turns)
    best = 9.0
    for _ in range(3):
        begun = time.perf_counter()
        heads = await store.turn_heads(talk.pk)
        best = min(best, time.perf_counter() - begun)
    assert len(heads) == 5_000
    assert (heads[7].uid, heads[7].newlines, heads[7].parts[0].chars) == ("u7", 3, 300)
    assert best < 0.3


async def test_what_was_asked_before(store: Store, talk: Stored) -> None:
    asked = ["Hello", "second", "Hello", "thírd"]
    await store.record(talk.pk, turns=[said(f"u{n}", text, "x", position=float(n)) for n, text in enumerate(asked)])
    assert await store.prompts([talk.account]) == ["thírd", "Hello", "second"]
    assert await store.prompts([talk.account], text="THÍ") == ["thírd"]
    assert await store.prompts([talk.account], limit=1) == ["thírd"]
    assert await store.prompts([]) == []


async def test_the_clock_is_handed_in(path: Path) -> None:
    store = await Store.open(path, clock=Clock(wall=lambda: 77.0))
    stored = await store.save_conversation(await store.account(PROFILE), Conversation("1"))
    assert stored.touched == 77.0
    await store.aclose()
