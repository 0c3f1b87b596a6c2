"""The cursor of the transcript: where it rests, how it moves, and what of it shows."""

from __future__ import annotations

from typing import TypeAlias

from app.transcript import Part, Turn
from app.ui.widgets.transcript import finding, messages
from app.ui.widgets.transcript.canvas import Canvas
from app.ui.widgets.transcript.painter import Look
from app.ui.widgets.transcript.sections import PROMPT, TurnView
from app.ui.widgets.transcript.window import Place

Stop = tuple[str, int]
"""A section, and a block in it."""


class Cursor(Canvas):
    """A canvas with a cursor that rests on prompts, parts and blocks, and with hits of a search."""

    Focused: TypeAlias = messages.Focused

    _cursor: tuple[str, Stop] | None = None
    _search: finding.Search | None = None
    _found: tuple[tuple[finding.Hit, int, int], int] | None = None
    _yanking = False
    _link = -1

    @property
    def focused_turn(self) -> Turn | None:
        """The turn under the cursor."""
        view = self._here()
        return view.turn if view is not None else None

    @property
    def focused_part(self) -> Part | None:
        """The part under the cursor; None on a prompt."""
        view = self._here()
        section = view.section(self._cursor[1][0]) if view is not None and self._cursor is not None else None
        return section.part if section is not None else None

    def _here(self) -> TurnView | None:
        index = self.window.index(self._cursor[0]) if self._cursor is not None else None
        if index is None and self.has_focus and self.window.slots:
            index = len(self.window.slots) - 1
            self._rest(index, -1)
        return self._laid_out(index) if index is not None else None

    def _laid_out(self, index: int) -> TurnView | None:
        view = self.window.view(index)
        if view is not None:
            view.height(self.window.width)
        return view

    def look(self) -> Look:
        """Cursor and search too."""
        look = super().look()
        view = self._here() if self.has_focus else None
        if view is not None and self._cursor is not None:
            index = self.window.index(self._cursor[0])
            if index is not None:
                start, end = view.span(self._cursor[1])
                look.cursor = lambda place: place.turn == index and start <= place.row < end
        if self._search is not None:
            look.pattern, look.here = self._search.pattern, self._hit_place()
        return look

    def on_focus(self) -> None:
        """The cursor shows, at the last thing said if it was nowhere."""
        self.draw()

    def on_blur(self) -> None:
        """The cursor goes out of sight."""
        self._yanking = False
        self.draw()

    def _rest(self, index: int, number: int) -> bool:
        """Put the cursor on a place of a turn; False if there is none."""
        view = self._laid_out(index)
        stops = view.stops() if view is not None else []
        if view is None or not stops:
            return False
        self._move(view.turn.uid, stops[number])
        return True

    def _move(self, uid: str, stop: Stop) -> None:
        before = self._cursor
        self._cursor, self._link = (uid, stop), -1
        if before is None or (before[0], before[1][0]) != (uid, stop[0]):
            self.post_message(self.Focused(uid, "" if stop[0] == PROMPT else stop[0]))

    def _reveal(self) -> None:
        view = self._here()
        index = self.window.index(self._cursor[0]) if self._cursor else None
        if index is not None and view is not None and self._cursor is not None:
            self.window.show(index, *view.span(self._cursor[1]))
        self.draw()

    def action_step(self, step: int) -> None:
        """The next or the previous block."""
        view = self._here()
        index = self.window.index(self._cursor[0]) if self._cursor else None
        if index is None or view is None or self._cursor is None:
            return
        stops = view.stops()
        at = stops.index(self._cursor[1]) + step if self._cursor[1] in stops else 0
        if 0 <= at < len(stops):
            self._move(view.turn.uid, stops[at])
        else:
            index += step
            while 0 <= index < len(self.window.slots) and not self._rest(index, 0 if step > 0 else -1):
                index += step
            if index >= len(self.window.slots):
                self.window.follow = True
        self._reveal()

    def action_turn(self, step: int) -> None:
        """The next or the previous message; within a turn, question and answer are two."""
        view = self._here()
        index = self.window.index(self._cursor[0]) if self._cursor else None
        if index is None or view is None or self._cursor is None:
            self.action_step(step)
            return
        stops = view.stops()
        heads = [0] + [number for number, stop in enumerate(stops) if number and stops[number - 1][0] == PROMPT]
        at = stops.index(self._cursor[1]) if self._cursor[1] in stops else 0
        later = [number for number in heads if number > at] if step > 0 else [number for number in reversed(heads) if number < at]
        if later:
            self._move(view.turn.uid, stops[later[0]])
        elif 0 <= index + step < len(self.window.slots):
            self._rest(index + step, 0)
            if step < 0 and (above := self._here()) is not None and len(found := above.stops()) > 1 and found[0][0] == PROMPT:
                self._move(above.turn.uid, found[1])
        self._reveal()

    def _hit_place(self) -> Place | None:
        """Where the hit is that one is on. Looked up again only when something about its place may have changed."""
        search = self._search
        hit = search.here if search is not None else None
        index = self.window.index(hit.uid) if hit is not None else None
        view = self._laid_out(index) if index is not None else None
        section = view.section(hit.key) if view is not None and hit is not None else None
        if search is None or hit is None or index is None or view is None or section is None:
            return None
        known = (hit, self.window.width, section.height(self.window.width))
        if self._found is None or self._found[0] != known:
            self._found = known, finding.row_of(section, self.window.width, hit, search.pattern)
        return Place(index, view.top_of(section) + self._found[1])
