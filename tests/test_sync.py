"""The sync: reads everything once, goes on where it was, and leaves running turns to who has them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.clock import Clock
from app.errors import Refused
from app.models import Profile, Prompt
from app.sandbox.server import Ready
from app.store import Store
from app.sync import Filled, Sync
from app.vendors import connect
from tests.servers import codeer_client, ledger

PARROT = "Parrot"


@pytest.fixture
async def store(tmp_path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "sync.db", clock=Clock())
    yield opened
    await opened.aclose()


def profile_of(ready: Ready, side: str) -> tuple[Profile, str]:
    if side == "codeer":
        return Profile("c", "codeer", ready.codeer_base), ready.codeer_key
    return Profile("q", "qoder", ready.qoder_base), ready.qoder_key


async def talk(vendor, count: int, turns: int = 2) -> list[str]:
    agent = next(agent for agent in await vendor.agents() if agent.name == PARROT)
    where = (await vendor.environments())[0].id if hasattr(vendor, "environments") else ""
    made = []
    for number in range(count):
        conversation = await vendor.start(agent.id, title=f"talk {number}", environment=where)
        for turn in range(turns):
            async for _ in vendor.send(conversation, Prompt(f"k{number}-{turn}", f"word{number}x{turn}")):
                pass
        made.append(conversation.id)
    return made


@pytest.mark.parametrize("side", ["codeer", "qoder"])
async def test_everything_is_read_once_and_nothing_is_sent(sandbox: Ready, store: Store, side: str) -> None:
    profile, key = profile_of(sandbox, side)
    vendor = connect(profile, key)
    try:
        made = await talk(vendor, 3)
        entries = len(ledger(sandbox))
        account = await store.account(profile)
        sync = Sync(store, vendor, account)
        survey = await sync.survey()
        assert survey.conversations == 3 and {one.id for one in survey.missing} == set(made)
        assert not await store.search("word1x1", accounts=[account])
        filled = await sync.fill(survey)
        assert (filled.done, filled.turns, filled.failed, filled.complete) == (3, 6, {}, True)
        assert len(await store.search("word1x1", accounts=[account])) >= 1
        for chat in made:
            stored = await store.find(account, chat)
            assert stored is not None
            assert [turn.answer for turn in await store.turns(stored.pk)] == [turn.text for turn in await store.turns(stored.pk)]
        assert len(ledger(sandbox)) == entries
        again = await sync.survey()
        assert again.missing == () and again.finished_at
        one = await vendor.conversation(made[0])
        async for _ in vendor.send(one, Prompt("late", "a late word")):
            pass
        later = await sync.survey()
        assert [one.id for one in later.missing] == [made[0]]
        assert (await sync.fill(later)).turns >= 1
        assert await store.search("late", accounts=[account])
    finally:
        await vendor.aclose()


async def test_a_stopped_sync_goes_on_where_it_was(sandbox: Ready, store: Store) -> None:
    profile, key = profile_of(sandbox, "codeer")
    vendor = connect(profile, key)
    try:
        await talk(vendor, 4, 1)
        account = await store.account(profile)
        sync = Sync(store, vendor, account, whom="ada")
        survey = await sync.survey()
        await sync.agree()
        second = asyncio.Event()

        def tell(filled: Filled) -> None:
            if filled.done == 2:
                second.set()

        task = asyncio.create_task(sync.fill(survey, tell))
        await second.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        rest = await Sync(store, vendor, account, whom="ada").survey()
        assert rest.agreed and 1 <= len(rest.missing) <= 2
        assert not (await Sync(store, vendor, account, whom="bob").survey()).agreed
        assert (await sync.fill(rest)).complete
        assert not (await sync.survey()).agreed
    finally:
        await vendor.aclose()


async def test_one_bad_conversation_does_not_stop_the_others(
    sandbox: Ready, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile, key = profile_of(sandbox, "codeer")
    vendor = connect(profile, key)
    try:
        made = await talk(vendor, 3, 1)
        whole = type(vendor).history

        async def history(self, conversation):
            if conversation.id == made[1]:
                raise Refused("It is broken.")
            async for event in whole(self, conversation):
                yield event

        monkeypatch.setattr(type(vendor), "history", history)
        sync = Sync(store, vendor, await store.account(profile))
        filled = await sync.fill(await sync.survey())
        assert filled.failed == {made[1]: "It is broken."} and filled.done == 3 and not filled.complete
        assert len((await sync.survey()).missing) == 1
    finally:
        await vendor.aclose()


async def test_a_long_history_and_what_was_deleted_here(sandbox: Ready, store: Store) -> None:
    profile, key = profile_of(sandbox, "codeer")
    vendor = connect(profile, key)
    try:
        account = await store.account(profile)
        agent = next(agent for agent in await vendor.agents() if agent.name == PARROT)
        conversation = await vendor.start(agent.id, title="long")
        async with codeer_client(sandbox) as client:
            for number in range(130):
                body = {"message": f"line {number}", "stream": False, "agent_id": agent.id}
                assert (await client.post(f"/chats/{conversation.id}/messages", json=body)).status_code == 200
        sync = Sync(store, vendor, account)
        assert (await sync.fill(await sync.survey())).turns == 130
        stored = await store.find(account, conversation.id)
        assert stored is not None
        assert [turn.text for turn in await store.turns(stored.pk)] == [f"line {number}" for number in range(130)]
        await store.delete_conversation(stored.pk)
        survey = await sync.survey()
        assert (survey.conversations, survey.missing) == (1, ())
    finally:
        await vendor.aclose()


async def test_a_turn_that_somebody_works_on_is_left_to_them(sandbox: Ready, store: Store) -> None:
    profile, key = profile_of(sandbox, "qoder")
    vendor = connect(profile, key)
    try:
        (made,) = await talk(vendor, 1)
        account = await store.account(profile)
        sync = Sync(store, vendor, account)
        assert (await sync.fill(await sync.survey())).turns == 2
        stored = await store.find(account, made)
        assert stored is not None
        last = (await store.turns(stored.pk))[-1]
        last.stop, last.parts = None, []
        await store.record(stored.pk, turns=[last])
        await store.save_note(f"synced:{stored.pk}", "")
        assert await store.claim(f"turn:{last.uid}", "turns")
        await sync.fill(await sync.survey())
        assert (await store.turns(stored.pk))[-1].stop is None
        await store.release(f"turn:{last.uid}", "turns")
        await store.save_note(f"synced:{stored.pk}", "")
        await sync.fill(await sync.survey())
        assert (await store.turns(stored.pk))[-1].answer == "word0x1"
    finally:
        await vendor.aclose()
