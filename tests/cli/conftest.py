"""The real executable against a sandbox in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PARLOUR = [sys.executable, "-m", "app"]
LIMIT = 60


@dataclass
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Served:
    """A running sandbox, and the command line with its keys in the environment."""

    ready: dict[str, Any]
    process: subprocess.Popen[str]
    home: Path
    extra: dict[str, str] = field(default_factory=dict)

    def environment(self, *sides: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CODEER_", "QODER_", "PARLOUR_"))}
        made = {**kept, "PARLOUR_HOME": str(self.home), "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring", **self.extra}
        if "codeer" in sides:
            made |= {"CODEER_API_KEY": self.ready["codeer"]["key"], "CODEER_API_BASE": self.ready["codeer"]["base"]}
        if "qoder" in sides:
            made |= {"QODER_PAT": self.ready["qoder"]["key"], "QODER_MANAGED_BASE_URL": self.ready["qoder"]["base"]}
        return made

    def run(self, *words: str, sides: tuple[str, ...] = ("codeer", "qoder"), stdin: str = "", **environment: str) -> Ran:
        variables = {**self.environment(*sides), **environment}
        done = subprocess.run([*PARLOUR, *words], env=variables, input=stdin, capture_output=True, text=True, timeout=LIMIT)
        assert "Traceback" not in done.stderr, done.stderr
        for side in ("codeer", "qoder"):
            assert self.ready[side]["key"] not in done.stdout + done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str, sides: tuple[str, ...] = ("codeer", "qoder")) -> subprocess.Popen[str]:
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        return subprocess.Popen(
            [*PARLOUR, *words], env=self.environment(*sides), stdin=nothing, stdout=pipe, stderr=pipe, text=True
        )

    def control(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.ready['control']}/{path}", method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"x-sandbox-token": self.ready["token"], "content-type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.loads(reply.read() or b"null")

    def fault(self, side: str, fault: str, **more: Any) -> None:
        match = "POST /chats/*/messages" if side == "codeer" else "POST /sessions/*/events"
        self.control("POST", "faults", {"match": match, "vendor": side, "fault": fault, "times": 1, **more})

    def prompts(self, text: str) -> int:
        return sum(entry["kind"] == "prompt" and entry.get("text") == text for entry in self.control("GET", "ledger"))


def serve(home: Path, *options: str) -> Served:
    environment = {**os.environ, "PARLOUR_HOME": str(home)}
    pipe = subprocess.PIPE
    process = subprocess.Popen([*PARLOUR, "sandbox", "--json", *options], env=environment, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.stderr.read() if process.stderr else ""
    return Served(json.loads(line), process, home)


def end(served: Served) -> int:
    served.process.send_signal(signal.SIGTERM)
    served.process.communicate(timeout=10)
    return served.process.returncode


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = serve(tmp_path / "home")
    try:
        yield made
    finally:
        if made.process.poll() is None:
            end(made)
