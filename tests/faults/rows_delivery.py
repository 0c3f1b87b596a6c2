"""Q, one failure at a time: what the person sees of a prompt whose way is unclear, and what comes of it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.clock import Clock
from app.errors import UsageError
from app.models import Answer, Profile, PromptState, RequestKind, Stop
from app.protocols import Attaches
from app.sandbox.qoder import gate
from app.sandbox.server import Ready
from app.store import Store
from app.turns import Turns
from app.vendors import connect
from tests.faults.invariants import Evidence, check
from tests.faults.kit.clocks import hurried
from tests.faults.kit.crossing import Crossing
from tests.faults.kit.relay import Relay
from tests.faults.rows import Case, row
from tests.faults.rows_sending import FACTOR, forgetful, hurried_stage, judged
from tests.faults.stage import PATHS, SEND, SIDES, Stage, stage, until
from tests.servers import running_sandbox


async def _asked(side: str, folder: Path, when: str, clock: Clock, count: int) -> list[Stage]:
    """Prompts whose post is met by a silence, one after the other; each judged."""
    async with hurried_stage(side, folder, clock) as on:
        talk = await on.talk()
        await on.ask(talk, "first")
        for number in range(count):
            on.through.order(SEND[side], when, how="hole")  # type: ignore[arg-type]
            turn = await on.ask(talk, f"{when} {number}")
            state = judged(on, turn)
            if when == "after":
                assert (state, turn.stop, turn.answer) == ("sent", Stop.DONE, turn.text), (turn.state, turn.failure)
            else:
                assert state == "unknown" or side == "qoder", state
        return [on]


@row("Q-01", "read timeout after Codeer stored it", short=True)
async def stored(case: Case) -> str:
    """Checked, found, its answer attached; sent once."""
    count = case.size(10, 1)
    await hurried(FACTOR, lambda clock: _asked("codeer", case.folder, "after", clock, count))
    return f"{count} of {count} delivered, answers attached"


@row("Q-02", "read timeout, Codeer never stored it", short=True)
async def never_stored(case: Case) -> str:
    """The person is asked: look again, send it again, leave it.

    The matrix wanted "not delivered". Ten seconds without it in the history prove nothing (a slow server may store it later), and
    who believes "not delivered" sends it twice; so it says what is known and leaves the decision to the person.
    """
    count = case.size(5, 1)
    await hurried(FACTOR, lambda clock: _asked("codeer", case.folder, "before", clock, count))
    return f"{count} of {count} asked about, ledger 0"


@row("Q-03", "the same with Qoder, which honours the key", short=True)
async def honoured(case: Case) -> str:
    """Looked for first, then the same bytes under the same key; one entry."""
    count = case.size(5, 1)

    async def work(clock: Clock) -> None:
        for when in ("before", "after"):
            (on,) = await _asked("qoder", case.folder / when, when, clock, count)
            posts = [body for line, body in zip(on.through.requests, on.through.bodies, strict=True) if _is_post(line)]
            keys = {entry["idempotency_key"] for entry in on.entries("prompt")}
            assert len(set(posts)) == count + 1 and len(keys) == count + 1, (len(set(posts)), len(keys))

    await hurried(FACTOR, work)
    return f"{2 * count} of {2 * count} sent once, bytes and key the same each time"


def _is_post(line: str) -> bool:
    return line.startswith("POST ") and line.split(" ")[1].endswith("/events")


@row("Q-04", "the same with a server that ignores the key")
async def ignored(case: Case) -> str:
    """The history is read before anything leaves again, so there is one entry even then."""
    count = case.size(5, 1)
    with forgetful():
        for when in ("after", "before"):
            folder = case.folder / when
            await hurried(FACTOR, lambda clock, w=when, f=folder: _asked("qoder", f, w, clock, count))  # type: ignore[misc]
    return f"{2 * count} prompts, at most 1 entry each"


@contextlib.asynccontextmanager
async def program(side: str, folder: Path, port: int, ready: Ready, clock: Clock, *, name: str = "") -> AsyncIterator[Stage]:
    """The program's middle for as long as one run of it; the sockets that lie about belong to the network between."""
    key = ready.codeer_key if side == "codeer" else ready.qoder_key
    profile = Profile(name or f"test-{side}", side, f"http://127.0.0.1:{port}{PATHS[side]}")
    vendor, store = connect(profile, key, clock=clock), await Store.open(folder / "parlour.db")
    turns = Turns(store, clock=clock, patience=float("inf"))
    try:
        yield Stage(side, folder, store, turns, vendor, profile, key, ready)
    finally:
        await turns.aclose()
        await vendor.aclose()
        await store.aclose()


async def _offline(case: Case, side: str, clock: Clock) -> tuple[float, int]:
    """Sent, the answer lost and the network with it; the program ends and begins in between; then the network is back."""
    folder, text, seconds = case.folder / side, f"offline {side}", case.size(60, 20)
    async with running_sandbox(clock=clock) as ready, Crossing(urlsplit(ready.codeer_base).port or 0).running() as crossing:
        async with Relay(crossing.port).running() as relay:
            async with program(side, folder, relay.port, ready, clock) as on:
                talk = await on.talk()
                await on.ask(talk, "first")
                crossing.order(SEND[side], "after", how="hole")
                turn = await on.submit(talk, text)
                await until(lambda: on.arrived(text) == 1)
                await relay.break_down()
                await until(lambda: turn.state is PromptState.UNKNOWN, 60.0)
                posts = _posts(crossing)
                await clock.sleep(seconds)
                assert turn.state is PromptState.UNKNOWN and turn.stop is None, turn.stop
            async with program(side, folder, relay.port, ready, clock) as on:
                found = await on.store.get(talk.pk)
                assert found is not None
                talk = await on.turns.open(on.vendor, found)
                turn = talk.transcript.turns[-1]
                await clock.sleep(seconds)
                assert turn.state is PromptState.UNKNOWN and turn.stop is None
                await relay.heal()
                began = clock.monotonic()
                await on.turns.idle(talk)
                took = clock.monotonic() - began
                assert (turn.state, turn.stop, turn.answer) == (PromptState.SENT, Stop.DONE, text)
        check(Evidence(home=folder, submitted=["first", text], ledger=ready.world.ledger.entries))
        return took, _posts(crossing) - posts


def _posts(crossing: Crossing) -> int:
    return len([line for line in crossing.requests if line.startswith("POST")])


@row("Q-05", "the look for it fails as well: offline, over a restart", short=True)
async def offline(case: Case) -> str:
    """Unknown for as long as the network is away, no timer sends; soon after it is back the state is known."""
    took = []
    for side in SIDES:
        seconds, posts = await hurried(case.size(6, 20), lambda clock, s=side: _offline(case, s, clock))  # type: ignore[misc]
        assert posts == 0
        took.append(seconds)
    assert max(took) <= 10.0 or not case.full, took
    return f"known {max(took):.1f} s after the network was back; 0 posts meanwhile"


@row("Q-08", "stopped during the post, before and after the server has it", once=True)
async def stopped(case: Case) -> str:
    """It is not tried again; what is shown agrees with the ledger in all four, and an answer that began is stopped there too."""
    seen = []

    async def work(clock: Clock) -> None:
        for side in SIDES:
            for when in ("before", "after"):
                async with hurried_stage(side, case.folder / f"{side}-{when}", clock) as on:
                    talk = await on.talk("Metronome" if side == "codeer" else "Scribe")
                    await on.ask(talk, "stream 2")
                    on.through.order(SEND[side], when, how="hole")
                    turn = await on.submit(talk, "stream 100 at 4")
                    await until(partial(_cut, on))
                    await on.turns.interrupt(talk)
                    await on.turns.idle(talk)
                    count = on.arrived(turn.text)
                    assert count == (when == "after"), (side, when, count)
                    assert turn.state is (PromptState.SENT if count else PromptState.UNKNOWN), (side, when, turn.state)
                    assert turn.stop is Stop.INTERRUPTED or (side == "codeer" and turn.stop is Stop.DONE), (side, turn.stop)
                    seen.append(f"{side} {when}: {turn.state.value}, {turn.stop.value}")

    await hurried(FACTOR, work)
    return "; ".join(seen)


def _cut(on: Stage) -> bool:
    return on.through.cuts > 0


@row("Q-10", "two wait, the first becomes unknown")
async def queued(case: Case) -> str:
    """The others wait until the person has decided; looked up, left, or sent again before them: the order is kept."""
    for choice in ("again", "leave", "look"):

        async def work(clock: Clock, choice: str = choice) -> None:
            async with hurried_stage("codeer", case.folder / choice, clock) as on:
                talk = await on.talk()
                await on.ask(talk, "first")
                on.through.order(SEND["codeer"], "before", how="rst")
                lost = await on.submit(talk, "one")
                await on.submit(talk, "two")
                await on.submit(talk, "three")
                await on.turns.idle(talk)
                assert lost.stop is Stop.UNKNOWN and [turn.text for turn in talk.queued] == ["two", "three"] and talk.held
                assert on.arrived("two") == 0
                if choice == "again":
                    on.submitted.remove("one")
                    await on.turns.again(talk, lost)
                elif choice == "leave":
                    await on.turns.give_up(talk, lost)
                else:
                    on.turns.settle(talk, lost)
                    await on.turns.idle(talk)
                    assert [turn.text for turn in talk.queued] == ["two", "three"] and talk.held
                    await on.turns.give_up(talk, lost)
                await on.turns.idle(talk)
                said = [entry["text"] for entry in on.entries("prompt")]
                assert said == (["first", "one", "two", "three"] if choice == "again" else ["first", "two", "three"]), said
                shown = [turn.text for turn in talk.transcript.turns]
                kept = [turn.text for turn in await on.store.turns(talk.pk)]
                assert shown == kept == ["first", "one", *(["one"] if choice == "again" else []), "two", "three"], (shown, kept)

        await hurried(FACTOR, work)
    return "waited 3/3, order kept 3/3"


@row("Q-11", "the file is uploaded, the message fails", once=True)
async def attached(case: Case) -> str:
    """The same file goes with the next try: one upload."""
    file = case.folder / "notes.txt"
    file.write_text("a file")
    for side in SIDES:
        async with stage(side, case.folder / side) as on:
            talk = await on.talk()
            await on.ask(talk, "first")
            assert isinstance(on.vendor, Attaches)
            files = (await on.vendor.upload(file),)
            on.fault("status", code=503 if side == "codeer" else 400)
            on.fault("status", match="GET /chats/*/messages", code=403)
            on.submitted.append("with a file")
            failed = await on.turns.submit(talk, "with a file", files)
            await on.turns.idle(talk)
            assert failed.attachments == files and failed.state is not PromptState.SENT
            assert on.ready is not None
            on.ready.world.faults.clear()
            done = await on.turns.submit(talk, "with a file, again", failed.attachments)
            await on.turns.idle(talk)
            assert done.stop is Stop.DONE and len(on.entries("upload")) == 1
    return "1 upload, both vendors"


@row("Q-12", "an approval is answered, the reply is lost", short=True)
async def approved(case: Case) -> str:
    """The same decision under the same key: it is applied once, also when the person presses it again."""
    count = 0
    for when, how in (("after", "rst"), ("after", "fin"), ("before", "rst")):
        async with stage("qoder", case.folder / f"{when}-{how}") as on:
            talk = await on.talk("Builder")
            turn = await on.ask(talk, "tidy up")
            assert turn.stop is Stop.NEEDS_APPROVAL
            answers = [Answer(one.event_id, RequestKind.APPROVAL, False, "not today") for one in turn.waiting]
            on.through.order(SEND["qoder"], when, how=how)  # type: ignore[arg-type]
            on.turns.answer(talk, answers)
            await on.turns.idle(talk)
            if turn.stop is Stop.NEEDS_APPROVAL:
                on.turns.answer(talk, answers)
                await on.turns.idle(talk)
            assert len(on.entries("approval")) == 1, (when, how, len(on.entries("approval")))
            assert turn.stop is Stop.DONE and "not today" in turn.answer, (turn.stop, turn.failure)
            count += 1
    return f"{count} lost replies, each decision applied once"


@row("Q-13", "answering again or interrupting times out", once=True)
async def regenerated(case: Case) -> str:
    """A regeneration is asked for once; the old answer stays until there is a new one. An interrupt may be repeated."""

    async def work(clock: Clock) -> None:
        for when, how in (("before", "rst"), ("after", "rst"), ("before", "hole"), ("after", "hole")):
            async with hurried_stage("codeer", case.folder / f"{when}-{how}", clock) as on:
                talk = await on.talk()
                turn = await on.ask(talk, "answer me")
                on.through.order("POST */regenerate", when, how=how)  # type: ignore[arg-type]
                on.turns.regenerate(talk)
                await on.turns.idle(talk)
                made = len(on.entries("regenerate"))
                assert made == (when == "after") and turn.answer == "answer me", (when, how, made, turn.answer)
                assert turn.failure is not None or (turn.stop is Stop.DONE and when == "after"), (when, how, turn)
                kept = (await on.store.turns(talk.pk))[0]
                assert kept.answer == "answer me"

    await hurried(FACTOR, work)
    async with stage("qoder", case.folder / "interrupt") as on:
        talk = await on.talk("Scribe")
        turn = await on.submit(talk, "stream 4000 at 300")
        await on.turns.until(talk, lambda: bool(turn.answer))
        on.through.order("POST */events", "after", how="rst")
        await on.turns.interrupt(talk)
        await on.turns.idle(talk)
        assert turn.stop is Stop.INTERRUPTED and turn.answer
    return "4 regenerations, at most one each, 0 answers lost; interrupted"


@row("Q-14", "nothing, only spaces, more than the server takes", once=True)
async def refused(case: Case) -> str:
    """Refused here without a request, or by the server with proof that it was not taken; the words stay."""
    for side in SIDES:
        async with stage(side, case.folder / side) as on:
            talk = await on.talk()
            for text in ("", " ", "\n \t", "\u3000"):
                with pytest.raises(UsageError):
                    await on.turns.submit(talk, text)
            assert not await on.store.turns(talk.pk) and not on.entries("prompt")
            assert not [line for line in on.through.requests if line.startswith("POST")]
            if side == "codeer":
                on.fault("status", code=413)
            turn = await on.ask(talk, "x" * (2_000 if side == "codeer" else gate.MAX_BODY))
            kept = (await on.store.turns(talk.pk))[0]
            assert judged(on, turn) == "not_sent" and kept.text == turn.text and not on.entries("prompt")
    return "4 empty ones: 0 requests; too long: refused, not sent, the words kept"
