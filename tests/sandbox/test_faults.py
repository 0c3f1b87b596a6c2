import asyncio

import httpx
import pytest

from app.sandbox.faults import Fault, Faults, below_base
from app.sandbox.steps import tokens
from tests.servers import codeer_client, ledger

METRONOME = "b0a7c1de-0003-4c1d-9a3e-5d6f00000003"
PARROT = "b0a7c1de-0002-4c1d-9a3e-5d6f00000002"
POST = "POST /chats/*/messages"


async def begin(client):
    return (await client.post("/chats", json={"name": "a chat", "agent_id": PARROT})).json()["data"]["id"]


async def send(client, one, text="one two three four", *, agent=PARROT):
    """The bytes of the stream, and the error that ended it."""
    found = b""
    try:
        async with client.stream("POST", f"/chats/{one}/messages", json={"message": text, "agent_id": agent}) as response:
            async for piece in response.aiter_raw():
                found += piece
    except httpx.TransportError as error:
        return found, error
    return found, None


async def settled(sandbox, one, count):
    """The rows of a chat once there are ``count`` of them."""
    for _ in range(400):
        rows = sandbox.world.section("codeer")["chats"][str(one)]["rows"]
        if len(rows) == count:
            return rows
        await asyncio.sleep(0.005)
    raise AssertionError(f"{len(rows)} rows, not {count}")


def test_the_match_is_method_and_path_with_one_star_a_segment():
    fault = Fault.parse({"match": "POST /chats/*/messages", "fault": "html"})
    assert fault.fits("codeer", "POST", "/chats/7/messages")
    assert not fault.fits("codeer", "GET", "/chats/7/messages")
    assert not fault.fits("codeer", "POST", "/chats/7/8/messages")
    assert not fault.fits("codeer", "POST", "/chats/7/messages/9")
    narrow = Fault.parse({"fault": "html", "vendor": "qoder"})
    assert narrow.fits("qoder", "GET", "/anything") and not narrow.fits("codeer", "GET", "/anything")


def test_paths_below_the_base():
    assert below_base("/api/v1/chats/1") == ("codeer", "/chats/1")
    assert below_base("/api/v2/chats") == ("codeer", "/chats")
    assert below_base("/api/v1/cloud/sessions") == ("qoder", "/sessions")
    assert below_base("/api/v1/cloudy") == ("codeer", "/cloudy")
    assert below_base("/sandbox/ledger") == ("", "/sandbox/ledger")


def test_times_skip_and_for_ever():
    faults = Faults()
    faults.add({"fault": "html", "times": 2, "skip": 1})
    taken = [faults.take("codeer", "GET", "/chats") is not None for _ in range(4)]
    assert taken == [False, True, True, False]
    faults.add({"fault": "html", "times": 0})
    assert all(faults.take("codeer", "GET", "/x") for _ in range(5))
    faults.clear()
    assert faults.take("codeer", "GET", "/x") is None


@pytest.mark.parametrize(
    ("order", "status", "code"),
    [
        ({"fault": "status", "status": 503}, 503, 10005),
        ({"fault": "status", "code": 404}, 404, 10003),
        ({"fault": "status", "status": 403, "code": 14103}, 403, 14103),
        ({"fault": "status"}, 500, 10005),
        ({"fault": "rate_limit", "retry_after": 3}, 429, 10429),
    ],
)
async def test_status_in_the_vendors_envelope(sandbox, order, status, code):
    sandbox.world.faults.add({**order, "match": "GET /chats"})
    async with codeer_client(sandbox) as client:
        refused = await client.get("/chats")
        assert refused.status_code == status and refused.json()["error_code"] == code and refused.json()["data"] is None
        assert refused.headers.get("retry-after") == (str(order["retry_after"]) if "retry_after" in order else None)
        assert (await client.get("/chats")).status_code == 200


async def test_a_body_of_ones_own_html_redirect_and_delay(sandbox):
    async with codeer_client(sandbox) as client:
        for order in (
            {"fault": "status", "status": 200, "body": {"error_code": 10006, "message": "no", "data": None}},
            {"fault": "html"},
            {"fault": "redirect", "location": "http://127.0.0.1:9/x"},
            {"fault": "delay", "seconds": 0.02},
        ):
            sandbox.world.faults.add(order)
        assert (await client.get("/chats")).json()["error_code"] == 10006
        page = await client.get("/chats")
        assert page.status_code == 502 and page.headers["content-type"].startswith("text/html")
        away = await client.get("/chats")
        assert away.status_code == 307 and away.headers["location"] == "http://127.0.0.1:9/x"
        began = asyncio.get_running_loop().time()
        assert (await client.get("/chats")).status_code == 200
        assert asyncio.get_running_loop().time() - began >= 0.02


async def test_drop_before_stores_nothing_and_resets(sandbox):
    async with codeer_client(sandbox) as client:
        one = await begin(client)
        sandbox.world.faults.add({"match": POST, "fault": "drop_before"})
        found, error = await send(client, one)
        assert found == b"" and isinstance(error, httpx.ReadError)
        assert ledger(sandbox, "prompt") == []


@pytest.mark.parametrize("stream", [True, False])
async def test_drop_after_store_has_it_and_answers_nothing(sandbox, stream):
    async with codeer_client(sandbox) as client:
        one = await begin(client)
        sandbox.world.faults.add({"match": POST, "fault": "drop_after_store"})
        with pytest.raises(httpx.ReadError):
            await client.post(f"/chats/{one}/messages", json={"message": "kept", "agent_id": PARROT, "stream": stream})
        rows = await settled(sandbox, one, 3)
        assert [row["content"] for row in rows] == ["", "kept", "kept"]
        assert len(ledger(sandbox, "prompt")) == 1


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
async def test_drop_after_events_delivers_exactly_n_and_the_answer_is_stored(sandbox, n):
    async with codeer_client(sandbox) as client:
        one = await begin(client)
        sandbox.world.faults.add({"match": POST, "fault": "drop_after_events", "n": n})
        found, error = await send(client, one)
        assert found.count(b"\n\n") == n and isinstance(error, httpx.ReadError)
        assert (await settled(sandbox, one, 3))[2]["content"] == "one two three four"


async def test_drop_after_events_of_a_long_answer_that_nobody_hears(sandbox):
    async with codeer_client(sandbox) as client:
        one = await begin(client)
        sandbox.world.faults.add({"match": POST, "fault": "drop_after_events", "n": 100})
        found, error = await send(client, one, "stream 20000", agent=METRONOME)
        assert found.count(b"\n\n") == 100 and error is not None
        assert len((await settled(sandbox, one, 3))[2]["content"]) == 80000


async def test_stall_keeps_the_line_open_and_stores_the_answer(sandbox):
    async with codeer_client(sandbox) as client:
        one = await begin(client)
        sandbox.world.faults.add({"match": POST, "fault": "stall", "n": 2})
        body = {"message": "stream 20000", "agent_id": METRONOME}
        async with client.stream("POST", f"/chats/{one}/messages", json=body) as response:
            pieces = response.aiter_raw()
            found = await anext(pieces)
            while found.count(b"\n\n") < 2:
                found += await anext(pieces)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(pieces), 0.05)
            assert len((await settled(sandbox, one, 3))[2]["content"]) == 80000
            assert found.count(b"\n\n") == 2


async def test_slice_changes_no_byte(sandbox):
    async with codeer_client(sandbox) as client:
        one = await begin(client)
        sandbox.world.faults.add({"match": POST, "fault": "slice", "n": 3})
        found, error = await send(client, one, "速度 naïve 👩‍🚀 text")
        assert error is None and found.endswith(b"data: [DONE]\n\n")
        assert '"final_text":"速度 naïve 👩‍🚀 text"'.encode() in found


@pytest.mark.parametrize(
    ("order", "check"),
    [
        ({"fault": "truncate_frame", "n": 3}, lambda found: found.count(b"\n\n") == 3 and not found.endswith(b"\n\n")),
        ({"fault": "bad_json", "n": 2}, lambda found: b"tru, " in found and found.endswith(b"[DONE]\n\n")),
        ({"fault": "error_event", "n": 3}, lambda found: b'"code":10005' in found and b"completed" not in found),
        ({"fault": "no_terminal_event"}, lambda found: b"completed" not in found and found.endswith(b"[DONE]\n\n")),
        ({"fault": "unknown_events"}, lambda found: b"weather" in found and b"completed" in found),
        ({"fault": "duplicate_events", "n": 3}, lambda found: found.count(b"event: response.created") == 2),
    ],
)
async def test_faults_of_the_stream(sandbox, order, check):
    async with codeer_client(sandbox) as client:
        one = await begin(client)
        sandbox.world.faults.add({"match": POST, **order})
        found, error = await send(client, one)
        assert error is None and check(found), found
        await settled(sandbox, one, 3)
        found, error = await send(client, one, "again")
        assert error is None and b'"final_text":"again"' in found


def test_tokens_are_four_characters():
    assert tokens("abcdefghij") == ["abcd", "efgh", "ij"]
