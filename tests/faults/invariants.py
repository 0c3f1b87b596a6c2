"""I1 to I7, checked after a row from what the row has to show: ``check(Evidence(...))``. What was not given is not judged.

I1 nothing lost, I2 nothing twice, I3 no key anywhere, I4 alive, I5 honest, I6 the terminal as it was, I7 nothing left behind.
"""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from tests.faults.kit.census import Census, Pulse

GAP = 0.2
"""Seconds a loop may be late (I4)."""
GROWTH = 256 * 1024 * 1024


@dataclass
class Evidence:
    """What a row can show."""

    home: Path | None = None
    """The program's folder (``PARLOUR_HOME``); every file in it is looked at."""
    database: Path | None = None
    """Where it is not ``home/parlour.db``."""
    submitted: Sequence[str] = ()
    """Texts that the person handed in; each different from all others."""
    shown: Mapping[str, str] = field(default_factory=dict)
    """Text submitted → the state that was shown ("sent", "not_sent", "unknown", …), instead of what the database says."""
    ledger: Sequence[Mapping[str, object]] | None = None
    """The sandbox's entries: the judge of I2 and I5."""
    replies: Sequence[str] = ()
    """Words of answers that were on the screen for more than half a second; they must be kept."""
    keys: Sequence[str] = ()
    """Canaries."""
    said: Sequence[str | bytes] = ()
    """Whatever was printed, logged, shown, exported, or read by a server that had no right to a key."""
    sentences: Sequence[str] = ()
    """What the person was told of the failure."""
    pulse: Pulse | None = None
    gap: float = GAP
    growth: int = GROWTH
    pty: bytes | None = None
    """Everything that a terminal was written, to the program's end."""
    termios: tuple[object, object] | None = None
    """The terminal's attributes before and after."""
    before: Census | None = None
    after: Census | None = None
    processes: Sequence[int] = ()
    """Processes that may still run: no key in their arguments or environment."""


def check(found: Evidence) -> None:
    """Assert every invariant that there is evidence for."""
    database = found.database or (found.home / "parlour.db" if found.home else None)
    if database is not None and database.exists():
        _kept(found, database)
    if found.ledger is not None:
        _once(found, database if database is not None and database.exists() else None)
    _no_key(found)
    _alive(found)
    _honest(found)
    if found.pty is not None:
        assert not open_modes(found.pty), f"I6: modes left on: {open_modes(found.pty)}"
        assert not foreign(found.pty), f"I6: sequences that are not ours: {foreign(found.pty)[:5]}"
    if found.termios is not None:
        assert found.termios[0] == found.termios[1], "I6: the terminal's attributes differ"
    if found.before is not None and found.after is not None:
        _clean(found.before, found.after)


def states(database: Path) -> dict[str, list[str]]:
    """What a database says of each prompt: text → its states, one for every time it is there."""
    connection = sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True)
    try:
        told: dict[str, list[str]] = {}
        for text, state in connection.execute("SELECT text, state FROM turns"):
            told.setdefault(text, []).append(state)
        return told
    finally:
        connection.close()


def counted(ledger: Sequence[Mapping[str, object]], text: str) -> int:
    """How often a prompt was accepted."""
    return sum(entry.get("kind") == "prompt" and text in (entry.get("text"), entry.get("message")) for entry in ledger)


def _kept(found: Evidence, database: Path) -> None:
    connection = sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok", "I1: the database is damaged"
        assert not connection.execute("PRAGMA foreign_key_check").fetchall(), "I1: rows without their owner"
        for words in found.replies:
            kept = connection.execute("SELECT count(*) FROM parts WHERE instr(text, ?)", (words,)).fetchone()[0]
            assert kept, f"I1: an answer that was shown is gone: {words[:60]!r}"
    finally:
        connection.close()
    told = states(database)
    for text in found.submitted:
        assert len(told.get(text, ())) == 1, f"I1: {text[:60]!r} is {len(told.get(text, ()))} times in the history"


def _once(found: Evidence, database: Path | None) -> None:
    assert found.ledger is not None
    told = states(database) if database is not None else {}
    for text in found.submitted:
        count = counted(found.ledger, text)
        state = found.shown.get(text) or (told.get(text) or ["unknown"])[0]
        assert count <= 1, f"I2: {text[:60]!r} arrived {count} times"
        if state == "sent":
            assert count == 1, f"I5: {text[:60]!r} is called sent and never arrived"
        elif state in ("not_sent", "queued"):
            assert count == 0, f"I5: {text[:60]!r} is called {state} and arrived"


def forms(key: str) -> set[bytes]:
    """A key in every spelling that counts as the key."""
    raw = key.encode()
    based = {base64.b64encode(raw), base64.urlsafe_b64encode(raw), base64.b64encode(b"Bearer " + raw)}
    spelt = {raw, raw[::-1], raw.hex().encode(), raw.hex().upper().encode(), quote(key, safe="").encode()}
    return {one.rstrip(b"=") for one in based} | spelt | {json.dumps(key)[1:-1].encode()}


def leaks(keys: Iterable[str], where: Mapping[str, bytes]) -> list[str]:
    """The names of the places in ``where`` that hold a key in any form."""
    every = [form for key in keys for form in forms(key)]
    return [name for name, data in where.items() if any(form in data for form in every)]


def _no_key(found: Evidence) -> None:
    if not found.keys:
        return
    places: dict[str, bytes] = {}
    if found.home is not None:
        places |= {str(path): path.read_bytes() for path in found.home.rglob("*") if path.is_file()}
        places["names of files"] = "\n".join(map(str, found.home.rglob("*"))).encode()
    if found.ledger is not None:
        places["the ledger"] = json.dumps(found.ledger, default=str).encode()
    if found.pty is not None:
        places["the terminal"] = found.pty
    for number, text in enumerate([*found.said, *found.sentences]):
        places[f"what was said ({number})"] = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    for pid in found.processes:
        for name in ("cmdline", "environ"):
            path = Path(f"/proc/{pid}/{name}")
            if path.exists():
                places[str(path)] = path.read_bytes()
    assert not leaks(found.keys, places), f"I3: a key is in {leaks(found.keys, places)}"


def _alive(found: Evidence) -> None:
    if found.pulse is not None:
        assert found.pulse.gap <= found.gap, f"I4: the loop was {found.pulse.gap * 1000:.0f} ms late"
        assert found.pulse.grown <= found.growth, f"I4: {found.pulse.grown / 1048576:.0f} MiB more memory"


def _honest(found: Evidence) -> None:
    for sentence in found.sentences:
        assert sentence.strip(), "I5: nothing was said"
        assert "Traceback" not in sentence and "object at 0x" not in sentence, f"I5: {sentence[:200]!r}"
        assert re.search(r"[a-z].*[.!?)\"]\s*$", sentence.strip(), re.DOTALL), f"I5: not a sentence: {sentence[:200]!r}"
        assert len(sentence) <= 1000, "I5: too long to be read"


def _clean(before: Census, after: Census) -> None:
    added = sorted(after.descriptors - before.descriptors)
    assert len(after.descriptors) <= len(before.descriptors), f"I7: descriptors: {added}"
    assert after.threads <= before.threads, f"I7: threads: {before.threads} before, {after.threads} after"
    assert after.tasks <= before.tasks, f"I7: tasks: {before.tasks} before, {after.tasks} after"
    assert after.children <= before.children, f"I7: processes: {sorted(after.children - before.children)}"


# --- terminals ---------------------------------------------------------------------------------------------------------------

_MODE = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
_NORMALLY_ON = {b"25", b"7"}
_OURS = re.compile(
    rb"""\x1b\[ [?<>=]? [0-9;:]* [\ $]? [A-Za-z@`]     # CSI: colours, places, erasing, modes, the questions of the toolkit
       | \x1b\] (?: 1[01];\? | (?:0|2|8|22|52) ; [^\x00-\x1f\x7f]* ) (?:\x1b\\|\x07)   # OSC: titles, links, pointer, copies
       | \x1b [78=>()][B0]?
       | \x1b\\ """,
    re.VERBOSE,
)
_CONTROL = re.compile(rb"[\x00-\x06\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]|\xc2[\x80-\x9f]")


def open_modes(raw: bytes) -> list[str]:
    """Private modes that a program left other than it found them, and keyboard protocols that it pushed and did not pop."""
    last: dict[bytes, bytes] = {}
    for numbers, way in _MODE.findall(raw):
        for number in numbers.split(b";"):
            last[number] = way
    wrong = [number.decode() for number, way in last.items() if way != (b"h" if number in _NORMALLY_ON else b"l")]
    pushed, popped = len(re.findall(rb"\x1b\[>[0-9]+u", raw)), len(re.findall(rb"\x1b\[<[0-9]*u", raw))
    return wrong + (["keyboard"] if pushed > popped else [])


def foreign(raw: bytes) -> list[bytes]:
    """Escape sequences and control characters that no part of this program writes."""
    rest = _OURS.sub(b"", raw)
    return [rest[max(0, match.start() - 8) : match.start() + 24] for match in re.finditer(rb"\x1b", rest)] + [
        rest[max(0, match.start() - 8) : match.start() + 8] for match in _CONTROL.finditer(rest)
    ]
