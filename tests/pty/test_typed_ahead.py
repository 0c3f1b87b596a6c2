"""What is typed before there is anything to type in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Served
from tests.pty.test_first_minute import keys_of, served
from tests.terminal import Terminal

__all__ = ["served"]

pytestmark = pytest.mark.pty
KEYS = {"CODEER_API_KEY": "a-key", "CODEER_API_BASE": "http://127.0.0.1:9/api/v1"}


def test_a_word_typed_at_the_start_stands_in_the_filter(tmp_path: Path) -> None:
    with Terminal(home=tmp_path / "home", extra=KEYS) as terminal:
        terminal.type("an early word")
        terminal.until("❯ an early word")


def test_letters_typed_while_it_starts_are_all_there_in_their_order(tmp_path: Path) -> None:
    letters = "abcdefghijklmnopqrstuvwxyz" * 2
    with Terminal(home=tmp_path / "home", extra=KEYS) as terminal:
        for letter in letters:
            terminal.type(letter)
            terminal.read(0.012)
        terminal.until(f"❯ {letters}")


def test_what_is_typed_right_after_enter_on_an_agent_stands_in_the_composer(served: Served, tmp_path: Path) -> None:
    with Terminal(home=tmp_path / "home", extra=keys_of(served)) as terminal:
        terminal.until("Parrot")
        terminal.type("parrot")
        terminal.until(lambda text: "Parrot" in text and "Metronome" not in text)
        terminal.type("\rpolly wants a cracker")
        terminal.until("❯ polly wants a cracker")
