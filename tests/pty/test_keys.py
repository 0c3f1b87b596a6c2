"""Keys as terminals send them, as bytes: plain, as xterm modifies them, and as the kitty protocol encodes them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Served, end, serve
from tests.pty.test_first_minute import keys_of
from tests.terminal import Terminal

pytestmark = pytest.mark.pty

PLAIN = {
    "enter": ["\r"], "newline": ["\n", "\x1b\r"], "backspace": ["\x7f", "\x08"], "word": ["\x17", "\x1b\x7f"],
    "left": ["\x1b[D", "\x1bOD"], "home": ["\x1b[H", "\x1b[1~", "\x01"], "end": ["\x1b[F", "\x1b[4~", "\x05"], "shelf": ["\x13"],
    "tab": ["\t"], "escape": ["\x1b"], "help": ["\x1bOP", "\x1b[11~"], "undo": ["\x1a"], "details": ["\x0f"], "quit": ["\x04"],
    "ä": ["ä"], "中": ["中"], "É": ["É"],
}  # fmt: skip
XTERM = PLAIN | {"newline": ["\x1b[27;2;13~", "\x1b[27;5;106~"], "word": ["\x1b[27;5;119~"]}
KITTY = {
    "enter": ["\x1b[13u", "\x1b[13;1u"], "newline": ["\x1b[106;5u", "\x1b[13;2u", "\x1b[13;3u"],
    "backspace": ["\x1b[127u", "\x1b[127;1u"], "word": ["\x1b[119;5u", "\x1b[127;5u"], "left": ["\x1b[1;1D", "\x1b[D"],
    "home": ["\x1b[1;1H", "\x1b[97;5u"], "end": ["\x1b[1;1F", "\x1b[101;5u"], "shelf": ["\x1b[115;5u"], "tab": ["\x1b[9u"],
    "escape": ["\x1b[27u"], "help": ["\x1b[1;1P", "\x1bOP"], "undo": ["\x1b[122;5u"], "details": ["\x1b[111;5u"],
    "quit": ["\x1b[100;5u"],
    "ä": ["\x1b[228;;228u"], "中": ["\x1b[20013;;20013u", "中"], "É": ["\x1b[233:201;2;201u"],
}  # fmt: skip
KITTY_LOCKED = ["\x1b[57358;65u", "\x1b[57358;1u", "\x1b[57360;129u"]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = serve(tmp_path / "sandbox")
    yield made
    if made.process.poll() is None:
        end(made)


def composed(text: str) -> list[str]:
    """The lines of the composer."""
    lines = text.split("\n")
    at = max((number for number, line in enumerate(lines) if "❯" in line), default=len(lines))
    return [line[3:] for line in lines[at:-1]]


def talk(terminal: Terminal, agent: str = "parrot codeer") -> None:
    terminal.until("Parrot")
    terminal.type(agent)
    terminal.settle()
    terminal.press("enter")
    terminal.until("Write a message")
    terminal.settle()


def said(terminal: Terminal, *lines: str) -> None:
    terminal.until(lambda text: composed(text)[: len(lines)] == list(lines) and not any(composed(text)[len(lines) :]))


@pytest.mark.parametrize("grid", [PLAIN, XTERM, KITTY], ids=["plain", "xterm", "kitty"])
def test_the_grid(served: Served, tmp_path: Path, grid: dict[str, list[str]]) -> None:
    with Terminal(home=tmp_path / "home", extra=keys_of(served), columns=90, lines=30) as terminal:
        talk(terminal)
        for key in grid["newline"]:
            terminal.type(f"a{key}b")
            said(terminal, "a", "b")
            terminal.type(grid["backspace"][0] * 3)
            terminal.until("Write a message")
        for key in grid["backspace"]:
            terminal.type(f"ab{key}")
            said(terminal, "a")
            terminal.type(key)
            terminal.until("Write a message")
        for key in grid["word"]:
            terminal.type(f"one two{key}")
            said(terminal, "one")
            terminal.type(key)
            terminal.until("Write a message")
        for home in grid["home"]:
            for to_end in grid["end"]:
                terminal.type(f"b{home}a{to_end}c{grid['left'][0]}{grid['left'][-1]}x")
                said(terminal, "axbc")
                terminal.type(grid["end"][0] + grid["backspace"][0] * 4)
                terminal.until("Write a message")
        terminal.type(grid["ä"][0] + grid["中"][0] + grid["É"][0] + "".join(KITTY_LOCKED if grid is KITTY else []))
        said(terminal, "ä中É")
        terminal.type(grid["undo"][0])
        terminal.until("Write a message")
        terminal.type("put away" + grid["shelf"][0])
        terminal.until("on the shelf")
        terminal.type(grid["shelf"][0])
        said(terminal, "put away")
        for key in grid["enter"][:1]:
            terminal.type("\\" + key + "twice")
            said(terminal, "put away", "twice")
            terminal.type(key)
            terminal.until("Write a message")
            terminal.until("done")
        for key in grid["help"]:
            terminal.type(key)
            terminal.until("Keys here")
            terminal.type(grid["escape"][0])
            terminal.until(lambda text: "Keys here" not in text)
        terminal.type(grid["tab"][0])
        terminal.until("y copy")
        terminal.type(grid["escape"][0])
        terminal.until("esc back")
        terminal.type(grid["quit"][0])
        assert terminal.wait() == 0
    assert served.prompts("put away\ntwice") == 1


def test_the_hardware_cursor_is_at_the_caret(served: Served, tmp_path: Path) -> None:
    with Terminal(home=tmp_path / "home", extra=keys_of(served), columns=80, lines=24) as terminal:
        talk(terminal)
        for text, width in (("ab", 2), ("中文", 6), ("ä", 7)):
            terminal.type(text)
            terminal.until(lambda shown, text=text: text in shown)  # type: ignore[misc]
            terminal.settle()
            line = next(number for number, row in enumerate(terminal.screen.display) if "❯" in row)
            assert (terminal.screen.cursor.y, terminal.screen.cursor.x) == (line, 3 + width)
        terminal.press("ctrl+j")
        terminal.type("x")
        terminal.settle()
        line = next(number for number, row in enumerate(terminal.screen.display) if "❯" in row)
        assert (terminal.screen.cursor.y, terminal.screen.cursor.x) == (line + 1, 4)
        terminal.press("ctrl+q")


def test_answers_of_the_terminal_land_nowhere(served: Served, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Terminal(home=home, extra=keys_of(served), columns=90, lines=30) as terminal:
        talk(terminal)
        assert b"\x1b]11;?" in terminal.raw and b"\x1b[?u" in terminal.raw
        terminal.type("be")
        terminal.type("\x1b]11;rgb:fafa/f9f9/f6f6\x1b\\")
        terminal.type("\x1b[?25u\x1b]52;c;aGVsbG8=\x07\x1b[?62;22c")
        terminal.type("fore")
        said(terminal, "before")
        terminal.settle()
        assert (home / "appearance").read_text() == "light\n"
        terminal.press("backspace", "backspace", "backspace", "backspace", "backspace", "backspace")
        terminal.until("shift+enter new line")
        terminal.press("ctrl+q")
        assert terminal.wait() == 0
        assert b"\x1b[?2031l" in terminal.raw


def test_mouse_off_and_on(served: Served, tmp_path: Path) -> None:
    with Terminal(home=tmp_path / "home", extra=keys_of(served)) as terminal:
        talk(terminal)
        before = len(terminal.raw)
        terminal.press("f8")
        terminal.until("it selects as everywhere")
        assert b"\x1b[?1003l" in terminal.raw[before:]
        before = len(terminal.raw)
        terminal.press("f8")
        terminal.until("The mouse is ours")
        assert b"\x1b[?1003h" in terminal.raw[before:]
        terminal.press("ctrl+q")


def test_suspend_and_come_back(served: Served, tmp_path: Path) -> None:
    with Terminal(home=tmp_path / "home", extra=keys_of(served)) as terminal:
        talk(terminal)
        terminal.type("half a thought")
        said(terminal, "half a thought")
        terminal.press("tab")
        terminal.until("j k move")
        terminal.press("ctrl+z")
        deadline = time.monotonic() + 20
        while True:
            terminal.read(0.05)
            pid, status = os.waitpid(terminal.pid, os.WNOHANG | os.WUNTRACED)
            if pid and os.WIFSTOPPED(status):
                break
            assert time.monotonic() < deadline, "it does not stop"
        assert bytes(terminal.raw).rstrip().endswith(b"\x1b[?1004l") or b"\x1b[?1049l" in terminal.raw[-300:]
        terminal.signal(signal.SIGCONT)
        terminal.until("half a thought")
        terminal.press("ctrl+q")
        assert terminal.wait() == 0


def test_a_draft_survives_a_kill(served: Served, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Terminal(home=home, extra=keys_of(served)) as terminal:
        talk(terminal)
        terminal.type("hello")
        terminal.press("enter")
        terminal.until("done")
        terminal.type("half a thought ")
        terminal.paste("\n".join(f"line {number}" for number in range(500)))
        said(terminal, "half a thought [pasted 500 lines]")
        terminal.settle(1.5)
        terminal.signal(signal.SIGKILL)
        assert terminal.wait() == 137
    with Terminal(home=home, extra=keys_of(served)) as terminal:
        terminal.until("Parrot")
        terminal.press("f3")
        terminal.until("hello")
        terminal.press("down", "enter")
        said(terminal, "half a thought [pasted 500 lines]")
        terminal.press("enter")
        terminal.until("line 499")
        terminal.press("ctrl+q")
        terminal.wait()
    sent = [entry for entry in served.control("GET", "ledger") if entry["kind"] == "prompt"]
    assert len(sent) == 2 and "line 0\n" in str(sent[1]["text"] if "text" in sent[1] else sent[1]).replace("\\n", "\n")


def test_a_typed_key_enters_no_file_and_no_history(tmp_path: Path) -> None:
    home = tmp_path / "home"
    key = "cdr-this-is-nobodys-key-1234567890"
    environment = {"CODEER_API_BASE": "http://127.0.0.1:9/api/v1"}
    with Terminal(home=home, extra=environment) as terminal:
        terminal.until("Paste a key")
        terminal.paste(key)
        terminal.until("goes to")
        terminal.press("enter")
        terminal.settle(1.0)
        assert key not in terminal.text and key.encode() not in terminal.raw
        terminal.press("ctrl+q")
        terminal.wait()
    for path in home.rglob("*"):
        if path.is_file():
            assert key.encode() not in path.read_bytes(), path
