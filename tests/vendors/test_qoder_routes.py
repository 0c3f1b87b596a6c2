"""Every route of sessions, events, threads and resources: our client against the sandbox, and against literal examples."""

import asyncio
import contextlib
import json
from contextlib import aclosing

import pytest

from app.clock import Clock
from app.errors import Conflict, NotFound, Refused
from app.models import Profile
from app.vendors.qoder import Qoder, bodies
from app.vendors.qoder.sessions import Wanted
from tests.servers import qoder_client, running_sandbox
from tests.vendors.qoder_cuts import ASKED, TOOLS
from tests.vendors.scripted import Scripted, Ticking, answer, events, silence

SCRIBE, PARROT = "agent_sandbox_scribe", "agent_sandbox_parrot"
KEY = "pt-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"


async def hurried(seconds):
    await asyncio.sleep(min(seconds, 0.002))


@contextlib.asynccontextmanager
async def account(**options):
    async with running_sandbox(clock=Clock(sleep=hurried), **options) as ready:
        vendor = Qoder(Profile("q", "qoder", ready.qoder_base), ready.qoder_key, clock=Clock(sleep=hurried))
        try:
            yield ready, vendor
        finally:
            await vendor.aclose()


async def made(vendor, agent=PARROT, **more):
    environment = (await vendor.environments())[0].id
    return (await vendor.sessions.create({"agent": agent, "environment_id": environment, **more}))["id"]


def said(text):
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}


async def every(source):
    return [raw async for raw in source]


async def until(source, kind):
    """The events up to the first of that type."""
    found = []
    async with asyncio.timeout(20), aclosing(source) as raws:
        async for raw in raws:
            found.append(raw)
            if raw["type"] == kind:
                return found
    raise AssertionError(f"no {kind} in {found}")


# --- against the sandbox -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["intl", "cn"])
async def test_a_session_is_created_with_everything_and_lives(dialect):
    async with account(dialect=dialect) as (ready, vendor):
        sessions = vendor.sessions
        async with qoder_client(ready) as client:
            file = (await client.post("/files", files={"file": ("a.csv", b"1,2", "text/csv")})).json()["id"]
            vault = (await client.post("/vaults", json={"display_name": "keys"})).json()["id"]
        agent = {"type": "agent", "id": PARROT, "version": 1}
        repository = {
            "type": "github_repository",
            "url": "https://github.com/acme/app",
            "authorization_token": "ghp_secret",
            "checkout": {"type": "branch", "name": "main"},
        }
        ident = await made(
            vendor,
            agent,
            title="notes for 3.4",
            metadata={"ticket": "REL-34"},
            vault_ids=[vault],
            environment_variables={"CI": "1", "LANG": "C"},
            resources=[{"type": "file", "file_id": file}, repository],
            budget={"type": "limit", "max_credit_cost": "12.50"},
        )
        found = await sessions.get(ident)
        assert found["agent"]["version"] == 1
        assert (found["title"], found["metadata"], found["vault_ids"]) == ("notes for 3.4", {"ticket": "REL-34"}, [vault])
        assert found["environment_variables"] == {"CI": "1", "LANG": "C"}
        assert "ghp_secret" not in json.dumps(found)
        changed = await sessions.update(ident, {"title": None, "metadata": {"ticket": None, "owner": "me"}})
        assert (changed["title"] or "", changed["metadata"]) == ("", {"owner": "me"})
        assert (await sessions.cancel(ident))["status"] == "idle"
        assert (await sessions.archive(ident))["archived_at"]
        with pytest.raises(Conflict):
            await sessions.send(ident, [said("late")])
        assert (await sessions.delete(ident))["type"] == "session_deleted"
        with pytest.raises(NotFound):
            await sessions.get(ident)


@pytest.mark.parametrize("dialect", ["intl", "cn"])
async def test_sessions_are_listed_by_every_filter(dialect):
    async with account(dialect=dialect) as (_, vendor):
        sessions = vendor.sessions
        first, second, third = await made(vendor), await made(vendor, SCRIBE), await made(vendor)
        await sessions.archive(third)
        running = await made(vendor, SCRIBE)
        await sessions.send(running, [said("stream 4000 at 20")])

        async def listed(**wanted):
            return [raw["id"] async for raw in sessions.listed(Wanted(**wanted))]

        assert await listed() == [running, second, first]
        assert await listed(archived=True, oldest_first=True) == [first, second, third, running]
        assert await listed(agent_id=SCRIBE) == [running, second]
        assert await listed(agent_id=SCRIBE, agent_version=2) == []
        assert await listed(statuses=("running",)) == [running]
        assert await listed(statuses=("idle",)) == [second, first]
        assert await listed(created={"gt": "2999-01-01T00:00:00Z"}) == []
        assert await listed(deployment_id="dep_none") == await listed(memory_store_id="memstore_none") == []
        await sessions.cancel(running)


async def test_events_are_sent_listed_and_streamed():
    async with account() as (_, vendor):
        sessions = vendor.sessions
        ident = await made(vendor)
        (receipt,) = await sessions.send(ident, [said("Hello, you")], key="k-1")
        (again,) = await sessions.send(ident, [said("Hello, you")], key="k-1")
        assert again["id"] == receipt["id"], "the same key is the same event"
        heard = await until(sessions.stream(ident, receipt["id"]), "session.status_idle")
        kept = await every(sessions.events(ident, after=receipt["id"]))
        known = [raw["id"] for raw in heard if raw["type"] not in ("event_start", "event_delta")]
        assert known == [raw["id"] for raw in kept][: len(known)]
        assert {raw["type"] for raw in await every(sessions.events(ident, types=("agent.message", "user.message")))} == {
            "agent.message",
            "user.message",
        }
        newest = [raw["id"] async for raw in sessions.events(ident, newest_first=True)]
        assert newest == [raw["id"] for raw in await every(sessions.events(ident))][::-1]
        with pytest.raises(NotFound):
            await every(sessions.events("sess_none"))


async def test_threads_are_listed_read_followed_and_archived():
    async with account() as (_, vendor):
        sessions = vendor.sessions
        worker = await vendor._calls.write("POST", "/agents", {"name": "Worker", "model": "auto"})
        roster = {"type": "coordinator", "agents": [worker["id"], {"type": "self"}]}
        boss = await vendor._calls.write("POST", "/agents", {"name": "B", "model": "auto", "tools": TOOLS, "multiagent": roster})
        ident = await made(vendor, boss["id"])
        await sessions.send(ident, [said(ASKED[0])])
        await until(sessions.stream(ident, (await every(sessions.events(ident)))[0]["id"]), "session.status_idle")
        main, first, second = await every(sessions.threads(ident))
        assert (main["parent_thread_id"], first["parent_thread_id"]) == (None, main["id"])
        assert (await sessions.thread(ident, second["id"]))["agent"]["name"] == "B"
        listed = await every(sessions.thread_events(ident, first["id"]))
        assert "agent.message" in [raw["type"] for raw in listed]
        assert {raw["session_thread_id"] for raw in listed} == {first["id"]}
        stream = sessions.thread_stream(ident, first["id"], listed[0]["id"])
        heard = await until(stream, "session.thread_status_idle")
        assert [raw["id"] for raw in heard] == [raw["id"] for raw in listed[1:]]
        assert (await sessions.archive_thread(ident, first["id"]))["archived_at"]
        with pytest.raises(NotFound):
            await sessions.thread(ident, "sthr_none")


async def test_resources_are_added_rotated_and_removed():
    async with account() as (ready, vendor):
        sessions = vendor.sessions
        async with qoder_client(ready) as client:
            file = (await client.post("/files", files={"file": ("a.csv", b"1,2", "text/csv")})).json()["id"]
        repository = {"type": "github_repository", "url": "https://github.com/acme/app", "authorization_token": "old"}
        ident = await made(vendor, resources=[repository])
        added = await sessions.add_file(ident, file, "/mnt/a.csv")
        assert (added["mount_path"], (await sessions.resource(ident, added["id"]))["file_id"]) == ("/mnt/a.csv", file)
        with pytest.raises(Conflict):
            await sessions.add_file(ident, file)
        code, _ = await every(sessions.resources(ident))
        assert "token" not in json.dumps(await sessions.rotate(ident, code["id"], {"authorization_token": "new"}))
        assert (await sessions.remove(ident, added["id"]))["type"] == "session_resource_deleted"
        assert [raw["id"] for raw in await every(sessions.resources(ident))] == [code["id"]]


@pytest.mark.parametrize("bad", [{"1A": "x"}, {"QODER_X": "x"}, {"USER_ID": "x"}, {"A": "x\ny"}, {"A": "x;B=y"}, {"A": 1}])
def test_variables_that_cannot_be_told_are_refused_here(bad):
    with pytest.raises(Refused) as caught:
        bodies.variables(bad)
    assert caught.value.sent is False


# --- against the contract's own words -------------------------------------------------------------------------------------------

SESSION = {
    "id": "sess_0192cc03",
    "type": "session",
    "status": "idle",
    "agent": {"id": "agent_0192aa01", "type": "agent", "version": 4, "name": "Notes"},
    "environment_id": "env_0192bb02",
    "title": "notes for 3.4",
    "archived_at": None,
    "created_at": "2026-09-02T08:00:00Z",
}
THREAD = {"id": "sthr_1", "type": "session_thread", "session_id": "sess_0192cc03", "parent_thread_id": None, "status": "idle"}
LISTED = (
    '{ "data":[ {"id":"evt_0192dd10","type":"user.message","content":[{"type":"text","text":"List the open tickets."}],'
    '"processed_at":"2026-09-02T08:00:01Z"}, {"id":"evt_0192dd40","type":"session.status_idle",'
    '"stop_reason":{"type":"end_turn"},"processed_at":"2026-09-02T08:00:09Z"} ],'
    '"next_page":null,"first_id":"evt_0192dd10","last_id":"evt_0192dd40","has_more":false }'
)
FRAME = (
    b': heartbeat\n\nid: evt_0192dd60\nevent: session.status_idle\ndata: {"id":"evt_0192dd60","type":"session.status_idle",'
    b'"stop_reason":{"type":"requires_action","event_ids":["evt_0192dd21","evt_0192dd30"]}}\n\n'
)
ENDED = b'id: evt_0192dd61\nevent: session.status_terminated\ndata: {"processed_at":"2026-09-02T08:00:05Z"}\n\n'
S, T, R = "sess_0192cc03", "sthr_1", "sesr_1"


def page(*items):
    return json.dumps({"data": list(items), "has_more": False})


async def first(source):
    async with aclosing(source) as raws:
        return await anext(raws)


CREATED = {
    "agent": {"type": "agent", "id": "agent_0192aa01", "version": 4},
    "environment_id": "env_0192bb02",
    "title": "notes for 3.4",
    "metadata": {"ticket": "REL-34"},
    "vault_ids": ["vault_9"],
    "resources": [{"type": "file", "file_id": "file_55"}],
    "budget": {"type": "limit", "max_credit_cost": "12.50"},
}
CONFIRMED = [
    {"type": "user.tool_confirmation", "tool_use_id": "evt_0192dd21", "result": "allow"},
    {"type": "user.tool_confirmation", "tool_use_id": "evt_0192dd22", "result": "deny", "deny_message": "Production is frozen."},
]
RECEIPTS = json.dumps({"data": [{"id": "evt_0192dd70", "processed_at": None}, {"id": "evt_0192dd71", "processed_at": None}]})
DONE = json.dumps({"id": R, "type": "session_resource_deleted"})
WIRE = {
    "POST /sessions": (lambda s: s.create(CREATED), [answer(json.dumps(SESSION))], CREATED, "id", S),
    "GET /sessions?": (lambda s: first(s.listed(Wanted(agent_id="agent_0192aa01"))), [answer(page(SESSION))], None, "id", S),
    f"GET /sessions/{S}": (lambda s: s.get(S), [answer(json.dumps(SESSION))], None, "title", "notes for 3.4"),
    f"POST /sessions/{S}": (lambda s: s.update(S, {"title": None}), [answer(json.dumps(SESSION))], {"title": None}, "id", S),
    f"POST /sessions/{S}/cancel": (
        lambda s: s.cancel(S),
        [answer(json.dumps({"id": S, "type": "session", "status": "canceling"}), 202), answer(json.dumps(SESSION))],
        b"",
        "status",
        "idle",
    ),
    f"POST /sessions/{S}/archive": (lambda s: s.archive(S), [answer(json.dumps(SESSION))], b"", "id", S),
    f"DELETE /sessions/{S}": (
        lambda s: s.delete(S),
        [answer(json.dumps({"id": S, "type": "session_deleted"}))],
        b"",
        "type",
        "session_deleted",
    ),
    f"POST /sessions/{S}/events": (
        lambda s: one_of(s.send(S, CONFIRMED)),
        [answer(RECEIPTS, 202)],
        {"events": CONFIRMED},
        "id",
        "evt_0192dd70",
    ),
    f"GET /sessions/{S}/events?": (lambda s: first(s.events(S)), [answer(LISTED)], None, "id", "evt_0192dd10"),
    f"GET /sessions/{S}/events/stream?": (
        lambda s: first(s.stream(S, "evt_0192dd10")),
        [events(FRAME, then=silence)],
        None,
        "stop_reason",
        {"type": "requires_action", "event_ids": ["evt_0192dd21", "evt_0192dd30"]},
    ),
    f"GET /sessions/{S}/threads?": (lambda s: first(s.threads(S)), [answer(page(THREAD))], None, "id", T),
    f"GET /sessions/{S}/threads/{T}": (lambda s: s.thread(S, T), [answer(json.dumps(THREAD))], None, "session_id", S),
    f"POST /sessions/{S}/threads/{T}/archive": (
        lambda s: s.archive_thread(S, T),
        [answer(json.dumps({**THREAD, "status": "terminated"}))],
        b"",
        "status",
        "terminated",
    ),
    f"GET /sessions/{S}/threads/{T}/events?": (
        lambda s: first(s.thread_events(S, T)),
        [answer(LISTED)],
        None,
        "id",
        "evt_0192dd10",
    ),
    f"GET /sessions/{S}/threads/{T}/stream": (
        lambda s: first(s.thread_stream(S, T, "evt_0192dd10")),
        [events(ENDED, then=silence)],
        None,
        "type",
        "session.status_terminated",
    ),
    f"GET /sessions/{S}/resources?": (lambda s: first(s.resources(S)), [answer(page({"id": R}))], None, "id", R),
    f"POST /sessions/{S}/resources": (
        lambda s: s.add_file(S, "file_55"),
        [answer(json.dumps({"id": R, "type": "file", "mount_path": "/mnt/session/uploads/file_55"}))],
        {"type": "file", "file_id": "file_55"},
        "mount_path",
        "/mnt/session/uploads/file_55",
    ),
    f"GET /sessions/{S}/resources/{R}": (lambda s: s.resource(S, R), [answer(json.dumps({"id": R}))], None, "id", R),
    f"POST /sessions/{S}/resources/{R}": (
        lambda s: s.rotate(S, R, {"authorization_token": "new"}),
        [answer(json.dumps({"id": R}))],
        {"authorization_token": "new"},
        "id",
        R,
    ),
    f"DELETE /sessions/{S}/resources/{R}": (
        lambda s: s.remove(S, R),
        [answer(DONE)],
        b"",
        "type",
        "session_resource_deleted",
    ),
}


async def one_of(receipts):
    return (await receipts)[0]


@pytest.mark.parametrize("line", WIRE)
async def test_literal_examples(line):
    call, script, body, name, value = WIRE[line]
    async with Scripted(list(script)).running() as server:
        vendor = Qoder(Profile("q", "qoder", server.base), KEY, clock=Ticking().clock)
        async with asyncio.timeout(10):
            found = await call(vendor.sessions)
        await vendor.aclose()
    assert found[name] == value
    head, sent = server.requests[0]
    method, where = line.split(" ")
    assert head.split(" ")[0] == method
    target = head.split(" ")[1].removeprefix("/api/v1")
    assert target.split("?")[0] == where.rstrip("?")
    lines = head.lower().split("\r\n")
    assert f"authorization: bearer {KEY}" in lines
    assert any(line.startswith("idempotency-key: ") for line in lines) == (method != "GET")
    if "stream" in where:
        assert "accept: text/event-stream" in lines
        assert "last-event-id: evt_0192dd10" in lines
        assert ("event_deltas" in target) == ("threads" not in where)
    elif method == "GET":
        assert "accept: application/json" in lines
    if body is not None:
        assert (json.loads(sent) if sent else b"") == body


async def test_a_server_that_wants_the_other_form_of_variables_is_told_it():
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "no", "param": "environment_variables"}}
    async with Scripted([answer(json.dumps(error), 400), answer(json.dumps(SESSION))]).running() as server:
        vendor = Qoder(Profile("q", "qoder", server.base), KEY, clock=Ticking().clock)
        await vendor.sessions.create({"agent": "a", "environment_id": "e", "environment_variables": {"A": "1", "B": "2"}})
        await vendor.aclose()
    bodies_ = [json.loads(sent)["environment_variables"] for _, sent in server.requests]
    assert bodies_ == ["A=1\nB=2", {"A": "1", "B": "2"}]


async def test_a_thread_without_a_stream_is_read_again_and_again():
    later = LISTED.replace("evt_0192dd40", "evt_0192dd41").replace("evt_0192dd10", "evt_0192dd42")
    missing = answer(json.dumps({"type": "error", "error": {"type": "not_found_error", "message": "no"}}), 404)
    async with Scripted([missing, answer(LISTED), answer(later)]).running() as server:
        clock = Ticking()
        vendor = Qoder(Profile("q", "qoder", server.base), KEY, clock=clock.clock)
        found = []
        async with asyncio.timeout(10), aclosing(vendor.sessions.thread_stream(S, T)) as raws:
            async for raw in raws:
                found.append(raw["id"])
                if len(found) == 4:
                    break
        await vendor.aclose()
    assert found == ["evt_0192dd10", "evt_0192dd40", "evt_0192dd42", "evt_0192dd41"]
    assert "after_id=evt_0192dd40" in server.requests[-1][0]
