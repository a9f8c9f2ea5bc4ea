"""The risk engine's numbers beside their bounds: a table, JSON and a picture in `out/risk-bench`.

    python -m benchmarks.risk [--quick] [--seeds N] [--market FILE.csv] [ROWS ...]

Exit code 1 where a bound is missed. `--quick` takes two seeds where the full run takes twenty; `--market` names daily
closes of BTC and ETH, which the repository does not have. Times are medians of one run: what else the machine did while
they were taken is in them, and the load is printed below the table.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.risk.figures import Figure
from benchmarks.risk.picture import draw
from benchmarks.risk.rows import FULL, QUICK, ROWS, read_market
from benchmarks.risk.truth import KEPT
from primitives.errors import BadInput


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table as it comes; 1 if a bound is missed, 2 for bad input."""
    parser = argparse.ArgumentParser(description="The risk engine's numbers beside their bounds.")
    parser.add_argument("rows", nargs="*", help=f"which of {', '.join(ROWS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="a few seeds in place of twenty")
    parser.add_argument("--seeds", type=int, help="of each accuracy row; 20, quick 2")
    parser.add_argument("--market", type=Path, help="CSV of daily closes: date, BTC, ETH")
    parser.add_argument("--out", type=Path, default=KEPT, help="where JSON and picture go")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.rows if name not in ROWS]:
        parser.error(f"rows: {', '.join(unknown)}: must be of {', '.join(ROWS)}")
    try:
        history = None if given.market is None else read_market(given.market)
    except (BadInput, OSError) as error:
        parser.error(f"--market: {error}")
    effort = QUICK if given.quick else FULL
    if given.seeds is not None:
        if given.seeds < 1:
            parser.error(f"--seeds is {given.seeds}: must be at least 1")
        effort = replace(effort, seeds=given.seeds)
    begin, found = time.monotonic(), list[Figure]()
    print("| what | measured | bound |\n|---|---|---|", flush=True)
    for name in given.rows or ROWS:
        for figure in ROWS[name](effort, history, _report):
            _clear()
            print(figure.row, flush=True)
            found.append(figure)
    _clear()
    load = os.getloadavg()
    missed = [figure.what for figure in found if figure.missed]
    print(f"\n{len(found)} rows, {len(missed)} missed, in {time.monotonic() - begin:.0f} s on {os.cpu_count()} cores, "
          f"load {load[0]:.1f}")
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "risk.json").write_text(json.dumps(
        {"effort": asdict(effort), "cores": os.cpu_count(), "load": load, "missed": missed,
         "figures": [figure.to_json() for figure in found]}, indent=1) + "\n")
    draw(found, given.out / "risk.png")
    return 1 if missed else 0


def _report(text: str) -> None:
    """One line that the next overwrites, on a terminal; else nothing, for logs hold the table."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _clear() -> None:
    _report("")


if __name__ == "__main__":
    sys.exit(main())
