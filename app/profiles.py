"""Profiles, agents, environments: a file of their own, because the first screen needs no other values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Any
"""A JSON value as ``json.loads`` makes it."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A vendor, an account and a base URL under one name; its key is never part of it."""

    name: str
    vendor: str
    base: str
    """Full base URL of the API, without a trailing slash."""
    external_user_id: str = ""
    environment: str = ""
    account: str = ""
    """What stored data belongs to besides the name: the origin of ``base``; the demo has a constant one."""
    options: Mapping[str, Json] = field(default_factory=dict)
    """Further settings of the vendor: overrides of guessed bodies, time limits."""


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent somebody can talk to."""

    id: str
    name: str
    description: str = ""
    model: str = ""
    version: str = ""
    tools: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    updated_at: str = ""
    archived: bool = False
    raw: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Environment:
    """Where an agent's tools run."""

    id: str
    name: str
    raw: Mapping[str, Json] = field(default_factory=dict)
