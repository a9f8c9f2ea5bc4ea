"""How procyclical margins are, and what tools against it cost: Expected Shortfall of simple books over a history, with
the model's own forecasts and with what the model file's tools make of them.

On each day, a book's loss over the horizon is taken under every day's residuals of the history, at that day's
volatility: a filtered historical simulation whose residuals do not change, so that what moves a margin here is
volatility alone.

Measures are those of [Murphy, Vasios, Vause, BoE Financial Stability Paper 29, 2014]: peak to trough, the largest rise
within 1, 5 and 30 steps; and the cost, by how much margins are higher on average than without the tools.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.exact.elementary import exp
from risk.market.history import History
from risk.models.calibration import log_returns, residuals
from risk.models.model import Model
from risk.models.procyclicality import WINDOW, any_tool, replay

Floats = NDArray[np.float64]
RISES = (1, 5, 30)
"""Steps within which rises are looked at."""
_DAYS_AT_ONCE = 64


@dataclass(frozen=True)
class Metrics:
    """Of one path of margins.

    peak_to_trough : largest over smallest.  rises : by number of steps, the largest relative rise within so many.
    mean : in the unit of the book.
    """

    peak_to_trough: float
    rises: Mapping[int, float]
    mean: float

    @classmethod
    def of(cls, margins: Floats) -> Metrics:
        """Of a path of positive margins, (n,)."""
        rises = {}
        for steps in RISES:
            most = 0.0
            for lag in range(1, min(steps, len(margins) - 1) + 1):
                most = max(most, float((margins[lag:] / margins[:-lag]).max()) - 1.0)
            rises[steps] = most
        return cls(float(margins.max() / margins.min()), rises, math.fsum(margins) / len(margins))

    def to_json(self) -> dict[str, Any]:
        return {"peak_to_trough": self.peak_to_trough, "mean": self.mean,
                "largest_rise": {str(steps): rise for steps, rise in self.rises.items()}}


@dataclass(frozen=True, eq=False)
class Comparison:
    """A book's Expected Shortfall before and after the tools, as a share of what it holds gross: (n,) each."""

    name: str
    before: Floats
    after: Floats

    @property
    def cost(self) -> float:
        """Mean of after over before, less 1."""
        return math.fsum(self.after / self.before) / len(self.before) - 1.0

    @property
    def below(self) -> float:
        """The least of after over before, less 1: how far a speed limit held margins below the model's."""
        return float((self.after / self.before).min()) - 1.0

    def to_json(self) -> dict[str, Any]:
        before, after = (Metrics.of(margins).to_json() for margins in (self.before, self.after))
        return {"book": self.name, "before": before, "after": after,
                "mean_cost": self.cost, "least": self.below}


@dataclass(frozen=True, eq=False)
class Study:
    """Comparisons over days that carry labels.  red : days on which the speed limit of some asset was lifted."""

    labels: tuple[str, ...]
    books: tuple[Comparison, ...]
    red: int

    def to_json(self) -> dict[str, Any]:
        return {"first": self.labels[0], "last": self.labels[-1], "steps": len(self.labels), "red": self.red,
                "books": [book.to_json() for book in self.books]}


def usual_books(assets: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Each asset long and short, and all of them with equal weights."""
    books = {f"{side} {asset}": {asset: sign} for asset in assets for side, sign in (("long", 1.0), ("short", -1.0))}
    return books | ({"long all": dict.fromkeys(assets, 1.0)} if len(assets) > 1 else {})


def study(model: Model, history: History, books: Mapping[str, Mapping[str, float]], *, since: int = 0) -> Study:
    """Margins of books on every day of a history.

    Parameters
    ----------
    books : value held of each asset, per book; what is not named is not held.
    since : Unix seconds of the first day to look at; the tools know what came before.

    Raises
    ------
    BadInput : a model without tools or with jumps, fewer than two days to look at (the first 250 are never looked
        at), a book of an asset that the model does not have, or one that has no positive Expected Shortfall.
    """
    if not any_tool(model.procyclicality):
        raise BadInput("procyclicality", None, "given: one or more of floor, buffer, stressed_weight, speed_limit")
    if model.jumps is not None:
        raise BadInput("jumps", model.jumps.family, "absent: margins over time are of volatility alone")
    for name, book in books.items():
        for asset in book:
            if asset not in model.assets:
                raise BadInput(f"book {name}", asset, f"one of {', '.join(model.assets)}")
        if not any(book.values()):
            raise BadInput(f"book {name}", dict(book), "a book that holds something")
    returns = log_returns(history)
    found, z = replay(model, history, returns), residuals(model, history)
    days = [t for t in range(WINDOW, len(returns)) if history.times[t + 1] >= since]
    if len(days) < 2:
        raise BadInput("days to look at", len(days), f"at least 2, after the first {WINDOW} of the history")
    paths = [_deviations(model, variances)[days] for variances in (found.model, found.used)]
    comparisons = []
    for name, book in books.items():
        weights = [book.get(asset, 0.0) for asset in model.assets]
        before, after = (_shortfalls(model, deviations, z, weights) for deviations in paths)
        if not (before > 0).all():
            raise BadInput(f"book {name}", float(before.min()), "one with a positive Expected Shortfall on every day")
        comparisons.append(Comparison(name, before, after))
    red = int(np.count_nonzero(found.red[days].any(axis=1)))
    return Study(tuple(history.labels[t + 1] for t in days), tuple(comparisons), red)


def _deviations(model: Model, variances: Floats) -> Floats:
    """Over the horizon, (n, m)."""
    return np.stack([np.sqrt(model.horizon * volatility.average_variance(variances[:, i], model.horizon))
                     for i, volatility in enumerate(model.volatilities)], axis=1)


def _shortfalls(model: Model, deviations: Floats, z: Floats, weights: list[float]) -> Floats:
    """Expected Shortfall on each day over what is held gross: (n,)."""
    share = model.shape.tail.share(model.shape.scenarios)
    gross = math.fsum(map(abs, weights))
    held = [i for i, weight in enumerate(weights) if weight]
    clip = model.scenarios.clip
    size = share * len(z)
    if len(held) == 1:                             # the tail is of the days that are farthest on the losing side
        column = np.sort(-z[:, held[0]] if weights[held[0]] > 0 else z[:, held[0]], kind="stable")
        z = z[:2 * (math.floor(size) + 1)].copy()  # more than it holds: exp may tie where days do not
        z[:, held[0]] = (-column if weights[held[0]] > 0 else column)[:-len(z) - 1:-1]
    full = math.floor(size)
    out = list[float]()
    for begin in range(0, len(deviations), _DAYS_AT_ONCE):
        days = deviations[begin:begin + _DAYS_AT_ONCE]
        loss = np.zeros((len(days), len(z)))
        for i in held:
            move = model.horizon * model.volatilities[i].mean + days[:, i, None] * z[None, :, i]
            loss = loss - weights[i] * (exp(np.clip(move, -clip, clip)) - 1.0)
        least = len(z) - full - 1
        worst = loss if least <= 0 else np.partition(loss, least, axis=1)[:, least:]
        out += [_tail_mean(row, size) / gross for row in np.sort(worst, axis=1, kind="stable")[:, ::-1].tolist()]
    return np.array(out)


def _tail_mean(ordered: Sequence[float], size: Fraction) -> float:
    """Of equally likely losses, the largest first; the last of so many counts in part."""
    full = math.floor(size)
    part = float(size - full)
    rest = part * ordered[full] if part else 0.0
    return (math.fsum(ordered[:full]) + rest) / float(size)
