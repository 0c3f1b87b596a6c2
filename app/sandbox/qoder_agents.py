"""The agents of the Qoder side, and how one that somebody created answers."""

from __future__ import annotations

import re
import textwrap

from app.models import Json
from app.sandbox.metronome import metronome
from app.sandbox.steps import TOKEN, AgentSpec, Call, Consult, Consulted, Error, Past, Result, Say, Script, Usage

_LOOKUP: dict[str, Json] = {
    "type": "custom",
    "name": "look_up_order",
    "description": "Find an order in the shop's own system by its number.",
    "input_schema": {
        "type": "object",
        "properties": {"number": {"type": "string", "description": "The order number, like A-1042."}},
        "required": ["number"],
    },
}
_TOOLSET: dict[str, Json] = {
    "type": "agent_toolset_20260401",
    "enabled_tools": ["Read", "Write", "Edit", "Glob", "Grep", "Bash"],
    "configs": [
        {"name": "Write", "permission_policy": {"type": "always_ask"}},
        {"name": "Edit", "permission_policy": {"type": "always_ask"}},
        {"name": "Bash", "permission_policy": {"type": "always_ask"}},
    ],
}

QODER_AGENTS = (
    AgentSpec(
        "qoder", "agent_sandbox_builder", "Builder",
        "Plans, reads and writes in a small project, and asks before it changes anything.",
        model="auto", tools=(_TOOLSET,), questions=("Add a farewell to the greeter.", "Write a test for the greeting."),
        system="You build small things carefully. Ask before you write or run.",
    ),
    AgentSpec(
        "qoder", "agent_sandbox_clerk", "Clerk", "Looks orders up with a tool of yours, and waits for its result.",
        model="auto", tools=(_LOOKUP,), questions=("Where is order A-1042?",),
        system="You answer questions about orders. Look each one up first.",
    ),
    AgentSpec(
        "qoder", "agent_sandbox_scribe", "Scribe", "Streams as many tokens as you ask for, as fast as you ask.",
        model="auto", questions=("stream 400 at 80", "stream 5000"), system="You keep time.",
    ),
    AgentSpec(
        "qoder", "agent_sandbox_parrot", "Parrot", "Repeats what you say, exactly.",
        model="auto", questions=("Hello!",), system="You repeat what you are told.",
    ),
)  # fmt: skip


def clerk(prompt: str, past: Past) -> Script:
    """Calls the client's tool and answers from what it gives."""
    del past
    found = re.search(r"\b[A-Za-z]{1,3}-\d{2,8}\b", prompt)
    number = found[0].upper() if found else "A-1042"
    yield Say(f"One moment, I look up {number}.\n", 160)
    given = yield Call("look_up_order", {"number": number})
    text = _reported(number, given)
    yield Say(text, 160)
    yield Usage(len(prompt) // TOKEN + 90, len(text) // TOKEN)


def _reported(number: str, given: object) -> str:
    if not isinstance(given, Result):
        return f"I could not look up {number}.\n"
    if given.failed:
        return f"The lookup of {number} failed. It said: {given.text or 'nothing'}\n"
    return f"About {number}, your system says:\n\n{textwrap.indent(given.text or '(nothing)', '> ')}\n"


def created(agent: AgentSpec, prompt: str) -> Script:
    """An agent from the API: shows what was configured, uses its first custom tool, repeats the prompt."""
    if re.match(r"\s*stream\s+\d", prompt):
        yield from metronome(prompt, [])
        return
    custom = next((tool for tool in agent.tools if isinstance(tool, dict) and tool.get("type") == "custom"), None)
    if custom is not None:
        given = yield Call(str(custom.get("name", "")), fitting(custom.get("input_schema") or {}))
        said = given.text if isinstance(given, Result) else ""
        yield Say(f"The tool {'failed' if isinstance(given, Result) and given.failed else 'gave'}: {said}\n\n")
    text = f"{prompt}\n\n{_configured(agent)}\n"
    yield Say(text)
    yield Usage(len(prompt) // TOKEN + len(agent.system) // TOKEN + 1, len(text) // TOKEN)


def consulting(agent: AgentSpec, prompt: str, past: Past) -> Script:
    """An agent from the API whose words come from a model elsewhere; what is attached is told to it."""
    attached = "\n".join(f"Attached: {line}" for line in agent.resources)
    given = yield Consult("\n\n".join(filter(None, (agent.system, attached))), past, prompt)
    if isinstance(given, Consulted) and given.failure:
        yield Error(given.failure)
    elif isinstance(given, Consulted):
        yield Usage(given.input, given.output)


def _configured(agent: AgentSpec) -> str:
    names = [
        str(tool.get("name") or tool.get("mcp_server_name") or tool.get("type")) for tool in agent.tools if isinstance(tool, dict)
    ]
    system = textwrap.shorten(agent.system, 120, placeholder=" …") if agent.system else "none"
    return (
        f"({agent.name} · model: {agent.model or 'none'} · system prompt: {system} · tools: {', '.join(names) or 'none'}"
        f" · resources: {', '.join(agent.resources) or 'none'})"
    )


def fitting(schema: Json, depth: int = 0) -> Json:
    """A value that fits a JSON schema: its default, its first choice, or the plainest value of its type."""
    if not isinstance(schema, dict) or depth > 8:
        return "example"
    for word in ("default", "const"):
        if word in schema:
            return schema[word]
    for word in ("enum", "examples"):
        if isinstance(schema.get(word), list) and schema[word]:
            return schema[word][0]
    for word in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(word), list) and schema[word]:
            return fitting(schema[word][0], depth + 1)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties") or {}
        wanted = schema.get("required") or list(properties)
        return {name: fitting(properties.get(name, {}), depth + 1) for name in wanted}
    if kind == "array":
        return [fitting(schema.get("items") or {}, depth + 1)] * max(1, int(schema.get("minItems", 1)))
    if kind in ("integer", "number"):
        least = schema.get("minimum", 1)
        return int(least) if kind == "integer" else least
    if kind in ("boolean", "null"):
        return True if kind == "boolean" else None
    return "example".ljust(int(schema.get("minLength", 0)), "x")[: int(schema.get("maxLength", 10_000))]
