"""What an agent may use: checking tool entries and resolving who must be asked (contract 7.4, 7.5)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from app.models import Json
from app.sandbox.qoder import checks
from app.sandbox.qoder.wire import invalid

BUILT_IN = (
    "Bash", "Read", "Write", "Edit", "Glob", "Grep", "WebFetch", "WebSearch", "ImageGen", "ImageSearch", "DeliverArtifacts",
)  # fmt: skip
TOOLSET = "agent_toolset_20260401"
BROWSER = "browser_toolset_20260714"
BROWSER_BETA = "browser-use-2026-07-14"
POLICIES = ("always_allow", "always_ask", "always_deny")
MAX_TOOLS = 128

_FOLDED = {name.lower(): name for name in BUILT_IN}
_CUSTOM_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_VERDICTS = {"always_allow": "allow", "always_ask": "ask", "always_deny": "deny"}


def check_tools(body: Mapping[str, Json], servers: Sequence[Mapping[str, Json]], beta: str) -> list[dict[str, Json]]:
    """The ``tools`` of a body; raises ``RefusedError`` 400 naming the entry that is wrong."""
    tools = checks.objects(body, "tools", most=MAX_TOOLS)
    names = [server["name"] for server in servers]
    for tool in tools:
        kind = tool.get("type")
        if kind == TOOLSET:
            _check_built_in(tool)
        elif kind == "mcp_toolset":
            _check_policies(tool)
            if tool.get("mcp_server_name") not in names:
                raise invalid(f"mcp_server_name '{tool.get('mcp_server_name')}' is not one of mcp_servers.", "tools")
        elif kind == "custom":
            _check_custom(tool)
        elif kind != BROWSER:
            raise invalid(f"Unknown tool type '{kind}'.", "tools")
        elif BROWSER_BETA not in beta:
            raise invalid(f"{BROWSER} needs the beta feature {BROWSER_BETA}.", "tools")
    custom = [tool["name"] for tool in tools if tool["type"] == "custom"]
    if len(set(custom)) < len(custom):
        raise invalid("Names of custom tools must be unique.", "tools")
    return tools


def check_servers(body: Mapping[str, Json]) -> list[dict[str, Json]]:
    """The ``mcp_servers`` of a body: unique names, ``type`` ``url``."""
    servers = checks.objects(body, "mcp_servers", most=20)
    for server in servers:
        checks.text(server, "name", least=1, most=256)
        checks.text(server, "url", least=1, most=4096)
        checks.choice(server, "type", ("url",))
    if len({server["name"] for server in servers}) < len(servers):
        raise invalid("Names of mcp_servers must be unique.", "mcp_servers")
    return servers


def verdict(agent: Mapping[str, Json], name: str) -> str:
    """``allow``, ``ask`` or ``deny``: the built-in tool's own entry, then the toolset's default; "" if neither says."""
    for tool in agent.get("tools") or ():
        if tool.get("type") == TOOLSET:
            own: dict[str, Json] = next(
                (entry for entry in tool.get("configs") or () if fold(entry.get("name", "")) == fold(name)), {}
            )
            for source in (own, tool.get("default_config") or {}):
                policy = (source.get("permission_policy") or {}).get("type")
                if policy:
                    return _VERDICTS[policy]
    return ""


def built_in(agent: Mapping[str, Json]) -> list[str]:
    """The built-in tools an agent has: all of them, or the allow-list, less what is taken away."""
    for tool in agent.get("tools") or ():
        if tool.get("type") == TOOLSET:
            chosen = [_FOLDED[fold(name)] for name in tool.get("enabled_tools") or BUILT_IN]
            off = {fold(name) for name in tool.get("disallowed_tools") or ()}
            off |= {fold(entry["name"]) for entry in tool.get("configs") or () if entry.get("enabled") is False}
            return [name for name in chosen if fold(name) not in off]
    return []


def fold(name: str) -> str:
    """Tool names compare without case and underscores (contract 7.4)."""
    return name.lower().replace("_", "")


def _check_built_in(tool: Mapping[str, Json]) -> None:
    lists = {name: checks.items(tool, name, most=MAX_TOOLS) for name in ("enabled_tools", "disallowed_tools")}
    configs = checks.objects(tool, "configs", most=MAX_TOOLS)
    for name in [*lists["enabled_tools"], *lists["disallowed_tools"], *(entry.get("name") for entry in configs)]:
        if not isinstance(name, str) or fold(name) not in _FOLDED:
            raise invalid(f"Unknown tool '{name}'.", "tools")
    both = {fold(name) for name in lists["enabled_tools"]} & {fold(name) for name in lists["disallowed_tools"]}
    if both:
        raise invalid(f"'{_FOLDED[both.pop()]}' is both enabled and disallowed.", "tools")
    _check_policies(tool)


def _check_policies(tool: Mapping[str, Json]) -> None:
    default = [checks.mapping(tool["default_config"], "default_config")] if tool.get("default_config") is not None else []
    for entry in [*checks.objects(tool, "configs", most=MAX_TOOLS), *default]:
        if entry.get("permission_policy") is not None:
            checks.choice(checks.mapping(entry["permission_policy"], "permission_policy"), "type", POLICIES)


def _check_custom(tool: Mapping[str, Json]) -> None:
    name = checks.required(tool, "name")
    if not isinstance(name, str) or not _CUSTOM_NAME.fullmatch(name):
        raise invalid("A custom tool's name has 1 to 128 letters, digits, '_' and '-'.", "tools")
    checks.text(tool, "description", least=1, most=4096)
    schema = checks.mapping(checks.required(tool, "input_schema"), "input_schema")
    if schema.get("type") != "object":
        raise invalid("A custom tool's input_schema must be of type object.", "tools")
