"""What an account of this vendor holds, described once: the wire's routes, fields and columns as data, no request here."""

from __future__ import annotations

from app.resource_models import Resource
from app.vendors.qoder.resources.agents import AGENT_VERSIONS, AGENTS
from app.vendors.qoder.resources.environments import ENVIRONMENTS
from app.vendors.qoder.resources.files import FILES
from app.vendors.qoder.resources.memory import MEMORIES, MEMORY, MEMORY_VERSIONS
from app.vendors.qoder.resources.models import MODELS
from app.vendors.qoder.resources.sessions import ARTIFACTS, EVENTS, MOUNTS, SESSIONS, THREADS
from app.vendors.qoder.resources.skills import SKILL_VERSIONS, SKILLS
from app.vendors.qoder.resources.vaults import CREDENTIALS, VAULTS

__all__ = ["RESOURCES"]

RESOURCES: tuple[Resource, ...] = (
    AGENTS,
    ENVIRONMENTS,
    SESSIONS,
    FILES,
    VAULTS,
    SKILLS,
    MEMORY,
    MODELS,
    AGENT_VERSIONS,
    THREADS,
    EVENTS,
    MOUNTS,
    ARTIFACTS,
    CREDENTIALS,
    SKILL_VERSIONS,
    MEMORIES,
    MEMORY_VERSIONS,
)
"""The first ones stand on their own; those with a ``parent`` are listed below one of it."""
