"""The screens of what was said: search and sync. Imported when first gone to, like those of ``places``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.screen import Screen

if TYPE_CHECKING:
    from app.ui.desk import Desk
    from app.ui.syncing import Syncing


def search(desk: Desk, text: str = "") -> Screen[None]:
    """Everything that was ever said."""
    from app.ui.screens.search import SearchScreen

    return SearchScreen(desk, text=text)


def sync(desk: Desk, syncing: Syncing) -> Screen[None]:
    """What is not read yet."""
    from app.ui.screens.sync import SyncScreen

    return SyncScreen(desk, syncing)
