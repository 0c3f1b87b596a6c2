"""Who lives in the sandbox, and how they answer. Nothing here is random: the same words get the same answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.sandbox.builder import PROJECT, Disk, builder
from app.sandbox.codeer_agents import CODEER_AGENTS, intake, researcher
from app.sandbox.guide import GUIDE, guide
from app.sandbox.metronome import metronome
from app.sandbox.qoder_agents import QODER_AGENTS, clerk, created
from app.sandbox.steps import TOKEN, AgentSpec, Past, Say, Script, Usage

AGENTS: tuple[AgentSpec, ...] = (GUIDE, *CODEER_AGENTS, *QODER_AGENTS)
"""The built-in ones of both sides, in the order they are listed. Their ids never change."""


def parrot(prompt: str, past: Past) -> Script:
    """Repeats the prompt exactly."""
    del past
    yield Say(prompt)
    count = -(-len(prompt) // TOKEN)
    yield Usage(count, count)


_SCRIPTS: dict[str, Callable[[str, Past], Script]] = {
    "Guide": guide,
    "Parrot": parrot,
    "Metronome": metronome,
    "Scribe": metronome,
    "Researcher": researcher,
    "Intake": intake,
    "Clerk": clerk,
}


def of_side(side: str) -> tuple[AgentSpec, ...]:
    """The built-in agents of one side."""
    return tuple(agent for agent in AGENTS if agent.side == side)


def play(agent: AgentSpec, prompt: str, past: Sequence[tuple[str, str]] = (), disk: Disk | None = None) -> Script:
    """What ``agent`` does about ``prompt``; ``past`` are the earlier turns as (prompt, answer), ``disk`` the
    files of its workspace, which it changes (a fresh project without any).

    A script is deterministic, so one that waited when the sandbox was stopped is played again up to the step it waited at.
    """
    if any(agent.id == one.id for one in AGENTS):
        if agent.name == "Builder":
            return builder(prompt, dict(PROJECT) if disk is None else disk)
        return _SCRIPTS[agent.name](prompt, list(past))
    return created(agent, prompt)
