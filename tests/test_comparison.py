"""docs/comparison.md is honest as far as a test can tell: what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "comparison.md"
ROW = re.compile(r"^\| (\d+) \| .+? \| \*\*(Y|P|N)\*\* \| (?:[^|]* \| ){8}(.+) \|$", re.MULTILINE)


def test_every_yes_is_shown_by_something_that_exists() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = ROW.findall(text)
    assert [int(number) for number, _, _ in rows] == list(range(1, 101))
    for number, verdict, shown in rows:
        for file, name in re.findall(r"`?([\w/]*test_\w+\.py)(?:::(\w+))?", shown):
            path = HERE / file
            assert path.is_file(), f"row {number}: {file}"
            assert not name or re.search(rf"^(?:async )?def {name}\b", path.read_text(encoding="utf-8"), re.MULTILINE), (
                number,
                name,
            )
        for picture in re.findall(r"\]\((pictures/[^)]+)\)", shown):
            assert (PAGE.parent / picture).is_file(), f"row {number}: {picture}"
        assert verdict != "Y" or len(shown) > 5, f"row {number}"
    counted = {verdict: sum(found == verdict for _, found, _ in rows) for verdict in "YPN"}
    assert f"Of the hundred: {counted['Y']} yes, {counted['P']} partly, {counted['N']} no." in text
