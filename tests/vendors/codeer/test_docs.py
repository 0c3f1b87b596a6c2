"""docs/codeer.md has every route that the sandbox serves, with commands that exist and tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

from app.cli.parser import build
from app.sandbox import codeer
from app.sandbox.core import World

PAGE = Path(__file__).parent.parent.parent.parent / "docs" / "codeer.md"
HERE = Path(__file__).parent


def rows() -> list[list[str]]:
    found = [
        line.strip("|").split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| `[A-Z]+ /", line)
    ]
    return [[cell.strip() for cell in row] for row in found]


async def test_every_route_is_there_with_both_of_its_tests() -> None:
    world = World()
    served = set()
    for mount in codeer.mounts(world):
        if mount.path == "/api/v1":  # type: ignore[attr-defined]
            served = {
                f"{min(route.methods - {'HEAD'})} {route.path}"
                for route in mount.app._router.routes  # type: ignore[attr-defined]
                if not route.path.startswith("/external")
            }
    await world.close()
    table = rows()
    assert {row[0].strip("`") for row in table} == served and len(table) == 15
    source = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py"))
    for row in table:
        for column in (3, 4):
            names = re.findall(r"`(test_\w+)`", row[column])
            assert names and all(f"def {name}(" in source for name in names), row


def test_its_commands_are_commands() -> None:
    known = set(build()._subparsers._group_actions[0].choices)  # type: ignore[union-attr, arg-type]
    for row in rows():
        used = re.findall(r"`([a-z]+)[ `]", row[2])
        assert used and used[0] in known, row
