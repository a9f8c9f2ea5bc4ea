"""What tools against procyclicality make of margins over the years, and what they cost; default volatility."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.risk.figures import Figure, Report
from benchmarks.risk.rolling import BOOKS
from risk.exact.clock import parse_time
from risk.exact.shape import EpochShape, TailSize
from risk.margins.procyclicality import Metrics, study
from risk.market.history import History
from risk.models.model import parse_model

TOOLS = "floor = 0.8"
SINCE = "2017-08-24T00:00:00Z"
CRASH = "2020-03"
"""Here margins have to rise: BTC lost 38 % in a day."""
NEEDS = "needs --market"
_MODEL = f"""schema = "tailproof.model/2"
name = "benchmark"
estimator = "filtered-historical"
assets = ["BTC", "ETH"]
horizon = 1
max_gap_steps = 10
[epoch]
statement = "margin-full-1000x32"
[procyclicality]
{TOOLS}
"""


def figures(history: History | None, report: Report) -> Iterator[Figure]:
    """The worst book's peak to trough, the dearest's mean cost."""
    what = f"peak to trough of ES 97.5 % 2017-20, defaults with {TOOLS}"
    if history is None:
        yield Figure(what, None, "", most=4, note=NEEDS)
        return
    report("procyclicality")
    model = parse_model(_MODEL.encode(), shape=EpochShape(1000, TailSize(25), depth=4))
    books = {name: dict(zip(model.assets, held, strict=True)) for name, held in BOOKS.items()}
    found = study(model, history, books, since=parse_time(SINCE, field="since"))
    before, after = ([Metrics.of(path).peak_to_trough for path in paths] for paths in
                     ([book.before for book in found.books], [book.after for book in found.books]))
    details = {book.name: {"before": b, "after": a, "cost": book.cost, "least": book.below}
               for book, b, a in zip(found.books, before, after, strict=True)}
    yield Figure(what, max(after), "", most=4, note=f"without: up to {max(before):.1f}", details=details)
    yield Figure("the same: mean cost", 100 * max(book.cost for book in found.books), "%", most=20)
    ends_in_crash = np.array([label.startswith(CRASH) for label in found.labels])
    rises = {book.name: _rises(book.after) for book in found.books}
    crash, other = (100 * max(float(path[which].max()) for path in rises.values())
                    for which in (ends_in_crash, ~ends_in_crash))
    yield Figure(f"the same: largest rise in five days, {CRASH} left out", other, "%", most=60,
                 note=f"in {CRASH}: {crash:.0f}", details={name: float(path.max()) for name, path in rises.items()})


def _rises(margins: NDArray[np.float64], steps: int = 5) -> NDArray[np.float64]:
    """Of each day, the largest relative rise to it from one of the days before: (n,)."""
    out = np.zeros(len(margins))
    for lag in range(1, steps + 1):
        out[lag:] = np.maximum(out[lag:], margins[lag:] / margins[:-lag] - 1.0)
    return out
