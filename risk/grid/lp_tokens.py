"""Shares of pools as collateral: what they are worth in every scenario, what leaving costs, and the curve that says so.

A position has liquidity L between the prices p_a and p_b of its first asset in its second. At the price P, held to
[p_a, p_b], it holds

    x = L (1/sqrt P - 1/sqrt p_b),   y = L (sqrt P - sqrt p_a)       [Uniswap v3 whitepaper, 2021, 6.29 and 6.30]

and p_a = 0, p_b = infinite is the whole of a constant-product pool, worth 2 sqrt(k p_x p_y). Prices are the oracle's in
every scenario, never what a pool trades at: nobody moves them by a trade.

The market's haircut is the Expected Shortfall of the position's loss over its value. Leaving takes a share s of the
liquidity out and sells what it holds of the first asset into the rest of the range: what the rest cannot take counts
nothing. For a whole pool with fee f that is (s + f - 2 f s) / (2 (1 - f s)) of the value, at every price; in a range it
is more the nearer the low end is, and so it is taken at the prices of each scenario.

On chain (`AssetMarks.sol`, `ConstantProductAdapter.sol`) a unit counts at the assets' own haircut values, so that
1 - sqrt((1 - h_x)(1 - h_y)) is taken off before the curve, base + slope s/(1 - s) in basis points. The former is no
bound of the position's own Expected Shortfall: the mean of roots is below the root of means. `curve_for` makes the
base as large as that takes.
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
from risk.exact.expected_shortfall import expected_shortfall
from risk.exact.shape import Tail
from risk.scenarios.scenarios import RETURN_UNIT

SHARE_UNIT = 10**9
"""Losses and haircuts are integers of 10**-9 of the value."""
BASIS_POINTS = 10_000
SLOPE = BASIS_POINTS // 2
"""Of leaving a constant-product pool: s/2 of the value, which s/(2 (1 - s)) bounds."""
BUCKETS = 8
"""Of prices within a range, equal in the logarithm."""
POINTS = 9
"""Prices of a bucket that its haircut is the largest of, both ends among them."""
LARGEST_RATIO = 1e6
"""Of a range's ends."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Range:
    """Prices between which a position has liquidity, of the first asset in the second.

    Raises
    ------
    BadInput : ends out of order or not above 0, but for the whole; ends more than 10**6 apart.
    """

    low: float = 0.0
    high: float = math.inf

    def __post_init__(self) -> None:
        if self.whole:
            return
        if not 0 < self.low < self.high < math.inf:
            raise BadInput("range", Said(f"{self.low:g}:{self.high:g}"), "two prices above 0, the lower one first")
        if self.high / self.low > LARGEST_RATIO:
            raise BadInput("range", Said(f"{self.low:g}:{self.high:g}"),
                           f"of ends at most {LARGEST_RATIO:g} times apart")

    @property
    def whole(self) -> bool:
        """Whether it is all prices: a constant-product pool."""
        return self.low == 0.0 and self.high == math.inf

    def holdings(self, price: Floats) -> tuple[Floats, Floats]:
        """x and y of liquidity 1 at each price of the first asset in the second."""
        root = np.sqrt(np.clip(price, self.low, self.high))
        return 1.0 / root - 1.0 / math.sqrt(self.high), root - math.sqrt(self.low)

    def worth(self, price: Floats) -> Floats:
        """Of liquidity 1, in units of the second asset."""
        x, y = self.holdings(price)
        return x * price + y


@dataclass(frozen=True)
class Curve:
    """As `AssetMarks.Curve`, basis points."""

    base: int
    slope: int
    largest_share: int

    @property
    def monotone(self) -> bool:
        """Whether more units never count less, as the contract asks before it takes a curve."""
        s = self.largest_share
        others = BASIS_POINTS - s
        return 0 < s <= BASIS_POINTS and self.base < BASIS_POINTS and \
            (BASIS_POINTS - self.base) * others * others >= self.slope * s * (BASIS_POINTS + others)

    def kept(self, share: Fraction) -> Fraction:
        """What of a mark counts for a share of the supply below 1, exact."""
        held = min(share, Fraction(self.largest_share, BASIS_POINTS))
        taken = Fraction(self.base, BASIS_POINTS) + Fraction(self.slope, BASIS_POINTS) * held / (1 - held)
        return (1 - taken) * (held / share if share else 1)


# -- as the contracts count ----------------------------------------------------------------------------------------
def pool_unit(reserves: tuple[int, int], factors: tuple[int, int], supply: int, *, floor: int = 1,
              average: int | None = None) -> int:
    """`ConstantProductAdapter.mark`: what a unit counts for, 2**-64 money units, rounded down as there.

    Parameters
    ----------
    reserves : smallest units.  factors : v of the two assets, 2**-64 money units.  supply : units of the pool.
    floor, average : depth from which all counts, and the depth over the window; the depth now if None.
    """
    depth = 2 * math.isqrt(reserves[0] * reserves[1]) * math.isqrt(factors[0] * factors[1])
    if supply == 0:
        return 0
    counted = depth if average is None else min(depth, average)
    return depth // supply * counted // floor if counted < floor else depth // supply


def counted(unit: int, supply: int, amount: int, curve: Curve) -> int:
    """`AssetMarks.valueOf`: what an amount counts for, 2**-64 money units, rounded down as there."""
    amount = min(amount, supply * curve.largest_share // BASIS_POINTS)
    gross, kept, others = amount * unit, BASIS_POINTS - curve.base, supply - amount
    if curve.slope == 0:
        return gross * kept // BASIS_POINTS
    return gross * (kept * others - curve.slope * amount) // (BASIS_POINTS * others) if others else 0


def built_in(haircuts: tuple[int, int]) -> int:
    """What the adapter takes off by valuing at haircut prices, 1 - sqrt((1 - h_x)(1 - h_y)), rounded down: 10**-9.

    haircuts : of the two assets, 10**-9 of their prices.
    """
    left = (SHARE_UNIT - haircuts[0]) * (SHARE_UNIT - haircuts[1])
    root = math.isqrt(left)
    return SHARE_UNIT - root - (root * root < left)


def curve_for(haircut: int, taken: int, fee: int, largest_share: int) -> Curve:
    """The curve under which a pool's shares never count more than they are worth after the Expected Shortfall of their
    loss and the cost of leaving, whatever the share.

    Parameters
    ----------
    haircut : the market's, 10**-9.  taken : what the adapter takes off before the curve, 10**-9.
    fee : of the pool, basis points.  largest_share : beyond which units count nothing, basis points.

    Raises
    ------
    BadInput : a haircut of all; a curve under which more units would count less, naming the largest share possible.
    """
    if not 0 <= haircut < SHARE_UNIT or not 0 <= taken < SHARE_UNIT:
        raise BadInput("haircut", Fraction(max(haircut, taken), SHARE_UNIT), "below 1: such a share counts nothing")
    leaving = Fraction(fee, 2 * BASIS_POINTS)
    needed = 1 - Fraction(SHARE_UNIT - haircut, SHARE_UNIT - taken) * (1 - leaving)
    curve = Curve(math.ceil(max(needed, leaving) * BASIS_POINTS), SLOPE, largest_share)
    if not curve.monotone:
        most = next((share for share in range(min(largest_share, BASIS_POINTS), 0, -1)
                     if Curve(curve.base, SLOPE, share).monotone), 0)
        raise BadInput("largest share", largest_share, f"in [1, {most}] basis points: beyond, more units would count "
                       "less")
    return curve


# -- in scenarios --------------------------------------------------------------------------------------------------
def fall(returns: NDArray[np.int64], tail: Tail) -> int:
    """Expected Shortfall of holding an asset, at least 0, over its price, rounded up: 10**-9.

    returns : log returns in 10**-9, int64 (S,).
    """
    return _shortfall(1.0 - exp(returns / RETURN_UNIT), tail)


def market_haircut(position: Range, price: float, returns: tuple[NDArray[np.int64], NDArray[np.int64]], tail: Tail
                   ) -> int:
    """Expected Shortfall of a position's loss over its value, at least 0, rounded up: 10**-9.

    Parameters
    ----------
    price : of the first asset in the second, today.
    returns : log returns of both assets against the quote, int64 (S,) each; zeros for the quote itself.

    Raises
    ------
    BadInput : a price that is not above 0.
    """
    if not 0 < price < math.inf:
        raise BadInput("price", price, "above 0")
    first, second = (exp(one / RETURN_UNIT) for one in returns)
    today = position.worth(np.array([price]))[0]
    return _shortfall(1.0 - position.worth(price * first / second) * second / today, tail)


def proceeds(position: Range, price: Floats, share: float, fee: int) -> Floats:
    """What liquidity 1 brings, in the second asset, where a share of all liquidity is taken out and its first asset
    sold into the rest of the range, at each price; what the rest cannot take brings nothing.

    share : in [0, 1).  fee : basis points.
    """
    x, y = position.holdings(price)
    inverse = 1.0 / np.sqrt(np.clip(price, position.low, position.high))
    least = 1.0 / math.sqrt(position.low) if position.low else math.inf
    sold = x * (1.0 - fee / BASIS_POINTS)
    if share == 0.0:
        received = sold * price
    else:
        rest = (1.0 - share) / share                     # liquidity left over that taken
        moved = np.minimum(sold / rest, least - inverse)                         # of 1/sqrt P
        received = rest * moved / (inverse * (inverse + moved))
    # From the low end on the rest of the range holds none of the second asset.
    return np.asarray(y + np.where(price <= position.low, 0.0, received))


def leaving_cost(position: Range, price: float, share: float, fee: int) -> int:
    """What leaving loses of a position's value today, rounded up: 10**-9; arguments as `proceeds`."""
    one = np.array([price])
    left = float(proceeds(position, one, share, fee)[0]) / float(position.worth(one)[0])
    return math.ceil(max(0.0, 1.0 - left) * SHARE_UNIT)


def haircut_after_leaving(position: Range, price: float, returns: tuple[NDArray[np.int64], NDArray[np.int64]],
                          tail: Tail, share: float, fee: int) -> int:
    """Expected Shortfall of what is lost of a position's value if it is left in every scenario, at the prices there: in
    a range leaving costs more the nearer its low end is. 10**-9, rounded up; arguments as `market_haircut`, `proceeds`.
    """
    first, second = (exp(one / RETURN_UNIT) for one in returns)
    today = position.worth(np.array([price]))[0]
    return _shortfall(1.0 - proceeds(position, price * first / second, share, fee) * second / today, tail)


@dataclass(frozen=True)
class Bucket:
    """Prices in [low, high] of the first asset in the second.  market : the largest over its points, basis points,
    rounded up.  leaving : what leaving in the scenarios takes of what that leaves, the same way, for the share that the
    table is made for."""

    low: float
    high: float
    market: int
    leaving: int


def buckets(position: Range, returns: tuple[NDArray[np.int64], NDArray[np.int64]], tail: Tail, *, share: float,
            fee: int) -> tuple[Bucket, ...]:
    """The curve of a bounded range: its haircut by where the price stands in it; below and above, where it holds one
    asset alone, a bucket each, whose one point is that end: farther away a position never loses more in any scenario.

    Raises
    ------
    BadInput : the whole of a pool, whose haircut no price changes.
    """
    if position.whole:
        raise BadInput("range", Said("all prices"), "bounded: of a whole pool the haircut is the same at every price")
    span = float(log(np.array([position.high / position.low]))[0])
    ends = (position.low * exp(np.arange(BUCKETS * (POINTS - 1) + 1) * (span / (BUCKETS * (POINTS - 1))))).tolist()
    ends[0], ends[-1] = position.low, position.high
    inside = [ends[k * (POINTS - 1):(k + 1) * (POINTS - 1) + 1] for k in range(BUCKETS)]
    return (_bucket(position, [position.low], 0.0, position.low, returns, tail, share, fee),
            *(_bucket(position, points, points[0], points[-1], returns, tail, share, fee) for points in inside),
            _bucket(position, [position.high], position.high, math.inf, returns, tail, share, fee))


def _bucket(position: Range, points: Sequence[float], low: float, high: float,
            returns: tuple[NDArray[np.int64], NDArray[np.int64]], tail: Tail, share: float, fee: int) -> Bucket:
    market = -(-max(market_haircut(position, point, returns, tail) for point in points) * BASIS_POINTS // SHARE_UNIT)
    after = max(haircut_after_leaving(position, point, returns, tail, share, fee) for point in points)
    kept = (SHARE_UNIT - after) * BASIS_POINTS * BASIS_POINTS // (SHARE_UNIT * (BASIS_POINTS - market)) \
        if market < BASIS_POINTS else 0
    return Bucket(low, high, market, max(0, BASIS_POINTS - kept))


def _shortfall(losses: Floats, tail: Tail) -> int:
    return max(0, expected_shortfall(np.ceil(losses * SHARE_UNIT).astype(np.int64), tail).ceiling)
