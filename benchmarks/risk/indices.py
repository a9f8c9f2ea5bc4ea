"""Forecasts for the S&P 500, NASDAQ and WTI, 1999 to 2018, as `arch` ships them, each alone.

By GJR with skewed t innovations, fitted again every 250 days on the days until then: equities fall harder than they
rise, and the defaults of the model file, one decay for all, do not know. What those come to is printed beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import ROOT
from benchmarks.risk.figures import Figure, Report
from benchmarks.risk.rolling import ALPHAS, FIRST, RED, Forecasts, Verdict, forecasts, verdicts
from fixtures.us_history import history_csv
from risk.exact.elementary import log
from risk.fitting.volatility import fit
from risk.market.history import History, parse_history
from risk.models.correlation import Correlation
from risk.models.innovations import NORMAL
from risk.models.model import DEFAULT_VOLATILITY, parse_model
from risk.models.volatility import Volatility

ASSETS = ("SP500", "NASDAQ", "WTI")
ALONE: Mapping[str, tuple[float, ...]] = {name: tuple(float(name == other) for other in ASSETS) for name in ASSETS}
EVERY = 250
_STATIC = Correlation("static")
"""It leaves each asset's days as they are: no other asset is in a forecast."""


def history(days: int | None = None) -> History:
    """The three series on the fixture's calendar: all of their days, or the last so many."""
    model = parse_model((ROOT / "fixtures" / "us_markets" / "model.toml").read_bytes())
    header, *rows = history_csv().splitlines(keepends=True)
    text = "".join([header, *rows[-(days or len(rows)):]])
    return parse_history(text.encode(), assets=model.assets, calendar=model.calendar,
                         max_gap_steps=model.max_gap_steps)


def refitted(known: History, report: Report = lambda text: None) -> Mapping[str, Forecasts]:
    """Forecasts of each day from the 600th return on, by parameters that have seen none of the days they are of."""
    returns, parts = np.diff(log(known.prices), axis=0), []
    for begin in range(FIRST, len(returns), EVERY):
        report(f"{', '.join(ASSETS)}: day {begin} of {len(returns)}")
        laws = tuple(fit(returns[:begin, i], known.steps[:begin], family="gjr", law="skew-t", asset=name).volatility
                     for i, name in enumerate(ASSETS))
        until = known.between(known.times[0], known.times[min(begin + EVERY, len(returns))])
        parts.append(forecasts(until, laws, _STATIC, begin, ALONE))

    def joined(name: str, alpha: float, what: str) -> NDArray[np.float64]:
        return np.concatenate([getattr(part[name], what)[alpha] for part in parts])

    return {name: Forecasts(np.concatenate([part[name].losses for part in parts]),
                            {alpha: joined(name, alpha, "var") for alpha in ALPHAS},
                            {alpha: joined(name, alpha, "shortfall") for alpha in ALPHAS}) for name in ASSETS}


def figures(report: Report, days: int | None = None) -> Iterator[Figure]:
    """The least p of Kupiec, and the most exceptions of 99 % in a year, over the three."""
    known = history(days)
    found = list(verdicts(refitted(known, report)))
    report(f"{', '.join(ASSETS)}: defaults")
    usual = (Volatility.ewma(float(DEFAULT_VOLATILITY["lambda"]), NORMAL),) * len(ASSETS)
    plain = list(verdicts(forecasts(known, usual, _STATIC, books=ALONE)))
    what = f"{', '.join(ASSETS)}, {found[0].days:,} days to 2018, GJR"
    yield Figure(f"{what}, 97.5 %: least p of Kupiec", _least(found), least=.05,
                 note=f"by the default volatility {_least(plain):.2g}",
                 details={v.book: v.kupiec for v in found if v.alpha == ALPHAS[0]})
    yield Figure("the same: most exceptions of 99 % in 250 days (red from 10)", _most(found), most=RED - 1,
                 note=f"by the default volatility {_most(plain)}")


def _least(found: list[Verdict]) -> float:
    return min(v.kupiec for v in found if v.alpha == ALPHAS[0])


def _most(found: list[Verdict]) -> int:
    return max(v.worst_250 for v in found if v.alpha != ALPHAS[0])
