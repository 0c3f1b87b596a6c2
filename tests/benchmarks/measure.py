"""One measurement each: start a program, do something, take the figures. Every result is a flat dictionary of numbers."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Sequence

from tests.benchmarks.session import LETTERS, Session
from tests.benchmarks.stream import LAST

Figures = dict[str, float]


def start(kind: str) -> Figures:
    """From the start to the first echoed letter; then memory, and what it does when nothing happens."""
    session = Session.of(kind)
    try:
        figures = {f"{kind} start ms": session.ready() * 1000}
        time.sleep(1.0)
        figures[f"{kind} memory MB"] = session.memory()
        cpu, size, began = session.cpu(), session.size, time.monotonic()
        time.sleep(4.0)
        figures[f"{kind} idle cpu %"] = 100 * (session.cpu() - cpu) / (time.monotonic() - began)
        figures[f"{kind} idle bytes/s"] = (session.size - size) / (time.monotonic() - began)
        return figures
    finally:
        session.close()


def typing(kind: str, count: int, rate: int) -> Figures:
    """How long a key takes to be echoed while an answer streams; in the first quarter and in the last."""
    session = Session.of(kind)
    try:
        session.ready()
        entered = session.command(f"stream {count} {rate}")
        time.sleep(0.5)
        sent: dict[str, float] = {}
        waits: list[float] = []
        end = entered + count / rate - 0.3
        number = 0
        while time.monotonic() < end:
            letter = LETTERS[number % len(LETTERS)]
            if letter in sent:
                waits += _echoes(session, sent)
                sent.clear()
                session.send("\x05\x15")
                time.sleep(0.2)
            sent[letter] = session.send(letter)
            number += 1
            time.sleep(0.15 + 0.013 * (number % 5))
        time.sleep(0.5)
        waits += _echoes(session, sent)
        name = f"{kind} echo @{rate}"
        quarter = max(1, len(waits) // 4)
        return {
            f"{name} p50 ms": _share(waits, 50),
            f"{name} p95 ms": _share(waits, 95),
            f"{name} first p50 ms": _share(waits[:quarter], 50),
            f"{name} last p50 ms": _share(waits[-quarter:], 50),
            f"{name} first p95 ms": _share(waits[:quarter], 95),
            f"{name} last p95 ms": _share(waits[-quarter:], 95),
        }
    finally:
        session.close()


def _echoes(session: Session, sent: dict[str, float]) -> list[float]:
    """Milliseconds from each key to its letter on the screen, in the order of the keys."""
    seen = session.first_seen(list(sent), min(sent.values())) if sent else {}
    return [1000 * (seen[letter] - at) for letter, at in sent.items() if letter in seen]


def _share(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else float("nan")


def steady(kind: str, count: int = 2_000, rate: int = 200) -> Figures:
    """Processor time and bytes of a token at a steady rate."""
    session = Session.of(kind)
    try:
        session.ready()
        session.command(f"stream {count} {rate}")
        session.wait(lambda: session.noted("began"), 10)
        cpu, size, waited = session.cpu(), session.size, session.waited()
        session.wait(lambda: session.noted("last"), count / rate + 60, 0.05)
        session.quiet(0.3)
        return {
            f"{kind} cpu ms/1k @{rate}": 1e6 * (session.cpu() - cpu) / count,
            f"{kind} bytes/token @{rate}": (session.size - size) / count,
            f"{kind} kept waiting ms @{rate}": 1000 * (session.waited() - waited),
        }
    finally:
        session.close()


def growth(kind: str, count: int, rate: int, shape: str = "mixed") -> Figures:
    """Processor time per thousand tokens, the first and the last, and how busy the program was at the end."""
    session = Session.of(kind)
    try:
        session.ready()
        session.command(f"stream {count} {rate} {shape}")
        session.wait(lambda: session.noted("last"), count / max(rate, 1) * 4 + 120, 0.2)
        points = [(0, *session.noted("began")[0], session.noted("asked")[-1][2]), *session.noted("cpu")]
        spent = [1000 * (after[2] - before[2]) for before, after in itertools.pairwise(points)]
        few = max(1, len(spent) // 10)
        last = points[-1 - min(3, len(spent))]
        busy = 100 * (points[-1][2] - last[2]) / (points[-1][1] - last[1])
        name = f"{kind} {shape} {count // 1000}k"
        return {
            f"{name} first cpu ms/1k": statistics.median(spent[1 : 1 + few] or spent),
            f"{name} last cpu ms/1k": statistics.median(spent[-few:]),
            f"{name} busy %": busy,
            f"{name} memory MB": session.memory(),
        }
    finally:
        session.close()


def fast(kind: str, count: int, rate: int = 0, page: bool = False) -> Figures:
    """As fast as they come: until the last token is painted; memory after it; then pages of scroll."""
    session = Session.of(kind)
    try:
        session.ready()
        before = session.memory()
        entered = session.command(f"stream {count} {rate}")
        session.wait(lambda: session.noted("last"), 240, 0.02)
        session.wait_for(LAST, 60)
        session.quiet(0.5, 20)
        began, seen = session.noted("began")[0][0], session.first_seen([LAST], entered)
        name = f"{kind} {count // 1000}k" + (f" @{rate}" if rate else "")
        figures = {
            f"{name} wall s": seen.get(LAST, float("nan")) - began,
            f"{name} memory MB": session.memory(),
            f"{name} grown MB": session.memory() - before,
        }
        whole = session.noted("whole")
        if whole:
            figures[f"{name} lost"] = float(whole[0][0])
        if page:
            figures[f"{kind} page ms"] = _pages(session, "\x1b[5~", 20)
        return figures
    finally:
        session.close()


def _pages(session: Session, key: str, count: int) -> float:
    """Milliseconds from a key to the first bytes of what it shows."""
    took: list[float] = []
    for _ in range(count):
        session.quiet(0.08)
        before = len(session.chunks)
        at = session.send(key)
        if session.wait(lambda before=before: len(session.chunks) > before, 3, 0.001):  # type: ignore[misc]
            took.append(1000 * (session.chunks[before][0] - at))
    return statistics.median(took) if took else float("nan")


def opened(count: int) -> Figures:
    """A stored conversation: until its last line shows; memory; pages, ends, hits and an append in it."""
    session = Session.of("ours")
    try:
        session.ready()
        time.sleep(0.5)
        before = session.memory()
        session.command(f"prepare {count}")
        entered = session.command("open")
        session.wait_for("ZHISTEND", 30)
        session.quiet(0.3)
        seen = session.first_seen(["ZHISTEND"], entered)
        figures = {
            f"open {count} ms": 1000 * (seen.get("ZHISTEND", float("nan")) - entered),
            f"open {count} memory MB": session.memory() - before,
        }
        for _ in range(9):
            session.command("append")
        session.quiet(0.3)
        figures[f"append to {count} ms"] = statistics.median(1000 * note[0] for note in session.noted("append")[2:])
        if count >= 1_000:
            figures[f"page in {count} ms"] = _pages(session, "\x1b[5~", 20)
            figures[f"top of {count} ms"] = _pages(session, "\x1b[1;5H", 1)
            figures[f"end of {count} ms"] = _pages(session, "\x1b[1;5F", 1)
            session.command("find shelf")
            session.quiet(0.3)
            took: list[float] = []
            for _ in range(5):
                took.append(_pages(session, "\x1b[17~", 1))
            figures[f"hit in {count} ms"] = statistics.median(took)
        return figures
    finally:
        session.close()
