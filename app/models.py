"""The one vocabulary: values that travel between wire, transcript, store and widget.

Everything here is plain data without I/O. The vendors turn their wire into these events, ``app.transcript`` folds events into
turns, ``app.store`` keeps turns, and whoever draws reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Generic, TypeVar

from app.profiles import Agent as Agent
from app.profiles import Environment as Environment
from app.profiles import Json as Json
from app.profiles import Profile as Profile


class Status(StrEnum):
    """What a conversation is doing, as its server last said."""

    IDLE = "idle"
    RUNNING = "running"
    WAITING = "waiting"
    """It waits for a person: an approval, a form, a tool's result."""
    FAILED = "failed"
    CLOSED = "closed"
    """Archived or terminated: readable, no more input."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One line of talk with one agent."""

    id: str
    """The vendor's; one that begins with ``~`` is ours, of a conversation that the vendor does not have yet."""
    title: str = ""
    agent_id: str = ""
    agent_name: str = ""
    agent_version: str = ""
    status: Status = Status.IDLE
    external_user_id: str = ""
    environment: str = ""
    created_at: str = ""
    updated_at: str = ""
    archived: bool = False
    raw: Mapping[str, Json] = field(default_factory=dict)

    @property
    def made(self) -> bool:
        """Whether the vendor has it."""
        return not self.id.startswith("~")


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; ``next`` is the cursor of the following page, "" at the end."""

    items: tuple[T, ...]
    next: str = ""
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a prompt. ``id`` is the vendor's once it is uploaded."""

    name: str
    path: str = ""
    media_type: str = ""
    size: int = 0
    id: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the person said. ``key`` names it for ever: locally, and as the idempotency key where the vendor has one."""

    key: str
    text: str
    attachments: tuple[Attachment, ...] = ()
    after: str = ""
    """The last id of this conversation known before the send: what came later may be this prompt's."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A person's answer to a request of the agent."""

    request_id: str
    kind: RequestKind
    allow: bool = True
    reason: str = ""
    data: Json = None
    """A form's values or a custom tool's result."""
    failed: bool = False
    """Custom tools: the result is an error."""


class PromptState(StrEnum):
    """How far a prompt has come. Nothing is claimed that the wire did not prove."""

    QUEUED = "queued"
    """On disk; no byte of it has left."""
    SENDING = "sending"
    """Its request is under way."""
    SENT = "sent"
    """The server named it."""
    NOT_SENT = "not_sent"
    """Proof that it did not arrive."""
    UNKNOWN = "unknown"
    """It may have arrived; the history is being read, or a person is asked."""


class Stop(StrEnum):
    """Why a turn stopped; the words are those of the command line's ``status``."""

    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NEEDS_APPROVAL = "needs_approval"
    NEEDS_INPUT = "needs_input"
    INTERRUPTED = "interrupted"
    OVER_BUDGET = "over_budget"

    @property
    def waits(self) -> bool:
        """Whether the turn goes on once somebody answers."""
        return self in (Stop.NEEDS_APPROVAL, Stop.NEEDS_INPUT)


class RequestKind(StrEnum):
    """What an agent waits for."""

    APPROVAL = "approval"
    FORM = "form"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class Request:
    """Something the agent waits for: ``event_id`` is the name to answer under."""

    event_id: str
    kind: RequestKind
    name: str = ""
    input: Json = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer cost. ``None`` is "the server did not say"."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    credits: str | None = None
    """Decimal text, cumulative for the conversation: a later figure replaces an earlier one."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something failed, as it is stored and shown."""

    kind: str
    message: str
    status: int | None = None
    code: str | None = None
    request_id: str | None = None


class Verdict(StrEnum):
    """A rating of one answer."""

    UP = "up"
    DOWN = "down"


class PartKind(StrEnum):
    """What a piece of an answer is."""

    TEXT = "text"
    THINKING = "thinking"
    TOOL = "tool"
    ARTIFACT = "artifact"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Wire:
    """The vendor's own event, as it came."""

    type: str
    raw: Json = None
    id: str = ""
    lane: str = ""
    """The thread (sub-agent) it belongs to; "" is the main one."""
    at: str = ""
    """The server's time, RFC 3339."""
    preview: bool = False
    """A best-effort frame (a delta) that a finished event will replace; not kept in the record."""

    @property
    def seconds(self) -> float:
        """``at`` as wall clock seconds; 0 if there is none."""
        try:
            found = datetime.fromisoformat(self.at)
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return 0.0


NO_WIRE = Wire(type="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The base of the closed union below."""

    wire: Wire = NO_WIRE


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompted(Event):
    """The server has a prompt under ``prompt_id``. Live, ``text`` may be None: the prompt is the one just sent."""

    prompt_id: str
    text: str | None = None
    group: str = ""
    attachments: tuple[Attachment, ...] = ()
    key: str = ""
    """The local prompt this is, where the vendor can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Titled(Event):
    """The conversation has a (new) title."""

    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged(Event):
    """The conversation is running, idle, closed."""

    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStarted(Event):
    """A part begins; if it already has text, that was a preview of an earlier connection and is dropped."""

    part_id: str
    kind: PartKind = PartKind.TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class PartDelta(Event):
    """More text of a part, in order. A part that is not known begins with it."""

    part_id: str
    text: str
    kind: PartKind = PartKind.TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class PartDone(Event):
    """A finished part: it replaces whatever preview there was. ``data`` holds what else the kind needs (an artifact's file)."""

    part_id: str
    text: str
    kind: PartKind = PartKind.TEXT
    data: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCalled(Event):
    """The agent uses a tool. ``summary`` is the server's own line about it."""

    part_id: str
    name: str
    input: Json = None
    summary: str = ""
    server: str = ""
    """The MCP server, if it is one's tool."""
    asks: bool = False
    """It waits for approval before it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReturned(Event):
    """A tool's result, paired with its call by ``part_id``."""

    part_id: str
    output: str
    failed: bool = False
    name: str = ""
    raw_output: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Event):
    """A request was answered, here or elsewhere."""

    request_id: str
    allow: bool | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed(Event):
    """Something worth a line: an error the platform retries, a context that was compacted, another agent's message."""

    text: str
    failure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Used(Event):
    """Figures of this answer (tokens) or of the conversation so far (credits)."""

    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnded(Event):
    """The wire's own word that this turn has stopped."""

    stop: Stop
    message_id: str = ""
    """The answer's id, for ratings; "" while the server has not named it."""
    waiting: tuple[Request, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Event):
    """A type we do not know: kept and shown."""


class LinkState(StrEnum):
    """How the line to the vendor is."""

    LIVE = "live"
    BEAT = "beat"
    """Bytes came (a heartbeat), but no event."""
    RETRYING = "retrying"
    """Waiting ``seconds`` before try ``attempt``."""
    RECONNECTING = "reconnecting"
    CATCHING_UP = "catching_up"
    """``count`` events are being filled in."""
    CHECKING = "checking"
    """The history is being read to learn what became of a prompt."""


@dataclass(frozen=True, slots=True)
class Link:
    """A remark about the connection of the task it is told in."""

    state: LinkState
    seconds: float = 0.0
    attempt: int = 0
    count: int = 0
    reason: str = ""
