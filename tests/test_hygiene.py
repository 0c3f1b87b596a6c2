"""No command loads what it does not need, and what is shipped is what is meant to be."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("textual", "httpx", "keyring", "sqlite3", "rich", "starlette", "uvicorn", "markdown_it", "pygments", "tomlkit")
LOOK = """import sys
from app.cli import main
try:
    main({words!r})
except SystemExit:
    print()
print("LOADED", *sorted(sys.modules), file=sys.stderr)"""


def loaded(*words: str) -> set[str]:
    code = LOOK.format(words=list(words))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=30)
    line = next(line for line in done.stderr.splitlines() if line.startswith("LOADED"))
    return {name.split(".")[0] for name in line.split()[1:]}


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("ask", "--help"), ("completion", "bash")], ids=" ".join)
def test_short_commands_load_nothing_heavy(words: tuple[str, ...]) -> None:
    assert not loaded(*words) & set(HEAVY)


SERVER = {"textual", "starlette", "uvicorn"}
READS = {*SERVER, "keyring", "markdown_it", "pygments", "tomlkit", "click"}


@pytest.mark.parametrize(
    ("words", "unwanted"),
    [
        ("profile list", {*HEAVY} - {"rich"}),
        ("profile check codeer", {*READS, "sqlite3", "rich"}),
        ("search hello", {*HEAVY}),
        ("agents", READS),
        ("conversations", READS),
        ("show 1", READS),
        ("ask --agent x hello", READS),
        ("sandbox --replay nothing", {"textual", "httpx", "keyring", "sqlite3", "rich", "markdown_it", "pygments"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_command_loads_what_it_does_and_no_more(words: str, unwanted: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEER_API_KEY", "a-key")
    monkeypatch.setenv("CODEER_API_BASE", "http://127.0.0.1:9")
    needs = {"sqlite3"} if words.startswith("search") else set()
    assert not loaded(*words.split()) & (unwanted - needs)


def test_the_lock_pins_everything_by_hash_and_names_no_index() -> None:
    for name in ("run.txt", "test.txt"):
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        assert "://" not in text and "--index" not in text and "--find-links" not in text
        blocks = re.split(r"\n(?=[a-zA-Z0-9])", text.strip())
        assert all("==" in block and "--hash=sha256:" in block for block in blocks)


def test_no_text_of_the_project_names_an_index_or_a_machine() -> None:
    forbidden = re.compile("|".join(["pypi" + r"\.org", "python" + "hosted", "npm" + "js", "/wo" + "rk/main", "/sha" + "red/"]))
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    for name in listed:
        path = ROOT / name
        if path.is_file() and path.suffix not in (".png", ".svg", ".whl"):
            found = forbidden.search(path.read_text(encoding="utf-8", errors="replace"))
            assert found is None, f"{name}: {found and found[0]}"


def test_the_wheel_holds_the_application_its_styles_and_nothing_else(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    wheel = next(tmp_path.glob("*.whl"))
    names = zipfile.ZipFile(wheel).namelist()
    assert "app/styles/base.tcss" in names and "app/cli/ask.py" in names and "app/py.typed" in names
    assert not [name for name in names if name.startswith("tests") or name.endswith(".pth")]
    assert all(name.startswith(("app/", "parlour-")) for name in names)
    with zipfile.ZipFile(wheel) as opened:
        assert not [name for name in names if b"failpoint" in opened.read(name).lower()]
    target = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(target), str(wheel)]
    subprocess.run(install, check=True, capture_output=True, timeout=120)
    look = "import app, app.paths; print(app.__file__); print((app.paths.styles() / 'base.tcss').is_file())"
    environment = {**os.environ, "PYTHONPATH": str(target)}
    out = subprocess.run(
        [sys.executable, "-P", "-c", look], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert out.split() == [str(target / "app" / "__init__.py"), "True"]


def test_broad_excepts_stand_where_they_are_explained() -> None:
    found = []
    for path in sorted((ROOT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Name) and node.type.id == "Exception":
                found.append(str(path.relative_to(ROOT)))
    assert found == ["app/turns/course.py", "app/ui/background.py", "app/ui/crash.py"]
