"""Turns, parts and events: written in one go, read whole or by their sizes. Every function runs inside the store's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.models import Conversation, PartKind, PromptState, Stop, Wire
from app.store import conversations, search
from app.store.rows import PART, TURN, Row, event_of, event_row, part_of, part_row, snapshot, turn_of, turn_row
from app.store.values import PartHead, StoredEvent, TurnHead
from app.text import storable
from app.transcript import Part, Turn

_FILES = TURN.index("attachments")
_POSITION, _UNSETTLED, _PROMPT_ID, _AFTER = (TURN.index(name) for name in ("position", "unsettled", "prompt_id", "after"))
_READ = "r:"
"""What the uids of turns begin with that were not written here."""
_VERDICT, _COMMENT = TURN.index("verdict"), TURN.index("comment")
_TURN_INSERT = f"INSERT INTO turns (conversation, {', '.join(TURN)}) VALUES ({', '.join('?' * (len(TURN) + 1))})"  # noqa: S608
_TURN_UPDATE = f"UPDATE turns SET {', '.join(f'{name} = ?' for name in TURN)} WHERE id = ?"  # noqa: S608
_PART_INSERT = f"INSERT INTO parts (conversation, turn, seq, {', '.join(PART)}) VALUES ({', '.join('?' * (len(PART) + 3))})"  # noqa: S608
_PART_UPDATE = f"UPDATE parts SET {', '.join(f'{name} = ?' for name in PART)}, indexed = 0 WHERE id = ?"  # noqa: S608
_INDEXED = (PartKind.TEXT, PartKind.TOOL, PartKind.ARTIFACT)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be kept of one conversation, all of it or nothing.

    ``turns`` are written with all their parts (rows that did not change are left alone). ``events`` are pairs of a vendor's event
    and the wall clock it came at; one that is there already, by id and type, is skipped, and previews are not kept. ``removed``
    names turns that turned out to be others. ``cursor`` and ``conversation`` replace what is there; None leaves it.
    """

    pk: int
    turns: Sequence[Turn] = ()
    events: Sequence[tuple[Wire, float]] = ()
    cursor: str | None = None
    conversation: Conversation | None = None
    removed: Sequence[str] = ()

    def frozen(self) -> Entry:
        """The same with copies of the turns, so that they may change while it is written."""
        turns = [snapshot(turn) for turn in self.turns]
        return Entry(self.pk, turns, tuple(self.events), self.cursor, self.conversation, tuple(self.removed))


def record(connection: sqlite3.Connection, entry: Entry) -> None:
    """Write one entry inside the caller's transaction."""
    if entry.conversation is not None:
        conversations.update(connection, entry.pk, entry.conversation)
    for uid in entry.removed:
        _remove(connection, entry.pk, storable(uid))
    latest = 0.0
    for turn in entry.turns:
        _turn(connection, entry.pk, turn)
        latest = max(latest, turn.started, turn.ended)
    for wire, at in entry.events:
        if wire.type and not wire.preview:
            _event(connection, entry.pk, wire, at)
    if latest:
        connection.execute("UPDATE conversations SET touched = ?1 WHERE pk = ?2 AND touched < ?1", (latest, entry.pk))
    if entry.cursor is not None:
        connection.execute("UPDATE conversations SET cursor = ? WHERE pk = ?", (storable(entry.cursor), entry.pk))


def _event(connection: sqlite3.Connection, pk: int, wire: Wire, at: float) -> None:
    sql = "INSERT OR IGNORE INTO events (conversation, wire_id, type, lane, at, received, raw) VALUES (?, ?, ?, ?, ?, ?, ?)"
    found = connection.execute(sql, (pk, *event_row(wire, at)))
    if found.rowcount > 0:
        search.add(connection, pk, "event", search.words_of_event(wire), event=found.lastrowid)


def _turn(connection: sqlite3.Connection, pk: int, turn: Turn) -> None:
    row = turn_row(turn)
    found = connection.execute(
        f"SELECT id, {', '.join(TURN)} FROM turns WHERE conversation = ? AND uid = ?",  # noqa: S608 - our own names
        (pk, row[0]),
    ).fetchone()
    if turn.prompt_id and found is None:
        twin = _twin(connection, pk, row)
        if twin is not None:
            if not twin[_UNSETTLED + 1]:
                turn = snapshot(turn)
                turn.uid, turn.position, turn.after = twin[1], twin[1 + _POSITION], twin[1 + _AFTER]
                _turn(connection, pk, turn)
            return
    if turn.prompt_id and not row[0].startswith(_READ):
        _remove(connection, pk, f"{_READ}{row[_PROMPT_ID]}")
    if found is None:
        turn_id = connection.execute(_TURN_INSERT, (pk, *row)).lastrowid or 0
        _index_prompt(connection, pk, turn_id, row)
    else:
        turn_id = int(found[0])
        row = _with_rating(row, found[1:])
        if row != found[1:]:
            connection.execute(_TURN_UPDATE, (*row, turn_id))
        if (row[-1], row[_FILES]) != (found[-1], found[1 + _FILES]):
            search.drop(connection, "conversation = ? AND turn = ? AND part IS NULL", (pk, turn_id))
            _index_prompt(connection, pk, turn_id, row)
    _parts(connection, pk, turn_id, turn, known=found is not None)


def _index_prompt(connection: sqlite3.Connection, pk: int, turn_id: int, row: Row) -> None:
    search.add(connection, pk, "prompt", row[-1], turn=turn_id)
    search.add(connection, pk, "file", search.names_of(row[_FILES]), turn=turn_id)


def _twin(connection: sqlite3.Connection, pk: int, row: Row) -> Row | None:
    """For a turn that was read from the server: the row of the same prompt that another instance wrote when it sent it."""
    if not row[0].startswith(_READ):
        return None
    sql = f"SELECT id, {', '.join(TURN)} FROM turns WHERE conversation = ? AND prompt_id = ? AND prompt_id <> '' AND uid <> ?"  # noqa: S608
    twin: Row | None = connection.execute(sql, (pk, row[_PROMPT_ID], row[0])).fetchone()
    return twin


def _with_rating(row: Row, found: Row) -> Row:
    """A rating is kept beside the running turn: a turn that does not know of it does not erase it."""
    if row[_VERDICT] is not None or found[_VERDICT] is None:
        return row
    changed = list(row)
    changed[_VERDICT], changed[_COMMENT] = found[_VERDICT], row[_COMMENT] or found[_COMMENT]
    return tuple(changed)


def _parts(connection: sqlite3.Connection, pk: int, turn_id: int, turn: Turn, *, known: bool) -> None:
    sql = f"SELECT id, indexed, {', '.join(PART)} FROM parts WHERE turn = ? ORDER BY seq"  # noqa: S608 - our own names
    there: list[Row] = connection.execute(sql, (turn_id,)).fetchall() if known else []
    over = turn.stop is not None and not turn.stop.waits
    for seq, part in enumerate(turn.parts):
        row = part_row(part)
        if seq >= len(there):
            part_id, indexed = connection.execute(_PART_INSERT, (pk, turn_id, seq, *row)).lastrowid or 0, False
        else:
            part_id, indexed = int(there[seq][0]), bool(there[seq][1])
            if row != there[seq][2:]:
                connection.execute(_PART_UPDATE, (*row, part_id))
                if indexed:
                    search.drop(connection, "conversation = ? AND turn = ? AND part = ?", (pk, turn_id, part_id))
                indexed = False
        if not indexed and (part.done or over):
            _index(connection, pk, turn_id, part_id, part)
    for gone in there[len(turn.parts) :]:
        search.drop(connection, "conversation = ? AND turn = ? AND part = ?", (pk, turn_id, gone[0]))
        connection.execute("DELETE FROM parts WHERE id = ?", (gone[0],))


def _index(connection: sqlite3.Connection, pk: int, turn_id: int, part_id: int, part: Part) -> None:
    if part.kind not in _INDEXED:
        return
    said = search.words_of(part)
    if said is not None:
        search.add(connection, pk, *said, turn=turn_id, part=part_id)
        connection.execute("UPDATE parts SET indexed = 1 WHERE id = ?", (part_id,))


def _remove(connection: sqlite3.Connection, pk: int, uid: str) -> None:
    found = connection.execute("SELECT id FROM turns WHERE conversation = ? AND uid = ?", (pk, uid)).fetchone()
    if found is not None:
        search.drop(connection, "conversation = ? AND turn = ?", (pk, found[0]))
        connection.execute("DELETE FROM turns WHERE id = ?", found)


# --- reading -----------------------------------------------------------------------------------------------------------------


def turns(connection: sqlite3.Connection, pk: int, uids: Sequence[str] | None = None) -> list[Turn]:
    """The turns of a conversation with their parts, in order; only those of ``uids`` if given."""
    some = f"SELECT id, {', '.join(TURN)} FROM turns WHERE conversation = ?"  # noqa: S608 - our own names
    theirs = f"SELECT turn, {', '.join(PART)} FROM parts"  # noqa: S608 - our own names
    by_turn: dict[int, list[Row]] = {}
    if uids is None:
        rows = connection.execute(f"{some} ORDER BY position, id", (pk,)).fetchall()
        for row in connection.execute(f"{theirs} WHERE conversation = ? ORDER BY turn, seq", (pk,)):
            by_turn.setdefault(row[0], []).append(row)
    else:
        rows = [row for uid in uids for row in connection.execute(f"{some} AND uid = ?", (pk, storable(uid)))]
        rows.sort(key=lambda row: (row[1 + TURN.index("position")], row[0]))
        for row in rows:
            by_turn[row[0]] = connection.execute(f"{theirs} WHERE turn = ? ORDER BY seq", (row[0],)).fetchall()
    found = []
    for row in rows:
        turn = turn_of(row[1:])
        turn.parts = [part_of(part[1:]) for part in by_turn.get(row[0], ())]
        found.append(turn)
    return found


def prompts(connection: sqlite3.Connection, accounts: Sequence[int], text: str, limit: int) -> list[str]:
    """What was asked, the latest first, each once; ``text`` is looked for in it."""
    marks, part = ",".join("?" * len(accounts)), storable(text).casefold()
    sql = f"""SELECT t.text FROM turns t CROSS JOIN conversations c ON c.pk = t.conversation
        WHERE c.account IN ({marks}) AND t.text <> '' AND (? = '' OR folded_has(t.text, ?)) ORDER BY t.id DESC"""  # noqa: S608
    found: dict[str, None] = {}
    for (said,) in connection.execute(sql, (*accounts, part, part)):
        found[said] = None
        if len(found) >= limit:
            break
    return list(found)


def heads(connection: sqlite3.Connection, pk: int) -> list[TurnHead]:
    """The sizes of a conversation's turns, in order."""
    kinds, states, stops = (
        {str(k): k for k in PartKind},
        {str(s): s for s in PromptState},
        {None: None} | {str(s): s for s in Stop},
    )
    by_turn: dict[int, list[PartHead]] = {}
    for turn, kind, lane, chars, newlines in connection.execute(
        "SELECT turn, kind, lane, chars, newlines FROM parts WHERE conversation = ? ORDER BY turn, seq", (pk,)
    ):
        by_turn.setdefault(turn, []).append(PartHead(kinds[kind], lane, chars, newlines))
    return [
        TurnHead(uid, position, chars, newlines, states[state], stops[stop], tuple(by_turn.get(turn, ())))
        for position, turn, uid, chars, newlines, state, stop in connection.execute(
            "SELECT position, id, uid, chars, newlines, state, stop FROM turns WHERE conversation = ? ORDER BY position, id",
            (pk,),
        )
    ]


def events(connection: sqlite3.Connection, pk: int, after_seq: int, type_prefix: str, limit: int | None) -> list[StoredEvent]:
    """A conversation's events in the order they came."""
    sql = """SELECT seq, wire_id, type, lane, at, received, raw FROM events
        WHERE conversation = ? AND seq > ? AND substr(type, 1, ?) = ? ORDER BY seq LIMIT ?"""
    prefix = storable(type_prefix)
    rows = connection.execute(sql, (pk, after_seq, len(prefix), prefix, -1 if limit is None else limit))
    return [event_of(row) for row in rows]


def event_seq(connection: sqlite3.Connection, pk: int, wire_id: str) -> int:
    """The ``seq`` of the last event of that wire id; 0 if there is none."""
    sql = "SELECT coalesce(max(seq), 0) FROM events WHERE conversation = ? AND wire_id = ? AND wire_id <> ''"
    return int(connection.execute(sql, (pk, storable(wire_id))).fetchone()[0])


def unsettled(connection: sqlite3.Connection, account: int) -> Iterator[tuple[int, str]]:
    """(conversation, uid) of the turns whose end is still to be learnt, oldest first."""
    sql = """SELECT t.conversation, t.uid FROM conversations c JOIN turns t ON t.conversation = c.pk
        WHERE c.account = ? AND (t.unsettled = 1 OR t.waits > 0) AND t.unsettled = 1
        ORDER BY t.started, t.conversation, t.position"""
    yield from connection.execute(sql, (account,)).fetchall()


def waiting(connection: sqlite3.Connection, accounts: Sequence[int]) -> list[tuple[int, str]]:
    """(conversation, uid) of the turns that wait for a person, the longest wait first."""
    marks = ",".join("?" * len(accounts))
    sql = f"""SELECT t.conversation, t.uid FROM turns t JOIN conversations c ON c.pk = t.conversation
        WHERE c.account IN ({marks}) AND t.waits > 0 ORDER BY t.ended, t.conversation, t.position"""  # noqa: S608
    return connection.execute(sql, tuple(accounts)).fetchall()


def reviewable(connection: sqlite3.Connection, accounts: Sequence[int], limit: int) -> list[tuple[int, str]]:
    """(conversation, uid) of the turns whose answer nobody rated, or not well; the newest conversation first."""
    marks = ",".join("?" * len(accounts))
    sql = f"""SELECT t.conversation, t.uid FROM turns t JOIN conversations c ON c.pk = t.conversation
        WHERE c.account IN ({marks}) AND t.message_id != '' AND (t.verdict IS NULL OR t.verdict != 'up')
        ORDER BY c.touched DESC, t.conversation, t.position DESC LIMIT ?"""  # noqa: S608
    return connection.execute(sql, (*accounts, limit)).fetchall()
