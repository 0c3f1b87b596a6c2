"""Keys as they are set: what can be applies everywhere, what cannot has a sentence."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from app.paths import config_file
from app.sandbox.server import Ready
from app.settings import load
from app.ui import keymap
from app.ui.dialogs import HelpScreen
from app.ui.screens.history import HistoryScreen
from app.vendors import CATALOGUE
from tests.ui.test_places import application, until, use
from tests.ui.test_writing import talk_to


@pytest.mark.parametrize(
    ("name", "keys", "words"),
    [
        ("talk.find", "ctrl+i", "ctrl+i is Tab in most terminals"),
        ("talk.find", "ctrl+m", "ctrl+m is Enter in most terminals"),
        ("talk.find", "ctrl+[", "is Esc in most terminals"),
        ("talk.find", "ctrl+h", "is Backspace in most terminals"),
        ("talk.fnd", "ctrl+f", "did you mean 'talk.find'?"),
        ("wholly.other", "f11", "there is no 'wholly.other'"),
        ("talk.shelf", "y", "is already 'Copy…' (transcript.copy)"),
        ("talk.events", "f2", "is already 'Agents' (app.agents)"),
        ("talk.prompts", "ctrl+quux", "there is no key 'ctrl+quux'"),
        ("talk.careful", "c", "could not be typed any more"),
        ("talk.find", "", "has no key"),
    ],
)
def test_what_cannot_be_is_left_out_and_said(name: str, keys: str, words: str) -> None:
    found, notices = keymap.checked({name: keys})
    assert not found and len(notices) == 1
    assert words in notices[0] and notices[0].startswith("config.toml, [keymap]: ")


def test_what_can_be_is_taken() -> None:
    wanted = {"talk.events": "f2", "app.agents": "ctrl+b", "history.rename": "y", "talk.find": "ctrl+f, /", "app.help": "?"}
    found, notices = keymap.checked(wanted)
    assert found == {
        "talk.events": "f2",
        "app.agents": "ctrl+b",
        "history.rename": "y",
        "app.help": "question_mark",
    }
    assert len(notices) == 1 and "talk.find" in notices[0], "/ is the transcript's own find"
    assert keymap.checked({}, swapped=True) == (keymap.SWAPPED, [])


def test_no_binding_of_ours_needs_what_a_terminal_cannot_send() -> None:
    for name, bound in keymap.every().items():
        assert not set(bound.keys) & set(keymap.SAME), name
        assert any(
            not (key.startswith(("alt+", "shift+", "super+")) or "ctrl+shift" in key or key in ("ctrl+enter", "ctrl+tab"))
            for key in bound.keys
        ) or name in ("talk.messages", "talk.queue", "app.review"), f"{name} has no key that every terminal can send"


def test_dotted_and_quoted_names_are_the_same() -> None:
    config_file().parent.mkdir(parents=True, exist_ok=True)
    config_file().write_text('[keymap]\ntalk.find = "ctrl+b"\n"app.agents" = ["f2", "f11"]\n[keymap.app]\nhelp = "f1"\n')
    assert load(CATALOGUE, {}).keymap == {"talk.find": "ctrl+b", "app.agents": "f2,f11", "app.help": "f1"}


async def test_set_keys_work_and_show_in_footer_help_and_palette(sandbox: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, sandbox, "codeer")
    config_file().parent.mkdir(parents=True, exist_ok=True)
    config_file().write_text(
        '[keymap]\n"app.history" = "ctrl+b"\n"talk.events" = "f11"\n"talk.fnd" = "f2"\n"prompt.send" = "ctrl+t"\n'
    )
    async with application() as pilot:
        await until(pilot, lambda: any("did you mean 'talk.find'?" in str(one.message) for one in pilot.app._notifications))
        screen = await talk_to(pilot, "Parrot")
        assert "f11 events" in screen.key_bar.render().plain.lower() and "ctrl+t send" in screen.key_bar.render().plain
        screen.foot.prompt.put("hello")
        await pilot.press("enter")
        assert screen.foot.prompt.text == "hello\n", "enter is a key of a text like any other now"
        await pilot.press("ctrl+t")
        await until(pilot, lambda: not screen.foot.prompt.text)
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        assert "f11" in _text(pilot) and "ctrl+b" in _text(pilot)
        await pilot.press("escape")
        await pilot.press("f3")
        await pilot.pause()
        assert pilot.app.screen is screen
        await pilot.press("ctrl+b")
        await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen))


def _text(pilot: Pilot[None]) -> str:
    screen = pilot.app.screen
    assert isinstance(screen, HelpScreen)
    return "\n".join(line.plain for line in screen._lines())
