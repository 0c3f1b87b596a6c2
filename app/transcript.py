"""The one reducer: events in, turns out.

``Transcript.apply`` is the only code that joins deltas. A live stream, a history read again, a replay and a test therefore give
the same transcript by construction. All of it is idempotent but ``PartDelta``; whoever reconnects begins the part again
(``PartStarted``) before it repeats deltas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from app.models import (
    Answered,
    Attachment,
    Event,
    Failure,
    Json,
    Noticed,
    PartDelta,
    PartDone,
    PartKind,
    PartStarted,
    Prompted,
    PromptState,
    Request,
    Status,
    StatusChanged,
    Stop,
    Titled,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    Unknown,
    Usage,
    Used,
    Verdict,
)


@dataclass(slots=True)
class Part:
    """One piece of an answer: text, a thought, a tool with its result, a file, a notice."""

    id: str
    kind: PartKind
    done: bool = False
    name: str = ""
    """Tools: the tool. Artifacts: the file's name."""
    input: Json = None
    output: str = ""
    summary: str = ""
    server: str = ""
    asks: bool = False
    failed: bool = False
    lane: str = ""
    data: Mapping[str, Json] = field(default_factory=dict)
    wire_id: str = ""
    started: float = 0.0
    """Wall clock, seconds; 0 is unknown."""
    ended: float = 0.0
    _chunks: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All of its text so far."""
        if len(self._chunks) > 1:
            self._chunks[:] = ["".join(self._chunks)]
        return self._chunks[0] if self._chunks else ""

    @text.setter
    def text(self, value: str) -> None:
        self._chunks[:] = [value] if value else []

    def append(self, text: str) -> None:
        """Add to the text; the cost does not depend on what is there."""
        if text:
            self._chunks.append(text)


@dataclass(slots=True)
class Turn:
    """A prompt and everything the agent made of it."""

    uid: str
    """Ours and stable: the prompt's key, or ``r:`` and the server's id for one that was not written here."""
    position: float
    text: str = ""
    attachments: tuple[Attachment, ...] = ()
    state: PromptState = PromptState.SENT
    prompt_id: str = ""
    group: str = ""
    message_id: str = ""
    stop: Stop | None = None
    """None while it runs."""
    waiting: tuple[Request, ...] = ()
    failure: Failure | None = None
    usage: Usage | None = None
    verdict: Verdict | None = None
    comment: str = ""
    agent: str = ""
    started: float = 0.0
    ended: float = 0.0
    after: str = ""
    """The last id known when the prompt was sent."""
    parts: list[Part] = field(default_factory=list)

    @property
    def answer(self) -> str:
        """The agent's words: its text parts, joined by an empty line."""
        return "\n\n".join(part.text for part in self.parts if part.kind is PartKind.TEXT and not part.lane and part.text)

    @property
    def open(self) -> bool:
        """Whether it still runs or its end is not known."""
        return self.stop is None and self.state in (PromptState.SENDING, PromptState.SENT, PromptState.UNKNOWN)

    def part(self, part_id: str) -> Part | None:
        """The part of that id."""
        for part in reversed(self.parts):
            if part.id == part_id:
                return part
        return None


class What(StrEnum):
    """What a change touched."""

    TURN = "turn"
    PART = "part"
    DELTA = "delta"
    CONVERSATION = "conversation"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Change:
    """What one event did. ``text`` is what a delta added; ``removed`` a turn that turned out to be another one."""

    what: What
    turn: Turn | None = None
    part: Part | None = None
    text: str = ""
    removed: Turn | None = None


_NOTHING = Change(What.NOTHING)


class Transcript:
    """The turns of one conversation, folded from its events."""

    def __init__(self, turns: Iterable[Turn] = (), *, title: str = "", status: Status = Status.IDLE) -> None:
        self.turns: list[Turn] = list(turns)
        self.title = title
        self.status = status
        self.current: Turn | None = self.turns[-1] if self.turns else None

    def begin(self, uid: str, text: str, *, attachments: tuple[Attachment, ...] = (), after: str = "", at: float = 0.0) -> Turn:
        """A prompt of ours that is about to be sent: its turn, at the end."""
        turn = Turn(uid, self._end(), text, attachments, PromptState.QUEUED, started=at, after=after)
        self.turns.append(turn)
        self.current = turn
        return turn

    def turn(self, uid: str) -> Turn | None:
        """The turn of that uid."""
        return next((turn for turn in reversed(self.turns) if turn.uid == uid), None)

    def apply(self, event: Event, at: float = 0.0) -> Change:
        """Fold one event in. ``at`` is the wall clock in seconds (0: not live, leave the times alone)."""
        match event:
            case Titled():
                self.title = event.title
                return Change(What.CONVERSATION)
            case StatusChanged():
                return self._status(event)
            case Prompted():
                return self._prompted(event, at)
            case PartDelta():
                turn = self._turn(event)
                part = self._part(turn, event.part_id, event.kind, event, at)
                if part.done:
                    return _NOTHING
                part.append(event.text)
                return Change(What.DELTA, turn, part, event.text)
            case PartStarted() | PartDone() | ToolCalled() | ToolReturned() | Noticed():
                turn = self._turn(event)
                return Change(What.PART, turn, self._fill(turn, event, at))
            case Answered():
                return self._answered(event)
            case Used():
                turn = self._turn(event)
                turn.usage = event.usage
                return Change(What.TURN, turn)
            case TurnEnded():
                return self._ended(event, at)
            case Unknown():
                return _NOTHING
        return _NOTHING

    def _status(self, event: StatusChanged) -> Change:
        self.status = event.status
        turn = self.current
        if event.status is Status.RUNNING and turn is not None and turn.stop is not None and turn.stop.waits:
            turn.stop, turn.waiting, turn.ended = None, (), 0.0
        return Change(What.CONVERSATION, turn)

    def _prompted(self, event: Prompted, at: float) -> Change:
        named = self._by_prompt_id(event.prompt_id)
        ours = self.turn(event.key) if event.key else None
        removed = None
        if ours is not None and named is not None and ours is not named:
            self.turns.remove(named)
            ours.parts = named.parts or ours.parts
            removed = named
        turn = ours or named
        if turn is None:
            turn = Turn(
                f"r:{event.prompt_id}",
                self._after_current(),
                event.text or "",
                event.attachments,
                started=at or event.wire.seconds,
            )
            self.turns.insert(self._index_after_current(), turn)
        turn.state = PromptState.SENT
        turn.prompt_id = event.prompt_id or turn.prompt_id
        turn.group = event.group or turn.group
        turn.attachments = turn.attachments or event.attachments
        self.current = turn
        return Change(What.TURN, turn, removed=removed)

    def _fill(self, turn: Turn, event: PartStarted | PartDone | ToolCalled | ToolReturned | Noticed, at: float) -> Part:
        """The part that ``event`` begins or completes."""
        match event:
            case PartStarted():
                part = self._part(turn, event.part_id, event.kind, event, at)
                if not part.done:
                    part.text = ""
            case PartDone():
                part = self._part(turn, event.part_id, event.kind, event, at)
                part.kind, part.text, part.data = event.kind, event.text, event.data
                part.name = str(event.data.get("name", "")) or part.name
                self._close(part, at)
            case ToolCalled():
                part = self._part(turn, event.part_id, PartKind.TOOL, event, at)
                part.name, part.input, part.asks = event.name, event.input, event.asks
                part.summary, part.server = event.summary, event.server
            case ToolReturned():
                part = self._part(turn, event.part_id, PartKind.TOOL, event, at)
                part.name = part.name or event.name
                part.output, part.failed = event.output, event.failed
                self._close(part, at)
            case Noticed():
                part = self._part(turn, event.wire.id or f"notice-{len(turn.parts)}", PartKind.NOTICE, event, at)
                part.text, part.failed = event.text, event.failure
                self._close(part, at)
        return part

    def _answered(self, event: Answered) -> Change:
        for turn in reversed(self.turns):
            part = turn.part(event.request_id)
            if part is None and not any(request.event_id == event.request_id for request in turn.waiting):
                continue
            turn.waiting = tuple(request for request in turn.waiting if request.event_id != event.request_id)
            if part is not None:
                part.asks = False
                if event.allow is not None:
                    part.data = {**part.data, "allowed": event.allow, "reason": event.reason}
            if not turn.waiting and turn.stop is not None and turn.stop.waits:
                turn.stop, turn.ended = None, 0.0
            return Change(What.TURN, turn, part)
        return _NOTHING

    def _ended(self, event: TurnEnded, at: float) -> Change:
        turn = self._turn(event)
        final = turn.stop is not None and not turn.stop.waits and turn.stop not in (Stop.UNKNOWN, Stop.INTERRUPTED)
        if final:
            turn.message_id = turn.message_id or event.message_id
            return Change(What.TURN, turn)
        turn.stop, turn.waiting, turn.failure = event.stop, event.waiting, event.failure
        turn.message_id = event.message_id or turn.message_id
        turn.ended = at or turn.ended
        if turn.state in (PromptState.SENDING, PromptState.UNKNOWN) and event.stop is not Stop.UNKNOWN:
            turn.state = PromptState.SENT
        if not event.stop.waits:
            for part in turn.parts:
                if part.kind is not PartKind.TOOL:
                    self._close(part, at)
        return Change(What.TURN, turn)

    def _part(self, turn: Turn, part_id: str, kind: PartKind, event: Event, at: float) -> Part:
        part = turn.part(part_id)
        if part is None:
            part = Part(part_id, kind, lane=event.wire.lane, wire_id=event.wire.id, started=at)
            turn.parts.append(part)
        return part

    @staticmethod
    def _close(part: Part, at: float) -> None:
        if not part.done:
            part.done = True
            part.ended = at

    def _turn(self, event: Event) -> Turn:
        """The turn an event belongs to: the current one; history that begins without a prompt makes one for itself."""
        if self.current is None:
            self.current = Turn(f"r:{event.wire.id or 'start'}", self._end())
            self.turns.append(self.current)
        return self.current

    def _by_prompt_id(self, prompt_id: str) -> Turn | None:
        if not prompt_id:
            return None
        return next((turn for turn in reversed(self.turns) if turn.prompt_id == prompt_id), None)

    def _end(self) -> float:
        return self.turns[-1].position + 1 if self.turns else 1.0

    def _index_after_current(self) -> int:
        return self.turns.index(self.current) + 1 if self.current is not None else 0

    def _after_current(self) -> float:
        index = self._index_after_current()
        if index >= len(self.turns):
            return self._end()
        low = self.turns[index - 1].position if index else self.turns[0].position - 2
        return (low + self.turns[index].position) / 2
