"""What waits to be sent, to be looked through: taken back, moved, dropped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from app.text import safe_line
from app.transcript import Turn
from app.ui import background
from app.ui.widgets.bars import KeyBar
from app.ui.widgets.rows import Cell, Column, Row, Rows


class QueueDialog(ModalScreen[Turn | None]):
    """The queued messages in the order they leave. The result is the one that is taken back; None for none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("shift+up,K", "move(-1)", "Earlier", id="queue.earlier", tooltip="Let it leave earlier"),
        Binding("shift+down,J", "move(1)", "Later", id="queue.later", tooltip="Let it leave later"),
        Binding("d,delete", "drop", "Drop", id="queue.drop", tooltip="Onto the shelf instead of sending it"),
        Binding("escape", "leave", "Back", id="queue.leave", tooltip="Leave them as they are"),
    ]

    def __init__(
        self,
        queued: Callable[[], Sequence[Turn]],
        move: Callable[[Turn, int], Awaitable[bool]],
        drop: Callable[[Turn], Awaitable[None]],
    ) -> None:
        super().__init__()
        self._queued = queued
        self._move = move
        self._drop = drop

    def compose(self) -> ComposeResult:
        """The list and its keys."""
        with Vertical(classes="dialog"):
            yield Static(Content.styled("Waits to be sent", "bold"))
            yield Rows([Column(width=3, right=True), Column(share=1)], id="options", empty="Nothing waits any more.")
            bar = KeyBar(classes="dialog-keys")
            bar.keys([("enter", "take back"), ("K", "earlier"), ("J", "later"), ("d", "drop"), ("esc", "back")])
            yield bar

    def on_mount(self) -> None:
        """Fill it."""
        self._show()
        self.query_one(Rows).focus()

    def _show(self) -> None:
        rows = self.query_one(Rows)
        queued = self._queued()
        rows.styles.height = min(12, max(1, len(queued)))
        rows.show(
            [
                Row(turn.uid, (Cell(str(number), "quiet"), Cell(safe_line(turn.text, 300))))
                for number, turn in enumerate(queued, 1)
            ]
        )

    def _here(self) -> Turn | None:
        key = self.query_one(Rows).key
        return next((turn for turn in self._queued() if turn.uid == key), None)

    @on(Rows.Chosen)
    def take(self) -> None:
        """Back into the composer."""
        self.dismiss(self._here())

    def action_move(self, step: int) -> None:
        """Another place in the queue."""
        turn = self._here()

        async def move() -> None:
            if turn is not None and await self._move(turn, step):
                self._show()
                self.query_one(Rows).put_cursor(turn.uid)

        background.start(self, move, group="move", exclusive=False)

    def action_drop(self) -> None:
        """Not sent; its words go onto the shelf."""
        turn = self._here()

        async def drop() -> None:
            if turn is not None:
                await self._drop(turn)
                self._show()

        background.start(self, drop, group="move", exclusive=False)

    def action_leave(self) -> None:
        """As they are."""
        self.dismiss(None)
