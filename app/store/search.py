"""Full-text search over prompts, answers, tools and titles.

The index holds words as FTS5's ``unicode61`` makes them. Chinese, Japanese and Korean are written without spaces, so every run
of them is indexed as overlapping pairs of characters: two characters are then enough to find. ``terms`` is the one function that
makes these pairs, for what is written and for what is asked.
"""

from __future__ import annotations

import json
import re
import sqlite3
import unicodedata
from collections.abc import Sequence

from app.models import PartKind
from app.store.rows import PART, STORED, part_of, stored
from app.store.values import Hit
from app.text import storable
from app.transcript import Part

KINDS = ("prompt", "text", "tool", "title")
LIMIT = 400_000
"""Characters of one part that are indexed."""
_AROUND = 80
_CJK = (
    "\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u3100-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN = re.compile(f"[{_CJK}]+")
_PIECE = re.compile(f"[{_CJK}]+|[^{_CJK}]+")
_ASKED = re.compile(r'"([^"]*)"|(\S+)')
_WORD = re.compile(r"[^\W_]", re.UNICODE)


def terms(text: str, *, asked: bool = False) -> str:
    """The text as the index holds it: runs of CJK as overlapping pairs and, unless it is ``asked``, the last character of each.

    That last one lets a single character, asked as a prefix, find every place it stands at.
    """
    if text.isascii():
        return text.replace("\0", " ")
    text = unicodedata.normalize("NFKC", storable(text)).replace("\0", " ")

    def pairs(match: re.Match[str]) -> str:
        run = match[0]
        found = [run[at : at + 2] for at in range(len(run) - 1)]
        if not asked or not found:
            found.append(run[-1])
        return f" {' '.join(found)} "

    return _RUN.sub(pairs, text)


def question(query: str) -> str:
    """An FTS5 expression that finds what has all words of ``query``; the last may be a beginning, "quotes" hold together.

    Every piece is quoted, so nothing of the query is syntax. "" if there is nothing to look for.
    """
    asked: list[str] = []
    for quoted, word in _ASKED.findall(query):
        for piece in _PIECE.findall(unicodedata.normalize("NFKC", storable(quoted or word))):
            if _WORD.search(piece) is None:
                continue
            phrase = terms(piece, asked=True).strip().replace('"', '""')
            single = _RUN.fullmatch(piece) is not None and len(piece) == 1
            asked.append(f'"{phrase}" *' if single else f'"{phrase}"')
    if not asked:
        return ""
    if not query.endswith(('"', " ")) and not asked[-1].endswith("*"):
        asked[-1] += " *"
    return " AND ".join(asked)


# --- writing -----------------------------------------------------------------------------------------------------------------


def add(
    connection: sqlite3.Connection, conversation: int, kind: str, text: str, *, turn: int | None = None, part: int | None = None
) -> None:
    """Put one text into the index."""
    words = terms(text[:LIMIT])
    if _WORD.search(words) is None:
        return
    found = connection.execute(
        "INSERT INTO docs (conversation, turn, part, kind) VALUES (?, ?, ?, ?)", (conversation, turn, part, kind)
    ).lastrowid
    connection.execute("INSERT INTO fts (rowid, words) VALUES (?, ?)", (found, words))


def drop(connection: sqlite3.Connection, where: str, values: Sequence[object]) -> None:
    """Take texts out of the index; ``where`` is a condition of ours on ``docs``."""
    rows = connection.execute(f"SELECT id FROM docs WHERE {where}", values).fetchall()  # noqa: S608 - a constant of this package
    connection.executemany("DELETE FROM fts WHERE rowid = ?", rows)
    connection.executemany("DELETE FROM docs WHERE id = ?", rows)


def words_of(part: Part) -> tuple[str, str] | None:
    """Kind and text of a part as the index wants it; None if it is not indexed."""
    if part.kind is PartKind.TEXT:
        return "text", part.text
    if part.kind is PartKind.TOOL:
        return "tool", "\n".join((part.name, part.summary, _said(part.input), part.output))
    return None


def _said(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return ""


# --- asking ------------------------------------------------------------------------------------------------------------------


def search(
    connection: sqlite3.Connection,
    query: str,
    accounts: Sequence[int],
    agent: str,
    kind: str,
    limit: int,
    conversation: int | None = None,
) -> list[Hit]:
    """What has all the words, the latest indexed first."""
    asked = question(query)
    if not asked or not accounts:
        return []
    sql = f"""SELECT d.kind, coalesce(t.uid, ''), coalesce(p.part_id, ''), coalesce(t.started, 0), c.pk,
        CASE d.kind WHEN 'title' THEN c.title WHEN 'prompt' THEN t.text WHEN 'text' THEN p.text
             ELSE '' END, d.part
        FROM fts CROSS JOIN docs d ON d.id = fts.rowid CROSS JOIN conversations c ON c.pk = d.conversation
        LEFT JOIN turns t ON t.id = d.turn LEFT JOIN parts p ON p.id = d.part
        WHERE fts MATCH ? AND c.account IN ({",".join("?" * len(accounts))})
        AND (? = '' OR c.agent_id = ?) AND (? = '' OR d.kind = ?) AND (? IS NULL OR c.pk = ?)
        ORDER BY fts.rowid DESC LIMIT ?"""  # noqa: S608 - only question marks are put in
    values = (asked, *accounts, agent, agent, kind, kind, conversation, conversation, limit)
    rows = connection.execute(sql, values).fetchall()
    known = {}
    for pk in {row[4] for row in rows}:
        known[pk] = stored(connection.execute(f"{STORED} WHERE c.pk = ?", (pk,)).fetchone())
    hits = []
    for what, uid, part_id, at, pk, text, part in rows:
        whole = _tool(connection, part) if what == "tool" else text
        hits.append(Hit(known[pk], uid, part_id, what, snippet(whole or "", query), at))
    return hits


def _tool(connection: sqlite3.Connection, part: int) -> str:
    row = connection.execute(f"SELECT {', '.join(PART)} FROM parts WHERE id = ?", (part,)).fetchone()  # noqa: S608 - our own names
    said = None if row is None else words_of(part_of(row))
    return said[1] if said else ""


def snippet(text: str, query: str) -> str:
    """The original around the first word found, on one line."""
    lower = text.lower()
    at = -1
    for quoted, word in _ASKED.findall(query):
        for piece in _PIECE.findall((quoted or word).lower()):
            at = lower.find(piece) if at < 0 else at
    at = max(at, 0)
    start = max(0, at - _AROUND // 2)
    line = " ".join(text[start : start + 2 * _AROUND].split())
    return f"{'…' if start else ''}{line}{'…' if start + 2 * _AROUND < len(text) else ''}"
