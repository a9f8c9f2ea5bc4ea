"""Collateral files and factors."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives.errors import BadInput
from risk.epochs.provenance import Sources
from risk.exact.shape import TailSize
from risk.grid.grid_build import build_grid
from risk.grid.grid_epoch import NO_ASSET
from risk.grid.grid_shape import GRID_TINY
from risk.grid.haircuts import CollateralAsset, Swing, asset_factors, parse_collateral, swings

WBTC = {"symbol": "WBTC", "token": "eip155:1/erc20:0x2260fac5e5542a773aa44fbcfedf7c193bc2c599", "decimals": 8,
        "underlying": "BTC", "protocol": "0.02", "liquidation": "0.005"}
USDC = {"symbol": "USDC", "token": "eip155:1/erc20:0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "decimals": 6,
        "price": "1", "fall": "0.01", "rise": "0.02", "protocol": "0.01", "liquidation": "0.001"}


def collateral(*assets: dict[str, Any]) -> bytes:
    return json.dumps({"schema": "tailproof.collateral/1", "assets": assets}).encode()


def test_factors_are_the_product_of_the_haircuts() -> None:
    wbtc, usdc = parse_collateral(collateral(WBTC, USDC))
    swing = Swing(Fraction(1, 4), Fraction(1, 3))
    factors = asset_factors([wbtc, usdc], {"BTC": 29_001_720_000}, {"BTC": swing})
    unit = Fraction(29_001_720_000 * 2**64, 10**8)
    assert factors[0].value == int(unit * Fraction(3, 4) * Fraction(98, 100) * Fraction(995, 1000))
    assert factors[0].debt == -int(-unit * Fraction(4, 3) * Fraction(1005, 1000) // 1)
    assert factors[1].value == int(2**64 * Fraction(99, 100)**2 * Fraction(999, 1000))
    assert factors[1].debt == -(-2**64 * 102 * 1001 // 100_000)
    assert factors[0].id == wbtc.id != usdc.id


@given(price=st.integers(1, 10**18), decimals=st.integers(12, 30), shares=st.tuples(*[st.integers(0, 999)] * 4))
def test_collateral_is_rounded_down_and_debt_up(price: int, decimals: int, shares: tuple[int, int, int, int]) -> None:
    fall, rise, protocol, liquidation = (Fraction(share, 1000) for share in shares)
    asset = CollateralAsset("X", "a:b/c:d", decimals, None, price, None, Decimal(shares[2]) / 1000,
                            Decimal(shares[3]) / 1000)
    unit = Fraction(price * 2**64, 10**decimals)
    if unit * (1 + rise) * (1 + liquidation) > 2**80 - 1:
        with pytest.raises(BadInput, match="debt factor"):
            asset.factors(price, Swing(fall, rise))
        return
    factors = asset.factors(price, Swing(fall, rise))
    value = unit * (1 - fall) * (1 - protocol) * (1 - liquidation)
    debt = unit * (1 + rise) * (1 + liquidation)
    assert 0 <= value - factors.value < 1
    assert 0 <= factors.debt - debt < 1
    assert 0 <= factors.value <= factors.debt < 2**80      # E8


def test_swings_are_expected_shortfalls_of_the_worst_regime() -> None:
    calm = np.log1p(np.array([[-0.1], [0.2], [0.0], [0.1]])) * 1e9
    wild = np.log1p(np.array([[-0.2], [-0.4], [0.1], [0.1]])) * 1e9
    found = swings([np.rint(calm).astype(np.int64), np.rint(wild).astype(np.int64)], ["X"], TailSize(3, 2))["X"]
    assert float(found.fall) == pytest.approx((0.4 + 0.5 * 0.2) / 1.5, abs=1e-8)
    assert float(found.rise) == pytest.approx((0.2 + 0.5 * 0.1) / 1.5, abs=1e-8)
    only_up = swings([np.rint(np.log1p(np.array([[0.1]])) * 1e9).astype(np.int64)], ["X"], TailSize(1))["X"]
    assert (only_up.fall, float(only_up.rise)) == (0, pytest.approx(0.1, abs=1e-8))


def test_an_epoch_publishes_factors_of_its_own_scenarios(trial_sources: Sources) -> None:
    from dataclasses import replace

    shape = replace(GRID_TINY, depth=3)
    epoch = build_grid(trial_sources, shape, collateral=collateral(WBTC, USDC))
    spot = 29_001_720_000 * 2**64 / 10**8
    # ETH is wilder than BTC; both fall by several percent in the tail of two days.
    assert 0.6 * spot < epoch.assets[0].value < 0.97 * spot < spot < 1.03 * spot < epoch.assets[0].debt < 1.6 * spot
    assert epoch.listed == (NO_ASSET, *epoch.assets)
    assert epoch.root != build_grid(trial_sources, shape).root


@pytest.mark.parametrize(("assets", "says"), [
    ([], "assets"), ([WBTC, WBTC | {"symbol": "other"}], r"assets\[1\].token is .*: must be given once"),
    ([WBTC | {"protocol": "1"}], r"assets\[0\].protocol"),
    ([WBTC | {"liquidation": "-0.1"}], r"assets\[0\].liquidation"),
    ([WBTC | {"protocol": 0.02}], r"assets\[0\].protocol"), ([WBTC | {"decimals": 31}], r"assets\[0\].decimals"),
    ([WBTC | {"price": "1"}], "price"), ([{k: v for k, v in USDC.items() if k != "rise"}], "rise"),
    ([USDC | {"price": "0"}], r"assets\[0\].price"), ([WBTC | {"token": "WBTC"}], r"assets\[0\].token"),
    ([USDC | {"fall": "1"}], r"assets\[0\].fall"), ([USDC | {"rise": "10"}], r"assets\[0\].rise"),
    ([WBTC | {"token": f"eip155:1/erc20:{i}"} for i in range(64)], "length of assets is 64: must be between 1 and 63"),
    (["WBTC"], r"assets\[0\]")])
def test_malformed_collateral_is_refused(assets: list, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        parse_collateral(collateral(*assets), source="collateral.json")


def test_an_underlying_must_be_in_the_book_and_a_unit_worth_little() -> None:
    with pytest.raises(BadInput, match="WBTC: underlying is 'DOGE': must be one of BTC, ETH"):
        asset_factors(parse_collateral(collateral(WBTC | {"underlying": "DOGE"})), {"BTC": 1, "ETH": 1}, {})
    with pytest.raises(BadInput, match="WBTC: debt factor"):
        asset_factors(parse_collateral(collateral(WBTC | {"decimals": 0})), {"BTC": 10**11},
                      {"BTC": Swing(Fraction(0), Fraction(0))})
