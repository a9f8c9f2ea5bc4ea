"""Shares of pools as collateral: values against their definitions, haircuts, curves that are never too generous."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives.errors import BadInput
from risk.exact.expected_shortfall import expected_shortfall
from risk.exact.shape import TailSize
from risk.grid.lp_tokens import (
    BASIS_POINTS,
    SHARE_UNIT,
    Bucket,
    Curve,
    Range,
    buckets,
    built_in,
    counted,
    curve_for,
    fall,
    leaving_cost,
    market_haircut,
    pool_unit,
)

RNG = np.random.default_rng(11)
TAIL = TailSize(32, 5)
RETURNS = np.rint(RNG.standard_t(4, (256, 2)) @ np.array([[0.03, 0.02], [0.0, 0.03]]) * 10**9).astype(np.int64)
BOTH = (RETURNS[:, 0], RETURNS[:, 1])
STILL = np.zeros(256, np.int64)


# -- values ------------------------------------------------------------------------------------------------------------
def test_a_whole_pool_is_worth_twice_the_root_of_k_and_both_prices() -> None:
    """V = 2 sqrt(k p_x p_y), with liquidity sqrt k and prices in the second asset."""
    for price in (1e-4, 1.0, 3.7, 29_000.0):
        x, y = Range().holdings(np.array([price]))
        assert math.isclose(x[0] * price, y[0], rel_tol=1e-14)
        assert math.isclose(Range().worth(np.array([price]))[0], 2 * math.sqrt(price), rel_tol=1e-14)


def test_a_range_holds_one_asset_outside_and_both_inside() -> None:
    one = Range(4.0, 9.0)
    x, y = one.holdings(np.array([1.0, 4.0, 6.25, 9.0, 30.0]))
    assert x[0] == x[1] == pytest.approx(1 / 2 - 1 / 3)
    assert y[0] == y[1] == 0.0
    assert (x[2], y[2]) == (pytest.approx(1 / 2.5 - 1 / 3), pytest.approx(0.5))
    assert x[3] == x[4] == 0.0
    assert y[3] == y[4] == pytest.approx(1.0)


def test_a_wide_range_is_the_whole_pool() -> None:
    """A range of ends far away loses as the whole does; one that is near does not."""
    whole = market_haircut(Range(), 1.0, BOTH, TAIL)
    assert abs(market_haircut(Range(1e-3, 1e3), 1.0, BOTH, TAIL) - whole) < SHARE_UNIT * 2e-3
    assert market_haircut(Range(0.9, 1.1), 1.0, BOTH, TAIL) > whole + SHARE_UNIT * 2e-3


def test_the_haircut_is_the_expected_shortfall_of_the_loss() -> None:
    for position, price in ((Range(), 2.0), (Range(1.5, 3.0), 2.0), (Range(1.5, 3.0), 1.0), (Range(1.5, 3.0), 5.0)):
        losses = []
        for first, second in RETURNS / 1e9:
            after = price * math.exp(first) / math.exp(second)
            losses.append(1 - position.worth(np.array([after]))[0] * math.exp(second)
                          / position.worth(np.array([price]))[0])
        wanted = expected_shortfall([round(loss * SHARE_UNIT) for loss in losses], TAIL).ceiling
        assert abs(market_haircut(position, price, BOTH, TAIL) - wanted) <= 2


def test_no_haircut_is_rounded_in_the_holder_s_favour() -> None:
    """Against the exact loss of each scenario: 2 sqrt(k) falls by 1 - sqrt(p)."""
    from decimal import Decimal, localcontext
    with localcontext() as context:
        context.prec = 40
        for returns in ((-123_456_789, -55_555_555), (-7, -3), (-310_000_001, 0)):
            first, second = (np.full(256, one, np.int64) for one in returns)
            exact = 1 - ((Decimal(returns[0]) + Decimal(returns[1])) / Decimal(2 * 10**9)).exp()
            assert exact * SHARE_UNIT <= market_haircut(Range(), 3.0, (first, second), TAIL) <= exact * SHARE_UNIT + 2


def test_one_asset_alone_is_what_the_position_is_outside_of_its_range() -> None:
    """Far below all of it is the first asset, far above the second; the quote, which does not move, loses nothing."""
    assert market_haircut(Range(100.0, 200.0), 1.0, BOTH, TAIL) == fall(BOTH[0], TAIL)
    assert abs(market_haircut(Range(1e-3, 2e-3), 1.0, BOTH, TAIL) - fall(BOTH[1], TAIL)) <= 1
    assert market_haircut(Range(1e-3, 2e-3), 1.0, (BOTH[0], STILL), TAIL) == 0
    assert fall(STILL, TAIL) == fall(np.full(256, 10**8), TAIL) == 0


# -- leaving -----------------------------------------------------------------------------------------------------------
@given(st.floats(1e-4, 0.95), st.integers(0, 300))
def test_leaving_a_whole_pool_is_the_closed_form(share: float, fee: int) -> None:
    f = fee / BASIS_POINTS
    wanted = (share + f - 2 * f * share) / (2 * (1 - f * share))
    assert math.isclose(leaving_cost(Range(), 7.0, share, fee) / SHARE_UNIT, wanted, rel_tol=1e-6, abs_tol=1e-8)


def test_leaving_is_what_a_pool_gives_swap_by_swap() -> None:
    """x y = k by hand: a fifth out, its first asset sold into the rest."""
    x, y, share, fee = 1_000.0, 4_000.0, 0.2, 0.003
    rest_x, rest_y = x * (1 - share), y * (1 - share)
    received = rest_y - rest_x * rest_y / (rest_x + share * x * (1 - fee))
    wanted = 1 - (share * y + received) / (2 * share * y)
    assert abs(leaving_cost(Range(), 4.0, share, 30) / SHARE_UNIT - wanted) < 1e-8


def test_what_the_range_cannot_take_is_lost() -> None:
    one = Range(4.0, 9.0)
    assert leaving_cost(one, 3.0, 0.1, 30) == leaving_cost(one, 4.0, 0.1, 30) == SHARE_UNIT
    assert leaving_cost(one, 9.0, 0.5, 30) == leaving_cost(one, 20.0, 0.5, 30) == 0
    costs = [leaving_cost(one, price, 0.2, 30) for price in (4.01, 4.5, 5.0, 6.0, 7.5, 8.9)]
    assert costs == sorted(costs, reverse=True)
    assert leaving_cost(one, 4.05, 0.9, 0) > SHARE_UNIT // 2, "hardly anything of the second asset is left"
    assert abs(leaving_cost(Range(), 4.0, 0.0, 30) - SHARE_UNIT * 3 // 2000) <= 1


# -- curves ------------------------------------------------------------------------------------------------------------
@given(st.integers(0, 9 * 10**8), st.integers(0, 9 * 10**8), st.integers(0, 300), st.integers(1, 3_000))
def test_what_counts_is_never_above_what_is_left(haircut: int, taken: int, fee: int, largest: int) -> None:
    """At every share: after the adapter and the curve no more than after Expected Shortfall and leaving."""
    try:
        curve = curve_for(haircut, taken, fee, largest)
    except BadInput:
        return
    assert curve.monotone
    for share in range(1, largest + 1, max(1, largest // 17)):
        part = Fraction(share, BASIS_POINTS)
        on_chain = (1 - Fraction(taken, SHARE_UNIT)) * curve.kept(part)
        f, s = Fraction(fee, BASIS_POINTS), part
        left = (1 - Fraction(haircut, SHARE_UNIT)) * (1 - (s + f - 2 * f * s) / (2 * (1 - f * s)))
        assert on_chain <= left


def test_a_base_one_less_counts_too_much() -> None:
    """The twin: the base is the least that does."""
    curve = curve_for(200_000_000, 150_000_000, 30, 2_000)
    part = Fraction(1, 10**6)
    left = (1 - Fraction(2, 10)) * (1 - Fraction(3, 2000))
    less = Curve(curve.base - 1, curve.slope, curve.largest_share)
    assert (1 - Fraction(15, 100)) * curve.kept(part) <= left < (1 - Fraction(15, 100)) * less.kept(part)


def test_the_adapter_takes_less_than_the_position_may_lose() -> None:
    """Why a base is needed at all: the mean of roots is below the root of means, here with a quote that stays."""
    assert market_haircut(Range(), 1.0, (BOTH[0], STILL), TAIL) > built_in((fall(BOTH[0], TAIL), 0))


def test_built_in_is_rounded_down() -> None:
    rng = random.Random(2)
    for _ in range(500):
        pair = (rng.randrange(SHARE_UNIT), rng.randrange(SHARE_UNIT))
        left = SHARE_UNIT - built_in(pair)
        assert left * left >= (SHARE_UNIT - pair[0]) * (SHARE_UNIT - pair[1]) > (left - 1) * (left - 1)
    assert built_in((0, 0)) == 0


def test_curves_that_punish_more_units_are_refused_and_the_largest_possible_is_named() -> None:
    with pytest.raises(BadInput, match="largest share") as refused:
        curve_for(200_000_000, 180_000_000, 30, 6_000)
    most = int(str(refused.value).split("[1, ")[1].split("]")[0])
    assert curve_for(200_000_000, 180_000_000, 30, most).largest_share == most > 4_000
    with pytest.raises(BadInput, match="largest share"):
        curve_for(200_000_000, 180_000_000, 30, most + 1)
    with pytest.raises(BadInput, match="haircut"):
        curve_for(SHARE_UNIT, 0, 30, 2_000)
    for curve in (Curve(100, 0, 0), Curve(100, 0, 10_001), Curve(10_000, 0, 1), Curve(100, 500, 7_810),
                  Curve(0, 1, 10_000)):
        assert not curve.monotone
    for curve in (Curve(100, 0, 10_000), Curve(100, 500, 7_800), Curve(0, 10_000, 2_928)):
        assert curve.monotone


def test_more_units_never_count_less() -> None:
    rng, curve = random.Random(4), curve_for(200_000_000, 190_000_000, 30, 2_500)
    for _ in range(200):
        unit, supply = rng.getrandbits(70) + 1, rng.getrandbits(60) + 1
        values = [counted(unit, supply, amount, curve) for amount in sorted(rng.randint(0, supply) for _ in range(6))]
        assert values == sorted(values)
    assert pool_unit((10, 10), (1, 1), 0) == 0


# -- buckets -----------------------------------------------------------------------------------------------------------
def test_buckets_cover_all_prices_and_no_price_loses_more_than_its_bucket_says() -> None:
    one, price = Range(20_000.0, 40_000.0), random.Random(9)
    found = buckets(one, (BOTH[0], STILL), TAIL, share=0.2, fee=30)
    assert len(found) == 10
    assert (found[0].low, found[0].high, found[-1].low, found[-1].high) == (0.0, 20_000.0, 40_000.0, math.inf)
    assert all(before.high == after.low for before, after in pairwise(found))
    for k in range(150):
        at = math.exp(price.uniform(math.log(10_000), math.log(80_000)))
        own = next(bucket for bucket in found if at <= bucket.high)
        within = (own.market + 1) * SHARE_UNIT // BASIS_POINTS       # between two points of a bucket by a basis point
        assert market_haircut(one, at, (BOTH[0], STILL), TAIL) <= within
        assert leaving_cost(one, at, 0.2, 30) <= own.leaving * SHARE_UNIT // BASIS_POINTS
        if k % 6:
            continue
        # Left in every scenario, at the price there; by the cost of leaving one price at a time.
        losses = [1 - one.worth(np.array([at * math.exp(move)]))[0] * (
            1 - leaving_cost(one, at * math.exp(move), 0.2, 30) / SHARE_UNIT) / one.worth(np.array([at]))[0]
            for move in BOTH[0] / 1e9]
        left = 1 - expected_shortfall([round(loss * SHARE_UNIT) for loss in losses], TAIL).ceiling / SHARE_UNIT
        counts = (1 - own.market / BASIS_POINTS) * (1 - own.leaving / BASIS_POINTS)
        assert counts <= left + 2 / BASIS_POINTS
    markets = [bucket.market for bucket in found]
    assert markets == sorted(markets, reverse=True), "the more of the first asset it holds, the more it loses"
    assert isinstance(found[0], Bucket)


@pytest.mark.parametrize("ends", [(0.0, 5.0), (5.0, 5.0), (6.0, 5.0), (1.0, math.inf), (-1.0, 2.0), (1.0, 2e6),
                                  (math.nan, 2.0)])
def test_ranges_that_are_none_are_refused(ends: tuple[float, float]) -> None:
    with pytest.raises(BadInput, match="range"):
        Range(*ends)


def test_a_whole_pool_has_no_buckets_and_a_price_is_above_zero() -> None:
    with pytest.raises(BadInput, match="bounded"):
        buckets(Range(), BOTH, TAIL, share=0.1, fee=0)
    for price in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(BadInput, match="price"):
            market_haircut(Range(), price, BOTH, TAIL)
