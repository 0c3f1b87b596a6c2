"""Batches and forms: each route through our client, against the sandbox, and against the contract's own words on the wire."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.batch_models import Batch, BatchState, Item, Result, Webhook
from app.clock import Clock
from app.errors import Forbidden, NotFound, OutcomeUnknown, Protocol, Refused, VendorError
from app.models import Answer, Answered, Conversation, Profile, Prompt, Prompted, RequestKind, Stop, TurnEnded
from app.protocols import Batches
from app.sandbox.server import Ready
from app.transcript import Transcript
from app.vendors.codeer.client import Codeer
from tests.servers import ledger
from tests.vendors.codeer.test_client import CHAT, KEY, client, gather
from tests.vendors.codeer.test_decode import SUCCESS
from tests.vendors.scripted import Scripted, answer, events, reset

AGENT = "3f0c8a52-71de-4b0e-9a55-0c1d2e3f4a5b"
FILE = "77770000-0000-4000-8000-000000000001"
ITEMS = (
    Item("row-1", "Glaze for stoneware?", external_user_id="potter-9", name="Glaze Q"),
    Item("row-2", "And for porcelain?", external_user_id="ada", history_id="70112", files=(FILE,)),
)
HOOK = Webhook("https://hooks.example/codeer", ("completed", "failed", "cancelled"), "s3cr3t", True)
REQUEST = {
    "agent_id": AGENT,
    "requests": [
        {"custom_id": "row-1", "message": "Glaze for stoneware?", "external_user_id": "potter-9", "name": "Glaze Q"},
        {"custom_id": "row-2", "message": "And for porcelain?", "external_user_id": "ada", "history_id": 70112,
         "attached_file_uuids": [FILE]}],
    "webhook": {"url": "https://hooks.example/codeer", "events": ["completed", "failed", "cancelled"], "secret": "s3cr3t"},
}  # fmt: skip
ONE = """{"error_code": 0, "message": null, "data": {"id": "b-0007", "status": "processing", "total_requests": 2,
  "completed_requests": 1, "failed_requests": 0, "created_at": "2026-03-01T09:00:00Z", "completed_at": null}}"""
RESULTS = """{"error_code": 0, "data": [
  {"custom_id": "row-2", "status": "completed", "history_id": 70112, "response": "A clear gloss."},
  {"custom_id": "row-1", "status": "failed", "error": "Agent version not found", "response": null}],
 "pagination": {"limit": 50, "offset": 0, "total_records": 2, "total_pages": 1, "current_page": 1, "next_page": null,
 "prev_page": null}}"""


# --- the contract's words -----------------------------------------------------------------------------------------------------


async def test_creating_sends_the_contract_s_body() -> None:
    async with Scripted([answer(ONE)]).running() as server:
        codeer = client(server.base)
        made = await codeer.create_batch(AGENT, ITEMS, HOOK)
        await codeer.aclose()
    (head, body) = server.requests[0]
    assert head.startswith("POST /api/v1/batches ") and f"x-api-key: {KEY}" in head.lower()
    assert json.loads(body) == REQUEST
    assert (made.id, made.state, made.word, made.total, made.done, made.failed) == (
        "b-0007",
        BatchState.RUNNING,
        "processing",
        2,
        1,
        0,
    )
    shown = client("http://127.0.0.1:1/api/v1").batch_body(AGENT, ITEMS, HOOK)
    assert "s3cr3t" not in json.dumps(shown) and json.loads(json.dumps(shown))["requests"] == REQUEST["requests"]


async def test_reading_cancelling_and_listing_as_the_contract_has_them() -> None:
    listing = ONE.replace('"data": {', '"data": [{').replace("null}}", 'null}], "pagination": null}')
    over = answer(ONE.replace("processing", "completed"))
    gone = answer('{"error_code": 10006, "message": "Batch is already completed", "data": null}', 400)
    null = answer('{"error_code": 0, "data": null}')
    cancelled = answer(ONE.replace("processing", "cancelled"))
    async with Scripted([answer(ONE), answer(listing), answer(RESULTS), gone, over, null, cancelled]).running() as server:
        codeer = client(server.base)
        assert (await codeer.batch("b-0007")).created_at == "2026-03-01T09:00:00Z"
        page = await codeer.batches(limit=7)
        assert [one.id for one in page.items] == ["b-0007"] and page.next == ""
        results = await codeer.batch_results("b-0007")
        assert results.items == (
            Result("row-2", True, "A clear gloss.", "70112"),
            Result("row-1", False, error="Agent version not found"),
        )
        assert (await codeer.cancel_batch("b-0007")).state is BatchState.COMPLETED
        assert (await codeer.cancel_batch("b-0007")).state is BatchState.CANCELLED
        await codeer.aclose()
    lines = [head.partition(" HTTP")[0] for head, _ in server.requests]
    assert lines == [
        "GET /api/v1/batches/b-0007", "GET /api/v1/batches?limit=7&offset=0",
        "GET /api/v1/batches/b-0007/results?limit=500&offset=0",
        "POST /api/v1/batches/b-0007/cancel", "GET /api/v1/batches/b-0007", "POST /api/v1/batches/b-0007/cancel",
        "GET /api/v1/batches/b-0007",
    ]  # fmt: skip
    assert json.loads(server.requests[3][1]) == {}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"batch_id": 7, "state": "Succeeded", "total_count": 3, "completed_count": 3}, ("7", BatchState.COMPLETED, 3, 3, None)),
        ({"uuid": "u", "status": "EXPIRED", "request_counts": {"total": 2, "failed": 2}}, ("u", BatchState.FAILED, 2, None, 2)),
        ({"id": "b", "status": "canceled", "total": 1}, ("b", BatchState.CANCELLED, 1, None, None)),
        ({"id": "b", "status": "partially_completed", "failed": 1}, ("b", BatchState.COMPLETED, None, None, 1)),
        ({"id": "b", "status": "levitating"}, ("b", BatchState.RUNNING, None, None, None)),
        ({"id": "b"}, ("b", BatchState.RUNNING, None, None, None)),
    ],
)
async def test_other_names_for_the_same(row: dict[str, Any], expected: tuple[Any, ...]) -> None:
    async with Scripted([answer(json.dumps({"data": row, "error_code": 0}))]).running() as server:
        codeer = client(server.base)
        found: Batch = await codeer.batch("b")
        await codeer.aclose()
    assert (found.id, found.state, found.total, found.done, found.failed) == expected


@pytest.mark.parametrize(
    "data",
    [
        [{"custom_id": "a", "output": "x", "chat_id": 5}],
        {"results": [{"custom_id": "a", "result": {"final_text": "x"}, "history_id": "5"}]},
        [{"custom_id": "a", "response": {"content": "x"}, "chat_id": 5, "status": "done"}, {"no": "name"}],
    ],
)
async def test_results_in_three_wrappings(data: Any) -> None:
    async with Scripted([answer(json.dumps({"data": data, "error_code": 0}))]).running() as server:
        codeer = client(server.base)
        page = await codeer.batch_results("b")
        await codeer.aclose()
    assert page.items == (Result("a", True, "x", "5"),) and page.next == ""


async def test_a_creation_is_never_repeated_in_doubt() -> None:
    unnamed = answer('{"data": {"status": "processing"}, "error_code": 0}')
    for act, kind, sent in (
        (reset, OutcomeUnknown, None),
        (answer("<html>", 502, content_type="text/html"), OutcomeUnknown, None),
        (unnamed, Protocol, None),
        (answer('{"error_code": 10006, "message": "too many", "data": null}', 400), Refused, False),
    ):
        async with Scripted([act]).running() as server:
            codeer = client(server.base)
            with pytest.raises(VendorError) as caught:
                await codeer.create_batch(AGENT, ITEMS)
            await codeer.aclose()
        assert isinstance(caught.value, kind) and caught.value.sent is sent and len(server.requests) == 1


async def test_a_rejected_field_is_named_and_a_user_that_is_not_allowed() -> None:
    fault = {"field": "body.requests.0.message", "message": "Field required", "type": "missing", "input": "secret words"}
    wrong = json.dumps({"message": "Invalid request payload", "data": {"errors": [fault]}})
    refused = '{"error_code": 14103, "message": "not allowed", "data": null}'
    async with Scripted([answer(wrong, 422), answer(refused, 403)]).running() as server:
        codeer = client(server.base)
        with pytest.raises(Refused) as caught:
            await codeer.create_batch(AGENT, ITEMS)
        assert list(caught.value.fields.values()) == ["Field required"] and "secret words" not in str(caught.value)
        with pytest.raises(Forbidden, match="potter-9"):
            await codeer.rename(CHAT, "x")
        await codeer.aclose()


async def test_a_form_is_handed_in_as_the_contract_has_it() -> None:
    data = {"full_name": "Ada K.", "visits": 2, "days": ["mon", "tue"], "start": "2026-03-09"}
    asked = Answer("form_1", RequestKind.FORM, data=data)
    for act in (events(SUCCESS), answer('{"error_code": 0, "data": "Booked."}')):
        async with Scripted([act], last=answer('{"data": [], "error_code": 0}')).running() as server:
            codeer = client(server.base)
            got = await gather(codeer.answer(CHAT, [asked], "k"))
            await codeer.aclose()
        head, body = server.requests[0]
        assert head.startswith("POST /api/v1/chats/70112/form-requests/form_1/submit ")
        assert json.loads(body) == {"data": data, "agent_id": "agent-1", "stream": True, "external_user_id": "potter-9"}
        assert got[0] == Answered(request_id="form_1", allow=True) and isinstance(got[-1], TurnEnded)


async def test_a_form_s_body_is_what_the_profile_says() -> None:
    async with Scripted([answer('{"error_code": 0, "data": "ok"}')], last=answer('{"data": []}')).running() as server:
        codeer = client(server.base, bodies={"form": {"values": "{data}"}})
        await gather(codeer.answer(CHAT, [Answer("f", RequestKind.FORM, data={"a": 1})], "k"))
        await codeer.aclose()
    assert json.loads(server.requests[0][1]) == {"values": {"a": 1}, "external_user_id": "potter-9"}


# --- the sandbox ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def codeer(sandbox: Ready) -> AsyncIterator[Codeer]:
    profile = Profile("demo-codeer", "codeer", sandbox.codeer_base, external_user_id="potter-9")
    vendor = Codeer(profile, sandbox.codeer_key, clock=Clock())
    assert isinstance(vendor, Batches)
    yield vendor
    await vendor.aclose()


async def test_the_five_routes_of_batches(sandbox: Ready, codeer: Codeer) -> None:
    parrot = next(one.id for one in await codeer.agents() if one.name == "Parrot")
    slow = next(one.id for one in await codeer.agents() if one.name == "Metronome")
    made = await codeer.create_batch(parrot, [Item("a", "one"), Item("b", "two", agent_id="nobody")], HOOK)
    while not (made := await codeer.batch(made.id)).state.over:
        continue
    assert (made.state, made.total, made.done, made.failed) == (BatchState.COMPLETED, 2, 1, 1)
    found = {one.custom_id: one for one in (await codeer.batch_results(made.id)).items}
    assert (found["a"].text, found["b"].ok, found["b"].error) == ("one", False, "Agent not found")
    other = await codeer.create_batch(slow, [Item(str(number), "stream 900 at 10") for number in range(20)])
    assert [one.id for one in (await codeer.batches()).items] == [other.id, made.id]
    first = await codeer.batches(limit=1)
    assert [one.id for one in (await codeer.batches(first.next, limit=1)).items] == [made.id]
    assert (await codeer.cancel_batch(other.id)).state is BatchState.CANCELLED
    assert (await codeer.cancel_batch(other.id)).state is BatchState.CANCELLED
    with pytest.raises(NotFound):
        await codeer.batch("b-none")
    assert {entry["external_user_id"] for entry in ledger(sandbox, "prompt")} == {"potter-9"}


async def test_a_form_from_its_question_to_the_end_of_its_turn(sandbox: Ready, codeer: Codeer) -> None:
    intake = next(one.id for one in await codeer.agents() if one.name == "Intake")
    conversation: Conversation = await codeer.start(intake)
    transcript = Transcript()
    transcript.begin("k1", "book the kiln")
    async for event in codeer.send(conversation, Prompt("k1", "book the kiln")):
        transcript.apply(event)
    (request,) = transcript.turns[0].waiting
    values = {field["name"]: _value(field) for field in request.input["fields"]}
    answers = [Answer(request.event_id, RequestKind.FORM, data=values)]
    got = [event async for event in codeer.answer(conversation, answers, "k2")]
    assert isinstance(got[0], Answered) and not isinstance(got[0], Prompted)
    end = got[-1]
    assert isinstance(end, TurnEnded) and end.stop is Stop.DONE
    again = Transcript()
    async for event in codeer.history(conversation):
        again.apply(event)
    assert not again.turns[-1].waiting
    with pytest.raises(Refused):
        await gather(codeer.answer(conversation, [Answer("x", RequestKind.APPROVAL, allow=True)], "k3"))


def _value(field: dict[str, Any]) -> Any:
    options = [option["value"] for option in field.get("options", [])]
    kinds = {"number": 2, "checkbox": options[:2], "date": "2026-03-09"}
    return kinds.get(field["type"], options[0] if options else "Ada K.")
