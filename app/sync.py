"""Filling the store with what a vendor has: every conversation's history, page by page. Reads only, nothing else.

What has been read is remembered for each conversation by the time it was last changed at the server, so a sync that was stopped
goes on where it was, and a later one reads only what is new.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import cast

from app.clock import Clock
from app.errors import Conflict, Forbidden, NotFound, Protocol, Refused, TooLarge
from app.models import Conversation, Event, PromptState, Stop, Wire
from app.protocols import Vendor
from app.store import Entry, Store, Stored
from app.transcript import Transcript, Turn

OWNER = "sync"
"""What the claims on turns are held under that a sync writes although they have no end yet."""
PAGE = 100
"""Conversations asked for at once."""
BATCH = 50
"""Turns that are written at once."""
_ITS_OWN = (NotFound, Forbidden, Refused, Conflict, Protocol, TooLarge)
"""Failures that are one conversation's and do not keep the others from being read."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What there is at the server, and what of it is not here."""

    conversations: int
    missing: tuple[Conversation, ...]
    """Not read yet, or changed since; newest first."""
    agreed: bool = False
    """A person agreed to this sync earlier and it was stopped before its end."""
    finished_at: str = ""
    """When everything was here for the last time, RFC 3339."""


@dataclass(slots=True)
class Filled:
    """How far a sync has come; ``failed`` maps a conversation's id to the sentence why it was left out."""

    total: int
    done: int = 0
    turns: int = 0
    current: str = ""
    """The title of the conversation that is being read."""
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether everything was read."""
        return self.done == self.total and not self.failed


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of an account's sync."""

    finished_at: str = ""
    """When everything was here for the last time, RFC 3339; "" if it never was."""
    agreed: bool = False
    """A person agreed to one that has not come to its end."""
    whom: str = ""
    """The external user it was for."""

    @property
    def until(self) -> str:
        """When everything was here for the last time, for people; "" if it never was."""
        seconds = Wire("", at=self.finished_at).seconds
        return time.strftime("%d %b %H:%M", time.localtime(seconds)) if seconds else ""


async def known(store: Store, account: int, whom: str = "") -> Known:
    """What is remembered of that account's sync; of another external user's it is nothing."""
    found = await _remembered(store, account)
    if found.get("whom", "") != whom:
        return Known()
    return Known(str(found.get("finished_at") or ""), bool(found.get("agreed")), whom)


class Sync:
    """The sync of one account. ``whom`` is the external user: another one is asked about again."""

    def __init__(self, store: Store, vendor: Vendor, account: int, *, whom: str = "", clock: Clock | None = None) -> None:
        self._store = store
        self._vendor = vendor
        self._account = account
        self._whom = whom
        self._clock = clock or Clock()

    async def survey(self, tell: Callable[[int], None] = lambda found: None) -> Survey:
        """Look through the server's list, keeping nothing of it; ``tell`` is told how many were found so far."""
        remembered = await self._remembered()
        missing: list[Conversation] = []
        agents = await self._vendor.agents()
        await self._store.save_agents(self._account, agents)
        names = {agent.id: agent.name for agent in agents}
        count, after = 0, ""
        while True:
            page = await self._vendor.conversations(after, limit=PAGE)
            listed = await self._store.not_deleted(self._account, page.items)
            named = [replace(one, agent_name=one.agent_name or names.get(one.agent_id, "")) for one in listed]
            missing += [one for one in named if not await self._has(one)]
            count += len(page.items)
            tell(count)
            after = page.next
            if not after:
                break
        agreed = bool(remembered.get("agreed")) and remembered.get("whom") == self._whom
        return Survey(count, tuple(missing), agreed, str(remembered.get("finished_at") or ""))

    async def agree(self) -> None:
        """Remember that a person wants this, until it is finished."""
        remembered = await self._remembered()
        await self._remember({**remembered, "agreed": True, "whom": self._whom})

    async def fill(self, survey: Survey, tell: Callable[[Filled], None] = lambda filled: None) -> Filled:
        """Read what is missing. May be cancelled at any moment: what was read by then stays and is not read again.

        ``tell`` is handed the same object each time. Raises what keeps every conversation from being read: the key, the network.
        """
        filled = Filled(len(survey.missing))
        for conversation in survey.missing:
            filled.current = conversation.title
            tell(filled)
            try:
                for stored in await self._store.save_conversations(self._account, [conversation]):
                    filled.turns += await self._read(stored)
                    await self._store.save_note(_mark(stored), _stamp(conversation))
            except _ITS_OWN as error:
                filled.failed[conversation.id] = str(error)
            filled.done += 1
            tell(filled)
        if filled.complete:
            await self._remember({"agreed": False, "whom": self._whom, "finished_at": self._clock.stamp()})
        return filled

    async def _has(self, conversation: Conversation) -> bool:
        """Whether all of it was read as it is now."""
        stored = await self._store.find(self._account, conversation.id)
        return stored is not None and await self._store.note(_mark(stored)) == _stamp(conversation)

    async def _read(self, stored: Stored) -> int:
        """One conversation into the store; how many turns were written. A turn that somebody here works on is left to them."""
        transcript = Transcript(await self._store.turns(stored.pk))
        theirs, claimed = set(), []
        for turn in transcript.turns:
            if turn.state is PromptState.SENT and turn.open and await self._store.claim(f"turn:{turn.uid}", OWNER):
                claimed.append(turn.uid)
            elif turn.state is not PromptState.SENT or turn.open:
                theirs.add(turn.uid)
        try:
            return await self._fold(stored, transcript, theirs)
        finally:
            for uid in claimed:
                await self._store.release(f"turn:{uid}", OWNER)

    async def _fold(self, stored: Stored, transcript: Transcript, theirs: set[str]) -> int:
        """Apply the history and write each turn that it touched, the last one at the end."""
        known = {turn.uid for turn in transcript.turns}
        touched: dict[str, Turn] = {}
        written: set[str] = set()
        cursor = ""

        async def write(turns: list[Turn], cursor: str | None = None) -> None:
            await self._store.record_many([Entry(stored.pk, turns=tuple(turns), cursor=cursor)])
            written.update(turn.uid for turn in turns)

        history = cast(AsyncGenerator[Event, None], self._vendor.history(stored.conversation))
        async with aclosing(history) as events:
            async for event in events:
                change = transcript.apply(event)
                cursor = event.wire.id or cursor
                if change.turn is None or change.turn.uid in theirs:
                    continue
                if len(touched) >= BATCH and change.turn.uid not in touched:
                    await write(list(touched.values()))
                    known |= touched.keys()
                    touched.clear()
                touched[change.turn.uid] = change.turn
        for turn in transcript.turns[:-1]:
            if turn.stop is None and turn.state is PromptState.SENT and turn.uid not in theirs:
                turn.stop = Stop.UNKNOWN
                touched[turn.uid] = turn
        if {head.uid for head in await self._store.turn_heads(stored.pk)} - known:
            raise Conflict("Somebody is talking in it right now; the next sync reads it.")
        await write(list(touched.values()), None if theirs else cursor or None)
        return len(written)

    async def _remembered(self) -> dict[str, object]:
        return await _remembered(self._store, self._account)

    async def _remember(self, facts: dict[str, object]) -> None:
        await self._store.save_note(f"sync:{self._account}", json.dumps(facts))


async def _remembered(store: Store, account: int) -> dict[str, object]:
    try:
        found = json.loads(await store.note(f"sync:{account}") or "{}")
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}


def _mark(stored: Stored) -> str:
    """The name of the note about one conversation: our own key, so that it tells nothing once that is deleted."""
    return f"synced:{stored.pk}"


def _stamp(conversation: Conversation) -> str:
    return conversation.updated_at or conversation.created_at or "once"
