"""What is typed before there is anything to type in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.terminal import Terminal

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
