"""What is charged beside Expected Shortfall, as rules: a model file's tables under `[addons]`, each by itself, none by
default. What they are applied to, the book states (`risk.market.liquidity`); `risk.addons` has the formulas.

    [addons.lag]                               # from the call of an account until it is closed
    heartbeat_seconds = 3600                   # the oracle's, at most
    keeper_seconds = 600
    blocks = 20
    block_seconds = 12
    window_seconds = 600                       # what scenarios are of; only where the horizon is 0, as of a scan

    [addons.gas]
    units = 900000                             # of closing one position
    least_lots = 1                             # [1] the smallest position that this pays for

    [addons.impact]                            # half spread, and the square-root law
    coefficient = 1.0                          # Y
    deviations = {BTC = 0.04}                  # a day's, by asset; only of a handwritten set, which forecasts none

    [addons.concentration]
    participation = 0.1                        # of a day's volume, that closing may take

    [addons.basis]
    base = 0.0225                              # of spot
    per_year = 0.09                            # of spot, for a year to expiry

    [addons.confidence]
    threshold = 0.55
    factor = 1.0
    scope = "epoch"                            # or "underlying": whose feeds the lowest is taken over

    [addons.depeg]
    threshold = 0.98
    factor = 2.0

    [addons.short_options]
    rate = 0.003                               # of spot
    tiers = [{above = 0, multiple = 1}, {above = 10000, multiple = 2}]         # [one] by raw charge in quote units
    positions = 64                             # [64] how many positions of the largest size are charged together

    [addons.open_interest]
    BTC = {lower = 2e9, upper = 5e9}           # quote units, of all kinds together

    [addons.wrong_way]
    TOKEN = {recovery = 0.1}                   # what is left of it if the venue whose own it is fails

Numbers are read as the shortest decimals of their doubles, which is what somebody wrote: 0.003 is three thousandths.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from primitives.errors import BadInput, Said
from primitives.jsonio import Node
from risk.exact.clock import DAY

TABLES = ("lag", "gas", "impact", "concentration", "basis", "confidence", "depeg", "short_options", "open_interest",
          "wrong_way")
EPOCH, UNDERLYING = "epoch", "underlying"
MOST_SLOTS = 64
"""Positions of the largest portfolio that a statement has slots for."""
_LARGEST_DELAY = 30 * DAY
_LARGEST_CAP = 1e18


@dataclass(frozen=True)
class Lag:
    """seconds : from the call until the close.  window : seconds that scenarios are of; None where the horizon says
    so."""

    seconds: int
    window: int | None


@dataclass(frozen=True)
class Gas:
    """units : of gas, to close a position.  least_lots : the smallest position that pays for all of it."""

    units: int
    least_lots: int


@dataclass(frozen=True)
class Impact:
    """coefficient : Y of the square-root law.  deviations : a day's, by asset, where the model forecasts none."""

    coefficient: Fraction
    deviations: Mapping[str, Fraction] | None


@dataclass(frozen=True)
class BasisRule:
    """base : fraction of spot.  per_year : the same, for a year to expiry."""

    base: Fraction
    per_year: Fraction


@dataclass(frozen=True)
class Confidence:
    """Below the threshold, factor x (1 - confidence) of spot.  scope : whose feeds the lowest is taken over."""

    threshold: Fraction
    factor: Fraction
    scope: str


@dataclass(frozen=True)
class Depeg:
    """Below the threshold, factor x (threshold - price) of spot."""

    threshold: Fraction
    factor: Fraction


@dataclass(frozen=True)
class ShortOptions:
    """rate : fraction of spot.  tiers : (raw charge in quote units from which on it counts, multiple), rising from 0.
    positions : of the largest size, charged together."""

    rate: Fraction
    tiers: tuple[tuple[Fraction, Fraction], ...]
    positions: int

    def multiple(self, raw: Fraction) -> Fraction:
        """Of the tier that a raw charge, in quote units, lies in: above its start, as OKX writes it."""
        return max((multiple for start, multiple in self.tiers if raw > start), default=self.tiers[0][1])


@dataclass(frozen=True)
class Caps:
    """Quote units of open interest, lower < upper: margins rise from where they are to the whole notional."""

    lower: Fraction
    upper: Fraction


@dataclass(frozen=True)
class AddonRules:
    """A model file's tables; None, or no asset, where one is not used."""

    lag: Lag | None = None
    gas: Gas | None = None
    impact: Impact | None = None
    concentration: Fraction | None = None
    basis: BasisRule | None = None
    confidence: Confidence | None = None
    depeg: Depeg | None = None
    short_options: ShortOptions | None = None
    open_interest: Mapping[str, Caps] | None = None
    wrong_way: Mapping[str, Fraction] | None = None

    @property
    def any(self) -> bool:
        """Whether there is a rule at all."""
        return any(getattr(self, name) is not None for name in TABLES)


NO_RULES = AddonRules()


def parse_addons(node: Node, assets: tuple[str, ...], *, horizon: int, handwritten: bool) -> AddonRules:
    """Read the tables.

    Parameters
    ----------
    horizon : of the model, in steps.  handwritten : whether its scenarios are written down, so that none forecasts.

    Raises
    ------
    BadInput : naming file and field: unknown or missing keys, numbers out of bounds, an asset that is not the model's,
        tiers or caps that do not rise.
    """
    given = node.object((), TABLES)
    if not given:
        raise node.refuse("at least one of the tables " + ", ".join(TABLES))
    lag = _lag(given["lag"], horizon) if "lag" in given else None
    concentration = _exact(given["concentration"].object({"participation"})["participation"], 1e-6, 1.0) \
        if "concentration" in given else None
    if concentration is not None and lag is None:
        raise given["concentration"].refuse("given beside [addons.lag]: closing takes longer than that")
    return AddonRules(
        lag=lag, concentration=concentration, gas=_gas(given["gas"]) if "gas" in given else None,
        impact=_impact(given["impact"], assets, handwritten=handwritten) if "impact" in given else None,
        basis=_basis(given["basis"]) if "basis" in given else None,
        confidence=_confidence(given["confidence"]) if "confidence" in given else None,
        depeg=_depeg(given["depeg"]) if "depeg" in given else None,
        short_options=_short_options(given["short_options"]) if "short_options" in given else None,
        open_interest=_caps(given["open_interest"], assets) if "open_interest" in given else None,
        wrong_way=_recoveries(given["wrong_way"], assets) if "wrong_way" in given else None)


def _exact(node: Node, low: float, high: float) -> Fraction:
    return Fraction(repr(node.number(low, high)))


def _lag(node: Node, horizon: int) -> Lag:
    parts = node.object({"heartbeat_seconds", "keeper_seconds", "blocks", "block_seconds"}, {"window_seconds"})
    if ("window_seconds" in parts) != (horizon == 0):
        raise BadInput(f"{node.field}.window_seconds", parts["window_seconds"].value if "window_seconds" in parts
                       else None, "given: scenarios of an instant say nothing of time" if horizon == 0 else
                       "absent: the horizon says it", source=node.source)
    heartbeat, keeper = (parts[name].integer(0, _LARGEST_DELAY) for name in ("heartbeat_seconds", "keeper_seconds"))
    seconds = heartbeat + keeper + parts["blocks"].integer(0, 10**6) * parts["block_seconds"].integer(1, 3600)
    if not 0 < seconds <= _LARGEST_DELAY:
        raise BadInput(node.field, Said(f"{seconds} s"), f"above 0 and at most {_LARGEST_DELAY} s, all together",
                       source=node.source)
    return Lag(seconds, parts["window_seconds"].integer(1, 60 * DAY) if "window_seconds" in parts else None)


def _gas(node: Node) -> Gas:
    parts = node.object({"units"}, {"least_lots"})
    return Gas(parts["units"].integer(1, 10**9), parts["least_lots"].integer(1, 2**40 - 1)
               if "least_lots" in parts else 1)


def _impact(node: Node, assets: tuple[str, ...], *, handwritten: bool) -> Impact:
    parts = node.object({"coefficient"}, {"deviations"})
    if ("deviations" in parts) != handwritten:
        raise BadInput(f"{node.field}.deviations", parts["deviations"].value if "deviations" in parts else None,
                       "given: a set that is written down forecasts none" if handwritten else
                       "absent: the model forecasts them", source=node.source)
    deviations = {asset: _exact(value, 1e-6, 10.0) for asset, value in parts["deviations"].object(assets).items()} \
        if handwritten else None
    return Impact(_exact(parts["coefficient"], 0.0, 100.0), deviations)


def _basis(node: Node) -> BasisRule:
    parts = node.object({"base", "per_year"})
    return BasisRule(_exact(parts["base"], 0.0, 1.0), _exact(parts["per_year"], 0.0, 10.0))


def _confidence(node: Node) -> Confidence:
    parts = node.object({"threshold", "factor", "scope"})
    return Confidence(_exact(parts["threshold"], 0.0, 1.0), _exact(parts["factor"], 0.0, 10.0),
                      parts["scope"].choice({EPOCH, UNDERLYING}))


def _depeg(node: Node) -> Depeg:
    parts = node.object({"threshold", "factor"})
    return Depeg(_exact(parts["threshold"], 0.0, 1.0), _exact(parts["factor"], 0.0, 100.0))


def _short_options(node: Node) -> ShortOptions:
    parts = node.object({"rate"}, {"tiers", "positions"})
    tiers = [(Fraction(0), Fraction(1))]
    if "tiers" in parts:
        tiers = []
        for entry in parts["tiers"].array(at_least=1, at_most=64):
            tier = entry.object({"above", "multiple"})
            tiers.append((_exact(tier["above"], 0.0, _LARGEST_CAP), _exact(tier["multiple"], 1.0, 1000.0)))
        if tiers[0][0] != 0 or any(one[0] >= other[0] or one[1] > other[1] for one, other
                                   in itertools.pairwise(tiers)):
            raise parts["tiers"].refuse("rising from a raw charge of 0, with multiples that do not fall")
    return ShortOptions(_exact(parts["rate"], 0.0, 1.0), tuple(tiers), parts["positions"].integer(1, MOST_SLOTS)
                        if "positions" in parts else MOST_SLOTS)


def _caps(node: Node, assets: tuple[str, ...]) -> dict[str, Caps]:
    found = {}
    for asset, entry in _by_asset(node, assets).items():
        parts = entry.object({"lower", "upper"})
        caps = Caps(*(_exact(parts[name], 0.0, _LARGEST_CAP) for name in ("lower", "upper")))
        if caps.upper <= caps.lower:
            raise parts["upper"].refuse("above lower")
        found[asset] = caps
    return found


def _recoveries(node: Node, assets: tuple[str, ...]) -> dict[str, Fraction]:
    return {asset: _exact(entry.object({"recovery"})["recovery"], 0.0, 1.0)
            for asset, entry in _by_asset(node, assets).items()}


def _by_asset(node: Node, assets: tuple[str, ...]) -> dict[str, Node]:
    given = node.object((), assets)
    if not given:
        raise node.refuse("of at least one asset")
    return given
