"""The transcript as a person meets it: following, moving, copying, finding, folding."""

from __future__ import annotations

import json

import pytest

from app.models import Attachment, Failure, PartKind, PromptState, Request, RequestKind, Stop, Verdict
from app.transcript import Part, Turn
from app.ui.widgets.transcript import Head, TranscriptView
from app.ui.widgets.transcript import canvas as canvas_module
from tests.ui.transcript.turns import NOW, Page, many, text_part, turn

SIZE = (80, 24)
RICH = "First *words*.\n\n```python\nx = 1\n```\n\n| a | b |\n|---|---|\n| 1 | two, three |\n\nA [link](https://a.example/x) and [more](https://b.example).\n"


def grow(page: Page, live: Turn, part: Part, text: str) -> None:
    part.append(text)
    page.view.turn_changed(live, part, text)


async def test_follows_only_at_the_end() -> None:
    page = Page(many(10))
    async with page.run_test(size=SIZE) as pilot:
        live = turn("live", "now", "start", stop=None)
        page.view.append_turn(live)
        assert "start" in page.shown()[-4:][0] + "".join(page.shown())
        await pilot.press("pageup")
        assert not page.view.follow
        before = page.shown()
        for number in range(30):
            grow(page, live, live.parts[0], f"\n\nparagraph {number}")
        after = page.shown()
        assert after[:-1] == before[:-1]
        assert "1 new below · end" in after[-1]
        await pilot.press("end")
        assert page.view.follow
        assert any("paragraph 29" in line for line in page.shown())
        assert "new below" not in page.shown()[-1]


async def test_scrolling_down_to_the_end_follows_again() -> None:
    page = Page(many(10))
    async with page.run_test(size=SIZE) as pilot:
        await pilot.press("pageup", "pageup")
        assert not page.view.follow
        await pilot.press("pagedown", "pagedown", "pagedown")
        assert page.view.follow


async def test_what_is_read_stays_when_a_turn_above_changes_its_height() -> None:
    turns = many(30)
    page = Page(turns)
    async with page.run_test(size=SIZE) as pilot:
        page.shown()
        page.view.go_to("t15")
        before = page.shown()
        assert "question 15" in before[1]
        turns[3].parts[0].text = "longer\n\n" * 50
        page.view.turn_changed(turns[3], turns[3].parts[0])
        assert page.shown() == before
        page.view.remove_turn("t2")
        assert page.shown() == before
        await pilot.press("pageup")


async def test_states_and_ends_are_told() -> None:
    waiting = turn("w", "may I", stop=Stop.NEEDS_APPROVAL)
    asks = Part("bash", PartKind.TOOL, name="Bash", input={"command": "rm -rf build"}, asks=True, started=NOW)
    waiting.parts, waiting.waiting = [asks], (Request("bash", RequestKind.APPROVAL, "Bash", {"command": "rm -rf build"}),)
    failed = turn("f", "fail", "so far", stop=Stop.FAILED)
    failed.failure = Failure("server", "The server said no.", request_id="req-9")
    unknown = Turn("u", 1.0, "lost", state=PromptState.UNKNOWN)
    unsent = Turn(
        "n",
        1.0,
        "no",
        state=PromptState.NOT_SENT,
        failure=Failure("network", "No line."),
        attachments=(Attachment("a.csv", size=2_000),),
    )
    stopped = turn("s", "stop", "half", stop=Stop.INTERRUPTED)
    stopped.verdict = Verdict.DOWN
    page = Page([waiting, failed, unknown, unsent, stopped])
    async with page.run_test(size=(80, 50)):
        text = "\n".join(page.shown())
        assert "Bash  rm -rf build" in text and "waits for you" in text and "! waits for your approval" in text
        assert "failed: The server said no.  (request req-9)" in text
        assert "delivery unknown" in text
        assert "not sent: No line." in text and "@ a.csv  2 kB" in text
        assert "▼ rated" in text and "stopped" in text
        lines = page.shown()
        assert next(line for line in lines if "delivery unknown" in line).startswith("▎you")


async def test_details_unfold_and_running_time_goes_on() -> None:
    live = turn("live", "go", stop=None)
    tool = Part("tool", PartKind.TOOL, name="search", input={"q": "kiln"}, started=NOW)
    thought = text_part("thought", "deep\nthought", kind=PartKind.THINKING)
    thought.started, thought.ended = NOW, NOW + 3
    live.parts = [thought, tool]
    page = Page([live])
    async with page.run_test(size=SIZE) as pilot:
        assert any("thought for 3.0 s" in line for line in page.shown())
        assert any("running 1 min 00 s" in line for line in page.shown())
        page.now += 5
        page.view._tick()
        assert any("running 1 min 05 s" in line for line in page.shown())
        tool.done, tool.ended, tool.output = True, NOW + 0.8, "two hits"
        page.view.turn_changed(live, tool)
        assert any("0.8 s ✓" in line for line in page.shown())
        assert not any("two hits" in line for line in page.shown())
        await pilot.press("k", "j", "space")
        assert any("two hits" in line for line in page.shown())
        assert page.last(TranscriptView.FoldToggled).folded is False
        await pilot.press("enter")
        assert not any("two hits" in line for line in page.shown())


async def test_cursor_moves_by_block_and_by_message() -> None:
    page = Page([turn("one", "first", RICH), turn("two", "second", "short")])
    async with page.run_test(size=SIZE) as pilot:
        assert page.view.focused_turn is page.turns[1]
        assert page.view.focused_part is page.turns[1].parts[0]
        await pilot.press("k")
        assert page.view.focused_part is None
        assert page.last(TranscriptView.Focused).part_id == ""
        await pilot.press("alt+up")
        assert page.view.focused_turn is page.turns[0] and page.view.focused_part is page.turns[0].parts[0]
        await pilot.press("alt+up")
        assert page.view.focused_part is None
        assert any(line.startswith("▌you") for line in page.shown())
        await pilot.press("alt+down", "j")
        assert any(line.startswith("▌▏ python") for line in page.shown())
        await pilot.press("home")
        assert page.shown()[0].startswith("▌you")


@pytest.mark.parametrize(
    ("keys", "kind", "text"),
    [
        (("y", "m"), "message", RICH),
        (("y", "c"), "code block", "x = 1"),
        (("y", "t"), "table as CSV", 'a,b\n1,"two, three"\n'),
    ],
)
async def test_copying(keys: tuple[str, ...], kind: str, text: str) -> None:
    page = Page([turn("one", "first", RICH)])
    async with page.run_test(size=SIZE) as pilot:
        await pilot.press(*keys)
        message = page.last(TranscriptView.CopyRequested)
        assert (message.kind, message.text) == (kind, text)


async def test_copying_the_event_and_everything() -> None:
    page = Page([turn("one", "first", "answer"), turn("two", "second", "other")])
    async with page.run_test(size=SIZE) as pilot:
        await pilot.press("y", "e")
        assert json.loads(page.last(TranscriptView.CopyRequested).text)["text"] == "other"
        await pilot.press("y", "a")
        text = page.last(TranscriptView.CopyRequested).text
        assert text == "**you**\n\nfirst\n\n**Researcher**\n\nanswer\n\n**you**\n\nsecond\n\n**Researcher**\n\nother\n"
        before = len(page.said)
        await pilot.press("y", "x")
        assert not [message for message in page.said[before:] if isinstance(message, TranscriptView.CopyRequested)]


async def test_what_looks_like_a_key_is_hidden_until_it_is_asked_for() -> None:
    key = "sk-live-0123456789abcdefghij"
    tool = Part("tool", PartKind.TOOL, True, "Bash", {"command": f"curl -H {key}"}, f"API_TOKEN={key[8:]}\nhello", started=NOW)
    made = Turn("one", 1.0, "look", parts=[tool], stop=Stop.DONE)
    page = Page([made])
    async with page.run_test(size=SIZE) as pilot:
        assert key not in "\n".join(page.shown()), "not in the folded line either"
        await pilot.press("k", "j", "enter")
        text = "\n".join(page.shown())
        assert "2 things that look like keys are hidden · s shows all" in text and "hello" in text and key[8:] not in text
        await pilot.press("s")
        text = "\n".join(page.shown())
        assert key in text and f"API_TOKEN={key[8:]}" in text and "hidden" not in text
        await pilot.press("enter", "enter")
        assert "are hidden" in "\n".join(page.shown()), "closed and opened again it is hidden again"
    assert tool.output.endswith(f"{key[8:]}\nhello"), "what is kept is whole"


async def test_links_are_asked_for_with_their_address() -> None:
    page = Page([turn("one", "first", RICH)])
    async with page.run_test(size=SIZE) as pilot:
        await pilot.press("o")
        assert (page.last(TranscriptView.LinkRequested).url, page.last(TranscriptView.LinkRequested).shown) == (
            "https://a.example/x",
            "link",
        )
        await pilot.press("o")
        assert page.last(TranscriptView.LinkRequested).url == "https://b.example"
        lines = page.shown()
        y = next(number for number, line in enumerate(lines) if "A link and more" in line)
        await pilot.click(TranscriptView, offset=(lines[y].index("link"), y))
        assert page.last(TranscriptView.LinkRequested).url == "https://a.example/x"


async def test_rating_names_the_turn() -> None:
    page = Page([turn("one", "first", "answer")])
    async with page.run_test(size=SIZE) as pilot:
        await pilot.press("+")
        assert (page.last(TranscriptView.RateRequested).uid, page.last(TranscriptView.RateRequested).verdict) == (
            "one",
            Verdict.UP,
        )
        await pilot.press("-")
        assert page.last(TranscriptView.RateRequested).verdict is Verdict.DOWN


async def test_finds_in_all_of_it_and_goes_around() -> None:
    turns = many(200)
    turns[5].parts[0].text = "a **needle** here\n\nand a Needle there"
    turns[150].text = "needle asked"
    page = Page(turns)
    async with page.run_test(size=SIZE) as pilot:
        assert page.view.find("needle") == 3
        assert page.view.hit_number == 3
        assert any("needle asked" in line for line in page.shown())
        await pilot.press("n")
        assert page.view.hit_number == 1
        assert any("a needle here" in line for line in page.shown())
        await pilot.press("N", "N")
        assert page.view.hit_number == 2
        assert page.view.find("nothing like it") == 0
        assert page.view.find("") == 0


async def test_a_drag_copies_clean_text() -> None:
    page = Page(
        [
            turn(
                "one",
                "first",
                "> a quote that is long enough to wrap over the width of the window, surely so\n\n```py\nx = 1\ny = 2\n```\n",
            )
        ]
    )
    async with page.run_test(size=(44, 24)) as pilot:
        lines = page.shown()
        top = next(number for number, line in enumerate(lines) if "a quote" in line)
        bottom = next(number for number, line in enumerate(lines) if "y = 2" in line)
        await pilot.mouse_down(TranscriptView, offset=(1, top))
        await pilot.hover(TranscriptView, offset=(20, bottom))
        await pilot.mouse_up(TranscriptView, offset=(20, bottom))
        assert (
            page.screen.get_selected_text()
            == "a quote that is long enough to wrap over the width of the window, surely so\n\nx = 1\ny = 2"
        )


async def test_long_conversations_are_loaded_where_one_looks() -> None:
    asked: list[str] = []

    def load(uids: object) -> list[Turn]:
        asked.extend(uids)  # type: ignore[arg-type]
        return [turn(uid, f"stored {uid}", "stored answer") for uid in uids]  # type: ignore[attr-defined]

    page = Page()
    async with page.run_test(size=SIZE) as pilot:
        page.view.set_items([Head(f"s{number}", 60, 3) for number in range(10_000)], load)
        assert any("stored s9999" in line for line in page.shown())
        assert len(asked) < 100
        await pilot.press("home")
        assert "stored s0" in page.shown()[1]
        assert len(asked) < 200 and len(set(asked)) == len(asked)
        page.view.go_to("s5000")
        assert "stored s5000" in page.shown()[1]


async def test_turns_that_come_later_take_their_place() -> None:
    async def load(uids: object) -> list[Turn]:
        return [turn(uid, f"stored {uid}", "stored answer") for uid in uids]  # type: ignore[attr-defined]

    page = Page()
    async with page.run_test(size=SIZE) as pilot:
        page.view.set_items([Head(f"s{number}", 60, 3) for number in range(50)], load)
        page.shown()
        await pilot.pause()
        await pilot.pause()
        assert any("stored s49" in line for line in page.shown())


async def test_resize_and_theme_keep_the_place() -> None:
    words = " ".join(f"word{number}" for number in range(400))
    page = Page([turn("one", "first", f"{words}\n\n# Here\n\n{words}"), *many(5)])
    async with page.run_test(size=SIZE) as pilot:
        page.view.go_to("one")
        page.view.scroll_rows(20)
        top = page.shown()[0].split()[0]
        await pilot.resize_terminal(60, 24)
        assert any(abs(int(word[4:]) - int(top[4:])) < 20 for word in page.shown()[0].split() if word.startswith("word"))
        before = page.shown()
        page.theme = "parlour-light"
        await pilot.pause()
        assert page.shown() == before
        assert not page.view.follow


async def test_the_divider_stands_in_front_of_its_turn() -> None:
    page = Page(many(4))
    async with page.run_test(size=(80, 60)):
        page.view.set_divider("t2")
        lines = page.shown()
        at = next(number for number, line in enumerate(lines) if "while you were away" in line)
        assert "question 2" in lines[at + 3]
        page.view.set_divider(None)
        assert not any("while you were away" in line for line in page.shown())


async def test_only_what_changed_is_drawn() -> None:
    live = turn("live", "now", "# Title\n\nsome words", stop=None)
    page = Page([live])
    async with page.run_test(size=SIZE):
        before = list(page.view.painter.lines) if page.shown() else []
        grow(page, live, live.parts[0], " and more")
        page.shown()
        changed = [number for number, line in enumerate(page.view.painter.lines) if line is not before[number]]
        assert len(changed) == 1


async def test_changes_are_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    live = turn("live", "now", "x", stop=None)
    page = Page([live])
    async with page.run_test(size=SIZE):
        page.shown()
        drawn = 0
        real = canvas_module.Canvas.flush

        def counted(self: canvas_module.Canvas) -> None:
            nonlocal drawn
            drawn += 1
            real(self)

        monkeypatch.setattr(canvas_module.Canvas, "flush", counted)
        for _ in range(500):
            grow(page, live, live.parts[0], "word ")
        assert drawn == 0
        assert page.view._due is not None
        page.view.flush()
        assert drawn == 1 and page.view._deltas == {}


async def test_a_part_that_is_replaced_or_begins_again_shows_its_new_text() -> None:
    live = turn("live", "now", "preview of it", stop=None)
    part = live.parts[0]
    page = Page([live])
    async with page.run_test(size=SIZE):
        grow(page, live, part, " grows")
        assert any("preview of it grows" in line for line in page.shown())
        part.text = ""
        page.view.turn_changed(live, part)
        grow(page, live, part, "begun again")
        assert any("begun again" in line for line in page.shown())
        assert not any("preview" in line for line in page.shown())
        part.text, part.done = "the final **text**", True
        page.view.turn_changed(live, part)
        assert any("the final text" in line for line in page.shown())


async def test_hostile_text_is_harmless_everywhere() -> None:
    bad = "\x1b[31m\x1b]52;c;AAAA\x07\u202e[@click=app.quit]x[/] \x9b2J"
    live = turn("live", bad, f"{bad} **{bad}**", stop=Stop.FAILED)
    live.agent, live.failure = bad, Failure("server", bad, request_id=bad)
    live.attachments = (Attachment(bad),)
    live.waiting = (Request("r", RequestKind.APPROVAL, bad, {"command": bad}),)
    tool = Part("tool", PartKind.TOOL, name=bad, input={bad: bad}, output=bad, lane=bad, summary=bad)
    live.parts += [tool, text_part("note", bad, kind=PartKind.NOTICE), text_part("think", bad, kind=PartKind.THINKING)]
    live.parts.append(Part("file", PartKind.ARTIFACT, name=bad, done=True))
    page = Page([live])
    async with page.run_test(size=(80, 60)) as pilot:
        page.view.set_divider("live", bad)
        page.shown()
        for _ in range(12):
            await pilot.press("k", "space")
        text = "\n".join(page.shown())
        assert not set(text) & {"\x1b", "\x07", "\u202e", "\x9b"}
        assert "[@click=app.quit]" in text
        assert page.safe_filter.dropped == 0
        await pilot.press("y", "a")
        assert not set(page.last(TranscriptView.CopyRequested).text) & {"\x1b", "\x07", "\u202e", "\x9b"}
