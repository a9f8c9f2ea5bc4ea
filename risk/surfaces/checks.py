"""What keeps a surface free of arbitrage, each condition by its own name. Deterministic: the same verdict everywhere.

    minimum-variance   a + b sigma sqrt(1 - rho**2) > 0
    wing               b (1 + |rho|) <= 2: no wing is steeper than moments allow [Lee, The moment formula for implied
                       volatility at extreme strikes, Mathematical Finance 14, 2004]. 2 is for total variance; the 4 / T
                       that is also found is for variance a year
    butterfly          of a slice, Durrleman's g >= 0 on `durrleman.grid`; of strikes, call prices convex in the strike
                       and falling
    calendar           at equal moneyness total variance does not fall with the expiry: of two slices on both grids;
                       where one has strikes only, as prices of calls there
    ssvi-wing          theta phi (1 + |rho|) < 4
    ssvi-butterfly     theta phi**2 (1 + |rho|) <= 4
    ssvi-calendar      theta does not fall with the expiry
    annualised         volatility at the money in [5 %, 500 %]: parameters in variance a year, where total variance is
                       meant, are off by the years to the expiry

[Gatheral, Jacquier 2014, sections 2 to 4.] The SSVI conditions hold for all strikes at once, and are sufficient.
Strikes alone are judged at any interpolation: what is found there is arbitrage for certain; a hundredth of a percent of
the forward is left to the rounding of quotes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from risk.exact.elementary import log
from risk.surfaces.durrleman import durrleman, grid
from risk.surfaces.smile import Point, Smile
from risk.surfaces.svi import Slice

ARBITRAGE = 1e-4
"""Of the forward: what quotes in four places may be off by."""
WING = 2.0
ANNUALISED = (0.05, 5.0)
MINIMUM, LEE, BUTTERFLY, CALENDAR, SSVI_WING, SSVI_BUTTERFLY, SSVI_CALENDAR, ANNUAL = IDS = (
    "minimum-variance", "wing", "butterfly", "calendar", "ssvi-wing", "ssvi-butterfly", "ssvi-calendar", "annualised")


@dataclass(frozen=True)
class Check:
    """One condition at one expiry, or between two.

    id : of `IDS`.
    expiry : its name, "EARLY to LATE" between two.
    what : is measured, and where.
    value, low, high : it holds if low <= value <= high; not if the value is no number.
    worth : whether the value is what a butterfly or a spread costs, as a share of the forward.
    """

    id: str
    underlying: str
    expiry: str
    what: str
    value: float
    low: float = -math.inf
    high: float = math.inf
    worth: bool = False

    @property
    def holds(self) -> bool:
        return self.low <= self.value <= self.high

    @property
    def bound(self) -> str:
        """In words."""
        if self.id == MINIMUM:
            return "above 0"
        if self.id == SSVI_WING:
            return "below 4"
        if math.isinf(self.high):
            return f"at least {self.low}"
        return f"at most {self.high:g}" if math.isinf(self.low) else f"in [{self.low:g}, {self.high:g}]"

    @property
    def found(self) -> str:
        return f"worth {self.value:.4f} of the forward" if self.worth else f"{self.value:.6g}"

    @property
    def subject(self) -> str:
        """Which condition it is, of what and where: "butterfly of BTC at 2024-07-19T08:00:00Z, g at k = 0.31"."""
        if not self.worth:
            return f"{self.id} of {self.underlying} at {self.expiry}, {self.what}"
        return f"calendar spread of {self.underlying} {self.what}, {self.expiry}" if self.id == CALENDAR else \
            f"{self.id} of {self.underlying} {self.what} at {self.expiry}"


def checks(smiles: Sequence[Smile]) -> list[Check]:
    """Every check of a surface: for each expiry its own, between expiries of an underlying, in any order of smiles.

    Of each condition the worst place is told; of strikes, all places where it fails.
    """
    found = list[Check]()
    for underlying in sorted({smile.underlying for smile in smiles}):
        own = sorted((smile for smile in smiles if smile.underlying == underlying), key=lambda smile: smile.years)
        for smile in own:
            found += _alone(smile)
        for early, late in combinations(own, 2):
            if early.slice is None and late.slice is None:
                found += _strikes_apart(early, late)
            elif early.slice is None or late.slice is None:
                found += _mixed(early, late)
        for early, late in pairwise([smile for smile in own if smile.slice is not None]):
            found += _apart(early, late)
    return found


def crossing(early: Slice, late: Slice) -> tuple[float, float]:
    """The least of w(k, late) - w(k, early) on both grids, and the k where it is."""
    k = np.concatenate([grid(early), grid(late)])
    return _least(late.total_variance(k) - early.total_variance(k), k)


def butterfly(one: Slice) -> tuple[float, float]:
    """The least of g on the grid, and the k where it is."""
    k = grid(one)
    return _least(durrleman(one, k), k)


def _alone(smile: Smile) -> Iterator[Check]:
    one = smile.slice
    if one is None:
        yield from _convex(smile)
        return

    def check(id: str, what: str, value: float, low: float = -math.inf, high: float = math.inf) -> Check:
        return Check(id, smile.underlying, smile.expiry, what, value, low, high)

    yield check(MINIMUM, "least total variance", one.minimum, low=math.nextafter(0.0, 1.0))
    if smile.ssvi is None:
        yield check(LEE, "b (1 + |rho|), of total variance", one.wing, high=WING)
    else:
        surface, theta = smile.ssvi
        yield check(SSVI_WING, "theta phi (1 + |rho|)", surface.wing(theta), high=math.nextafter(4.0, 0.0))
        yield check(SSVI_BUTTERFLY, "theta phi**2 (1 + |rho|)", surface.bend(theta), high=4.0)
    g, k = butterfly(one)
    yield check(BUTTERFLY, f"g at k = {k:.4g}", g, low=0.0)
    money = float(one.total_variance(0.0)) / smile.years
    yield check(ANNUAL, "volatility at the money", float(np.sqrt(max(money, 0.0))), *ANNUALISED)


def _apart(early: Smile, late: Smile) -> Iterator[Check]:
    """Two slices."""
    assert early.slice is not None and late.slice is not None  # noqa: PT018  the caller has looked
    between = f"{early.expiry} to {late.expiry}"
    if early.ssvi is not None and late.ssvi is not None and early.ssvi[0] == late.ssvi[0]:
        yield Check(SSVI_CALENDAR, early.underlying, between, "rise of theta", late.ssvi[1] - early.ssvi[1], low=0.0)
    rise, k = crossing(early.slice, late.slice)
    yield Check(CALENDAR, early.underlying, between, f"rise of total variance at k = {k:.4g}", rise, low=0.0)


def _mixed(early: Smile, late: Smile) -> Iterator[Check]:
    """A slice beside strikes, at the strikes."""
    listed, sliced = (early, late) if early.slice is None else (late, early)
    if not listed.strikes:
        return
    x, own = (np.array(column) for column in zip(*listed.points, strict=True))
    other = sliced.calls(x, log(x))
    gains = (other - own if listed is early else own - other).tolist()
    names = [f"at the moneyness of strike {strike.name}" for strike in listed.strikes]
    yield from _worth(CALENDAR, early.underlying, f"{early.expiry} to {late.expiry}", names, gains)


def _strikes_apart(early: Smile, late: Smile) -> Iterator[Check]:
    names = [f"at the moneyness of strike {strike.name}" for strike in early.strikes]
    gains = [most(late.points, x) - value for x, value in early.points]
    yield from _worth(CALENDAR, early.underlying, f"{early.expiry} to {late.expiry}", names, gains)


def _convex(smile: Smile) -> Iterator[Check]:
    points = smile.points
    names = [f"around strike {strike.name}" for strike in smile.strikes]
    gains = [_chord(before, after, point[0]) - point[1] for before, point, after in zip(
        [(0.0, 1.0), *points], points, [*points[1:], *([(math.inf, points[-1][1])] if points else [])], strict=False)]
    yield from _worth(BUTTERFLY, smile.underlying, smile.expiry, names, gains)


def _worth(id: str, underlying: str, expiry: str, names: Sequence[str], gains: Sequence[float]) -> Iterator[Check]:
    """What a butterfly or calendar spread costs at each strike: all that one is paid to take, or else the cheapest."""
    found = [Check(id, underlying, expiry, name, gain, low=-ARBITRAGE, worth=True)
             for name, gain in zip(names, gains, strict=True)]
    failing = [check for check in found if not check.holds]
    yield from failing or sorted(found, key=lambda check: check.value)[:1]


def _chord(left: Point, right: Point, x: float) -> float:
    """The straight line through two points, or level from the left one, if the other is infinitely far."""
    if math.isinf(right[0]):
        return left[1]
    return left[1] + (right[1] - left[1]) * ((x - left[0]) / (right[0] - left[0]))


def most(points: Sequence[Point], x: float) -> float:
    """The most that a convex falling function through (0, 1) and these points can be at x."""
    before = (0.0, 1.0)
    for point in points:
        if x <= point[0]:
            return _chord(before, point, x)
        before = point
    return before[1]


def _least(values: NDArray[np.float64], k: NDArray[np.float64]) -> tuple[float, float]:
    """The least value and where it is; one that is no number is less than all."""
    at = int(np.argmin(np.where(np.isnan(values), -np.inf, values)))
    return float(values[at]), float(k[at])

