"""E11: rounding is paid for, long and short alike, and is never a matter of a thousandth of the risk."""

from __future__ import annotations

import copy
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worlds import book, option, world

from risk.epochs import epoch_directory
from risk.epochs.audit import check
from risk.epochs.build import build, prepare
from risk.epochs.difference import BrokenDuty
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.epochs.rounding import LARGEST_SHARE, ROUNDING
from risk.exact.expected_shortfall import expected_shortfall
from risk.grid.grid_build import Valuation, assemble_grid, value
from risk.grid.grid_shape import GRID_1000
from risk.margins.grid_margin import grid_margin
from risk.margins.margin import margin
from risk.valuation.revaluation import unrounded

LOTS = ("0.000001", "0.00001", "0.0001", "0.01", "1")


def with_lots(*lots: str, spot: str = "60000") -> Sources:
    """The small world with BTC in lots of these sizes."""
    made: dict[str, Any] = copy.deepcopy(book())
    made["instruments"] += [{"symbol": f"LOT-{lot}", "kind": "spot", "underlying": "BTC", "lot": lot,
                             "settlement": "physical"} for lot in lots]
    return world(made)


def exact_shortfall(losses: list[Fraction], epoch: Epoch) -> Fraction:
    """ES of fractions: losses in common units of 2**-1074 are integers."""
    unit = max(loss.denominator for loss in losses)              # powers of two
    return Fraction(expected_shortfall([int(loss * unit) for loss in losses], epoch.shape.tail).value) / unit


# -- never below full revaluation, unrounded ------------------------------------------------------------------------
@pytest.fixture(scope="module")
def lots() -> Epoch:
    return build(with_lots("0.0000008", "0.0000013", "0.00001"))


def floats(epoch: Epoch) -> np.ndarray:
    assert epoch.provenance is not None
    inputs = prepare(epoch.provenance.sources)
    return unrounded(inputs.book, inputs.model, inputs.calibration, epoch.provenance.scenarios)


def test_no_margin_is_below_the_unrounded_expected_shortfall(lots: Epoch) -> None:
    """Books of thousands of the smallest lots, where half a unit a lot is most of what there is to round."""
    exact = floats(lots)
    assert np.array_equal(np.rint(exact), lots.changes[1:])
    rng = np.random.default_rng(2)
    paid_for = 0
    for _ in range(60):
        rows = rng.choice(np.arange(1, len(lots.ids)), 3, replace=False)
        positions = [(int(row), int(q)) for row, q in zip(rows, rng.integers(-10**6, 10**6, 3), strict=True)]
        losses = [sum((-q * Fraction(float(exact[row - 1, s])) for row, q in positions), Fraction(0))
                  for s in range(lots.shape.scenarios)]
        least = max(Fraction(0), exact_shortfall(losses, lots))
        found = margin(lots, positions)
        assert found.required >= least
        paid_for += max(0, found.shortfall.ceiling) < least      # without the charge, it would not be
    assert paid_for > 10


def test_every_living_leaf_charges_it_and_no_settled_one(lots: Epoch) -> None:
    assert (lots.long[1:] >= ROUNDING).all()
    assert (lots.short[1:] >= ROUNDING).all()
    made = copy.deepcopy(book())
    made["instruments"].append({"symbol": "OLD", "kind": "future", "underlying": "BTC", "lot": "0.01",
                                "settlement": "cash", "expiry": "2024-06-14T08:00:00Z", "settled": "61000"})
    epoch = build(world(made))
    row = epoch.row_of("OLD")
    assert row is not None
    assert (epoch.long[row], epoch.short[row]) == (0, 0)


def test_uncharged_rounding_is_found_as_e11(lots: Epoch, tmp_path: Path) -> None:
    for side in ("long", "short"):
        rates = getattr(lots, side).copy()
        rates[3] -= 1
        epoch_directory.save(replace(lots, **{side: rates}), tmp_path / side)
        report = check(tmp_path / side)
        assert {d.clause for d in report.differences} == {"E11", "rebuild"}
        (found,) = [d for d in report.differences if d.clause == "E11"]
        assert found.field == f"{lots.label(3)}: {side}"


# -- on the grid ---------------------------------------------------------------------------------------------------
def test_the_grid_covers_unrounded_full_revaluation(crypto_sources: Sources) -> None:
    """E6, from unrounded value changes: each charge is at least how far the grid is off on its side."""
    valued: Valuation = value(crypto_sources, GRID_1000)
    epoch = assemble_grid(GRID_1000, valued)
    weights = GRID_1000.map.weights
    for regime, scenarios in enumerate(valued.scenarios):
        exact = unrounded(valued.book, valued.model, valued.calibration, scenarios)
        for row, listing in enumerate(valued.book.listings, 1):
            u = int(epoch.underlying[row])
            over = (weights[regime, :, u] @ valued.changes[row - 1]) / 256 - exact[row - 1]
            assert epoch.long[row] - listing.long >= over.max()
            assert epoch.short[row] - listing.short >= -over.min()
    assert grid_margin(epoch, [(1, 0)]).required == 0


# -- lots ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("lot", "enough"), [("0.00000000001", "0.000001"), ("0.000000000034", "0.000001"),
                                             ("0.0000001", "0.000001")])
def test_a_lot_that_rounding_would_empty_is_refused_with_one_that_does(lot: str, enough: str) -> None:
    with pytest.raises(BrokenDuty, match=rf"json: LOT-{lot}: lot is '{lot}': must be at least {enough} BTC.*E11"):
        build(with_lots(lot))
    epoch = build(with_lots(enough))
    row = epoch.row_of(f"LOT-{enough}")
    assert row is not None
    risk = max(expected_shortfall([sign * int(c) for c in epoch.changes[row]], epoch.shape.tail).ceiling
               for sign in (1, -1))
    assert ROUNDING <= LARGEST_SHARE * (risk + 1)


def test_a_cheap_token_is_listed_in_lots_of_millions() -> None:
    """35 million dollars of a token in lots of one would have had margin 0."""
    made: dict[str, Any] = copy.deepcopy(book())
    made["underlyings"][1] = {"symbol": "ETH", "spot": "0.000002"}
    made["instruments"] = [i for i in made["instruments"] if i["underlying"] == "BTC"] + [
        {"symbol": "SHIB", "kind": "spot", "underlying": "ETH", "lot": "1", "settlement": "physical"}]
    cheap = world(made)
    assert cheap.history is not None
    lines = cheap.history.decode().splitlines()
    rows = [line.split(",") for line in lines[1:]]
    cheap = replace(cheap, history="\n".join([lines[0], *(f"{day},{btc},{float(eth) * 2e-6 / 3000:.15f}"
                                                          for day, btc, eth in rows)]).encode())
    with pytest.raises(BrokenDuty, match=r"SHIB: lot is '1': must be at least 10000 ETH"):
        build(cheap)
    made["instruments"][-1]["lot"] = "10000"
    epoch = build(replace(cheap, book=world(made).book))
    row = epoch.row_of("SHIB")
    assert row is not None
    million_dollars = margin(epoch, [(row, 10**6 * 50)])          # lots of two cents
    assert 5 * 10**10 < million_dollars.required < 15 * 10**10     # five to fifteen percent


def test_options_far_from_the_money_are_measured_by_their_underlying() -> None:
    """They have no risk at any size, and are no less listed for that."""
    made: dict[str, Any] = copy.deepcopy(book())
    made["expiries"][0]["volatilities"].append({"strike": "1000000000", "volatility": "0.6"})
    made["instruments"].append(option("FAR", "call", "2024-07-19T08:00:00Z", "1000000000"))
    epoch = build(world(made))
    row = epoch.row_of("FAR")
    assert row is not None
    assert not epoch.changes[row].any()
    assert (epoch.long[row], epoch.short[row]) == (6 * 10**6 + 1, 12 * 10**6 + 1)
