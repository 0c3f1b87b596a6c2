"""The client against bytes: what the sandbox would never do, and what must not be sent twice."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.errors import Forbidden, KeyRefused, NotFound, OutcomeUnknown, Protocol, RateLimited, Refused, Unavailable, VendorError
from app.models import Attachment, Conversation, Event, LinkState, PartDone, Profile, Prompt, Prompted, Stop, TurnEnded, Verdict
from app.protocols import tell_link
from app.transcript import Transcript
from app.vendors.codeer.client import Codeer
from tests.vendors.codeer.test_decode import SUCCESS
from tests.vendors.scripted import Act, Scripted, Ticking, answer, events, raw, reset, silence

KEY = "cdr-canary-0123456789"
CHAT = Conversation("70112", agent_id="agent-1", external_user_id="potter-9")
PROMPT = Prompt("k1", "Is the kiln free on Monday?", after="900")
USER = {"id": 901, "group_id": "cvg-aa", "role": "user", "content": PROMPT.text, "meta": {}}
ANSWER = {
    "id": 902,
    "group_id": "cvg-aa",
    "role": "assistant",
    "content": "<tool id=call_7>x</tool>Yes, 窯 from 10:00.",
    "meta": {},
}


def listing(*rows: Any, total: int | None = -1, offset: int = 0, **more: Any) -> str:
    pagination = {"limit": 200, "offset": offset, "total_records": len(rows) if total == -1 else total, **more}
    return json.dumps({"data": rows, "error_code": 0, "pagination": None if total is None else pagination})


STORED = answer(listing({"id": 900, "role": "system", "content": ""}, USER, ANSWER))


def client(
    base: str, ticking: Ticking | None = None, transport: httpx.AsyncBaseTransport | None = None, **options: Any
) -> Codeer:
    profile = Profile("p", "codeer", base, external_user_id="potter-9", options=options)
    return Codeer(profile, KEY, clock=(ticking or Ticking()).clock, transport=transport)


async def gather(stream: AsyncIterator[Event]) -> list[Event]:
    return [event async for event in stream]


def posts(server: Scripted) -> list[dict[str, Any]]:
    return [json.loads(body) for head, body in server.requests if head.startswith("POST")]


async def test_the_message_as_the_contract_has_it() -> None:
    async with Scripted([events(SUCCESS), STORED]).running() as server:
        codeer = client(server.base)
        got = await gather(codeer.send(CHAT, Prompt("k1", "窯?", (Attachment("a", id="uuid-1"),))))
        await codeer.aclose()
    (head, body), (look, _) = server.requests
    assert head.startswith("POST /api/v1/chats/70112/messages HTTP/1.1\r\n")
    assert f"x-api-key: {KEY}" in head and "content-type: application/json" in head and "authorization" not in head.lower()
    assert "idempotency-key" not in head.lower() and "cookie" not in head.lower()
    assert json.loads(body) == {
        "message": "窯?",
        "stream": True,
        "agent_id": "agent-1",
        "external_user_id": "potter-9",
        "attached_file_uuids": ["uuid-1"],
    }
    assert "external_user_id=potter-9" in look.split("\r\n")[0]
    assert isinstance(got[0], Prompted) and got[0].prompt_id == "901"
    assert got[-1] == TurnEnded(stop=Stop.DONE, message_id="902")


async def test_a_lingering_server_does_not_hold_the_turn() -> None:
    lasting = SUCCESS.split(b"data: [DONE]")[0]
    late_title = b'event: response.chat.title.updated\ndata: {"name": "Late"}\n\n'
    async with Scripted([events(lasting, 0.02, late_title, then=silence)], last=silence).running() as server:
        codeer = client(server.base)
        transcript, began, done_at = Transcript(), time.monotonic(), 0.0
        transcript.begin("k1", PROMPT.text)
        codeer._totals["70112"] = 3
        async for event in codeer.send(CHAT, PROMPT):
            transcript.apply(event)
            if isinstance(event, PartDone):
                done_at = time.monotonic() - began
        assert done_at < 0.15 and time.monotonic() - began < 2.6
        assert transcript.title == "Late" and transcript.turns[0].stop is Stop.DONE and transcript.turns[0].message_id == ""
        await codeer.aclose()


@pytest.mark.parametrize("cut", range(0, len(SUCCESS), 61))
async def test_a_cut_anywhere_is_unknown_until_the_answer_was_whole(cut: int) -> None:
    whole = SUCCESS.index(b"\n\ndata: [DONE]") + 2
    async with Scripted([events(SUCCESS[:cut], 0.002, then=reset)], last=STORED).running() as server:
        codeer, transcript = client(server.base), Transcript()
        transcript.begin("k1", PROMPT.text)
        try:
            async for event in codeer.send(CHAT, PROMPT):
                transcript.apply(event)
        except OutcomeUnknown as error:
            assert cut < whole
            assert error.sent is (True if b"response.created" in SUCCESS[:cut] and b"\n\n" in SUCCESS[:cut] else None)
            transcript.turns[0].stop = None
            async for event in codeer.settle(CHAT, PROMPT, transcript.turns[0].prompt_id):
                transcript.apply(event)
        else:
            assert cut >= whole
        (turn,) = transcript.turns
        assert turn.answer == "Yes, 窯 from 10:00." and turn.stop is Stop.DONE and turn.message_id == "902"
        assert len(posts(server)) == 1
        await codeer.aclose()


LOST: list[Act] = [
    reset,
    raw(),
    raw(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"),
    answer("{}", 502),
    answer("", 500),
]
LOST += [answer("<html>", 504, content_type="text/html"), answer("{}", 408), silence, answer("", 200), raw(b"junk\r\n\r\n")]


@pytest.mark.parametrize("act", LOST, ids=range(len(LOST)))
@pytest.mark.parametrize("streams", [True, False])
async def test_nothing_is_ever_sent_twice(act: Act, streams: bool) -> None:
    async with Scripted([], last=act).running() as server:
        codeer, ticking = client(server.base, ticking := Ticking(), idle=0.15, stream=streams), ticking
        with pytest.raises(VendorError) as caught:
            await gather(codeer.send(CHAT, PROMPT))
        assert len(server.requests) == 1 and caught.value.sent is None and ticking.waits == []
        if act is not silence:
            with pytest.raises(VendorError) as caught:
                await codeer.start("agent-1")
            assert len(server.requests) == 2 and caught.value.sent is None
        await codeer.aclose()


async def test_a_creation_without_a_name_is_unknown() -> None:
    async with Scripted([answer('{"data": {}, "error_code": 0}')]).running() as server:
        codeer = client(server.base)
        with pytest.raises(Protocol) as caught:
            await codeer.start("agent-1")
        assert caught.value.sent is None
        await codeer.aclose()


@pytest.mark.parametrize(
    ("act", "kind", "words"),
    [
        (answer('{"error_code":14103,"message":"no"}', 403), Forbidden, "potter-9.*whitelist"),
        (answer('{"error_code":10001,"message":"bad key"}', 400), KeyRefused, "bad key"),
        (answer("", 401), KeyRefused, "key"),
        (answer('{"error_code":10001}', 403), Forbidden, "permission"),
        (
            answer('{"error_code":10003,"message":"Agent version not found"}', 404),
            NotFound,
            "published version.*Agent version not found",
        ),
        (
            answer('{"message":"Invalid","data":{"errors":[{"field":"message","message":"too long"}]}}', 422),
            Refused,
            "message: too long",
        ),
        (answer('{"data":null,"error_code":10006,"message":"bad"}'), Refused, "bad"),
        (answer('{"error_code":10005,"message":"boom"}'), OutcomeUnknown, "boom"),
        (answer(f'{{"error_code":10006,"message":"your key {KEY} is bad"}}', 400), Refused, r"\*\*\*6789"),
        (answer("<html>sign in</html>", 200, content_type="text/html"), Protocol, "HTML"),
        (answer("", 307, location="https://evil.example/"), Protocol, "evil.example"),
    ],
)
async def test_refusals_before_the_stream(act: Act, kind: type[VendorError], words: str) -> None:
    async with Scripted([], last=act).running() as server:
        codeer = client(server.base)
        with pytest.raises(kind, match=words) as caught:
            await gather(codeer.send(CHAT, PROMPT))
        assert len(server.requests) == 1 and KEY not in str(caught.value) and caught.value.__context__ is None
        await codeer.aclose()


async def test_rate_limits_six_times() -> None:
    async with Scripted([answer("{}", 429)] * 3 + [events(SUCCESS), STORED], last=answer("{}", 429)).running() as server:
        codeer, ticking = client(server.base, ticking := Ticking()), ticking
        await gather(codeer.send(CHAT, PROMPT))
        assert len(posts(server)) == 4 and [round(wait) for wait in ticking.waits] == [1, 2, 5]
        server.requests.clear()
        with pytest.raises(RateLimited):
            await gather(codeer.send(CHAT, PROMPT))
        assert len(server.requests) == 6 and 23 < sum(ticking.waits[3:]) < 39
        await codeer.aclose()


async def test_content_type_decides() -> None:
    for text in ('"Yes"', '{"final_text": "Yes"}', '{"content": "Yes"}'):
        async with Scripted([answer(f'{{"data": {text}, "error_code": 0, "message": null}}'), STORED]).running() as server:
            codeer = client(server.base)
            got = await gather(codeer.send(CHAT, PROMPT))
            assert [type(event) for event in got] == [Prompted, PartDone, Prompted, TurnEnded]
            assert isinstance(got[1], PartDone) and got[1].text == "Yes"
            assert isinstance(got[2], Prompted) and (got[2].prompt_id, got[2].group, got[2].key) == ("901", "cvg-aa", "k1")
            await codeer.aclose()
    async with Scripted([answer('{"data": null, "error_code": 0}'), reset, reset, reset, reset]).running() as server:
        codeer = client(server.base, stream=False)
        got = await gather(codeer.send(CHAT, PROMPT))
        assert posts(server)[0]["stream"] is False and isinstance(got[1], PartDone) and got[1].text == ""
        assert isinstance(got[-1], TurnEnded) and got[-1].stop is Stop.DONE and got[-1].message_id == ""
        await codeer.aclose()
    async with Scripted([events(SUCCESS), STORED]).running() as server:
        codeer = client(server.base, stream=False)
        assert any(isinstance(event, PartDone) for event in await gather(codeer.send(CHAT, PROMPT)))
        await codeer.aclose()


async def test_leaving_a_turn_closes_its_connection() -> None:
    async with Scripted([], last=events(SUCCESS[:900], then=silence)).running() as server:
        codeer = client(server.base)
        stream = codeer.send(CHAT, PROMPT)
        await stream.__anext__()
        began = time.monotonic()
        await stream.aclose()
        assert time.monotonic() - began < 0.2
        await codeer.aclose()


async def test_a_key_in_the_stream_is_not_shown() -> None:
    act = events(f'event: error\ndata: {{"message": "bad key {KEY}", "code": 1}}\n\n'.encode())
    async with Scripted([act]).running() as server:
        codeer = client(server.base)
        got = await gather(codeer.send(CHAT, PROMPT))
        assert isinstance(got[-1], TurnEnded) and got[-1].failure is not None and "***6789" in got[-1].failure.message
        assert KEY not in repr(got)
        await codeer.aclose()


# --- lists -------------------------------------------------------------------------------------------------------------------


class Lists:
    """Serves rows by offset and limit, with whatever is wrong with it."""

    def __init__(
        self, count: int, *, cap: int = 1000, pagination: bool = True, deaf: bool = False, total: Any = None, echo: Any = None
    ):
        self.rows = [{"id": 1000 - number, "role": "user", "content": "x", "name": f"n{number}"} for number in range(count)]
        self.cap, self.pagination, self.deaf, self.total, self.echo = cap, pagination, deaf, total, echo
        self.calls: list[dict[str, str]] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        query = dict(request.url.params)
        self.calls.append(query)
        offset, limit = (0 if self.deaf else int(query["offset"])), min(self.cap, int(query["limit"]))
        rows = self.rows[offset : offset + limit]
        total = len(self.rows) if self.total is None else self.total(len(self.calls))
        told = {"limit": limit, "offset": offset if self.echo is None else self.echo, "total_records": total}
        envelope = {"data": rows, "error_code": 0, "message": None, "pagination": told if self.pagination else None}
        return httpx.Response(200, json=envelope)


async def every(lists: Lists, limit: int = 5) -> list[str]:
    codeer = client("https://api.example/api/v1", transport=httpx.MockTransport(lists))
    found, after = [], ""
    for _ in range(50):
        page = await codeer.conversations(after, limit=limit)
        found += [one.id for one in page.items]
        after = page.next
        if not after:
            return found
    raise AssertionError("the list has no end")


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 10, 11])
@pytest.mark.parametrize("pagination", [True, False])
@pytest.mark.parametrize("cap", [1000, 3])
async def test_lists_to_their_end(count: int, pagination: bool, cap: int) -> None:
    if not pagination and cap == 3:
        return
    lists = Lists(count, pagination=pagination, cap=cap)
    assert await every(lists) == [str(1000 - number) for number in range(count)]
    assert len(lists.calls) <= count // min(5, cap) + 2
    assert all(call["order_by"] == "-created_at" and call["external_user_id"] == "potter-9" for call in lists.calls)


@pytest.mark.parametrize("wrong", [{"deaf": True}, {"deaf": True, "echo": 0}, {"deaf": True, "pagination": False}, {"echo": 3}])
async def test_a_server_that_ignores_the_offset(wrong: dict[str, Any]) -> None:
    with pytest.raises(Protocol):
        await every(Lists(12, **wrong))
    with pytest.raises(Protocol):
        await gather(client("https://a.example/api/v1", transport=httpx.MockTransport(Lists(500, **wrong))).history(CHAT))


async def test_totals_that_change() -> None:
    assert len(await every(Lists(11, total=lambda call: 11 + call))) == 11
    assert len(await every(Lists(11, total=lambda call: 11 - call))) == 10
    assert len(await every(Lists(11, total=lambda call: 999))) == 11


async def test_history_of_many_pages() -> None:
    lists = Lists(450)
    got = await gather(client("https://api.example/api/v1", transport=httpx.MockTransport(lists)).history(CHAT))
    assert len(got) == 450 and len(lists.calls) == 3


async def test_history_keeps_what_it_cannot_pair() -> None:
    rows = [
        {"id": 1, "role": "system", "content": ""},
        {"id": 2, "role": "assistant", "content": "Welcome"},
        {"id": "3", "role": "user", "content": "a", "group_id": "g"},
        {"id": 4, "role": "assistant", "content": "first", "group_id": "g"},
        {"id": 5, "role": "assistant", "content": "second", "group_id": "g", "meta": {"token_usage": {"total_tokens": "7"}}},
        {"id": 6, "role": "user", "content": None, "attached_files": [{"uuid": "u", "original_name": "pot.png", "url": "x"}]},
    ]
    async with Scripted([answer(listing(*rows))]).running() as server:
        codeer, transcript = client(server.base), Transcript()
        async for event in codeer.history(CHAT):
            transcript.apply(event)
            assert event.wire.id == "" and event.wire.type.startswith("message.")
        await codeer.aclose()
    greeting, asked, waiting = transcript.turns
    assert greeting.answer == "Welcome" and asked.answer == "first\n\nsecond" and asked.message_id == "5"
    assert asked.usage is not None and asked.usage.total_tokens == 7
    assert waiting.stop is None and waiting.attachments[0].name == "pot.png" and waiting.attachments[0].id == "u"


# --- settling ----------------------------------------------------------------------------------------------------------------


async def test_settling_waits_for_an_answer_that_is_not_there_yet() -> None:
    running = {**ANSWER, "content": None}
    script = [answer(listing()), answer(listing(USER)), answer(listing(USER, running)), answer(listing(USER)), STORED]
    async with Scripted(script).running() as server:
        codeer, ticking = client(server.base, ticking := Ticking()), ticking
        told: list[LinkState] = []
        tell_link.set(lambda link: told.append(link.state))
        got = await gather(codeer.settle(CHAT, PROMPT))
        assert isinstance(got[0], Prompted) and (got[0].key, got[0].prompt_id) == ("k1", "901")
        assert got[-1].__class__ is TurnEnded and ticking.waits == [1, 1, 2, 4] and set(told) == {LinkState.CHECKING}
        assert all(head.startswith("GET") for head, _ in server.requests)
        await codeer.aclose()


async def test_settling_gives_up_honestly() -> None:
    async with Scripted([], last=answer(listing({**USER, "id": 899}))).running() as server:
        codeer, ticking = client(server.base, ticking := Ticking()), ticking
        with pytest.raises(NotFound) as missing:
            await gather(codeer.settle(CHAT, PROMPT))
        assert missing.value.sent is None and ticking.waits == [1, 2, 3, 4]
        await codeer.aclose()
    async with Scripted([], last=answer(listing(USER))).running() as server:
        codeer, ticking = client(server.base, ticking := Ticking()), ticking
        with pytest.raises(OutcomeUnknown) as late:
            await gather(codeer.settle(CHAT, PROMPT, "901"))
        assert late.value.sent is True and 240 <= sum(ticking.waits) < 250
        await codeer.aclose()
    codeer = client("http://127.0.0.1:1/api/v1")
    with pytest.raises(Unavailable) as offline:
        await gather(codeer.settle(CHAT, PROMPT))
    assert offline.value.sent is None


@pytest.mark.parametrize(
    ("rows", "prompt", "prompt_id", "found"),
    [
        ([USER, ANSWER], PROMPT, "901", "902"),
        ([{**USER, "id": "901"}, ANSWER], PROMPT, "901", "902"),
        ([USER, ANSWER], Prompt("k", "other words"), "901", "902"),
        ([USER, ANSWER], Prompt("k", PROMPT.text + " "), "", "902"),
        ([{**USER, "id": 10}, {**ANSWER, "id": 11}], Prompt("k", PROMPT.text, after="9"), "", "11"),
        ([{**USER, "id": 10}, {**ANSWER, "id": 11}], Prompt("k", PROMPT.text, after="10"), "", ""),
        ([USER, ANSWER], Prompt("k", PROMPT.text, after="x-1"), "", "902"),
        ([{**USER, "group_id": None}, {**ANSWER, "group_id": None}], PROMPT, "", "902"),
        ([USER, {**USER, "id": 903, "group_id": "b"}, ANSWER, {**ANSWER, "id": 904, "group_id": "b"}], PROMPT, "", "902"),
        ([USER, {**USER, "id": 903, "group_id": "b"}, ANSWER, {**ANSWER, "id": 904, "group_id": "b"}], PROMPT, "903", "904"),
    ],
)
async def test_finding_one_prompt_among_rows(rows: list[Any], prompt: Prompt, prompt_id: str, found: str) -> None:
    async with Scripted([], last=answer(listing(*rows))).running() as server:
        codeer = client(server.base)
        try:
            ended = (await gather(codeer.settle(CHAT, prompt, prompt_id)))[-1]
        except NotFound:
            assert found == ""
        else:
            assert isinstance(ended, TurnEnded) and ended.message_id == found
        await codeer.aclose()


async def test_the_end_of_a_long_chat_is_read_in_few_requests() -> None:
    lists = Lists(900)
    codeer = client("https://api.example/api/v1", transport=httpx.MockTransport(lists))
    for calls in (2, 1):
        lists.calls.clear()
        rows = await codeer._tail(CHAT)
        assert rows[-1] == lists.rows[-1] and len(lists.calls) == calls
    endless = Lists(450, pagination=False)
    rows = await client("https://api.example/api/v1", transport=httpx.MockTransport(endless))._tail(CHAT)
    assert rows[-1] == endless.rows[-1]


# --- the other writes --------------------------------------------------------------------------------------------------------


async def test_the_bodies_of_the_other_writes(tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("# hi")
    ok = answer('{"data": null, "error_code": 0}')
    file = answer('{"data": {"uuid": "u-1", "original_name": "note.md", "file_url": "https://files.example/x"}, "error_code": 0}')
    made = answer('{"data": {"id": 5, "name": "New conversation", "meta": {}}, "error_code": 0}')
    async with Scripted([ok, ok, file, made]).running() as server:
        codeer = client(server.base)
        await codeer.rate(CHAT, "902", Verdict.UP, "good")
        await codeer.rename(CHAT, "n" * 300)
        attachment = await codeer.upload(note)
        conversation = await codeer.start("agent-1", external_user_id="other")
        await codeer.aclose()
    (rate, rating), (rename, name), (upload, form), (_, chat) = server.requests
    assert rate.startswith("POST /api/v1/chats/70112/messages/902/feedbacks ")
    assert json.loads(rating) == {"type": "sys_helpful", "content": "good", "external_user_id": "potter-9"}
    assert rename.startswith("PUT /api/v1/chats/70112 ") and json.loads(name) == {
        "name": "n" * 256,
        "external_user_id": "potter-9",
    }
    assert upload.startswith("POST /api/v1/chats/upload-file ") and b'name="data"\r\n\r\n{"scope": "persistent"}' in form
    assert b'name="file"; filename="note.md"\r\nContent-Type: text/markdown\r\n\r\n# hi' in form
    assert attachment == Attachment("note.md", str(note), "text/markdown", 4, "u-1", "https://files.example/x")
    assert json.loads(chat) == {"name": "New conversation", "agent_id": "agent-1", "external_user_id": "other"}
    assert (conversation.id, conversation.agent_id, conversation.external_user_id) == ("5", "agent-1", "other")


async def test_a_file_of_no_known_type_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "thing.qqq"
    path.write_text("x")
    codeer = client("http://127.0.0.1:1/api/v1")
    with pytest.raises(Refused, match="type"):
        await codeer.upload(path)
    with pytest.raises(Refused, match="was not uploaded"):
        await gather(codeer.send(CHAT, Prompt("k", "x", (Attachment("a"),))))
    with pytest.raises(Refused):
        await codeer.rename(CHAT, " ")


async def test_regenerate_is_one_write() -> None:
    async with Scripted([STORED, events(SUCCESS), STORED]).running() as server:
        codeer = client(server.base)
        got = await gather(codeer.regenerate(CHAT))
        await codeer.aclose()
    assert server.requests[1][0].startswith("POST /api/v1/chats/70112/regenerate ")
    assert posts(server) == [{"agent_id": "agent-1", "stream": True, "external_user_id": "potter-9"}]
    assert isinstance(got[0], Prompted) and got[0].prompt_id == "901" and got[-1] == TurnEnded(stop=Stop.DONE, message_id="902")
    async with Scripted([answer(listing())]).running() as server:
        codeer = client(server.base)
        with pytest.raises(Refused):
            await gather(codeer.regenerate(CHAT))
        await codeer.aclose()


async def test_agents_need_only_an_id() -> None:
    rows = [{"id": "a", "name": "A", "unified_tools": [{"name": "t"}, 5, {}], "suggested_questions": ["q", 1, ""], "version": 4},
            {"id": "b"}, {"name": "none"}, {"id": "a", "name": "again"}, 7]  # fmt: skip
    async with Scripted([], last=answer(json.dumps({"data": rows}))).running() as server:
        codeer = client(server.base)
        first, second = await codeer.agents()
        assert (first.name, first.tools, first.questions, first.version) == ("A", ("t",), ("q",), "4") and second.name == "b"
        assert await codeer.check() == "The key works: 2 published agents."
        await codeer.aclose()


async def test_sources_are_one_folded_line_however_often_they_are_read() -> None:
    told = {**ANSWER, "primary_sources": [{"id": 7, "title": "Booking sheet"}, {"id": "kb-2"}, {}, 5]}
    async with Scripted([], last=answer(listing(USER, told))).running() as server:
        codeer = client(server.base)
        transcript = Transcript()
        for _ in range(2):
            for event in await gather(codeer.history(CHAT)):
                transcript.apply(event)
        await codeer.aclose()
    (turn,) = transcript.turns
    (part,) = [one for one in turn.parts if one.name == "sources"]
    assert part.summary == "Booking sheet; kb-2" and part.output == '[{"id": 7, "title": "Booking sheet"}, {"id": "kb-2"}]'
    assert turn.answer == "Yes, 窯 from 10:00." and turn.message_id == "902"
