"""What an agent does, as a sequence of steps that either side turns into its own wire."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from app.models import Json

TOKEN = 4
"""Characters a token has, here."""

Past = list[tuple[str, str]]
"""Earlier turns as (prompt, answer)."""


@dataclass(frozen=True, slots=True)
class Think:
    """Reasoning that is shown."""

    text: str


@dataclass(frozen=True, slots=True)
class Say:
    """Answer text, streamed a token at a time. ``rate`` is tokens a second; 0 is as fast as it can."""

    text: str
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that was used, and what it gave. ``seconds`` is how long it seemed to take."""

    name: str
    input: Json
    output: Json
    failed: bool = False
    seconds: float = 0.0
    summary: str = ""
    """A line for people about what is going on."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A tool that needs approval. The generator receives a ``Verdict``; when allowed, ``output`` is the tool's result."""

    name: str
    input: Json
    output: Json
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A tool of the client's. The generator receives a ``Result``."""

    name: str
    input: Json


@dataclass(frozen=True, slots=True)
class Form:
    """Questions for the person. The generator receives ``Values``."""

    schema: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Consult:
    """An answer that a model elsewhere gives. The generator receives a ``Consulted``."""

    system: str
    past: Past
    prompt: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens so far, for the whole turn."""

    input: int
    output: int


@dataclass(frozen=True, slots=True)
class Error:
    """The turn fails here."""

    message: str
    code: int = 10005


@dataclass(frozen=True, slots=True)
class Verdict:
    """A person's answer to an ``Ask``."""

    allow: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What the client's tool gave."""

    text: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Values:
    """A filled-in form, by field name."""

    values: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Consulted:
    """What the model elsewhere spent, or why it gave nothing."""

    input: int = 0
    output: int = 0
    failure: str = ""


Step = Think | Say | Tool | Ask | Call | Form | Consult | Usage | Error
Script = Generator[Step, Any, None]


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """An agent as somebody configured it; ``play`` knows the built-in ones by ``id``."""

    side: str
    id: str
    name: str
    description: str = ""
    model: str = "parlour-sandbox"
    tools: tuple[Json, ...] = ()
    """In the side's own wire form."""
    questions: tuple[str, ...] = ()
    system: str = ""
    resources: tuple[str, ...] = ()
    """One line for each thing attached to the session or the agent, for created agents to name."""


def tokens(text: str) -> list[str]:
    """``text`` in pieces of ``TOKEN`` characters."""
    return [text[at : at + TOKEN] for at in range(0, len(text), TOKEN)]
