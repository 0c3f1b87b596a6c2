"""Whatever is sent to whatever route of either side, the answer is one of the vendor's own: the sandbox never fails itself."""

import asyncio
import json
from urllib.parse import quote

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sandbox import codeer, qoder
from app.sandbox.control import Control
from app.sandbox.core import World
from app.sandbox.server import application

PARROT = "b0a7c1de-0002-4c1d-9a3e-5d6f00000002"


def served() -> list[tuple[str, str]]:
    """(method, path) of every route of both sides."""

    async def found() -> list[tuple[str, str]]:
        world = World()
        mounts = [mount for mount in codeer.mounts(world) if mount.path.startswith("/api")]  # type: ignore[attr-defined]
        routes = [(mount.path, route) for mount in mounts for route in mount.app._router.routes]  # type: ignore[attr-defined]
        routes += [("/api/v1/cloud", route) for route in qoder.routes(world)]
        await world.close()
        return [(next(iter(route.methods - {"HEAD"})), base + route.path) for base, route in routes]

    return asyncio.run(found())


ROUTES = served()
WORDS = st.text(max_size=6) | st.sampled_from(
    ["", "0", "-1", "999999999999999999999", "1e9", "null", "asc", "..", "%2e%2e", "\x00", "é中"]
)
NAMES = st.text(max_size=4) | st.sampled_from(
    [
        "name",
        "agent_id",
        "agent",
        "message",
        "stream",
        "requests",
        "custom_id",
        "events",
        "type",
        "content",
        "config",
        "networking",
        "environment_id",
        "model",
        "tools",
        "version",
        "title",
        "metadata",
        "resources",
        "path",
        "auth",
        "display_name",
        "feedback_type",
        "form_data",
        "external_user_id",
        "webhook",
        "limit",
        "files",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
QUERIES = st.dictionaries(
    st.sampled_from(
        [
            "limit",
            "offset",
            "page",
            "after_id",
            "before_id",
            "order",
            "order_by",
            "types",
            "event_deltas[]",
            "agent_id",
            "external_user_id",
            "include_archived",
            "path_prefix",
            "statuses",
            "created_at[gte]",
        ]
    ),
    WORDS,
    max_size=3,
)
BODIES = (
    st.dictionaries(NAMES, VALUES, max_size=5).map(lambda value: json.dumps(value).encode())
    | VALUES.map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=40)
    | st.just(b"")
)
KINDS = st.sampled_from(["application/json", "text/plain", "multipart/form-data; boundary=x", "multipart/form-data", ""])


async def ids(http: httpx.AsyncClient) -> dict[str, str]:
    """One of everything, so that requests get further than to a 404."""
    codeer_side, cloud = "/api/v1", "/api/v1/cloud"
    chat = (await http.post(f"{codeer_side}/chats", json={"name": "c", "agent_id": PARROT})).json()["data"]["id"]
    session = {"agent": "agent_sandbox_parrot", "environment_id": "env_default"}
    return {
        "chat_id": str(chat),
        "agent": "agent_sandbox_parrot",
        "agent_id": PARROT,
        "environment": "env_default",
        "session": (await http.post(f"{cloud}/sessions", json=session)).json()["id"],
        "vault": (await http.post(f"{cloud}/vaults", json={"display_name": "v"})).json()["id"],
        "store": (await http.post(f"{cloud}/memory_stores", json={"name": "m"})).json()["id"],
    }


async def ask(method: str, path: str, query: dict[str, str], body: bytes, kind: str, word: str) -> None:
    world = World()
    transport = httpx.ASGITransport(app=application(world, Control(world)), raise_app_exceptions=True)
    headers = {"x-api-key": world.keys["codeer"], "authorization": f"Bearer {world.keys['qoder']}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as http:
        known = await ids(http)
        for name in path.split("{")[1:]:
            ident = name.partition("}")[0]
            path = path.replace(f"{{{ident}}}", known.get(ident, quote(word, safe="") or "x"))
        more = {"content-type": kind} if kind else {}
        reply = await http.request(method, path, params=query, content=body, headers=more)
        assert reply.status_code < 500, f"{method} {path} {query} {body!r}: {reply.status_code} {reply.text}"
        if reply.status_code >= 400:
            assert isinstance(reply.json(), dict)
    await world.close()


@given(st.data())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_never_a_failure_of_its_own(data: st.DataObject) -> None:
    method, path = data.draw(st.sampled_from([route for route in ROUTES if "stream" not in route[1]]))
    asyncio.run(ask(method, path, data.draw(QUERIES), data.draw(BODIES), data.draw(KINDS), data.draw(WORDS)))
