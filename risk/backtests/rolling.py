"""Forecasts of filtered historical simulation, day by day over a history, each from the days before it alone.

On each day the model's filters run over all days before, and every one of these days' residuals, under today's forecast
of volatility and correlation, is a scenario for the next. So this judges the model, not how scenarios are drawn.
A book is worth the same in each asset every morning; its loss is -sum(w (exp r - 1)).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput, Said
from risk.backtests.distributions import Floats
from risk.backtests.forecasts import LEAST_DAYS, Forecasts
from risk.exact.elementary import log
from risk.market.history import History
from risk.models.correlation import Correlation
from risk.models.model import Estimator, Model
from risk.models.volatility import Volatility

Refit = Callable[[Model, History], Model | None]
FIRST = 500
"""Returns before the first forecast: what a GARCH fit takes."""


@dataclass(frozen=True, eq=False)
class Rolled:
    """refits : how often parameters were fitted anew.  kept : how often old ones stayed, as a fit did not converge."""

    forecasts: Forecasts
    refits: int
    kept: int


def roll(model: Model, history: History, book: Mapping[str, float], alpha: float, *, first: int = FIRST, every: int = 0,
         refit: Refit | None = None, progress: Callable[[str, int, int], None] | None = None) -> Rolled:
    """Forecast VaR and ES of a book for each return from number `first` on; `roll_books` of one."""
    return roll_books(model, history, [book], alpha, first=first, every=every, refit=refit, progress=progress)[0]


def roll_books(model: Model, history: History, books: Sequence[Mapping[str, float]], alpha: float, *,
               first: int = FIRST, every: int = 0, refit: Refit | None = None,
               progress: Callable[[str, int, int], None] | None = None) -> list[Rolled]:
    """Forecast VaR and ES of several books for each return from number `first` on, by the same scenarios.

    Parameters
    ----------
    history : of days, the model's assets in its order.
    books : value held of each asset, of each.
    every, refit : before the first forecast and after every so many, parameters are fitted on the days until then; 0
        for those of the model file on all days, which may have seen the days that they are judged by.

    Raises
    ------
    BadInput : a model that is not filtered historical simulation, or has jumps; a history of times; a book of other
        assets or of nothing; `first` with which too few scenarios are beyond VaR, or too few days are left; days on
        which ES is not positive; whatever `refit` raises.
    """
    if model.estimator != Estimator.FILTERED_HISTORICAL:
        raise BadInput("estimator", str(model.estimator),
                       f"{Estimator.FILTERED_HISTORICAL}: others draw their scenarios")
    if model.jumps is not None:
        raise BadInput("jumps", model.jumps.family, "absent: forecasts are of the days of the past, which had theirs")
    if not history.daily:
        raise BadInput("history", Said("of times"), "of days: a row a date")
    for book in books:
        for asset in book:
            if asset not in model.assets:
                raise BadInput("book", asset, f"of {', '.join(model.assets)}")
        if not any(book.values()):
            raise BadInput("book", dict(book), "one that holds something")
    weights = [np.array([book.get(asset, 0.0) for asset in model.assets]) for book in books]
    if first * alpha < 2:
        raise BadInput("first", first, f"at least {int(np.ceil(2 / alpha))}: two scenarios beyond VaR")
    # A state that the file gives is of another day than those that are forecast.
    model = replace(model, variances=None, correlation=replace(model.correlation, current=None))
    prices = log(history.prices)
    n, returns = len(prices) - 1, np.diff(prices, axis=0)
    if n - first < LEAST_DAYS:
        raise BadInput("days left to judge by", max(0, n - first), f"at least {LEAST_DAYS}, after {first} returns")
    refits = kept = 0
    losses, var, shortfall = (np.empty((len(books), n - first)) for _ in range(3))
    for t in range(first, n):
        if progress is not None:
            progress("forecasts", t - first, n - first)
        if refit is not None and every and (t - first) % every == 0:
            found = refit(model, history.between(history.times[0], history.times[t]))
            model, refits, kept = found or model, refits + (found is not None), kept + (found is None)
        moves = scenarios(model.volatilities, model.correlation, returns[:t], history.steps[:t], int(history.steps[t]))
        for b, held in enumerate(weights):
            losses[b, t - first] = -np.expm1(returns[t]) @ held
            var[b, t - first], shortfall[b, t - first] = tail(-(moves @ held), alpha)
    return [Rolled(Forecasts(losses[b], var[b], shortfall[b], alpha, history.labels[first + 1:]), refits, kept)
            for b in range(len(books))]


def scenarios(volatilities: Sequence[Volatility], correlation: Correlation, returns: Floats, steps: NDArray[np.int64],
              span: int) -> Floats:
    """Relative moves of each asset over the next `span` steps, one scenario a day that is known: (t, m).

    Parameters
    ----------
    returns : (t, m), log returns that are known, over `steps` each, (t,).
    """
    variances = [v.variances(returns[:, i], steps) for i, v in enumerate(volatilities)]
    means = np.array([v.mean for v in volatilities])
    expected = steps.astype(np.float64)[:, None] * means
    residuals = (returns - expected) / np.sqrt(np.stack([v[:-1] for v in variances], 1))
    today = correlation.to_today(residuals, steps)
    ahead = [span * float(volatility.average_variance(found[-1:], span)[0])
             for volatility, found in zip(volatilities, variances, strict=True)]
    return np.asarray(np.expm1(span * means + np.sqrt(np.array(ahead)) * today))


def tail(losses: Floats, alpha: float) -> tuple[float, float]:
    """VaR and ES of equally likely losses, (t,), the scenario at VaR in part."""
    ordered = -np.sort(-losses)
    size = len(losses) * alpha
    whole = int(size)
    return float(ordered[whole]), float((ordered[:whole].sum() + (size - whole) * ordered[whole]) / size)


def text_of(forecasts: Forecasts) -> str:
    """The CSV file that `parse_forecasts` reads back to the bit."""
    rows = zip(forecasts.labels, forecasts.losses.tolist(), forecasts.var.tolist(), forecasts.shortfall.tolist(),
               strict=True)
    return "date,loss,var,es\n" + "".join(f"{day},{loss!r},{var!r},{es!r}\n" for day, loss, var, es in rows)
