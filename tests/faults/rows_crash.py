"""Kill -9, of the store in every transaction and of the whole program at every step of a prompt."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

from app.models import Profile, PromptState, Stop
from app.sandbox.server import Ready
from app.store import Store
from app.turns import Turns
from app.vendors import connect
from tests.faults.kit.clocks import quick_clock
from tests.faults.kit.failpoints import VARIABLE
from tests.faults.program import ROOT, WITH_FAILPOINTS, arrived, environment, parlour
from tests.faults.rows import Case, row
from tests.servers import running_sandbox
from tests.store.damage import sound
from tests.terminal import Terminal

SIDES = ("codeer", "qoder")


async def _kills(path: Path, seed: int, count: int, way: str) -> dict[str, int]:
    command = [sys.executable, "-m", "tests.faults.killing", str(path), str(seed), str(count), way]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0
    found: dict[str, int] = json.loads(out.splitlines()[-1])
    return found


@row("D-09", "kill -9 in the middle of transactions", short=True)
async def store_killed(case: Case) -> str:
    """Whatever was acknowledged is there after the kill, and SQLite finds the file whole; 500 kills over three seeds."""
    found = await _kills(case.folder / "home" / "parlour.db", case.seed, case.size(170, 6), "random")
    kills = found["kills"]
    return f"{kills} kills, 0 of {found['acknowledged']} acknowledged turns lost, integrity ok {kills}/{kills}"


@row("D-11", "kill -9 between any two related writes", once=True)
async def between(case: Case) -> str:
    """Killed at each statement of one entry (turn, part, index, event, cursor): all of it is there or nothing."""
    found = await _kills(case.folder / "home" / "parlour.db", case.seed, case.size(200, 6), "statements")
    assert not case.full or found["kills"] >= 10
    return f"{found['kills']} statements, all or none {found['kills']}/{found['kills']}"


# --- the whole program ---------------------------------------------------------------------------------------------------------

STEPS = {
    "composed": ("composed=kill",),
    "outbox committed": ("kept=kill", "begin=kill", "begun=kill"),
    "before or after a commit": tuple(f"{seam}#{n}=kill" for seam in ("committing", "committed") for n in range(1, 7)),
    "bytes half out": tuple(f"bytes-out#{n}=half" for n in range(1, 12)),
    "bytes out": tuple(f"bytes-gone#{n}=kill" for n in range(1, 12)),
    "response headers": tuple(f"answered#{n}=kill" for n in range(1, 7)),
    "id stored": ("event-kept#1=kill", "event-kept#2=kill", "event#2=kill"),
    "reply half": ("flush#1=kill", "flushed#1=kill", "event#4=kill", "event-kept#5=kill"),
}
KEPT = ("outbox committed", "id stored", "reply half")
"""Steps that are only reached once the prompt is on disk."""
AGENTS = {"codeer": "Metronome", "qoder": "Scribe"}


async def _restarted(side: str, ready: Ready, home: Path, texts: Sequence[str], point: str) -> dict[str, list[str]]:
    """Start again as the program does: go on with what was under way. Text → its states; asserted against the ledger."""
    base, key = (ready.codeer_base, ready.codeer_key) if side == "codeer" else (ready.qoder_base, ready.qoder_key)
    profile = Profile(side, side, base)
    clock = quick_clock()
    store, vendor = await Store.open(home / "parlour.db"), connect(profile, key, clock=clock)
    turns = Turns(store, clock=clock, patience=20.0)
    try:
        assert not [notice for notice in store.notices if "damaged" in notice], store.notices
        account = await store.account(profile)
        await turns.pick_up(vendor, account)
        for talk in turns.talks:
            await turns.idle(talk)
        told: dict[str, list[str]] = {text: [] for text in texts}
        for stored in await store.conversations([account], limit=10_000):
            for turn in await store.turns(stored.pk):
                if turn.text in told:
                    told[turn.text].append(turn.state.value)
                    count = arrived(ready, turn.text)
                    assert turn.state in (PromptState.SENT, PromptState.NOT_SENT, PromptState.UNKNOWN), turn.state
                    assert count == (turn.state is PromptState.SENT) or turn.state is PromptState.UNKNOWN, (turn.state, count)
                    assert turn.stop is not None and (turn.stop is Stop.DONE or turn.failure is not None), (point, turn)
        return told
    finally:
        await turns.aclose()
        await vendor.aclose()
        await store.aclose()


def _judged(told: dict[str, list[str]], text: str, ready: Ready, step: str) -> str:
    """Once in the history if it can have been taken, and never at the server without being there."""
    states, count = told[text], arrived(ready, text)
    assert len(states) <= 1 and count <= 1, (step, states, count)
    assert states or (count == 0 and step not in KEPT), (step, count)
    return states[0] if states else "not taken"


async def _asked(side: str, ready: Ready, home: Path, dice: Random, count: int) -> Counter[str]:
    seen: Counter[str] = Counter()
    names = list(STEPS)[SIDES.index(side) * 4 :] + list(STEPS)[: SIDES.index(side) * 4]
    variables = environment(home, ready, side)
    for number in range(count):
        step = names[number % len(names)]
        point = dice.choice(STEPS[step])
        text = f"stream {dice.randrange(20, 40)} at 60 # {side} {number}"
        done = await parlour("ask", "--agent", AGENTS[side], text, variables=variables, failpoints=point)
        seen["kills"] += done.code == -signal.SIGKILL
        assert done.code in (-signal.SIGKILL, 0), (point, done.code, done.err)
        assert not (home / "parlour.db").exists() or sound(home / "parlour.db"), point
        told = await _restarted(side, ready, home, [text], point)
        seen[_judged(told, text, ready, step)] += 1
        if number % 20 == 19:
            found = await parlour("search", text, "--json", variables=variables)
            assert found.code == 0 and (text in found.out or not told[text]), found.err
    return seen


@row("Q-09", "kill -9 of the whole program at every step of a prompt", short=True)
async def program_killed(case: Case) -> str:
    """``parlour ask`` and the application, 500 kills over three seeds: no prompt lost or doubled, its state right afterwards."""
    async with running_sandbox() as ready:
        count = case.size(80, 2)
        runs = [_asked(side, ready, case.folder / side, Random(case.seed * 7 + at), count) for at, side in enumerate(SIDES)]
        seen = sum(await asyncio.gather(*runs), Counter())
        windows = case.size(10, 0)
        dice = Random(case.seed)
        for number in range(windows):
            side = SIDES[number % 2]
            seen[await _in_the_application(side, ready, case.folder / f"{side}-{number}", dice, number)] += 1
            seen["kills"] += 1
    sent, unsure, missed = seen["sent"], seen["unknown"], seen["not taken"]
    return (
        f"{seen['kills']} kills ({windows} of them in the application), 0 lost, 0 twice, integrity ok each time: {sent} sent, "
        f"{seen['not_sent']} not sent, {unsure} asked about, {missed} killed before it was handed in"
    )


IN_WINDOW = ("kept=kill", "begun=kill", "committed#3=kill", "bytes-out#9=half", "answered#5=kill", "event-kept#1=kill")


async def _in_the_application(side: str, ready: Ready, home: Path, dice: Random, number: int) -> str:
    text = f"stream 40 at 30 # in the application {side} {number}"
    point = IN_WINDOW[number % len(IN_WINDOW)]
    await asyncio.to_thread(_typed, environment(home, ready, side, **{VARIABLE: point}), home, AGENTS[side], text, dice.random())
    assert sound(home / "parlour.db"), point
    told = await _restarted(side, ready, home, [text], point)
    state = _judged(told, text, ready, "application")
    if state == "not taken":
        store = await Store.open(home / "parlour.db")
        drafts = [one.draft for one in await store.conversations([1])]
        await store.aclose()
        assert text in drafts, drafts
    return state


def _typed(variables: dict[str, str], home: Path, agent: str, text: str, late: float) -> None:
    """Type a prompt, wait until the draft is on disk, press Enter, and be killed at the failpoint or a little later."""
    with Terminal(home=home, extra=variables, command=WITH_FAILPOINTS) as terminal:
        terminal.until(agent)
        terminal.type(agent.lower())
        terminal.until(lambda screen: agent in screen and "Parrot" not in screen)
        terminal.press("enter")
        terminal.until("Write a message")
        terminal.type(text)
        terminal.until(text)
        terminal.settle(1.3)
        terminal.press("enter")
        terminal.settle(0.5 + late)
