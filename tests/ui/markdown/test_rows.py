"""Widths, wrapping, and what hostile text becomes."""

from __future__ import annotations

import random
import re
import time
from itertools import pairwise

import pytest
from rich.cells import cell_len

from app.ui.markdown import Document, Plain, wrap
from app.ui.markdown.nodes import Para
from app.ui.markdown.rows import fold
from tests.ui.markdown.random_markdown import document

ACTING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\u200b]")
SAMPLES = [
    "plain words that wrap somewhere in the middle",
    "釉薬のかかった窯は月曜日の朝十時から空いています、と彼は言った。",
    "👩‍🚀👨‍👩‍👧‍👦 families and 👍🏽 thumbs 🏳️‍🌈 and flags",
    "e\u0301a\u0300o\u0302 combining marks e\u0301\u0301\u0301 stay with their letters",
    "mixed 漢字 and latin 漢字漢字漢字 words",
    "averyveryveryveryveryveryverylongwordwithoutanyspace",
    "   leading and trailing   ",
    "",
    "→ arrows — dashes … dots “quotes”",
]


@pytest.mark.parametrize("text", SAMPLES)
@pytest.mark.parametrize("width", [2, 5, 11, 20, 200])
def test_wrapping_fits_and_loses_only_spaces(text: str, width: int) -> None:
    cuts = wrap(text, width)
    assert all(cell_len(text[start:end]) <= width for start, end in cuts)
    assert "".join(text[start:end] for start, end in cuts).replace(" ", "") == text.replace(" ", "")
    assert all(before[1] <= after[0] for before, after in pairwise(cuts))
    folded = fold(text, width)
    assert "".join(text[start:end] for start, end in folded) == text
    assert all(cell_len(text[start:end]) <= width for start, end in folded)


def test_no_character_is_cut_in_two() -> None:
    text = "👩‍🚀" * 9 + "e\u0301" * 9
    for start, _ in wrap(text, 5):
        assert text[start : start + 1] not in ("\u200d", "\u0301")


def test_rows_are_never_wider_than_asked() -> None:
    rnd = random.Random(11)
    for _ in range(120):
        shown = Document(document(rnd, 5))
        shown.finish()
        for width in (14, 33, 80):
            for number in range(shown.height(width)):
                row = shown.row(number)
                if row is not None:
                    assert cell_len(row.drawn) <= width, row
                    assert "".join(run.text for run in row.runs) == row.drawn


def test_nothing_that_acts_is_left() -> None:
    payloads = [
        "\x1b[31m",
        "\x1b]52;c;AAAA\x07",
        "\x9b31m",
        "\u202eabc\u2066",
        "a\x00b",
        "&#27;[2J",
        "&#x202e;x",
        "\u2028",
        "&rlm;&lrm;",
        "\x07\x08",
    ]
    around = [
        "{}",
        "**{}**",
        "`{}`",
        "# {}",
        "- {}",
        "> {}",
        "| {} |\n|---|\n| {} |",
        "```\n{}\n```",
        "```{}\nx\n```",
        "[{}](http://x.example)",
        "![{}](http://x.example/a)",
        "[{}]: http://x\n\n[{}]",
    ]
    for payload in payloads:
        for frame in around:
            shown = Document(frame.replace("{}", f"x{payload}y"))
            shown.finish()
            for number in range(shown.height(50)):
                row = shown.row(number)
                if row is not None:
                    assert not ACTING.search(row.drawn), (frame, payload)
            assert not ACTING.search(shown.text)


def test_links_lead_to_the_web_and_to_mail_only() -> None:
    source = " ".join(
        f"[x]({target})"
        for target in (
            "javascript:alert(1)",
            "file:///etc/passwd",
            "data:text/html,x",
            "-flag",
            "/etc/passwd",
            "vscode://x",
            "ssh://h",
        )
    )
    shown = Document(source + " [ok](https://a.example) www.b.com c@d.org <tel:1>")
    shown.finish()
    node = shown.blocks[0].node
    assert isinstance(node, Para)
    assert [run.link for run in node.runs if run.link] == ["https://a.example", "http://www.b.com", "mailto:c@d.org"]
    assert "javascript:alert(1)" in shown.text and "file:///etc/passwd" in shown.text


def test_html_is_text() -> None:
    shown = Document("use the <div> tag\n\n<script>x</script>\n\n<!-- c -->\n")
    shown.finish()
    assert shown.text == "use the <div> tag\n\n<script>x</script>\n\n<!-- c -->"


@pytest.mark.parametrize(
    "source",
    [
        ">" * 10_000 + " deep",
        "- " * 5_000 + "deep",
        "\n".join("  " * depth + "- x" for depth in range(200)),
        "[" * 50_000,
        "![" * 20_000 + "](" * 20_000,
        "*a _b " * 10_000,
        "`" * 5_000 + " " + "".join("`" * (n % 90) + "a" for n in range(3_000)),
        "| a |\n|---|\n" + "| b |\n" * 2_000,
        "|" + "a|" * 800 + "\n|" + "-|" * 800 + "\n|" + "b|" * 800,
        "```\n" + "x = 1\n" * 20_000,
        "x" * 1_000_000,
        "# h\n\n" * 1_000,
        "e" + "\u0301" * 100_000,
        "👩‍🚀" * 10_000,
        "http://x.example/a " * 5_000,
        "[a]: http://x\n\n" * 2_000 + "[a]",
        "word " * 20_000,
        "line\n" * 5_000,
        "&amp;" * 20_000,
        "<a" * 20_000,
        "\\" * 50_000,
        "[a](" * 10_000,
        "<!--" * 10_000,
        "a@b." * 5_000,
    ],
    ids=lambda source: repr(source[:12]),
)
def test_worst_shapes_are_read_in_reasonable_time(source: str) -> None:
    began = time.process_time()
    shown = Document(source)
    shown.finish()
    height = shown.height(100)
    assert time.process_time() - began < 6
    for number in range(0, height, max(1, height // 50)):
        row = shown.row(number)
        assert row is None or cell_len(row.drawn) <= 100
    if "deep" in source:
        assert "deep" in shown.text


def test_beyond_the_depth_everything_is_still_there() -> None:
    shown = Document("\n".join("  " * depth + f"- level{depth}" for depth in range(60)))
    shown.finish()
    assert all(f"level{depth}" in shown.text for depth in range(60))


def test_plain_text_keeps_its_lines() -> None:
    from app.ui.markdown.layout import text_of

    assert text_of(Plain("a  b\n\n  c")) == "a  b\n\n  c"
