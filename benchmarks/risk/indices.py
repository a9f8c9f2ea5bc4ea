"""Forecasts for the S&P 500, NASDAQ and WTI, 1999 to 2018, as `arch` ships them: defaults of the model file."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measure import ROOT
from benchmarks.risk.figures import Figure, Report
from benchmarks.risk.rolling import RED, forecasts, verdicts
from fixtures.us_history import history_csv
from risk.market.history import History, parse_history
from risk.models.correlation import Correlation
from risk.models.innovations import NORMAL
from risk.models.model import DEFAULT_VOLATILITY, parse_model
from risk.models.volatility import Volatility

ASSETS = ("SP500", "NASDAQ", "WTI")
LEVEL = .025


def history(days: int | None = None) -> History:
    """The three series on the fixture's calendar: all of their days, or the last so many."""
    model = parse_model((ROOT / "fixtures" / "us_markets" / "model.toml").read_bytes())
    header, *rows = history_csv().splitlines(keepends=True)
    text = "".join([header, *rows[-(days or len(rows)):]])
    return parse_history(text.encode(), assets=model.assets, calendar=model.calendar,
                         max_gap_steps=model.max_gap_steps)


def figures(report: Report, days: int | None = None) -> Iterator[Figure]:
    """The least p of Kupiec, and the most exceptions of 99 % in a year, over the three."""
    report("S&P 500, NASDAQ, WTI")
    usual = Volatility.ewma(float(DEFAULT_VOLATILITY["lambda"]), NORMAL)
    books = {name: tuple(float(name == other) for other in ASSETS) for name in ASSETS}
    every = list(verdicts(forecasts(history(days), (usual,) * len(ASSETS), Correlation.ewma(), books=books)))
    what = f"{', '.join(ASSETS)}, {every[0].days:,} days of 1999 to 2018"
    yield Figure(f"{what}, 97.5 %: least p of Kupiec", min(v.kupiec for v in every if v.alpha == LEVEL), least=.05,
                 details={v.book: v.kupiec for v in every if v.alpha == LEVEL})
    yield Figure("the same: most exceptions of 99 % in 250 days (red from 10)",
                 max(v.worst_250 for v in every if v.alpha != LEVEL), most=RED - 1)
