"""One frame of a stream to events: every generation of it, and whatever is not known (contract 6, 14, 16).

``decode`` is the one place. It keeps what it has to remember in an ``Answering`` and does no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.errors import Forbidden, Unavailable, VendorError
from app.models import (
    Event,
    Failure,
    Json,
    PartDelta,
    PartDone,
    Prompted,
    Request,
    Stop,
    Titled,
    ToolCalled,
    ToolReturned,
    TurnEnded,
    Unknown,
    Used,
    Wire,
)
from app.text import safe_line
from app.vendors.codeer.envelope import NOT_ALLOWED, code_of, message_of
from app.vendors.codeer.steps import asks_form, called, form_of, form_request, returned, usage_of
from app.vendors.codeer.tags import ToolTags, stripped
from app.vendors.replies import read_json
from app.vendors.sse import Frame

ANSWER = "answer"
"""The id of the one text part that an answer is."""

Fields = Mapping[str, Json]


@dataclass(slots=True)
class Answering:
    """What is known of one turn while its stream is read. ``key`` is the local prompt's; the ids are the server's."""

    key: str = ""
    prompt_id: str = ""
    group: str = ""
    prompted: bool = False
    plain: bool = False
    """It is a stream of bare text (generation 0)."""
    typed: bool = False
    completed: bool = False
    marked: bool = False
    """``[DONE]`` came: no more events, which proves nothing."""
    failure: Failure | None = None
    form: Request | None = None
    final: str | None = None
    pieces: list[str] = field(default_factory=list)
    tags: ToolTags = field(default_factory=ToolTags)
    waiting_steps: list[str] = field(default_factory=list)
    """Part ids of steps without an id of their own that have begun and not ended."""
    steps: int = 0

    @property
    def over(self) -> bool:
        """Whether nothing that could come would matter."""
        return self.marked or self.failure is not None

    @property
    def succeeded(self) -> bool:
        """The success points of contract 6.8."""
        return self.failure is None and (self.completed or (self.plain and not self.typed and self.marked))

    def rest(self) -> list[Event]:
        """Text that was held back as a possible tag, once no more comes."""
        held = "" if self.completed else self.tags.close()
        return [PartDelta(part_id=ANSWER, text=held, wire=Wire("delta", preview=True))] if held else []

    def end(self, *, cut: bool) -> TurnEnded | None:
        """The end of the turn, now that the stream is over (``cut``: not by itself); None if the wire did not tell one."""
        if self.failure is not None:
            return TurnEnded(stop=Stop.FAILED, failure=self.failure)
        if self.form is not None and (self.completed or not cut):
            return TurnEnded(stop=Stop.NEEDS_INPUT, waiting=(self.form,))
        return TurnEnded(stop=Stop.DONE) if self.succeeded else None


def decode(frame: Frame, state: Answering) -> list[Event]:
    """The events of one frame, in order. Never raises: what cannot be read becomes ``Unknown``."""
    text = frame.data.strip()
    if text == "[DONE]":
        return _marked(state)
    events: list[Event] = []
    kind, payload = _read(frame, state)
    created = kind == "response.created" and isinstance(payload, Mapping)
    if created and isinstance(payload, Mapping):
        events += _created(payload, state)
    elif not state.prompted:
        events.append(_prompted(state, Wire(kind, payload)))
    if created:
        return events
    if _fails(kind) and not isinstance(payload, Mapping):
        state.failure = failure_of({}, str(safe_line(frame.data)))
        return events
    if kind == "text" and not state.typed:
        state.plain = True
        return events + _more(frame.data, state, Wire(frame.event, frame.data, preview=True))
    if isinstance(payload, Mapping):
        state.typed = True
        return events + _typed(kind, payload, state)
    return [*events, Unknown(wire=Wire(kind, frame.data if payload is None else payload))]


def failure_of(payload: Fields, words: str = "") -> Failure:
    """What a failure event says, as it is stored."""
    inner = payload.get("error")
    source: Fields = inner if isinstance(inner, Mapping) and "code" in inner else payload
    code = code_of(source.get("code")) or code_of(payload.get("error_code"))
    said = words or message_of(payload)
    closed = said if said.endswith((".", "!", "?")) else f"{said}."
    message = f"Codeer broke off the answer: {closed}" if said else "Codeer broke off the answer without saying why."
    kind: type[VendorError] = Forbidden if code in (NOT_ALLOWED, "10001") else Unavailable if code == "10005" else VendorError
    return Failure(kind.kind, message, code=code or None)


def _read(frame: Frame, state: Answering) -> tuple[str, Json]:
    """The type and the payload of a frame; ("text", …) for bare text, a payload of None for what is not JSON (contract 16.8)."""
    named = frame.event or "message"
    bare = named == "message"
    if bare and not frame.data.lstrip().startswith("{"):
        return "text", frame.data
    try:
        payload = read_json(frame.data)
    except ValueError:
        return ("text", frame.data) if bare and state.plain else (named, None)
    kind = payload.get("type") if isinstance(payload, Mapping) else None
    if isinstance(kind, str) and kind:
        return kind, payload
    if bare and state.plain and not (isinstance(payload, Mapping) and code_of(payload.get("error_code"))):
        return "text", frame.data
    return named, payload


def _marked(state: Answering) -> list[Event]:
    state.marked = True
    if state.plain and not state.typed and not state.completed and state.failure is None:
        return [PartDone(part_id=ANSWER, text=stripped("".join(state.pieces)), wire=Wire("[DONE]"))]
    return []


def _prompted(state: Answering, wire: Wire) -> Prompted:
    state.prompted = True
    return Prompted(key=state.key, prompt_id=state.prompt_id, group=state.group, wire=wire)


def _created(payload: Fields, state: Answering) -> list[Event]:
    """``response.created``, which names the prompt in generation 1b; a repeated one says nothing new."""
    state.typed = True
    named = not state.prompt_id
    state.prompt_id = state.prompt_id or _text(payload.get("user_conversation_id"))
    state.group = state.group or _text(payload.get("conversation_group_id"))
    if state.prompted and not (named and state.prompt_id):
        return []
    return [_prompted(state, Wire("response.created", payload))]


def _typed(kind: str, payload: Fields, state: Answering) -> list[Event]:
    wire = Wire(kind, payload, at=_text(payload.get("timestamp")))
    if _fails(kind) or code_of(payload.get("error_code")):
        state.failure = failure_of(payload)
        return []
    known = _KNOWN.get(kind)
    if known is None:
        return [Unknown(wire=wire)]
    return known(payload, state, wire)


def _title(payload: Fields, state: Answering, wire: Wire) -> list[Event]:
    del state
    name = payload.get("name")
    return [Titled(title=name, wire=wire)] if isinstance(name, str) and name else [Unknown(wire=wire)]


def _delta(payload: Fields, state: Answering, wire: Wire) -> list[Event]:
    delta = payload.get("delta")
    if not isinstance(delta, str) or payload.get("part_kind", "text") != "text":
        return [Unknown(wire=wire)]
    return _more(delta, state, Wire(wire.type, payload, preview=True))


def _more(text: str, state: Answering, wire: Wire) -> list[Event]:
    if state.completed:
        return []
    state.pieces.append(text)
    shown = state.tags.feed(text)
    return [PartDelta(part_id=ANSWER, text=shown, wire=wire)] if shown else []


def _completed(payload: Fields, state: Answering, wire: Wire) -> list[Event]:
    """The answer is whole: the final text replaces what was streamed (contract 6.6)."""
    if state.completed:
        return []
    state.completed = True
    text = next((payload[key] for key in ("final_text", "full_text") if isinstance(payload.get(key), str)), state.final)
    if not isinstance(text, str):
        text = "".join(state.pieces)
    events: list[Event] = [PartDone(part_id=ANSWER, text=stripped(text), wire=wire)]
    usage = usage_of(payload.get("usage"))
    if usage is not None:
        events.append(Used(usage=usage, wire=wire))
    return events


def _step_start(payload: Fields, state: Answering, wire: Wire) -> list[Event]:
    step = payload.get("step")
    if not isinstance(step, Mapping):
        return [Unknown(wire=wire)]
    part_id = _text(step.get("id"))
    if not part_id:
        state.steps += 1
        part_id = f"step-{state.steps}"
        state.waiting_steps.append(part_id)
    return [_call(step, part_id, state, wire)]


def _call(step: Fields, part_id: str, state: Answering, wire: Wire) -> ToolCalled:
    if asks_form(step):
        state.form = form_of(step, part_id)
    return called(step, part_id, Wire(wire.type, wire.raw, at=_text(step.get("timestamp")) or wire.at))


def _step_end(payload: Fields, state: Answering, wire: Wire) -> list[Event]:
    step = payload.get("step")
    if not isinstance(step, Mapping):
        return [Unknown(wire=wire)]
    part_id = _text(step.get("id"))
    if not part_id:
        part_id = state.waiting_steps.pop(0) if state.waiting_steps else f"step-{state.steps + 1}"
        state.steps = max(state.steps, int(part_id.removeprefix("step-")))
    return [_return(step, part_id, state, wire)]


def _return(step: Fields, part_id: str, state: Answering, wire: Wire) -> ToolReturned:
    if asks_form(step):
        found = form_of(step, part_id)
        before = state.form
        if found is not None and before is not None:
            named = found if found.event_id != part_id else before
            found = Request(named.event_id, named.kind, (found if found.input else before).name, found.input or before.input)
        state.form = found
    return returned(step, part_id, Wire(wire.type, wire.raw, at=_text(step.get("timestamp")) or wire.at))


def _part(payload: Fields, state: Answering, wire: Wire) -> list[Event]:
    """A finished part of Chat V2 (contract 14)."""
    part = payload.get("part")
    content = part.get("content") if isinstance(part, Mapping) else None
    if not isinstance(part, Mapping) or not isinstance(content, Mapping):
        return [Unknown(wire=wire)]
    call_id = _text(content.get("tool_call_id")) or "step-0"
    step = {"id": call_id, "tool_name": content.get("tool_name"), "args": content.get("args"), "result": content.get("content")}
    match part.get("part_kind"):
        case "text" if isinstance(content.get("content"), str):
            state.final = content["content"]
            return []
        case "tool-call":
            return [_call(step, call_id, state, wire)]
        case "tool-return":
            return [_return(step, call_id, state, wire)]
    return [Unknown(wire=wire)]


def _interaction(payload: Fields, state: Answering, wire: Wire) -> list[Event]:
    """Chat V2 asks for something; that it is a form is a guess (contract 10.2)."""
    inner = payload.get("interaction")
    places = [place for place in (inner, payload) if isinstance(place, Mapping)]
    if wire.type.endswith(".resolved"):
        state.form = None
    else:
        own = _text(places[0].get("id"))
        state.form = form_request(places, own or "interaction")
    return [Unknown(wire=wire)]


_KNOWN: Mapping[str, Callable[[Fields, Answering, Wire], list[Event]]] = {
    "response.chat.title.updated": _title,
    "response.reasoning_step.start": _step_start,
    "response.reasoning_step.end": _step_end,
    "response.output_text.delta": _delta,
    "response.output_text.completed": _completed,
    "response.part.delta": _delta,
    "response.part.completed": _part,
    "response.interaction.created": _interaction,
    "response.interaction.resolved": _interaction,
    "response.completed": _completed,
}


def _fails(kind: str) -> bool:
    return kind in ("error", "failed") or kind.endswith((".error", ".failed"))


def _text(value: Json) -> str:
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
