"""How long a report of the fixtures' years takes, and how large it is: 1999 to 2018, whose last one is forecast day by
day. Processor time of the whole command, user and system, one run each; in full with pictures."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import ROOT
from benchmarks.risk.figures import Figure, Report
from fixtures.us_history import history_csv

FIXTURE = ROOT / "fixtures" / "us_markets"
PORTFOLIO = FIXTURE / "portfolios" / "index_spread.json"
SECONDS, BYTES = 5.0, 3_000_000


def figures(report: Report) -> Iterator[Figure]:
    """Time and size of either edition."""
    with tempfile.TemporaryDirectory(prefix="tailproof-bench-") as folder:
        here = Path(folder)
        (here / "history.csv").write_text(history_csv())
        report("report: the epoch")
        _run("epoch", "build", "--book", FIXTURE / "book.json", "--model", FIXTURE / "model.toml", "--history",
             here / "history.csv", "--out", here / "epoch")
        for name, given in (("public", ()), ("private", ("--portfolio", PORTFOLIO))):
            report(f"report: {name}")
            page = here / f"{name}.html"
            seconds = _run("risk", "report", here / "epoch", *given, "--out", page)
            yield Figure(f"risk report of twenty years, {name} edition: processor time", seconds, "s", most=SECONDS)
            yield Figure(f"the same: size of the page, {name}", page.stat().st_size / 1e6, "MB", most=BYTES / 1e6)


def _run(*words: str | Path) -> float:
    """Processor seconds of a command; raises CalledProcessError where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "tailproof", *map(str, words)], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
