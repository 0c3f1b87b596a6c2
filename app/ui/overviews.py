"""Screens over all conversations and accounts, by name; each is imported when it is first gone to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.screen import Screen

if TYPE_CHECKING:
    from app.ui.desk import Desk


def inbox(desk: Desk) -> Screen[None]:
    """What waits for a person."""
    from app.ui.screens.inbox import InboxScreen

    return InboxScreen(desk)


def review(desk: Desk) -> Screen[None]:
    """Answers that nobody rated, or not well."""
    from app.ui.screens.review import ReviewScreen

    return ReviewScreen(desk)


def batches(desk: Desk) -> Screen[None]:
    """The batch jobs."""
    from app.ui.screens.batches import BatchesScreen

    return BatchesScreen(desk)
