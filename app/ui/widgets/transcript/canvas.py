"""The drawing half of the transcript: turns come in, lines go out, at a pace that the machine can keep."""

from __future__ import annotations

import inspect
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.selection import Selection
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from app.models import PartKind
from app.transcript import Part, Turn
from app.ui.widgets.transcript.painter import GUTTER, RIM, Look, Painter, selected_text
from app.ui.widgets.transcript.sections import TurnView
from app.ui.widgets.transcript.strips import WORDS, Palette
from app.ui.widgets.transcript.window import Head, Slot, Window

FASTEST = 1 / 20
"""Seconds between two frames at least."""
PATIENCE = 4.0
"""A frame may take one such part of the time until the next."""
SLICE = 24_000
"""Characters read for one frame; what came beyond waits for the next."""
AHEAD = 20
"""Turns loaded around the window, where turns are loaded at all."""
TICK = 1.0

Loaded = Sequence[Turn]
Load = Callable[[Sequence[str]], Awaitable[Loaded] | Loaded]


def _in_sight(window: Window, painter: Painter) -> list[TurnView]:
    """The views of what is in the window."""
    turns = {place.turn for place in painter.places if place.turn < len(window.slots)}
    return [view for turn in turns if (view := window.slots[turn].view) is not None]


class Canvas(Widget, can_focus=True):
    """Shows turns and follows their end. Changes are gathered and drawn at most twenty times a second."""

    ALLOW_SELECT = True
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"transcript--{word}" for word in WORDS}

    def __init__(self, *, wall: Callable[[], float] = time.time, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.agent_name = ""
        self.window = Window(self._make)
        self.painter = Painter(self.window)
        self._wall = wall
        self._palette: Palette | None = None
        self._open_parts, self._bare_parts = set[str](), set[str]()
        self._divider: tuple[str, str] = ("", "")
        self._deltas: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self._stale: set[str] = set()
        self._news: set[tuple[str, str]] = set()
        self._due: Timer | None = None
        self._ticking: Timer | None = None
        self._earliest = 0.0
        self._load: Load | None = None
        self._loading: set[str] = set()

    def _make(self, turn: Turn) -> TurnView:
        for key in [key for key in self._deltas if key[0] == turn.uid]:
            del self._deltas[key]
        said = self._divider[1] if self._divider[0] == turn.uid else ""
        return TurnView(turn, self.agent_name, self._wall, self._open_parts, said, self._bare_parts)

    # --- turns come in ----------------------------------------------------------------------------------------------------

    def set_turns(self, turns: Sequence[Turn]) -> None:
        """Show these turns; what was laid out of them already is kept."""
        known = {slot.head.uid: slot for slot in self.window.slots}
        top = self.window.top
        shown = self.window.slots[top.turn].head.uid if top.turn < len(self.window.slots) else ""
        slots: list[Slot] = []
        for turn in turns:
            slot = known.get(turn.uid)
            slots.append(slot if slot is not None and slot.turn is turn else Slot(Head(turn.uid), turn))
        self._load = None
        self._fill(slots, shown)
        self._stale.update(turn.uid for turn in turns if turn.uid in known)

    def set_items(self, heads: Sequence[Head], load: Load) -> None:
        """Show a long conversation of which turns are loaded when they come near the window."""
        self._load = load
        self._loading.clear()
        self._fill([Slot(head) for head in heads], "")

    def _fill(self, slots: list[Slot], shown: str) -> None:
        window = self.window
        window.fill(slots)
        index = window.index(shown)
        window.top = window.top._replace(turn=index) if index is not None else window.top._replace(turn=0, row=0)
        self.soon()

    def append_turn(self, turn: Turn) -> None:
        """A turn at the end."""
        if self.window.index(turn.uid) is None:
            self.window.append(turn)
            self._notice(turn.uid, "")
        self.soon()

    def turn_changed(self, turn: Turn, part: Part | None = None, text: str = "") -> None:
        """A turn is not what it was; ``text`` is what was appended to ``part``, where that is all that happened."""
        if self.window.index(turn.uid) is None:
            self.append_turn(turn)
            return
        if part is not None and text:
            self._deltas[turn.uid, part.id].append(text)
        else:
            self._stale.add(turn.uid)
        self._notice(turn.uid, part.id if part is not None else "")
        self.soon()

    def remove_turn(self, uid: str) -> None:
        """A turn that turned out to be another one."""
        self.window.remove(uid)
        self.soon()

    def set_divider(self, uid: str | None, text: str = "while you were away") -> None:
        """A line in front of a turn, or none."""
        before = self._divider[0]
        self._divider = (uid or "", text if uid else "")
        for changed in (before, uid or ""):
            index = self.window.index(changed)
            if index is not None:
                self.window.slots[index].view = None
        self.soon()

    def _notice(self, uid: str, part_id: str) -> None:
        index, places = self.window.index(uid), self.painter.places
        if not self.window.follow and index is not None and places and index >= places[-1].turn:
            self._news.add((uid, part_id))

    # --- the pace ---------------------------------------------------------------------------------------------------------

    def soon(self) -> None:
        """Bring the screen up to date as soon as the pace allows."""
        if self._due is None and self.is_attached:
            self._due = self.set_timer(max(0.001, self._earliest - time.monotonic()), self.flush)

    def flush(self) -> None:
        """Take in what was gathered, and draw it."""
        if self._due is not None:
            self._due.stop()
            self._due = None
        started = time.perf_counter()
        self._take_in()
        self.draw()
        cost = time.perf_counter() - started
        more = bool(self._deltas) or any(view.owing for view in _in_sight(self.window, self.painter))
        self._earliest = time.monotonic() + max(FASTEST - cost, (1 if more else PATIENCE) * cost)
        if more:
            self.soon()

    def _take_in(self) -> None:
        deltas, self._deltas = self._deltas, defaultdict(list)
        left = SLICE
        for (uid, part_id), texts in deltas.items():
            view = self._known_view(uid)
            if view is None:
                continue
            words = view.words(part_id)
            if words is not None:
                text = "".join(texts)
                if len(text) > left and uid not in self._stale:
                    self._deltas[uid, part_id].append(text[left:])
                    text = text[:left]
                left = max(0, left - len(text))
                words.add(text)
                words.document.flush()
                view.changed(part_id)
                continue
            section = view.section(part_id)
            if section is None:
                self._stale.add(uid)
            elif section.part is not None and (part_id in self._open_parts or section.part.kind is not PartKind.THINKING):
                section.forget()
                view.changed(part_id)
        for owing in _in_sight(self.window, self.painter):
            for section in owing.owing[:1]:
                section.go_on()
                owing.changed(section.key)
        stale, self._stale = self._stale, set()
        for uid in stale:
            view = self._known_view(uid)
            if view is not None:
                view.renew()
        self.window.trim()

    def _known_view(self, uid: str) -> TurnView | None:
        index = self.window.index(uid)
        return self.window.slots[index].view if index is not None else None

    def _tick(self) -> None:
        for place in self.painter.places:
            view = self.window.slots[place.turn].view if place.turn < len(self.window.slots) else None
            if view is not None and view.ticking:
                view.tick()
        self.draw()

    # --- lines go out -----------------------------------------------------------------------------------------------------

    def look(self) -> Look:
        """What is shown besides the text."""
        return Look(selection=self.text_selection, news=len(self._news), thumb=not self.window.follow)

    def draw(self) -> None:
        """Make the lines anew and have those drawn that changed."""
        if not self.is_attached or not self.size.width or not self.size.height:
            return
        if self._palette is None:
            self._palette = self._mix()
        if self.window.follow:
            self._news.clear()
        width, height = self.size
        self.window.resize(max(8, width - GUTTER - RIM), height - (1 if self._news else 0))
        self._load_missing()
        changed = self.painter.paint(self._palette, width, height, self.look())
        if len(changed) * 2 > height:
            self.refresh()
        elif changed:
            self.refresh(*(Region(0, y, width, 1) for y in changed))
        if self._ticking is not None:
            shown = {place.turn for place in self.painter.places}
            views = [self.window.slots[turn].view for turn in shown]
            (self._ticking.resume if any(view is not None and view.ticking for view in views) else self._ticking.pause)()

    def _load_missing(self) -> None:
        if self._load is None:
            return
        for _ in range(3):
            self.window.settle()
            turns = [place.turn for place in self.window.visible()]
            if not turns:
                return
            near = self.window.slots[max(0, turns[0] - AHEAD) : turns[-1] + 1 + AHEAD]
            missing = [slot.head.uid for slot in near if slot.turn is None and slot.head.uid not in self._loading]
            if not any(self.window.slots[turn].turn is None for turn in turns) or not missing:
                return
            self._loading.update(missing)
            found = self._load(missing)
            if inspect.isawaitable(found):
                self.run_worker(self._arrive(found), exit_on_error=False)
                return
            self._put(found)

    async def _arrive(self, found: Awaitable[Loaded]) -> None:
        self._put(await found)
        self.draw()

    def _put(self, turns: Loaded) -> None:
        for turn in turns:
            self._loading.discard(turn.uid)
            index = self.window.index(turn.uid)
            if index is not None and self.window.slots[index].turn is None:
                self.window.slots[index].turn = turn

    def _mix(self) -> Palette:
        def plain(style: Style) -> Style:
            return style.without_color if style.color is None and style.bgcolor is None else style

        base = self.get_component_rich_style("transcript--text")
        words = {
            word: plain(self.get_component_rich_style(f"transcript--{word}", partial=True)) for word in WORDS if word != "text"
        }
        return Palette(base, words, self.get_line_filters(), self.background_colors[1])

    def notify_style_update(self) -> None:
        """Colours may be other ones now."""
        super().notify_style_update()
        self._palette = None

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines for the compositor."""
        if self._palette is None or len(self.painter.lines) != self.size.height:
            self.draw()
        strips: list[Strip] = list(self.painter.lines[crop.y : crop.bottom])
        strips += [Strip.blank(self.size.width)] * (crop.height - len(strips))
        if crop.column_span != (0, self.size.width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        """A line that tells the mouse where its characters are; what is drawn comes from ``render_lines``."""
        if self._palette is None:
            self.draw()
        return self.painter.hit_line(y, self._palette or self._mix(), self.size.width)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text under the mouse's selection."""
        return selected_text(self.window, selection), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Show it."""
        self.draw()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As much as there is."""
        return container.height

    def on_mount(self) -> None:
        """Begin to tick, and show what was handed in before."""
        self._ticking = self.set_interval(TICK, self._tick, pause=True)
        self.soon()

    def on_resize(self, event: events.Resize) -> None:
        """Another size: what is visible is laid out, the rest when it comes into sight."""
        self.draw()

    # --- moving -----------------------------------------------------------------------------------------------------------

    @property
    def follow(self) -> bool:
        """Whether the end is kept in sight."""
        return self.window.follow

    @follow.setter
    def follow(self, follow: bool) -> None:
        self.window.follow = follow
        self.draw()

    def scroll_rows(self, rows: int) -> None:
        """Move by rows, up if negative."""
        self.window.scroll(rows)
        self.draw()

    def go_to(self, uid: str) -> bool:
        """Bring a turn to the top of the window; False if it is not here."""
        index = self.window.index(uid)
        if index is None:
            return False
        self.window.follow = False
        self.window.top = self.window.top._replace(turn=index, row=0)
        self.window.scroll(0)
        self.draw()
        return True
