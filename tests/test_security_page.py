"""SECURITY.md names rows and tests that exist."""

import re
from pathlib import Path

from tests.faults.rows import load

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_every_row_and_file_on_the_page_exists() -> None:
    rows = load()
    named = set(re.findall(r"\b[A-Z]-\d\d\b", PAGE))
    assert named and named <= set(rows), named - set(rows)
    files = set(re.findall(r"`((?:app|tests)/[\w/]+\.py)`", PAGE))
    assert files and all((ROOT / name).is_file() for name in files), [name for name in files if not (ROOT / name).is_file()]


def test_every_row_of_ours_is_on_the_page() -> None:
    text = PAGE
    for letter, first, last in re.findall(r"rows? ([A-Z])-(\d\d) to [A-Z]-(\d\d)", PAGE):
        text += " ".join(f"{letter}-{number:02}" for number in range(int(first), int(last) + 1))
    for letter, last in re.findall(r", ([A-Z])-\d\d to [A-Z]-(\d\d)", PAGE):
        text += " ".join(f"{letter}-{number:02}" for number in range(1, int(last) + 1))
    missing = [ident for ident in load() if ident[0] in "APXEVFL" and ident not in text]
    assert not missing, missing
