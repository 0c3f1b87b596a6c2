"""The inspector: filters, lanes, tools and replay by themselves, and its keys on the real program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.widgets import Input

from app.errors import UsageError
from app.models import PartKind, Request, RequestKind, Stop, Usage, Wire
from app.sandbox.server import Ready
from app.store import StoredEvent
from app.transcript import Part, Turn
from app.ui import inspection
from app.ui.pick import FileDialog
from app.ui.recordings import Replay, recorded
from app.ui.screens import events as events_screen
from app.ui.screens.conversation import ConversationScreen
from app.ui.screens.events import EventsScreen
from app.ui.screens.replay import ReplayScreen
from app.ui.widgets.rows import Rows
from tests.ui.test_inbox import ask_builder
from tests.ui.test_places import application, place, until, use
from tests.ui.test_writing import talk_to


def event(number: int, kind: str = "agent.message", lane: str = "", **raw: Any) -> StoredEvent:
    return StoredEvent(number, Wire(kind, {"type": kind, **raw}, f"evt_{number}", lane), 1_700_000_000.0 + number)


WORDS = ("agent", "tool", "type:agent", "type:session", "is:error", "lane:worker", "pytest", "is:erro", "type:")


@settings(max_examples=150, deadline=None)
@given(
    filters=st.lists(
        st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join) | st.text("agentspy", max_size=4), min_size=1, max_size=6
    ),
    kinds=st.lists(st.sampled_from(("agent.message", "agent.tool_use", "session.error", "session.status_idle")), max_size=20),
)
def test_narrowing_step_by_step_equals_filtering_at_once(filters: list[str], kinds: list[str]) -> None:
    all_events = [
        event(number, kind, "worker" if number % 3 else "", text=f"run pytest {number}") for number, kind in enumerate(kinds)
    ]
    step = inspection.Listing()
    step.add(all_events[:5])
    for text in filters:
        step.narrow(text)
    step.add(all_events[5:])
    once = inspection.Listing()
    once.narrow(filters[-1])
    once.add(all_events)
    assert step.shown == once.shown


def test_filters_mean_what_they_say() -> None:
    listing = inspection.Listing()
    listing.add([event(0), event(1, "session.error"), event(2, "agent.tool_result", is_error=True), event(3, lane="worker-1")])
    for text, wanted in (
        ("is:error", [1, 2]),
        ("type:session", [1]),
        ("lane:worker", [3]),
        ("agent is:error", [2]),
        ("", [0, 1, 2, 3]),
    ):
        listing.narrow(text)
        assert listing.shown == wanted, text
    assert listing.failure(0, 1) == 1
    assert listing.failure(1, 1) == 2
    assert listing.failure(1, -1) is None


def a_turn() -> Turn:
    turn = Turn("t", 1.0, "go", stop=Stop.NEEDS_APPROVAL, started=100.0)
    turn.parts = [
        Part("a", PartKind.THINKING, done=True, started=100.0, ended=104.0),
        Part("b", PartKind.TOOL, done=True, name="Bash", started=104.0, ended=108.0, failed=True),
        Part("c", PartKind.TOOL, done=True, name="Bash", started=108.0, ended=110.0, lane="worker"),
        Part("d", PartKind.TEXT, done=True, started=110.0, ended=120.0),
    ]
    turn.waiting = (Request("e", RequestKind.APPROVAL, "Write"),)
    turn.usage = Usage(90, 30, None, "0.82")
    return turn


def test_the_time_line_shows_who_did_what_when() -> None:
    main, worker = inspection.lanes([a_turn()], 40, now=130.0)
    assert (main.name, worker.name) == ("main", "worker")
    assert len(main.marks) == len(worker.marks) == 40
    assert main.marks.index("▁") < main.marks.index("█") < main.marks.index("×") < main.marks.index("▃") < main.marks.index("!")
    assert set(worker.marks) == {" ", "█"}
    assert inspection.lanes([], 40, 1.0) == []


def test_long_pauses_are_cut_out_of_the_time_line() -> None:
    first, second = a_turn(), a_turn()
    first.waiting = ()
    for part in second.parts:
        part.started += 90_000
        part.ended += 90_000
    marks = inspection.lanes([first, second], 60, now=1e6)[0].marks
    assert marks.count("┊") == 1
    before, after = marks.split("┊")
    assert "▃" in before
    assert "▃" in after
    assert abs(len(before) - len(after)) < 12


@settings(max_examples=100, deadline=None)
@given(
    spans=st.lists(
        st.tuples(st.floats(1, 1e7), st.floats(0, 1e5), st.sampled_from(list(PartKind)), st.sampled_from(("", "w"))), max_size=12
    ),
    width=st.integers(0, 120),
)
def test_any_times_make_lines_of_the_width(spans: list[tuple[float, float, PartKind, str]], width: int) -> None:
    turn = Turn("t", 1.0, started=1.0)
    turn.parts = [
        Part(str(n), kind, started=start, ended=start + took, lane=lane) for n, (start, took, kind, lane) in enumerate(spans)
    ]
    for lane in inspection.lanes([turn], width, 2e7):
        assert len(lane.marks) == width


def test_tools_are_counted_and_cumulative_credits_are_not() -> None:
    (bash,) = inspection.tools([a_turn(), a_turn()])
    assert (bash.calls, bash.failures, bash.median, bash.longest) == (4, 2, 3.0, 4.0)

    class Two:
        def turns(self) -> list[Turn]:
            return [a_turn(), a_turn()]

    rows = events_screen.turn_rows(Two())  # type: ignore[arg-type]
    assert [row.cells[2].text.count("0.82 credits so far") for row in rows] == [1, 1]


# --- replay -----------------------------------------------------------------------------------------------------------------


def recording(path: Path) -> Path:
    lines = [
        {"type": "user.message", "id": "evt_1", "created_at": "2026-01-05T10:00:00Z"},
        {"type": "agent.message", "id": "evt_2", "created_at": "2026-01-05T10:00:02.500Z"},
        {"type": "agent.message", "id": "evt_3", "created_at": "not a time"},
        {"type": "session.status_idle", "id": "evt_4", "created_at": "2026-01-05T10:00:10Z"},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


async def test_a_recording_is_played_at_its_own_pace_or_another(tmp_path: Path) -> None:
    now = [50.0]
    replay = await Replay.open(recording(tmp_path / "r.jsonl"), lambda: now[0])
    assert replay.length == 10.0
    assert [one.wire.id for one in await replay.read(0)] == ["evt_1"]
    now[0] += 3
    assert [one.wire.id for one in await replay.read(1)] == ["evt_2", "evt_3"]
    replay.pause()
    now[0] += 100
    assert await replay.read(3) == []
    replay.pause()
    replay.faster(4.0)
    now[0] += 2
    assert [one.wire.id for one in await replay.read(3)] == ["evt_4"]
    assert "played" in replay.state().plain


async def test_events_without_a_time_stand_beside_their_neighbours(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    stamped = json.dumps({"type": "session.status_idle", "id": "evt_2", "processed_at": "2026-01-05T10:00:10Z"})
    path.write_text(json.dumps({"type": "user.message", "id": "evt_1", "processed_at": None}) + "\n" + stamped + "\n")
    assert (await Replay.open(path, lambda: 0.0)).length < 1


def test_how_a_message_came() -> None:
    told = inspection.delta_lines([(10.0, "There "), (10.5, "are\n"), (12.0, "3")])
    assert told.splitlines()[0] == "3 pieces, 11 characters in 2.00 s, 6 characters a second; longest pause 1.50 s"
    assert told.splitlines()[3] == '+   0.500     500 ms  "are\\n"'
    assert "came whole" in inspection.delta_lines([])


@pytest.mark.parametrize("text", ["", "nonsense\n", "[1]\n", '{"no": "type"}\n', '{"type": 7}\n', "[" * 20_000 + "\n"])
def test_a_file_that_is_no_recording_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with pytest.raises(UsageError):
        recorded(path)
    with pytest.raises(UsageError):
        recorded(tmp_path / "missing")


# --- on the real program ----------------------------------------------------------------------------------------------------


async def test_views_jumps_export_and_replay(sandbox: Ready, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use(monkeypatch, sandbox, "codeer")
    monkeypatch.chdir(tmp_path)
    async with application() as pilot:
        screen = await talk_to(pilot, "Researcher")
        screen.foot.prompt.put("What is cone 6?")
        await pilot.press("enter")
        await until(pilot, lambda: screen.talk.turn is not None and screen.talk.turn.stop is Stop.DONE and not screen.talk.busy)
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(pilot.app.screen, EventsScreen) and len(pilot.app.screen.query_one(Rows).rows) > 3)
        inspector: EventsScreen = place(pilot, EventsScreen)
        count = len(inspector.query_one(Rows).rows)
        await pilot.press("t")
        tools = [row.key for row in inspector.query_one(Rows).rows]
        assert tools
        await pilot.press("t")
        await until(pilot, lambda: [row.key for row in inspector.query_one(Rows).rows] == [screen.talk.transcript.turns[0].uid])
        await pilot.press("t", "x")
        await pilot.pause()
        pilot.app.screen.query_one("#line", Input).value = str(tmp_path / "run.jsonl")
        await pilot.press("enter")
        await until(pilot, (tmp_path / "run.jsonl").exists)
        assert len((tmp_path / "run.jsonl").read_text().splitlines()) == count
        await pilot.press("o")
        await until(pilot, lambda: isinstance(pilot.app.screen, FileDialog))
        await pilot.press(*"run")
        options = pilot.app.screen.query_one("#options", Rows)
        await until(pilot, lambda: [row.cells[0].text for row in options.rows] == ["run.jsonl"])
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ReplayScreen))
        await pilot.press("G")
        await until(pilot, lambda: len(pilot.app.screen.query_one("#list", Rows).rows) == count)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is inspector)
        await pilot.press("b")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert isinstance(pilot.app.screen, ConversationScreen)


async def test_a_part_of_the_transcript_leads_to_its_event(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "qoder")
    async with application() as pilot:
        screen = await ask_builder(pilot)
        parts = [part for turn in screen.talk.transcript.turns for part in turn.parts if part.wire_id]
        await until(pilot, lambda: screen.foot.ask_bar.has_focus)
        await pilot.press("escape")
        await until(pilot, lambda: screen.view.has_focus)
        for _ in range(12):
            if screen.view.focused_part in parts:
                break
            await pilot.press("k")
        part = screen.view.focused_part
        assert part in parts
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(pilot.app.screen, EventsScreen))
        inspector: EventsScreen = place(pilot, EventsScreen)
        await until(pilot, lambda: (one := inspector._chosen()) is not None and one.wire.id == part.wire_id)


async def test_a_hundred_thousand_events_make_only_the_rows_that_are_seen(
    sandbox: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, sandbox, "codeer")
    made = [0]
    real = events_screen._row

    def counted(one: StoredEvent) -> Any:
        made[0] += 1
        return real(one)

    monkeypatch.setattr(events_screen, "_row", counted)
    async with application() as pilot:
        screen = await talk_to(pilot, "Parrot")
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(pilot.app.screen, EventsScreen))
        inspector: EventsScreen = place(pilot, EventsScreen)
        inspector._listing.add([event(number) for number in range(100_000)])
        inspector._draw()
        await pilot.pause()
        for key in ("pageup", "pageup", "home", "end", "up"):
            await pilot.press(key)
        await pilot.pause()
        assert screen is not None
        assert inspector.query_one(Rows).key == "99998"
        assert made[0] < 1_500
