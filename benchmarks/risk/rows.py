"""All rows, in the order of the table that set the goals; which of them, how many seeds, is for the caller to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.risk import (
    accuracy,
    attribution,
    determinism,
    euler,
    fits,
    greeks,
    pricing,
    procyclicality,
    publisher,
    report,
    rolling,
    speed,
    surfaces,
    weighting,
)
from benchmarks.risk.figures import Figure, Report
from benchmarks.risk.markets import ASSETS, Market
from risk.market.history import History, parse_history
from risk.models.correlation import Correlation
from risk.models.innovations import NORMAL
from risk.models.model import DEFAULT_VOLATILITY
from risk.models.volatility import Volatility

_NEEDS_MARKET = "needs --market FILE.csv with columns date, BTC, ETH and 1,800 days"


@dataclass(frozen=True)
class Effort:
    """seeds : of each accuracy row.  attacked : how many of them an adversary is set on.
    changes : ways to change sources.  slices : made-up smiles.  options : priced beside ball arithmetic.
    every_setting : of determinism, also those that install another NumPy.
    """

    seeds: int
    attacked: int
    changes: int
    slices: int = 1000
    every_setting: bool = False
    options: int = 10**5


FULL, QUICK = Effort(20, 3, 24), Effort(2, 1, 4, 50, options=10**4)
Rows = Callable[[Effort, History | None, Report], Iterator[Figure]]


def _accuracy(effort: Effort, history: History | None, report: Report) -> Iterator[Figure]:
    for (assets, scenarios), goal in accuracy.GOALS.items():
        attacked = effort.attacked if goal.floor is not None else 0
        yield from accuracy.figures(accuracy.measured(Market(ASSETS[:assets], scenarios), effort.seeds, attacked,
                                                      report), goal)


def _single(effort: Effort, history: History | None, report: Report) -> Iterator[Figure]:
    yield from accuracy.single_assets(effort.seeds, report)


def _historical(effort: Effort, history: History | None, report: Report) -> Iterator[Figure]:
    if history is None:
        yield Figure("ES 97.5 %, historical days, S = 256: rms", None, "%", most=accuracy.HISTORICAL,
                     note=_NEEDS_MARKET)
    else:
        yield from accuracy.historical(history, effort.seeds, report)


def _backtest(effort: Effort, history: History | None, report: Report) -> Iterator[Figure]:
    """Under the defaults of the model file."""
    if history is None:
        yield Figure("backtest of BTC, -BTC, ETH, 50/50 and a spread", None, note=_NEEDS_MARKET)
        return
    report("backtest")
    usual = Volatility.ewma(float(DEFAULT_VOLATILITY["lambda"]), NORMAL)
    yield from rolling.figures(rolling.forecasts(history, (usual,) * len(history.assets), Correlation.ewma()))


ROWS: Mapping[str, Rows] = {
    "accuracy": _accuracy,
    "single": _single,
    "historical": _historical,
    "weighting": lambda effort, history, report: weighting.figures(),
    "publisher": lambda effort, history, report: publisher.figures(effort.changes, report),
    "backtest": _backtest,
    "attribution": lambda effort, history, report: attribution.figures(report),
    "procyclicality": lambda effort, history, report: procyclicality.figures(history, report),
    "greeks": lambda effort, history, report: greeks.figures(report),
    "euler": lambda effort, history, report: euler.figures(report),
    "surfaces": lambda effort, history, report: surfaces.figures(report, effort.slices),
    "pricing": lambda effort, history, report: pricing.figures(effort.options, report),
    "fits": lambda effort, history, report: fits.figures(report),
    "report": lambda effort, history, say: report.figures(say),
    "speed": lambda effort, history, report: speed.figures(report),
    "determinism": lambda effort, history, report: determinism.figures(report, full=effort.every_setting),
}


def read_market(path: Path) -> History:
    """Closes of BTC and ETH; gaps of up to ten days are days without a price."""
    return parse_history(path.read_bytes(), assets=("BTC", "ETH"), max_gap_steps=10, source=path)
