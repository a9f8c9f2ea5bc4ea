"""Greeks of portfolios: by position, by asset, netted over the protocols that they lie at, vega by expiry, and what
the time until a liquidation is over takes without any move.

Raw Greeks of two assets do not add up; in units they do, being money: of a move of 1 % of each spot, of one point
(0.01) of each volatility, of a day, of 1 % of each rate. With x in per cent, y in points and t in days a book gains

    delta x + gamma x**2 / 2 + vega y + vanna x y + volga y**2 / 2 + theta t

to the second order, so gamma is what delta gains per per cent, vanna what vega gains per per cent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.exact.clock import DAY, YEAR
from risk.greeks.closed import NAMES
from risk.greeks.lots import LotGreeks, lot_greeks
from risk.greeks.smile import SmileDeltas, smile_deltas
from risk.margins.contributions import UNDATED, Positions, asset_and_expiry, label
from risk.margins.shocks import Market
from risk.valuation.revaluation import value_changes

Floats = NDArray[np.float64]
LONGEST_WINDOW = 366 * DAY


@dataclass(frozen=True, eq=False)
class Sensitivities:
    """Greeks of something held, columns as `NAMES`: (8,) each.

    raw : per unit of the underlying's price, of volatility, of a year, of a rate; of one asset alone, else nothing.
    units : quote units per 1 %, per point, per day; see the module.  bumped : the same by bump.
    """

    raw: Floats
    units: Floats
    bumped: Floats

    @property
    def difference(self) -> Floats:
        """What closed form and bump differ by, in units: (8,)."""
        return np.abs(self.units - self.bumped)

    def of(self, name: str) -> float:
        """A Greek in units."""
        return float(self.units[NAMES.index(name)])

    @classmethod
    def netted(cls, parts: Iterable[Sensitivities]) -> Sensitivities:
        """The sum; what nothing is in has none."""
        every = list(parts)

        def total(name: str) -> Floats:
            return np.array([math.fsum(float(getattr(part, name)[i]) for part in every) for i in range(len(NAMES))])

        return cls(total("raw"), total("units"), total("bumped"))


@dataclass(frozen=True, eq=False)
class Held:
    """A position of some protocol.

    expiry : as `risk.margins.contributions` names it.  lot : Greeks of one lot.  held : of all of them.
    roll : what it gains while the window passes and nothing moves, 10**-6 quote units.
    inside : whether it expires before the horizon is over.  ends : whether within the window.
    brief : whether it lives for less than a day, so that its theta a day is more than time can take.
    smile : of all of them, delta with the smile per 1 % of the spot, by closed form and by bump; None where the
        volatility stays with the strike.
    """

    protocol: str
    name: str
    asset: str
    expiry: str
    lots: int
    lot: Sensitivities
    held: Sensitivities
    roll: int
    inside: bool
    ends: bool
    brief: bool
    smile: tuple[float, float] | None = None


@dataclass(frozen=True)
class VegaOfExpiry:
    """vega : quote units per point, netted.  protocols : of each that has options of this expiry."""

    asset: str
    expiry: str
    vega: float
    protocols: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Offset:
    """Of a sum with signs: how much of what is in it cancels.

    gross : sum of absolute parts.  net : of the sum, with its sign.
    """

    gross: float
    net: float

    @property
    def offset(self) -> float:
        """Never negative."""
        return max(0.0, self.gross - abs(self.net))

    @property
    def share(self) -> float:
        """Of the gross amount; 0 where there is nothing."""
        return self.offset / self.gross if self.gross else 0.0

    @classmethod
    def of(cls, parts: Sequence[float]) -> Offset:
        return cls(math.fsum(map(abs, parts)), math.fsum(parts))


@dataclass(frozen=True, eq=False)
class Exposures:
    """Of all portfolios at once.

    window : seconds of `roll`.
    assets : by asset, netted over protocols, in the order of the epoch.  protocols : by protocol and asset.
    total : of all, in units; raw it means nothing.
    expiries : vega of each asset and expiry that has options.
    across_expiries : of the vega of each asset, and of "all": what expiries offset, after each is netted in itself.
    across_protocols : of the delta of each asset: what protocols offset.
    smile : delta with the smile of each asset that has options of which it is another, of all that is held in it: per
        1 % of the spot, by closed form and by bump (`risk.greeks.smile`).
    """

    window: int
    held: tuple[Held, ...]
    assets: dict[str, Sensitivities]
    protocols: dict[str, dict[str, Sensitivities]]
    total: Sensitivities
    expiries: tuple[VegaOfExpiry, ...]
    across_expiries: dict[str, Offset]
    across_protocols: dict[str, Offset]
    smile: dict[str, tuple[float, float]]

    @property
    def roll(self) -> int:
        """What all gain while the window passes, 10**-6 quote units."""
        total = 0
        for one in self.held:
            total += one.roll
        return total


def exposures(market: Market, portfolios: Sequence[tuple[str, Positions]], *, window: int | None = None) -> Exposures:
    """Greeks of portfolios, each at a protocol of its name.

    Parameters
    ----------
    window : seconds until a liquidation is over; by default the epoch's horizon.

    Raises
    ------
    BadInput : two protocols of one name; a window that is not in [0, 366 days]; from `lot_greeks`.
    """
    names = [name for name, _ in portfolios]
    if len(set(names)) != len(names):
        raise BadInput("protocols", ", ".join(names), "named differently")
    passing = horizon_seconds(market) if window is None else window
    if not 0 <= passing <= LONGEST_WINDOW:
        raise BadInput("window", passing, f"seconds in [0, {LONGEST_WINDOW}]")
    lots, rolled = lot_greeks(market), rolls(market, passing)
    moving = smile_deltas(market, lots)
    held = tuple(_held(market, lots, rolled, moving, passing, protocol, row, count)
                 for protocol, positions in portfolios for row, count in positions)
    assets = [asset for asset in market.epoch.header.underlyings if any(one.asset == asset for one in held)]
    by_asset = {asset: Sensitivities.netted(one.held for one in held if one.asset == asset) for asset in assets}
    by_protocol = {name: {asset: Sensitivities.netted(one.held for one in held
                                                      if one.asset == asset and one.protocol == name)
                          for asset in assets if any(one.asset == asset and one.protocol == name for one in held)}
                   for name in names}
    total = Sensitivities.netted(by_asset.values())
    expiries = tuple(_vegas(held, assets))
    across = {asset: Offset.of([one.vega for one in expiries if one.asset == asset]) for asset in assets
              if any(one.asset == asset for one in expiries)}
    if len(across) > 1:
        across["all"] = Offset.of([one.vega for one in expiries])
    deltas = {asset: Offset.of([own[asset].of("delta") for own in by_protocol.values() if asset in own])
              for asset in assets}
    return Exposures(passing, held, by_asset, by_protocol,
                     replace(total, raw=np.full(len(NAMES), np.nan)), expiries, across, deltas,
                     {asset: _with_smile([one for one in held if one.asset == asset]) for asset in assets
                      if any(one.asset == asset and one.smile is not None for one in held)})


def _with_smile(held: Sequence[Held]) -> tuple[float, float]:
    """Sum of deltas, with the smile where there is one."""
    own = [(one.held.of("delta"),) * 2 if one.smile is None else one.smile for one in held]
    return math.fsum(closed for closed, _ in own), math.fsum(bumped for _, bumped in own)


def horizon_seconds(market: Market) -> int:
    """The epoch's horizon by the clock that options age by, seconds."""
    return round(market.model.horizon / market.model.steps_per_year * YEAR)


def rolls(market: Market, window: int) -> NDArray[np.int64]:
    """What a lot of each listing gains while `window` seconds pass and neither spots nor volatilities move: int64 (n,),
    10**-6 quote units. What expires meanwhile is worth its pay-off at the spot.

    It is the revaluation that scenarios have, of one in which nothing happens.
    """
    model = replace(market.model, horizon=1, steps_per_year=YEAR / window) if window else \
        replace(market.model, horizon=0)
    changes: NDArray[np.int64] = value_changes(market.book, model, market.calibration,
                                               market.scenarios([{}]))[:, 0]
    return changes


def _held(market: Market, lots: LotGreeks, rolled: NDArray[np.int64], moving: SmileDeltas | None, window: int,
          protocol: str, row: int, count: int) -> Held:
    listing = market.listing(row)
    instrument = market.book.listings[listing].instrument
    asset, expiry = asset_and_expiry(market.epoch, row)
    spot = float(lots.spots[listing])
    one = Sensitivities(lots.closed[listing], in_units(lots.closed[listing], spot),
                        in_units(lots.bumped[listing], spot))
    every = Sensitivities(*(count * column + 0.0 for column in (one.raw, one.units, one.bumped)))   # no zero is -0
    percent = 0.01 * spot * count
    smile = None if moving is None or not moving.floats[listing] else (
        percent * float(moving.closed[listing]), percent * float(moving.bumped[listing]))
    left = 0 if instrument.expiry is None else instrument.expiry - market.book.valuation
    return Held(protocol, label(market.epoch, row), asset, expiry, count, one, every, count * int(rolled[listing]),
                bool(lots.inside[listing]), 0 < left <= window, 0 < left < DAY, smile)


def in_units(raw: Floats, spot: float) -> Floats:
    """Raw Greeks of one asset in quote units per 1 %, point and day: (..., 8) -> (..., 8)."""
    percent, point = 0.01 * spot, 0.01
    scale = np.array([percent, percent * percent, point, percent * point, point * point, 1.0 / 365.0, point, point])
    return raw * scale


def _vegas(held: Sequence[Held], assets: Sequence[str]) -> Iterable[VegaOfExpiry]:
    for asset in assets:
        own = [one for one in held if one.asset == asset and one.expiry != UNDATED and one.held.of("vega") != 0.0]
        for expiry in sorted({one.expiry for one in own}):
            of_protocol = [(name, math.fsum(one.held.of("vega") for one in own
                                            if one.protocol == name and one.expiry == expiry))
                           for name in dict.fromkeys(one.protocol for one in own if one.expiry == expiry)]
            yield VegaOfExpiry(asset, expiry, math.fsum(vega for _, vega in of_protocol), tuple(of_protocol))
