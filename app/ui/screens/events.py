"""The inspector: what the wire really said, live, past or from a file, with its JSON, its lanes, its tools and its figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from app.exports import event_lines, write_new
from app.store import StoredEvent
from app.text import json_text, safe
from app.ui import inspection
from app.ui.desk import Desk
from app.ui.dialogs import AskLine
from app.ui.recordings import Source
from app.ui.requests import GoBack, ReplayFile, ShowTurn
from app.ui.screens.listing import Listing
from app.ui.widgets.rows import Cell, Column, Drawn, Row, Rows
from app.ui.widgets.timeline import TimeLine

WIDE = 100
TICK = 0.25
VIEWS = ("events", "tools", "turns")


class EventsScreen(Listing):
    """A list of events beside the JSON of the one under the cursor; lanes above."""

    AUTO_FOCUS = "#list"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "into_filter", "Filter", id="events.filter", tooltip="type:…, is:error, lane:… and words"),
        Binding("escape", "step_out", "Back", id="events.out", tooltip="To the list, then back to the conversation"),
        Binding("e", "error(1)", "Next error", id="events.error", tooltip="The next event that tells of a failure"),
        Binding("E", "error(-1)", "Error before", id="events.error_before", tooltip="The one before"),
        Binding("f", "follow", "Follow", id="events.follow", tooltip="Stay at the newest event, or not"),
        Binding("t", "view", "Events, tools, turns", id="events.view", tooltip="Events; tools with times; turns with cost"),
        Binding("b", "message", "To the message", id="events.message", tooltip="The message that this event belongs to"),
        Binding("d", "pieces", "Deltas", id="events.deltas", tooltip="How a message came, piece by piece"),
        Binding("y", "copy", "Copy", id="events.copy", tooltip="Copy the event's JSON"),
        Binding("x", "export", "Export", id="events.export", tooltip="All of it as JSON lines, keys taken out"),
        Binding("o", "replay", "Play a file", id="events.replay", tooltip="Play an exported file again"),
        Binding("tab", "detail", "JSON", id="events.detail", tooltip="Show or hide the JSON", priority=True),
    ]  # fmt: skip

    def __init__(self, desk: Desk, source: Source, *, at: str = "") -> None:
        super().__init__(desk)
        self.source = source
        self._at = at
        self._listing = inspection.Listing()
        self._view = VIEWS[0]
        self._follow = not at
        self._reading = False
        self._unlisten: Callable[[], None] = lambda: None

    def content(self) -> Iterable[Widget]:
        """Lanes, filter, list, JSON."""
        yield TimeLine(lambda width: inspection.lanes(self.source.turns(), width, self.desk.clock.wall()), id="lanes")
        yield from self.filter_line("Type a type or a text")
        with Horizontal(id="events-body"):
            yield Rows([Column(width=13), Column(share=5), Column(share=4, from_width=60)], id="list", empty="No events yet.")
            with VerticalScroll(id="detail"):
                yield Static(id="json", markup=False)

    def on_mount(self) -> None:
        """What was recorded, then what comes."""
        self.on_resize()
        self._refresh_rim()
        self._unlisten = self.source.listen(self._heard)
        self.set_interval(TICK, self._tick)
        self.attempt(self._read, group="read")

    def on_unmount(self) -> None:
        """Nothing to tell any more."""
        self._unlisten()

    def on_resize(self) -> None:
        """The JSON has room or gives way."""
        self.query_one("#detail").set_class(self.size.width < WIDE, "-narrow")

    def _heard(self) -> None:
        if self.is_attached and not self._reading:
            self._reading = True
            self.call_later(self.attempt, self._read, group="read")

    def _tick(self) -> None:
        talk = self.source.talk
        if talk is None:
            self._heard()
        elif talk.busy:
            self._refresh_rim()

    async def _read(self) -> None:
        self._reading = False
        listing = self._listing
        fresh = await self.source.read(listing.events[-1].seq if listing.events else 0)
        if fresh or not listing.events:
            listing.add(fresh)
            self._draw()
        if self._at and (seq := self._seq_of(self._at)):
            self._at, self._follow = "", False
            self.query_one(Rows).put_cursor(seq)
        self._refresh_rim()

    def _seq_of(self, wire_id: str) -> str:
        return next((str(one.seq) for one in self._listing.events if wire_id in (one.wire.id, f"#{one.seq}")), "")

    def _refresh_rim(self) -> None:
        self.title_bar.show(self.source.title(), Content.styled(self._view, "$text-muted"), self.source.state())
        self.query_one(TimeLine).again()
        self._refresh_keys()

    # --- what is listed ---------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        rows, listing = self.query_one(Rows), self._listing
        if self._view != "events":
            made = tool_rows(self.source) if self._view == "tools" else turn_rows(self.source)
            rows.show(made, empty="No tool was called." if self._view == "tools" else "There is no transcript here.")
            self.query_one("#filter-count", Static).update(Content(str(len(made))))
            return
        listing.narrow(self.query_one("#filter", Input).value)
        shown = list(listing.shown)
        keys = [str(listing.events[number].seq) for number in shown]
        empty = "No events fit." if listing.events else "No events were recorded yet."
        rows.show(Drawn(keys, lambda place: _row(listing.events[shown[place]])), empty=empty)
        if self._follow and keys:
            rows.put_cursor(keys[-1])
        self.query_one("#filter-count", Static).update(Content(f"{len(shown):,} of {len(listing.events):,}"))

    def _chosen(self) -> StoredEvent | None:
        key, listing = self.query_one(Rows).key, self._listing
        if self._view != "events" or not key:
            return None
        place = self.query_one(Rows).cursor
        return listing.events[listing.shown[place]] if place < len(listing.shown) else None

    @on(Rows.Highlighted)
    def show_json(self) -> None:
        """The whole event."""
        one = self._chosen()
        text = safe(json_text(one.wire.raw, indent=2)[:200_000]) if one is not None else ""
        self.query_one("#json", Static).update(Content(text))

    @on(Input.Changed, "#filter")
    def narrow(self) -> None:
        """Filter as one types."""
        self._draw()

    @on(Input.Submitted, "#filter")
    def into_list(self) -> None:
        """Done filtering."""
        self.query_one(Rows).focus()

    @on(Rows.Chosen)
    def open_row(self, event: Rows.Chosen) -> None:
        """Enter shows the JSON where it gave way; on a turn, its message."""
        talk = self.source.talk
        if self._view == "turns" and talk is not None:
            self.post_message(ShowTurn(talk, event.key))
        else:
            self.query_one("#detail").add_class("-asked")

    # --- keys ---------------------------------------------------------------------------------------------------------

    def on_descendant_focus(self) -> None:
        """The keys follow the focus."""
        self._refresh_keys()

    def _refresh_keys(self) -> None:
        follow = "stop following" if self._follow else "follow"
        other = VIEWS[(VIEWS.index(self._view) + 1) % len(VIEWS)]
        keys = [
            ("e E", "errors"),
            ("/", "filter"),
            ("f", follow),
            ("t", other),
            ("b", "message"),
            ("d", "deltas"),
            ("x", "export"),
            ("esc", "back"),
        ]
        self.key_bar.keys(keys)

    def action_step_out(self) -> None:
        """JSON, filter, away."""
        detail = self.query_one("#detail")
        if self.query_one("#filter", Input).has_focus:
            self.query_one(Rows).focus()
        elif detail.has_class("-asked"):
            detail.remove_class("-asked")
        else:
            self.post_message(GoBack())

    def action_error(self, step: int) -> None:
        """The next one that tells of a failure."""
        rows, listing = self.query_one(Rows), self._listing
        place = listing.failure(rows.cursor, step) if self._view == "events" else None
        if place is None:
            self.say("No further failure in that direction.")
        else:
            self._follow = False
            rows.cursor = place
            self._refresh_keys()

    def action_follow(self) -> None:
        """Stay at the newest, or not."""
        self._follow = not self._follow
        self._draw()
        self._refresh_keys()

    def action_view(self) -> None:
        """Events, tools, turns."""
        self._view = VIEWS[(VIEWS.index(self._view) + 1) % len(VIEWS)]
        self._draw()
        self._refresh_rim()

    def action_message(self) -> None:
        """The message that the event belongs to."""
        one, talk = self._chosen(), self.source.talk
        if talk is None or one is None:
            return
        ids = {one.wire.id}
        turn = next(
            (turn for turn in talk.transcript.turns
             if ids & {turn.prompt_id, turn.message_id, *(part.wire_id for part in turn.parts)} - {""}),
            None,
        )  # fmt: skip
        if turn is None:
            earlier = [turn for turn in talk.transcript.turns if turn.started and turn.started <= one.received]
            turn = earlier[-1] if earlier else None
        if turn is not None:
            self.post_message(ShowTurn(talk, turn.uid))

    def action_pieces(self) -> None:
        """How one message came."""
        one, talk = self._chosen(), self.source.talk
        if one is not None and talk is not None:
            self.read_whole("How it came, piece by piece", inspection.delta_lines(talk.deltas.of(one.wire.id)))

    def action_copy(self) -> None:
        """The JSON, to the clipboard."""
        one = self._chosen()
        if one is not None:
            self.copy("event as JSON", json_text(one.wire.raw, indent=2))

    def action_export(self) -> None:
        """To a file of its own."""
        text = self.desk.without_keys(event_lines([one.wire for one in self._listing.events]))

        def named(name: str | None) -> None:
            if name:
                self.attempt(lambda: self._write(Path(name).expanduser(), text), group="export")

        self.app.push_screen(AskLine(f"Write {len(self._listing.events):,} events to", "events.jsonl"), named)

    async def _write(self, path: Path, text: str) -> None:
        write_new(path, text)
        self.say(f"Wrote {path}.")

    def action_replay(self) -> None:
        """Play a file."""
        self.post_message(ReplayFile())

    def action_detail(self) -> None:
        """Show or hide the JSON."""
        self.query_one("#detail").toggle_class("-asked")


def _row(one: StoredEvent) -> Row:
    moment = time.strftime("%H:%M:%S", time.localtime(one.received)) + f".{int(one.received % 1 * 1000):03d}"
    role = "failed" if inspection.is_error(one) else "agent" if "text" in one.wire.type or "message" in one.wire.type else ""
    lane = f"{one.wire.lane}  " if one.wire.lane else ""
    return Row(
        str(one.seq), (Cell(moment, "quiet"), Cell(lane + one.wire.type, role), Cell(inspection.summary(one.wire.raw), "quiet"))
    )


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s" if value < 60 else f"{value / 60:.0f} min"


def tool_rows(source: Source) -> Sequence[Row]:
    """One row a tool: calls, failures, median and longest."""
    return [
        Row(one.name, (Cell(f"{one.calls} calls", "quiet"), Cell(one.name, "strong"),
                       Cell(f"median {_seconds(one.median)}  longest {_seconds(one.longest)}"
                            + (f"  {one.failures} failed" if one.failures else ""), "failed" if one.failures else "quiet")))
        for one in inspection.tools(source.turns())
    ]  # fmt: skip


def turn_rows(source: Source) -> Sequence[Row]:
    """One row a turn: how long it took and what it cost. Credits are the conversation's so far; they are never added up."""
    rows = []
    for turn in source.turns():
        took = turn.ended - turn.started if turn.ended >= turn.started > 0 else None
        usage, figures = turn.usage, [_seconds(took)]
        if usage is not None and usage.input_tokens is not None and usage.output_tokens is not None:
            figures.append(f"in {usage.input_tokens:,} out {usage.output_tokens:,}")
        elif usage is not None and usage.total_tokens is not None:
            figures.append(f"{usage.total_tokens:,} tokens")
        if usage is not None and usage.credits:
            figures.append(f"{usage.credits} credits so far")
        at = time.strftime("%H:%M:%S", time.localtime(turn.started)) if turn.started else ""
        rows.append(Row(turn.uid, (Cell(at, "quiet"), Cell(turn.text or "–"), Cell("  ".join(figures), "quiet"))))
    return rows
