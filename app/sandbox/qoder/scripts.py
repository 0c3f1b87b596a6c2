"""What an agent of this side does.

Created agents also take ``use NAME, NAME`` (they use the tools named, all in one go, under the policies they were given),
``fail`` and ``fail for good`` (the model dies in the middle of a sentence), and ``reschedule`` (the platform stumbles,
then goes on).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.models import Json
from app.sandbox.agents import AGENTS, play
from app.sandbox.qoder.toolset import built_in, fold
from app.sandbox.qoder_agents import consulting, fitting
from app.sandbox.steps import AgentSpec, Call, Result, Say, Step, Think, Tool, Usage, Verdict

_INPUTS: dict[str, Json] = {
    "Bash": {"command": "true"},
    "Glob": {"pattern": "**/*"},
    "Grep": {"pattern": "hello"},
    "WebFetch": {"url": "https://example.com"},
    "WebSearch": {"query": "hello"},
    "DeliverArtifacts": {"path": "report.md"},
}
_TROUBLE = re.compile(r"\s*(fail|fail for good|reschedule)\s*", re.IGNORECASE)
_USE = re.compile(r"\s*use\s+([\w ,-]+?)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Together:
    """Steps of one model call. The generator receives the list of what each of them gave."""

    steps: tuple[Tool | Call, ...]


@dataclass(frozen=True, slots=True)
class Die:
    """The model dies while it says ``text``; ``terminal`` takes the session with it."""

    text: str
    terminal: bool = False


@dataclass(frozen=True, slots=True)
class Stumble:
    """The platform moves the turn elsewhere and goes on by itself."""

    message: str


@dataclass(frozen=True, slots=True)
class Delegate:
    """A coordinator hands ``text`` to a worker, which has a thread of its own. The generator receives the worker's report."""

    agent: Mapping[str, Json]
    """``id``, ``version``, ``name``."""
    text: str

    @property
    def report(self) -> str:
        """What the worker says: it repeats its task."""
        return f"{self.agent['name']}: {self.text}"


Deed = Step | Together | Delegate | Die | Stumble
Plan = Generator[Deed, Any, None]


def plan(
    agent: Mapping[str, Json],
    resources: Sequence[str],
    prompt: str,
    past: Sequence[Sequence[str]],
    disk: dict[str, str],
    *,
    consults: bool = False,
) -> Plan:
    """The steps of one turn; deterministic, so it can be played again after a restart. ``disk`` is changed on the way.

    ``consults``: a model elsewhere answers for created agents.
    """
    spec = AgentSpec(
        side="qoder",
        id=str(agent["id"]),
        name=str(agent["name"]),
        model=str(agent["model"]["id"] if isinstance(agent["model"], dict) else agent["model"]),
        tools=tuple(agent["tools"]),
        system=str(agent.get("system") or ""),
        resources=tuple(resources),
    )
    if any(spec.id == one.id for one in AGENTS):
        return play(spec, prompt, [(said, answer) for said, answer in past], disk)
    if _TROUBLE.fullmatch(prompt):
        return _trouble(prompt.strip().lower())
    if tools := _named(agent, prompt):
        return _use(tools)
    if agent.get("multiagent"):
        return _coordinate(agent, prompt)
    if consults:
        return consulting(spec, prompt, [(said, answer) for said, answer in past])
    return play(spec, prompt, [(said, answer) for said, answer in past])


def _named(agent: Mapping[str, Json], prompt: str) -> list[Tool | Call]:
    found = _USE.fullmatch(prompt)
    if found is None:
        return []
    own = {fold(name): name for name in built_in(agent)}
    custom = {tool["name"]: tool for tool in agent["tools"] if tool["type"] == "custom"}
    steps: list[Tool | Call] = []
    for word in re.split(r"[ ,]+", found[1]):
        if word in custom:
            steps.append(Call(word, fitting(custom[word]["input_schema"])))
        elif fold(word) in own:
            steps.append(
                Tool(own[fold(word)], _INPUTS.get(own[fold(word)], {"file_path": "README.md"}), f"{own[fold(word)]} was used")
            )
    return steps


def _trouble(order: str) -> Plan:
    if order == "reschedule":
        yield Stumble("The sandbox was moved.")
        yield Say("I am back.")
    else:
        yield Die("This sentence has no ", terminal=order == "fail for good")


def _coordinate(agent: Mapping[str, Json], prompt: str) -> Plan:
    own = {name: agent[name] for name in ("id", "version", "name")}
    yield Think("Each of my team gets the task.")
    reports: list[str] = []
    for member in [own if one["type"] == "self" else one for one in agent["multiagent"]["agents"] if one["type"] != "advisor"]:
        report = yield Delegate(member, prompt)
        reports.append(report)
    yield Say("My team says:\n\n" + "\n".join(f"- {report}" for report in reports) + "\n")
    yield Usage(60, 20 * len(reports))


def _use(tools: Sequence[Tool | Call]) -> Plan:
    given = yield Together(tuple(tools))
    lines = [f"- {step.name}: {_told(result)}" for step, result in zip(tools, given, strict=True)]
    yield Say("I used what you named:\n\n" + "\n".join(lines) + "\n")
    yield Usage(40, 20 * len(lines))


def _told(result: Verdict | Result) -> str:
    if isinstance(result, Result):
        return f"failed: {result.text}" if result.failed else result.text
    return "ran" if result.allow else f"not allowed{f': {result.reason}' if result.reason else ''}"
