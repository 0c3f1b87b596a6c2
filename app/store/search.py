"""Full-text search over titles, prompts, answers, tools, file names and events.

The index holds words as FTS5's ``unicode61`` makes them. Chinese, Japanese and Korean are written without spaces, so every run
of them is indexed as overlapping pairs of characters: two characters are then enough to find. ``terms`` is the one function that
makes these pairs, for what is written and for what is asked.
"""

from __future__ import annotations

import json
import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import islice

from app.models import PartKind, Wire
from app.store.highlights import ASKED, PIECE, RUN, WORD
from app.text import storable
from app.transcript import Part

LIMIT = 400_000
"""Characters of one part that are indexed."""
_LEAF, _LEAVES = 300, 200
"""Of an event its short texts are indexed: names, ids, codes, sentences. What is longer is a message and found as such."""


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

    return RUN.sub(pairs, text)


def question(query: str) -> str:
    """An FTS5 expression that finds what has all words of ``query``; the last may be a beginning, "quotes" hold together.

    Every piece is quoted, so nothing of the query is syntax. "" if there is nothing to look for.
    """
    asked: list[str] = []
    for quoted, word in ASKED.findall(query):
        for piece in PIECE.findall(unicodedata.normalize("NFKC", storable(quoted or word))):
            if WORD.search(piece) is None:
                continue
            phrase = terms(piece, asked=True).strip().replace('"', '""')
            single = RUN.fullmatch(piece) is not None and len(piece) == 1
            asked.append(f'"{phrase}" *' if single else f'"{phrase}"')
    if not asked:
        return ""
    if not query.endswith(('"', " ")) and not asked[-1].endswith("*"):
        asked[-1] += " *"
    return " AND ".join(asked)


# --- writing -----------------------------------------------------------------------------------------------------------------


def add(
    connection: sqlite3.Connection,
    conversation: int,
    kind: str,
    text: str,
    *,
    turn: int | None = None,
    part: int | None = None,
    event: int | None = None,
) -> None:
    """Put one text into the index."""
    words = terms(text[:LIMIT])
    if WORD.search(words) is None:
        return
    found = connection.execute(
        "INSERT INTO docs (conversation, turn, part, event, kind) VALUES (?, ?, ?, ?, ?)",
        (conversation, turn, part, event, kind),
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
    if part.kind is PartKind.ARTIFACT:
        return "file", "\n".join(dict.fromkeys(text for text in (part.name, part.text) if text))
    return None


def names_of(attachments: str | None) -> str:
    """The names of a turn's files as they are stored with it."""
    if not attachments or attachments == "[]":
        return ""
    return ", ".join(str(item["name"]) for item in json.loads(attachments))


def words_of_event(wire: Wire) -> str:
    """The text of an event as the index wants it: its type and the short texts in it."""
    return "\n".join(islice((wire.type, *_leaves(wire.raw)), _LEAVES))


def _leaves(value: object, depth: int = 0) -> Iterable[str]:
    if isinstance(value, str):
        if 1 < len(value) <= _LEAF and value.isprintable():
            yield value
    elif isinstance(value, dict) and depth < 12:
        for one in value.values():
            yield from _leaves(one, depth + 1)
    elif isinstance(value, list) and depth < 12:
        for one in value:
            yield from _leaves(one, depth + 1)


def _said(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return ""
