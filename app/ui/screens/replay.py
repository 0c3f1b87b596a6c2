"""A recording in the inspector: the same screen, with a clock of its own."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from app.ui.desk import Desk
from app.ui.recordings import Replay
from app.ui.screens.events import EventsScreen


class ReplayScreen(EventsScreen):
    """Played at its own pace, faster or slower, or all at once."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "pause", "Pause", id="replay.pause", tooltip="Stand still, or go on"),
        Binding("plus,equals_sign", "pace(2.0)", "Faster", id="replay.faster", tooltip="Twice as fast"),
        Binding("minus", "pace(0.5)", "Slower", id="replay.slower", tooltip="Half as fast"),
        Binding("G,end", "all", "All of it", id="replay.all", tooltip="Everything at once", priority=True),
    ]

    def __init__(self, desk: Desk, replay: Replay) -> None:
        super().__init__(desk, replay)
        self._replay = replay

    def _refresh_keys(self) -> None:
        self.key_bar.keys(
            [("space", "pause"), ("+ -", "pace"), ("G", "all of it"), ("/", "filter"), ("e E", "errors"), ("esc", "back")]
        )

    def action_pause(self) -> None:
        """Stand still, or go on."""
        self._replay.pause()
        self._refresh_rim()

    def action_pace(self, factor: float) -> None:
        """Another pace."""
        self._replay.faster(factor)
        self._refresh_rim()

    def action_all(self) -> None:
        """Everything at once."""
        self._replay.to_end()
        self._heard()
