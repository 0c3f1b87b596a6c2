"""Two Qoder sessions at once, in a real terminal: one is denied in the inbox, with a reason, the other is interrupted; then quit,
start again, catch up, export the events and play them again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Served, end, serve
from tests.terminal import Terminal

pytestmark = pytest.mark.pty


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = serve(tmp_path / "sandbox")
    yield made
    if made.process.poll() is None:
        end(made)


def keys_of(served: Served) -> dict[str, str]:
    return {name: value for name, value in served.environment("qoder").items() if name.startswith("QODER_")}


def past_the_guard(terminal: Terminal) -> None:
    """What is typed ahead answers nothing: let the time pass in which no key counts."""
    until = time.monotonic() + 1.0
    terminal.until(lambda _: time.monotonic() >= until)


def begin(terminal: Terminal, agent: str, prompt: str) -> None:
    terminal.press("f2")
    terminal.until("Builder")
    terminal.type(agent.lower())
    terminal.until(lambda text: f"┃ {agent}" in text)
    terminal.press("enter")
    terminal.until("Write a message")
    terminal.type(prompt)
    terminal.press("enter")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
def test_deny_interrupt_leave_and_come_back(served: Served, tmp_path: Path, size: tuple[int, int]) -> None:
    home, recording = tmp_path / "home", tmp_path / "run.jsonl"
    with Terminal(home=home, columns=size[0], lines=size[1], extra=keys_of(served)) as terminal:
        terminal.until("Builder")
        begin(terminal, "Builder", "tidy up")
        terminal.until("wants to run")
        begin(terminal, "Scribe", "stream 4000 at 20")
        terminal.until("● live")
        terminal.press("f4")
        terminal.until("1 waiting")
        past_the_guard(terminal)
        terminal.press("r")
        terminal.until("Why not Write?")
        terminal.type("not on a Friday")
        terminal.press("enter")
        terminal.until("Nothing waits for you")
        terminal.press("esc")
        terminal.until("esc interrupt")
        terminal.press("esc")
        terminal.until("stopped")
        terminal.type("stream 300 at 30")
        terminal.press("enter")
        terminal.until(lambda text: "● live" in text and served.prompts("stream 300 at 30") == 1)
        terminal.press("ctrl+q")
        assert terminal.wait() == 0
        assert b"One agent goes on at the server without you" in terminal.raw[-2_000:], bytes(terminal.raw[-2_000:])
    with Terminal(home=home, columns=size[0], lines=size[1], extra=keys_of(served)) as terminal:
        terminal.until("Builder")
        terminal.press("f3")
        terminal.until(lambda text: "tidy up" in text and "stream 4000" in text and "synced" in text)
        terminal.press("enter")
        terminal.until("done", seconds=90)
        terminal.press("f5")
        terminal.until("session.status_idle")
        terminal.press("x")
        terminal.until("Write ")
        for _ in range(40):
            terminal.press("backspace")
        terminal.type(str(recording))
        terminal.press("enter")
        terminal.until(lambda _: recording.exists())
        terminal.press("esc")
        terminal.until("Write a message")
        terminal.press("f5")
        terminal.until("session.status_idle")
        terminal.type("o")
        terminal.until("Which recording?")
        terminal.type(str(recording))
        terminal.until("run.jsonl")
        past_the_guard(terminal)
        terminal.press("enter")
        terminal.until("replay")
        terminal.type("G")
        terminal.until("played")
        terminal.until("session.status_idle")
        terminal.press("ctrl+q")
        assert terminal.wait() == 0
    entries = served.control("GET", "ledger")
    assert [entry["reason"] for entry in entries if entry["kind"] == "approval"] == ["not on a Friday"]
    assert [entry["text"] for entry in entries if entry["kind"] == "prompt"] == [
        "tidy up",
        "stream 4000 at 20",
        "stream 300 at 30",
    ]
