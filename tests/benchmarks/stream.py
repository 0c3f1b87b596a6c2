"""What is streamed: the same tokens for everybody, four characters each, with numbered marks to be found on the screen."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator

_SAID = "kiln glaze cone shelf wheel slip trimming firing stoneware porcelain celadon ash bisque drying wedge throw pull foot rim"
WORDS = _SAID.split()
FIRST, LAST = "ZQBEGIN", "ZQFINIS"
EVERY = 24
"""Words between two marks."""


def _lines(shape: str, rnd: random.Random) -> Iterator[str]:
    """Endless source text of a shape; ``{}`` stands where a mark belongs."""
    words = lambda count: " ".join(rnd.choice(WORDS) for _ in range(count))  # noqa: E731
    if shape == "fence":
        yield "```python\n"
        while True:
            yield f"def {rnd.choice(WORDS)}(a, b={rnd.randrange(99)}): return a + b  # {{}}\n"
    if shape == "list":
        while True:
            yield f"- **{rnd.choice(WORDS)}** {words(8)} `{rnd.choice(WORDS)}` {{}}\n"
    if shape == "table":
        yield "| name | value | note |\n|---|---|---|\n"
        while True:
            yield f"| {rnd.choice(WORDS)} | {rnd.randrange(999)} | {words(2)} {{}} |\n"
    while shape == "paragraph":
        yield f"{words(EVERY)} {{}} "
    while True:
        yield f"## {words(3).capitalize()}\n\n"
        yield "".join(f"{words(12)} {{}} " for _ in range(4)) + f"{words(3)}.\n\n"
        yield "".join(f"- **{rnd.choice(WORDS)}** {words(8)} `{rnd.choice(WORDS)}` {{}}\n" for _ in range(5)) + "\n"
        rows = "".join(f"| {rnd.choice(WORDS)} | {rnd.randrange(999)} | {words(2)} |\n" for _ in range(4))
        yield f"| name | value | note |\n|---|---|---|\n{rows}\n"
        yield (
            "```python\n"
            + "".join(f"def {rnd.choice(WORDS)}(a, b={i}):\n    return a + b  # {{}}\n" for i in range(8))
            + "```\n\n"
        )
        yield "".join(f"{i + 1}. {words(9)} {{}}\n" for i in range(3)) + "\n"


def tokens(count: int, shape: str = "mixed") -> list[str]:
    """So many tokens; the first and the last words are marks of their own."""
    rnd = random.Random(7)
    text, size, mark = [f"{FIRST} here\n\n"], 0, 0
    for line in _lines(shape, rnd):
        while "{}" in line:
            mark += 1
            line = line.replace("{}", f"m{mark:06d}", 1)
        text.append(line)
        size += len(line)
        if size > count * 4:
            break
    body = "".join(text)[: count * 4 - 24]
    fence = "\n```" if body.count("```") % 2 else ""
    body += f"{fence}\n\nend {LAST}"
    return [body[at : at + 4] for at in range(0, len(body), 4)]


async def feed(pieces: list[str], rate: float, write: Callable[[str], Awaitable[None] | None], log: Callable[..., None]) -> None:
    """Hand the tokens on, ``rate`` a second or (0) as fast as they are taken, one call a token; log times and marks."""
    began = time.monotonic()
    log("began", began)
    said = ""
    for number, token in enumerate(pieces):
        if rate:
            ahead = began + number / rate - time.monotonic()
            if ahead > 0:
                await asyncio.sleep(ahead)
        elif number % 16 == 0:
            await asyncio.sleep(0)
        done = write(token)
        if done is not None:
            await done
        said = (said + token)[-12:]
        if number % 1000 == 999:
            log("cpu", number + 1, time.monotonic(), time.process_time())
        at = said.find("m0")
        if 0 <= at <= len(said) - 7:
            log("mark", said[at : at + 7], time.monotonic())
            said = said[at + 7 :]
    log("last", time.monotonic(), len(pieces), time.process_time())
