"""Prices and people of one seed: doubles in, whole numbers out. The same seed is the same world, whatever the tiers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.cascades.parameters import UNIT, Cascade
from risk.exact.elementary import Floats, exp, log
from risk.exact.normal import normal_tail_inverse
from risk.exact.uniforms import uniforms

Integers = NDArray[np.int64]
DAY = 86_400
LARGEST_RISE = 8
"""No price may come to more than this many times its first one: int64 holds every sum of values then."""
LARGEST_VALUE, LARGEST_SUM = 1 << 49, 1 << 58
"""Of one account's positions, and of all; 10**-6 quote units."""
_HEDGE = 7_000
"""Value of a hedge over what it hedges, basis points."""


@dataclass(frozen=True)
class World:
    """prices : (blocks, assets), 10**-6 quote units a lot, nobody of these trading.

    cash : (accounts + 1,) 10**-6 quote units; lots : (accounts + 1, assets). The last one is the venue's market maker,
    who holds the other side of all: lots sum to 0.
    reserve : (accounts,) what an owner can top up with, 0 of those asleep.  reaction : (accounts,) blocks.
    latency : (liquidators,) blocks.  charges : (accounts, liquidators) reward asked for an account's lot, basis points.
    """

    prices: Integers
    cash: Integers
    lots: Integers
    reserve: Integers
    reaction: Integers
    latency: Integers
    charges: Integers


def draw(cascade: Cascade, seed: int) -> World:
    """The world of a seed.

    Raises
    ------
    BadInput : a seed that is none, or parameters that lead to values no int64 could sum.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 1 << 52:
        raise BadInput("seed", seed, "an integer in [0, 2**52)", source=cascade.source)
    prices = _prices(cascade, seed)
    cash, lots, equity = _accounts(cascade, seed)
    people, holders = cascade.population, cascade.liquidators
    awake, reaction = (uniforms(_stream(seed, k), (people.accounts,)) for k in (5, 6))
    latency = uniforms(_stream(seed, 7), (holders.count,))
    charges = uniforms(_stream(seed, 8), (people.accounts, holders.count))
    return World(
        prices, cash, lots, np.where(awake * UNIT < people.awake, equity * people.reserve // UNIT, 0),
        1 + np.floor(reaction * people.reaction).astype(np.int64),
        holders.latency_low + np.floor(latency * (holders.latency_high - holders.latency_low + 1)).astype(np.int64),
        holders.charge_low + np.floor(charges * (holders.charge_high - holders.charge_low + 1)).astype(np.int64))


def _stream(seed: int, number: int) -> int:
    return 16 * seed + number


def _normals(seed: int, shape: tuple[int, ...]) -> Floats:
    u = uniforms(seed, shape)
    size = normal_tail_inverse(np.minimum(u, 1.0 - u))
    return np.where(u < 0.5, -size, size)


def _prices(cascade: Cascade, seed: int) -> Integers:
    shock, assets = cascade.shock, cascade.assets
    common, own = _normals(_stream(seed, 0), (shock.blocks,)), _normals(_stream(seed, 1), (shock.blocks, len(assets)))
    severity = float(exp(shock.severity / UNIT * _normals(_stream(seed, 2), (1,)))[0])
    crash = np.zeros(shock.blocks, np.bool_)
    crash[shock.start:shock.start + shock.length] = True
    correlation = np.where(crash, shock.stressed, shock.correlation) / UNIT
    scale = np.where(crash, shock.volatility / UNIT, 1.0) * np.sqrt(shock.block_seconds / DAY)
    back = np.zeros(shock.blocks, np.bool_)
    back[shock.start + shock.length:shock.start + 2 * shock.length] = True
    paths = np.empty((shock.blocks, len(assets)), np.int64)
    for a, asset in enumerate(assets):
        noise = np.sqrt(correlation) * common + np.sqrt(1.0 - correlation) * own[:, a]
        fall = -log(np.array([1.0 - asset.fall / UNIT]))[0] * severity
        drift = np.where(crash, -fall, np.where(back, fall * (shock.rebound / UNIT), 0.0)) / shock.length
        steps = exp(drift + asset.volatility / UNIT * (scale * noise))
        price = float(asset.price)
        for block, step in enumerate(steps.tolist()):
            price = price * step
            if price > LARGEST_RISE * asset.price:
                raise BadInput(f"price of {asset.symbol} in block {block}", price,
                               f"at most {LARGEST_RISE} times the first one; lower shock.volatility or "
                               "the asset's volatility", source=cascade.source)
            paths[block, a] = max(1, round(price))
    return paths


def _accounts(cascade: Cascade, seed: int) -> tuple[Integers, Integers, Integers]:
    """cash and lots with the market maker's, equity of accounts."""
    people, assets = cascade.population, cascade.assets
    size = _normals(_stream(seed, 3), (people.accounts,))
    usage, which, side, other, hedged = uniforms(_stream(seed, 4), (5, people.accounts))
    equity = np.rint(people.equity * exp(people.equity_spread / UNIT * size))
    depths = [asset.depth for asset in assets]
    first, behind = np.zeros(people.accounts, np.int64), 0
    for a, depth in enumerate(depths[:-1]):                          # deep markets have more holders
        behind += depth
        first[which * sum_of(depths) >= behind] = a + 1
    second = (first + 1 + np.floor(other * max(len(assets) - 1, 1)).astype(np.int64)) % len(assets)
    rates = np.array([asset.maintenance / UNIT for asset in assets])
    ratio = np.where((hedged * UNIT < people.hedged) & (len(assets) > 1), _HEDGE / UNIT, 0.0)
    gross, net = rates[first] + ratio * rates[second], np.abs(rates[first] - ratio * rates[second])
    margin = (gross - cascade.market.netting / UNIT * (gross - net)) * (1.0 + cascade.tiers.initial / UNIT)
    used = (people.usage_low + usage * (people.usage_high - people.usage_low)) / UNIT
    value = np.where(side * UNIT < people.long, 1.0, -1.0) * (equity * used / margin)
    if (np.abs(value) * 2.0 > LARGEST_VALUE).any():
        raise BadInput("population.equity", people.equity, f"such that no account's positions come to {LARGEST_VALUE}"
                       " 10**-6 quote units; lower it, its spread, or usage", source=cascade.source)
    prices = np.array([asset.price for asset in assets], np.int64)
    lots = np.zeros((people.accounts + 1, len(assets)), np.int64)
    rows = np.arange(people.accounts)
    lots[rows, second] = np.rint(-ratio * value / prices[second]).astype(np.int64)
    lots[rows, first] += np.rint(value / prices[first]).astype(np.int64)
    whole = np.append(equity.astype(np.int64), 0)
    for a, column in enumerate(lots.T):
        if sum_of(np.abs(column).tolist()) * int(prices[a]) > LARGEST_SUM:
            raise BadInput("population.accounts", people.accounts, f"such that all positions in {assets[a].symbol} "
                           f"come to at most {LARGEST_SUM} 10**-6 quote units", source=cascade.source)
        lots[-1, a] = -sum_of(column.tolist())
    whole[-1] = sum_of(whole.tolist())
    cash = whole.copy()
    for a, price in enumerate(prices.tolist()):
        cash -= lots[:, a] * price
    return cash, lots, whole[:-1]


def sum_of(numbers: list[int]) -> int:
    """Of Python's integers, which do not overflow."""
    total = 0
    for number in numbers:
        total += number
    return total
