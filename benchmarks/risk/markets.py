"""Markets of one to four assets with options: their models, populations of paths, and what listings gain or lose.

BTC and ETH are nearly the fixture's, SOL and an index are invented, so that assets differ in size, in fatness of tails
and in how much they have to do with each other. Values are computed here in doubles by SciPy's functions.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import qmc

from circuits import statements
from risk.market.history import History
from risk.models.calibration import Calibration, calibrate
from risk.models.model import Model, parse_model
from risk.scenarios import filtered_historical, monte_carlo
from risk.scenarios.scenarios import RETURN_UNIT, VARIANCE_UNIT, Scenarios, simulate

Floats = NDArray[np.float64]
Values = NDArray[np.float32]

ASSETS = ("BTC", "ETH", "SOL", "IDX")
HORIZON = 2
STRIKES = (-8.0, -5.0, -3.0, -1.5, 0.0, 1.5, 3.0, 5.0, 8.0)
"""In deviations of two days, from today's spot."""
DAYS = 1200
"""Of history that is drawn from."""
NEAR, FAR = 9, 30
"""Days to expiry."""
_VOLATILITY = {                       # mean, omega, alpha, beta, degrees, variance of the next step
    "BTC": (.001127184, 1.27774327987e-05, .081689553, .918310446, 3.044027333, .00143151976),
    "ETH": (.000669409, .000208118017482, .1652049, .809469939, 3.004718209, .00249937215),
    "SOL": (.001, 5e-05, .12, .87, 3.5, .0042),
    "IDX": (.0004, 2.4e-06, .10, .88, 5.0, .00012)}
_CORRELATION = {("BTC", "ETH"): .850622, ("BTC", "SOL"): .75, ("ETH", "SOL"): .80, ("BTC", "IDX"): .55,
                ("ETH", "IDX"): .55, ("SOL", "IDX"): .50}
_DEGREES = {1: 3.5, 2: 3.230051, 3: 3.5, 4: 4.0}
_NAMES = ("mean", "omega", "alpha", "beta", "degrees", "variance")


@dataclass(frozen=True)
class Market:
    """The given assets; a model for S = 256 or 1000 scenarios with the masses of the statements."""

    assets: tuple[str, ...]
    scenarios: int = 256

    @cached_property
    def model(self) -> Model:
        """As a file would have it."""
        statement = statements.get(f"margin-full-{'256x16' if self.scenarios == 256 else '1000x32'}-w")
        return parse_model(model_text(self.assets).encode(), shape=statement.preset.shape)

    @cached_property
    def calibration(self) -> Calibration:
        """Nothing is read from a history."""
        return calibrate(self.model, None)

    @cached_property
    def deviation(self) -> Floats:
        """Of two days' log return, per asset."""
        found: Floats = np.sqrt(HORIZON * np.array(self.calibration.variances))
        return found

    @cached_property
    def masses(self) -> NDArray[np.int64]:
        """(S,)."""
        return np.array(self.model.shape.tail.weights(self.scenarios), np.int64)

    def drawn(self, seed: int, count: int) -> Scenarios:
        """The population that an epoch with this seed would take."""
        assert self.model.copula is not None
        return self._paths(monte_carlo.population(self.calibration, self.model.copula, seed=seed, count=count,
                                                  horizon=HORIZON))

    def independent(self, seed: int, count: int) -> Iterator[Scenarios]:
        """Paths of another generator, SciPy's scrambled Sobol points, in parts of at most 2**18."""
        assert self.model.copula is not None and self.calibration.correlation is not None  # noqa: PT018
        copula, m = self.model.copula.under(self.calibration.correlation), len(self.assets)
        sobol = qmc.Sobol(HORIZON * m, scramble=True, rng=seed, bits=52)
        for done in range(0, count, 1 << 18):
            u = np.clip(sobol.random(min(1 << 18, count - done)), 2.0**-53, 1 - 2.0**-53)
            yield self._paths(monte_carlo.from_uniforms(self.calibration, copula, u.reshape(-1, HORIZON, m)))

    def _paths(self, innovations: Floats) -> Scenarios:
        return simulate(self.calibration, self.assets, innovations, bound=self.model.scenarios.clip)

    @property
    def width(self) -> int:
        """Listings: per asset the spot, then puts of two expiries."""
        return len(self.assets) * (1 + 2 * len(STRIKES))

    def column(self, asset: int, strike: float | None = None, expiry: int = FAR) -> int:
        """Of the spot, or of a put."""
        first = asset * (1 + 2 * len(STRIKES))
        return first if strike is None else \
            first + 1 + (expiry == FAR) * len(STRIKES) + STRIKES.index(strike)

    def values(self, paths: Scenarios) -> Values:
        """Change of value of each listing for a spot of 1: (n, width)."""
        out = np.empty((len(paths.returns), self.width), np.float32)
        for i, volatility in enumerate(self.calibration.volatilities):
            today, after = np.array(self.calibration.variances[i]), paths.variances[:, i] / VARIANCE_UNIT
            log_spot = paths.returns[:, i] / RETURN_UNIT
            spot = np.exp(log_spot)
            out[:, self.column(i)] = spot - 1
            for expiry in (NEAR, FAR):
                left = expiry - HORIZON
                now = np.sqrt(expiry * volatility.average_variance(today, expiry))
                then = now * np.sqrt(volatility.average_variance(after, left) / volatility.average_variance(today, left)
                                     * left / expiry)
                for strike in STRIKES:
                    at = np.exp(strike * self.deviation[i])
                    out[:, self.column(i, strike, expiry)] = \
                        _put(spot, log_spot, at, then) - _put(np.ones(1), np.zeros(1), at, now)
        return out

    def delta(self, asset: int, strike: float, expiry: int = FAR) -> float:
        """Of a put, today."""
        volatility, variance = self.calibration.volatilities[asset], np.array(self.calibration.variances[asset])
        d = float(np.sqrt(expiry * volatility.average_variance(variance, expiry)))
        return -float(ndtr(strike * self.deviation[asset] / d - d / 2))


@dataclass(frozen=True)
class HistoricalMarket(Market):
    """BTC and ETH with days of a history as paths, the last `DAYS` of it, under the same volatilities."""

    history: History | None = None

    @cached_property
    def model(self) -> Model:
        statement = statements.get(f"margin-full-{'256x16' if self.scenarios == 256 else '1000x32'}-w")
        return parse_model(model_text(self.assets, historical=True).encode(), shape=statement.preset.shape)

    @cached_property
    def calibration(self) -> Calibration:
        return calibrate(self.model, self.known)

    @property
    def known(self) -> History:
        """The last days."""
        assert self.history is not None
        return self.history.since(self.history.times[-DAYS - 1])

    def drawn(self, seed: int, count: int) -> Scenarios:
        return self._paths(filtered_historical.population(self.model, self.known, seed=seed, count=count,
                                                          horizon=HORIZON))

    def every(self) -> Iterator[Scenarios]:
        """All DAYS**2 pairs of days, in parts."""
        for days in np.array_split(np.arange(DAYS), 8):
            pairs = np.stack(np.meshgrid(days, np.arange(DAYS), indexing="ij"), -1).reshape(-1, HORIZON)
            yield self._paths(filtered_historical.from_uniforms(self.model, self.known, (pairs + 0.5) / DAYS))


def _put(forward: Floats, log_forward: Floats, strike: float, d: Floats) -> Floats:
    upper = (log_forward - np.log(strike)) / d + d / 2
    found: Floats = strike * ndtr(d - upper) - forward * ndtr(-upper)
    return found


def model_text(assets: tuple[str, ...], *, historical: bool = False) -> str:
    """A model file of these assets, for a statement that somebody else names."""
    names = [name for name in _NAMES if name != "variance" or not historical]
    rows = [[1.0 if a == b else _CORRELATION.get((a, b), _CORRELATION.get((b, a))) for b in assets] for a in assets]
    tables = itertools.chain.from_iterable(
        (f"[volatility.{asset}]", 'family = "garch"', 'innovations = "t"',
         *(f"{name} = {value!r}" for name, value in zip(names, _VOLATILITY[asset], strict=False))) for asset in assets)
    quoted = ", ".join(f'"{asset}"' for asset in assets)
    estimator = "filtered-historical" if historical else "monte-carlo"
    copula = [] if historical else ["[copula]", 'family = "t"', f"degrees = {_DEGREES[len(assets)]}"]
    return "\n".join([
        'schema = "tailproof.model/2"', 'name = "benchmark"', f'estimator = "{estimator}"', f"assets = [{quoted}]",
        f"horizon = {HORIZON}", "max_gap_steps = 10", "[epoch]", 'statement = "margin-full-256x16-w"', *tables,
        "[correlation]", 'family = "static"', f"matrix = {rows}", *copula, ""])
