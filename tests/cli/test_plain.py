"""``parlour --plain`` in a pipe and in a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Served
from tests.terminal import Terminal


def test_a_whole_visit_in_a_pipe(served: Served, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("attached words")
    words = [
        "parrot", f"/attach {note}", "two \\", "lines", "/rate down not enough", "/rename Birds", "/new", "again", "/history",
        "/open 2", "/show", "/search lines", "/nonsense", "/agent nobody", "/agents", "Guide", "/help", "/quit",
    ]  # fmt: skip
    ran = served.run("--plain", "--profile", "codeer", stdin="\n".join(words) + "\n")
    assert ran.code == 0, ran.err
    assert "Parrot:\ntwo \nlines" in ran.out and "Talking with Guide" in ran.out and "/quit" in ran.out
    assert "Rated down." in ran.out and "Renamed." in ran.out
    assert "2 Birds (Parrot, codeer)" in ran.out and "## You" in ran.out
    assert "There is no command /nonsense" in ran.err and "There is no agent 'nobody'" in ran.err
    entries = served.control("GET", "ledger")
    assert [entry["text"] for entry in entries if entry["kind"] == "prompt"] == ["two \nlines", "again"]
    assert len(next(entry for entry in entries if entry["kind"] == "prompt")["attached_file_uuids"]) == 1
    assert "\x1b" not in ran.out + ran.err


def test_approvals_are_asked_in_line(served: Served) -> None:
    said = "Builder\ntidy up\ny\nnot on a Friday\n/quit\n"
    ran = served.run("--plain", "--profile", "qoder", stdin=said)
    assert ran.code == 0 and "Builder wants to run Write" in ran.err and "not on a Friday" in ran.out
    assert sum(entry["kind"] == "approval" for entry in served.control("GET", "ledger")) == 2


def test_a_tool_result_and_a_form_are_asked_in_line(served: Served) -> None:
    ran = served.run("--plain", "--profile", "qoder", stdin='Clerk\norder 17\n{"status": "shipped"}\n')
    assert ran.code == 0 and "shipped" in ran.out
    form = ["Intake", "hello", "Ada", "none", "3", "2026-03-09", "9", "2", "much", "1 3", "first", "second", ".", "/quit"]
    ran = served.run("--plain", "--profile", "codeer", stdin="\n".join(form) + "\n")
    assert ran.code == 0, ran.err
    assert "this is not a number" in ran.err and "choose from the numbers above" in ran.err
    (sent,) = [entry for entry in served.control("GET", "ledger") if entry["kind"] == "answer" and entry["vendor"] == "codeer"]
    assert sent["data"] == {
        "full_name": "Ada", "guests": 3, "day": "2026-03-09", "course": "hand", "level": "much", "extras": ["apron", "parking"],
        "wishes": "first\nsecond",
    }  # fmt: skip


def test_a_form_left_for_later_is_answered_later(served: Served) -> None:
    ran = served.run("--plain", "--profile", "codeer", stdin="Intake\nhello\n/later\n/history\n/answer\n/later\n/quit\n")
    assert ran.code == 0 and "waits for you" in ran.out and "Nothing is answered." in ran.out
    assert not any(entry["kind"] == "answer" for entry in served.control("GET", "ledger"))


def test_without_profiles_and_with_a_wrong_key(served: Served) -> None:
    assert served.run("--plain", sides=()).code == 2
    assert served.run("--plain", "--profile", "codeer", CODEER_API_KEY="wrong-key-000").code == 3


@pytest.mark.pty
def test_sentences_come_whole_and_the_end_is_told(served: Served) -> None:
    environment = {**served.environment("codeer"), "ACCESSIBLE": "1"}
    with Terminal(["--profile", "codeer", "--agent", "Parrot"], home=served.home, extra=environment) as terminal:
        terminal.until("Talking with Parrot")
        terminal.type("One sentence. And half of another\n")
        terminal.until("(the answer is complete)")
        assert terminal.text.count("One sentence. And half of another") == 2
        terminal.type("/quit\n")
        assert terminal.wait() == 0
        assert b"\x1b" not in terminal.raw


def test_in_a_terminal_nothing_is_redrawn_and_ctrl_c_stops_an_answer(served: Served) -> None:
    with Terminal(["--plain", "--profile", "codeer"], home=served.home, extra=served.environment("codeer")) as terminal:
        terminal.until("agent, by number or name:")
        terminal.type("Metronome\n")
        terminal.until("Write a message.")
        terminal.type("stream 4000 at 100\n")
        terminal.until(lambda text: len(text.partition("Metronome:\n")[2]) > 200)
        terminal.press("ctrl+c")
        terminal.until("Stopped.")
        terminal.until(lambda text: text.rstrip().endswith("you:"))
        terminal.press("ctrl+c")
        terminal.until("to leave.")
        terminal.press("ctrl+c")
        assert terminal.wait() == 130
        assert b"\x1b" not in terminal.raw and b"\x07" not in terminal.raw
