"""Agents and environments: contract 7 and 8."""

import pytest

from tests.sandbox.qoder_side import running

TOOLS = [
    {
        "type": "agent_toolset_20260401",
        "enabled_tools": ["Bash", "Read"],
        "default_config": {"permission_policy": {"type": "always_allow"}},
        "configs": [{"name": "bash", "enabled": True, "permission_policy": {"type": "always_ask"}}],
    },
    {"type": "mcp_toolset", "mcp_server_name": "tracker"},
    {"type": "custom", "name": "get_ticket", "description": "One ticket", "input_schema": {"type": "object", "properties": {}}},
]
SERVERS = [{"type": "url", "name": "tracker", "url": "https://mcp.example.test/sse"}]


async def test_an_agent_lives_through_versions():
    async with running() as side:
        body = {
            "name": "notes",
            "model": {"id": "ultimate", "effort": "high"},
            "system": "Be brief.",
            "metadata": {"a": "1", "b": "2"},
        }
        made = await side.call("POST", "/agents", {**body, "tools": TOOLS, "mcp_servers": SERVERS})
        path = f"/agents/{made['id']}"
        assert (made["version"], made["description"], made["archived_at"]) == (1, "", None)
        assert made["tools"] == TOOLS
        new = await side.call("POST", path, {"version": 1, "system": None, "metadata": {"a": None, "c": "3"}})
        assert (new["version"], new["system"], new["metadata"], new["name"]) == (2, None, {"b": "2", "c": "3"}, "notes")
        stale = await side.call("POST", path, {"version": 1, "name": "late"}, status=409)
        assert stale["error"]["type"] == "conflict_error"
        assert (await side.call("POST", path, {"version": 2}))["version"] == 2
        await side.call("POST", path, {"name": "no lock"}, status=400)
        assert (await side.call("GET", path, version=1))["system"] == "Be brief."
        await side.call("GET", path, version=9, status=404)
        versions = await side.call("GET", f"{path}/versions", limit=1)
        assert (versions["first_id"], versions["has_more"]) == ("2", True)
        assert (await side.call("GET", f"{path}/versions", page=versions["next_page"]))["data"][0]["version"] == 1


async def test_archived_agents_hide_and_start_nothing():
    async with running() as side:
        made = await side.call("POST", "/agents", {"name": "old", "model": "auto"})
        session = await side.session(made["id"])
        archived = await side.call("POST", f"/agents/{made['id']}/archive")
        assert archived["archived_at"]
        assert made["id"] not in [item["id"] for item in (await side.call("GET", "/agents"))["data"]]
        assert made["id"] in [item["id"] for item in (await side.call("GET", "/agents", include_archived="true"))["data"]]
        assert (await side.call("GET", f"/agents/{made['id']}"))["archived_at"] == archived["archived_at"]
        await side.call("POST", f"/agents/{made['id']}", {"version": 1, "name": "x"}, status=409)
        await side.call("POST", "/sessions", {"agent": made["id"], "environment_id": "env_default"}, status=409)
        await side.send(session, "still here")
        await side.idle(session)


@pytest.mark.parametrize(
    "patch",
    [
        {"name": "x" * 257},
        {"model": "gpt-0"},
        {"model": {"id": "auto", "effort": "high"}},
        {"system": 5},
        {"description": "d" * 2049},
        {"metadata": {"k": 1}},
        {"metadata": {f"k{n}": "v" for n in range(17)}},
        {"tools": [{"type": "agent_toolset_20260401", "enabled_tools": ["Rm"]}]},
        {"tools": [{"type": "agent_toolset_20260401", "enabled_tools": ["Bash"], "disallowed_tools": ["bash"]}]},
        {"tools": [{"type": "mcp_toolset", "mcp_server_name": "nobody"}]},
        {"tools": [{"type": "custom", "name": "bad name", "description": "d", "input_schema": {"type": "object"}}]},
        {"tools": [{"type": "browser_toolset_20260714"}]},
        {"tools": "Bash"},
        {"mcp_servers": [SERVERS[0], SERVERS[0]]},
        {"multiagent": {"type": "coordinator", "agents": [{"type": "self"}]}},
    ],
)
async def test_a_bad_field_names_itself(patch):
    async with running() as side:
        told = await side.call("POST", "/agents", {"name": "a", "model": "auto", **patch}, status=400)
        assert told["error"]["type"] == "invalid_request_error"
        assert told["error"]["param"] or told["error"]["message"]


async def test_the_browser_toolset_needs_its_beta():
    async with running() as side:
        body = {"name": "a", "model": "auto", "tools": [{"type": "browser_toolset_20260714"}]}
        reply = await side.http.post("/agents", json=body, headers={"x-qoder-beta": "browser-use-2026-07-14"})
        assert reply.status_code == 200


async def test_an_environment_lives():
    async with running() as side:
        config = {"type": "cloud", "networking": {"type": "limited", "allowed_hosts": ["a.test"]}, "packages": {"pip": ["x==1"]}}
        made = await side.call("POST", "/environments", {"name": "py", "config": config})
        path = f"/environments/{made['id']}"
        assert made["config"]["packages"] == {"type": "packages", "pip": ["x==1"]}
        assert (await side.call("POST", "/environments", {"name": "bare"}))["config"]["networking"]["type"] == "limited"
        for wrong in ({}, None, {"type": "moon"}, {"type": "cloud", "networking": {"type": "limited", "allowed_hosts": ["a/b"]}}):
            await side.call("POST", "/environments", {"name": "py", "config": wrong}, status=400)
        assert (await side.call("POST", path, {"name": "py3", "metadata": {"a": "b"}}))["name"] == "py3"
        assert (await side.call("POST", f"{path}/archive"))["archived_at"]
        await side.call("POST", "/sessions", {"agent": "agent_sandbox_parrot", "environment_id": made["id"]}, status=409)
        assert await side.call("DELETE", path) == {"id": made["id"], "type": "environment_deleted"}
        await side.call("GET", path, status=404)


async def test_an_environment_that_hosted_a_session_stays():
    async with running() as side:
        session = await side.session()
        await side.call("DELETE", "/environments/env_default", status=409)
        await side.call("DELETE", f"/sessions/{session}")
        told = await side.call("DELETE", "/environments/env_default", status=409)
        assert told["error"]["type"] == "conflict_error"
