"""``parlour ask`` and what follows from it, end to end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Served, end

EXACT = "naïve 你好 👩‍💻"
SIDES = ("codeer", "qoder")


def until(condition, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.mark.parametrize("side", SIDES)
def test_the_final_object_has_exactly_the_text(served: Served, side: str) -> None:
    ran = served.run("ask", "--profile", side, "--agent", "Parrot", EXACT, "--json")
    assert ran.code == 0, ran.err
    final = ran.json
    assert (final["type"], final["status"], final["text"], final["vendor"], final["profile"]) == (
        "turn",
        "done",
        EXACT,
        side,
        side,
    )
    assert final["waiting"] == [] and final["error"] is None
    assert isinstance(final["conversation"], str) and isinstance(final["message"], str)
    assert served.prompts(EXACT) == 1


@pytest.mark.parametrize("side", SIDES)
def test_plain_text_a_pipe_and_events(served: Served, side: str) -> None:
    ran = served.run("ask", "--profile", side, "--agent", "parrot", "-", stdin="from a pipe\n")
    assert (ran.code, ran.out) == (0, "from a pipe\n")
    ran = served.run("ask", "--profile", side, "--agent", "Parrot", "again", "--events")
    assert ran.code == 0
    assert ran.lines[-1]["type"] == "turn" and all("type" in line for line in ran.lines) and len(ran.lines) > 2


@pytest.mark.parametrize("side", SIDES)
def test_going_on_in_a_conversation(served: Served, side: str) -> None:
    first = served.run("ask", "--profile", side, "--agent", "Parrot", "one", "--json").json
    second = served.run("ask", "--profile", side, "--conversation", first["conversation"], "two", "--json").json
    assert second["conversation"] == first["conversation"] and second["text"] == "two"
    shown = served.run("show", "--profile", side, first["conversation"], "--json").json
    assert [(turn["text"], turn["answer"]) for turn in shown["turns"]] == [("one", "one"), ("two", "two")]
    listed = served.run("conversations", "--profile", side, "--json").json
    assert [row["id"] for row in listed] == [first["conversation"]]


def test_approvals_wait_for_a_person(served: Served) -> None:
    waiting = served.run("ask", "--profile", "qoder", "--agent", "Builder", "tidy up", "--json")
    assert waiting.code == 7
    final = waiting.json
    assert final["status"] == "needs_approval"
    event = final["waiting"][0]["event"]
    assert final["waiting"][0]["kind"] == "approval"
    wrong = served.run("approve", final["conversation"], "evt_none", "allow", "--profile", "qoder")
    assert wrong.code == 2
    done = served.run(
        "approve", final["conversation"], event, "deny", "--reason", "not on a Friday", "--wait", "--json", "--profile", "qoder"
    )
    assert done.code == 0 and "not on a Friday" in done.json["text"]
    denied = served.run("ask", "--profile", "qoder", "--agent", "Builder", "--approve", "deny", "tidy up", "--json")
    assert denied.code == 0 and denied.json["status"] == "done"


def test_a_custom_tool_is_answered(served: Served) -> None:
    waiting = served.run("ask", "--profile", "qoder", "--agent", "Clerk", "order 17", "--json")
    assert waiting.code == 7 and waiting.json["status"] == "needs_input"
    request = waiting.json["waiting"][0]
    assert request["kind"] == "tool"
    words = ("answer", waiting.json["conversation"], request["event"], "--data", '{"status": "shipped"}', "--wait", "--json")
    done = served.run(*words, "--profile", "qoder")
    assert done.code == 0 and "shipped" in done.json["text"]


def test_refusals_end_with_their_codes(served: Served, tmp_path: Path) -> None:
    assert served.run("ask", "--profile", "codeer", "--agent", "Nobody", "hi").code == 4
    wrong = served.run("ask", "--profile", "codeer", "--agent", "Parrot", "hi", CODEER_API_KEY="wrong-key-000")
    assert wrong.code == 3 and wrong.out == "" and "wrong-key-000" not in wrong.err
    assert served.run("ask", "--profile", "qoder", "--agent", "Parrot", "hi", QODER_PAT="pt-wrong").code == 3
    assert served.run("ask", "--agent", "Parrot", "hi").code == 2
    assert served.run("agents", sides=()).code == 2
    assert served.run("ask", "--profile", "nowhere", "--agent", "Parrot", "hi").code == 2
    assert served.run("ask", "--profile", "codeer", "--agent", "Parrot", "").code == 2
    assert served.run("rate", "--profile", "qoder", "sess_x", "last", "up").code in (2, 4)
    assert served.run("show", "--profile", "codeer", "1").code == 4
    end(served)
    for side in SIDES:
        gone = served.run("ask", "--profile", side, "--agent", "Parrot", "hi")
        assert gone.code == 5 and gone.err.count("\n") <= 3


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("fault", ["drop_before", "drop_after_store", "drop_after_events"])
def test_a_cut_send_is_settled_and_never_doubled(served: Served, side: str, fault: str) -> None:
    first = served.run("ask", "--profile", side, "--agent", "Parrot", "first", "--json").json
    served.fault(side, fault, n=1)
    ran = served.run("ask", "--profile", side, "--conversation", first["conversation"], "the words", "--json")
    stored = served.prompts("the words")
    assert stored <= 1
    final = ran.json
    if final["status"] == "done":
        assert (ran.code, final["text"], stored) == (0, "the words", 1)
    else:
        assert stored == 0 and ran.code == 6 and final["status"] == "unknown", (ran.code, final)
    if fault != "drop_before":
        assert final["status"] == "done"
    shown = served.run("show", "--profile", side, first["conversation"], "--json").json
    assert [turn["text"] for turn in shown["turns"]] == ["first", "the words"]


@pytest.mark.parametrize("side", SIDES)
def test_killed_in_the_middle_of_an_answer(served: Served, side: str) -> None:
    agent = "Metronome" if side == "codeer" else "Scribe"
    process = served.start("ask", "--profile", side, "--agent", agent, "stream 120 at 60")
    assert process.stdout is not None
    assert process.stdout.read(20)
    time.sleep(0.7)
    process.kill()
    process.communicate()
    listed = served.run("conversations", "--profile", side, "--json").json
    shown = served.run("show", "--profile", side, listed[0]["id"], "--json")
    turn = shown.json["turns"][0]
    assert turn["text"] == "stream 120 at 60" and turn["answer"]
    until(lambda: served.run("show", "--profile", side, listed[0]["id"], "--json").json["turns"][0]["stop"] == "done")
    turn = served.run("show", "--profile", side, listed[0]["id"], "--json").json["turns"][0]
    assert len(turn["answer"]) == 480 and turn["state"] == "sent"
    assert served.prompts("stream 120 at 60") == 1


@pytest.mark.parametrize("side", SIDES)
def test_ctrl_c_interrupts_and_a_time_limit_too(served: Served, side: str) -> None:
    agent = "Metronome" if side == "codeer" else "Scribe"
    process = served.start("ask", "--profile", side, "--agent", agent, "stream 4000 at 100", "--json")
    until(lambda: served.prompts("stream 4000 at 100") == 1)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130 and '"interrupted"' in out, err
    timed = served.run("ask", "--profile", side, "--agent", agent, "stream 4000 at 100", "--json", "--timeout", "0.5")
    assert timed.code == 130 and timed.json["status"] == "interrupted"


def test_a_reader_that_goes_away_is_no_crash(served: Served) -> None:
    words = f"{sys.executable} -m app ask --profile codeer --agent Metronome 'stream 2000' | head -c 10"
    done = subprocess.run(["/bin/sh", "-c", words], env=served.environment("codeer"), capture_output=True, text=True, timeout=30)
    assert done.stdout and "Traceback" not in done.stderr
