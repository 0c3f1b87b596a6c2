"""J: replies that are JSON and yet not what was expected, from single fields to lists without an end."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from app.errors import Protocol, VendorError
from app.models import Conversation, Json, PromptState, Stop
from app.text import safe, storable
from app.transcript import Transcript
from app.vendors.codeer import objects as codeer_objects
from app.vendors.codeer.decode import Answering
from app.vendors.codeer.decode import decode as codeer_decode
from app.vendors.codeer.envelope import decode_error
from app.vendors.codeer.rows import turns as codeer_turns
from app.vendors.qoder import objects as qoder_objects
from app.vendors.qoder.decode import Decoder
from app.vendors.qoder.refusals import refusal
from app.vendors.qoder.stream import parse
from app.vendors.sse import Frame
from tests.faults.kit.census import pulse
from tests.faults.kit.sockets import Connection, RawServer, reply, request, routed, send
from tests.faults.rows import Case, row
from tests.faults.rows_http import read_of
from tests.faults.rows_network import judged
from tests.faults.rows_stream import codeer, turned
from tests.faults.session import Session
from tests.faults.stage import PATHS, SIDES, stage
from tests.vendors.codeer.test_client import ANSWER, USER
from tests.vendors.codeer.test_decode import SUCCESS
from tests.vendors.test_qoder_stream import TURN, blocks

VALUES: list[Json] = [
    None, True, 0, -1, 2**63, 1e300, "", "x", "\ud800", "a\0b", "x" * 5000, [], [None], [[[]]], [{}], {}, {"type": None},
    {"id": {"id": []}}, [{"type": "text", "text": None}], {"event_ids": 5}, {"type": "text", "text": {"a": 1}},
]  # fmt: skip
AGENT: dict[str, Json] = {
    "id": "a",
    "name": "n",
    "tools": [{"name": "t"}],
    "model": {"id": "m"},
    "questions": ["q"],
    "archived_at": None,
}
SESSION: dict[str, Json] = {"id": "s", "title": "t", "agent": {"id": "a", "version": 2}, "status": "idle", "created_at": "2026"}
CHAT: dict[str, Json] = {"id": 1, "name": "n", "agent_id": "a", "created_at": "2026", "meta": {"x": [1]}}
FRAMES = [json.loads(line[6:]) for line in SUCCESS.decode().splitlines() if line.startswith("data: {")]


def mutated(value: Json, chance: random.Random) -> Json:
    """The same with one thing missing, of another type, renamed, doubled or deeper."""
    if isinstance(value, dict) and value:
        name = chance.choice(list(value))
        kind = chance.randrange(6)
        if kind == 0:
            return {one: inner for one, inner in value.items() if one != name}
        if kind == 1:
            return {**value, name: chance.choice(VALUES)}
        if kind == 2:
            return {(one if one != name else one + "_2"): inner for one, inner in value.items()}
        if kind == 3:
            return {**value, name: [value[name]], chance.choice(("type", "id", "content", "extra")): chance.choice(VALUES)}
        return {**value, name: mutated(value[name], chance)}
    if isinstance(value, list) and value:
        at = chance.randrange(len(value))
        return [*value[:at], mutated(value[at], chance), *value[at : at + chance.randrange(2)], *value[at + 1 :]]
    return chance.choice(VALUES)


def readers() -> list[tuple[str, Json, Callable[[Json], object]]]:
    """Everything that reads what a server sends: its name, an example, and the reading."""

    def qoder(raw: Json) -> object:
        found = []
        for one in raw if isinstance(raw, list) else [raw]:
            made = parse(Frame("message", json.dumps(one), "evt_1")) if not isinstance(one, dict) else one
            found += state.feed(made) if made is not None else []
        transcript = Transcript()
        for event in found:
            transcript.apply(event)
        return transcript

    def codeer_frames(raw: Json) -> object:
        transcript, answering = Transcript(), Answering(key="k")
        for one in raw if isinstance(raw, list) else [raw]:
            kind = one.get("type") if isinstance(one, dict) else "x"
            for event in codeer_decode(Frame(str(kind), json.dumps(one)), answering):
                transcript.apply(event)
        return answering.end(cut=True)

    def rows(raw: Json) -> object:
        items = [one for one in (raw if isinstance(raw, list) else [raw]) if isinstance(one, dict)]
        transcript = Transcript()
        for events in codeer_turns(items):
            for event in events:
                transcript.apply(event)
        return transcript

    def thing(make: Callable[[Any], object]) -> Callable[[Json], object]:
        return lambda raw: make(raw) if isinstance(raw, dict) else None

    state = Decoder()
    wrong: Json = {"error": {"type": "t", "message": "m", "param": "p"}}
    error = {"error_code": 10006, "message": "m", "data": {"errors": [{"field": "f", "message": "m"}]}}
    return [
        *(("qoder event", raw, qoder) for raw in TURN),
        ("qoder turn", list(TURN), qoder),
        *(("codeer frame", raw, codeer_frames) for raw in FRAMES),
        ("codeer answer", FRAMES, codeer_frames),
        ("codeer rows", [USER, ANSWER], rows),
        ("codeer agents", {"agents": [AGENT]}, codeer_objects.agents),
        ("codeer chat", CHAT, thing(lambda raw: codeer_objects.conversation(raw, {}))),
        ("codeer refusal", error, lambda raw: decode_error(422, {}, json.dumps(raw).encode())),
        ("qoder agent", AGENT, thing(qoder_objects.agent)),
        ("qoder session", SESSION, thing(qoder_objects.conversation)),
        ("qoder environment", {"id": "e", "name": "n"}, thing(qoder_objects.environment)),
        ("qoder refusal", wrong, lambda raw: refusal(400, {}, json.dumps(raw).encode())),
    ]  # fmt: skip


@row("J-01", "field missing, null, other type, renamed", short=True)
async def _fuzz(case: Case) -> str:
    """Whatever a field turns into, the rest is shown and nothing but our own error is raised; a million with three seeds."""
    chance, every = case.random, readers()
    count, raised = case.size(334_000, 6_000), 0
    for number in range(count):
        name, example, read = every[number % len(every)]
        value = example
        for _ in range(1 + chance.randrange(3)):
            value = mutated(value, chance)
        try:
            read(value)
        except VendorError:
            raised += 1
        except Exception as error:
            raise AssertionError(f"{name}: {type(error).__name__} {error} for {json.dumps(value)[:600]}") from error
    return f"{count} of one seed, {raised} refused with a sentence, 0 exceptions"


def kept_json(folder: Path) -> list[Json]:
    """The raw events of a database; each must be JSON by the strict rules."""

    def strange(name: str) -> Json:
        raise AssertionError(f"{name} is in the database")

    connection = sqlite3.connect(folder / "parlour.db")
    try:
        return [json.loads(raw, parse_constant=strange) for (raw,) in connection.execute("SELECT raw FROM events")]
    finally:
        connection.close()


@row("J-02", "extra fields/enums/block types", once=True)
async def _new_kinds(case: Case) -> str:
    """What is new is kept raw and named where it stands; the words around it are there."""
    hologram = {"type": "hologram", "url": "https://example.com/h", "depth": 3}
    message = {
        "id": "evt_14",
        "type": "agent.message",
        "content": [*blocks("Before. "), hologram, *blocks(" After.")],
        "mood": "calm",
    }
    order = [TURN[1], message, TURN[-1]]
    got, _ = await turned(case, Session([order], listed=[TURN[0], message, TURN[-1]]), "new")
    text = got[6][3]
    assert got[2] is Stop.DONE and "Before." in text and "After." in text and "hologram" in text, got
    assert any(isinstance(raw, dict) and hologram in raw.get("content", []) for raw in kept_json(case.folder / "new"))
    return ""


async def lists(case: Case, body: str | bytes, *words: str) -> None:
    """A list of this body is one error of ours, for both vendors, and the loop is never held up."""
    for side in SIDES:
        async with pulse() as felt:
            await read_of(case, side, reply(body), Protocol, *words)
        assert felt.gap <= 1.0, felt.gap


async def streamed(case: Case, name: str, data: str) -> None:
    """The same in a stream: the frame is not believed, the stream is opened again, the turn ends well."""
    bad = f"event: agent.message\ndata: {data}\n\n".encode()
    got, _ = await turned(case, Session([[*TURN[1:9], bad], [*TURN[9:]]]), name)
    assert got[1:3] == [PromptState.SENT, Stop.DONE]
    kept_json(case.folder / name)


@row("J-03", "nesting 100k deep", once=True)
async def _deep(case: Case) -> str:
    await lists(case, "[" * 100_000, "deep")
    await lists(case, '{"a":' * 100_000 + "1" + "}" * 100_000, "deep")
    await streamed(case, "deep", '{"a":' * 100_000 + "1" + "}" * 100_000)
    return ""


@row("J-04", "5,000-digit integer", once=True)
async def _digits(case: Case) -> str:
    await lists(case, '{"data": [' + "9" * 5000 + "]}", "cannot be read")
    await streamed(case, "digits", '{"id": "evt_14", "n": ' + "9" * 5000 + "}")
    return ""


@row("J-05", "NaN, Infinity, 1e999", once=True)
async def _not_numbers(case: Case) -> str:
    for word in ("NaN", "Infinity", "-Infinity", "1e999"):
        await lists(case, f'{{"data": [{word}]}}', "cannot be read")
        await streamed(case, f"n{word}", f'{{"id": "evt_14", "n": {word}}}')
    return "the database stays JSON"


@row("J-06", "integer 2^63 as id", once=True)
async def _big_ids(case: Case) -> str:
    big = str(2**63)
    stream = SUCCESS.replace(b'"user_conversation_id":901', f'"user_conversation_id":{big}'.encode())
    turn, posted = await codeer(case, "big", stream, ({**USER, "id": 2**63}, {**ANSWER, "id": 2**64}))
    assert (turn.prompt_id, turn.message_id, posted) == (big, str(2**64), 1), (turn.prompt_id, turn.message_id)
    return ""


async def words_kept(case: Case, name: str, sent: str, kept: str) -> None:
    """An answer of these words (as JSON would spell them) is stored and shown as those."""
    raw = SUCCESS.replace(b'"final_text":"Yes, \xe7\xaa\xaf from 10:00."', f'"final_text":"{sent}"'.encode())
    turn, _ = await codeer(case, f"codeer-{name}", raw)
    assert safe(turn.answer) == safe(kept) and storable(turn.answer) == kept, turn.answer
    message = f'{{"id": "evt_14", "type": "agent.message", "content": [{{"type": "text", "text": "{sent}"}}]}}'
    frame = f"id: evt_14\nevent: agent.message\ndata: {message}\n\n".encode()
    got, _ = await turned(case, Session([[TURN[1], frame, TURN[-1]]], listed=()), f"qoder-{name}")
    assert safe(got[6][3]) == safe(kept) and storable(got[6][3]) == kept, got
    for side in SIDES:
        connection = sqlite3.connect(case.folder / f"{side}-{name}" / "parlour.db")
        assert connection.execute("SELECT text FROM parts WHERE kind = 'text'").fetchall()[-1][0] == kept
        connection.close()


@row("J-07", "lone surrogate in text", once=True)
async def _surrogates(case: Case) -> str:
    await words_kept(case, "lone", "a\\ud800b \\udc00", "a\ufffdb \ufffd")
    return ""


@row("J-08", "NUL inside text", once=True)
async def _nul(case: Case) -> str:
    await words_kept(case, "nul", "before\\u0000after", "before\0after")
    return "stored whole"


@row("J-09", "duplicate keys, BOM before JSON", once=True)
async def _twice(case: Case) -> str:
    """The last of two counts, a byte order mark is dropped."""
    for side in SIDES:
        inner = b'[{"id": "lost", "id": "a1", "name": "First", "name": "Second", "agent_id": "a1"}]'
        body = b"\xef\xbb\xbf" + b'{"data": [], "data": ' + inner + b', "has_more": false}'
        async with RawServer([], last=[routed({"GET *": reply(body)})], path=PATHS[side]).running() as server:
            async with stage(side, case.folder / side, base=server.base) as on:
                assert [(one.id, one.name) for one in await on.vendor.agents()] == [("a1", "Second")]
    return ""


@row("J-10", "timestamps: none, future, offset, bad", once=True)
async def _times(case: Case) -> str:
    """The server's order is the order, whatever the times say."""
    times: list[Json] = [None, "2999-01-01T00:00:00Z", "1970-01-01T00:00:00+14:00", "yesterday", 7, {}, "2026-02-31T25:61:00Z"]
    order = [
        {**raw, "processed_at": times[at % len(times)], "created_at": times[-at % len(times)]} for at, raw in enumerate(TURN)
    ]
    plain, _ = await turned(case, Session([TURN[1:]]), "plain")
    odd, _ = await turned(case, Session([order[1:]], listed=[raw for raw in order if "id" in raw]), "odd")
    assert plain == odd
    return ""


@row("J-11", "id reuse across chats, id with `/`, `..`, space, 4 kB", once=True)
async def _ids(case: Case) -> str:
    """One segment of the path whatever it is, or refused before anything leaves."""
    for side in SIDES:
        async with RawServer([], last=[routed({"GET *": reply('{"data": []}')})], path=PATHS[side]).running() as server:
            async with stage(side, case.folder / side, base=server.base, patience=1.0) as on:
                for name in ("a/../b", "..", ".", "a b", "x" * 4096, "é?#%", "a\nb"):
                    turn = await on.ask(await on._open(Conversation(name, agent_id="a1")), f"{side} {name[:9]!r}")
                    assert turn.state is not PromptState.SENT
                await on.ask(await on._open(Conversation("same", agent_id="a1")), f"{side} one")
        lines = [head.split(b"\r\n")[0].decode("latin-1") for head, _ in server.requests]
        prefix = PATHS[side] + ("/chats/" if side == "codeer" else "/sessions/")
        assert lines and all(f" {prefix}" in line for line in lines), lines
        assert not [line for line in lines if "/../" in line or "/b/" in line or "xxxx" in line or "/.." in line], lines
        assert any("a%2F..%2Fb" in line for line in lines)
    return "0 paths left their place"


async def paged(case: Case, side: str, name: str, pages: Sequence[Json]) -> tuple[int, str]:
    """The conversations of a server that answers page after page like this (the last one again and again): requests, outcome."""
    asked = 0

    async def listing(connection: Connection) -> None:
        nonlocal asked
        while True:
            await request()(connection)
            await send(reply(json.dumps(pages[min(asked, len(pages) - 1)])))(connection)
            asked += 1

    async with RawServer([], last=[listing], path=PATHS[side]).running() as server:
        async with stage(side, case.folder / f"{side}-{name}", base=server.base) as on:
            after, ids = "", []
            try:
                for _ in range(50):
                    found = await on.vendor.conversations(after)
                    ids += [one.id for one in found.items]
                    if not found.next or found.next == after:
                        break
                    after = found.next
                else:
                    raise AssertionError(f"{name}: the list never ends")
            except Protocol as error:
                judged(str(error))
                return asked, "said"
    return asked, f"{len(ids)} rows"


@row("J-12", "pagination: repeated cursor, cycle, shrinking total, empty last page", once=True)
async def _pages(case: Case) -> str:
    """It stops, with a notice where rows may be missing; the agents' list too, which is read to its end in one go."""

    def qoder(first: int, more: bool, **extra: Json) -> Json:
        rows = [{"id": f"s{first + n}", "title": "t"} for n in range(3)]
        return {"data": rows, "has_more": more, "last_id": rows[-1]["id"], **extra}

    def chats(first: int, offset: int, total: int, count: int = 3) -> Json:
        rows = [{"id": first + n, "name": "t"} for n in range(count)]
        return {"data": rows, "error_code": 0, "pagination": {"limit": 3, "offset": offset, "total_records": total}}

    empty: Json = {"data": [], "has_more": False}
    told = {
        "qoder repeated": await paged(case, "qoder", "repeated", [qoder(0, True)]),
        "qoder empty": await paged(case, "qoder", "empty", [qoder(0, True), empty]),
        "qoder empty for ever": await paged(case, "qoder", "forever", [qoder(0, True), {"data": [], "has_more": True}]),
        "codeer repeated": await paged(case, "codeer", "repeated", [chats(0, 0, 99)]),
        "codeer shrinking": await paged(case, "codeer", "shrinking", [chats(0, 0, 9), chats(3, 3, 5)]),
        "codeer empty": await paged(case, "codeer", "empty", [chats(0, 0, 4), chats(0, 3, 4, 0)]),
    }
    assert all(asked <= 3 for asked, _ in told.values()), told
    for name, pages in {
        "cycle": [qoder(0, True, next_page="b"), qoder(3, True, next_page="a"), qoder(6, True, next_page="b")]
    }.items():
        asked = 0

        async def listing(connection: Connection, pages: list[Json] = pages) -> None:
            nonlocal asked
            while True:
                await request()(connection)
                await send(reply(json.dumps(pages[asked % len(pages)])))(connection)
                asked += 1

        async with RawServer([], last=[listing], path=PATHS["qoder"]).running() as server:
            async with stage("qoder", case.folder / name, base=server.base) as on:
                try:
                    await on.vendor.agents()
                except Protocol as error:
                    judged(str(error), "repeats itself")
                else:
                    raise AssertionError("a cycle was taken for a list")
        assert asked <= 4, asked
    return ", ".join(f"{name}: {asked} requests, {said}" for name, (asked, said) in told.items())
