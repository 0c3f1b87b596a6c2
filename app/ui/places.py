"""The screens by name. Each is imported when it is first gone to, so that the first one is painted early."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual.screen import Screen

if TYPE_CHECKING:
    from app.turns import Talk
    from app.ui.desk import Desk


def welcome(desk: Desk) -> Screen[None]:
    """Where a key is taken."""
    from app.ui.screens.welcome import WelcomeScreen

    return WelcomeScreen(desk)


def agents(desk: Desk) -> Screen[None]:
    """Who there is to talk with."""
    from app.ui.screens.agents import AgentsScreen

    return AgentsScreen(desk)


async def resources(desk: Desk, ask: Callable[[Screen[str | None]], Awaitable[str | None]]) -> Screen[None] | None:
    """What an account holds; None if it was not said which. Raises ``UsageError``."""
    from app.ui.resources.opening import browser

    return await browser(desk, ask)


def conversation(desk: Desk, talk: Talk, *, draft: str = "", turn: str = "", part: str = "", words: str = "") -> Screen[None]:
    """One conversation; at a turn, a part of it, words in there."""
    from app.ui.screens.conversation import ConversationScreen

    return ConversationScreen(desk, talk, draft=draft, at=(turn, part, words))


def events(desk: Desk, talk: Talk, at: str = "") -> Screen[None]:
    """Its events."""
    from app.ui.recordings import Live
    from app.ui.screens.events import EventsScreen

    return EventsScreen(desk, Live(desk, talk), at=at)


async def replay(desk: Desk, path: str) -> Screen[None]:
    """A file of events. Raises ``UsageError``."""
    from app.ui.recordings import Replay
    from app.ui.screens.replay import ReplayScreen

    return ReplayScreen(desk, await Replay.open(Path(path), desk.clock.monotonic))


def file(question: str) -> Screen[str | None]:
    """Which file?"""
    from app.ui.pick import FileDialog

    return FileDialog(Path.cwd(), question)
