"""Every example of ``docs/cli.md`` and of ``--help`` is run, in the real executable, against a sandbox."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.cli.examples import EXAMPLES
from app.cli.parser import build
from tests.cli.conftest import LIMIT, Served, end, serve
from tests.terminal import Terminal

PAGE = Path(__file__).parent.parent.parent / "docs" / "cli.md"
KNOWN = set(build()._subparsers._group_actions[0].choices)  # type: ignore[union-attr, arg-type]
QODER = re.compile(r"Builder|parlour (events|interrupt|approve|answer|archive|delete|qoder) ")
LASTING = re.compile(r"--follow|parlour sandbox")
TYPED = re.compile(r"^parlour( demo| --plain| demo --plain)?$|^parlour sync$")
WITH_A_KEYRING = re.compile(r"^parlour profile (?!list)")

pytestmark = pytest.mark.skipif(shutil.which("jq") is None or shutil.which("bash") is None, reason="the examples use bash and jq")


def lines() -> list[str]:
    """The page's commands, without their comments."""
    found = []
    for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        found += [re.split(r"\s+# ", line)[0] for line in block.splitlines()]
    return found


def command(line: str) -> str:
    words = line.partition("parlour ")[2].split()
    return words[0] if words and not words[0].startswith("-") else ""


def test_page_help_and_parser_agree() -> None:
    page = lines()
    text = PAGE.read_text(encoding="utf-8")
    for name in KNOWN:
        assert name in EXAMPLES, f"{name} has no example"
        assert f"\n## parlour {name}" in text, f"docs/cli.md has no section for {name}"
    for name, examples in EXAMPLES.items():
        assert all(line in page for line, _ in examples), name
        assert all(command(line) == name for line, _ in examples)
    assert len(page) == len(set(page)) and len(page) >= 50


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_help_shows_the_examples(name: str) -> None:
    done = subprocess.run([sys.executable, "-m", "app", name, "--help"], capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0 and done.stderr == ""
    for line, what in EXAMPLES[name]:
        assert f"  {line}\n      {what}\n" in done.stdout


@dataclass
class Stage:
    """A sandbox with something said in it, and a folder with the files of the examples."""

    served: Served
    folder: Path

    def environment(self, line: str) -> dict[str, str]:
        side = "qoder" if QODER.search(line) else "codeer"
        variables = self.served.environment(side)
        return {**variables, "PATH": f"{self.folder}/bin:{Path(sys.executable).parent}:{variables['PATH']}"}

    def prepared(self, line: str) -> str:
        """The line with the ids of a conversation or a batch job made for it."""
        if "JOB" in line:
            words = ("batch", "create", str(self.folder / "prompts.csv"), "--agent", "Parrot", "--new", "--wait", "--json")
            return line.replace("JOB", self.served.run(*words, sides=("codeer",)).json["id"])
        if "CONVERSATION" not in line:
            return line
        side = "qoder" if QODER.search(line) else "codeer"
        agent, code = {"approve": ("Builder", 7), "answer": ("Clerk", 7)}.get(command(line), ("Parrot", 0))
        ran = self.served.run("ask", "--profile", side, "--agent", agent, "hello", "--json")
        assert ran.code == code, ran.err
        final = ran.json
        event = final["waiting"][0]["event"] if final["waiting"] else ""
        if command(line) == "events":
            event = self.served.run("events", "--profile", side, final["conversation"]).lines[0]["id"]
        for word, value in (("CONVERSATION", final["conversation"]), ("EVENT", event), ("MESSAGE", final["message"] or "")):
            line = re.sub(rf"\b{word}\b", value, line)
        return line


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("examples")
    served = serve(folder / "home")
    (folder / "bin").mkdir()
    (folder / "bin" / "git").write_text("#!/bin/sh\necho '+ a line that was added'\n")
    (folder / "bin" / "git").chmod(0o755)
    (folder / "notes.txt").write_text("notes")
    (folder / "skill").mkdir()
    (folder / "skill" / "SKILL.md").write_text("---\nname: audit\ndescription: Check invoices.\n---\n")
    (folder / "result.json").write_text('{"status": "shipped"}')
    (folder / "talk.md").write_text("an older export")
    (folder / "prompts.csv").write_text("message,custom_id\nhello,a\nagain,b\n")
    assert served.run("ask", "--profile", "codeer", "--agent", "Guide", "hello").code == 0
    yield Stage(served, folder)
    end(served)


@pytest.mark.parametrize("line", lines())
def test_it_runs(stage: Stage, line: str) -> None:
    if command(line) and command(line) not in KNOWN:
        pytest.skip("not offered")
    if WITH_A_KEYRING.search(line):
        pytest.skip("run with a keyring in tests/keyring")
    ready = stage.prepared(line)
    if TYPED.search(line):
        typed(stage, ready)
    elif LASTING.search(line):
        lasting(stage, ready)
    else:
        words = ["bash", "-o", "pipefail", "-c", ready]
        done = subprocess.run(
            words, env=stage.environment(line), cwd=stage.folder, input="", capture_output=True, text=True, timeout=LIMIT
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert done.stdout or done.stderr or ">" in line or "jq" in line


def lasting(stage: Stage, line: str) -> None:
    """It goes on until it is interrupted, and then it is done."""
    process = subprocess.Popen(
        shlex.split(line), env=stage.environment(line), cwd=stage.folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline().strip()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err


def typed(stage: Stage, line: str) -> None:
    """It needs a person at a terminal."""
    with Terminal(home=stage.served.home, command=shlex.split(line), extra=stage.environment(line)) as terminal:
        if line == "parlour sync":
            terminal.until("Type yes:")
            terminal.type("yes\n")
            terminal.until("nothing was sent.")
            assert terminal.wait() == 0
            return
        terminal.until("Guide")
        terminal.type("/quit\n" if "--plain" in line else "\x11")
        assert terminal.wait() == 0
