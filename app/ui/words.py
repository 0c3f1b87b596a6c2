"""The sentences and marks of a conversation's title, question and notices."""

from __future__ import annotations

from textual.content import Content

from app.models import PromptState, Request, RequestKind, Stop
from app.protocols import ForUsers
from app.text import json_text, safe_line
from app.transcript import Turn
from app.turns import Chip, Talk, chip
from app.ui.widgets.askbar import Option

_COLOURS = {
    Chip.LIVE: "$success",
    Chip.NEEDS_YOU: "bold $warning",
    Chip.FAILED: "$error",
    Chip.UNKNOWN: "$warning",
    Chip.RECONNECTING: "$warning",
    Chip.RETRYING: "$warning",
    Chip.CATCHING_UP: "$warning",
    Chip.CHECKING: "$warning",
    Chip.OFFLINE: "$error",
}
_MARKS = {Chip.LIVE: "● ", Chip.NEEDS_YOU: "! ", Chip.FAILED: "× "}
APPROVAL_OPTIONS = (Option("y", "allow"), Option("n", "deny"), Option("r", "deny and say why"), Option("v", "see it whole"))
OPTIONS = {
    RequestKind.APPROVAL: APPROVAL_OPTIONS,
    RequestKind.FORM: (Option("f", "fill it in"), Option("v", "see it whole")),
}
UNKNOWN_OPTIONS = (Option("l", "look again"), Option("s", "send it again"), Option("x", "leave it"))


def chip_content(talk: Talk, now: float) -> Content:
    """As whom one talks, and the status chip: always one word that is true."""
    state, figure = chip(talk, now)
    text = f"{_MARKS.get(state, '')}{state.value}{' ' + figure if figure else ''}"
    user = talk.vendor.user_of(talk.conversation) if isinstance(talk.vendor, ForUsers) else ""
    whom = f"as {safe_line(user, 24)} · " if user else ""
    return Content.assemble((whom, "$text-muted"), (text, _COLOURS.get(state, "$text-muted")))


def title_content(talk: Talk) -> tuple[Content, Content]:
    """Left: the conversation's title. Middle: who answers, in whose account."""
    conversation = talk.conversation
    version = f" v{conversation.agent_version}" if conversation.agent_version else ""
    who = f"{conversation.agent_name or 'Agent'}{version} · {talk.profile}"
    title = safe_line(talk.transcript.title or conversation.title or "New conversation", 120)
    return Content.styled(title, "bold"), Content.styled(safe_line(who, 120), "$text-muted")


def approval_question(talk: Talk, request: Request, left: int, width: int) -> Content:
    """What the agent wants to do, on one or two lines."""
    who = safe_line(talk.conversation.agent_name or "The agent", 40)
    if request.kind is RequestKind.APPROVAL:
        words = Content.assemble((f"{who} wants to run", ""), "  ", (safe_line(request.name, 60), "bold $warning"))
    elif request.kind is RequestKind.FORM:
        return Content.assemble((f"{who} asks for a form", ""), "  ", (safe_line(request.name, 60), "bold $warning"))
    else:
        words = Content.assemble((f"{who} waits for the result of", ""), "  ", (safe_line(request.name, 60), "bold $warning"))
    more = Content.styled(f"   {left} more after this" if left else "", "$text-muted")
    what = Content.styled(safe_line(input_words(request), max(20, (width - 6) * 2)), "")
    return Content("\n").join([words + more, what])


def input_words(request: Request) -> str:
    """What it is about: the values of its input, or its JSON."""
    data = request.input
    if isinstance(data, dict) and data and all(isinstance(value, str) for value in data.values()):
        return "  ".join(data.values())
    return json_text(data) if data is not None else ""


def unknown_question(turn: Turn) -> Content:
    """What to do about a message whose fate is unknown."""
    why = safe_line(turn.failure.message, 300) if turn.failure is not None else "It may or may not have arrived."
    return Content.assemble(("Delivery unknown. ", "bold $warning"), why)


def not_saved(error: Exception) -> str:
    """Why what is being said is only in memory."""
    return f"{error} What is said meanwhile is kept in memory and saved then."


def needs_deciding(turn: Turn) -> bool:
    """Whether a person has to say what becomes of this message."""
    return turn.state is PromptState.UNKNOWN and turn.stop is Stop.UNKNOWN
