"""What the person sees in the application: Enter ten times, a prompt whose fate is unknown, a disk that fills up."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from app.models import Conversation, PartKind, PromptState, Stop
from app.sandbox.server import Ready
from app.store import Store
from app.transcript import Part, Turn
from tests.faults.invariants import Evidence, check, states
from tests.faults.kit.census import pulse
from tests.faults.kit.crossing import Crossing
from tests.faults.program import arrived, environment
from tests.faults.rows import Case, row
from tests.faults.stage import PATHS, SEND, SIDES
from tests.servers import running_sandbox
from tests.store.conftest import PROFILE
from tests.terminal import Terminal


def _into(terminal: Terminal, agent: str) -> None:
    """From the list of agents into a conversation."""
    terminal.until(agent)
    terminal.type(agent.lower())
    terminal.until(lambda screen: agent in screen and ("Parrot" not in screen or agent == "Parrot") and "Guide" not in screen)
    terminal.press("enter")
    terminal.until("Write a message")


def _enters(variables: Mapping[str, str], home: Path, text: str, pasted: str) -> None:
    with Terminal(home=home, extra=variables) as terminal:
        _into(terminal, "Parrot")
        terminal.type(text)
        terminal.until(text)
        terminal.type("\r" * 10)
        terminal.until(lambda screen: screen.count(text) >= 2 and "done" in screen)
        terminal.paste(pasted)
        terminal.settle(0.5)
        terminal.type("\r" * 10)
        terminal.until(lambda screen: screen.count(pasted.split("\n")[0]) >= 2 and "done" in screen)
        terminal.settle(0.5)
        terminal.press("ctrl+q")
        terminal.wait()


@row("Q-06", "Enter ten times at once, after typing and after a paste with line breaks")
async def enters(case: Case) -> str:
    """One message each time; the paste does not send itself."""
    sides = SIDES if case.full else SIDES[:1]
    async with running_sandbox() as ready:
        for side in sides:
            home, text, pasted = case.folder / side, f"ten times {side}", f"line one {side}\nline two\n"
            await asyncio.to_thread(_enters, environment(home, ready, side), home, text, pasted)
            told = states(home / "parlour.db")
            assert len(told) == 2 and all(one == ["sent"] for one in told.values()), told
            assert [entry["kind"] for entry in ready.world.ledger.entries].count("prompt") == 2 * (SIDES.index(side) + 1)
            check(Evidence(home=home, submitted=list(told), ledger=ready.world.ledger.entries))
    return f"{20 * len(sides)} Enters, {2 * len(sides)} messages"


def _unknown(variables: Mapping[str, str], home: Path, crossing: Crossing, side: str, text: str) -> None:
    with Terminal(home=home, extra=variables) as terminal:
        _into(terminal, "Parrot")
        terminal.type("first")
        terminal.press("enter")
        terminal.until("done")
        crossing.order(SEND[side], "before", how="rst", times=1 if side == "codeer" else 8)
        terminal.type(text)
        terminal.press("enter")
        shown = terminal.until("Delivery unknown", 60.0)
        assert "send it again" in shown and "look again" in shown and "leave it" in shown
        terminal.settle(1.0)
        crossing.orders.clear()
        terminal.type("\r")
        terminal.settle(0.7)
        assert "Delivery unknown" in terminal.text
        terminal.type("s")
        terminal.until(lambda screen: screen.count(text) >= 3 and "done" in screen)
        terminal.press("ctrl+q")
        terminal.wait()


@row("Q-07", "a message whose fate is unknown is sent again by the person", once=True)
async def again(case: Case) -> str:
    """Asked first, never by Enter alone; the new one stands below the old one, which keeps saying that it is unknown."""
    async with running_sandbox() as ready, Crossing(urlsplit(ready.codeer_base).port or 0).running() as crossing:
        for side in SIDES:
            home, text = case.folder / side, f"again {side}"
            name = "CODEER_API_BASE" if side == "codeer" else "QODER_MANAGED_BASE_URL"
            variables = environment(home, ready, side, **{name: f"http://127.0.0.1:{crossing.port}{PATHS[side]}"})
            await asyncio.to_thread(_unknown, variables, home, crossing, side, text)
            assert states(home / "parlour.db")[text] == ["unknown", "sent"] and arrived(ready, text) == 1
    return "2 asked about, each sent again once by a key"


# --- a real disk of its own ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def small_disk(place: Path, kilobytes: int) -> Iterator[bool]:
    """A file system of that size at ``place``; False where this user may not make one."""
    place.mkdir(mode=0o700, parents=True)
    words = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,mode=700", "tmpfs", str(place)]
    made = subprocess.run(words, capture_output=True, check=False).returncode == 0
    try:
        yield made
    finally:
        if made:
            subprocess.run(["umount", "-l", str(place)], check=False)


def _fill(place: Path, *, full: bool) -> None:
    filler = place / "filler"
    if not full:
        filler.unlink(missing_ok=True)
        return
    with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)


def _filled(variables: Mapping[str, str], home: Path, ready: Ready, text: str) -> None:
    """Full while a prompt is handed in; full while an answer comes; space again."""
    with Terminal(home=home, extra=variables) as terminal:
        _into(terminal, "Metronome")
        terminal.type("stream 5")
        terminal.press("enter")
        terminal.until("done")
        _fill(home, full=True)
        terminal.type(text)
        terminal.press("enter")
        terminal.until("disk is full")
        terminal.settle(1.0)
        assert text in terminal.text and arrived(ready, text) == 0
        _fill(home, full=False)
        terminal.press("enter")
        terminal.until("live")
        terminal.until(lambda screen: arrived(ready, text) == 1)
        _fill(home, full=True)
        terminal.until(_warned, 60.0)
        terminal.until("done", 60.0)
        assert _warned(terminal.text)
        _fill(home, full=False)
        terminal.until(lambda screen: not _warned(screen))
        terminal.press("ctrl+q")
        assert terminal.wait() == 0


def _warned(screen: str) -> bool:
    return "meanwhile is kept in memory" in " ".join(screen.split())


@row("D-21", "the disk fills up under the application", once=True)
async def filled(case: Case) -> str:
    """A file system of its own, really full: told at once, the words stay in the composer, the answer comes and is saved."""
    home = case.folder / "home"
    with small_disk(home, 1500) as made:
        if not made:
            return "not injected: this user may not mount a file system"
        async with running_sandbox() as ready:
            text = "stream 1200 at 150"
            await asyncio.to_thread(_filled, environment(home, ready, "codeer"), home, ready, text)
            store = await Store.open(home / "parlour.db")
            (talk,) = await store.conversations([1])
            turns = {turn.text: turn for turn in await store.turns(talk.pk)}
            await store.aclose()
            assert (turns[text].state, turns[text].stop, len(turns[text].answer)) == (PromptState.SENT, Stop.DONE, 4800)
            check(Evidence(home=home, submitted=["stream 5", text], ledger=ready.world.ledger.entries))
    return "refused with its words kept, then sent once; an answer of 4,800 characters survived a full disk"


# --- size ----------------------------------------------------------------------------------------------------------------------


def _turn(number: int, words: str) -> Turn:
    part = Part("p", PartKind.TEXT, done=True)
    part.text = f"needle{number % 5000} {words}"
    return Turn(
        f"u{number}", float(number), f"prompt {number}", state=PromptState.SENT, stop=Stop.DONE, started=1.0, parts=[part]
    )


@row("D-19", "a great many messages", once=True)
async def many(case: Case) -> str:
    """The first list within 2 s of opening, a search within 200 ms, off the loop. A million messages are scaled to 200,000."""
    count, path = case.size(100_000, 2_000), case.folder / "home" / "parlour.db"
    store = await Store.open(path)
    account = await store.account(PROFILE)
    words = "and some more of what was said in this message, which is not short " * 6
    for begin in range(0, count, 2_000):
        talk = await store.save_conversation(account, Conversation(str(begin), f"Talk {begin}"))
        await store.record(talk.pk, turns=[_turn(number, words) for number in range(begin, min(begin + 2_000, count))])
    await store.aclose()
    began = time.monotonic()
    store = await Store.open(path)
    await store.conversations([account], limit=50)
    opened = time.monotonic() - began
    took = []
    async with pulse() as felt:
        for number in range(20):
            began = time.monotonic()
            assert await store.search(f"needle{number}", accounts=[account], limit=20)
            took.append(time.monotonic() - began)
    await store.aclose()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        size = connection.execute("PRAGMA page_count").fetchone()[0] * 4096
    assert opened <= 2.0 and sorted(took)[10] <= 0.2 and felt.gap <= 0.2, (opened, max(took), felt.gap)
    return f"{2 * count:,} messages, {size >> 20} MiB: opened in {opened:.2f} s, a search {sorted(took)[10] * 1000:.0f} ms"
