"""Where text reaches a screen, a process or an interpreter: read off the source, so that nobody has to remember."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "app").rglob("*.py"))
SCREENS = [path for path in FILES if path.is_relative_to(ROOT / "app" / "ui")]
STARTS_PROGRAMS = {
    "app/cli/demo_side.py",
    "app/cli/probe.py",
    "app/tools.py",
    "app/ui/editor.py",
    "app/ui/links.py",
    "app/sandbox/testing.py",
}


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def keyword(call: ast.Call, name: str) -> str:
    return next((ast.unparse(one.value) for one in call.keywords if one.arg == name), "")


@pytest.mark.parametrize("path", SCREENS, ids=lambda path: path.name)
def test_no_text_is_markup(path: Path) -> None:
    for name, call in calls(path):
        if name.endswith(".notify"):
            assert keyword(call, "markup") == "False", f"{path.name}:{call.lineno}"
        assert not name.endswith(("from_markup", "from_ansi", "Pretty", "RichLog", "webbrowser.open", "open_url")), name
        assert name not in ("Markdown", "Label", "Pretty", "Button", "Tooltip"), f"{path.name}:{call.lineno}: {name} reads markup"


@pytest.mark.parametrize("path", SCREENS, ids=lambda path: path.name)
def test_a_widget_is_given_content_and_no_bare_text(path: Path) -> None:
    """``Static`` reads markup in a ``str``; so what it is given is ``Content``, nothing, or a constant of ours."""
    for name, call in calls(path):
        if name == "Static" and call.args and keyword(call, "markup") != "False":
            given = call.args[0]
            text = ast.unparse(given)
            constant = isinstance(given, ast.Constant) and "[" not in str(given.value)
            ours = text.startswith(("Content", "_keys(", "keys(")) or "Content" in text or text.endswith("content")
            assert constant or ours, f"{path.name}:{call.lineno}: Static({text})"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_foreign_is_run(path: Path) -> None:
    name_of = str(path.relative_to(ROOT))
    for name, call in calls(path):
        assert name not in (
            "eval",
            "exec",
            "compile",
            "__import__",
            "pickle.load",
            "pickle.loads",
            "yaml.load",
            "marshal.loads",
        ), name
        assert not name.endswith(("os.system", "os.popen", "load_extension")), name
        assert keyword(call, "shell") != "True", f"{name_of}:{call.lineno}: a shell"
        if name.endswith(("subprocess.run", "subprocess.Popen", "create_subprocess_exec", "create_subprocess_shell")):
            assert name_of in STARTS_PROGRAMS, name_of
            assert keyword(call, "env"), f"{name_of}:{call.lineno}: a child gets our environment"


def test_the_terminal_is_written_to_in_one_place() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in SCREENS
        for name, _ in calls(path)
        if name.endswith(("_driver.write", "driver.write", "sys.__stdout__.write", "sys.stdout.write"))
    }
    assert found <= {"app/ui/shell.py"}, found
