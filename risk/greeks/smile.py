"""Delta with the smile: what an option gains per small move of the spot where its volatility moves along with it.

Under sticky-delta dynamics an option of a slice has, once the spot has moved, the volatility that today's slice has at
its new moneyness k = ln(K/F). So with w the slice's total variance and sigma the option's volatility today

    dsigma/dS = -sigma w'(k) / (2 w(k) S),        delta = dV/dS + vega dsigma/dS,

forwards keeping their ratio to the spot. `risk.greeks.closed` leaves volatilities with their strikes: the one is what a
hedge needs if the smile floats, the other if it stays. Which of them scenarios have, [surface] of the model file says;
its tilt, which is of deviations over a horizon, has no part in a derivative.

By bump it is the revaluation that scenarios have, at spots a little off, without a horizon.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from risk.exact.elementary import log
from risk.exact.money import UNIT
from risk.greeks.closed import NAMES
from risk.greeks.lots import LotGreeks
from risk.margins.shocks import Market
from risk.models.implied import Sticky
from risk.valuation.revaluation import unrounded

Floats = NDArray[np.float64]
_STEP = Fraction(1, 10_000)
_DELTA, _VEGA = NAMES.index("delta"), NAMES.index("vega")


@dataclass(frozen=True, eq=False)
class SmileDeltas:
    """closed, bumped : per lot of each listing, quote units per unit of the spot: (n,).
    floats : bool (n,), whether its volatility moves with the spot; else delta is the plain one."""

    closed: Floats
    bumped: Floats
    floats: NDArray[np.bool_]


def smile_deltas(market: Market, lots: LotGreeks) -> SmileDeltas | None:
    """Of everything that the book lists; None where volatilities stay with their strikes.

    Parameters
    ----------
    lots : the market's (`risk.greeks.lots.lot_greeks`).
    """
    book = market.book
    floats = np.zeros(len(book.listings), bool)
    closed = lots.closed[:, _DELTA].copy()
    for i, listing in enumerate(book.listings):
        instrument = listing.instrument
        if listing.settled is not None or not instrument.kind.optional:
            continue
        assert instrument.expiry is not None and instrument.strike is not None  # noqa: PT018  an option has both
        curve = book.curves[instrument.underlying, instrument.expiry]
        if curve.slice is None or market.model.dynamics.sticky != Sticky.DELTA:
            continue
        floats[i] = True
        at = curve.slice.at(log(instrument.strike / curve.forward))
        slope = -curve.volatilities[instrument.strike] * float(at.slope) / (2.0 * float(at.w) * float(lots.spots[i]))
        closed[i] += lots.closed[i, _VEGA] * slope
    return SmileDeltas(closed, _bumped(market, lots), floats) if floats.any() else None


def _bumped(market: Market, lots: LotGreeks) -> Floats:
    model = replace(market.model, horizon=0, dynamics=replace(market.model.dynamics, tilt=0.0))
    up, down = (market.scenarios([dict.fromkeys(model.assets, (step, Fraction(0)))]) for step in (_STEP, -_STEP))
    moved = [unrounded(market.book, model, market.calibration, one)[:, 0] / UNIT for one in (up, down)]
    widths = 2.0 * float(_STEP) * lots.spots
    return np.where(widths > 0, (moved[0] - moved[1]) / np.where(widths > 0, widths, 1.0), 0.0)
