"""One cascade, block by block, in whole numbers: calls, cures, closes, lots, the fund, and who pays for what remains.

In a block, in this order: prices; calls and cures by the oracle's prices; owners who top up; orders of everybody,
filled at the market within its capacity, oldest call first; lots that are due; losses; the ledger's check.

Rows of holders: accounts, the venue's market maker, liquidators, and last the fund's agent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.cascades.bids import Bidder, open_price, sealed_price
from risk.cascades.draws import LARGEST_RISE, World
from risk.cascades.fund import Tranches, haircut
from risk.cascades.ledger import Integers, Ledger, total
from risk.cascades.parameters import UNIT, Cascade, price_factor, slippage

DAY = 86_400
STEP = 100
"""Of an open auction, basis points of the larger of margin and equity, as AuctionHouse.sol's blind bids."""
_WHOLE = 20
_SMALL = 1 << 47
"""Shares of a position are in 2**-20."""


@dataclass(frozen=True)
class Path:
    """Block by block. prices, oracle : (blocks, assets), 10**-6 quote units a lot.

    called, lots : (blocks,) accounts under a call, and on sale.  sold : (blocks,) value sold or bought in forced
    closes so far.  fund, haircut, deficit, under_water : (blocks,) what tranches hold, gains lost, nobody paid so far,
    and accounts now lack; 10**-6 quote units, as doubles hold them exactly up to 2**53 and int64 throughout.
    """

    prices: Integers
    oracle: Integers
    called: Integers
    lots: Integers
    sold: Integers
    fund: Integers
    haircut: Integers
    deficit: Integers
    under_water: Integers


@dataclass(frozen=True)
class Result:
    """How it ended; money in 10**-6 quote units.

    bad_debt : what others than owners and liquidators lost: fund_loss + haircut + deficit + under_water.
    fund_loss : what the tranches and the fund's agent have less than at the start, 0 if they have more.
    under_water : what accounts and liquidators lack at the market's last prices, whom nobody has closed.
    drawn : paid out of the tranches.  called, partly, closed, sold_lots, agent_lots, cured : accounts.
    forced : value of forced closes at the market.  penalties : paid to who closed.
    lowest : (assets,) basis points of the exogenous price that the market came to at the lowest.
    healed, harmed : closes of a part after which an account was as healthy or healthier, or less.
    """

    bad_debt: int
    fund_loss: int
    haircut: int
    deficit: int
    under_water: int
    drawn: int
    called: int
    partly: int
    closed: int
    sold_lots: int
    agent_lots: int
    cured: int
    forced: int
    penalties: int
    lots_price: int
    lowest: tuple[int, ...]
    healed: int
    harmed: int
    path: Path


def simulate(cascade: Cascade, world: World, *, watch: Callable[[int, Ledger], None] | None = None) -> Result:
    """Play one cascade.

    Parameters
    ----------
    world : `draws.draw(cascade, seed)`.
    watch : called in every block with its number and the ledger, before that is checked.

    Raises
    ------
    BadInput : forced purchases drive a price beyond eight times the first one.
    LedgerBroken : money or lots were not conserved: a defect.
    """
    run = _Run(cascade, world)
    for block in range(cascade.shock.blocks):
        run.block(block)
        if watch is not None:
            watch(block, run.ledger)
        run.ledger.check(block)
        run.note(block)
    return run.result()


class _Run:
    def __init__(self, cascade: Cascade, world: World) -> None:
        people, holders = cascade.population.accounts, cascade.liquidators.count
        self.now = 0
        self.cascade, self.world, self.n, self.m = cascade, world, people, holders
        self.rows = people + 1 + holders + 1
        self.agent = self.rows - 1
        assets = len(cascade.assets)
        cash, lots = np.zeros(self.rows, np.int64), np.zeros((self.rows, assets), np.int64)
        cash[:people + 1], lots[:people + 1] = world.cash, world.lots
        cash[people + 1:self.agent] = cascade.liquidators.capital
        fund = cascade.tiers.fund
        self.ledger = Ledger(cash, lots, np.zeros(assets, np.int64), fund.venue, fund.shared)
        self.tranches = Tranches(fund, self.ledger, max(1, DAY // cascade.shock.block_seconds),
                                 cascade.tiers.epoch_blocks)
        self.rates = [asset.maintenance for asset in cascade.assets]
        self.factor = [10**9] * assets
        self.cost = [0] * assets                        # of the last block's orders, 10**-9 of the price
        self.called, self.due = np.full(people, -1, np.int64), np.full(people, -1, np.int64)
        self.reserve = world.reserve.copy()
        self.basis = self.values(world.prices[0])[:people + 1].copy()      # what gains are counted from
        self.charged = np.zeros(people + 1, np.int64)
        self.conceded, self.deposited = np.zeros(people, np.int64), np.maximum(self.basis[:people], 0)
        self.ever, self.parted = np.zeros(people, np.bool_), np.zeros(people, np.bool_)
        self.history = np.zeros((cascade.shock.blocks, assets), np.int64)
        self.tally = dict.fromkeys(("haircut", "drawn", "closed", "sold_lots", "agent_lots", "cured", "forced",
                                    "penalties", "lots_price", "healed", "harmed"), 0)
        self.series: dict[str, list[int]] = {name: [] for name in (
            "called", "lots", "sold", "fund", "haircut", "deficit", "under_water")}
        self.oracles = np.zeros_like(self.history)
        self.lowest = [UNIT] * assets
        self.start = fund.venue + fund.shared
        self.fastest = int(np.argmin(world.latency)) if holders else -1

    # -- what things are worth ----------------------------------------------------------------------------------------
    def values(self, prices: Integers) -> Integers:
        """(rows,) equity of all, 10**-6 quote units."""
        return self.ledger.cash + _values(self.ledger.lots, prices)

    def margins(self, lots: Integers, prices: Integers) -> Integers:
        """(rows,) maintenance margins of rows of lots, rounded up."""
        gross, net = np.zeros(len(lots), np.int64), np.zeros(len(lots), np.int64)
        for a, rate in enumerate(self.rates):
            signed = lots[:, a] * prices[a]
            part = _share(np.abs(signed), rate, up=True)
            gross += part
            net += np.where(signed < 0, -part, part)
        return gross - _share(gross - np.abs(net), self.cascade.market.netting)

    def initial(self, margins: Integers) -> Integers:
        return margins + _share(margins, self.cascade.tiers.initial, up=True)

    # -- a block ------------------------------------------------------------------------------------------------------
    def block(self, t: int) -> None:
        self.now = t
        market, tiers = self.cascade.market, self.cascade.tiers
        for a in range(len(self.factor)):
            self.factor[a] += (10**9 - self.factor[a]) * market.recovery // UNIT
        self.reprice(t)
        seen = max(0, t - market.oracle_lag)
        oracle = self.oracles[t] = self.history[seen - seen % market.oracle_every]
        equity = self.values(oracle)[:self.n]
        held = self.ledger.lots[:self.n]
        margin = self.margins(held, oracle)
        wanted = self.initial(margin)
        self.call(t, equity, margin, wanted)
        self.top_up(t, equity, wanted)
        age = np.where(self.called >= 0, t - self.called, -1)
        orders, parts = self.orders(t, age, equity, wanted, oracle)
        since = np.full(self.rows, t, np.int64)
        since[:self.n] = np.where(self.called >= 0, self.called, t)
        before = equity[parts], margin[parts]
        filled, averages = self.execute(orders, since)
        self.after(filled, averages, oracle, parts, before)
        self.reprice(t)
        opened = (age >= tiers.owner + tiers.venue) & (self.due < 0) & _holds(held) if tiers.auction else None
        if opened is not None:
            self.due[opened] = t + tiers.auction_time
        for row in np.flatnonzero(self.due == t).tolist():
            self.sell(row, t, oracle)
        self.losses(t)

    def depth(self, a: int) -> int:
        """Of an asset's market now, 10**-6 quote units."""
        shock = self.cascade.shock
        thin = shock.start <= self.now < shock.start + shock.length
        return self.cascade.assets[a].depth * (shock.depth if thin else UNIT) // UNIT

    def reprice(self, t: int) -> None:
        for a, (asset, factor) in enumerate(zip(self.cascade.assets, self.factor, strict=True)):
            price = max(1, int(self.world.prices[t, a]) * factor // 10**9)
            if price > LARGEST_RISE * asset.price:       # int64 would not hold every sum of values any more
                raise BadInput(f"price of {asset.symbol} in block {t}", price, f"at most {LARGEST_RISE} times the "
                               "first one: what is bought by force drives it; deepen its market, or lower "
                               "market.capacity",
                               source=self.cascade.source)
            self.history[t, a] = price

    def call(self, t: int, equity: Integers, margin: Integers, wanted: Integers) -> None:
        short = (self.called < 0) & (equity < margin)
        self.called[short] = t
        self.ever |= short
        cured = (self.called >= 0) & (equity >= wanted)
        self.tally["cured"] += int(cured.sum())
        self.called[cured] = self.due[cured] = -1

    def top_up(self, t: int, equity: Integers, wanted: Integers) -> None:
        missing = wanted - equity
        rows = np.flatnonzero((self.called >= 0) & (t - self.called >= self.world.reaction)
                              & (self.reserve >= missing) & (self.reserve > 0))
        paid = missing[rows]
        self.ledger.cash[rows] += paid
        self.ledger.outside -= total(paid)
        self.reserve[rows] -= paid
        self.basis[rows] += paid
        self.deposited[rows] += paid
        equity[rows] += paid
        self.tally["cured"] += len(rows)
        self.called[rows] = self.due[rows] = -1

    def orders(self, t: int, age: Integers, equity: Integers, wanted: Integers, oracle: Integers
               ) -> tuple[Integers, Integers]:
        """(rows, assets) lots that everybody wants, and rows of accounts that are closed in part."""
        tiers, held = self.cascade.tiers, self.ledger.lots
        orders = np.zeros_like(held)
        parts = np.empty(0, np.int64)
        if tiers.partial:
            parts = np.flatnonzero((age >= tiers.owner) & (age < tiers.owner + tiers.venue) & (self.due < 0))
        if len(parts):
            parts = self.part(t, parts, age, equity, wanted, oracle, orders)
        if not tiers.auction and self.m:
            wait = (tiers.owner + tiers.venue if tiers.partial else 0) + int(self.world.latency[self.fastest])
            value = _values(np.abs(held[:self.n]), self.history[t])
            worth = _share(value, tiers.penalty) >= self.cascade.liquidators.gas
            rows = np.flatnonzero((age >= wait) & worth)
            orders[rows] = -held[rows]
        mine = held[self.n + 1:]
        slices = -(-np.abs(mine) // self.cascade.liquidators.unwind)
        orders[self.n + 1:] = np.where(mine > 0, -slices, slices)
        return orders, parts

    def part(self, t: int, rows: Integers, age: Integers, equity: Integers, wanted: Integers, oracle: Integers,
             orders: Integers) -> Integers:
        """T1: this block's slice of the least close that restores initial margin, if its price may be conceded.

        Returns the rows that are closed in part; writes their orders.
        """
        tiers, held = self.cascade.tiers, self.ledger.lots[rows]
        cost = np.zeros(len(rows), np.int64)             # of closing all, against the oracle's prices
        for a in range(len(self.rates)):
            seen, price = int(oracle[a]), int(self.history[t, a])
            slip = price * self.cost[a] // 10**9
            cost += np.where(held[:, a] > 0, held[:, a] * max(0, seen - price + slip),
                             -held[:, a] * max(0, price + slip - seen))
        missing, effect = wanted[rows] - equity[rows], wanted[rows] - cost
        share = np.minimum(missing // np.maximum((effect >> _WHOLE) + 1, 1) + 1, 1 << _WHOLE)
        left = tiers.owner + tiers.venue - age[rows]
        cut = -(-(np.abs(held) * share[:, None]) // (left[:, None] << _WHOLE))
        spent = ((cost >> _WHOLE) + 1) * share // left
        fine = (missing > 0) & (effect > missing) \
            & (self.conceded[rows] + spent <= _share(self.deposited[rows], tiers.concession))
        orders[rows[fine]] = np.where(held > 0, -cut, cut)[fine]
        return rows[fine]

    def execute(self, orders: Integers, since: Integers) -> tuple[Integers, Integers]:
        """Fill orders at the market, those that wait longest first, as far as its capacity reaches.

        Returns (rows, assets) lots that moved, and (assets,) the price of each asset, one for all in a block.
        """
        market, ledger = self.cascade.market, self.ledger
        averages = np.zeros(orders.shape[1], np.int64)
        for a in range(orders.shape[1]):
            price, depth = int(self.history[self.now, a]), self.depth(a)
            capacity = depth * market.capacity // UNIT
            column = orders[:, a]
            for side in (column > 0, column < 0):
                rows = np.flatnonzero(side)
                sizes = np.abs(column[rows])
                if total(sizes) * price > capacity:
                    rows = rows[np.lexsort((rows, since[rows]))]
                    sizes = np.abs(column[rows])
                    ahead = np.add.accumulate(sizes) - sizes
                    fits = np.clip(capacity // price - ahead, 0, sizes)
                    column[rows] = np.where(column[rows] > 0, fits, -fits)
            net = total(column)
            value = abs(net) * price
            slip = slippage(market, value, depth, buys=net > 0)
            average = price * (10**9 + slip) // 10**9 + 1 if net > 0 else max(1, price * (10**9 - slip) // 10**9)
            averages[a] = average if net else price
            ledger.cash -= column * averages[a]
            ledger.market += net * int(averages[a])
            ledger.lots[:, a] += column
            ledger.market_lots[a] -= net
            self.cost[a] = slip
            self.factor[a] = price_factor(market, value, depth, buys=net > 0, factor=self.factor[a])
            self.lowest[a] = min(self.lowest[a], self.factor[a] // 100_000)
        return orders, averages

    def after(self, filled: Integers, averages: Integers, oracle: Integers, parts: Integers,
              before: tuple[Integers, Integers]) -> None:
        """Book what closes cost: concessions of T1, penalties and gas of whoever closed at the market."""
        tiers, ledger = self.cascade.tiers, self.ledger
        mine = filled[:self.n]
        touched = np.flatnonzero(_holds(mine))
        self.tally["forced"] += total(_values(np.abs(mine[touched]), averages))
        self.conceded[parts] += np.maximum(_values(mine[parts], averages - oracle), 0)
        self.parted[parts] = True
        in_part = np.zeros(self.n, np.bool_)
        in_part[parts] = True
        at_market = touched[~in_part[touched]]
        penalties = _share(_values(np.abs(mine[at_market]), averages), tiers.penalty)
        ledger.cash[at_market] -= penalties
        done = at_market[~_holds(ledger.lots[at_market])]
        if len(at_market):
            closer = self.n + 1 + self.fastest
            ledger.cash[closer] += total(penalties) - self.cascade.liquidators.gas * len(done)
            ledger.outside += self.cascade.liquidators.gas * len(done)
        self.tally["penalties"] += total(penalties)
        if not len(parts):
            return
        equity, margin = before
        now = self.margins(ledger.lots[parts], oracle)
        worth = ledger.cash[parts] + _values(ledger.lots[parts], oracle)
        for e, m, e2, m2 in zip(equity.tolist(), margin.tolist(), worth.tolist(), now.tolist(), strict=True):
            self.tally["healed" if e2 * m >= e * m2 else "harmed"] += 1

    def sell(self, row: int, t: int, oracle: Integers) -> None:
        """T2's end: the lot goes to a liquidator, to the fund's agent, or stays called."""
        tiers, ledger = self.cascade.tiers, self.ledger
        lots, prices = ledger.lots[row], self.history[t]
        margin = int(self.margins(lots[None], oracle)[0])
        if int(ledger.cash[row] + lots @ oracle) >= margin:           # no shortfall can be shown: never sold below
            self.due[row] = t + tiers.auction_time
            return
        worth = int(ledger.cash[row] + lots @ prices)
        reserve = -min(margin * tiers.standing // UNIT, sum(self.tranches.available(row, t)))
        bidders = self.bidders(row, worth, reserve)
        step = max(1, STEP * max(margin, abs(worth)) // UNIT)
        won = sealed_price(bidders, reserve) if tiers.sealed else open_price(bidders, reserve, step)
        winner, price = won if won is not None else (self.agent, reserve)
        self.tally["sold_lots" if won is not None else "agent_lots"] += 1
        self.tally["lots_price"] += price
        ledger.lots[winner] += lots
        ledger.lots[row] = 0
        ledger.cash[winner] += ledger.cash[row] - price
        ledger.cash[row] = max(price, 0)
        if price < 0:
            paid = self.tranches.pay(row, t, -price)
            self.tally["drawn"] += paid
            ledger.cash[winner] -= -price - paid           # 0: the reserve is what the tranches pay now
        if winner != self.agent:
            ledger.cash[winner] -= self.cascade.liquidators.gas
            ledger.outside += self.cascade.liquidators.gas
        self.due[row] = self.called[row] = -1
        self.tally["closed"] += 1

    def bidders(self, row: int, worth: int, reserve: int) -> list[Bidder]:
        """Who can carry this lot at the reserve, and what it is worth to each at the market's prices."""
        holders, market, ledger = self.cascade.liquidators, self.cascade.market, self.ledger
        if not self.m:
            return []
        rows = slice(self.n + 1, self.agent)
        prices = self.history[self.now]
        lots = ledger.lots[row]
        together = ledger.lots[rows] + lots
        taken, there = np.abs(lots) * prices, np.abs(ledger.lots[rows]) @ prices
        size, limit = total(taken), holders.capital * holders.inventory // UNIT
        need = self.initial(self.margins(together, prices))
        equity = ledger.cash[rows] + ledger.lots[rows] @ prices + worth
        found = []
        for j, (after, wanted, inventory) in enumerate(zip(equity.tolist(), need.tolist(), there.tolist(),
                                                           strict=True)):
            if int(np.abs(together[j]) @ prices) > limit:
                continue
            exit_cost = 0
            for a in range(len(self.rates)):
                depth = self.depth(a)
                piece = min(abs(int(together[j, a])) * int(prices[a]) // holders.unwind,
                            depth * market.capacity // UNIT)
                exit_cost += int(taken[a]) * slippage(market, piece, depth) // 10**9
            fixed = worth - holders.gas - exit_cost
            value = fixed - size * int(self.world.charges[row, j]) * (limit + inventory) // (UNIT * limit)
            least = fixed - size * holders.charge_high * (limit + inventory) // (UNIT * limit)
            most = after - holders.gas - wanted                # more she could not pay and carry
            if min(value, most) >= reserve:
                found.append(Bidder(self.n + 1 + j, min(value, most), min(least, most),
                                    int(self.world.latency[j]) <= 1))
        return found

    def losses(self, t: int) -> None:
        """Whoever has no lots left and owes, and the agent at the market: fund, then gains, then a deficit."""
        ledger = self.ledger
        flat = ~_holds(ledger.lots)
        flat[self.n] = False
        ended = np.flatnonzero(flat[:self.n] & (self.called >= 0))
        self.tally["closed"] += len(ended)
        self.called[ended] = self.due[ended] = -1
        for row in np.flatnonzero(flat & (ledger.cash < 0)).tolist():
            self.lose(row, t, -int(ledger.cash[row]))
        worth = int(ledger.cash[self.agent] + ledger.lots[self.agent] @ self.history[t])
        if worth < 0:
            self.lose(self.agent, t, -worth)
        elif flat[self.agent] and ledger.cash[self.agent] > 0:
            ledger.shared += int(ledger.cash[self.agent])
            ledger.cash[self.agent] = 0

    def lose(self, row: int, t: int, amount: int) -> None:
        """A loss that `row` cannot bear is made good to it, by whoever is next; what nobody pays stands."""
        ledger, tiers = self.ledger, self.cascade.tiers
        paid = self.tranches.pay(row, t, amount)
        self.tally["drawn"] += paid
        cut = 0
        if amount > paid and tiers.haircut:
            equity = self.values(self.history[t])[:self.n + 1]
            gains = np.maximum(equity + self.charged - self.basis, 0)
            gains[:self.n][self.called >= 0] = 0
            if row <= self.n:
                gains[row] = 0
            cut = haircut(ledger, gains, self.charged, tiers.haircut, amount - paid)
        self.tally["haircut"] += cut
        ledger.cash[row] += amount
        ledger.deficit -= amount - paid - cut

    # -- what is kept -------------------------------------------------------------------------------------------------
    def under_water(self, t: int) -> int:
        """What all but the market maker and the agent lack at the market's prices."""
        equity = np.minimum(self.values(self.history[t]), 0)
        equity[[self.n, self.agent]] = 0
        return -total(equity)

    def note(self, t: int) -> None:
        ledger = self.ledger
        for name, value in (("called", int((self.called >= 0).sum())), ("lots", int((self.due >= 0).sum())),
                            ("sold", self.tally["forced"]), ("fund", ledger.venue + ledger.shared),
                            ("haircut", self.tally["haircut"]), ("deficit", -ledger.deficit),
                            ("under_water", self.under_water(t))):
            self.series[name].append(value)

    def result(self) -> Result:
        ledger, last = self.ledger, len(self.history) - 1
        agent = int(ledger.cash[self.agent] + ledger.lots[self.agent] @ self.history[last])
        fund_loss = max(0, self.start - ledger.venue - ledger.shared - agent)
        under = self.under_water(last)
        return Result(
            bad_debt=fund_loss + self.tally["haircut"] - ledger.deficit + under, fund_loss=fund_loss,
            deficit=-ledger.deficit, under_water=under, called=int(self.ever.sum()), partly=int(self.parted.sum()),
            lowest=tuple(self.lowest), **self.tally,
            path=Path(self.history, self.oracles, **{name: np.array(values, np.int64)
                                                     for name, values in self.series.items()}))


def _share(values: Integers, rate: int, *, up: bool = False) -> Integers:
    """values * rate / 10,000 for values at or above 0, rounded down, or up: no product overflows (rates < 2**16)."""
    if not values.size or int(values.max()) < _SMALL:
        product = values * rate
        return -(-product // UNIT) if up else product // UNIT
    whole, rest = np.divmod(values, UNIT)
    part = rest * rate
    found: Integers = whole * rate + (-(-part // UNIT) if up else part // UNIT)
    return found


def _holds(lots: Integers) -> NDArray[np.bool_]:
    """(rows,) whether any lot is held; quicker than `any` over a short last axis."""
    found = lots[:, 0] != 0
    for a in range(1, lots.shape[1]):
        found = found | (lots[:, a] != 0)
    return found


def _values(lots: Integers, prices: Integers) -> Integers:
    """(rows,) lots times prices; quicker than a product of matrices of integers."""
    found = lots[:, 0] * prices[0]
    for a in range(1, lots.shape[1]):
        found += lots[:, a] * prices[a]
    return found
