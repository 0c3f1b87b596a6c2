"""``make faults``: the whole matrix, row → verdict; ``ROWS=Q,D-01`` takes a part, ``SEEDS`` and ``SOAK`` (minutes) its size.

Each run of a row is a process of its own, two at a time; rows that the clock judges come last and alone.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.rows import Case, Row, load

ROOT = Path(__file__).parents[2]


@dataclass
class Verdict:
    """What came of the runs of one row."""

    row: Row
    left: int
    seconds: float = 0.0
    figures: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def line(self) -> str:
        """A line for people; a fault's own words follow it."""
        if self.faults:
            return "\n".join([f"{self.row.id:5} FAILED    {self.row.fault}", *self.faults])
        told = " | ".join(dict.fromkeys(figures for figures in self.figures if figures))
        return f"{self.row.id:5} held      {self.row.fault}  [{self.seconds:.1f} s]  {told}".rstrip()


def main() -> int:
    """Run what was asked for, print a line a row, and tell by the exit code whether all of them held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="", help="letters or ids, separated by commas")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--soak", type=float, default=5.0, help="minutes of a soak")
    parser.add_argument("--short", action="store_true", help="the set and the sizes that every change runs")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="runs at a time (default 2)")
    parser.add_argument("--one", type=int, default=0, metavar="SEED", help="this seed only, here; for the runs themselves")
    args = parser.parse_args()
    wanted = [word.strip() for word in args.rows.split(",") if word.strip()]
    rows = [row for ident, row in load().items() if not wanted or ident in wanted or ident.partition("-")[0] in wanted]
    rows = [row for row in rows if not args.short or row.short]
    return _here(rows[0], args) if args.one else asyncio.run(_all(rows, args))


async def _all(rows: Sequence[Row], args: argparse.Namespace) -> int:
    begun = time.monotonic()
    for row in rows:
        if row.run is None:
            print(f"{row.id:5} not here  {row.fault}: {row.why_not}", flush=True)
    here = [row for row in rows if row.run is not None]
    failed = await _round([row for row in here if not row.alone], args, args.jobs)
    failed += await _round([row for row in here if row.alone], args, 1)
    seconds = time.monotonic() - begun
    print(f"{len(rows)} rows, {failed} failed, {len(rows) - len(here)} not here, {args.seeds} seeds, {seconds:.0f} s")
    return 1 if failed else 0


async def _round(rows: Sequence[Row], args: argparse.Namespace, jobs: int) -> int:
    """All runs of these rows, ``jobs`` at a time; how many rows failed."""
    verdicts = {row.id: Verdict(row, 1 if row.once else args.seeds) for row in rows}
    waiting = [(row, seed) for row in rows for seed in range(1, verdicts[row.id].left + 1)][::-1]

    async def lane() -> None:
        while waiting:
            row, seed = waiting.pop()
            await _run(verdicts[row.id], seed, args)
            if not verdicts[row.id].left:
                print(verdicts[row.id].line(), flush=True)

    await asyncio.gather(*(lane() for _ in range(jobs)))
    return sum(bool(verdict.faults) for verdict in verdicts.values())


async def _run(verdict: Verdict, seed: int, args: argparse.Namespace) -> None:
    command = ["-m", "tests.faults", "--rows", verdict.row.id, "--one", str(seed), "--soak", str(args.soak)]
    begun = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, *(["--short"] if args.short else []),
        cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out = (await process.communicate())[0].decode(errors="replace")
    verdict.left -= 1
    verdict.seconds += time.monotonic() - begun
    found = re.search(r"^FIGURES (.*)$", out, re.MULTILINE)
    if process.returncode == 0 and found is not None:
        verdict.figures.append(found[1])
    else:
        verdict.faults.append(f"  seed {seed}, exit {process.returncode}:\n{out[-3000:]}")


def _here(row: Row, args: argparse.Namespace) -> int:
    """One run of one row in this process."""
    assert row.run is not None
    with tempfile.TemporaryDirectory(prefix=f"parlour-{row.id}-") as folder:
        try:
            figures = asyncio.run(_awaited(row, Case(args.one, Path(folder), full=not args.short, soak_minutes=args.soak)))
        except Exception:
            traceback.print_exc()
            return 1
    print(f"FIGURES {figures}", flush=True)
    return 0


async def _awaited(row: Row, case: Case) -> str:
    assert row.run is not None
    return await row.run(case)


if __name__ == "__main__":
    sys.exit(main())
