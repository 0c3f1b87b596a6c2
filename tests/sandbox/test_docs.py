"""``docs/sandbox.md`` is true: its commands run, and its table of routes is the one that is served.

``python -m tests.sandbox.test_docs`` writes the table anew.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.routing import BaseRoute, Mount, Route

from app.sandbox import codeer, qoder
from app.sandbox.core import World
from app.sandbox.faults import REQUEST, STREAM
from app.sandbox.testing import sandbox

PAGE = Path(__file__).parent.parent.parent / "docs" / "sandbox.md"
BEGIN, END = "<!-- routes:begin -->\n", "<!-- routes:end -->"


def blocks(head: str) -> list[str]:
    return re.findall(rf"```{head}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


async def routes() -> str:
    """The table of what is served."""
    world = World()
    lines = ["| Side | Base | Routes |", "|---|---|---|"]
    for mount in codeer.mounts(world):
        assert isinstance(mount, Mount)
        lines += grouped("Codeer", mount.path, mount.app._router.routes)  # type: ignore[attr-defined]
    lines += grouped("Qoder", "/api/v1/cloud", qoder.routes(world))
    await world.close()
    return "\n".join(lines) + "\n"


def grouped(side: str, base: str, found: list[BaseRoute]) -> list[str]:
    groups: dict[str, list[str]] = {}
    for route in found:
        assert isinstance(route, Route)
        [method] = (route.methods or set()) - {"HEAD"}
        groups.setdefault(route.path.split("/")[1], []).append(f"`{method} {route.path}`")
    return [f"| {side} | `{base}` | {'<br>'.join(paths)} |" for paths in groups.values()]


async def test_the_table_of_routes_is_what_is_served():
    assert BEGIN + await routes() + END in PAGE.read_text(encoding="utf-8")


def test_every_fault_is_listed():
    listed = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8").partition("## Faults on order")[2], re.MULTILINE)
    assert listed[: len(REQUEST + STREAM)] == [*REQUEST, *STREAM]


@pytest.mark.skipif(not all(map(shutil.which, ("bash", "curl", "jq"))), reason="the examples use bash, curl and jq")
def test_the_commands_run(tmp_path: Path):
    with sandbox() as running:
        ready = {
            "codeer": {"base": running.codeer.base, "key": running.codeer.key},
            "qoder": {"base": running.qoder.base, "key": running.qoder.key},
            "control": running.control,
            "token": running.token,
        }
        (tmp_path / "ready.json").write_text(json.dumps(ready))
        said = []
        for block in blocks("sh run"):
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 0, done.stderr
            said.append(done.stdout)
    assert "response.output_text.completed" in said[0] and "user.message" in said[1]
    assert '"text":"Hello"' in said[2] and "HTTP/1.1 429" in said[3]


def test_the_python_runs(tmp_path: Path):
    [block] = blocks("python")
    done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and re.fullmatch(r"http://127\.0\.0\.1:\d+/api/v1 http\S+/cloud 0\n", done.stdout), done.stderr


if __name__ == "__main__":
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + asyncio.run(routes()) + END + rest.partition(END)[2], encoding="utf-8")
