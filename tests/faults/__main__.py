"""``make faults``: the whole matrix, row → verdict; ``ROWS=Q,D-01`` takes a part, ``SEEDS`` and ``SOAK`` (minutes) its size."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.faults.rows import Case, Row, load


def main() -> int:
    """Run what was asked for, print a line a row, and tell by the exit code whether all of them held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="", help="letters or ids, separated by commas")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--soak", type=float, default=5.0, help="minutes of a soak")
    parser.add_argument("--short", action="store_true", help="the set and the sizes that every change runs")
    args = parser.parse_args()
    wanted = [word.strip() for word in args.rows.split(",") if word.strip()]
    rows = [row for ident, row in load().items() if not wanted or ident in wanted or ident.partition("-")[0] in wanted]
    failed, begun = 0, time.monotonic()
    for row in rows:
        if not args.short or row.short:
            failed += not _judge(row, args)
    print(f"{len(rows)} rows, {failed} failed, {time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


def _judge(row: Row, args: argparse.Namespace) -> bool:
    if row.run is None:
        print(f"{row.id:5} not here  {row.fault}: {row.why_not}", flush=True)
        return True
    figures, begun = "", time.monotonic()
    for seed in range(1, 2 if row.once else args.seeds + 1):
        with tempfile.TemporaryDirectory(prefix=f"parlour-{row.id}-") as folder:
            case = Case(seed, Path(folder), full=not args.short, soak_minutes=args.soak)
            try:
                figures = asyncio.run(_awaited(row, case))
            except Exception:
                print(f"{row.id:5} FAILED    {row.fault} (seed {seed})", flush=True)
                traceback.print_exc()
                return False
    print(f"{row.id:5} held      {row.fault}  [{time.monotonic() - begun:.1f} s]  {figures}".rstrip(), flush=True)
    return True


async def _awaited(row: Row, case: Case) -> str:
    assert row.run is not None
    return await row.run(case)


if __name__ == "__main__":
    sys.exit(main())
