"""From nothing to the first answer, and what must survive on the way: in a real terminal."""

from __future__ import annotations

import json
import signal
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
    environment = served.environment("codeer", "qoder")
    return {name: value for name, value in environment.items() if name.startswith(("CODEER_", "QODER_"))}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
def test_three_steps_without_a_key(tmp_path: Path, size: tuple[int, int]) -> None:
    with Terminal(home=tmp_path / "home", columns=size[0], lines=size[1]) as terminal:
        terminal.until("demo")
        terminal.press("ctrl+t")
        terminal.until("Guide")
        terminal.type("guide")
        terminal.until(lambda text: "Guide" in text and "Metronome" not in text)
        terminal.press("enter")
        terminal.until("Write a message")
        terminal.type("What can you do?")
        terminal.press("enter")
        terminal.until("What can the command line do?")
        terminal.until("done")
        terminal.press("ctrl+q")
        assert terminal.wait() == 0


def test_approval_denied_with_a_reason_while_another_streams(served: Served, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Terminal(home=home, extra=keys_of(served)) as terminal:
        terminal.until("Metronome")
        terminal.type("metronome")
        terminal.until(lambda text: "Metronome" in text and "Builder" not in text)
        terminal.press("enter")
        terminal.until("Write a message")
        terminal.type("stream 300 at 60")
        terminal.press("enter")
        terminal.until("live")
        terminal.press("f2")
        terminal.until("Builder")
        terminal.type("builder")
        terminal.until(lambda text: "Builder" in text and "Metronome" not in text)
        terminal.press("enter")
        terminal.until("Write a message")
        terminal.type("tidy up")
        terminal.press("enter")
        terminal.until("wants to run")
        terminal.settle(0.7)
        terminal.press("r")
        terminal.until("say why")
        terminal.type("not on a Friday")
        terminal.press("enter")
        terminal.until("because you said: not on a Friday")
        terminal.until("done")
        terminal.press("ctrl+q")
        terminal.wait()
    served.home = home
    for side, words in (("qoder", "not on a Friday"), ("codeer", "")):
        listed = served.run("conversations", "--profile", side, "--json").json
        shown = served.run("show", "--profile", side, listed[0]["id"], "--json").json
        assert words in json.dumps(shown)
    approvals = [entry for entry in served.control("GET", "ledger") if entry["kind"] == "approval"]
    assert len(approvals) == 1


def test_killed_while_an_answer_streams(served: Served, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Terminal(home=home, extra=keys_of(served)) as terminal:
        terminal.until("Metronome")
        terminal.type("metronome")
        terminal.until(lambda text: "Builder" not in text)
        terminal.press("enter")
        terminal.until("Write a message")
        terminal.type("stream 200 at 80")
        terminal.press("enter")
        terminal.until("live")
        terminal.settle(0.01)
        terminal.until(lambda text: len(text.replace(" ", "")) > 400)
        terminal.signal(signal.SIGKILL)
        assert terminal.wait() == 137
    with Terminal(home=home, extra=keys_of(served)) as terminal:
        terminal.until("Metronome")
        terminal.press("f3")
        terminal.until("stream 200 at 80")
        terminal.press("down", "enter")
        terminal.until("done")
        terminal.press("ctrl+q")
        terminal.wait()
    assert served.prompts("stream 200 at 80") == 1


def test_a_rating_with_a_comment_leaves_once(served: Served, tmp_path: Path) -> None:
    with Terminal(home=tmp_path / "home", extra=keys_of(served)) as terminal:
        _talk_to(terminal, "Researcher")
        terminal.type("cone 6")
        terminal.press("enter")
        terminal.until("done")
        terminal.press("tab")
        terminal.settle()
        terminal.press("+")
        terminal.until("helpful")
        terminal.type("clear and short")
        terminal.press("enter")
        terminal.until(lambda text: "▲" in text or not text)
        terminal.press("f3")
        terminal.until("Today")
        terminal.press("down", "enter")
        terminal.until("Write a message")
        terminal.press("f5")
        terminal.until("response.output_text.completed")
        terminal.press("ctrl+q")
        terminal.wait()
    ledger = served.control("GET", "ledger")
    ratings = [entry for entry in ledger if entry["kind"] == "rating"]
    assert len(ratings) == 1 and "clear and short" in json.dumps(ratings)
    assert sum(entry["kind"] == "prompt" for entry in ledger) == 1


def test_a_second_message_waits_and_stopping_tells_the_truth(served: Served, tmp_path: Path) -> None:
    with Terminal(home=tmp_path / "home", extra=keys_of(served), columns=90, lines=28) as terminal:
        _talk_to(terminal, "Metronome")
        terminal.type("stream 300 at 100")
        terminal.press("enter")
        terminal.until("live")
        terminal.type("stream 5")
        terminal.press("enter")
        terminal.until("queued")
        terminal.press("esc")
        terminal.until("may still finish")
        terminal.until(lambda text: "queued" not in text and "done" in text)
        terminal.press("ctrl+q")
        terminal.wait()
    assert served.prompts("stream 300 at 100") == served.prompts("stream 5") == 1


def test_a_dead_network_has_its_sentence_and_the_past_is_there(served: Served, tmp_path: Path) -> None:
    home = tmp_path / "home"
    keys = keys_of(served)
    with Terminal(home=home, extra=keys) as terminal:
        _talk_to(terminal, "Parrot", "codeer")
        terminal.type("remember me")
        terminal.press("enter")
        terminal.until("done")
        terminal.press("ctrl+q")
        terminal.wait()
    end(served)
    with Terminal(home=home, extra=keys) as terminal:
        terminal.until("not reached")
        terminal.press("f3")
        terminal.until("remember me")
        terminal.press("down", "enter")
        terminal.until("Write a message")
        assert terminal.text.count("remember me") >= 2
        terminal.press("ctrl+q")
        terminal.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_is_restored(tmp_path: Path, number: signal.Signals) -> None:
    with Terminal(home=tmp_path / "home") as terminal:
        terminal.until("Paste a key")
        terminal.settle()
        terminal.signal(number)
        assert terminal.wait() == 128 + number
        tail = bytes(terminal.raw[-400:])
        for mode in (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1006l", b"\x1b[?2004l"):
            assert mode in tail


def _talk_to(terminal: Terminal, agent: str, account: str = "") -> None:
    terminal.until(agent)
    terminal.type(f"{agent} {account}".strip().lower())
    terminal.settle()
    terminal.press("enter")
    terminal.until("Write a message")
