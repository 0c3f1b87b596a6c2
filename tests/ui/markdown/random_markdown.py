"""Random GitHub-flavoured documents, friendly and hostile, cut into random pieces. Everything follows from a seed."""

from __future__ import annotations

import random

_SAID = (
    "kiln glaze cone *soft* **strong** `code` ~~old~~ [ref] [other][ref] [text](http://a.example/b) <b>tag</b> www.kiln.com "
    "a@kiln.org 釉薬 窯は月曜日に e\u0301tude \U0001f469\u200d\U0001f680 \U0001f44d\U0001f3fd \\* &amp; &#x202e; a_b_c "
    "__d__ | `` ![alt](http://x.example/i.png) [x](javascript:1) \u202e \x1b[31m [Late] [Late][] [\u00a0late\u00a0] "
    "http://x.example/?q=1 *open **mixed* end** \u200b \u2028 [ ] - 1) >"
)
WORDS = _SAID.split(" ")
SOUP = [
    "-",
    "*",
    "+",
    "1.",
    "2)",
    ">",
    "#",
    "```",
    "~~~",
    "|",
    "---",
    "===",
    "    ",
    "  ",
    "\t",
    "\n",
    "\n\n",
    "a",
    "b c",
    ":",
    "[a]:",
    "[a]",
    "http://x",
    '"t"',
    "`",
    "\\",
    "<",
    "\r\n",
    "|-|-|\n",
    "| x | y |\n",
    " ",
    "'",
    "- [ ] ",
]


def _words(rnd: random.Random, most: int = 12) -> str:
    return " ".join(rnd.choice(WORDS) for _ in range(rnd.randrange(1, most)))


def _list(rnd: random.Random, depth: int = 0) -> str:
    out: list[str] = []
    ordered = rnd.random() < 0.4
    number = rnd.choice([0, 1, 1, 3, 9])
    mark = rnd.choice("-*+") if not ordered else rnd.choice(".)")
    gap = rnd.choice(["", "", "", "\n"])
    pad = "  " * depth + (" " * rnd.randrange(2) if depth == 0 else "")
    for index in range(rnd.randrange(1, 6)):
        marker = f"{number + index if rnd.random() < 0.7 else 1}{mark}" if ordered else mark
        box = rnd.choice(["", "", "", "[ ] ", "[x] "])
        out.append(f"{pad}{marker} {box}{_words(rnd)}\n")
        inside = pad + " " * (len(marker) + 1)
        if rnd.random() < 0.15:
            out.append(f"\n{inside}{_words(rnd)}\n")
        if rnd.random() < 0.1:
            out.append(f"{inside}```py\n{inside}x = {index}\n{inside}```\n")
        if rnd.random() < 0.2 and depth < 3:
            out.append(_list(rnd, depth + 1))
        out.append(gap if rnd.random() < 0.9 else "\n")
    return "".join(out)


def _table(rnd: random.Random) -> str:
    columns = rnd.randrange(1, 5)
    row = lambda: "| " + " | ".join(_words(rnd, 3) for _ in range(columns)) + " |\n"  # noqa: E731
    marks = "|" + "|".join(rnd.choice(["---", ":--", "--:", ":-:"]) for _ in range(columns)) + "|\n"
    return row() + marks + "".join(row() for _ in range(rnd.randrange(0, 6)))


def _fence(rnd: random.Random) -> str:
    mark = rnd.choice(["```", "~~~", "````"])
    lines = "".join(
        rnd.choice(["def f(x):\n", "    return 'a'\n", "\n", "# c\n", '"""doc\n', "``\n", "| x |\n"])
        for _ in range(rnd.randrange(0, 7))
    )
    return f"{mark}{rnd.choice(['', 'python', 'sh', 'nosuch', ' js {x}'])}\n{lines}{mark if rnd.random() < 0.9 else ''}\n"


def _block(rnd: random.Random) -> str:
    kind = rnd.randrange(11)
    if kind < 3:
        return "\n".join(_words(rnd) + rnd.choice(["", "", "  "]) for _ in range(rnd.randrange(1, 4))) + "\n"
    if kind == 3:
        return f"{'#' * rnd.randrange(1, 8)} {_words(rnd, 5)}\n"
    if kind == 4:
        return _list(rnd)
    if kind == 5:
        return _table(rnd)
    if kind == 6:
        return _fence(rnd)
    if kind == 7:
        return "".join(f"> {line}\n" for line in document(rnd, 2).splitlines())
    if kind == 8:
        return rnd.choice(["---\n", "* * *\n", f"{_words(rnd, 4)}\n===\n", f"{_words(rnd, 4)}\n---\n"])
    if kind == 9:
        return rnd.choice(
            ["[ref]: http://ref.example\n", "[late]: <http://late.example> 'title'\n", "[LATE]:\nhttp://l.example\n"]
        )
    return "    indented\n\n      more\n"


def document(rnd: random.Random, most: int = 9) -> str:
    """A document; about one in six is soup."""
    if rnd.random() < 0.16:
        return "".join(rnd.choice(SOUP) + rnd.choice(["", " ", "\n"]) for _ in range(rnd.randrange(1, 40)))
    out: list[str] = []
    for _ in range(rnd.randrange(1, most)):
        out.append(_block(rnd))
        out.append(rnd.choice(["\n", "\n", "\n", "", "\n\n"]))
    return "".join(out)


def cut(rnd: random.Random, text: str) -> list[str]:
    """The text in pieces of random sizes."""
    pieces: list[str] = []
    at = 0
    most = rnd.choice([2, 5, 20, 80])
    while at < len(text):
        size = rnd.randrange(1, most + 1)
        pieces.append(text[at : at + size])
        at += size
    return pieces
