"""A place with a filter over a list: letters go to the filter, single keys act in the list, esc goes one step out."""

from __future__ import annotations

from collections.abc import Iterable

from textual import events
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Static

from app.ui.requests import GoBack
from app.ui.screens.base import Place
from app.ui.widgets.rows import Rows


class Filter(Input):
    """Enter takes effect in its turn among the letters; a binding would come after those that were typed right behind it."""

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            await self.action_submit()
        else:
            await super()._on_key(event)


class Listing(Place):
    """What such places share; each brings its own bindings, which name these actions."""

    AUTO_FOCUS = "#filter"

    def filter_line(self, placeholder: str, text: str = "") -> Iterable[Widget]:
        """The line above the list: what is typed, and how many fit."""
        with Horizontal(id="filter-line"):
            yield Static("❯", id="filter-caret", markup=False)
            field = Filter(text, placeholder=placeholder, id="filter")
            field.cursor_blink = False
            yield field
            yield Static(id="filter-count", markup=False)

    @property
    def filter(self) -> Input:
        """The field one types in."""
        return self.query_one("#filter", Input)

    def action_into_list(self) -> None:
        """From the filter into the list, at once: the next key is meant for it."""
        self.set_focus(self.query_one(Rows))

    def action_into_filter(self) -> None:
        """Back to the filter."""
        self.filter.focus()

    def action_step_out(self) -> None:
        """List, filter, what else there is to leave, away."""
        if not self.filter.has_focus:
            self.filter.focus()
        elif self.filter.value:
            self.filter.value = ""
        else:
            self.leave()

    def leave(self) -> None:
        """Nothing is left to step out of here."""
        self.post_message(GoBack())
