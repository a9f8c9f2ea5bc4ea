"""Wrong-way risk: the venue's own token falls when the venue fails, which is when a position on it is closed.

A lot on a token of which a part r is left is charged what it loses at r times its price, where Expected Shortfall is
less: holding the token, a perpetual, a future: (1 - r) of its price; a long call: its value; a short put: the strike
less r times spot. The other sides gain. Collateral in the token is cut by `recovery` in the collateral file
(`risk.grid.haircuts`) [ISDA SIMM and Basel CRE53 call it specific wrong-way risk; LCH charges it apart].
"""

from __future__ import annotations

import math
from fractions import Fraction

from risk.addons.lot import SIDES, Lot
from risk.exact.elementary import exp
from risk.market.instruments import Kind


def charge(lot: Lot, side: int, recovery: Fraction, log_discount: float) -> int:
    """Money units a lot.  log_discount : logarithm of what one paid at its expiry is worth today."""
    return math.ceil(max(Fraction(0), _loss(lot, SIDES[side], recovery, log_discount) - lot.shortfall[side]))


def _loss(lot: Lot, side: str, recovery: Fraction, log_discount: float) -> Fraction:
    """At `recovery` times the price; at least what it is."""
    kind = lot.instrument.kind
    if side == "long":
        return Fraction(0) if kind == Kind.PUT else lot.value if kind == Kind.CALL else (1 - recovery) * lot.value
    if kind != Kind.PUT:
        return Fraction(0)
    assert lot.instrument.strike is not None           # an option has one
    discount = max(Fraction(1), Fraction(float(exp(log_discount))))
    strike = lot.instrument.strike * Fraction(lot.instrument.lot)
    return max(Fraction(0), strike * discount - recovery * lot.notional)
