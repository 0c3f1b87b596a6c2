"""The table: what was reached beside what should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Line:
    """One row: ``value`` is compared with ``limit``; both may be ratios of figures of the same run."""

    what: str
    value: Callable[[Figures], float]
    limit: float
    unit: str = "×"
    detail: tuple[str, ...] = ()


def ratio(above: str, below: str) -> Callable[[Figures], float]:
    """One figure by another."""
    return lambda figures: figures[above] / figures[below]


def minus(more: str, less: str) -> Callable[[Figures], float]:
    """One figure less another."""
    return lambda figures: figures[more] - figures[less]


def figure(name: str) -> Callable[[Figures], float]:
    """A figure as it is."""
    return lambda figures: figures[name]


LINES = (
    Line(
        "application: start → first key echoed, by hello's",
        figure("app start by hello"),
        1.2,
        detail=("app start ms",),
    ),
    Line(
        "application: first Enter → request, by hello's start",
        figure("app request by hello"),
        0.15,
        detail=("app request ms",),
    ),
    Line("application: memory at start, over hello", minus("app memory MB", "hello memory MB"), 25.0, "MB", ("app memory MB",)),
    Line("application: idle bytes a second", figure("app idle bytes/s"), 0.0, ""),
    Line("application: idle CPU", figure("app idle cpu %"), 0.2, "%"),
    Line(
        "key echo p95 at 200 tok/s, by Log's at 1,000",
        ratio("ours echo @200 p95 ms", "log echo @1000 p95 ms"),
        0.75,
        detail=("ours echo @200 p95 ms", "log echo @1000 p95 ms"),
    ),
    Line(
        "key echo p95 at 1,000 tok/s, by Log's",
        ratio("ours echo @1000 p95 ms", "log echo @1000 p95 ms"),
        0.75,
        detail=("ours echo @1000 p50 ms", "ours echo @1000 p95 ms"),
    ),
    Line(
        "key echo median, last quarter of 20k by first",
        ratio("ours echo @1000 last p50 ms", "ours echo @1000 first p50 ms"),
        1.2,
        detail=("ours echo @1000 first p50 ms", "ours echo @1000 last p50 ms"),
    ),
    Line(
        "key echo p95, last quarter of 20k by first",
        ratio("ours echo @1000 last p95 ms", "ours echo @1000 first p95 ms"),
        2.0,
        detail=("ours echo @1000 first p95 ms", "ours echo @1000 last p95 ms"),
    ),
    Line(
        "CPU per 1,000 tokens at 200 tok/s, by Log's",
        ratio("ours cpu ms/1k @200", "log cpu ms/1k @200"),
        0.75,
        detail=("ours cpu ms/1k @200", "log cpu ms/1k @200"),
    ),
    Line(
        "CPU of the last 1,000 of 100k, by the first",
        ratio("ours mixed 100k last cpu ms/1k", "ours mixed 100k first cpu ms/1k"),
        2.0,
        detail=("ours mixed 100k first cpu ms/1k", "ours mixed 100k last cpu ms/1k"),
    ),
    Line(
        "CPU at 10k, by MarkdownStream's",
        ratio("ours mixed 10k last cpu ms/1k", "markdown mixed 10k last cpu ms/1k"),
        1 / 6,
        detail=("ours mixed 10k last cpu ms/1k", "markdown mixed 10k last cpu ms/1k"),
    ),
    *(
        Line(
            f"busy at 1,000 tok/s, one {shape}",
            figure(f"ours {shape} 16k busy %"),
            30.0,
            "%",
            (f"ours {shape} 16k last cpu ms/1k",),
        )
        for shape in ("fence", "list", "table", "paragraph")
    ),
    Line("bytes a token at 200 tok/s", figure("ours bytes/token @200"), 400.0, "", ("log bytes/token @200",)),
    Line(
        "20k as fast as they come, by Log's",
        ratio("ours 20k wall s", "log 20k wall s"),
        1.5,
        detail=("ours 20k wall s", "log 20k wall s"),
    ),
    Line("100k by 20k", ratio("ours 100k wall s", "ours 20k wall s"), 5.5, detail=("ours 100k wall s",)),
    Line("characters lost at 5,000 tok/s", figure("ours 20k @5000 lost"), 0.0, ""),
    Line("open 1,000 messages, by hello's start", ratio("open 1000 ms", "hello start ms"), 1.5, detail=("open 1000 ms",)),
    Line("open 10,000, by 1,000", ratio("open 10000 ms", "open 1000 ms"), 1.3, detail=("open 10000 ms",)),
    Line("a page in 10,000, by Log's", ratio("page in 10000 ms", "log page ms"), 1.5, detail=("page in 10000 ms", "log page ms")),
    Line("to the top of 10,000, by Log's page", ratio("top of 10000 ms", "log page ms"), 1.5, detail=("top of 10000 ms",)),
    Line("to the end of 10,000, by Log's page", ratio("end of 10000 ms", "log page ms"), 1.5, detail=("end of 10000 ms",)),
    Line("to a hit in 10,000, by Log's page", ratio("hit in 10000 ms", "log page ms"), 1.5, detail=("hit in 10000 ms",)),
    Line(
        "append to 10,000, by 10",
        ratio("append to 10000 ms", "append to 10 ms"),
        1.3,
        detail=("append to 10 ms", "append to 10000 ms"),
    ),
    Line(
        "memory at start, over hello",
        minus("ours memory MB", "hello memory MB"),
        25.0,
        "MB",
        ("ours memory MB", "hello memory MB"),
    ),
    Line("memory after 20k, over hello", minus("ours 20k memory MB", "hello memory MB"), 65.0, "MB", ("ours 20k memory MB",)),
    Line("memory with 10,000 messages, over the start", figure("open 10000 memory MB"), 15.0, "MB"),
    Line("idle bytes a second", figure("ours idle bytes/s"), 0.0, "", ("hello idle bytes/s",)),
    Line("idle CPU", figure("ours idle cpu %"), 0.2, "%", ("hello idle cpu %",)),
)


def lines(figures: Figures) -> list[str]:
    """The table as Markdown. A row whose figures were not taken is left out."""
    out = ["| what | reached | wanted | | figures |", "|---|---:|---:|---|---|"]
    for line in LINES:
        try:
            value = line.value(figures)
        except (KeyError, ZeroDivisionError):
            continue
        mark = "✓" if value <= line.limit + 1e-9 else "**missed**"
        detail = ", ".join(f"{name} {figures[name]:.4g}" for name in line.detail if name in figures)
        out.append(f"| {line.what} | {value:.3g} {line.unit} | ≤ {line.limit:.3g} {line.unit} | {mark} | {detail} |")
    return out
