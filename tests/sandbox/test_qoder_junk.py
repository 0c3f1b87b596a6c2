"""Whatever a client writes into a body, the Qoder side answers with a contract's status and keeps working."""

import asyncio
import copy
from typing import Any

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.routing import Mount, Router

from app.sandbox.core import World
from app.sandbox.qoder import routes

AGENT = {
    "name": "n",
    "model": {"id": "ultimate", "effort": "high", "context_window": 200_000},
    "system": "s",
    "tools": [
        {
            "type": "agent_toolset_20260401",
            "enabled_tools": ["Bash"],
            "disallowed_tools": ["Read"],
            "configs": [{"name": "Bash", "enabled": True, "permission_policy": {"type": "always_ask"}}],
            "default_config": {"permission_policy": {"type": "always_allow"}},
        },
        {"type": "mcp_toolset", "mcp_server_name": "m", "configs": []},
        {
            "type": "custom",
            "name": "c",
            "description": "d",
            "input_schema": {"type": "object", "properties": {"a": {"type": "string"}}},
        },
    ],
    "mcp_servers": [{"name": "m", "type": "url", "url": "https://m.test"}],
    "skills": [{"type": "custom", "skill_id": "s", "version": "1"}],
    "multiagent": {"type": "coordinator", "agents": ["agent_sandbox_parrot", {"type": "self"}]},
    "metadata": {"k": "v"},
}
SESSION = {
    "agent": {"type": "agent_with_overrides", "id": "agent_sandbox_parrot", "version": 1, "system": "s", "tools": []},
    "environment_id": "env_default",
    "title": "t",
    "environment_variables": {"A": "1"},
    "resources": [
        {"type": "git_repository", "url": "https://g.test/a", "password": "p", "checkout": {"type": "branch", "name": "m"}}
    ],
    "vault_ids": [],
    "budget": {"type": "limit", "max_credit_cost": "1.5"},
    "initial_events": [{"type": "user.message", "content": [{"type": "text", "text": "use c, Bash"}]}],
}
EVENTS = {
    "events": [
        {"type": "user.interrupt", "session_thread_id": None},
        {
            "type": "user.message",
            "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "x"}}],
        },
        {"type": "system.message", "content": [{"type": "text", "text": "x"}]},
    ]
}
ANSWERS = {
    "events": [
        {"type": "user.tool_confirmation", "tool_use_id": "e", "result": "deny", "deny_message": "d"},
        {
            "type": "user.custom_tool_result",
            "custom_tool_use_id": "e",
            "content": [{"type": "text", "text": "x"}],
            "is_error": False,
        },
        {"type": "user.define_outcome", "description": "d", "rubric": {"type": "text", "content": "r"}, "max_iterations": 2},
    ]
}
ENVIRONMENT = {
    "name": "e",
    "config": {
        "type": "cloud",
        "networking": {"type": "limited", "allowed_hosts": ["a.test"]},
        "packages": {"type": "packages", "pip": ["a"]},
        "setup_script": "true",
    },
}
CREDENTIAL = {
    "auth": {
        "type": "mcp_oauth", "mcp_server_url": "https://m.test", "access_token": "t",
        "refresh": {
            "client_id": "c", "refresh_token": "r", "token_endpoint": "https://t.test",
            "token_endpoint_auth": {"type": "client_secret_post", "client_secret": "s"},
        },
    }
}  # fmt: skip
BODIES: list[tuple[str, Any]] = [
    ("/agents", AGENT), ("/sessions", SESSION), ("/sessions/{session}/events", EVENTS),
    ("/sessions/{session}/events", ANSWERS),
    ("/environments", ENVIRONMENT), ("/vaults", {"display_name": "v", "metadata": {}}),
    ("/vaults/{vault}/credentials", CREDENTIAL),
    ("/memory_stores", {"name": "m", "description": "d"}),
    ("/sessions/{session}", {"title": "t", "agent": {"tools": AGENT["tools"]}}),
    ("/agents/agent_sandbox_parrot", {"version": 1, **AGENT}),
]  # fmt: skip
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "id", "name"]) | st.text(max_size=3), inner)
    ),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in inner for found in [(*path, key), *places(item, (*path, key))]]


def spoilt(body: Any, path: tuple[Any, ...], junk: Any) -> Any:
    body = copy.deepcopy(body)
    inner = body
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = junk
    return body


async def ask(path: str, body: Any) -> None:
    world = World()
    app = Router([Mount("/api/v1/cloud", routes=routes(world))])
    headers = {"Authorization": f"Bearer {world.keys['qoder']}"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1/api/v1/cloud", headers=headers) as http:
        session = (await http.post("/sessions", json={"agent": "agent_sandbox_parrot", "environment_id": "env_default"})).json()[
            "id"
        ]
        vault = (await http.post("/vaults", json={"display_name": "v"})).json()["id"]
        reply = await http.post(path.format(session=session, vault=vault), json=body)
        assert reply.status_code in (200, 400, 404, 409), reply.text
        for _ in range(20):
            await asyncio.sleep(0)
        for listed in ("/agents", "/sessions", "/environments", f"/sessions/{session}/events"):
            assert (await http.get(listed)).status_code == 200
    said = [event for record in world.section("qoder")["sessions"].values() for event in record["events"]]
    assert "session.error" not in [event["type"] for event in said]
    await world.close()


@given(st.data())
@settings(max_examples=120, deadline=None, derandomize=True)
def test_junk_in_a_body_is_refused_or_taken(data):
    path, body = data.draw(st.sampled_from(BODIES))
    place = data.draw(st.sampled_from(places(body)))
    asyncio.run(ask(path, spoilt(body, place, data.draw(JUNK))))


async def test_the_bodies_are_good_without_junk():
    for path, body in BODIES:
        if body is not ANSWERS:
            await ask(path, body)
