"""Custom tools on the command line: results from data, from a file, from a configured command; nothing is run unasked."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.cli.conftest import Served

ASK = ("ask", "--profile", "qoder", "--agent", "Clerk", "--json", "Where is order B-77?")


def configure(served: Served, ran: Path, *, ask: bool) -> None:
    code = f"import json, sys; print('ran', file=open({str(ran)!r}, 'a')); print(json.load(sys.stdin)['number'], 'is on its way')"
    command = json.dumps([sys.executable, "-c", code])
    served.home.mkdir(exist_ok=True)
    (served.home / "config.toml").write_text(
        f"[tools.look_up_order]\ncommand = {command}\ntimeout = 20\nask = {str(ask).lower()}\n"
    )


def test_a_command_without_asking_ends_the_turn(served: Served, tmp_path: Path) -> None:
    configure(served, tmp_path / "ran", ask=False)
    done = served.run(*ASK)
    assert done.code == 0, done.err
    assert "B-77 is on its way" in done.json["text"]
    assert "runs for look_up_order" in done.err
    assert (tmp_path / "ran").read_text() == "ran\n"


def test_one_that_asks_does_not_run_in_a_script_and_the_call_is_answered_later(served: Served, tmp_path: Path) -> None:
    configure(served, tmp_path / "ran", ask=True)
    asked = served.run(*ASK)
    assert (asked.code, asked.json["status"], asked.json["waiting"][0]["kind"]) == (7, "needs_input", "tool")
    assert "not run without asking" in asked.err and not (tmp_path / "ran").exists()
    file = tmp_path / "result.txt"
    file.write_text("lost in\nthe post")
    names = ("--profile", "qoder", asked.json["conversation"], asked.json["waiting"][0]["event"])
    answered = served.run("answer", *names, "--data", f"@{file}", "--wait", "--json")
    assert answered.code == 0, answered.err
    assert "> lost in\n> the post" in answered.json["text"]
    again = served.run("answer", *names, "--data", "x")
    assert again.code == 2 and "Nothing in this conversation waits" in again.err
    entries = [entry for entry in served.control("GET", "ledger") if entry["kind"] == "answer"]
    assert [entry["text"] for entry in entries] == ["lost in\nthe post"]


def test_an_error_is_a_result_too(served: Served) -> None:
    asked = served.run(*ASK)
    assert asked.code == 7
    names = ("--profile", "qoder", asked.json["conversation"], asked.json["waiting"][0]["event"])
    answered = served.run("answer", *names, "--data", "the shop is closed", "--error", "--wait")
    assert answered.code == 0 and "failed. It said: the shop is closed" in answered.out
