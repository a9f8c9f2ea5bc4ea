"""What every term looks at: a lot, what it is worth, what it loses, and the market that it would be closed in."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from risk.exact.clock import DAY, YEAR
from risk.exact.shape import Tail
from risk.market.book import Book, Listing
from risk.market.instruments import Instrument, Kind
from risk.market.liquidity import Market
from risk.models.calibration import Calibration
from risk.models.model import Basis, Estimator, Model
from risk.valuation.revaluation import prices_today, quoted_price

SIDES = ("long", "short")


@dataclass(frozen=True)
class Lot:
    """One lot of a living listing; amounts are money units, exact.

    row : of the listing among the book's.
    units : of the underlying that it stands for.  notional : of these at spot.  value : what it is worth today; of an
        inverse perpetual or future, what it gains as the spot doubles: on levels of the coins since its reference.
    shortfall : Expected Shortfall of holding it long, and short; at least 0.
    variance : of a day's log return of its underlying; None where nothing forecasts one.
    years : to its expiry, 0 where it has none.
    market : None where the book does not say.
    most : lots of the largest position that it is charged for; None where nothing says.
    """

    row: int
    instrument: Instrument
    units: Fraction
    notional: Fraction
    value: Fraction
    shortfall: tuple[Fraction, Fraction]
    variance: Fraction | None
    years: Fraction
    market: Market | None
    most: int | None

    @property
    def exposure(self) -> Fraction:
        """What of it moves with the spot, as `notional`; of an inverse perpetual or future on levels at least all the
        coins since its reference, which stay with the lot: more than its notional where the price has risen since."""
        return max(self.notional, self.value) if self.instrument.notional else self.notional

    @property
    def size(self) -> Fraction | None:
        """Units of the underlying in the largest position."""
        return None if self.most is None else self.most * self.units


def lots_of(book: Book, model: Model, calibration: Calibration, values: Sequence[NDArray[np.int64]], tail: Tail
            ) -> Iterator[Lot]:
    """A lot of each living listing but cash.

    Parameters
    ----------
    values : per regime, value changes of a lot or, on the basis of levels, values, int64 (n, S); the regime that loses
        most counts, on each side by itself.
    tail : of the S scenarios.
    """
    spots = {underlying.symbol: underlying.spot for underlying in book.underlyings}
    variances = dict(zip(model.assets, variances_of(model, calibration), strict=True))
    weights = tail.weights(values[0].shape[1])
    for row, (listing, price) in enumerate(zip(book.listings, prices_today(book), strict=True)):
        instrument = listing.instrument
        if listing.settled is not None or instrument.kind == Kind.CASH:
            continue
        units = units_of(book, instrument)
        worth = price * Fraction(instrument.lot)
        base = worth if model.basis == Basis.LEVEL else Fraction(0)
        coins = instrument.underlying_units(instrument.reference) if model.basis == Basis.LEVEL \
            and instrument.reference is not None else units
        value = coins * spots[instrument.underlying] if instrument.notional else worth
        long = max(shortfall(-each[row], weights, tail.numerator) for each in values) + base
        short = max(shortfall(each[row], weights, tail.numerator) for each in values) - base
        yield Lot(row, instrument, units, units * spots[instrument.underlying], value,
                  (max(Fraction(0), long), max(Fraction(0), short)), variances[instrument.underlying],
                  Fraction(0) if instrument.expiry is None else Fraction(instrument.expiry - book.valuation, YEAR),
                  market_of(book, instrument), most_lots(book, listing))


def units_of(book: Book, instrument: Instrument) -> Fraction:
    """Units of the underlying that a living lot stands for today; of what has settled, as though at the spot."""
    return instrument.underlying_units(quoted_price(book, instrument))


def market_of(book: Book, instrument: Instrument) -> Market | None:
    """Where the book says how liquid it is."""
    return None if book.liquidity is None else book.liquidity.markets.get((instrument.underlying, instrument.kind))


def most_lots(book: Book, listing: Listing) -> int | None:
    """Lots of the largest position that a listing is charged for: its own `most`, else its market's size in whole
    lots; None where neither is said."""
    instrument = listing.instrument
    if instrument.most is not None:
        return instrument.most
    market = market_of(book, instrument)
    return None if market is None else math.floor(Fraction(market.size) / units_of(book, instrument))


def shortfall(losses: NDArray[np.int64], weights: Sequence[int], numerator: int) -> Fraction:
    """Expected Shortfall of S losses, exact: `risk.exact.expected_shortfall` without its certificate."""
    left, total = numerator, 0
    for s in np.argsort(-losses, kind="stable").tolist():
        if left == 0:
            break
        mass = min(left, weights[s])
        total, left = total + mass * int(losses[s]), left - mass
    return Fraction(total, numerator)


def variances_of(model: Model, calibration: Calibration) -> list[Fraction | None]:
    """Of a day, on average over the horizon, as today's forecast has it; jumps are part of it."""
    if model.estimator == Estimator.HANDWRITTEN:
        stated = None if model.addons.impact is None else model.addons.impact.deviations
        return [None if stated is None else stated[asset] * stated[asset]
                for asset in model.assets]
    steps = Fraction(DAY, model.step_seconds)
    jumps = [Fraction(0) if model.jumps is None else Fraction(model.jumps.intensity / model.steps_per_year)
             * Fraction(model.jumps.expected_square(place)) for place in range(len(model.assets))]
    return [(Fraction(float(volatility.average_variance(np.array([variance]), model.horizon)[0])) + jumped) * steps
            for volatility, variance, jumped in zip(calibration.volatilities, calibration.variances, jumps,
                                                    strict=True)]


def root_up(square: Fraction) -> int:
    """The least integer that is at least the square root of a number >= 0."""
    whole = -(-square.numerator // square.denominator)             # n >= sqrt(x) if and only if n**2 >= ceil(x)
    root = math.isqrt(whole)
    return root if root * root == whole else root + 1
