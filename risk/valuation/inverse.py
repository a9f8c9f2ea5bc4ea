"""Inverse contracts: what pays in coins of its underlying, in the quote currency.

Deribit's conventions. With S the spot, F the price that a contract goes by (a perpetual's mark, a forward), and values
in the quote currency at the spot of their own moment:

perpetual, future   one quote unit of notional gains 1/F - 1/F' coins, S' (1/F - 1/F') in the quote currency
option              one coin of notional is worth B/F coins, S B/F in the quote currency, where B is Black-76 on F
                    without discounting; at the expiry F = S, and it pays max(0, S - K)/S or max(0, K - S)/S coins

Coins bear no interest here, so an option is not discounted: where F is S exp((r - q) T), its value is exp(q T) times
that of the linear option, with q what coins earn until then.

On levels (`Basis.LEVEL`) a lot has to be worth something by itself, whoever holds it, since whenever. A quote unit of a
perpetual or future so counts as one quote unit and the coins gained since the contract stood at its `reference` R,
which are not paid out but stay with the lot:

    1 + S (1/R - 1/F)

Whoever trades at a price p pays 1 + S (1/R - 1/p); what he gains from there on is the lot's change, and money is
conserved. Where F is S, this is S/R: a lot is so many coins. What has settled at P is worth P/R.

[Deribit, Inverse Options and Inverse Futures, support.deribit.com; its prices in USD are coins at the index.]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from risk.exact.elementary import log, normal_cdf
from risk.valuation.pricing import black_76
from risk.valuation.reference import CERTAIN

Floats = NDArray[np.float64]
Numbers = Floats | float


def inverse_change(forward: Numbers, spot_after: Numbers, forward_after: Numbers) -> Floats:
    """What one quote unit of an inverse perpetual or future gains, quote units; arguments broadcast, prices above 0."""
    return np.asarray(spot_after * (1.0 / forward - 1.0 / forward_after), np.float64)


def accrued_change(forward: Numbers, reference: Numbers, spot: Numbers, spot_after: Numbers) -> Floats:
    """What the coins that stayed with a quote unit since its reference gain besides, quote units: on levels alone."""
    return np.asarray((spot_after - spot) * (1.0 / reference - 1.0 / forward), np.float64)


def inverse_delta(forward: Numbers) -> Numbers:
    """Derivative of `inverse_change` by the spot, where F'/S' stays: 1/F, coins a quote unit; on levels 1/R."""
    return 1.0 / forward


def inverse_option(spot: Numbers, forward: Numbers, strike: Numbers, volatility: Numbers, years: Numbers,
                   call: NDArray[np.bool_] | bool) -> Floats:
    """Value of an option on one coin that pays in coins, quote units; else as `risk.valuation.pricing.black_76`."""
    return black_76(forward, strike, volatility, years, 1.0, call) * (spot / forward)


def inverse_option_delta(forward: Numbers, strike: Numbers, volatility: Numbers, years: Numbers,
                         call: NDArray[np.bool_] | bool) -> Floats:
    """Derivative of `inverse_option` by the spot, where F/S stays: N(d1) of a call, -N(-d1) of a put, coins.

    With F = c S the value is B(c S)/c, whose derivative is B'(F): that of Black-76, whatever the carry. Without
    deviation it is that of the pay-off, 0 at the strike.
    """
    deviation = np.asarray(volatility * np.sqrt(years), np.float64)
    uncertain = deviation > CERTAIN
    divisor = np.where(uncertain, deviation, 1.0)
    sign = np.where(call, 1.0, -1.0)
    distance = log(np.asarray(forward / strike, np.float64))
    smooth = normal_cdf(sign * (distance / divisor + 0.5 * divisor))
    certain = np.where(sign * distance > 0, 1.0, 0.0)
    return sign * np.where(uncertain, smooth, certain)
