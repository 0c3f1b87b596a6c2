"""Everything that was said, in one SQLite file: values in, values out.

One thread of its own does all the SQL of a ``Store``; its methods hand it a job and await the answer, so the event loop never
waits for a disk. A job that was handed over is carried out even if its caller is cancelled. Every method raises ``StoreError``
with one sentence; after a failed write nothing of it is there and everything earlier is.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from sqlite3 import Connection

from app.clock import Clock
from app.errors import StoreError
from app.models import Agent, Conversation, Profile, Verdict, Wire
from app.store import batches, claims, conversations, ratings, record
from app.store.batches import Job, JobPart
from app.store.database import Database
from app.store.marks import Marks
from app.store.record import Entry
from app.store.results import Results
from app.store.values import KnownAgent, Rating, Stored, StoredEvent, TurnHead, account_of
from app.text import storable
from app.transcript import Turn


class Store(Marks):
    """Open it with ``await Store.open()``, close it with ``await store.aclose()``."""

    def __init__(self, executor: ThreadPoolExecutor, database: Database, clock: Clock) -> None:
        super().__init__(executor, database, clock)
        self.results = Results(self._do, clock.wall)

    # --- accounts and agents -------------------------------------------------------------------------------------------------

    async def account(self, profile: Profile) -> int:
        """The key of what belongs to this profile's name and account, made if it is new."""
        known = await self._read(partial(_known_account, profile=profile))
        return known if known is not None else await self._do(partial(_account, profile=profile))

    async def forget_account(self, profile: Profile) -> None:
        """Delete everything that belongs to it, for good."""
        name, origin = account_of(profile)
        await self._erase(lambda connection: conversations.forget_account(connection, name, origin))

    async def save_agents(self, account: int, agents: Sequence[Agent]) -> None:
        """Replace the list as the server gave it."""
        await self._do(lambda connection: conversations.save_agents(connection, account, agents))

    async def agents(self, account: int) -> list[KnownAgent]:
        """In the server's order."""
        return await self._read(lambda connection: conversations.agents(connection, account))

    async def used_agent(self, account: int, agent_id: str, at: float) -> None:
        """It was talked to at ``at`` (wall clock)."""
        sql, values = (
            "UPDATE agents SET last_used = max(last_used, ?) WHERE account = ? AND id = ?",
            (at, account, storable(agent_id)),
        )
        await self._do(lambda connection: connection.execute(sql, values).rowcount)

    # --- conversations -------------------------------------------------------------------------------------------------------

    async def save_conversation(self, account: int, conversation: Conversation, *, cursor: str | None = None) -> Stored:
        """Insert or update one that somebody opened; also one that was deleted here."""
        return await self._do(partial(_save, account=account, conversation=conversation, cursor=cursor, now=self._clock.wall()))

    async def save_conversations(self, account: int, found: Sequence[Conversation]) -> list[Stored]:
        """A page of a server's list, in one transaction; what was deleted here stays deleted."""
        now = self._clock.wall()

        def job(connection: Connection) -> list[Stored]:
            wanted = conversations.kept(connection, account, found)
            return [_save(connection, account=account, conversation=one, cursor=None, now=now) for one in wanted]

        return await self._do(job)

    async def not_deleted(self, account: int, found: Sequence[Conversation]) -> list[Conversation]:
        """Those of a server's list that were not deleted here; nothing is written."""
        return await self._read(lambda connection: conversations.kept(connection, account, found))

    async def find(self, account: int, conversation_id: str) -> Stored | None:
        """By the server's id."""
        return await self._read(lambda connection: conversations.find(connection, account, conversation_id))

    async def get(self, pk: int) -> Stored | None:
        """By our own key."""
        return await self._read(lambda connection: conversations.get(connection, pk))

    async def delete_conversation(self, pk: int, *, remember: bool = True) -> None:
        """Delete it for good: no byte of it stays in the file, its journal or the index.

        ``remember`` keeps a hash of its id, so that a server's list does not bring it back.
        """

        def job(connection: Connection) -> None:
            conversations.delete(connection, pk, remember=remember)
            conversations.compact(connection)

        await self._erase(job)

    # --- turns and events ----------------------------------------------------------------------------------------------------

    async def record(
        self,
        pk: int,
        *,
        turns: Sequence[Turn] = (),
        events: Sequence[tuple[Wire, float]] = (),
        cursor: str | None = None,
        conversation: Conversation | None = None,
        removed: Sequence[str] = (),
    ) -> None:
        """Keep what happened in one conversation, in one transaction; see ``Entry``."""
        await self.record_many([Entry(pk, turns, events, cursor, conversation, removed)])

    async def record_many(self, entries: Sequence[Entry]) -> None:
        """Keep what happened in several conversations, in one transaction. The turns are copied before this first waits."""
        frozen = [entry.frozen() for entry in entries]

        def job(connection: Connection) -> None:
            for entry in frozen:
                record.record(connection, entry)

        await self._do(job)

    async def turns(self, pk: int) -> list[Turn]:
        """All turns with all their parts, in order."""
        return await self._read(lambda connection: record.turns(connection, pk))

    async def turns_between(self, pk: int, uids: Sequence[str]) -> list[Turn]:
        """Those of the given uids, in order."""
        return await self._read(lambda connection: record.turns(connection, pk, tuple(uids)))

    async def turn_heads(self, pk: int) -> list[TurnHead]:
        """The sizes of all turns, in order, without reading them."""
        return await self._read(lambda connection: record.heads(connection, pk))

    async def events(self, pk: int, *, after_seq: int = 0, type_prefix: str = "", limit: int | None = None) -> list[StoredEvent]:
        """The vendor's events in the order they came."""
        return await self._read(lambda connection: record.events(connection, pk, after_seq, type_prefix, limit))

    async def has_event(self, pk: int, wire_id: str) -> bool:
        """Whether an event of that id is there."""
        return await self.event_seq(pk, wire_id) > 0

    async def event_seq(self, pk: int, wire_id: str) -> int:
        """The ``seq`` of the last event of that id; 0 if there is none."""
        return await self._read(lambda connection: record.event_seq(connection, pk, wire_id))

    async def unsettled(self, account: int) -> list[tuple[Stored, Turn]]:
        """The turns whose end is still to be learnt, oldest first."""

        return await self._read(lambda connection: _turns_of(connection, record.unsettled(connection, account)))

    async def waiting(self, accounts: Sequence[int]) -> list[tuple[Stored, Turn]]:
        """The turns that wait for a person, the longest wait first."""
        return await self._read(lambda connection: _turns_of(connection, record.waiting(connection, tuple(accounts))))

    async def reviewable(self, accounts: Sequence[int], limit: int = 1_000) -> list[tuple[Stored, Turn]]:
        """The turns whose answer nobody rated, or not well; the newest conversation first."""
        return await self._read(lambda connection: _turns_of(connection, record.reviewable(connection, tuple(accounts), limit)))

    async def claim(self, name: str, owner: str) -> bool:
        """Take ``name`` for this store and owner; False if somebody who lives has it, in whatever process."""
        now = self._clock.wall()
        return await self._do(lambda connection: claims.claim(connection, name, owner, self._token, now))

    async def release(self, name: str, owner: str) -> None:
        """Let go of a claim of one's own."""
        await self._do(lambda connection: claims.release(connection, name, owner, self._token))

    # --- ratings, search, notes ----------------------------------------------------------------------------------------------

    async def queue_rating(self, pk: int, uid: str, message_id: str, verdict: Verdict, comment: str = "") -> int:
        """Keep a rating until it is sent, and show it on its turn. Returns its id."""
        now = self._clock.wall()
        return await self._do(lambda connection: ratings.queue(connection, pk, uid, message_id, verdict, comment, now))

    async def pending_ratings(self, account: int) -> list[Rating]:
        """Those that wait, oldest first."""
        return await self._read(lambda connection: ratings.pending(connection, account))

    async def rating_sent(self, number: int) -> None:
        """The server has it."""
        await self._do(lambda connection: ratings.settle(connection, number, "sent", ""))

    async def rating_failed(self, number: int, failure: str, *, final: bool = False) -> None:
        """It did not arrive; unless that is ``final`` it waits for another try."""
        await self._do(lambda connection: ratings.settle(connection, number, "failed" if final else "queued", failure))

    async def add_batch_job(self, job: Job) -> int:
        """Keep a new batch job before anything of it leaves. Returns its id."""
        return await self._do(lambda connection: batches.add(connection, job))

    async def save_batch_part(self, job: int, part: JobPart) -> None:
        """Keep what a part of it is now."""
        frozen = copy.copy(part)
        await self._do(lambda connection: batches.save_part(connection, job, frozen))

    async def batch_jobs(self, accounts: Sequence[int], job: int | None = None) -> list[Job]:
        """The batch jobs of these accounts, the newest first; only one if its id is given."""
        return await self._read(lambda connection: batches.jobs(connection, tuple(accounts), job))

    async def delete_batch_job(self, job: int) -> None:
        """Forget one."""
        await self._erase(lambda connection: batches.delete(connection, job))

    async def note(self, name: str) -> str:
        """A small text kept under a name (where a screen was left); "" if there is none."""
        sql, values = "SELECT value FROM notes WHERE name = ?", (storable(name),)
        row = await self._read(lambda connection: connection.execute(sql, values).fetchone())
        return str(row[0]) if row else ""

    async def save_note(self, name: str, value: str) -> None:
        """Keep a small text under a name."""
        sql, values = "INSERT OR REPLACE INTO notes (name, value) VALUES (?, ?)", (storable(name), storable(value))
        await self._do(lambda connection: connection.execute(sql, values).rowcount)

    async def version(self) -> int:
        """A number that changes when another process has written."""
        return int(await self._read(lambda connection: connection.execute("PRAGMA data_version").fetchone()[0]))


def _account(connection: Connection, *, profile: Profile) -> int:
    return conversations.account(connection, *account_of(profile), profile.vendor)


def _known_account(connection: Connection, *, profile: Profile) -> int | None:
    return conversations.known_account(connection, *account_of(profile))


def _turns_of(connection: Connection, names: Iterable[tuple[int, str]]) -> list[tuple[Stored, Turn]]:
    found = []
    for pk, uid in names:
        stored = conversations.get(connection, pk)
        found += [(stored, turn) for turn in record.turns(connection, pk, (uid,)) if stored is not None]
    return found


def _save(connection: Connection, *, account: int, conversation: Conversation, cursor: str | None, now: float) -> Stored:
    stored = conversations.get(connection, conversations.save(connection, account, conversation, cursor, now))
    if stored is None:
        raise StoreError("The conversation could not be read back after it was written.")
    return stored
