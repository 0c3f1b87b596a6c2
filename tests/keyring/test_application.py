"""The application with a real keyring: a key is pasted once, kept, used again, and gone when its profile is removed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Served, end, serve
from tests.keyring.test_real import OPEN, SHUT
from tests.terminal import Terminal

MISSING = [name for name in ("gnome-keyring-daemon", "dbus-run-session") if shutil.which(name) is None]
pytestmark = [
    pytest.mark.keyring,
    pytest.mark.pty,
    pytest.mark.skipif(bool(MISSING) and "CI" not in os.environ, reason=f"not installed: {', '.join(MISSING)}"),
]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = serve(tmp_path / "sandbox")
    yield made
    if made.process.poll() is None:
        end(made)


def session(home: Path, before: str, *words: str, **extra: str) -> Terminal:
    """The program in a session bus of its own, with the same keyring files each time."""
    home.mkdir(mode=0o700, exist_ok=True)
    script = before + 'exec "$0" -m app "$@"'
    command = ["dbus-run-session", "--", "sh", "-c", script, sys.executable, *words]
    variables = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home), "PYTHON_KEYRING_BACKEND": "", **extra}
    return Terminal(home=home / "parlour", command=command, extra=variables)


def test_a_key_is_kept_used_and_forgotten(served: Served, tmp_path: Path) -> None:
    home = tmp_path / "person"
    key = served.ready["codeer"]["key"]
    with session(home, OPEN, CODEER_API_BASE=served.ready["codeer"]["base"]) as terminal:
        terminal.until("Paste a key")
        terminal.paste(key)
        terminal.until("goes to")
        terminal.press("enter")
        terminal.until("Metronome")
        assert key not in terminal.text and key.encode() not in bytes(terminal.raw)
        terminal.press("ctrl+q")
        terminal.wait()
    with session(home, OPEN) as terminal:
        terminal.until("Metronome")
        terminal.press("ctrl+q")
        terminal.wait()
    for path in (home / "parlour").rglob("*"):
        assert not path.is_file() or key.encode() not in path.read_bytes()
    with session(home, OPEN, "profile", "remove", "codeer") as terminal:
        assert terminal.wait(20) == 0
    with session(home, OPEN, "profile", "list", "--json") as terminal:
        assert terminal.wait(20) == 0 and "[]" in terminal.text


def test_a_keyring_that_is_shut_ends_in_a_choice(served: Served, tmp_path: Path) -> None:
    base, key = served.ready["codeer"]["base"], served.ready["codeer"]["key"]
    with session(tmp_path / "person", SHUT, CODEER_API_BASE=base) as terminal:
        terminal.until("Paste a key")
        terminal.paste(key)
        terminal.until("goes to")
        terminal.press("enter")
        terminal.until("this run only", 10)
        terminal.press("enter")
        terminal.until("Metronome")
        terminal.press("ctrl+q")
        terminal.wait()
