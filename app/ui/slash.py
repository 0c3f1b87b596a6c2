"""The composer's ``/`` commands: names for what keys do, completed as one types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """A name, the action that it runs, and what it does."""

    name: str
    action: str
    what: str


COMMANDS = (
    Command("attach", "attach", "a file goes with the message"),
    Command("save", "save_file", "a file of this conversation onto your disk"),
    Command("new", "again", "another conversation with this agent"),
    Command("agents", "app.agents", "who there is to talk with"),
    Command("chats", "app.history", "all conversations"),
    Command("search", "app.search", "everything that was ever said"),
    Command("sync", "app.sync", "read the rest into the search"),
    Command("next", "app.inbox", "what waits for you"),
    Command("events", "events", "what the wire really said"),
    Command("find", "find", "words in this conversation"),
    Command("history", "prompts", "what you asked before"),
    Command("edit", "edit", "the draft in your editor"),
    Command("queue", "queue", "what waits to be sent: take back, move, drop"),
    Command("details", "details", "show or hide thoughts and tools"),
    Command("mouse", "app.mouse", "leave the mouse to the terminal, or take it"),
    Command("review", "app.review", "answers that nobody rated, or not well"),
    Command("settings", "app.settings", "theme, keys, notifications"),
    Command("drafts", "shelf", "put the draft away, or bring one back"),
    Command("again", "regenerate", "have the last message answered again"),
    Command("reread", "reread", "read the history from the server again"),
    Command("export", "export", "the conversation as a file, keys taken out"),
    Command("keys", "app.help", "the keys of where you are"),
    Command("quit", "app.quit", "leave; the agents go on"),
)


def typed(text: str) -> str | None:
    """The name that is being typed; None if this is no command. A space in front sends such a text as it is."""
    if not text.startswith("/") or "\n" in text or " " in text.strip() or "/" in text[1:]:
        return None
    return text[1:].strip()


def fitting(name: str) -> Sequence[Command]:
    """The commands that begin so."""
    return [command for command in COMMANDS if command.name.startswith(name)]


def meant(name: str) -> Command | None:
    """The one that is meant: its whole name, or all there is of it."""
    found = fitting(name)
    exact = [command for command in found if command.name == name]
    return exact[0] if exact else found[0] if len(found) == 1 else None
