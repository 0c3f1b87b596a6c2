"""The completion scripts, in the shells themselves."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from app.cli.parser import build

CASES = [
    (["as"], {"ask"}),
    (["ask", "--env"], {"--environment"}),
    (["ask", "--approve", ""], {"ask", "allow", "deny"}),
    (["export", "C1", "--format", "h"], {"html"}),
    (["profile", "re"], {"remove"}),
    (["profile", "add", "--reg"], {"--region"}),
    (["profile", "add", "--region", ""], {"cn", "intl"}),
    (["completion", "z"], {"zsh"}),
    (["approve", "C1", "E1", "al"], {"allow"}),
    (["sy"], {"sync"}),
    (["--pl"], {"--plain"}),
    (["sandbox", "--until"], set()),
]


def script(shell: str) -> str:
    words = [sys.executable, "-m", "app", "completion", shell]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash() -> None:
    made = script("bash")
    ask = '_parlour; echo "${COMPREPLY[*]}"'
    code = made + "\n".join(
        f"COMP_WORDS=(parlour {' '.join(repr(word) for word in words)}); COMP_CWORD={len(words)}; {ask}" for words, _ in CASES
    )
    done = subprocess.run(["bash", "-u", "-c", code], capture_output=True, text=True, timeout=30)
    assert done.stderr == "" and done.returncode == 0
    assert [set(line.split()) for line in done.stdout.splitlines()] == [expected for _, expected in CASES]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_others_are_read_without_complaint(shell: str) -> None:
    made = script(shell)
    for name in build()._subparsers._group_actions[0].choices:  # type: ignore[union-attr, union-attr]
        assert f" {name}" in made
    if shutil.which(shell) is None:
        return
    done = subprocess.run([shell, "-n"], input=made, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
