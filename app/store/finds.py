"""Asking the index: a query of words and filters, answered with places and what stands around them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace

from app.models import Wire
from app.store.highlights import excerpt
from app.store.query import Query
from app.store.rows import PART, STORED, part_of, stored
from app.store.search import names_of, question, words_of, words_of_event
from app.store.values import Hit

RECENT = 2_000
"""The latest finds that are put in order by their time; a query of one letter fits a hundred thousand."""
_STEPS = 5_000
"""Instructions of SQLite after which it is asked whether somebody still waits for the answer."""
_TIME = "coalesce(nullif(t.started, 0), c.touched)"
_FILE = "(t.attachments <> '[]' OR EXISTS (SELECT 1 FROM parts x WHERE x.turn = t.id AND x.kind = 'artifact'))"
_FAILED = """(t.stop = 'failed' OR t.state = 'not_sent'
    OR EXISTS (SELECT 1 FROM parts x WHERE x.turn = t.id AND x.failed = 1))"""
_STATES = {"error": _FAILED, "waiting": "t.waits > 0", "pinned": "c.pinned = 1", "archived": "c.archived = 1"}
_TAG = "EXISTS (SELECT 1 FROM tags g WHERE g.conversation = c.pk AND g.name = ? COLLATE NOCASE)"

Asked = tuple[list[str], list[object]]


def conditions(query: Query) -> Asked:
    """The filters as conditions on c(onversations), a(ccounts) and t(urns), with their values."""
    where: list[str] = []
    values: list[object] = []

    def put(condition: str, *given: object) -> None:
        where.append(condition)
        values.extend(given)

    if query.agent:
        put("(folded_has(c.agent_name, ?) OR c.agent_id = ?)", query.agent.casefold(), query.agent)
    if query.profile:
        put("a.profile = ? COLLATE NOCASE", query.profile)
    if query.vendor:
        put("a.vendor = ? COLLATE NOCASE", query.vendor)
    for tag in query.tags:
        put(_TAG, tag)
    if query.tool:
        put(
            "EXISTS (SELECT 1 FROM parts x WHERE x.turn = t.id AND x.kind = 'tool' AND folded_has(x.name, ?))",
            query.tool.casefold(),
        )
    for state in query.states:
        put(_STATES[state])
    if query.file:
        put(_FILE)
    if query.rated == "none":
        put("t.verdict IS NULL AND t.stop IS NOT NULL")
    elif query.rated:
        put("t.verdict = ?", query.rated)
    if query.before is not None:
        put(f"{_TIME} < ?", query.before)
    if query.after is not None:
        put(f"{_TIME} >= ?", query.after)
    return where, values


def of_conversations(query: Query) -> Asked:
    """The filters that ask something of a conversation as conditions on c and a; when is when something last happened in it."""
    plain = replace(query, words="", tool="", kinds=(), file=False, rated="", before=None, after=None)
    where, values = conditions(replace(plain, states=tuple(state for state in query.states if state in ("pinned", "archived"))))
    for moment, sign in ((query.before, "<"), (query.after, ">=")):
        if moment is not None:
            where.append(f"c.touched {sign} ?")
            values.append(moment)
    return where, values


def find(
    connection: sqlite3.Connection,
    query: Query,
    accounts: Sequence[int],
    *,
    agent: str = "",
    limit: int = 50,
    conversation: int | None = None,
    gone: Callable[[], bool] = lambda: False,
) -> list[Hit]:
    """What fits, the latest first; events of conversations of which a message fits are left out unless asked for.

    ``gone`` is asked now and then; once it is true nobody waits any more and the work is broken off.
    """
    if query.empty or not accounts or gone():
        return []
    connection.set_progress_handler(gone, _STEPS)
    try:
        return _find(connection, query, accounts, agent, limit, conversation)
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
            return []
        raise
    finally:
        connection.set_progress_handler(None, 0)


def _find(
    connection: sqlite3.Connection, query: Query, accounts: Sequence[int], agent: str, limit: int, conversation: int | None
) -> list[Hit]:
    where, values = conditions(query)
    where.append(f"c.account IN ({','.join('?' * len(accounts))})")
    values += accounts
    if agent:
        where.append("c.agent_id = ?")
        values.append(agent)
    if conversation is not None:
        where.append("c.pk = ?")
        values.append(conversation)
    asked = question(query.words)
    if not asked:
        return [] if query.words.strip() else _turns(connection, query, (where, values), limit)
    kinds = [kind for kind in query.kinds if kind != "event"]
    found: list[Hit] = []
    if kinds or not query.kinds:
        kind = f"d.kind IN ({','.join('?' * len(kinds))})" if kinds else "d.kind <> 'event'"
        found = _matches(connection, query, asked, ([*where, kind], [*values, *kinds]), limit)
    if ("event" in query.kinds or not query.kinds) and not query.of_turns and len(found) < limit:
        events = _matches(connection, query, asked, ([*where, "d.kind = 'event'"], values), limit - len(found))
        there = {hit.stored.pk for hit in found}
        found += [hit for hit in events if query.kinds or hit.stored.pk not in there]
    return found


def _matches(connection: sqlite3.Connection, query: Query, asked: str, more: Asked, limit: int) -> list[Hit]:
    """What has the words: the latest ``RECENT`` of them, put in order by their time."""
    where, values = more
    sql = f"""WITH latest AS MATERIALIZED (
            SELECT d.id AS id, {_TIME} AS at FROM fts CROSS JOIN docs d ON d.id = fts.rowid
            CROSS JOIN conversations c ON c.pk = d.conversation CROSS JOIN accounts a ON a.id = c.account
            LEFT JOIN turns t ON t.id = d.turn
            WHERE fts MATCH ? AND {" AND ".join(where)} ORDER BY fts.rowid DESC LIMIT {RECENT})
        SELECT d.kind, coalesce(t.uid, ''), coalesce(p.part_id, ''), coalesce(e.received, l.at), d.conversation,
            CASE d.kind WHEN 'title' THEN c.title WHEN 'prompt' THEN t.text WHEN 'text' THEN p.text
                 WHEN 'event' THEN e.raw ELSE '' END, p.id, t.attachments, e.type, e.wire_id, d.event
        FROM (SELECT id, at FROM latest ORDER BY at DESC, id DESC LIMIT ?) l JOIN docs d ON d.id = l.id
        JOIN conversations c ON c.pk = d.conversation LEFT JOIN turns t ON t.id = d.turn LEFT JOIN parts p ON p.id = d.part
        LEFT JOIN events e ON e.seq = d.event ORDER BY l.at DESC, l.id DESC"""  # noqa: S608 - only question marks are put in
    return _hits(connection, query, connection.execute(sql, (asked, *values, limit)).fetchall())


def _turns(connection: sqlite3.Connection, query: Query, more: Asked, limit: int) -> list[Hit]:
    """Filters without words: the turns that fit; a tool's or a file's own place where it was asked for."""
    where, values = more
    wanted = "x.kind = 'artifact'" if query.file else "0"
    given: list[object] = []
    if query.tool:
        wanted, given = "x.kind = 'tool' AND folded_has(x.name, ?)", [query.tool.casefold()]
    elif "error" in query.states:
        wanted = "x.failed = 1"
    sql = f"""SELECT CASE WHEN p.id IS NULL THEN 'prompt' WHEN p.kind = 'artifact' THEN 'file' ELSE p.kind END, t.uid,
            coalesce(p.part_id, ''), f.at, t.conversation,
            CASE WHEN p.id IS NULL THEN t.text ELSE p.text END, p.id, t.attachments, '', '', 0
        FROM (SELECT t.id AS id, {_TIME} AS at, (SELECT min(x.id) FROM parts x WHERE x.turn = t.id AND {wanted}) AS part
              FROM turns t CROSS JOIN conversations c ON c.pk = t.conversation CROSS JOIN accounts a ON a.id = c.account
              WHERE {" AND ".join(where)} ORDER BY 2 DESC, 1 DESC LIMIT ?) f
        JOIN turns t ON t.id = f.id LEFT JOIN parts p ON p.id = f.part ORDER BY f.at DESC, f.id DESC"""  # noqa: S608
    return _hits(connection, query, connection.execute(sql, (*given, *values, limit)).fetchall())


def _hits(connection: sqlite3.Connection, query: Query, rows: Sequence[tuple]) -> list[Hit]:  # type: ignore[type-arg]
    known = {}
    for pk in {row[4] for row in rows}:
        known[pk] = stored(connection.execute(f"{STORED} WHERE c.pk = ?", (pk,)).fetchone())
    hits = []
    for kind, uid, part_id, at, pk, text, part, attachments, event_type, wire_id, seq in rows:
        if kind == "event":
            text = words_of_event(Wire(event_type, json.loads(text)))
        elif kind in ("tool", "file") and part is not None:
            text = _of_part(connection, part)
        elif kind == "file":
            text = names_of(attachments)
        hits.append(Hit(known[pk], uid, part_id, kind, excerpt(text or "", query.words), at, wire_id or "", seq or 0))
    return hits


def _of_part(connection: sqlite3.Connection, part: int) -> str:
    row = connection.execute(f"SELECT {', '.join(PART)} FROM parts WHERE id = ?", (part,)).fetchone()  # noqa: S608 - our own names
    said = None if row is None else words_of(part_of(row))
    return said[1] if said else ""
