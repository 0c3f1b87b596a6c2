"""``stream N at R``: exactly N tokens of mixed Markdown, the same ones every time."""

from __future__ import annotations

import re

from app.sandbox.steps import TOKEN, Past, Say, Script, Usage

MOST = 1_000_000
"""More tokens than this are not streamed in one answer."""

_ORDER = re.compile(r"\bstream\s+(\d{1,9})(?:\s+(?:at|@)\s+(\d{1,6}(?:\.\d+)?))?", re.IGNORECASE)

_SECTION = """## Measure {n}

Every measure has the same shape, so that two runs can be compared token by token. The beat is *steady*, the words are
**plain**, and nothing in here is random; measure {n} follows measure {before}, as it always does.

- first beat: a line of prose with `inline code`
- second beat: a line with a [link](https://example.com/measure/{n})
  - an off-beat, one step in
- third beat: 速度 and naïve café, for the wide and the accented

| beat | at | kind |
|---:|:--|:--|
| 1 | {n}.0 | down |
| 2 | {n}.5 | up |

```python
def measure(beats: int = {n}) -> list[str]:
    return [f"beat {{beat}}" for beat in range(beats)]
```

> Keep time, and time will keep you.

1. Count in.
2. Play measure {n}.
3. Count out.

"""


def text(count: int) -> str:
    """The first ``count`` tokens."""
    pieces: list[str] = []
    length, n = 0, 0
    while length < count * TOKEN:
        n += 1
        pieces.append(_SECTION.format(n=n, before=n - 1 or "the silence"))
        length += len(pieces[-1])
    return "".join(pieces)[: count * TOKEN]


def order(prompt: str) -> tuple[int, float] | None:
    """(tokens, tokens a second) that a prompt asks for."""
    found = _ORDER.search(prompt)
    return (int(found[1]), float(found[2] or 0)) if found else None


def metronome(prompt: str, past: Past) -> Script:
    """Streams what was asked for, or says how to ask."""
    del past
    asked = order(prompt)
    if asked is None:
        yield Say(
            "I keep time. Say `stream 400 at 80` for 400 tokens at 80 a second, or `stream 400` for 400 tokens as fast as they "
            "go. A token is four characters, and the same order always gives the same text.\n"
        )
        yield Usage(len(prompt) // TOKEN + 1, 50)
        return
    count, rate = asked
    if count > MOST:
        yield Say(f"That is more than I play in one go. The most is `stream {MOST}`.\n")
        yield Usage(len(prompt) // TOKEN + 1, 16)
        return
    if count:
        yield Say(text(count), rate)
    yield Usage(len(prompt) // TOKEN + 1, count)
