"""The events of a conversation: what the wire really said, live and past, with its JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from app.models import Json
from app.store import StoredEvent
from app.text import json_text, safe, safe_line
from app.transcript import Change
from app.turns import Talk
from app.ui import words
from app.ui.desk import Desk
from app.ui.requests import GoBack
from app.ui.screens.base import Place
from app.ui.widgets.rows import Cell, Column, Row, Rows

WIDE = 100
ERRORS = ("error", "failed", "terminated")
_TELLING = ("delta", "final_text", "name", "message", "text", "stop_reason", "content", "step", "tool_use_id", "error")
_INNER = ("tool_name", "name", "content", "message", "text")


class EventsScreen(Place):
    """A list of events beside the JSON of the one under the cursor."""

    AUTO_FOCUS = "#list"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "into_filter", "Filter", id="events.filter", tooltip="Filter by type and text"),
        Binding("escape,b", "step_out", "Back", id="events.out", tooltip="To the list, then back to the conversation"),
        Binding("e", "error(1)", "Next error", id="events.error", tooltip="The next event that tells of a failure"),
        Binding("E", "error(-1)", "Error before", id="events.error_before", tooltip="The one before"),
        Binding("f", "follow", "Follow", id="events.follow", tooltip="Stay at the newest event, or not"),
        Binding("y", "copy", "Copy", id="events.copy", tooltip="Copy the event's JSON"),
        Binding("tab", "detail", "JSON", id="events.detail", tooltip="Show or hide the JSON", priority=True),
    ]

    def __init__(self, desk: Desk, talk: Talk) -> None:
        super().__init__(desk)
        self._talk = talk
        self._events: list[StoredEvent] = []
        self._shown: list[StoredEvent] = []
        self._follow = True
        self._reading = False
        self._unlisten: Callable[[], None] = lambda: None

    def content(self) -> Iterable[Widget]:
        """Filter, list, JSON."""
        with Horizontal(id="filter-line"):
            yield Static("❯", id="filter-caret", markup=False)
            field = Input(placeholder="Type a type or a text", id="filter")
            field.cursor_blink = False
            yield field
            yield Static(id="filter-count", markup=False)
        with Horizontal(id="events-body"):
            yield Rows([Column(width=13), Column(share=5), Column(share=4, from_width=60)], id="list", empty="No events yet.")
            with VerticalScroll(id="detail"):
                yield Static(id="json", markup=False)

    def on_mount(self) -> None:
        """What was recorded, then what comes."""
        self.on_resize()
        self._refresh_title()
        self._refresh_keys()
        self._unlisten = self.desk.turns.listen(self._changed)
        self.attempt(self._read, group="read")

    def on_unmount(self) -> None:
        """Nothing to tell any more."""
        self._unlisten()

    def on_resize(self) -> None:
        """The JSON has room or gives way."""
        self.query_one("#detail").set_class(self.size.width < WIDE, "-narrow")

    def _changed(self, talk: Talk, change: Change) -> None:
        if talk is self._talk and change.text == "" and self.is_attached and not self._reading:
            self._reading = True
            self.call_later(self.attempt, self._read, group="read")

    async def _read(self) -> None:
        self._reading = False
        after = self._events[-1].seq if self._events else 0
        fresh = await self.desk.store.events(self._talk.pk, after_seq=after)
        if fresh or not self._events:
            self._events += fresh
            self._draw()
        self._refresh_title()

    def _refresh_title(self) -> None:
        left, _ = words.title_content(self._talk)
        usage = self._talk.turn.usage if self._talk.turn is not None else None
        figures = (
            f"in {usage.input_tokens:,} out {usage.output_tokens:,} tokens"
            if usage and usage.input_tokens and usage.output_tokens
            else ""
        )
        if usage and usage.credits:
            figures = f"{safe_line(usage.credits, 20)} credits"
        state = words.chip_content(self._talk, self.desk.clock.monotonic())
        self.title_bar.show(left, Content.styled("events", "$text-muted"), Content.styled(figures + "   ", "$text-muted") + state)

    def _draw(self) -> None:
        wanted = self.query_one("#filter", Input).value.casefold().split()
        self._shown = [one for one in self._events if _fits(one, wanted)]
        rows = self.query_one(Rows)
        rows.show([_row(one) for one in self._shown], empty="No events fit." if wanted else "No events were recorded yet.")
        if self._follow and self._shown:
            rows.put_cursor(str(self._shown[-1].seq))
        self.query_one("#filter-count", Static).update(Content(f"{len(self._shown)} of {len(self._events)}"))

    def _chosen(self) -> StoredEvent | None:
        key = self.query_one(Rows).key
        return next((one for one in self._shown if str(one.seq) == key), None)

    @on(Rows.Highlighted)
    def show_json(self) -> None:
        """The whole event."""
        one = self._chosen()
        self.query_one("#json", Static).update(
            Content(safe(json_text(one.wire.raw, indent=2)[:200_000])) if one is not None else Content()
        )

    @on(Input.Changed, "#filter")
    def narrow(self) -> None:
        """Filter as one types."""
        self._draw()

    @on(Input.Submitted, "#filter")
    def into_list(self) -> None:
        """Done filtering."""
        self.query_one(Rows).focus()

    @on(Rows.Chosen)
    def open_json(self) -> None:
        """Enter shows it where it gave way."""
        self.query_one("#detail").add_class("-asked")

    # --- keys ---------------------------------------------------------------------------------------------------------

    def on_descendant_focus(self) -> None:
        """The keys follow the focus."""
        self._refresh_keys()

    def _refresh_keys(self) -> None:
        follow = "stop following" if self._follow else "follow"
        self.key_bar.keys([("e E", "errors"), ("/", "filter"), ("f", follow), ("y", "copy"), ("tab", "json"), ("esc", "back")])

    def action_into_filter(self) -> None:
        """Type what to look for."""
        self.query_one("#filter", Input).focus()

    def action_step_out(self) -> None:
        """JSON, filter, away."""
        detail = self.query_one("#detail")
        field = self.query_one("#filter", Input)
        if field.has_focus:
            self.query_one(Rows).focus()
        elif detail.has_class("-asked"):
            detail.remove_class("-asked")
        else:
            self.post_message(GoBack())

    def action_error(self, step: int) -> None:
        """The next one that tells of a failure."""
        rows = self.query_one(Rows)
        at = rows.cursor
        order = self._shown[at + 1 :] if step > 0 else list(reversed(self._shown[:at]))
        found = next((one for one in order if _is_error(one)), None)
        if found is None:
            self.say("No further failure in that direction.")
        else:
            self._follow = False
            rows.put_cursor(str(found.seq))
            self._refresh_keys()

    def action_follow(self) -> None:
        """Stay at the newest, or not."""
        self._follow = not self._follow
        self._draw()
        self._refresh_keys()

    def action_copy(self) -> None:
        """The JSON, to the clipboard."""
        one = self._chosen()
        if one is not None:
            text = json_text(one.wire.raw, indent=2)
            self.app.copy_to_clipboard(text)
            self.say(f"Copied by the terminal's clipboard sequence: {len(text):,} characters.")

    def action_detail(self) -> None:
        """Show or hide the JSON."""
        self.query_one("#detail").toggle_class("-asked")


def _row(one: StoredEvent) -> Row:
    moment = time.strftime("%H:%M:%S", time.localtime(one.received)) + f".{int(one.received % 1 * 1000):03d}"
    role = "failed" if _is_error(one) else "agent" if "text" in one.wire.type or "message" in one.wire.type else ""
    return Row(str(one.seq), (Cell(moment, "quiet"), Cell(one.wire.type, role), Cell(_summary(one.wire.raw), "quiet")))


def _summary(raw: Json) -> str:
    if not isinstance(raw, dict):
        return safe_line(raw, 200)
    for name in _TELLING:
        value = raw.get(name)
        if isinstance(value, str) and value:
            return safe_line(value, 200)
        if isinstance(value, dict) and (inner := [value[key] for key in _INNER if isinstance(value.get(key), str)]):
            return safe_line("  ".join(dict.fromkeys(inner)), 200)
        if isinstance(value, dict | list) and value:
            return safe_line(json_text(value)[:400], 200)
    return ""


def _is_error(one: StoredEvent) -> bool:
    raw = one.wire.raw
    failed = isinstance(raw, dict) and bool(raw.get("is_error"))
    return failed or any(word in one.wire.type for word in ERRORS)


def _fits(one: StoredEvent, wanted: list[str]) -> bool:
    if not wanted:
        return True
    text = f"{one.wire.type} {one.wire.id}".casefold()
    return all(word in text for word in wanted) or all(word in text + json_text(one.wire.raw).casefold() for word in wanted)
