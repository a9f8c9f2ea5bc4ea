"""How far from the usual a move of the market is: Mahalanobis' distance of spots under a covariance that is named; and
where volatility goes with them.

Factors are relative changes of spots over the horizon, as in `risk what-if`; spots, perpetuals and futures are linear
in them. With x a move, mu the mean, s deviations and R = C C' the correlation,

    d(x) = |C**-1 ((x - mu) / s)|.

Volatility is no factor of its own: a fall and a rise both raise it, which no correlation says. It follows the spot as
in the epoch's scenarios, variance / today's = a + b r**2 with r the log return and b apart for rises and falls, by
weighted least squares; after one step of a GARCH or GJR this is the model itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput, Said
from risk.exact.elementary import exp, log
from risk.margins.explain import scenarios_of
from risk.margins.shocks import Market
from risk.models.correlation import require_correlations
from risk.models.model import Estimator
from risk.scenarios.scenarios import KINDS, RETURN_UNIT

Floats = NDArray[np.float64]
SCENARIOS, PUBLISHED = "scenarios", "published"
COVARIANCES = (SCENARIOS, PUBLISHED)
LEAST_MULTIPLE, MOST_MULTIPLE = 0.1, 10.0
"""Of volatility over today's: where the law would go beyond, it stays here."""
_STILL = 1e-6


@dataclass(frozen=True)
class VolatilityLaw:
    """Of one asset: variance over today's is level + rise r**2 for r >= 0, level + fall r**2 below."""

    level: float = 1.0
    rise: float = 0.0
    fall: float = 0.0

    def multiple(self, spots: Floats) -> Floats:
        """Volatility over today's after relative changes of the spot: (k,) -> (k,)."""
        returns = log(1.0 + spots)
        ratio = self.level + np.where(spots >= 0.0, self.rise, self.fall) * (returns * returns)
        multiple: Floats = np.clip(np.sqrt(np.maximum(ratio, 0.0)), LEAST_MULTIPLE, MOST_MULTIPLE)
        return multiple

    @classmethod
    def fitted(cls, returns: Floats, ratios: Floats, shares: Floats) -> VolatilityLaw:
        """By least squares. returns, ratios (of variances), shares (that sum to 1) : (S,)."""
        squares = returns * returns
        up, down = (np.where(side, squares, 0.0) for side in (returns >= 0.0, returns < 0.0))

        def mean(values: Floats) -> float:
            return math.fsum(shares * values)

        each = [(mean(x), mean(x * x), mean(x * ratios)) for x in (up, down)]
        usual = mean(ratios)
        if min(second for _, second, _ in each) <= 0.0:
            return cls(usual)                      # returns of one sign alone
        below = 1.0 - math.fsum(first * first / second for first, second, _ in each)
        if not below > _STILL:
            return cls(usual)                      # squares that hardly differ say nothing
        level = (usual - math.fsum(first * product / second for first, second, product in each)) / below
        rise, fall = ((product - level * first) / second for first, second, product in each)
        return cls(level, rise, fall)


@dataclass(frozen=True, eq=False)
class Factors:
    """What a distance is taken in.

    assets : whose spots are the factors.
    values, volatilities : (S, m), relative changes in the epoch's scenarios.
    weights : of each scenario, integers.  kinds : of each.
    mean, deviation : (m,).  correlation : (m, m).  root : its Cholesky factor, row by row.
    source : of the covariance, in words.  laws : of volatility, an asset each.
    low, high : (m,), the box that moves are looked for in: what the model could draw.
    """

    assets: tuple[str, ...]
    values: Floats
    volatilities: Floats
    weights: tuple[int, ...]
    kinds: tuple[str, ...]
    mean: Floats
    deviation: Floats
    correlation: Floats
    root: list[list[float]]
    source: str
    laws: tuple[VolatilityLaw, ...]
    low: Floats
    high: Floats

    @classmethod
    def of(cls, market: Market, covariance: str = SCENARIOS) -> Factors:
        """Of an epoch.

        Parameters
        ----------
        covariance : "scenarios", that of the epoch's scenarios that the model drew; or "published", the correlation and
            variances of the manifest.

        Raises
        ------
        BadInput : a handwritten set, whose rows are no sample; correlations too close to singular; none published.
        """
        if market.model.estimator == Estimator.HANDWRITTEN:
            raise BadInput("estimator", Said("handwritten"), "one that draws: rows of a set are no sample, and none is "
                           "more plausible than another")
        scenarios, tail = scenarios_of(market.epoch, market.model), market.epoch.shape.tail
        weights, assets = tuple(tail.weights(len(scenarios.returns))), market.model.assets
        returns = scenarios.returns / RETURN_UNIT
        values, ratios = exp(returns) - 1.0, scenarios.variances / scenarios.today
        own = [s for s, kind in enumerate(scenarios.kinds) if kind == KINDS[0]]
        drawn = np.array([weights[s] for s in own], np.float64)
        shares = drawn / math.fsum(drawn)
        if covariance == PUBLISHED:
            mean, deviation, correlation = _published(market)
            source = "published: correlation and variances of the manifest, over the horizon"
        else:
            mean, deviation, correlation = _sample(values[own], shares, assets)
            source = f"of the epoch's {len(own)} scenarios that the model drew, by their weights"
        root = require_correlations(tuple(map(tuple, correlation.tolist())), "correlation of the spots")
        laws = tuple(VolatilityLaw.fitted(returns[own, i], ratios[own, i], shares) for i in range(len(assets)))
        clip = float(exp(np.array([market.model.scenarios.clip]))[0])
        return cls(assets, values, np.sqrt(ratios) - 1.0, weights, scenarios.kinds, mean, deviation, correlation, root,
                   source, laws, np.full(len(assets), 1.0 / clip - 1.0), np.full(len(assets), clip - 1.0))

    def distance(self, point: Sequence[float] | Floats) -> float:
        """d of one move: (n,)."""
        return float(self.distances(np.array([point], np.float64))[0])

    def distances(self, points: Floats) -> Floats:
        """d of moves: (k, n) -> (k,)."""
        away = (points - self.mean) / self.deviation
        white, square = list[Floats](), np.zeros(len(points))
        for i, row in enumerate(self.root):
            value = away[:, i]
            for k in range(i):
                value = value - row[k] * white[k]
            white.append(value / row[i])
            square = square + white[i] * white[i]
        distances: Floats = np.sqrt(square)
        return distances

    def farther(self, distance: float) -> Fraction:
        """Probability of the epoch's scenarios that lie farther out."""
        beyond = self.distances(self.values) > distance
        total = 0
        for s in np.flatnonzero(beyond).tolist():
            total += self.weights[s]
        return Fraction(total, _total(self.weights))


def _total(weights: Sequence[int]) -> int:
    total = 0
    for weight in weights:
        total += weight
    return total


def _sample(values: Floats, shares: Floats, names: Sequence[str]) -> tuple[Floats, Floats, Floats]:
    """Mean, deviations and correlation, weighted."""
    n = values.shape[1]
    mean = np.array([math.fsum(shares * values[:, i]) for i in range(n)])
    away = values - mean
    covariance = np.array([[math.fsum(shares * (away[:, i] * away[:, j])) for j in range(n)] for i in range(n)])
    deviation = np.sqrt(np.diagonal(covariance))
    for name, value in zip(names, deviation.tolist(), strict=True):
        if not value > _STILL:
            raise BadInput(f"deviation of {name} over the scenarios", value, f"above {_STILL:g}: it does not move")
    correlation = np.clip(covariance / (deviation[:, None] * deviation), -1.0, 1.0)
    for i in range(n):
        correlation[i, i] = 1.0
    return mean, deviation, correlation


def _published(market: Market) -> tuple[Floats, Floats, Floats]:
    calibration, steps = market.calibration, market.model.horizon
    if calibration.correlation is None:
        raise BadInput("correlation of the manifest", None, "given: this model publishes none; take the scenarios' own")
    deviation = np.array([math.sqrt(steps * float(volatility.average_variance(np.array([variance]), steps)[0]))
                          for volatility, variance in zip(calibration.volatilities, calibration.variances,
                                                          strict=True)])
    return np.zeros(len(deviation)), deviation, np.array(calibration.correlation)
