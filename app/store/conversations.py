"""Accounts, agents and conversations. Every function runs inside the store's thread."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime

from app.models import Agent, Conversation
from app.store import search
from app.store.finds import of_conversations
from app.store.query import Query
from app.store.rows import AGENT, CONVERSATION, STORED, agent_of, agent_row, conversation_row, stored
from app.store.values import KnownAgent, Stored
from app.text import storable

_TITLE, _UPDATED = CONVERSATION.index("title"), CONVERSATION.index("updated_at")


def account(connection: sqlite3.Connection, profile: str, origin: str, vendor: str) -> int:
    """The account of that name and origin, made if it is new."""
    names = storable(profile), storable(origin)
    connection.execute("INSERT OR IGNORE INTO accounts (profile, origin, vendor) VALUES (?, ?, ?)", (*names, storable(vendor)))
    known = known_account(connection, *names)
    return known if known is not None else 0


def known_account(connection: sqlite3.Connection, profile: str, origin: str) -> int | None:
    """The account of that name and origin, if there is one; nothing is written."""
    names = storable(profile), storable(origin)
    found = connection.execute("SELECT id FROM accounts WHERE profile = ? AND origin = ?", names).fetchone()
    return None if found is None else int(found[0])


def forget_account(connection: sqlite3.Connection, profile: str, origin: str) -> bool:
    """Delete all that belongs to it. False if there was nothing."""
    found = known_account(connection, profile, origin)
    if found is None:
        return False
    for (pk,) in connection.execute("SELECT pk FROM conversations WHERE account = ?", (found,)).fetchall():
        delete(connection, pk)
    connection.execute("DELETE FROM accounts WHERE id = ?", (found,))
    compact(connection)
    return True


# --- agents ------------------------------------------------------------------------------------------------------------------


def save_agents(connection: sqlite3.Connection, account: int, agents: Sequence[Agent]) -> None:
    """Replace the list of an account; when one was last used is kept."""
    marks = ", ".join("?" * (len(AGENT) + 2))
    news = ", ".join(f"{name} = excluded.{name}" for name in ("place", *AGENT))
    connection.execute("UPDATE agents SET place = -1 WHERE account = ?", (account,))
    insert = f"INSERT INTO agents (account, place, {', '.join(AGENT)}) VALUES ({marks})"  # noqa: S608 - our own names
    connection.executemany(
        f"{insert} ON CONFLICT (account, id) DO UPDATE SET {news}",
        [(account, place, *agent_row(agent)) for place, agent in enumerate(agents)],
    )
    connection.execute("DELETE FROM agents WHERE account = ? AND place = -1", (account,))


def agents(connection: sqlite3.Connection, account: int) -> list[KnownAgent]:
    """In the server's order."""
    sql = f"SELECT last_used, {', '.join(AGENT)} FROM agents WHERE account = ? ORDER BY place"  # noqa: S608 - our own names
    return [KnownAgent(agent_of(row[1:]), row[0]) for row in connection.execute(sql, (account,))]


# --- conversations -----------------------------------------------------------------------------------------------------------


def _seconds(stamp: str) -> float:
    """RFC 3339 as seconds; 0 if it is none."""
    try:
        found = datetime.fromisoformat(stamp)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def save(connection: sqlite3.Connection, account: int, conversation: Conversation, cursor: str | None, now: float) -> int:
    """Insert or update. Returns its pk."""
    row = conversation_row(conversation)
    found = connection.execute("SELECT pk FROM conversations WHERE account = ? AND id = ?", (account, row[0])).fetchone()
    if found is None:
        touched = _seconds(conversation.updated_at) or _seconds(conversation.created_at) or now
        marks = ", ".join("?" * (len(CONVERSATION) + 3))
        pk = connection.execute(
            f"INSERT INTO conversations (account, touched, cursor, {', '.join(CONVERSATION)}) VALUES ({marks})",  # noqa: S608
            (account, touched, storable(cursor or ""), *row),
        ).lastrowid
        pk = int(pk or 0)
        search.add(connection, pk, "title", row[_TITLE])
        connection.execute("DELETE FROM gone WHERE account = ? AND mark = ?", (account, _mark(account, row[0])))
        return pk
    update(connection, found[0], conversation)
    if cursor is not None:
        connection.execute("UPDATE conversations SET cursor = ? WHERE pk = ?", (storable(cursor), found[0]))
    return int(found[0])


def update(connection: sqlite3.Connection, pk: int, conversation: Conversation) -> None:
    """Replace what the server says about it."""
    row = conversation_row(conversation)
    found = connection.execute(f"SELECT {', '.join(CONVERSATION)} FROM conversations WHERE pk = ?", (pk,)).fetchone()  # noqa: S608
    if found is None or row == found:
        return
    sets = ", ".join(f"{name} = ?" for name in CONVERSATION)
    connection.execute(f"UPDATE conversations SET {sets} WHERE pk = ?", (*row, pk))  # noqa: S608 - our own names
    moved = _seconds(conversation.updated_at)
    if moved and row[_UPDATED] != found[_UPDATED]:
        connection.execute("UPDATE conversations SET touched = ? WHERE pk = ?", (moved, pk))
    if row[_TITLE] != found[_TITLE]:
        search.drop(connection, "conversation = ? AND kind = 'title'", (pk,))
        search.add(connection, pk, "title", row[_TITLE])


def kept(connection: sqlite3.Connection, account: int, conversations: Sequence[Conversation]) -> list[Conversation]:
    """Those that were not deleted here."""
    gone = {mark for (mark,) in connection.execute("SELECT mark FROM gone WHERE account = ?", (account,))}
    return [one for one in conversations if not gone or _mark(account, storable(one.id)) not in gone]


def find(connection: sqlite3.Connection, account: int, conversation_id: str) -> Stored | None:
    """By the server's id."""
    row = connection.execute(f"{STORED} WHERE c.account = ? AND c.id = ?", (account, storable(conversation_id))).fetchone()
    return None if row is None else stored(row)


def get(connection: sqlite3.Connection, pk: int) -> Stored | None:
    """By our own."""
    row = connection.execute(f"{STORED} WHERE c.pk = ?", (pk,)).fetchone()
    return None if row is None else stored(row)


def listing(
    connection: sqlite3.Connection,
    accounts: Sequence[int],
    text: str,
    agent: str,
    limit: int,
    before: tuple[float, int] | None,
    archived: bool | None,
    pinned: bool | None,
    query: Query | None = None,
) -> list[Stored]:
    """Newest first; ``text`` is looked for in title and agent name."""
    where = [f"c.account IN ({','.join('?' * len(accounts))})"]
    given: list[object] = [*map(str, accounts)]
    if text:
        where.append("folded_has(c.title || char(10) || c.agent_name, ?)")
        given.append(storable(text).casefold())
    if agent:
        where.append("c.agent_id = ?")
        given.append(storable(agent))
    if before is not None:
        where.append("(c.touched, c.pk) < (?, ?)")
        given += before
    if query is not None:
        more, values = of_conversations(query)
        where += more
        given += values
    for column, wanted in (("archived", archived), ("pinned", pinned)):
        if wanted is not None:
            where.append(f"c.{column} = ?")
            given.append(int(wanted))
    sql = f"{STORED} WHERE {' AND '.join(where)} ORDER BY c.touched DESC, c.pk DESC LIMIT ?"
    return [stored(row) for row in connection.execute(sql, (*given, limit))]


def delete(connection: sqlite3.Connection, pk: int, *, remember: bool = False) -> None:
    """Delete a conversation with all that belongs to it.

    ``remember`` keeps a hash of its id, so that a list does not bring it back.
    """
    found = connection.execute("SELECT account, id FROM conversations WHERE pk = ?", (pk,)).fetchone()
    if found is None:
        return
    search.drop(connection, "conversation = ?", (pk,))
    connection.execute("DELETE FROM conversations WHERE pk = ?", (pk,))
    if remember:
        connection.execute("INSERT OR IGNORE INTO gone (account, mark) VALUES (?, ?)", (found[0], _mark(*found)))


def compact(connection: sqlite3.Connection) -> None:
    """Merge the index: its old segments still hold deleted words."""
    connection.execute("INSERT INTO fts (fts) VALUES ('optimize')")


def _mark(account: int, conversation_id: str) -> str:
    return hashlib.sha256(f"{account} {conversation_id}".encode()).hexdigest()
