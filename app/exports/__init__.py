"""A conversation as Markdown, JSON, JSONL or a page of its own; secrets taken out of every field unless asked otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from app.exports.files import suggested, write_new
from app.exports.plain import conversation_object, event_object, markdown, part_object, turn_object
from app.exports.redaction import Cleaner, redacted
from app.models import Conversation, Profile, Wire
from app.text import json_text
from app.transcript import Turn

__all__ = [
    "FORMATS",
    "Cleaner",
    "conversation_object",
    "document",
    "event_lines",
    "event_object",
    "markdown",
    "part_object",
    "redacted",
    "suggested",
    "turn_object",
    "write_new",
]

FORMATS = {"md": "Markdown", "html": "a page of its own", "json": "JSON, the turns", "jsonl": "JSON lines, the events"}


def document(
    form: str, conversation: Conversation, turns: Sequence[Turn], wires: Sequence[Wire], profile: Profile, cleaner: Cleaner
) -> str:
    """The whole of it in one of ``FORMATS``. JSONL without events has the turns, one a line."""
    if form == "jsonl" and wires:
        return event_lines(wires, cleaner)
    conversation = cleaner.conversation(conversation)
    turns = [cleaner.turn(turn) for turn in turns]
    match form:
        case "md":
            return markdown(conversation, turns)
        case "html":
            from app.exports.page import page

            return page(conversation, turns, profile.name)
        case "json":
            shown = conversation_object(conversation, profile.name, profile.vendor)
            return json_text({**shown, "turns": [turn_object(turn) for turn in turns]}, indent=2) + "\n"
        case _:
            return "".join(json_text({"type": "turn", **turn_object(turn)}) + "\n" for turn in turns)


def event_lines(wires: Sequence[Wire], cleaner: Cleaner | None = None) -> str:
    """Events as JSON lines, without keys."""
    clean = cleaner or Cleaner()
    return "".join(json_text(clean.value(event_object(wire))) + "\n" for wire in wires)
