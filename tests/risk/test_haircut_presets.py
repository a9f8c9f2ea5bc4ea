"""Haircuts that others take, the liquidation haircut as a function of size, and tokens that hang on the venue."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from primitives.errors import BadInput
from risk.grid.closing_cost import closing_cost
from risk.grid.haircut_presets import PRESETS, preset
from risk.grid.haircuts import Swing, parse_collateral

M = 10**6
DEPTH = {"half_spread": "0.001", "daily_volume": "1000", "size": "10", "deviation": "0.04", "coefficient": "1"}
WBTC = {"symbol": "WBTC", "token": "eip155:1/erc20:0x2260fac5e5542a773aa44fbcfedf7c193bc2c599", "decimals": 8,
        "underlying": "BTC", "protocol": "0.02", "liquidation": "0.005"}


def collateral(**changes: Any) -> bytes:
    return json.dumps({"schema": "tailproof.collateral/1", "assets": [{**WBTC, **changes}]}).encode()


# -- presets ----------------------------------------------------------------------------------------------------------
def test_binances_example_is_its_pages() -> None:
    """[Binance: 6,000 BTC at 20,000 count for 119,500,000 of 120,000,000.]"""
    row = preset("binance-cross-example").rows["BTC"]
    assert row.haircut(Fraction(120 * M)) == 1 - Fraction(1195, 1200)
    assert row.haircut(Fraction(100 * M)) == 0
    # Beyond 200 million the page says nothing, so nothing counts.
    whole = 100 + 20 * Fraction("0.975") + 30 * (Fraction("0.95") + Fraction("0.9")) + 20 * Fraction("0.85")
    assert row.haircut(Fraction(400 * M)) == 1 - whole / 400


@pytest.mark.parametrize(("symbol", "initial", "maintenance"), [
    ("ETH", "0.25", "0.2"), ("BTC", "0.3025", "0.25"), ("USDT", "0.0396", "0.02"), ("weETH", "0.4995", "0.35"),
    ("SNX", "0.545", "0.3")])
def test_derives_factors_for_initial_are_those_for_maintenance_scaled(symbol: str, initial: str, maintenance: str
                                                                      ) -> None:
    row = preset("derive-srm").rows[symbol]
    assert row.haircut(Fraction(M)) == Fraction(initial)
    assert row.of_maintenance(Fraction(M)) == Fraction(maintenance)


def test_the_founding_table() -> None:
    found = PRESETS["founding"]
    cuts = {}
    for symbol in ("USDC", "WBTC", "PEPE"):
        row = found.row(symbol)
        assert row is not None
        cuts[symbol] = row.haircut(Fraction(1))
    assert cuts == {"USDC": Fraction(1, 100), "WBTC": Fraction(5, 100), "PEPE": Fraction(30, 100)}
    assert PRESETS["derive-srm"].row("PEPE") is None


@pytest.mark.parametrize("name", PRESETS)
def test_haircuts_do_not_fall_with_value_and_lie_between_0_and_1(name: str) -> None:
    for row in PRESETS[name].rows.values():
        before = Fraction(0)
        for value in (1, 10**4, 10**5, 3 * 10**5, 10**6, 10**7, 2 * 10**8, 10**9):
            cut = row.haircut(Fraction(value))
            assert before <= cut <= 1
            assert row.of_maintenance(Fraction(value)) <= cut
            before = cut
        ends = [end for end, _ in row.tiers]
        assert all(end is not None for end in ends[:-1])
        ratios = [ratio for _, ratio in row.tiers]
        assert ratios == sorted(ratios, reverse=True)


def test_an_unknown_preset_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInput, match=r"--preset is 'derive': must be one of founding"):
        preset("derive")


# -- liquidity --------------------------------------------------------------------------------------------------------
def test_the_cost_of_closing_is_the_square_root_law() -> None:
    """0.001 + 1 x 0.04 x sqrt(10/1000) = 0.005."""
    assert closing_cost(Fraction("0.001"), Fraction(1000), Fraction(10), Fraction("0.04"), Fraction(1)) == \
        Decimal("0.005")
    (asset,) = parse_collateral(collateral(liquidation=DEPTH))
    assert float(asset.liquidation) == 0.005


def test_it_is_rounded_up_and_grows_with_size() -> None:
    before = 0.0
    for size in ("1", "2", "7", "50", "999"):
        (asset,) = parse_collateral(collateral(liquidation={**DEPTH, "size": size}))
        found = float(asset.liquidation)
        exact = 0.001 + 0.04 * math.sqrt(float(size) / 1000)
        assert exact - 1e-12 <= found <= exact + 2e-9
        assert found > before
        before = found


def test_factors_are_cut_by_it() -> None:
    swing, price = Swing(Fraction(1, 4), Fraction(1, 3)), 29_001_720_000
    (flat,), (sized,) = (parse_collateral(collateral(**one)) for one in ({}, {"liquidation": DEPTH}))
    assert sized.factors(price, swing) == flat.factors(price, swing)       # both 0.005
    (large,) = parse_collateral(collateral(liquidation={**DEPTH, "size": "100"}))
    assert large.factors(price, swing).value < flat.factors(price, swing).value
    assert large.factors(price, swing).debt > flat.factors(price, swing).debt


@pytest.mark.parametrize(("change", "message"), [
    ({"size": "1000000"}, "one that can be sold: it would cost"),
    ({"daily_volume": "0"}, "daily_volume"), ({"half_spread": "-0.1"}, "half_spread"), ({"more": "1"}, "more"),
    ({"coefficient": 1}, "coefficient")])
def test_depths_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parse_collateral(collateral(liquidation={**DEPTH, **change}))


# -- wrong way --------------------------------------------------------------------------------------------------------
def test_a_venues_own_token_counts_for_its_recovery_at_most() -> None:
    swing, price = Swing(Fraction(1, 4), Fraction(1, 3)), 10**6
    (own,) = parse_collateral(collateral(recovery="0.1", protocol="0", liquidation="0"))
    assert own.haircut(swing) == Fraction(9, 10)
    assert own.factors(price, swing).value == 10**6 * 2**64 // 10 // 10**8
    assert own.factors(price, swing).debt == parse_collateral(collateral(protocol="0", liquidation="0"))[0].factors(
        price, swing).debt                                        # who owes it gains
    (mild,) = parse_collateral(collateral(recovery="0.9"))
    (plain,) = parse_collateral(collateral())
    assert mild.factors(price, swing) == plain.factors(price, swing)       # it swings by more
    for recovery in ("-0.1", "1.1", 0.5):
        with pytest.raises(BadInput, match="recovery"):
            parse_collateral(collateral(recovery=recovery))
