"""The short set of the fault matrix, on every change."""

import asyncio
from pathlib import Path

import pytest

from tests.faults.rows import Case, Row, load

SHORT = {ident: row for ident, row in load().items() if row.short}


@pytest.mark.parametrize("row", SHORT.values(), ids=SHORT)
def test_row(row: Row, tmp_path: Path) -> None:
    folder = tmp_path / "row"
    folder.mkdir()
    run = row.run
    assert run is not None

    async def judged() -> str:
        return await run(Case(1, folder))

    asyncio.run(judged())
