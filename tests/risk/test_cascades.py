"""Cascades: money and lots are conserved, tiers do what the contracts do, and what is asked of a simulator holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from primitives.errors import BadInput
from risk.cascades import engine, experiments, presets
from risk.cascades.bids import Bidder, open_price, sealed_price
from risk.cascades.draws import draw
from risk.cascades.engine import Result, simulate
from risk.cascades.fund import Tranches, haircut
from risk.cascades.ledger import Ledger, LedgerBroken, total
from risk.cascades.parameters import (
    LAWS,
    TOXIC,
    UNIT,
    Asset,
    Cascade,
    Fund,
    Market,
    Tiers,
    close_cost,
    price_factor,
    slippage,
)

MILLION = presets.MILLION
NOTHING = presets.NO_FUND
ENDLESS = Fund(0, 100 * MILLION, 100 * MILLION, 100 * MILLION, 100 * MILLION, 100 * MILLION)
DEEP = presets.BLACK_THURSDAY
SMALL = replace(
    DEEP, population=replace(DEEP.population, accounts=120, awake=0),
    assets=tuple(replace(asset, depth=asset.depth // 20) for asset in DEEP.assets),
    shock=replace(DEEP.shock, blocks=260, start=20, length=120), liquidators=replace(DEEP.liquidators, count=3),
    tiers=replace(DEEP.tiers, owner=20, venue=20, auction_time=30))
"""Two minutes of a hundred accounts: everything happens in it."""


def under(tiers: Tiers, seed: int = 1, cascade: Cascade = SMALL, **changed: Any) -> Result:
    chosen = replace(cascade, tiers=tiers, **changed)
    return simulate(chosen, draw(chosen, seed))


def figures(result: Result) -> dict[str, Any]:
    return {one.name: getattr(result, one.name) for one in fields(result) if one.name != "path"}


NAKED = experiments.policies(SMALL.tiers)["no tiers"]
AUCTION = replace(SMALL.tiers, partial=False)


# -- conservation -----------------------------------------------------------------------------------------------------
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_money_and_lots_are_conserved_whatever_the_parameters(data: st.DataObject) -> None:
    pick = data.draw
    whole = st.integers
    assets = tuple(Asset(name, pick(whole(1_000, 10**9)), pick(whole(900, 4_000)), pick(whole(10**10, 10**13)),
                         pick(whole(0, 900)), pick(whole(0, 8_000))) for name in ("A", "B", "C")[:pick(whole(1, 3))])
    market = Market(pick(st.sampled_from(LAWS)), pick(whole(0, 150)), pick(whole(0, 150)), pick(whole(0, 500)),
                    pick(whole(1, 500)), pick(whole(0, UNIT)), pick(whole(0, 30)), pick(whole(1, 7)))
    shock = replace(SMALL.shock, blocks=120, start=10, length=60, severity=pick(whole(0, 3_000)),
                    volatility=pick(whole(0, 60_000)), depth=pick(whole(1, UNIT)))
    people = replace(SMALL.population, accounts=pick(whole(1, 60)), awake=pick(whole(0, UNIT)), reaction=20,
                     long=pick(whole(0, UNIT)), usage_high=9_900)
    liquidators = replace(SMALL.liquidators, count=pick(whole(0, 4)), capital=pick(whole(0, 10**12)),
                          unwind=pick(whole(1, 40)))
    fund = Fund(*(pick(whole(0, 10**11)) for _ in fields(Fund)))
    tiers = replace(SMALL.tiers, partial=pick(st.booleans()), auction=pick(st.booleans()), sealed=pick(st.booleans()),
                    fund=fund, haircut=pick(whole(0, UNIT)), owner=pick(whole(0, 20)), venue=pick(whole(0, 20)),
                    auction_time=pick(whole(1, 20)), penalty=pick(whole(0, 500)), standing=pick(whole(0, UNIT)),
                    epoch_blocks=pick(whole(1, 50)))
    chosen = Cascade("random", assets, market, shock, people, liquidators, tiers)
    seen = []
    try:
        found = simulate(chosen, draw(chosen, pick(whole(0, 10**6))), watch=lambda t, book: seen.append(book.money()))
    except BadInput:
        reject()                                                      # a squeeze beyond what int64 holds
    assert len(set(seen)) == 1
    assert len(seen) == 120
    assert found.bad_debt == found.fund_loss + found.haircut + found.deficit + found.under_water
    assert min(found.fund_loss, found.haircut, found.deficit, found.under_water) >= 0
    assert found.haircut + found.drawn >= found.fund_loss


def leak(name: str) -> Callable[[int, Ledger], None]:
    def plant(block: int, book: Ledger) -> None:
        if block == 7:
            if name == "lots":
                book.lots[3, 0] += 1
            elif name == "cash":
                book.cash[-1] += 1
            else:
                setattr(book, name, getattr(book, name) - 1)
    return plant


@pytest.mark.parametrize("name", ["cash", "lots", "market", "outside", "venue", "shared", "deficit"])
def test_a_planted_leak_of_one_unit_is_found_in_its_block(name: str) -> None:
    with pytest.raises(LedgerBroken, match="block 7"):
        simulate(SMALL, draw(SMALL, 1), watch=leak(name))


def test_a_fund_that_pays_more_than_it_has_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Tranches.pay
    monkeypatch.setattr(Tranches, "pay", lambda *of: real(*of) + 1)
    with pytest.raises(LedgerBroken):
        under(AUCTION)


def test_a_haircut_that_takes_less_than_it_gives_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "haircut", lambda *of: haircut(*of) + 1)
    with pytest.raises(LedgerBroken):
        under(replace(AUCTION, fund=NOTHING))


def test_a_tranche_below_zero_is_found_though_money_is_conserved() -> None:
    book = Ledger(np.zeros(2, np.int64), np.zeros((2, 1), np.int64), np.zeros(1, np.int64), 5, 0)
    book.venue, book.shared = 6, -1
    with pytest.raises(LedgerBroken, match="tranches"):
        book.check(0)


def test_sums_are_exact_where_int64_would_wrap() -> None:
    values = np.full(1_000, (1 << 62) + 12_345, np.int64)
    assert total(values) == 1_000 * ((1 << 62) + 12_345)
    assert total(-values) == -1_000 * ((1 << 62) + 12_345)
    assert int(values.sum()) != total(values)


# -- limits -----------------------------------------------------------------------------------------------------------
def test_nobody_closes_where_there_are_no_liquidators() -> None:
    nobody = replace(SMALL.liquidators, count=0)
    found = under(NAKED, liquidators=nobody)
    assert (found.forced, found.closed, found.deficit) == (0, 0, 0)
    assert found.called > 0
    assert found.bad_debt == found.under_water > 0


def test_without_liquidators_the_fund_carries_then_gains_then_a_deficit_stands() -> None:
    nobody = replace(SMALL.liquidators, count=0)
    bare = under(replace(AUCTION, fund=NOTHING, haircut=0), liquidators=nobody)
    assert bare.agent_lots > 0
    assert bare.sold_lots == 0
    assert bare.deficit > 0
    assert (bare.haircut, bare.drawn) == (0, 0)
    gains = under(replace(AUCTION, fund=NOTHING), liquidators=nobody)
    assert gains.haircut > 0
    assert gains.deficit < bare.deficit
    rich = under(replace(AUCTION, fund=ENDLESS), liquidators=nobody)
    assert (rich.haircut, rich.deficit) == (0, 0)
    assert rich.fund_loss > 0
    assert rich.drawn >= rich.fund_loss


def test_where_nothing_falls_nobody_is_called() -> None:
    still = tuple(replace(asset, fall=0, volatility=0) for asset in SMALL.assets)
    for tiers in experiments.policies(SMALL.tiers).values():
        found = under(tiers, assets=still)
        assert (found.called, found.forced, found.bad_debt) == (0, 0, 0)


def test_nobody_closes_for_less_than_the_gas() -> None:
    dear = under(NAKED, liquidators=replace(SMALL.liquidators, gas=1 << 40))
    assert dear.forced == dear.penalties == 0
    assert dear.called > 0
    assert under(NAKED).forced > 0


def test_a_crash_without_noise_takes_off_just_its_fall() -> None:
    quiet = replace(SMALL, assets=tuple(replace(asset, volatility=0) for asset in SMALL.assets),
                    shock=replace(SMALL.shock, severity=0, rebound=0))
    prices = draw(quiet, 3).prices
    for a, asset in enumerate(quiet.assets):
        assert abs(int(prices[-1, a]) - asset.price * (UNIT - asset.fall) // UNIT) <= 1


def test_lots_sum_to_zero_and_usage_is_as_said() -> None:
    world = draw(DEEP, 2)
    assert not world.lots.sum(axis=0).any()
    run = engine._Run(DEEP, world)
    equity = run.values(np.array([asset.price for asset in DEEP.assets]))[:run.n]
    used = run.initial(run.margins(world.lots[:-1], np.array([asset.price for asset in DEEP.assets]))) / equity
    assert abs(used.min() - DEEP.population.usage_low / UNIT) < 0.02
    assert abs(used.max() - DEEP.population.usage_high / UNIT) < 0.02
    assert abs(used.mean() - (DEEP.population.usage_low + DEEP.population.usage_high) / 2 / UNIT) < 0.02


# -- which way things go ----------------------------------------------------------------------------------------------
def summed(tiers: Tiers, field: str = "bad_debt", **changed: Any) -> int:
    return sum(getattr(under(tiers, seed, **changed), field) for seed in range(6))


def test_a_deeper_fall_calls_more_and_leaves_more() -> None:
    fallen = [tuple(replace(asset, fall=fall) for asset in SMALL.assets) for fall in (500, 2_500, 5_000)]
    for tiers in experiments.policies(SMALL.tiers).values():
        for field in ("bad_debt", "called"):
            found = [summed(tiers, field, assets=assets) for assets in fallen]
            assert found == sorted(found)
            assert found[0] < found[-1]


def test_a_deeper_market_falls_less_by_forced_sales() -> None:
    markets = [tuple(replace(asset, depth=asset.depth * times) for asset in SMALL.assets) for times in (1, 10, 100)]
    lowest = [min(under(NAKED, assets=assets).lowest) for assets in markets]
    assert lowest == sorted(lowest)
    assert lowest[0] < lowest[-1]


def test_a_later_oracle_leaves_more_bad_debt_without_tiers() -> None:
    found = [summed(NAKED, market=replace(SMALL.market, oracle_lag=lag)) for lag in (0, 30, 90)]
    assert found == sorted(found)
    assert found[0] < found[-1]


def test_richer_liquidators_leave_less_to_the_agent() -> None:
    agents = [summed(AUCTION, "agent_lots", liquidators=replace(SMALL.liquidators, capital=capital))
              for capital in (0, MILLION // 4, 100 * MILLION)]
    assert agents == sorted(agents, reverse=True)
    assert agents[0] > agents[-1]
    assert summed(AUCTION, "sold_lots", liquidators=replace(SMALL.liquidators, capital=0)) == 0


def test_a_larger_fund_leaves_less_to_gains_and_deficit() -> None:
    rest = [summed(replace(AUCTION, fund=fund), "haircut") + summed(replace(AUCTION, fund=fund), "deficit")
            for fund in (NOTHING, replace(ENDLESS, shared=MILLION // 100), ENDLESS)]
    assert rest == sorted(rest, reverse=True)
    assert rest[0] > rest[-1] == 0


def test_awake_owners_cure() -> None:
    awake = replace(SMALL.population, awake=UNIT, reserve=10 * UNIT, reaction=10)
    assert summed(SMALL.tiers, population=awake) < summed(SMALL.tiers)
    assert under(SMALL.tiers, population=awake).cured > 0


# -- T1 ---------------------------------------------------------------------------------------------------------------
def test_a_partial_close_heals_within_its_concession_and_restores_initial_margin() -> None:
    calm = replace(SMALL, shock=replace(SMALL.shock, length=10), market=replace(SMALL.market, oracle_lag=0,
                                                                                 oracle_every=1),
                   assets=tuple(replace(asset, depth=1_000 * asset.depth, fall=1_200, volatility=0)
                                for asset in SMALL.assets))
    found = under(SMALL.tiers, cascade=calm)
    assert found.partly > 0
    assert found.harmed == 0
    assert (found.sold_lots, found.agent_lots, found.bad_debt) == (0, 0, 0)
    assert found.cured >= found.partly
    naked = under(experiments.policies(SMALL.tiers)["no tiers"], cascade=calm)
    assert 0 < 2 * found.forced < naked.forced                        # the least that restores it, not all


def test_no_concession_no_partial_close() -> None:
    assert under(SMALL.tiers).partly > 0
    tight = under(replace(SMALL.tiers, concession=0))
    assert tight.partly < under(SMALL.tiers).partly


def test_owners_have_their_time_before_anybody_closes() -> None:
    run = replace(SMALL, tiers=replace(SMALL.tiers, owner=100))
    path = simulate(run, draw(run, 1)).path
    first = int(np.flatnonzero(path.called)[0])
    assert not path.sold[:first + 100].any()
    assert path.sold[-1] > 0
    assert not path.lots[:first + 120].any()


# -- T2 ---------------------------------------------------------------------------------------------------------------
def test_sealed_bids_are_shaded_as_in_equilibrium() -> None:
    three = [Bidder(row, value, 100, True) for row, value in ((5, 400), (6, 700), (7, 550))]
    assert sealed_price(three, 0) == (6, 700 - 200)
    assert sealed_price(three[1:2], 0) == (6, 100)
    assert sealed_price(three, 600) == (6, 600)                       # the reserve is met where it pays
    assert sealed_price(three, 701) is None
    assert sealed_price([], -5) is None
    equal = [Bidder(row, 500, 0, True) for row in (4, 3)]
    assert sealed_price(equal, 0) == (4, 250)


def test_shading_is_a_best_answer_to_others_who_shade() -> None:
    """On a grid of values even on [0, 1000], no other shading gains more against one who bids half her value."""
    values = np.arange(1_001)

    def gain(share: Fraction) -> float:
        mine = values * float(share)
        wins = np.searchsorted(values / 2, mine) / len(values)
        return float(((values - mine) * wins).sum())

    best = max((Fraction(k, 20) for k in range(1, 20)), key=gain)
    assert best == Fraction(1, 2)
    assert Bidder(0, 1_000, 0, True).shaded(2) == 500


def test_an_open_auction_ends_a_step_above_the_next() -> None:
    three = [Bidder(5, 400, 100, True), Bidder(6, 700, 100, True), Bidder(7, 550, 100, True)]
    assert open_price(three, 0, 10) == (6, 560)
    assert open_price(three, 0, 500) == (6, 700)                      # never above what it is worth
    assert open_price(three, 600, 10) == (6, 600)
    assert open_price(three, 701, 10) is None
    slow = [Bidder(5, 400, 100, True), Bidder(6, 700, 100, False)]
    assert open_price(slow, 0, 10) == (5, 400)                        # who cannot answer in the last block is outbid
    assert open_price([Bidder(5, 400, 100, True), Bidder(6, 700, 100, True)], 0, 10) == (6, 410)


def test_a_lot_without_a_shortfall_is_not_sold() -> None:
    chosen = replace(SMALL, tiers=AUCTION)
    world = draw(chosen, 1)
    for rich, sold in ((10**13, False), (0, True)):
        run = engine._Run(chosen, world)
        run.history[0] = world.prices[0]
        run.ledger.cash[0] += rich
        if sold:
            run.ledger.cash[0] -= run.values(world.prices[0])[0]      # nothing left
        run.sell(0, 0, world.prices[0])
        assert run.ledger.lots[0].any() != sold
        assert run.tally["sold_lots"] + run.tally["agent_lots"] == sold


def test_losses_are_not_charged_to_who_is_called_herself() -> None:
    chosen = replace(SMALL, tiers=replace(AUCTION, fund=NOTHING))
    world = draw(chosen, 1)
    for called in (False, True):
        run = engine._Run(chosen, world)
        run.history[0] = world.prices[0]
        run.basis[:] = run.values(world.prices[0])[:run.n + 1]
        run.basis[4] -= 1_000                                         # who alone has gained
        run.called[4] = 0 if called else -1
        run.lose(7, 0, 300)
        assert (run.tally["haircut"], run.ledger.deficit) == ((0, -300) if called else (300, 0))


@pytest.mark.parametrize("why", ["", "inventory", "capital"])
def test_who_cannot_hold_or_carry_a_lot_is_no_bidder(why: str) -> None:
    rich = replace(SMALL.liquidators, capital=100 * MILLION, inventory=0 if why == "inventory" else UNIT)
    chosen = replace(SMALL, tiers=AUCTION, liquidators=rich)
    run = engine._Run(chosen, draw(chosen, 1))
    run.history[0] = run.world.prices[0]
    if why == "capital":
        run.ledger.cash[run.n + 1:run.agent] = 0
    worth = int(run.values(run.history[0])[0])
    run.ledger.cash[0] -= worth                                       # a lot that brings nothing along
    wanted = int(run.initial(run.margins(run.ledger.lots[:1], run.history[0]))[0])
    assert len(run.bidders(0, 0, -wanted // 2)) == (0 if why else 3)


def test_the_close_of_a_part_is_the_least_that_restores_initial_margin() -> None:
    run = engine._Run(SMALL, draw(SMALL, 1))
    prices = run.history[0] = run.world.prices[0]
    margin = run.margins(run.ledger.lots[:run.n], prices)
    wanted = run.initial(margin)
    run.ledger.cash[:run.n] += margin - 1 - run.values(prices)[:run.n]   # all of them just short
    equity = run.values(prices)[:run.n]
    orders = np.zeros_like(run.ledger.lots)
    last = SMALL.tiers.owner + SMALL.tiers.venue - 1
    done = run.part(0, np.arange(run.n), np.full(run.n, last), equity, wanted, prices, orders)
    alone = [row for row in done.tolist() if np.count_nonzero(run.ledger.lots[row]) == 1]
    assert len(alone) > run.n // 4
    for row in alone:
        left = run.ledger.lots[row] + orders[row]
        more = left + 2 * np.sign(run.ledger.lots[row])               # two lots less closed: not enough
        after, short = run.initial(run.margins(np.array([left, more]), prices)).tolist()
        assert after <= equity[row] + 10_000 < short                  # shares are in 2**-20, a cent of these books


def test_liquidators_take_no_more_than_they_can_carry() -> None:
    limits = SMALL.liquidators.capital * SMALL.liquidators.inventory // UNIT
    largest = []

    def watch(block: int, book: Ledger) -> None:
        rows = slice(-1 - SMALL.liquidators.count, -1)
        largest.append(int((np.abs(book.lots[rows]) @ world.prices[block]).max()))

    chosen = replace(SMALL, tiers=AUCTION)
    world = draw(chosen, 1)
    assert simulate(chosen, world, watch=watch).sold_lots > 0
    assert 0 < max(largest) <= limits * 12 // 10                      # at the market's prices, which move afterwards


# -- T3, T4 -----------------------------------------------------------------------------------------------------------
def tranches(terms: Fund) -> tuple[Tranches, Ledger]:
    book = Ledger(np.zeros(1, np.int64), np.zeros((1, 1), np.int64), np.zeros(1, np.int64), terms.venue, terms.shared)
    return Tranches(terms, book, day_blocks=100, epoch_blocks=10), book


def test_tranches_pay_in_order_and_within_every_cap() -> None:
    fund, book = tranches(Fund(venue=50, shared=1_000, bond=10_000, account=100, epoch=150, day=220))
    assert fund.pay(1, 0, 120) == 120                                 # 50 of the venue's, 70 shared
    assert (book.venue, book.shared) == (0, 930)
    assert fund.pay(1, 1, 100) == 30                                  # the account's 100 in a day
    assert fund.pay(2, 2, 100) == 50                                  # the epoch's 150
    assert fund.pay(3, 10, 100) == 70                                 # the day's 220
    assert fund.pay(4, 20, 100) == 0
    assert fund.pay(4, 99, 100) == 0
    assert fund.pay(1, 100, 100) == 70                                # what was paid in block 0 is a day old
    assert book.shared == 930 - 30 - 50 - 70 - 70


def test_the_shared_tranche_pays_no_more_for_a_venue_than_that_stands_for() -> None:
    fund, book = tranches(Fund(venue=50, shared=1_000, bond=25, account=999, epoch=999, day=999))
    assert fund.pay(1, 0, 500) == 50 + 75                             # its tranche, paid today, and its bond
    assert book.shared == 925
    assert fund.pay(1, 5, 500) == 0


@pytest.mark.parametrize("seed", range(20))
def test_a_haircut_takes_its_amount_of_gains_alone_and_at_most_its_share(seed: int) -> None:
    rng = np.random.default_rng(seed)
    gains = np.maximum(rng.integers(-10**9, 10**9, 50), 0)
    book = Ledger(rng.integers(0, 10**12, 50), np.zeros((50, 1), np.int64), np.zeros(1, np.int64), 0, 0)
    before, charged = book.cash.copy(), np.zeros(50, np.int64)
    room = total(gains // 2)
    for amount in (1, 7, room // 3, room):
        start, shared, already = total(book.cash), book.shared, total(charged)
        taken = haircut(book, gains, charged, 5_000, amount)
        assert taken == min(amount, room - already)
        assert start - total(book.cash) == taken + book.shared - shared
        assert 0 <= book.shared - shared < 50
    assert (before - book.cash == charged).all()
    assert (charged <= gains // 2).all()
    assert not charged[gains == 0].any()


# -- the market -------------------------------------------------------------------------------------------------------
def test_a_pool_sells_along_its_curve() -> None:
    pool = replace(SMALL.market, law="constant-product", slippage=0, permanent=0)
    depth, value = 10**12, 3 * 10**11
    base, quote = Fraction(depth), Fraction(depth)                    # at a price of 1
    assert Fraction(10**9 - slippage(pool, value, depth), 10**9) == pytest.approx(
        float((quote - base * quote / (base + value)) / value), abs=2e-9)
    assert Fraction(10**9 + slippage(pool, value, depth, buys=True), 10**9) == pytest.approx(
        float((base * quote / (base - value) - quote) / value), abs=2e-9)
    end = price_factor(pool, value, depth, buys=False, factor=10**9)
    assert end / 1e9 == pytest.approx(float(quote / (base + value)) * float(base / (base + value)), abs=2e-9)


def test_laws_meet_at_the_depth_and_differ_below_it() -> None:
    root = replace(SMALL.market, law="square-root", slippage=100, permanent=40)
    line = replace(root, law="linear")
    assert slippage(root, 10**12, 10**12) == slippage(line, 10**12, 10**12) == 12 * 10**6       # 1 % and half of 0.4
    assert slippage(root, 10**10, 10**12) == 10**6 + 20_000
    assert slippage(line, 10**10, 10**12) == 10**5 + 20_000
    assert slippage(root, 0, 10**12) == 0
    assert price_factor(root, 10**12, 10**12, buys=False, factor=10**9) == 996 * 10**6


# -- the gate ---------------------------------------------------------------------------------------------------------
def test_what_makes_accounts_worse_is_refused_by_name_and_passes_with_a_reason() -> None:
    harmful = replace(SMALL.tiers, penalty=1_300)
    with pytest.raises(BadInput, match=f"gate {TOXIC}") as caught:
        replace(SMALL, tiers=harmful)
    assert "BTC" in caught.value.bound
    assert replace(SMALL, tiers=harmful, accept={TOXIC: "a test"}).tiers is harmful
    for accept in ({TOXIC: " "}, {"other": "a reason"}):
        with pytest.raises(BadInput, match="accept"):
            replace(SMALL, accept=accept)


@pytest.mark.parametrize("cost", [1_249, 1_250, 1_251])
def test_the_gate_stands_where_health_turns(cost: int) -> None:
    """An account at maintenance margin, of which a tenth is closed at this cost."""
    rate, value = Fraction(1_250, UNIT), Fraction(1_000)
    after = (rate * value - Fraction(cost, UNIT) * value / 10) / (rate * value * Fraction(9, 10))
    tiers = replace(SMALL.tiers, penalty=cost - close_cost(SMALL.market, replace(SMALL.tiers, penalty=0)))
    refused = False
    try:
        replace(SMALL, tiers=tiers)
    except BadInput:
        refused = True
    assert close_cost(SMALL.market, tiers) == cost
    assert refused == (after <= 1)


# -- seeds, input -----------------------------------------------------------------------------------------------------
def test_a_seed_is_a_world_to_the_unit() -> None:
    one, again, other = under(SMALL.tiers, 4), under(SMALL.tiers, 4), under(SMALL.tiers, 5)
    assert figures(one) == figures(again)
    assert all((getattr(one.path, part.name) == getattr(again.path, part.name)).all() for part in fields(one.path))
    assert figures(one) != figures(other)


def test_tiers_play_in_the_same_world() -> None:
    worlds = [draw(replace(SMALL, tiers=tiers), 9) for tiers in experiments.policies(SMALL.tiers).values()]
    for part in fields(worlds[0]):
        assert all((getattr(worlds[0], part.name) == getattr(world, part.name)).all() for world in worlds)


@pytest.mark.parametrize("change", [
    lambda: replace(SMALL.market, law="cubic"), lambda: replace(SMALL.market, slippage=-1),
    lambda: replace(SMALL.market, slippage=True), lambda: replace(SMALL.market, slippage=1.0),
    lambda: replace(SMALL.market, law="constant-product", capacity=6_000),
    lambda: replace(SMALL.population, usage_low=9_900), lambda: replace(SMALL.liquidators, latency_low=99),
    lambda: replace(SMALL.liquidators, charge_low=999), lambda: replace(SMALL.tiers, sealed=1),
    lambda: replace(SMALL.tiers, haircut=UNIT + 1), lambda: replace(SMALL.tiers.fund, day=-1),
    lambda: replace(SMALL, assets=()), lambda: replace(SMALL, assets=SMALL.assets + SMALL.assets[:1]),
    lambda: replace(SMALL.assets[0], symbol="no such\n"), lambda: replace(SMALL.assets[0], price=0),
    lambda: replace(SMALL, shock=replace(SMALL.shock, start=200)), lambda: draw(SMALL, -1), lambda: draw(SMALL, True),
    lambda: draw(SMALL, 1 << 52), lambda: presets.preset("standart"), lambda: experiments.play("", SMALL, []),
    lambda: draw(replace(SMALL, population=replace(SMALL.population, equity=1 << 42, equity_spread=20_000)), 1),
    lambda: draw(replace(SMALL, shock=replace(SMALL.shock, block_seconds=3_600, volatility=20 * UNIT),
                         assets=tuple(replace(a, volatility=5_000) for a in SMALL.assets)), 3)])
def test_bad_input_is_named(change: Callable[[], object]) -> None:
    with pytest.raises(BadInput) as caught:
        change()
    assert caught.value.field


# -- experiments ------------------------------------------------------------------------------------------------------
def test_quantiles_are_of_the_values() -> None:
    values = [5, 1, 4, 2, 3]
    assert [experiments.quantile(values, k, 5) for k in range(6)] == [1, 1, 2, 3, 4, 5]
    assert experiments.median([9, 1]) == 1
    assert experiments.quantile(list(range(1_000)), 999, 1_000) == 998


def test_comparisons_count_seeds() -> None:
    found = experiments.tiers(SMALL, range(3))
    against = experiments.Against.of(found[2], found[0])
    assert against.lower + against.equal + against.higher == 3
    assert experiments.Against.of(found[0], found[0]) == experiments.Against(0, 3, 0)
    assert [one.name for one in found] == ["no tiers", "partial", "partial and auction"]
    assert found[0].of("bad_debt") == [under(NAKED, seed).bad_debt for seed in range(3)]


def test_every_experiment_changes_what_it_names() -> None:
    tiny = replace(SMALL, population=replace(SMALL.population, accounts=30))
    assert len(experiments.lag_and_capital(tiny, [0], lags=(0, 9), times=(0, UNIT))) == 12
    names = [one.name for one in experiments.correlation(tiny, [0], regimes=(0, 9_500))]
    assert names[0] == "correlation 0, no tiers"
    assert names[-1] == "correlation 0.95, partial and auction"
    shallow, deep = (experiments.depth(tiny, [0], times=(times,))[0].of("lowest")[0] for times in (2_500, 160_000))
    assert min(shallow) < min(deep)
    sealed, opened = experiments.auctions(SMALL, range(2))
    assert sealed.of("sold_lots") != [0, 0]
    assert sealed.of("lots_price") != opened.of("lots_price")
    rows = experiments.toxic(tiny, [0], penalties=(0, 2_000))
    assert [row.refused for row in rows] == [False, True]
    past = replace(tiny, tiers=replace(tiny.tiers, penalty=1_300), accept={TOXIC: "a test"})
    again = experiments.toxic(past, [0], penalties=(0, 2_000))
    assert [row.refused for row in again] == [False, True], "a gate that the file passes over is asked all the same"
    assert [row.outcome.of("bad_debt") for row in again] == [row.outcome.of("bad_debt") for row in rows]


def test_the_fund_is_sized_by_the_two_worst_and_by_what_it_pays() -> None:
    found = experiments.fund_size(SMALL, range(2))
    assert found.outcome.of("deficit") == found.outcome.of("haircut") == [0, 0]
    assert found.drawn >= max(found.outcome.of("fund_loss")), "what comes back later is out until then"
    for part, dry in ((1, False), (2, True)):                         # so large it never runs dry; half of it does
        fund = replace(ENDLESS, shared=found.drawn // part)
        ends = [under(replace(SMALL.tiers, fund=fund), seed) for seed in range(2)]
        assert any(end.haircut or end.deficit for end in ends) == dry
    assert found.size == max(found.drawn, found.cover_2)
    assert not found.enough_seeds
    world = draw(SMALL, 0)
    losses = []
    for signs in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1)):
        prices = [asset.price * (UNIT + sign * asset.fall) // UNIT for asset, sign in zip(SMALL.assets, signs,
                                                                                          strict=True)]
        equity = [int(cash) + sum(int(n) * p for n, p in zip(lots, prices, strict=True))
                  for cash, lots in zip(world.cash[:-1], world.lots[:-1], strict=True)]
        losses.append(sum(sorted((max(0, -one) for one in equity), reverse=True)[:2]))
    assert experiments.cover_2(SMALL, 0) == max(losses) > 0


def test_a_fund_that_no_simulation_can_fill_is_not_sized(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the largest fund runs dry, what it paid is no size: silently it would be too small."""
    monkeypatch.setattr(experiments, "LARGEST_MONEY", 10**9)
    with pytest.raises(BadInput, match="losses of seed 0"):
        experiments.fund_size(SMALL, [0])


def test_a_price_that_forced_purchases_drive_beyond_all_bounds_is_refused() -> None:
    """Everybody short in a pool that half of can be bought in a block: each purchase makes the next one dearer, and
    int64 would hold no sum of values."""
    squeeze = replace(
        SMALL, market=replace(SMALL.market, law="constant-product", slippage=0, permanent=0, recovery=0,
                              capacity=5_000, oracle_lag=0, oracle_every=1),
        population=replace(SMALL.population, long=0, hedged=0, usage_low=9_000, usage_high=9_900),
        shock=replace(SMALL.shock, start=259, length=1), assets=tuple(
            replace(asset, depth=10**10, volatility=5_000) for asset in SMALL.assets[:1]),
        accept={TOXIC: "a test"})
    with pytest.raises(BadInput, match="price of ETH in block"):
        under(NAKED, cascade=squeeze)
