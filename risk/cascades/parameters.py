"""What a cascade is simulated from: whole numbers with bounds. Money in 10**-6 quote units, shares in basis points.

Every bound is checked when a dataclass is made, so no parameter is clamped later; the engine's int64 arithmetic rests
on them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from primitives.errors import BadInput
from risk.market.instruments import SYMBOL

UNIT = 10_000
"""Basis points of a whole."""
LARGEST_MONEY = 1 << 48
"""Of one account's equity, or what a liquidator or a tranche has: 281 million quote units."""
LARGEST_DEPTH = 1 << 52
MOST_ACCOUNTS, MOST_BLOCKS, MOST_ASSETS, MOST_LIQUIDATORS = 100_000, 20_000, 8, 50
LAWS = ("square-root", "linear", "constant-product")
TOXIC = "toxic-liquidation"
"""Name of the gate: closing makes an account worse."""


def bounded(low: int, high: int) -> Any:
    """A whole number in [low, high]."""
    return field(metadata={"bounds": (low, high)})


def require(parts: Any, place: str) -> None:
    """Refuse numbers of a dataclass that are none or out of their bounds.

    Raises
    ------
    BadInput : naming the field.
    """
    for one in fields(parts):
        if "bounds" in one.metadata:
            (low, high), value = one.metadata["bounds"], getattr(parts, one.name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise BadInput(f"{place}.{one.name}", value, f"an integer in [{low}, {high}]")


@dataclass(frozen=True)
class Asset:
    """An asset of linear positions.

    price : 10**-6 quote units a lot, at the start.  maintenance : basis points of a position's value.
    depth : 10**-6 quote units: what moves the market by `Market.slippage`; of a constant-product pool, its quote side.
    volatility : basis points a day.  fall : basis points that a crash of median severity takes off.
    """

    symbol: str
    price: int = bounded(1_000, 1 << 40)
    maintenance: int = bounded(10, 9_000)
    depth: int = bounded(10**9, LARGEST_DEPTH)
    volatility: int = bounded(0, 5_000)
    fall: int = bounded(0, 9_500)

    def __post_init__(self) -> None:
        require(self, f"asset {self.symbol!r}")
        if not isinstance(self.symbol, str) or not SYMBOL.fullmatch(self.symbol):
            raise BadInput("asset.symbol", self.symbol, "a symbol of letters, digits and . _ / -")


@dataclass(frozen=True)
class Market:
    """How prices answer orders, and what the oracle says of them.

    law : of what an order of value V costs. "square-root": slippage * sqrt(V / depth); "linear": slippage * V / depth;
        "constant-product": x y = k with `depth` on the quote side.
    slippage, permanent : basis points at V = depth; the latter stays in the price and is linear in V, as it must be if
        nobody can gain by trading back and forth (Huberman and Stanzl, Econometrica 72, 2004). A pool has neither.
    recovery : basis points of the displacement that go in a block.  capacity : of the depth, tradable in a block.
    netting : of offsets between assets, which the margin recognises.
    oracle_lag, oracle_every : blocks.
    """

    law: str
    slippage: int = bounded(0, 2_000)
    permanent: int = bounded(0, 2_000)
    recovery: int = bounded(0, UNIT)
    capacity: int = bounded(1, UNIT)
    netting: int = bounded(0, UNIT)
    oracle_lag: int = bounded(0, 1_000)
    oracle_every: int = bounded(1, 1_000)

    def __post_init__(self) -> None:
        require(self, "market")
        if self.law not in LAWS:
            raise BadInput("market.law", self.law, f"one of {', '.join(LAWS)}")
        if self.law == "constant-product" and self.capacity > UNIT // 2:
            raise BadInput("market.capacity", self.capacity, f"at most {UNIT // 2} of a pool: nobody buys it empty")


@dataclass(frozen=True)
class Shock:
    """What happens to prices without anybody of these trading.

    blocks, block_seconds : how long.  start, length : of the crash, blocks.
    severity : standard deviation of the crash's logarithmic size about its median, basis points.
    volatility : in the crash, basis points of the usual.  rebound : of the fall that comes back after it.
    correlation, stressed : of all pairs, before and in the crash; basis points.
    depth : in the crash, basis points of the usual.
    """

    blocks: int = bounded(1, MOST_BLOCKS)
    block_seconds: int = bounded(1, 3_600)
    start: int = bounded(0, MOST_BLOCKS)
    length: int = bounded(1, MOST_BLOCKS)
    severity: int = bounded(0, UNIT)
    volatility: int = bounded(0, 20 * UNIT)
    rebound: int = bounded(0, UNIT)
    correlation: int = bounded(0, UNIT)
    stressed: int = bounded(0, UNIT)
    depth: int = bounded(1, UNIT)

    def __post_init__(self) -> None:
        require(self, "shock")


@dataclass(frozen=True)
class Population:
    """Who is at the venue.

    accounts : how many.  equity, equity_spread : median, and log standard deviation in basis points.
    usage_low, usage_high : initial margin over equity at the start, evenly between, basis points.
    long : accounts that are long, basis points.  hedged : accounts with a second asset against the first.
    awake : owners who top up, once called, if their reserve reaches; `reserve` is of the equity; `reaction`: blocks at
        most, evenly.
    """

    accounts: int = bounded(1, MOST_ACCOUNTS)
    equity: int = bounded(10**6, 1 << 42)
    equity_spread: int = bounded(0, 20_000)
    usage_low: int = bounded(1, UNIT)
    usage_high: int = bounded(1, UNIT)
    long: int = bounded(0, UNIT)
    hedged: int = bounded(0, UNIT)
    awake: int = bounded(0, UNIT)
    reserve: int = bounded(0, 10 * UNIT)
    reaction: int = bounded(1, MOST_BLOCKS)

    def __post_init__(self) -> None:
        require(self, "population")
        if self.usage_low > self.usage_high:
            raise BadInput("population.usage_low", self.usage_low, f"at most usage_high, {self.usage_high}")


@dataclass(frozen=True)
class Liquidators:
    """Who closes for a reward and buys lots, each for her own gain.

    capital : each.  latency_low, latency_high : blocks.  inventory : largest value of positions, basis points of the
    capital.  charge_low, charge_high : reward for bearing the risk, basis points of what is taken.
    gas : of one action, 10**-6 quote units.  unwind : a share 1 / unwind of her positions is sold in a block.
    """

    count: int = bounded(0, MOST_LIQUIDATORS)
    capital: int = bounded(0, LARGEST_MONEY)
    latency_low: int = bounded(0, 1_000)
    latency_high: int = bounded(0, 1_000)
    inventory: int = bounded(0, 100 * UNIT)
    charge_low: int = bounded(0, 5_000)
    charge_high: int = bounded(0, 5_000)
    gas: int = bounded(0, 1 << 40)
    unwind: int = bounded(1, MOST_BLOCKS)

    def __post_init__(self) -> None:
        require(self, "liquidators")
        for low, high in (("latency_low", "latency_high"), ("charge_low", "charge_high")):
            if getattr(self, low) > getattr(self, high):
                raise BadInput(f"liquidators.{low}", getattr(self, low), f"at most {high}, {getattr(self, high)}")


@dataclass(frozen=True)
class Fund:
    """Tranches and what the shared one pays at most: for an account, under an epoch, in a day, as InsuranceFund.sol.

    venue : the venue's own tranche, first.  bond : its free bond, which bounds the shared tranche's part, too.
    """

    venue: int = bounded(0, LARGEST_MONEY)
    shared: int = bounded(0, LARGEST_MONEY)
    bond: int = bounded(0, LARGEST_MONEY)
    account: int = bounded(0, LARGEST_MONEY)
    epoch: int = bounded(0, LARGEST_MONEY)
    day: int = bounded(0, LARGEST_MONEY)

    def __post_init__(self) -> None:
        require(self, "fund")


@dataclass(frozen=True)
class Tiers:
    """What stands between a call and a deficit. Without `partial` and `auction`: all is sold at the market at once.

    partial : T1, the venue closes what restores initial margin.  auction : T2, the rest is sold as a lot; else at the
    market.  sealed : bids; else an open, rising auction.
    fund : T3.  haircut : T4, of a gain at most, basis points.
    initial : initial margin over maintenance margin, basis points; concession, standing: psi and phi of
    docs/liquidation.md.  penalty : of a market close's value, to who closes.
    owner, venue, auction_time, epoch_blocks : blocks.
    """

    partial: bool
    auction: bool
    sealed: bool
    fund: Fund
    haircut: int = bounded(0, UNIT)
    initial: int = bounded(0, 5 * UNIT)
    concession: int = bounded(0, UNIT)
    standing: int = bounded(0, UNIT)
    penalty: int = bounded(0, 5_000)
    owner: int = bounded(0, MOST_BLOCKS)
    venue: int = bounded(0, MOST_BLOCKS)
    auction_time: int = bounded(1, MOST_BLOCKS)
    epoch_blocks: int = bounded(1, MOST_BLOCKS)

    def __post_init__(self) -> None:
        require(self, "tiers")
        for name in ("partial", "auction", "sealed"):
            if not isinstance(getattr(self, name), bool):
                raise BadInput(f"tiers.{name}", getattr(self, name), "true or false")


@dataclass(frozen=True)
class Cascade:
    """All of it. accept : gates passed over, by name, each with the reason.

    Raises
    ------
    BadInput : a number out of bounds, a crash beyond the end, or the gate `toxic-liquidation`.
    """

    name: str
    assets: tuple[Asset, ...]
    market: Market
    shock: Shock
    population: Population
    liquidators: Liquidators
    tiers: Tiers
    accept: Mapping[str, str] = field(default_factory=dict)
    source: str | Path | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.assets) <= MOST_ASSETS:
            raise BadInput("assets", len(self.assets), f"1 to {MOST_ASSETS} of them", source=self.source)
        symbols = [asset.symbol for asset in self.assets]
        if len(set(symbols)) < len(symbols):
            raise BadInput("assets", symbols, "named once each", source=self.source)
        if self.shock.start + self.shock.length > self.shock.blocks:
            raise BadInput("shock.start", self.shock.start, "such that the crash ends within `blocks`",
                           source=self.source)
        for name, reason in self.accept.items():
            if name != TOXIC or not reason.strip():
                raise BadInput(f"accept.{name}", reason, f"a reason, for the gate {TOXIC}", source=self.source)
        for asset in self.assets:
            if TOXIC not in self.accept and close_cost(self.market, self.tiers) >= asset.maintenance:
                raise BadInput(f"gate {TOXIC}: cost of a close", close_cost(self.market, self.tiers),
                               f"below the maintenance margin of {asset.symbol}, {asset.maintenance} basis points: "
                               "else closing leaves an account worse than before", source=self.source)


def close_cost(market: Market, tiers: Tiers) -> int:
    """What closing costs in basis points of the value closed, rounded up, where a block's whole capacity is taken.

    Selling a share x of value W at cost c leaves equity E - c x W over margin r (1 - x) W, which is less healthy than
    E / (r W) if and only if c > E / W. At a call E / W is the maintenance rate, so a cost of that rate or more never
    heals: in terms of a loan, LTV >= 1 / (1 + i) (Warmuz, Chaudhary and Pinna, arXiv 2212.07306).
    """
    return tiers.penalty + (slippage(market, market.capacity * 10**9 // UNIT, 10**9, buys=True) + 99_999) // 100_000


def slippage(market: Market, value: int, depth: int, *, buys: bool = False) -> int:
    """Average cost of an order of `value`, in 10**-9 of the price; both in the same unit, `value` at least 0."""
    if market.law == "constant-product":
        return 10**9 * value // (depth - value if buys else depth + value)
    half = market.permanent * 50_000 * value // depth            # on average half of what stays was paid
    if market.law == "linear":
        return market.slippage * 100_000 * value // depth + half
    return market.slippage * 100_000 * math.isqrt(10**12 * value // depth) // 10**6 + half


def price_factor(market: Market, value: int, depth: int, *, buys: bool, factor: int) -> int:
    """The market's price over the exogenous one after an order of `value`, in 10**-9; `factor` is that before."""
    if market.law == "constant-product":
        end = depth - value if buys else depth + value
        return factor * depth * depth // (end * end)
    stays = market.permanent * 100_000 * value // depth
    return factor * (10**9 + stays if buys else 10**9 - stays) // 10**9
