"""Daily forecasts of filtered historical simulation, and how they held: BTC, -BTC, ETH, half of each, and a spread.

On each day the model's parameters are what they are and its state is that of the evening before; scenarios are all
days before that, so this judges the model and not how scenarios are drawn from it (`risk.backtests.rolling`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.risk.figures import Figure
from risk.backtests.comparison import diebold_mariano, fz0
from risk.backtests.coverage import conditional_coverage, independence, kupiec, most_in_a_year
from risk.backtests.rolling import scenarios, tail
from risk.backtests.shortfall import e_process, z2_statistic
from risk.exact.elementary import log
from risk.market.history import History
from risk.models.correlation import Correlation
from risk.models.volatility import Volatility

Floats = NDArray[np.float64]
FIRST = 600
ALPHAS = (.025, .01)
BOOKS: Mapping[str, tuple[float, float]] = {"BTC": (1.0, 0.0), "-BTC": (-1.0, 0.0), "ETH": (0.0, 1.0),
                                            "50/50": (.5, .5), "BTC - 0.7 ETH": (1.0, -.7)}
SPREAD = "BTC - 0.7 ETH"
GOAL = .05
"""Most p with which one forecast is called better than another."""
RED = 10
"""Exceptions of 99 % VaR in 250 days from which Basel's traffic light is red [MAR99]."""


@dataclass(frozen=True, eq=False)
class Forecasts:
    """Of one book: (days,) realised losses; (days,) VaR and ES by alpha."""

    losses: Floats
    var: Mapping[float, Floats]
    shortfall: Mapping[float, Floats]


@dataclass(frozen=True)
class Verdict:
    """One book at one level."""

    book: str
    alpha: float
    days: int
    exceptions: int
    kupiec: float
    independence: float
    coverage: float
    z2: float
    wealth: float
    worst_250: int
    mean_shortfall: float
    peak_to_trough: float


def forecasts(history: History, volatilities: tuple[Volatility, ...], correlation: Correlation, first: int = FIRST,
              books: Mapping[str, tuple[float, ...]] = BOOKS) -> Mapping[str, Forecasts]:
    """Day by day from return number `first` on, one step ahead.

    books : what each holds of the history's assets.
    """
    returns, steps = np.diff(log(history.prices), axis=0), history.steps
    weights = np.array(list(books.values())).T
    losses, var, es = [], {a: list[Floats]() for a in ALPHAS}, {a: list[Floats]() for a in ALPHAS}
    for t in range(first, len(returns)):
        predicted = -scenarios(volatilities, correlation, returns[:t], steps[:t], int(steps[t])) @ weights
        losses.append(-np.expm1(returns[t]) @ weights)
        for alpha in ALPHAS:
            found = np.array([tail(column, alpha) for column in predicted.T])
            var[alpha].append(found[:, 0])
            es[alpha].append(found[:, 1])
    return {name: Forecasts(np.array(losses)[:, k], {a: np.array(var[a])[:, k] for a in ALPHAS},
                            {a: np.array(es[a])[:, k] for a in ALPHAS}) for k, name in enumerate(books)}


def verdicts(found: Mapping[str, Forecasts]) -> Iterator[Verdict]:
    """Every book at both levels."""
    for name, f in found.items():
        for alpha in ALPHAS:
            var, es = f.var[alpha], f.shortfall[alpha]
            over = f.losses > var
            yield Verdict(name, alpha, len(over), int(over.sum()), kupiec(len(over), int(over.sum()), alpha).p,
                          independence(over).p, conditional_coverage(over, alpha).p,
                          z2_statistic(f.losses, var, es, alpha), float(e_process(f.losses, var, es, alpha).max()),
                          most_in_a_year(over), float(es.mean()), float(es.max() / es.min()))


def figures(found: Mapping[str, Forecasts]) -> Iterator[Figure]:
    """Rows: the worst of all books but the spread, at both levels, and the spread's own."""
    every = list(verdicts(found))
    plain = [v for v in every if v.book != SPREAD]
    what = f"BTC, -BTC, ETH, 50/50, {plain[0].days} days, 97.5 % and 99 %"
    details = {f"{v.book} {1 - v.alpha:.3f}": asdict(v) for v in every}
    yield Figure(f"{what}: least p of Kupiec", min(v.kupiec for v in plain), "", least=.05, details=details)
    yield Figure("the same: least p of Christoffersen, independence", min(v.independence for v in plain), "", least=.05)
    yield Figure("the same: least p of Christoffersen, both", min(v.coverage for v in plain), "", least=.05)
    yield Figure("the same: least Z2 of Acerbi and Székely", min(v.z2 for v in plain), "", least=-.7)
    yield Figure("the same: most wealth of the e-process", max(v.wealth for v in plain), "", most=20)
    yield Figure("the same: most exceptions of 99 % in 250 days (red from 10)", max(
        v.worst_250 for v in plain if v.alpha != ALPHAS[0]), "", most=RED - 1)
    spread = [v for v in every if v.book == SPREAD]
    yield Figure(f"{SPREAD}: mean ES 97.5 %", spread[0].mean_shortfall, "", most=.095)
    yield Figure("the same: most exceptions of 99 % in 250 days (red from 10)", spread[1].worst_250, "",
                 most=RED - 1)


def against_static(found: Mapping[str, Forecasts], static: Mapping[str, Forecasts]) -> Iterator[Figure]:
    """Whether forecasts score better than those under the dependence of all days alike, one-sided: of the spread, whose
    risk is dependence, and of 50/50, where it is a part. For the latter 0.05 was a goal that nothing here promises."""
    for book in (SPREAD, "50/50"):
        scores = [fz0(one[book].losses, one[book].var[ALPHAS[0]], one[book].shortfall[ALPHAS[0]], ALPHAS[0])
                  for one in (found, static)]
        p = diebold_mariano(*scores).p
        bound, note = (GOAL, "") if book == SPREAD else (None, f"the goal was {GOAL:g}" if p > GOAL else "")
        yield Figure(f"{book}, 97.5 %: p of Diebold and Mariano, FZ0 against a static dependence", p, "", most=bound,
                     note=note, details={"mean score": float(scores[0].mean()), "static": float(scores[1].mean())})
