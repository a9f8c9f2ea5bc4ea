"""The panel: what weighted scenarios are chosen by. Standard listings, priced by the model alone, and books of them.

Nothing here is of a venue's book, so nobody can list an instrument to move scenarios: per asset the spot, and puts of
three expiries at nine strikes, in units of the asset's own deviation over the horizon. Calls follow by parity. Implied
volatility is what the model expects until the expiry, and moves as in `risk.valuation.revaluation`.

`features` are the directions in which paths are told apart, `books` those whose tails are kept, `references` the twelve
whose error is stated with every epoch.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.exact.elementary import exp, log
from risk.exact.uniforms import uniforms
from risk.models.calibration import Calibration
from risk.models.model import Model
from risk.models.scenario_set import SHOCK_UNIT
from risk.scenarios.adversary import losses_of
from risk.scenarios.matching import LARGEST_FEATURE
from risk.scenarios.scenarios import RETURN_UNIT, VARIANCE_UNIT, Scenarios
from risk.valuation.pricing import black_76

Ints = NDArray[np.int64]

STRIKES = (-8.0, -5.0, -3.0, -1.5, 0.0, 1.5, 3.0, 5.0, 8.0)
"""In deviations over the horizon, from today's spot."""
EXPIRIES = (Fraction(9, 2), Fraction(15), Fraction(60))
"""In horizons: near, far, and one that is nearly volatility alone."""
UNIT = 4096
"""Values are integers, in 1/4096 of what an asset moves over the horizon."""
LEAST_DEVIATION = 1e-5
"""Of the unit: an asset that moves less is valued in units of this."""
_SHARE = 0.2
"""Of the options, that a mixture holds."""
_PRECISION = 1024
"""Mixtures are valued with so many units to one of the values."""
_NEAR, _FAR, _LONG = range(3)
_ATM = STRIKES.index(0.0)

Book = tuple[tuple[int, int], ...]
"""Legs (columns of the values) and how many units of each."""


@dataclass(frozen=True, eq=False)
class Panel:
    """Values of the standard listings on n paths.

    assets : m symbols.
    values : int32 (n, m (1 + 27)), change of value over the horizon in 1/4096 of the asset's own deviation: per asset
        the spot, then puts by expiry and strike.
    """

    assets: tuple[str, ...]
    values: NDArray[np.int32]

    @classmethod
    def of(cls, model: Model, calibration: Calibration, paths: Scenarios) -> Panel:
        """Value the listings on every path.

        Raises
        ------
        BadInput : a change beyond 2**31 of its units, names the asset.
        """
        per_asset = 1 + len(EXPIRIES) * len(STRIKES)
        values = np.empty((len(paths.returns), len(model.assets) * per_asset), np.int32)
        for i, asset in enumerate(model.assets):
            for j, column in enumerate(_listings(model, calibration, paths, i)):
                if not (np.abs(column) < 2.0**31).all():
                    raise BadInput(f"{asset}: change of a standard listing", float(np.abs(column).max()),
                                   f"below 2**31 of 1/{UNIT} of its deviation over the horizon")
                values[:, i * per_asset + j] = np.rint(column)
        return cls(model.assets, values)

    def losses(self, book: Book) -> Ints:
        """(n,), in the unit of the values."""
        total = np.zeros(len(self.values), np.int64)
        for leg, units in book:
            total -= units * self.values[:, leg].astype(np.int64)
        return total

    @cached_property
    def features(self) -> Ints:
        """(n, f), each in 1/256 of its mean size: spots, sums and differences of pairs, all spots, straddles.

        What is beyond 2**20 is taken as that: features only order paths.
        """
        m = len(self.assets)
        pairs = [(*_spot(i), *_times(sign, _spot(j))) for i, j in self._pairs for sign in (1, -1)]
        books: list[Book] = [*map(_spot, range(m)), *pairs, *(_straddle(i, _FAR) for i in range(m))]
        if m > 1:
            books.append(tuple(itertools.chain.from_iterable(map(_spot, range(m)))))
        columns = []
        for book in books:
            losses = self.losses(book)
            mean = max(1, int(np.abs(losses).sum()))
            columns.append(np.clip(np.rint(losses * (256.0 * len(losses) / mean)), -LARGEST_FEATURE, LARGEST_FEATURE))
        return np.stack(columns, 1).astype(np.int64)

    def books(self, tail: Fraction) -> Iterator[tuple[Book, Fraction]]:
        """Books to balance on, each with a tail: baskets at twice, once and two fifths of the preset's own tail."""
        own, thin = (2 * tail, tail, tail * Fraction(2, 5)), (tail, tail * Fraction(2, 5))
        m = len(self.assets)
        for basket in self._baskets():
            yield from ((basket, share) for share in own)
        volatility: list[Book] = []
        for i in range(m):
            straddles = [_straddle(i, expiry) for expiry in range(len(EXPIRIES))]
            volatility += [*straddles, *((*after, *_times(-1, before)) for before, after
                                         in itertools.pairwise(straddles))]
        volatility += [(*_straddle(i, _FAR), *_times(-1, _straddle(j, _FAR))) for i, j in self._pairs]
        for book in volatility:
            yield from ((_times(sign, book), share) for sign in (1, -1) for share in thin)
        for i in range(m):
            reversal = (*_call(i, _FAR, 3.0), *_times(-1, _put(i, _FAR, -3.0)))
            yield from ((_times(sign, reversal), tail) for sign in (1, -1))
            for expiry, strike in itertools.product(range(len(EXPIRIES)), STRIKES):
                if abs(strike) > 3:
                    far = _call(i, expiry, strike) if strike > 0 else _put(i, expiry, strike)
                    yield _times(-1, far), tail

    def mixtures(self, count: int) -> Iterator[NDArray[np.int64]]:
        """Losses of books that nobody would think of, (n,) each: all spots, and every fifth option, all with amounts by
        chance; the same for every epoch.

        Options of several strikes and expiries that nearly hedge each other lose where none of `books` does, and gross
        ten times their margin and more, beyond what the adversary may.
        """
        width = self.values.shape[1]
        amounts, by_chance = uniforms(2, (count, width)) * 2.0 - 1.0, uniforms(3, (count, width))
        by_chance[:, :: width // len(self.assets)] = 0.0
        for amount, chance in zip(amounts, by_chance, strict=True):
            book = np.where(chance < _SHARE, amount, 0.0) * _PRECISION
            yield np.rint(losses_of(self.values, book)).astype(np.int64)

    def references(self) -> dict[str, Book]:
        """Twelve books by name, of the first two assets and of all; with one asset, others in place of spreads."""
        m, a = len(self.assets), self.assets[0]
        basket: Book = tuple(itertools.chain.from_iterable(map(_spot, range(m))))
        books: dict[str, Book] = {
            f"long {a}": _spot(0), f"short {a}": _times(-1, _spot(0)),
            f"short straddle {a}": _times(-1, _straddle(0, _FAR)),
            f"short strangle {a}": _times(-1, (*_put(0, _FAR, -3.0), *_call(0, _FAR, 3.0))),
            f"put spread {a}": (*_put(0, _FAR, -3.0), *_times(-1, _put(0, _FAR, 0.0))),
            f"covered call {a}": (*_spot(0), *_times(-1, _call(0, _FAR, 1.5))),
            f"short far put {a}": _times(-1, _put(0, _NEAR, -5.0)),
            f"ratio put spread {a}": (*_put(0, _FAR, 0.0), *_times(-2, _put(0, _FAR, -3.0))),
        }
        if m == 1:
            return books | {
                f"short call {a}": _times(-1, _call(0, _FAR, 1.5)),
                f"short near straddle {a}": _times(-1, _straddle(0, _NEAR)),
                f"long far put, short spot {a}": (*_put(0, _FAR, -3.0), *_times(-1, _spot(0))),
                f"short long-dated straddle {a}": _times(-1, _straddle(0, _LONG))}
        b = self.assets[1]
        return books | {
            "long all": basket, "short all": _times(-1, basket),
            f"spread {a} - {b}": (*_spot(0), *_times(-1, _spot(1))),
            f"short straddles {a} + {b}": _times(-1, (*_straddle(0, _FAR), *_straddle(1, _FAR)))}

    @property
    def _pairs(self) -> list[tuple[int, int]]:
        """All pairs of up to eight assets; of more, each asset and the next: the adversary looks for the others."""
        m = len(self.assets)
        return list(itertools.combinations(range(m), 2)) if m <= 8 else list(itertools.pairwise(range(m)))

    def _baskets(self) -> Iterator[Book]:
        """All ways to hold assets long, short or not, of up to four; of more, single ones, pairs and all."""
        m = len(self.assets)
        if m <= 4:
            for signs in itertools.product((-1, 0, 1), repeat=m):
                if any(signs):
                    yield tuple((_column(i), sign) for i, sign in enumerate(signs) if sign)
            return
        for sign in (1, -1):
            yield from (_times(sign, _spot(i)) for i in range(m))
            yield tuple((_column(i), sign) for i in range(m))
            for i, j in self._pairs:
                yield from ((*_times(sign, _spot(i)), *_times(other, _spot(j))) for other in (1, -1))


def _listings(model: Model, calibration: Calibration, paths: Scenarios, asset: int) -> Iterator[NDArray[np.float64]]:
    """Changes of value of one asset's listings for a spot of 1, in 1/4096 of its deviation: spot, puts."""
    volatility, horizon = calibration.volatilities[asset], model.horizon
    today = np.array(paths.today[asset] / VARIANCE_UNIT)
    after = paths.variances[:, asset] / VARIANCE_UNIT
    deviation = float(np.sqrt(horizon * volatility.average_variance(today, horizon)))
    scale = UNIT / max(deviation, LEAST_DEVIATION)
    spot = exp(paths.returns[:, asset] / RETURN_UNIT)
    shocked = 1.0 if paths.shocks is None else 1.0 + paths.shocks.column("volatility") / SHOCK_UNIT
    yield (spot - 1.0) * scale
    for expiry in EXPIRIES:
        steps = int(expiry * horizon)
        left = steps - horizon
        now = np.sqrt(steps * volatility.average_variance(today, steps))
        ratio = volatility.average_variance(after, left) / volatility.average_variance(today, left)
        response = exp(0.5 * model.volatility_response * log(ratio)) * shocked
        then = now / np.sqrt(float(steps)) * response * np.sqrt(float(left))
        for strike in STRIKES:
            at = float(exp(strike * deviation))
            yield (black_76(spot, at, then, 1.0, 1.0, False) - black_76(1.0, at, float(now), 1.0, 1.0, False)) * scale


def _column(asset: int) -> int:
    return asset * (1 + len(EXPIRIES) * len(STRIKES))


def _spot(asset: int) -> Book:
    return ((_column(asset), 1),)


def _put(asset: int, expiry: int, strike: float) -> Book:
    return ((_column(asset) + 1 + expiry * len(STRIKES) + STRIKES.index(strike), 1),)


def _call(asset: int, expiry: int, strike: float) -> Book:
    return (*_put(asset, expiry, strike), *_spot(asset))


def _straddle(asset: int, expiry: int) -> Book:
    return (*_put(asset, expiry, 0.0), *_call(asset, expiry, 0.0))


def _times(units: int, book: Book) -> Book:
    return tuple((leg, units * held) for leg, held in book)
