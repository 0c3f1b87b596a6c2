"""The Builder: looks around in a small project, and asks before it writes a file or runs a command."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from app.sandbox.steps import TOKEN, Ask, Say, Script, Think, Tool, Usage, Verdict

PROJECT = {
    "README.md": "# Greeter\n\nSays hello, politely.\n",
    "greeter.py": 'def greet(name: str) -> str:\n    return f"Hello, {name}."\n',
    "test_greeter.py": 'from greeter import greet\n\n\ndef test_greet():\n    assert greet("Ada") == "Hello, Ada."\n',
}
"""The project every session begins with: path to text."""

Disk = dict[str, str]

_FAREWELL = '\n\ndef farewell(name: str) -> str:\n    return f"Goodbye, {name}."\n'
_LIST = re.compile(r"\s*(?:ls|list)(?:\s+(?:the\s+)?files)?\s*", re.IGNORECASE)
_READ = re.compile(r"\s*(?:read|show|cat)\s+(\S+)\s*", re.IGNORECASE)
_WRITE = re.compile(r"\s*write\s+([\w./-]+)\s*:\s?(.*)", re.IGNORECASE | re.DOTALL)
_RUN = re.compile(r"\s*run\s+(.+?)\s*", re.IGNORECASE | re.DOTALL)
_TEST = re.compile(r"^def test_", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command printed, whether it failed, and what it left on the disk."""

    text: str
    failed: bool
    disk: Mapping[str, str]


def builder(prompt: str, disk: Disk) -> Script:
    """``list``, ``read FILE``, ``write FILE: TEXT`` and ``run COMMAND`` do just that; anything else is a task.

    ``disk`` is changed as files are written.
    """
    if _LIST.fullmatch(prompt):
        yield Tool("Glob", {"pattern": "**/*"}, "\n".join(sorted(disk)), seconds=0.05)
        yield from _said("These are the files:\n\n" + "".join(f"- `{path}`\n" for path in sorted(disk)))
    elif found := _READ.fullmatch(prompt):
        yield from _read(found[1], disk)
    elif found := _WRITE.fullmatch(prompt):
        given = yield _writing(found[1], found[2])
        if not _allowed(given):
            yield from _left_alone(found[1], given)
            return
        disk[found[1]] = found[2]
        yield from _said(f"Written: `{found[1]}`.\n")
    elif found := _RUN.fullmatch(prompt):
        yield from _run(found[1], disk)
    else:
        yield from _task(prompt, disk)


def _task(prompt: str, disk: Disk) -> Script:
    task = " ".join(prompt.split())[:120] or "a farewell"
    yield Think(f"The task: {task}. Look at what is there, change one file, run the tests.")
    yield Say("I will look around first, then make one small change and run the tests.\n", 160)
    path, content, what = _change(task, disk)
    yield Tool("Glob", {"pattern": "**/*"}, "\n".join(sorted(disk)), seconds=0.05)
    if path in disk:
        yield Tool("Read", {"file_path": path}, disk[path], seconds=0.05)
    given = yield _writing(path, content)
    if not _allowed(given):
        yield from _left_alone(path, given)
        return
    disk[path] = content
    yield Think("Written. Now the tests.")
    command = "python -m pytest -q"
    outcome = shell(command, disk)
    given = yield Ask("Bash", {"command": command}, outcome.text, outcome.failed)
    if not _allowed(given):
        told = f"I did not run the tests{_because(given)}, so run them before you rely on it."
    else:
        told = "The tests fail." if outcome.failed else "The tests pass."
    fence = "python" if path.endswith(".py") else "markdown"
    yield from _said(f"Done. `{path}` now has {what}:\n\n```{fence}\n{content}```\n\n{told}\n", asked=420)


def _change(task: str, disk: Mapping[str, str]) -> tuple[str, str, str]:
    """What to write for a task: (path, new text, in words)."""
    code = disk.get("greeter.py", "")
    if "def farewell" not in code:
        return "greeter.py", code + _FAREWELL, "a farewell beside the greeting"
    return "NOTES.md", disk.get("NOTES.md", "# Notes\n\n") + f"- {task}\n", "a note of the task"


def _writing(path: str, content: str) -> Ask:
    size = len(content.encode(errors="replace"))
    return Ask("Write", {"file_path": path, "content": content}, f"Wrote {path} ({size} bytes)")


def _read(path: str, disk: Mapping[str, str]) -> Script:
    if path in disk:
        yield Tool("Read", {"file_path": path}, disk[path], seconds=0.05)
        yield from _said(f"`{path}` says:\n\n```\n{disk[path]}\n```\n")
    else:
        yield Tool("Read", {"file_path": path}, f"{path}: no such file", failed=True, seconds=0.05)
        yield from _said(f"There is no `{path}` here.\n")


def _run(command: str, disk: Disk) -> Script:
    outcome = shell(command, disk)
    given = yield Ask("Bash", {"command": command}, outcome.text, outcome.failed)
    if not _allowed(given):
        yield from _said(f"I did not run it{_because(given)}.\n")
        return
    disk.clear()
    disk.update(outcome.disk)
    yield from _said(f"It {'failed' if outcome.failed else 'ran'}:\n\n```\n{outcome.text}\n```\n")


def shell(command: str, disk: Mapping[str, str]) -> Outcome:
    """A shell of a few words: ``ls``, ``cat``, ``echo`` (also into a file), ``wc -l``, ``rm``, ``pwd``, ``python -m pytest``."""
    after = dict(disk)
    try:
        words = shlex.split(command)
    except ValueError as error:
        return Outcome(f"bash: {error}", True, after)
    match words:
        case ["ls", *_]:
            return Outcome("\n".join(sorted(disk)), False, after)
        case ["pwd"]:
            return Outcome("/workspace", False, after)
        case ["echo", *said, ">", path]:
            after[path] = " ".join(said) + "\n"
            return Outcome("", False, after)
        case ["echo", *said]:
            return Outcome(" ".join(said), False, after)
        case ["cat" | "rm" | "wc", *rest]:
            return _on_files(words[0], [word for word in rest if not word.startswith("-")], after)
        case ["pytest", *_] | ["python", "-m", "pytest", *_]:
            tests = sum(len(_TEST.findall(text)) for path, text in disk.items() if path.rpartition("/")[2].startswith("test_"))
            return Outcome(f"{tests} passed in 0.01s" if tests else "no tests ran in 0.01s", not tests, after)
    return Outcome(f"bash: {words[0] if words else ''}: command not found", True, after)


def _on_files(word: str, paths: list[str], disk: Disk) -> Outcome:
    missing = [path for path in paths if path not in disk]
    if missing or not paths:
        return Outcome(f"{word}: {missing[0] if missing else 'no file'}: No such file or directory", True, disk)
    if word == "cat":
        return Outcome("".join(disk[path] for path in paths), False, disk)
    if word == "wc":
        return Outcome("\n".join(f"{disk[path].count(chr(10))} {path}" for path in paths), False, disk)
    for path in set(paths):
        del disk[path]
    return Outcome("", False, disk)


def _said(text: str, asked: int = 300) -> Script:
    yield Say(text, 200)
    yield Usage(asked, len(text) // TOKEN)


def _left_alone(path: str, given: object) -> Script:
    yield from _said(f"I left `{path}` as it is{_because(given)}. Tell me what you would rather have.\n")


def _allowed(given: object) -> bool:
    return isinstance(given, Verdict) and given.allow


def _because(given: object) -> str:
    reason = given.reason if isinstance(given, Verdict) else ""
    return f", because you said: {reason}" if reason else ", as you asked"
