"""``parlour batch`` in the real executable; what the server took is read from the sandbox's ledger."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from app import batch_files
from app.errors import UsageError
from tests.cli.conftest import Ran, Served
from tests.cli.schemas import check


def sheet(folder: Path, *messages: str, name: str = "prompts.jsonl") -> str:
    path = folder / name
    path.write_text("".join(json.dumps({"message": text}) + "\n" for text in messages))
    return str(path)


def entries(served: Served, kind: str) -> list[dict[str, Any]]:
    return [entry for entry in served.control("GET", "ledger") if entry["kind"] == kind]


def batch(served: Served, *words: str, stdin: str = "") -> Ran:
    return served.run("batch", *words, sides=("codeer",), stdin=stdin)


def test_from_a_file_to_its_answers_and_once_more_what_failed(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "questions.csv"
    file.write_text("Frage;custom_id;agent_id\n" + "eins;a;\nzwei;b;nobody\ndrei;=c;\n")
    words = ("create", str(file), "--agent", "Parrot", "--map", "message=Frage")
    rehearsed = batch(served, *words, "--dry-run", "--json")
    check("batch-rehearsal", rehearsed.json)
    assert rehearsed.json["preview"]["requests"][1] == {"custom_id": "b", "message": "zwei", "agent_id": "nobody"}
    assert not entries(served, "batch")
    made = batch(served, *words, "--wait", "--json")
    check("batch", made.json)
    assert (made.code, made.json["state"], made.json["done"], made.json["failed"]) == (1, "completed", 2, 1)
    assert "parlour batch retry job-1" in made.err and "Batch 1 of 1: b-" in made.err
    listed = batch(served, "list", "--json").json
    check("batches", listed)
    assert [one["id"] for one in listed] == ["job-1"]
    found = batch(served, "results", "job-1", "--json").json
    check("batch-results", found)
    assert [(row["custom_id"], row["status"]) for row in found] == [("a", "ok"), ("b", "failed"), ("=c", "ok")]
    assert found[1]["error"] == "Agent not found" and found[0]["response"] == "eins" and found[0]["conversation"]
    out = tmp_path / "answers.csv"
    assert batch(served, "results", "job-1", "--output", str(out)).code == 0
    assert [row["custom_id"] for row in csv.DictReader(io.StringIO(out.read_text()))] == ["a", "b", "'=c"]
    refused = batch(served, "results", "job-1", "--output", str(out))
    assert refused.code == 2 and "exists already" in refused.err
    again = batch(served, "retry", "job-1", "--wait", "--json")
    assert (again.code, again.json["total"], again.json["failed"]) == (1, 1, 1)
    shown = batch(served, "show", found and made.json["batches"][0]["id"])
    assert "b: failed: Agent not found" in shown.out and shown.code == 0
    assert [entry["count"] for entry in entries(served, "batch")] == [3, 1]


FAULTS = (
    ("", "There is no row"),
    ("message,custom_id\n", "there is no row"),
    ('{"message": "a"}\n{"message": ""}\n', "row 2: the message is empty"),
    ('{"message": "a", "custom_id": "x"}\n{"message": "b", "custom_id": "x"}\n', "the custom_id is that of row 1"),
    ('{"question": "a"}\n', "Which column is the message?"),
    ('{"message": "a", "name": "' + "x" * 257 + '"}\n', "more than 256 characters"),
    ('{"message": "a", "history_id": "seven"}\n', "no whole number"),
    ("{broken\n", "Line 1"),
)


@pytest.mark.parametrize(("text", "told"), FAULTS)
def test_a_file_with_a_fault_is_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "prompts.txt"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        found = batch_files.read(path)
        batch_files.items(found, batch_files.mapping(found, {}))
    assert told in str(caught.value)


def test_what_it_refuses(served: Served, tmp_path: Path) -> None:
    path = sheet(tmp_path, "a")
    faulty = tmp_path / "faulty.csv"
    faulty.write_text("message\na\n \n")
    for words, told in (
        (("create", str(faulty), "--agent", "Parrot"), "Nothing was sent: row 2: the message is empty."),
        (("create", path), "--agent"),
        (("create", path, "--agent", "Parrot", "--map", "name=Titel"), "There is no column 'Titel'"),
        (("create", path, "--agent", "Parrot", "--webhook", "http://hooks.example/x"), "https://"),
        (("create", str(tmp_path / "none.csv"), "--agent", "Parrot"), "cannot be read"),
        (("retry", "job-9"), "There is no batch"),
    ):
        ran = batch(served, *words)
        assert ran.code in (2, 4) and told in ran.err and ran.out == "", (words, ran.err)
    assert not entries(served, "batch")
    qoder = served.run("batch", "create", path, "--agent", "Parrot", sides=("qoder",))
    assert qoder.code == 2 and "takes no batches" in qoder.err


def test_a_creation_that_was_cut_is_adopted_and_never_repeated(served: Served, tmp_path: Path) -> None:
    served.control("POST", "faults", {"match": "POST /batches", "vendor": "codeer", "fault": "drop_after_store", "times": 1})
    ran = batch(served, "create", sheet(tmp_path, "a", "b"), "--agent", "Parrot", "--wait", "--json")
    assert (ran.code, ran.json["state"], ran.json["done"]) == (0, "completed", 2)
    assert len(entries(served, "batch")) == 1 and len(entries(served, "prompt")) == 2


def test_one_under_way_is_gone_on_with_and_can_be_cancelled(served: Served, tmp_path: Path) -> None:
    path = sheet(tmp_path, *(f"stream {n} at 1" for n in range(500, 510)))
    first = batch(served, "create", path, "--agent", "Metronome", "--wait", "--timeout", "0.2", "--json")
    assert first.code == 130 and first.json["state"] == "running" and "Still running" in first.err
    second = batch(served, "create", path, "--agent", "Metronome", "--json")
    assert second.json["id"] == first.json["id"] and "job-1 already" in second.err
    hook = ("--webhook", "https://hooks.example/x", "--webhook-event", "cancelled", "--webhook-secret-stdin")
    third = batch(served, "create", path, "--agent", "Metronome", "--new", "--json", *hook, stdin="s3cr3t\n")
    assert third.json["id"] != first.json["id"] and third.json["webhook"] == "https://hooks.example/x"
    assert b"s3cr3t" not in (served.home / "parlour.db").read_bytes()
    gone = batch(served, "cancel", first.json["id"], "--json")
    check("batch", gone.json)
    assert gone.json["state"] == "cancelled"
    left = batch(served, "results", first.json["id"], "--json").json
    assert len(left) == 10 and {row["status"] for row in left} <= {"ok", "missing"}
    assert len(entries(served, "batch")) == 2 and len(entries(served, "cancel")) == 1


def test_2500_rows_are_three_batches_and_come_back_in_their_order(served: Served, tmp_path: Path) -> None:
    wanted = [f"row {number}" for number in range(2500)]
    made = batch(served, "create", sheet(tmp_path, *wanted), "--agent", "Parrot", "--wait", "--json")
    assert made.code == 0, made.err
    assert [one["rows"] for one in made.json["batches"]] == [1000, 1000, 500]
    assert "Batch 3 of 3" in made.err and "2500 rows" in made.err
    rows = batch(served, "results", made.json["id"], "--json").json
    assert [row["response"] for row in rows] == wanted and {row["status"] for row in rows} == {"ok"}
    assert [entry["count"] for entry in entries(served, "batch")] == [1000, 1000, 500]


class Killing:
    """The driver of ``tests.cli.killing`` in the environment of a sandbox."""

    def __init__(self, served: Served, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.killing"], env=served.environment("codeer"), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=Path(__file__).parent.parent.parent,
        )  # fmt: skip

    def run(self, home: str, step: int, *words: str) -> tuple[dict[str, Any], Any]:
        out = self._folder / f"{home}.out"
        wanted = {"step": step, "home": str(self._folder / home), "out": str(out), "words": ["batch", *words, "--json"]}
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()
        ended = json.loads(self._process.stdout.readline())
        return ended, json.loads(out.read_text()) if out.stat().st_size else None

    def close(self) -> None:
        self._process.communicate(timeout=20)


def test_killed_at_every_step_nothing_is_doubled(served: Served, tmp_path: Path) -> None:
    """Three batches; SIGKILL before and after every write and every request. Rows that the server took are counted by text."""
    killing = Killing(served, tmp_path)
    after: Counter[str] = Counter()
    step = 0
    while True:
        step += 1
        texts = [f"kill {step} row {number}" for number in range(5)]
        words = ("create", sheet(tmp_path, *texts, name=f"{step}.jsonl"), "--agent", "Parrot")
        ended, _ = killing.run(f"home{step}", step, *words, "--wait")
        if not ended["killed"]:
            assert ended["code"] == 0
            anew, other = killing.run(f"home{step}", 0, *words, "--wait")
            assert anew["code"] == 0 and other["id"] == "job-2", "what was told as done is not gone on with"
            break
        again, job = killing.run(f"home{step}", 0, *words, "--wait")
        assert again["code"] in (0, 6), (step, again, job)
        taken = _taken(served, texts)
        if again["code"] == 6:
            assert job["unknown"] == 1 and taken <= 4, (step, job)
            again, job = killing.run(f"home{step}", 0, "resume", job["id"], "--create-unknown", "--wait")
            after["unknown, and then asked for"] += 1
        else:
            after["adopted or never begun"] += 1
        assert (again["code"], job["done"], _taken(served, texts)) == (0, 5, 5), (step, job)
    killing.close()
    print(dict(after), "steps:", step - 1)
    assert step > 20 and after["unknown, and then asked for"] <= 6


def _taken(served: Served, texts: list[str]) -> int:
    """How many of these the server took; none of them twice."""
    counts = Counter(entry["text"] for entry in entries(served, "prompt"))
    assert all(counts[text] <= 1 for text in texts), {text: counts[text] for text in texts}
    return sum(counts[text] for text in texts)
