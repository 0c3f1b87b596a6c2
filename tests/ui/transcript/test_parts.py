"""Heights, windows, lines and the last gate, without an application."""

from __future__ import annotations

import itertools
import random

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from app.models import PartKind
from app.transcript import Part, Turn
from app.ui.linefilter import SafeFilter
from app.ui.markdown import Row, Run
from app.ui.widgets.transcript.heights import Heights
from app.ui.widgets.transcript.sections import TurnView
from app.ui.widgets.transcript.strips import Palette, character_at, marked, segments_of
from app.ui.widgets.transcript.window import Place, Window
from tests.ui.transcript.turns import many, turn


def window(count: int, height: int = 10) -> Window:
    made = Window(lambda shown: TurnView(shown, "Agent", lambda: 0.0, set()))
    made.width, made.height = 40, height
    for one in many(count):
        made.append(one)
    made.settle()
    return made


def test_heights_sum_like_a_list() -> None:
    rnd = random.Random(3)
    plain = [rnd.randrange(9) for _ in range(50)]
    heights = Heights(plain)
    for _ in range(400):
        if rnd.random() < 0.3:
            plain.append(rnd.randrange(9))
            heights.append(plain[-1])
        else:
            at = rnd.randrange(len(plain))
            plain[at] = rnd.randrange(9)
            heights.put(at, plain[at])
        at = rnd.randrange(len(plain) + 1)
        assert heights.before(at) == sum(plain[:at])
    assert heights.total == sum(plain) and len(heights) == len(plain)


def test_window_scrolls_there_and_back() -> None:
    shown = window(30)
    assert shown.follow and shown.visible()[-1].turn == 29
    end = shown.top
    rnd = random.Random(1)
    moved = 0
    for _ in range(60):
        step = rnd.randrange(1, 30)
        shown.scroll(-step)
        moved += step
    assert shown.top == Place(0, 0) and not shown.follow
    shown.scroll(moved)
    assert shown.top == end and shown.follow


def test_window_lays_out_only_what_is_near() -> None:
    shown = window(500)
    shown.visible()
    assert sum(slot.view is not None for slot in shown.slots) < 10
    for _ in range(300):
        shown.scroll(-20)
        shown.trim()
    assert sum(slot.view is not None for slot in shown.slots) <= 121


def test_window_shows_and_centres() -> None:
    shown = window(50)
    shown.show(10, 0, 3)
    assert Place(10, 0) in shown.visible() and Place(10, 2) in shown.visible()
    shown.centre(30, 1)
    assert shown.visible()[shown.height // 3] == Place(30, 1)
    shown.centre(49, 7)
    assert shown.follow


def test_window_of_nothing() -> None:
    shown = window(0)
    shown.scroll(3)
    shown.settle()
    assert shown.visible() == [] and shown.share()[1] <= 1.0


def test_a_turn_keeps_its_document_while_it_changes() -> None:
    live = turn("live", "ask", "one", stop=None)
    view = TurnView(live, "Agent", lambda: 0.0, set())
    words = view.words("live-answer")
    live.parts.append(Part("tool", PartKind.TOOL, name="x"))
    view.renew()
    assert words is not None and view.words("live-answer") is words and words.document is view.words("live-answer").document  # type: ignore[union-attr]


def test_places_cover_the_turn_in_order() -> None:
    view = TurnView(turn("t", "ask", "para\n\n- a\n- b\n\nmore\n\n1. x\n2. y\n"), "Agent", lambda: 0.0, set())
    view.height(40)
    spans = [view.span(stop) for stop in view.stops()]
    assert len(spans) == 5
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    assert all(view.stop_at(start) == stop for stop, (start, _) in zip(view.stops(), spans, strict=True))


def test_a_line_leaves_as_plain_terminals_would_draw_it() -> None:
    palette = Palette(
        Style.parse("#ffffff on #000000"),
        {"strong": Style(bold=True), "code": Style.parse("#ff0000")},
        [],
        Color.parse("#000000"),
    )
    row = Row((Run("plain "), Run("bold", "text strong"), Run(" code", "text code")))
    line = palette.line(segments_of(row, palette.style), 40)
    console = Console(force_terminal=True, color_system="truecolor")
    written = line.render(console)
    assert line.cell_length == 40 and line.text == "plain bold code" + " " * 25
    assert written.startswith("\x1b[38;2;255;255;255;48;2;0;0;0mplain \x1b[1mbold\x1b[0;")
    assert written.endswith("\x1b[25X\x1b[25C\x1b[0m")
    assert len(written) < 140


def test_marks_cut_runs_where_they_begin_and_end() -> None:
    runs = marked([Run("hello "), Run("world", "text em")], [(3, 8, "hit")])
    assert [(run.text, run.style) for run in runs] == [
        ("hel", "text"),
        ("lo ", "text hit"),
        ("wo", "text em hit"),
        ("rld", "text em"),
    ]


def test_characters_are_found_by_their_cell() -> None:
    row = Row((Run("日本ab"),))
    assert [character_at(row, cell) for cell in range(7)] == [0, 0, 1, 1, 2, 3, 4]


def test_the_gate_lets_nothing_acting_through() -> None:
    gate = SafeFilter()
    control = Segment("\x1b[2J", None, [(1,)])  # type: ignore[list-item]
    clean = [Segment("fine 日本 👩\u200d🚀"), control]
    assert gate.apply(clean, Color(0, 0, 0)) is clean and gate.dropped == 0
    dirty = gate.apply([Segment("a\x1b[31m\u202eb\x9b\n"), control], Color(0, 0, 0))
    assert dirty[0].text == "a\ufffd[31m\ufffdb\ufffd\ufffd" and dirty[1] is control and gate.dropped == 4


def test_an_empty_turn_has_rows() -> None:
    view = TurnView(Turn("e", 1.0), "", lambda: 0.0, set())
    assert view.height(20) >= 2 and view.stops()
