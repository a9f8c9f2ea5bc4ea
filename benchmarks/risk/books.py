"""Books by class: spots, spreads, spreads of options, straddles, far puts, and a hundred at random.

Columns of quantities over a `Market`'s listings. Where a book mixes assets, each counts in units of its own deviation.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.risk.markets import FAR, NEAR, STRIKES, Market

Floats = NDArray[np.float64]
FLAT = ("short fly", "long fly", "long straddle", "calendar")
"""Small, bounded losses: a part of next to nothing is no error to speak of, so they do not count in the goals."""
RANDOM = 100


@dataclass(frozen=True, eq=False)
class Books:
    """names : the class of each.  quantities : (width, books)."""

    names: NDArray[np.str_]
    quantities: NDArray[np.float32]

    @property
    def main(self) -> NDArray[np.bool_]:
        """Those that the goals are about."""
        return ~np.isin(self.names, FLAT)

    def losses(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, width) -> (n, books)."""
        found: NDArray[np.float32] = -(values @ self.quantities)
        return found


def catalogue(market: Market) -> Books:
    """All classes: 154, 188, 228 books for two, three, four assets."""
    unit, count = np.eye(market.width), len(market.assets)
    named: list[tuple[str, Floats]] = []

    def spot(a: int) -> Floats:
        return np.asarray(unit[market.column(a)])

    def put(a: int, strike: float, expiry: int = FAR) -> Floats:
        return np.asarray(unit[market.column(a, strike, expiry)])

    def call(a: int, strike: float, expiry: int = FAR) -> Floats:
        return put(a, strike, expiry) + spot(a)

    def add(name: str, *books: Floats) -> None:
        named.extend((name, book) for book in books)

    def straddle(a: int, expiry: int = FAR) -> Floats:
        return put(a, 0.0, expiry) + call(a, 0.0, expiry)

    for a in range(count):
        add("long spot", spot(a))
        add("short spot", -spot(a))
        add("short straddle", -straddle(a), -straddle(a, NEAR))
        hedge = (market.delta(a, -3.0) + market.delta(a, 3.0) + 1) * spot(a)
        add("short strangle, hedged", hedge - put(a, -3.0) - call(a, 3.0))
        add("short put spread", put(a, -3.0) - put(a, 0.0), put(a, -5.0) - put(a, -3.0),
            put(a, -3.0, NEAR) - put(a, 0.0, NEAR))
        add("short call spread", call(a, 3.0) - call(a, 0.0), call(a, 3.0, NEAR) - call(a, 0.0, NEAR))
        add("covered call", spot(a) - call(a, 1.5))
        add("short far put", -put(a, -8.0), -put(a, -8.0, NEAR), -put(a, -5.0, NEAR))
        add("ratio put spread", put(a, 0.0) - 2 * put(a, -3.0))
        flies = [2 * put(a, 0.0, t) - put(a, -3.0, t) - put(a, 3.0, t) for t in (FAR, NEAR)]
        add("short fly", *flies)
        add("long fly", *(-fly for fly in flies))
        add("long straddle", straddle(a), straddle(a, NEAR))
        add("calendar", straddle(a) - straddle(a, NEAR))
    sized = [spot(a) / market.deviation[a] for a in range(count)]
    if count > 1:
        basket, equal = np.sum(sized, 0), np.sum([spot(a) for a in range(count)], 0)
        add("basket", basket, -basket, equal, -equal)
    matrix = market.calibration.correlation
    assert matrix is not None
    for a, b in itertools.combinations(range(count), 2):
        same, hedged = sized[a] - sized[b], sized[a] - matrix[a][b] * sized[b]
        add("spread", same, -same, hedged, -hedged)
        volatility = straddle(a) / market.deviation[a] - straddle(b) / market.deviation[b]
        add("volatility spread", volatility, -volatility)
    rng = np.random.default_rng(7)
    for n in range(RANDOM):
        book = np.sum([rng.standard_normal() * leg for leg in sized], 0)
        if n % 3:
            for a, expiry, strike in itertools.product(range(count), (NEAR, FAR), STRIKES):
                if rng.random() < .2:                           # some 3 to 4 options an asset
                    leg = (put if strike < 0 else call)(a, strike, expiry)
                    book = book + rng.standard_normal() * leg / market.deviation[a]
        add("random with options" if n % 3 else "random linear", book)
    return Books(np.array([name for name, _ in named]), np.stack([book for _, book in named], 1).astype(np.float32))
