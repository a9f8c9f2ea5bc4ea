"""The loss of one account as a function of moves of the market: in doubles for who searches, in whole money for who
decides; and what it cannot exceed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from risk.exact.clock import YEAR
from risk.exact.elementary import exp, log
from risk.margins.shocks import Market
from risk.market.book import Listing
from risk.market.instruments import Kind
from risk.scenarios.scenarios import RETURN_UNIT, VARIANCE_UNIT, rounded
from risk.stress.factors import Factors
from risk.valuation.funding import funding_share
from risk.valuation.revaluation import prices_today, unrounded, value_changes

Floats = NDArray[np.float64]
Positions = Sequence[tuple[int, int]]
Moves = dict[str, tuple[Fraction, Fraction]]
PLACES = 10**8
"""A move is whole in 10**-8: what `risk what-if` takes, six places of a percent."""
_BIT_MORE = 1 + Fraction(1, 10**12)
"""For what doubles round."""
_LINEAR = (Kind.SPOT, Kind.PERPETUAL, Kind.FUTURE, Kind.CASH)


class BookLoss:
    """Losses of positions (row of the epoch, lots) over the factors.

    Raises
    ------
    BadInput : a position that the book does not list.
    """

    def __init__(self, market: Market, positions: Positions, factors: Factors) -> None:
        self.market, self.positions, self.factors = market, positions, factors
        held = [market.book.listings[market.listing(row)] for row, _ in positions]
        self._book = replace(market.book, listings=tuple(held))
        self._lots = [lots for _, lots in positions]
        self.linear = all(one.settled is not None or one.instrument.kind in _LINEAR for one in held)

    def at(self, points: Floats) -> Floats:
        """Losses of moves of spots, money units before rounding: (k, m) -> (k,)."""
        multiple = self._multiples(points)
        today = np.array(self.market.calibration.variances)
        scenarios = rounded(log(1.0 + points) * RETURN_UNIT, today * (multiple * multiple) * VARIANCE_UNIT,
                            today * VARIANCE_UNIT, self.factors.assets)
        values = unrounded(self._book, self.market.model, self.market.calibration, scenarios)
        losses = np.zeros(len(points))
        for lots, row in zip(self._lots, values, strict=True):
            losses = losses - lots * row
        return losses

    def moves(self, point: Sequence[float] | Floats) -> Moves:
        """A move as `Market.gains` takes it, whole in 10**-8: of spots as they stand, and of volatility by its law."""
        spots = np.array([point], np.float64)
        volatility = self._multiples(spots)[0] - 1.0
        return {asset: (Fraction(round(float(spots[0, i]) * PLACES), PLACES),
                        Fraction(round(float(volatility[i]) * PLACES), PLACES))
                for i, asset in enumerate(self.factors.assets)}

    def exact(self, moves: Moves) -> int:
        """The loss, in whole money units, by the same revaluation as `risk what-if`."""
        changes = value_changes(self._book, self.market.model, self.market.calibration, self.market.scenarios([moves]))
        loss = 0
        for lots, change in zip(self._lots, changes[:, 0].tolist(), strict=True):
            loss -= lots * change
        return loss

    def _multiples(self, points: Floats) -> Floats:
        return np.stack([law.multiple(points[:, i]) for i, law in enumerate(self.factors.laws)], axis=1)

    def bound(self) -> int | None:
        """What no move of spots and volatilities can take more than; None where there is no such amount.

        What is owned can fall to 0, and a perpetual then owes its funding; a short put cannot exceed its strike (times
        a factor where rates until its expiry, the horizon gone, are negative).
        Short spots, futures, perpetuals and calls rise without end. Positions are bounded one by one, so the sum is not
        always reached.
        """
        total, living, book = Fraction(0), 0, self._book
        for listing, price, lots in zip(book.listings, prices_today(book), self._lots, strict=True):
            instrument = listing.instrument
            if listing.settled is not None or instrument.kind == Kind.CASH or not lots:
                continue
            if instrument.inverse:                 # its coins are worth what they then are: no bound is known here
                return None
            living += abs(lots)
            size = Fraction(instrument.lot) * abs(lots)
            if lots > 0:
                total += size * (price if instrument.kind != Kind.PERPETUAL else self._with_funding(listing, price))
            elif instrument.kind == Kind.PUT and instrument.strike is not None and instrument.expiry is not None:
                years = max(0.0, (instrument.expiry - book.valuation) / YEAR - self._horizon)
                grown = Fraction(float(exp(np.maximum(0.0, book.log_discount(np.array([years]))))[0]))
                total += size * (instrument.strike * grown * _BIT_MORE - price)
            else:
                return None
        return math.ceil(total) + living           # a lot's change is rounded to money

    @property
    def _horizon(self) -> float:
        """In years."""
        return self.market.model.horizon / self.market.model.steps_per_year

    def _with_funding(self, listing: Listing, price: Fraction) -> Fraction:
        """A perpetual's price and what holding it long costs over the horizon, whatever spots do; paid, it is less."""
        said = next(one.funding for one in self._book.underlyings if one.symbol == listing.instrument.underlying)
        if said is None:
            return price
        return price * (_BIT_MORE + Fraction(funding_share(said.rate, said.hours, self._horizon)))
