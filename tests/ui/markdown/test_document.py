"""A document that grows shows the same as one that is read at once: after every flush, and row by row at the end."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ui.markdown import Code, Document, Table
from app.ui.markdown.rows import joined
from tests.ui.markdown.random_markdown import cut, document


def whole(text: str) -> Document:
    """The document read in one go: one parse, nothing kept from before."""
    read = Document(text)
    read.finish()
    return read


def texts(shown: Document) -> list[tuple[int, str]]:
    return [(block.gap(index), block.text) for index, block in enumerate(shown.blocks)]


def rows(shown: Document, width: int) -> list[object]:
    found = [shown.row(number) for number in range(shown.height(width))]
    return [(row.runs, row.lead, row.end) if row is not None else None for row in found]


def grow_and_compare(rnd: random.Random, text: str, width: int) -> None:
    growing, sofar = Document(), ""
    for piece in cut(rnd, text):
        sofar += piece
        growing.append(piece)
        growing.flush()
        growing.height(width)
        assert texts(growing) == texts(whole(sofar)), sofar
    growing.finish()
    assert texts(growing) == texts(whole(text))
    assert rows(growing, width) == rows(whole(text), width)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(0, 2**32))
def test_growing_equals_reading_at_once(seed: int) -> None:
    rnd = random.Random(seed)
    grow_and_compare(rnd, document(rnd, 5), rnd.choice([16, 40, 100]))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.text(alphabet="-*+>#|`~[]:=_ \n\tab1.)\\!<&;\r\u202e\x1b", max_size=60), st.integers(0, 99))
def test_growing_equals_reading_at_once_for_soup(text: str, seed: int) -> None:
    grow_and_compare(random.Random(seed), text, 20)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("see [a] there\n\nmore\n\n", "[a]: http://a.example\n\nend"),
        ("- one\n- two\n- three\n", "\n- four\n"),
        ("1. one\n2. two\n", "\n   loose\n3. three\n\nend\n"),
        ("text\n| a | b |\n|-|-|", "x\n"),
        ("- x\n- | a | b |\n", "|---|---|\n"),
        ("[a]: /u\n'ti", "tle'\n\n[a]\n"),
        ("- a\n-", "-\n"),
        ("para\n--", "x\n\nend"),
        ("```py\nx\n``", "`\nafter\n"),
        ("| a |\n|---|\n| 1 |\n", "> quote\n"),
    ],
)
def test_what_turns_out_otherwise_is_put_right(first: str, second: str) -> None:
    growing = Document(first)
    growing.flush()
    assert texts(growing) == texts(whole(first))
    growing.append(second)
    growing.flush()
    assert texts(growing) == texts(whole(first + second))
    growing.finish()
    assert rows(growing, 40) == rows(whole(first + second), 40)


def test_settled_rows_keep_their_identity() -> None:
    growing = Document("# Title\n\nfirst\n\n- a\n- b\n\n```sh\nls\n")
    growing.flush()
    growing.height(40)
    before = [growing.row(number) for number in range(growing.height(40) - 1)]
    growing.append("pwd\n")
    growing.flush()
    growing.height(40)
    assert all(row is growing.row(number) for number, row in enumerate(before))


def test_text_without_wrapping_is_the_text_of_the_rows_joined() -> None:
    rnd = random.Random(5)
    for _ in range(60):
        shown = whole(document(rnd, 4))
        for block in shown.blocks:
            if any(isinstance(node, Table) for node in _nodes(block.node)):
                continue
            narrow = block.rows(18)
            flat = joined(narrow).replace(" ", "")
            assert (
                flat.replace("\n", "") == block.text.replace(" ", "").replace("\n", "").replace("---", "") or "---" in block.text
            )


def _nodes(node: object) -> list[object]:
    inside = [*getattr(node, "children", ()), *getattr(node, "items", ())]
    return [node, *(found for child in inside for found in _nodes(child))]


def test_blocks_hold_what_is_copied() -> None:
    shown = whole("```python\ndef f():\n\treturn 1\n```\n\n| a | b |\n|--|--|\n| 1 | `x` |\n")
    code, table = shown.blocks[0].node, shown.blocks[1].node
    assert isinstance(code, Code) and code.source == "def f():\n\treturn 1"
    assert isinstance(table, Table) and shown.blocks[1].text == "a\tb\n1\tx"


def test_an_endless_list_settles_item_by_item() -> None:
    growing = Document()
    for number in range(300):
        growing.append(f"- item {number}\n")
        growing.flush()
        assert len(growing._lines) <= 1
    assert len(growing.blocks) == 300
