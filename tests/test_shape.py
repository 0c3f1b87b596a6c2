"""The house keeps its shape: small files, small classes, small functions, and words on their own floor."""

import ast
import re
from pathlib import Path

import pytest

APP = Path(__file__).parent.parent / "app"
FILES = sorted(APP.rglob("*.py"))
NAMES = [str(path.relative_to(APP.parent)) for path in FILES]

FILE_LINES, CLASS_LINES, FUNCTION_LINES, OWN_IMPORTS = 400, 300, 50, 12
VENDOR_FLOORS = ("app/vendors/", "app/sandbox/", "app/cli/", "app/ui/resources/")
VENDOR_WORDS = re.compile(r"(?i)codeer(?!ror)|qoder")
FORBIDDEN_NAMES = re.compile(r"(?i)(manager|helper|utils?|service)s?$")


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_sizes(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    lines = source.count("\n")
    assert lines <= FILE_LINES, f"{lines} lines"
    own = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            assert _length(node) <= CLASS_LINES, f"class {node.name}: {_length(node)} lines"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert _length(node) <= FUNCTION_LINES, f"{node.name}: {_length(node)} lines"
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("app."):
            own.add(node.module)
    assert len(own) <= OWN_IMPORTS, f"imports {len(own)} modules of ours"


@pytest.mark.parametrize(
    "path", [path for path in FILES if not str(path.relative_to(APP.parent)).startswith(VENDOR_FLOORS)], ids=str
)
def test_vendor_words_stay_below_their_floor(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        words = [node.id] if isinstance(node, ast.Name) else [node.attr] if isinstance(node, ast.Attribute) else []
        if isinstance(node, ast.ImportFrom):
            words.append(node.module or "")
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in ("codeer", "qoder"):
            words.append(node.value)
        assert not [word for word in words if VENDOR_WORDS.search(word)], f"line {getattr(node, 'lineno', 0)}: {words}"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_names_say_what_a_thing_is(path: Path) -> None:
    assert not FORBIDDEN_NAMES.search(path.stem)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            assert not FORBIDDEN_NAMES.search(node.name), node.name


def _length(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1
