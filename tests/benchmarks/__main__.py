"""``python -m tests.benchmarks``: take the figures and print the table.

``--runs N`` (5): medians of N. ``--only GROUPS``: some of those below. ``--raw``: all figures too.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable
from functools import partial

from tests.benchmarks import measure
from tests.benchmarks.application import application
from tests.benchmarks.table import lines

GROUPS: dict[str, list[Callable[[], measure.Figures]]] = {
    "start": [lambda: measure.start("hello"), lambda: measure.start("ours")],
    "app": [application],
    "echo": [
        lambda: measure.typing("log", 6_000, 1_000),
        lambda: measure.typing("ours", 20_000, 1_000),
        lambda: measure.typing("ours", 2_000, 200),
    ],
    "steady": [lambda: measure.steady("log"), lambda: measure.steady("ours")],
    "growth": [
        lambda: measure.growth("ours", 10_000, 1_000),
        lambda: measure.growth("markdown", 10_000, 1_000),
        lambda: measure.growth("ours", 100_000, 4_000),
    ],
    "shapes": [partial(measure.growth, "ours", 16_000, 1_000, shape) for shape in ("fence", "list", "table", "paragraph")],
    "fast": [
        lambda: measure.fast("log", 20_000, page=True),
        lambda: measure.fast("ours", 20_000),
        lambda: measure.fast("ours", 100_000),
        lambda: measure.fast("ours", 20_000, 5_000),
    ],
    "open": [lambda: measure.opened(10), lambda: measure.opened(1_000), lambda: measure.opened(10_000)],
}
ONCE = {"growth"}
"""Groups that take minutes; they run at most three times."""


def main() -> int:
    """Everything, medians, table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=list(GROUPS), default=list(GROUPS))
    parser.add_argument("--raw", action="store_true")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, os.sched_getaffinity(0))
    taken: defaultdict[str, list[float]] = defaultdict(list)
    for run in range(options.runs):
        for group in options.only:
            if group in ONCE and run >= 3:
                continue
            for number, take in enumerate(GROUPS[group]):
                print(
                    f"\rrun {run + 1} of {options.runs}: {group} {number + 1} of {len(GROUPS[group])}   ",
                    end="",
                    file=sys.stderr,
                    flush=True,
                )
                for name, value in take().items():
                    taken[name].append(value)
    print(file=sys.stderr)
    figures = {name: statistics.median(values) for name, values in taken.items()}
    print("\n".join(lines(figures)))
    if options.raw:
        print(
            "\n"
            + "\n".join(
                f"{name}: {value:.4g}  {[round(one, 3) for one in taken[name]]}" for name, value in sorted(figures.items())
            )
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
