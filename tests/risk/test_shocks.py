"""What a book gains if the market moves: the same revaluation as of scenarios, on a scenario of one's own."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from primitives.errors import BadInput
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.exact.shape import EpochShape, TailSize
from risk.grid.grid_build import build_grid
from risk.grid.grid_shape import GRID_TINY, GridShape
from risk.margins.portfolio import Portfolio
from risk.margins.shocks import Market

HALF = Fraction(1, 2)


def test_spot_moves_by_what_was_said(crypto: Epoch) -> None:
    row = crypto.row_of("BTC-SPOT")
    assert row is not None
    lot = crypto.instruments[row - 1].lot
    spot = 29_001_720_000
    market = Market(crypto)
    for move in (Fraction(-1, 5), Fraction(1, 10), Fraction(0)):
        assert market.gains([(row, 100)], [{"BTC": (move, Fraction(0))}]) == pytest.approx(
            [float(move * spot * Fraction(lot) * 100)], abs=100)


def test_assets_that_are_not_named_stay_and_volatility_moves_options_alone(crypto: Epoch) -> None:
    market = Market(crypto)
    spot, perpetual, call, other = (crypto.row_of(name) for name in (
        "BTC-SPOT", "BTC-PERP", "BTC-29JAN21-29000-C", "ETH-29JAN21-680-P"))
    assert None not in (spot, perpetual, call, other)
    still, shaken = market.lot_changes([{}, {"BTC": (Fraction(0), HALF)}]).T
    listed = {row: row - 1 for row in (spot, perpetual, call, other)}                # type: ignore[operator]
    assert still[listed[spot]] == shaken[listed[spot]] == 0
    assert shaken[listed[call]] > still[listed[call]]
    assert shaken[listed[other]] == still[listed[other]]


def test_a_published_scenario_comes_out_as_published(crypto: Epoch, fixtures: Path) -> None:
    """The same market, the same move, through `Market` and through the epoch."""
    assert crypto.provenance is not None
    scenarios = crypto.provenance.scenarios
    rows = Portfolio.read(fixtures / "btc_eth" / "portfolios" / "short_straddle.json").rows(crypto)
    market = Market(crypto)
    for s in (0, 22, 114):
        moves = {asset: (Fraction(float(np.expm1(scenarios.returns[s, i] / 1e9))),
                         Fraction(float(np.sqrt(scenarios.variances[s, i] / scenarios.today[i]) - 1)))
                 for i, asset in enumerate(market.model.assets)}
        published = sum(lots * int(crypto.changes[row, s]) for row, lots in rows)
        assert market.gains(rows, [moves])[0] == pytest.approx(published, rel=1e-4)


def test_a_grid_epoch_can_be_moved_too(trial_sources: Sources, crypto: Epoch) -> None:
    grid = build_grid(trial_sources, GridShape(GRID_TINY.map, GRID_TINY.tail, depth=3))
    move = {"ETH": (Fraction(-1, 10), HALF)}
    for symbol in ("ETH-SPOT", "ETH-29JAN21-680-P"):
        rows = [epoch.row_of(symbol) for epoch in (grid, crypto)]
        gains = [Market(epoch).gains([(row or 0, 7)], [move]) for epoch, row in zip((grid, crypto), rows, strict=True)]
        assert gains[0] == gains[1] != [0]


@pytest.mark.parametrize(("move", "message"), [
    ({"DOGE": (HALF, HALF)}, "asset is 'DOGE': must be one of BTC, ETH"),
    ({"BTC": (Fraction(-1), HALF)}, "change of BTC's spot is -1.0"),
    ({"BTC": (Fraction(0), Fraction(1001))}, "change of BTC's volatility is 1001.0"),
])
def test_a_senseless_move_is_refused(crypto: Epoch, move: dict[str, tuple[Fraction, Fraction]], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Market(crypto).gains([(1, 1)], [move])


def test_bare_numbers_cannot_be_moved() -> None:
    with pytest.raises(BadInput, match="nothing can be revalued"):
        Market(Epoch.of(EpochShape(2, TailSize(1), 1), [1], np.ones((1, 2), np.int64)))
