"""The curve that `risk lp` publishes for a pool, on the contracts: what they count is what risk says they count, to the
unit, and never above what Expected Shortfall and leaving leave."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction

import pytest
from revmchain import Contract, refused, vault_artifacts
from vaultworld import CAP, POOL_ID, START, VaultWorld, build

from risk.grid.lp_tokens import (
    BASIS_POINTS,
    SHARE_UNIT,
    SLOPE,
    Curve,
    Range,
    built_in,
    counted,
    curve_for,
    leaving_cost,
    pool_unit,
)

ONE = 1 << 64
WINDOW = 3_600
FALLS = (145_000_000, 210_000_000)
"""Haircuts of the two assets, 10**-9."""
PRICES = (ONE, 3 * ONE // 2)
HAIRCUT = 182_345_678
"""Of a share, by scenarios: a little above what the adapter takes off."""


@pytest.fixture(scope="module")
def built() -> VaultWorld:
    return build()


@pytest.fixture
def w(built: VaultWorld) -> Iterator[VaultWorld]:
    epoch, snapshot = built.epoch, built.machine.evm.snapshot()
    yield built
    built.machine.evm.revert(snapshot)
    built.machine.at(START)
    built.epoch = epoch


def factors() -> list[tuple[int, int, int]]:
    """v = p (1 - h), as the epoch's list has it."""
    first, second = (price * (SHARE_UNIT - fall) // SHARE_UNIT for price, fall in zip(PRICES, FALLS, strict=True))
    return [(1, first, 2 * ONE), (5, second, 4 * ONE)]


def marked(w: VaultWorld, reserves: tuple[int, int], supply: int, curve: Curve) -> Contract:
    """A pool that was deep for the whole window, its shares taken and marked."""
    pair = w.machine.deploy(vault_artifacts()["TestPair"], w.quote.address, w.coin.address, sender=w.admin)
    pair("setPool", *reserves, supply)
    adapter = w.machine.deploy(vault_artifacts()["ConstantProductAdapter"], w.marks.address, w.vault.address,
                               pair.address, 1, WINDOW, sender=w.admin)
    w.marks("setCurve", POOL_ID, (adapter.address, curve.base, curve.slope, curve.largest_share), sender=w.admin)
    w.vault("listAsset", pair.address, POOL_ID, CAP, sender=w.admin)
    for passed in (1, WINDOW):
        w.pass_time(passed)
        w.publish(factors=factors())
        w.marks("mark", POOL_ID, w.epoch, factors(), sender=w.admin)
    return adapter


@pytest.mark.parametrize(("fee", "largest"), [(30, 2_000), (5, 4_000), (100, 500)])
def test_what_counts_on_chain_is_what_risk_says(w: VaultWorld, fee: int, largest: int) -> None:
    curve = curve_for(HAIRCUT, built_in(FALLS), fee, largest)
    reserves, supply = (3 * 10**14 + 7, 2 * 10**14 + 1), 10**13 + 3
    marked(w, reserves, supply, curve)
    unit = pool_unit(reserves, (factors()[0][1], factors()[1][1]), supply)
    assert tuple(w.marks("markOf", POOL_ID))[:2] == (unit, supply)
    fair = Fraction(pool_unit(reserves, PRICES, supply))
    rng = random.Random(fee)
    most = supply * largest // BASIS_POINTS
    for amount in (1, 2, most - 1, most, most + 1, supply, *(rng.randint(1, most) for _ in range(20))):
        on_chain = w.marks("valueOf", POOL_ID, amount, w.epoch)
        assert on_chain == counted(unit, supply, amount, curve)
        share = Fraction(min(amount, most), supply)
        left = fair * min(amount, most) * (1 - Fraction(HAIRCUT, SHARE_UNIT)) \
            * (1 - Fraction(leaving_cost(Range(), 1.0, float(share), fee) - 1, SHARE_UNIT))
        assert on_chain <= left
        exact = fair * min(amount, most) * (1 - Fraction(built_in(FALLS), SHARE_UNIT)) * curve.kept(share)
        assert exact * Fraction(999_999, 10**6) <= on_chain <= exact, "the fractions that `risk lp` prints"


def test_the_curve_is_the_contracts_and_no_other(w: VaultWorld) -> None:
    """The twin: with another base, slope or share the contract counts something else."""
    curve = curve_for(HAIRCUT, built_in(FALLS), 30, 2_000)
    reserves, supply = (10**14, 10**14), 10**13
    marked(w, reserves, supply, curve)
    unit = pool_unit(reserves, (factors()[0][1], factors()[1][1]), supply)
    on_chain = w.marks("valueOf", POOL_ID, 10**12, w.epoch)
    for other in (Curve(curve.base + 1, SLOPE, 2_000), Curve(curve.base, SLOPE + 1, 2_000),
                  Curve(curve.base, SLOPE, 999)):
        assert counted(unit, supply, 10**12, other) < on_chain


def test_curves_are_refused_where_the_contract_refuses_them(w: VaultWorld) -> None:
    adapter = w.machine.deploy(vault_artifacts()["TestAdapter"], w.coin.address, sender=w.admin)
    for number, share in enumerate((1, 2_000, 4_200, 4_222, 4_223, 4_224, 4_230, 6_000, 10_000)):
        curve = Curve(15, SLOPE, share)
        given = (adapter.address, curve.base, curve.slope, curve.largest_share)
        if curve.monotone:
            w.marks("setCurve", 70 + number, given, sender=w.admin)
        else:
            with refused("CurveNotMonotone", curve.base, curve.slope, curve.largest_share):
                w.marks("setCurve", 70 + number, given, sender=w.admin)
