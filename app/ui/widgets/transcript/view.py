"""The transcript: a conversation one reads, moves about in, copies from and searches."""

from __future__ import annotations

from typing import ClassVar, TypeAlias

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset
from textual.selection import Selection

from app.models import Verdict
from app.text import safe
from app.ui.widgets.transcript import copying, finding, messages
from app.ui.widgets.transcript.colours import COLOURS
from app.ui.widgets.transcript.cursor import Cursor
from app.ui.widgets.transcript.painter import GUTTER, number_of
from app.ui.widgets.transcript.sections import PROMPT, TurnView, Words, folds
from app.ui.widgets.transcript.strips import character_at
from app.ui.widgets.transcript.window import Place

WHEEL = 3
KINDS = {"m": "message", "c": "code block", "t": "table as CSV", "e": "event as JSON", "a": "conversation"}


class TranscriptView(Cursor):
    """Turns of a conversation. Values in, messages out; it owns no turn and changes none."""

    CopyRequested: TypeAlias = messages.CopyRequested
    RateRequested: TypeAlias = messages.RateRequested
    LinkRequested: TypeAlias = messages.LinkRequested
    FoldToggled: TypeAlias = messages.FoldToggled

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "step(1)", "Next", id="transcript.next", tooltip="The next block"),
        Binding("k,up", "step(-1)", "Previous", id="transcript.previous", tooltip="The block before"),
        Binding("alt+down,J", "turn(1)", "Next message", id="transcript.next_message", tooltip="The next message"),
        Binding("alt+up,K", "turn(-1)", "Previous message", id="transcript.previous_message", tooltip="The message before"),
        Binding("pagedown", "page_down", "Page down", id="transcript.page_down", tooltip="A page down"),
        Binding("pageup", "page_up", "Page up", id="transcript.page_up", tooltip="A page up"),
        Binding("end,G", "end", "End", id="transcript.end", tooltip="The newest line, and follow it"),
        Binding("home,g", "home", "Beginning", id="transcript.home", tooltip="The first message"),
        Binding("enter,space", "fold", "Details", id="transcript.fold", tooltip="Show or hide the details"),
        Binding(
            "s", "bare", "Show keys", id="transcript.bare", tooltip="Show what looks like a key in a tool's details", show=False
        ),
        Binding("o", "link", "Open link", id="transcript.link", tooltip="Open a link of this block; again for the next"),
        Binding("y", "yank", "Copy…", id="transcript.copy", tooltip="y, then m message, c code, t table, e event, a all"),
        Binding("plus,equals_sign", "rate('up')", "Rate up", id="transcript.up", tooltip="A good answer"),
        Binding("minus", "rate('down')", "Rate down", id="transcript.down", tooltip="A bad answer"),
        Binding("slash", "screen.find", "Find", id="transcript.find", tooltip="Find in this conversation", show=False),
        Binding("x", "screen.export", "Export", id="transcript.export", tooltip="Write the conversation to a file", show=False),
        Binding("n", "hit(1)", "Next hit", id="transcript.hit", tooltip="The next occurrence"),
        Binding("N", "hit(-1)", "Previous hit", id="transcript.hit_before", tooltip="The occurrence before"),
    ]

    DEFAULT_CSS = COLOURS

    # --- moving -----------------------------------------------------------------------------------------------------------

    def action_page_down(self) -> None:
        """A page down."""
        self.scroll_rows(max(1, self.window.height - 2))

    def action_page_up(self) -> None:
        """A page up."""
        self.scroll_rows(-max(1, self.window.height - 2))

    def action_end(self) -> None:
        """The newest line, and follow it."""
        if self.window.slots:
            self._rest(len(self.window.slots) - 1, -1)
        self.follow = True

    def action_home(self) -> None:
        """The first message."""
        if self.window.slots:
            self._rest(0, 0)
            self.go_to(self.window.slots[0].head.uid)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel."""
        event.stop()
        self.scroll_rows(WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel."""
        event.stop()
        self.scroll_rows(-WHEEL)

    def on_click(self, event: events.Click) -> None:
        """A link, the pill, a folded line, or just the place."""
        if self._news and event.y >= self.size.height - 1:
            self.action_end()
            return
        if event.y >= len(self.painter.places) or (self.text_selection is not None and event.chain == 1):
            return
        place = self.painter.places[event.y]
        row, view = self.window.row(place), self.window.view(place.turn)
        if row is None or view is None:
            return
        at, seen = character_at(row, event.x - GUTTER), 0
        for run in row.runs:
            seen += len(run.text)
            if at < seen and run.link:
                self.post_message(self.LinkRequested(run.link, run.text))
                return
            if at < seen:
                break
        stop = view.stop_at(place.row)
        if stop is not None:
            self._move(view.turn.uid, stop)
            if row.drawn[:1] in "▸▾" and event.x <= GUTTER + 1:
                self.action_fold()
        self.draw()

    def text_select_all(self) -> None:
        """Two clicks take the block, not the conversation."""
        view = self._here()
        index = self.window.index(self._cursor[0]) if self._cursor else None
        if index is None or view is None or self._cursor is None:
            return
        start, end = view.span(self._cursor[1])
        last = self.window.row(Place(index, end - 1))
        size = GUTTER + (len(last.drawn) if last is not None else 0)
        chosen = Selection(Offset(0, number_of(Place(index, start))), Offset(size, number_of(Place(index, end - 1))))
        self.screen.selections = {self: chosen}

    # --- doing something with it ------------------------------------------------------------------------------------------

    def action_fold(self) -> None:
        """Show or hide the details of a thought or a tool; elsewhere open the link."""
        turn, part = self.focused_turn, self.focused_part
        view = self._here()
        if turn is None or part is None or view is None or isinstance(view.section(part.id), Words):
            self.action_link()
            return
        self._open_parts ^= {part.id}
        self._bare_parts.discard(part.id)
        self._again(view, part.id)
        self.post_message(self.FoldToggled(turn.uid, part.id, part.id not in self._open_parts))

    def action_bare(self) -> None:
        """Show what looks like a key in the details of a tool, or hide it again; closing the details hides it too."""
        view, part = self._here(), self.focused_part
        if view is None or part is None or part.id not in self._open_parts:
            return
        self._bare_parts ^= {part.id}
        self._again(view, part.id)

    def _again(self, view: TurnView, part_id: str) -> None:
        section = view.section(part_id)
        if section is not None:
            section.forget()
        view.changed(part_id)
        self._reveal()

    def action_fold_all(self) -> None:
        """Show the details of every thought and tool; hide them again if any is open."""
        foldable = [part for slot in self.window.slots if slot.turn is not None for part in slot.turn.parts if folds(part)]
        opened = {part.id for part in foldable} & self._open_parts
        before = set(self._open_parts)
        self._open_parts -= opened
        if not opened:
            self._open_parts |= {part.id for part in foldable}
        for view in (slot.view for slot in self.window.slots if slot.view is not None):
            for section in view.sections:
                if section.part is not None and section.part.id in self._open_parts ^ before:
                    section.forget()
                    view.changed(section.part.id)
        self.draw()

    def action_link(self) -> None:
        """Ask to open a link of the block; the next one if asked again."""
        view = self._here()
        if view is None or self._cursor is None:
            return
        start, end = view.span(self._cursor[1])
        rows = [view.row(number) for number in range(start, end)]
        links = copying.links_of(row.runs for row in rows if row is not None)
        if links:
            self._link = (self._link + 1) % len(links)
            self.post_message(self.LinkRequested(*links[self._link]))

    def action_rate(self, verdict: str) -> None:
        """Rate the answer under the cursor."""
        turn = self.focused_turn
        if turn is not None:
            self.post_message(self.RateRequested(turn.uid, Verdict(verdict)))

    def action_yank(self) -> None:
        """The next key says what is copied."""
        self._yanking = True

    def on_key(self, event: events.Key) -> None:
        """The letter after y."""
        if not self._yanking:
            return
        self._yanking = False
        if event.character in KINDS:
            event.stop()
            event.prevent_default()
            self.copy(event.character)

    def copy(self, letter: str) -> None:
        """Ask for the clipboard: m message, c code block, t table, e event, a everything."""
        found = self._wanted(letter)
        if found is None:
            self.app.notify(f"There is no {KINDS[letter]} here.", markup=False)
            return
        wire_id = self._wire_id if letter == "e" else ""
        self.post_message(self.CopyRequested(KINDS[letter], found, max(1, found.count("\n") + 1), wire_id))

    @property
    def _wire_id(self) -> str:
        """The wire's name of what the cursor rests on."""
        turn, part = self.focused_turn, self.focused_part
        return part.wire_id if part is not None else turn.prompt_id if turn is not None else ""

    def _wanted(self, letter: str) -> str | None:
        if letter == "a":
            turns = [slot.turn for slot in self.window.slots if slot.turn is not None]
            return copying.conversation(turns, self.agent_name) if turns else None
        view, turn, part = self._here(), self.focused_turn, self.focused_part
        if view is None or turn is None or self._cursor is None:
            return None
        if letter == "e":
            return copying.json_of(turn, part)
        if letter == "m":
            return safe(turn.text if part is None and self._cursor[1][0] == PROMPT else turn.answer) or None
        find = copying.code_of if letter == "c" else copying.csv_of
        blocks = [block for section in view.sections if isinstance(section, Words) for block in section.document.blocks]
        here = find(view.blocks(self._cursor[1]))
        return here if here is not None else find(blocks)

    # --- find -------------------------------------------------------------------------------------------------------------

    def find(self, text: str) -> int:
        """Look for a text in all of the conversation, and go to the last hit; how many there are. "" ends it."""
        if not text:
            self._search = None
            self.draw()
            return 0
        self._search = finding.search(text, (slot.turn for slot in self.window.slots if slot.turn is not None))
        self._search.at, self._found = len(self._search.hits), None
        self.action_hit(-1)
        return len(self._search.hits)

    def find_words(self, words: str, uid: str, part_id: str = "") -> None:
        """Mark the words of a search everywhere, and go to the first in that turn and part; a folded part is opened."""
        search = finding.search_words(words, (slot.turn for slot in self.window.slots if slot.turn is not None))
        key = part_id or PROMPT
        here = [at for at, hit in enumerate(search.hits) if hit.uid == uid and hit.key == key]
        index = self.window.index(uid)
        view = self._laid_out(index) if index is not None else None
        if view is not None and (part_id or not here):
            self._open_parts |= {part_id}
            section = view.section(part_id)
            if section is not None and not isinstance(section, Words):
                section.forget()
                view.changed(part_id)
            view.height(self.window.width)
            stop = next((stop for stop in view.stops() if stop[0] == key), None)
            if stop is not None:
                self._move(uid, stop)
                self.window.follow = False
                self._reveal()
        self._search, self._found = search, None
        search.at = here[0] if here else -1
        place = self._hit_place() if here else None
        if place is not None:
            self.window.centre(*place)
        self.draw()

    @property
    def hit_number(self) -> int:
        """Which hit one is on, from 1; 0 for none."""
        return self._search.at + 1 if self._search is not None else 0

    def action_hit(self, step: int) -> None:
        """The next or the previous hit, around the ends."""
        search = self._search
        if search is None or not search.hits:
            self.draw()
            return
        search.at = (search.at + step) % len(search.hits)
        place = self._hit_place()
        if place is not None:
            self.window.centre(*place)
        self.draw()
