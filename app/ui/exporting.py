"""Exporting from the application: which format, which file, and what was taken out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from app.errors import UsageError
from app.exports import FORMATS, Cleaner, document, suggested, write_new
from app.models import Conversation, Wire
from app.transcript import Turn
from app.turns import Talk
from app.ui.dialogs import AskLine, ChooseDialog
from app.ui.screens.base import Place

Load = Callable[[], Awaitable[tuple[Sequence[Turn], Sequence[Wire]]]]
"""The turns and the events of the conversation."""


def ask_talk(place: Place, talk: Talk) -> None:
    """The same for an open conversation."""

    async def load() -> tuple[Sequence[Turn], Sequence[Wire]]:
        events = await place.desk.store.events(talk.pk)
        return list(talk.transcript.turns), [event.wire for event in events]

    ask(place, talk.conversation, talk.profile, load)


def ask(place: Place, conversation: Conversation, profile: str, load: Load) -> None:
    """Ask for format and file, then write. Nothing is ever overwritten."""

    def chosen(form: str | None) -> None:
        if form:
            question = AskLine(f"Write {FORMATS[form]} to", suggested(conversation, form))
            place.app.push_screen(question, lambda name: named(form, name))

    def named(form: str, name: str | None) -> None:
        if name and name.strip():
            place.attempt(lambda: _write(place, conversation, profile, load, form, Path(name.strip())), group="export")

    place.app.push_screen(ChooseDialog("Export as", [(form, f"{form:<6} {what}") for form, what in FORMATS.items()]), chosen)


def _new(path: Path, text: str) -> Path:
    path = path.expanduser().absolute()
    if path.exists():
        raise UsageError(f"{path} exists already; nothing was written. Take another name.")
    write_new(path, text)
    return path


async def _write(place: Place, conversation: Conversation, profile: str, load: Load, form: str, path: Path) -> None:
    turns, wires = await load()
    if not turns and not wires:
        raise UsageError("Nothing of it was read here yet. Open it once, then export it.")
    account = next((one for one in await place.desk.profiles() if one.name == profile), None)
    if account is None:
        raise UsageError(f"The profile {profile!r} is not in use any more.")
    cleaner = Cleaner(place.desk.without_keys)
    text = document(form, conversation, turns, wires, account, cleaner)
    path = await asyncio.to_thread(_new, path, text)
    taken = f" {cleaner.count} secrets were taken out of it." if cleaner.count else " No key was found in it."
    place.say(f"Wrote {path}, {len(text.encode()):,} bytes.{taken}")
