"""The examples of ``parlour profile``, run in the real executable with a real keyring."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Served, end, serve
from tests.cli.schemas import check
from tests.cli.test_examples import command, lines
from tests.keyring.test_real import MISSING, OPEN

pytestmark = [
    pytest.mark.keyring,
    pytest.mark.skipif(
        (bool(MISSING) or shutil.which("bash") is None) and "CI" not in os.environ, reason=f"not installed: {', '.join(MISSING)}"
    ),
]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = serve(tmp_path / "sandbox")
    yield made
    if made.process.poll() is None:
        end(made)


def session(served: Served, home: Path, script: str) -> str:
    """Run a script in a session bus of its own; what it printed."""
    home.mkdir(mode=0o700, exist_ok=True)
    keep = {name: value for name, value in os.environ.items() if name in ("LANG", "VIRTUAL_ENV")}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {**keep, "PATH": path, "HOME": str(home), "XDG_RUNTIME_DIR": str(home), "PARLOUR_HOME": str(home / "parlour")}
    words = ["dbus-run-session", "--", "bash", "-c", f"set -e -o pipefail\n{OPEN}\n{script}"]
    done = subprocess.run(words, env=environ, cwd=home, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    for side in ("codeer", "qoder"):
        assert served.ready[side]["key"] not in done.stdout + done.stderr
    return done.stdout


def test_the_examples_of_profile(served: Served, tmp_path: Path) -> None:
    """The sandbox's address stands in for the vendors', and a pipe for the hidden prompt; nothing else is changed."""
    home = tmp_path / "person"
    home.mkdir(mode=0o700)
    (home / "key.txt").write_text(served.ready["qoder"]["key"] + "\n")
    (home / "first.txt").write_text(served.ready["codeer"]["key"] + "\n")
    script = []
    for line in lines():
        if command(line) == "profile":
            line = line.replace("--region intl", f"--base {served.ready['qoder']['base']}")
            if "add work" in line:
                line += f" --base {served.ready['codeer']['base']} --key-stdin < first.txt"
            script.append(line)
    assert len(script) == 5
    said = session(served, home, "\n".join(script))
    assert "work" in said and "cloud" in said and "keyring" in said
    for path in (home / "parlour").rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            assert not any(served.ready[side]["key"].encode() in raw for side in ("codeer", "qoder"))


def test_their_json_has_its_shape(served: Served, tmp_path: Path) -> None:
    home = tmp_path / "person"
    home.mkdir(mode=0o700)
    (home / "key.txt").write_text(served.ready["codeer"]["key"] + "\n")
    base = served.ready["codeer"]["base"]
    steps = {
        "profile-add": f"parlour profile add work --vendor codeer --base {base} --key-stdin --json < key.txt",
        "profiles": "parlour profile list --json",
        "profile-check": "parlour profile check work --json",
        "agents": "parlour agents --json",
        "doctor": "parlour doctor --json",
        "profile-remove": "parlour profile remove work --json",
    }
    said = session(served, home, "\necho ----\n".join(steps.values()))
    for name, text in zip(steps, said.split("----\n"), strict=True):
        check(name, json.loads(text))
