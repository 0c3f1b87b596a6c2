"""What was said: its screens, and the work on it that outlives them. Imported when first gone to, like those of ``places``."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.screen import Screen

from app.text import safe_line
from app.ui import background, requests

if TYPE_CHECKING:
    from app.ui.deletions import Deletions
    from app.ui.desk import Desk
    from app.ui.syncing import Syncing


Asked = requests.OpenHistory | requests.OpenSearch | requests.OpenSync | requests.OpenCompare


class Archive:
    """Of one application: its deletions and its syncs go on whatever screen is shown, and end with it."""

    def __init__(self, app: App[None], desk: Desk) -> None:
        self._app = app
        self._desk = desk
        self._syncing: Syncing | None = None
        self._deletions: Deletions | None = None

    def _start(self, work: Callable[[], Coroutine[Any, Any, None]], group: str) -> None:
        background.start(self._app, work, group=group)

    def _say(self, sentence: str, failed: bool) -> None:
        severity = "warning" if failed else "information"
        self._app.notify(safe_line(sentence, 400), severity=severity, markup=False, timeout=8)  # type: ignore[arg-type]

    def open(self, event: Asked) -> None:
        """Show what was asked for, unless one is there already."""
        here = type(self._app.screen).__name__
        if isinstance(event, requests.OpenHistory) and here != "HistoryScreen":
            self._app.push_screen(self.history(event.text))
        elif isinstance(event, requests.OpenSearch) and here != "SearchScreen":
            self._app.push_screen(self.search(event.text))
        elif isinstance(event, requests.OpenCompare):
            self._app.push_screen(self.compare(event))
        elif isinstance(event, requests.OpenSync) and here != "SyncScreen":
            self._app.push_screen(self.sync())

    def compare(self, event: requests.OpenCompare) -> Screen[None]:
        """One prompt, two agents."""
        from app.ui.screens.compare import CompareScreen

        return CompareScreen(self._desk, (event.left, event.right))

    def history(self, text: str = "") -> Screen[None]:
        """All conversations."""
        from app.ui.deletions import Deletions
        from app.ui.screens.history import HistoryScreen

        self._deletions = self._deletions or Deletions(self._desk, partial(self._start, group="delete"), self._say)
        return HistoryScreen(self._desk, self._deletions, text=text)

    def search(self, text: str = "") -> Screen[None]:
        """Everything that was ever said."""
        from app.ui.screens.search import SearchScreen

        return SearchScreen(self._desk, text=text)

    def sync(self) -> Screen[None]:
        """What is not read yet."""
        from app.ui.screens.sync import SyncScreen
        from app.ui.syncing import Syncing

        self._syncing = self._syncing or Syncing(self._desk, partial(self._start, group="sync"))
        return SyncScreen(self._desk, self._syncing)
