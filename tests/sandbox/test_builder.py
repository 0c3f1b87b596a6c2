"""The Builder's workspace."""

from typing import Any

import pytest

from app.sandbox.builder import PROJECT, builder, shell
from app.sandbox.steps import Ask, Say, Tool, Verdict


def perform(prompt: str, disk: dict[str, str], *verdicts: Verdict) -> list[Any]:
    script, given, left = builder(prompt, disk), None, list(verdicts)
    steps: list[Any] = []
    while True:
        try:
            step = script.send(given)
        except StopIteration:
            return steps
        steps.append(step)
        given = left.pop(0) if isinstance(step, Ask) else None


@pytest.mark.parametrize(
    ("command", "text", "failed"),
    [
        ("ls", "README.md\ngreeter.py\ntest_greeter.py", False),
        ("pwd", "/workspace", False),
        ("echo a  b", "a b", False),
        ("cat README.md", PROJECT["README.md"], False),
        ("cat nowhere", "cat: nowhere: No such file or directory", True),
        ("wc -l README.md", "3 README.md", False),
        ("python -m pytest -q", "1 passed in 0.01s", False),
        ("sudo make", "bash: sudo: command not found", True),
        ("echo 'open", "bash: No closing quotation", True),
        ("", "bash: : command not found", True),
    ],
)
def test_the_shell(command, text, failed):
    outcome = shell(command, PROJECT)
    assert (outcome.text, outcome.failed, outcome.disk) == (text, failed, PROJECT)


def test_the_shell_changes_a_copy():
    assert shell("echo hi > new.txt", PROJECT).disk["new.txt"] == "hi\n"
    assert "README.md" not in shell("rm README.md", PROJECT).disk
    assert "new.txt" not in PROJECT


def test_only_what_was_allowed_is_written():
    disk = dict(PROJECT)
    perform("a farewell", disk, Verdict(False, "no"))
    assert disk == PROJECT
    perform("a farewell", disk, Verdict(True), Verdict(False))
    assert "def farewell" in disk["greeter.py"]
    steps = perform("tidy up", disk, Verdict(True), Verdict(True))
    assert [step.name for step in steps if isinstance(step, Ask)] == ["Write", "Bash"]
    assert disk["NOTES.md"].endswith("- tidy up\n")


def test_reading_asks_nobody():
    [tool, said, _] = perform("read nothing.py", dict(PROJECT))
    assert isinstance(tool, Tool)
    assert tool.failed
    assert isinstance(said, Say)
    assert "nothing.py" in said.text


def test_a_command_changes_the_disk_once_it_is_allowed():
    disk = dict(PROJECT)
    perform("run echo hi > a.txt", disk, Verdict(False))
    assert "a.txt" not in disk
    perform("run echo hi > a.txt", disk, Verdict(True))
    assert disk["a.txt"] == "hi\n"
