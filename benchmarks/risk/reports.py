"""The report of the fixtures' years, 1999 to 2018: how long it takes, how large it is, whether a browser complains."""

from __future__ import annotations

import importlib
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import ROOT
from benchmarks.risk.figures import Figure, Report
from fixtures.us_history import history_csv
from risk.epochs.build import build
from risk.epochs.provenance import Sources
from risk.margins.portfolio import Portfolio
from tailproof import epochs
from tailproof.reports.run import LARGEST, private_report, public_report
from tailproof.reports.subject import Holder, Subject

SECONDS = 5.0
_ROOM = ROOT / "fixtures" / "us_markets"
_PORTFOLIO = _ROOM / "portfolios" / "index_spread.json"


def pages(folder: Path) -> tuple[dict[str, Path], dict[str, float]]:
    """Files and seconds of the processor by edition, from the epoch on disk to the page's bytes."""
    (folder / "history.csv").write_text(history_csv())
    epochs.save(build(Sources.read(_ROOM / "model.toml", _ROOM / "book.json", folder / "history.csv")),
                folder / "epoch")
    files, seconds = {}, {}
    for edition in ("public", "private"):
        begin = time.process_time()
        subject = Subject.read(folder / "epoch")
        found = public_report(subject) if edition == "public" else \
            private_report(Holder(subject, _PORTFOLIO, Portfolio.read(_PORTFOLIO)))
        data = found.page()
        seconds[edition] = time.process_time() - begin
        files[edition] = folder / f"{edition}.html"
        files[edition].write_bytes(data)
    return files, seconds


def complaints(files: dict[str, Path]) -> int:
    """Errors on the console and requests, over all pages, in the browser that npm brings."""
    sys.path.insert(0, str(ROOT / "tests"))
    browser = importlib.import_module("page_files").Browser                  # a test's, and no package
    count = 0
    with browser() as started:
        for path in files.values():
            started("open", path, {"width": 1000})
            seen = started("seen")
            count += len(seen["requests"]) + len(seen["errors"])
    return count


def figures(report: Report) -> Iterator[Figure]:
    """The slower edition, the larger one, and both in a browser."""
    report("report")
    with tempfile.TemporaryDirectory() as folder:
        files, seconds = pages(Path(folder))
        sizes = {edition: path.stat().st_size for edition, path in files.items()}
        yield Figure("report of twenty years, the slower edition, processor", max(seconds.values()), "s", most=SECONDS,
                     details=dict(seconds))
        yield Figure("the same: the larger edition", max(sizes.values()) / 1e6, "MB", most=LARGEST / 1e6,
                     details=dict(sizes))
        what = "the same: console errors and requests in a browser"
        if (sys.platform, platform.machine()) != ("linux", "x86_64"):
            yield Figure(what, None, most=0, note="npm brings a browser for Linux on x86-64")
        else:
            yield Figure(what, complaints(files), "", most=0)
