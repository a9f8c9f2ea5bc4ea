"""What a lot is worth to a liquidator, what she says, and at which price it goes: T2 with bidders who play to win.

Values are private: each asks her own charge for bearing a lot, between bounds that all know.

Sealed, the best bid is paid. Where n bidders' values are even on an interval from `least` on, each bids
v - (v - least) / n: the equilibrium of the first-price auction (Vickrey, Journal of Finance 16, 1961; Krishna, Auction
Theory, 2nd ed., § 2.3). Alone, she bids `least`.

Open, bids rise by a step, and whoever is slower than the last block cannot answer what comes in it: she leaves what she
would bid sealed, and those who are fast go on up to their values. The winner pays a step more than the next, at most
what it is worth to her.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Bidder:
    """value, least : 10**-6 quote units, her own and the least one that anybody's could be.  fast : answers at once."""

    row: int
    value: int
    least: int
    fast: bool

    def shaded(self, bidders: int) -> int:
        """Her sealed bid against bidders - 1 others."""
        return self.value - (self.value - self.least) // bidders


def sealed_price(bidders: Sequence[Bidder], reserve: int) -> tuple[int, int] | None:
    """Row of the winner and her price, or None where nobody bids the reserve; the first of equals wins."""
    best = None
    for one in bidders:
        bid = one.shaded(len(bidders))
        if bid < reserve <= one.value:
            bid = reserve                             # the fund's standing bid is public: to win she must meet it
        if bid >= reserve and (best is None or bid > best[1]):
            best = (one.row, bid)
    return best


def open_price(bidders: Sequence[Bidder], reserve: int, step: int) -> tuple[int, int] | None:
    """The same of an open, rising auction."""
    limits = [(one.value if one.fast else one.shaded(len(bidders)), one.row) for one in bidders]
    limits = sorted((one for one in limits if one[0] >= reserve), key=lambda one: (-one[0], one[1]))
    if not limits:
        return None
    highest, row = limits[0]
    others = limits[1][0] + step if len(limits) > 1 else reserve
    return row, min(highest, max(others, reserve))
