"""The composer: pastes that stay whole, history that destroys nothing, a queue that can be changed, keys that are kept."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import TextArea

from app.sandbox.server import Ready
from app.ui import shelf
from app.ui.paste import PasteDialog
from app.ui.pick import PickDialog
from app.ui.requests import OpenStored
from app.ui.screens.conversation import ConversationScreen
from app.ui.screens.queue import QueueDialog
from app.ui.widgets.pastes import Pastes
from app.ui.widgets.prompt import Prompt
from app.ui.widgets.rows import Rows
from tests.servers import ledger
from tests.ui.test_places import application, place, until, use
from tests.ui.test_writing import talk_to

LONG = "\n".join(f"line {number}" for number in range(1234))


class Page(App[None]):
    def compose(self) -> ComposeResult:
        yield Prompt(id="composer")

    def on_mount(self) -> None:
        self.sent: list[str] = []

    def on_prompt_submitted(self, event: Prompt.Submitted) -> None:
        self.sent.append(event.text)

    @property
    def prompt(self) -> Prompt:
        return self.query_one(Prompt)

    async def paste(self, pilot: Pilot[None], text: str) -> None:
        self.prompt.post_message(events.Paste(text))
        await pilot.pause()


async def test_a_large_paste_is_a_word_that_is_sent_whole() -> None:
    async with Page().run_test() as pilot:
        page: Any = pilot.app
        await pilot.press(*"sum up ")
        await page.paste(pilot, LONG.replace("\n", "\r\n"))
        await pilot.press(*" please")
        assert page.prompt.text == "sum up [pasted 1,234 lines] please"
        assert page.prompt.whole == f"sum up {LONG} please"
        await pilot.press("enter")
        assert page.sent == [f"sum up {LONG} please"]


async def test_pasted_newlines_never_submit_and_small_pastes_are_just_there() -> None:
    async with Page().run_test() as pilot:
        page: Any = pilot.app
        await page.paste(pilot, "one\r\ntwo\nthree\r")
        assert page.prompt.text == "one\ntwo\nthree\n"
        assert not page.sent


async def test_a_paste_goes_and_comes_as_one() -> None:
    async with Page().run_test() as pilot:
        page: Any = pilot.app
        await page.paste(pilot, LONG)
        await page.paste(pilot, LONG + "!")
        assert page.prompt.text == "[pasted 1,234 lines][pasted 1,234 lines #2]"
        await pilot.press("left", "x")
        assert page.prompt.text.endswith("#2]x"), "typed inside of a word: it stands behind it"
        await pilot.press("backspace", "backspace")
        assert page.prompt.text == "[pasted 1,234 lines]"
        await pilot.press("ctrl+z")
        assert page.prompt.whole == LONG + LONG + "!" or page.prompt.whole.startswith(LONG + LONG)
        await pilot.press("home", "right", "delete")
        assert page.prompt.text == "[pasted 1,234 lines #2]" or page.prompt.text.startswith("[pasted 1,234 lines #2]")


@pytest.mark.parametrize("seed", range(20))
def test_whole_and_back_are_inverse(seed: int) -> None:
    chance = random.Random(seed)
    pastes = Pastes()
    shown = ""
    for _ in range(chance.randint(1, 6)):
        words = chance.choice(["see ", "[pasted 3 lines] ", "ä中\n", ""])
        shown += words + pastes.taken("\n".join("x" * chance.randint(0, 9) for _ in range(chance.randint(1, 40))))
    whole, spans = pastes.whole(shown)
    again = Pastes()
    assert again.whole(again.back(whole, spans)) == (whole, spans)


async def test_what_is_typed_behind_a_message_that_leaves_stays() -> None:
    async with Page().run_test() as pilot:
        page: Any = pilot.app
        await pilot.press("a", "ctrl+j", "b", "enter", "c", "d")
        page.prompt.sent("a\nb")
        assert page.prompt.text == "cd"
        await pilot.press("e")
        assert page.prompt.text == "cde"


async def test_keys_of_a_new_line_and_of_sending() -> None:
    async with Page().run_test() as pilot:
        page: Any = pilot.app
        await pilot.press("a", "ctrl+j", "b", "shift+enter", "c", "alt+enter", "d")
        assert page.prompt.text == "a\nb\nc\nd"
        await pilot.press("backslash", "enter", "e")
        assert page.prompt.text == "a\nb\nc\nd\ne"
        await pilot.press("enter")
        assert page.sent == ["a\nb\nc\nd\ne"]
        page.set_keymap({"prompt.send": "ctrl+j", "prompt.newline": "enter,shift+enter"})
        page.prompt.say_keys()
        assert page.prompt.placeholder.endswith("ctrl+j sends · enter new line")
        page.prompt.clear()
        await pilot.press("a", "enter", "b", "ctrl+j")
        assert page.sent[1:] == ["a\nb"]


async def test_the_hint_offers_shift_enter_only_where_it_was_seen_to_work() -> None:
    async with Page().run_test() as pilot:
        page: Any = pilot.app
        assert page.prompt.placeholder.endswith("enter sends · ctrl+j new line")
        page.add_class("-shift-enter")
        page.prompt.say_keys()
        assert page.prompt.placeholder.endswith("enter sends · shift+enter new line")


async def _ask(pilot: Pilot[Any], screen: ConversationScreen, texts: Sequence[str]) -> None:
    for text in texts:
        screen.foot.prompt.put(text)
        await pilot.press("enter")
        await until(pilot, lambda: not screen.foot.prompt.text and not screen.talk.busy)


async def test_up_and_down_destroy_no_draft(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application() as pilot:
        screen = await talk_to(pilot, "Parrot")
        prompt = screen.foot.prompt
        await _ask(pilot, screen, ["first words", "second words"])
        prompt.put("my own\nhalf thought")
        await pilot.press("up")
        assert prompt.text == "my own\nhalf thought", "the first up goes to the first line"
        await pilot.press("up")
        await until(pilot, lambda: prompt.text == "second words")
        await pilot.press("up")
        await until(pilot, lambda: prompt.text == "first words")
        await pilot.press("end", *"!")
        await pilot.press("down")
        await until(pilot, lambda: prompt.text == "second words")
        await pilot.press("up")
        await until(pilot, lambda: prompt.text == "first words!")
        await pilot.press("down")
        await until(pilot, lambda: prompt.text == "second words")
        await pilot.press("down")
        await until(pilot, lambda: prompt.text == "my own\nhalf thought")
        await pilot.press("up", "up")
        await until(pilot, lambda: prompt.text == "second words")
        await pilot.press("enter")
        await until(pilot, lambda: prompt.text == "my own\nhalf thought")
        await until(pilot, lambda: len(ledger(sandbox, "prompt")) == 3)


async def test_ctrl_c_puts_away_and_the_shelf_lists(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application() as pilot:
        screen = await talk_to(pilot, "Parrot")
        prompt, store = screen.foot.prompt, screen.desk.store
        for text in ("one thought", "another"):
            prompt.put(text)
            await pilot.press("ctrl+c")
            await until(pilot, lambda: not prompt.text)
        assert await shelf.drafts_on(store) == ["another", "one thought"]
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(pilot.app.screen, PickDialog) and len(pilot.app.screen.query_one(Rows).rows) == 2)
        await pilot.press(*"one")
        await until(pilot, lambda: len(pilot.app.screen.query_one(Rows).rows) == 1)
        await pilot.press("enter")
        await until(pilot, lambda: prompt.text == "one thought")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert await shelf.drafts_on(store) == ["another"]
        prompt.clear()
        await pilot.press("ctrl+s")
        await until(pilot, lambda: prompt.text == "another")
        assert pilot.app.is_running


async def test_a_draft_that_was_put_aside_is_on_the_shelf_after_a_crash(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application() as pilot:
        screen = await talk_to(pilot, "Parrot")
        await _ask(pilot, screen, ["first words"])
        screen.foot.prompt.put("half a thought")
        await pilot.press("up")
        await until(pilot, lambda: screen.foot.prompt.text == "first words")
        stored = await screen.desk.store.get(screen.talk.pk)
        assert stored is not None
        pilot.app.post_message(OpenStored(stored))
        await until(pilot, lambda: pilot.app.screen is not screen and hasattr(pilot.app.screen, "attachments"))
        assert await shelf.drafts_on(screen.desk.store) == ["half a thought"]


async def test_a_paste_is_opened_changed_and_survives_leaving(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application() as pilot:
        screen = await talk_to(pilot, "Parrot")
        prompt = screen.foot.prompt
        await pilot.press(*"see ")
        prompt.post_message(events.Paste(LONG))
        await until(pilot, lambda: prompt.text == "see [pasted 1,234 lines]")
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(pilot.app.screen, PasteDialog))
        field = pilot.app.screen.query_one(TextArea)
        assert field.text == LONG
        field.insert("line -1\n", (0, 0))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: prompt.text == "see [pasted 1,235 lines]")
        await screen.drafts.save()
        stored = await screen.desk.store.get(screen.talk.pk)
        assert stored is not None
        assert stored.draft == f"see line -1\n{LONG}"
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is not screen)
        pilot.app.post_message(OpenStored(stored))
        await until(pilot, lambda: isinstance(pilot.app.screen, ConversationScreen) and pilot.app.screen is not screen)
        again: ConversationScreen = place(pilot, ConversationScreen)
        await until(pilot, lambda: again.foot.prompt.text == "see [pasted 1,235 lines]")
        assert again.foot.prompt.whole == f"see line -1\n{LONG}"


async def test_the_queue_is_moved_dropped_and_taken_back(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application() as pilot:
        screen = await talk_to(pilot, "Metronome")
        prompt = screen.foot.prompt
        prompt.put("stream 4000 at 40")
        await pilot.press("enter")
        await until(pilot, lambda: screen.talk.running is not None and not prompt.text)
        for text in ("stream 1", "stream 2", "stream 3"):
            prompt.put(text)
            await pilot.press("enter")
            await until(pilot, lambda: not prompt.text)

        def queued() -> list[str]:
            return [turn.text for turn in screen.talk.queued]

        await until(pilot, lambda: queued() == ["stream 1", "stream 2", "stream 3"])
        await pilot.press(*"/queue", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, QueueDialog) and pilot.app.screen.query_one(Rows).has_focus)
        await pilot.press("J")
        await until(pilot, lambda: queued() == ["stream 2", "stream 1", "stream 3"])
        turns = await screen.desk.store.turns(screen.talk.pk)
        kept = [turn.text for turn in sorted(turns, key=lambda turn: turn.position) if turn.text in queued()]
        assert kept == ["stream 2", "stream 1", "stream 3"]
        await pilot.press("d")
        await until(pilot, lambda: queued() == ["stream 2", "stream 3"])
        assert await shelf.drafts_on(screen.desk.store) == ["stream 1"]
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen and len(queued()) == 1)
        assert prompt.text in ("stream 2", "stream 3") and prompt.text not in queued()
        assert len(ledger(sandbox, "prompt")) == 1


async def test_question_mark_and_ctrl_d_in_an_empty_composer(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application() as pilot:
        screen = await talk_to(pilot, "Parrot")
        await pilot.press("question_mark")
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "HelpScreen")
        await pilot.press("escape")
        await pilot.press("a", "question_mark", "home", "ctrl+d")
        assert screen.foot.prompt.text == "?"
        await pilot.press("delete", "ctrl+d")
        await until(pilot, lambda: not pilot.app.is_running or pilot.app._exit)


async def test_all_details_open_and_fold(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    async with application((100, 60)) as pilot:
        screen = await talk_to(pilot, "Researcher")
        await _ask(pilot, screen, ["cone 6"])
        await pilot.press("ctrl+o")
        assert len(screen.view._open_parts) >= 2
        await pilot.press("ctrl+o")
        assert not screen.view._open_parts
