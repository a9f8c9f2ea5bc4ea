"""Why a scenario costs what it costs: parts that sum exactly, and that are what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from risk.epochs.build import build
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.exact.elementary import exp
from risk.margins.causes import Causes, causes
from risk.margins.contributions import breakdown
from risk.margins.explain import scenarios_of
from risk.margins.shocks import Market
from risk.scenarios.scenarios import RETURN_UNIT

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "btc_eth"


@pytest.fixture(scope="module")
def epoch() -> Epoch:
    return build(Sources.read(FIXTURES / "model.toml", FIXTURES / "book.json"))


def causes_of(epoch: Epoch, lots: dict[str, int], wanted: range | list[int]) -> tuple[Causes, ...]:
    market = Market(epoch)
    rows = [(epoch.row_of(symbol) or 0, count) for symbol, count in lots.items()]
    return causes(market, rows, breakdown(epoch, rows), scenarios_of(epoch, market.model), list(wanted))


def test_parts_sum_to_the_loss_of_every_scenario(epoch: Epoch) -> None:
    lots = {"BTC-29JAN21-29000-C": -50, "BTC-29JAN21-29000-P": -50, "ETH-PERP": 900, "BTC-26MAR21": -30}
    found = causes_of(epoch, lots, range(len(epoch.changes[0])))
    rows = [(epoch.row_of(symbol) or 0, count) for symbol, count in lots.items()]
    losses = breakdown(epoch, rows).losses
    for one in found:
        assert one.time + sum(one.spots) + sum(one.volatilities) + one.rest == one.total == losses[one.scenario]
    assert any(one.rest for one in found), "a book of options is not linear"


def test_spot_alone_is_moved_by_its_own_price_alone(epoch: Epoch) -> None:
    """A lot is 0.01 BTC: its loss is that of the price, and nothing else costs anything."""
    scenarios = scenarios_of(epoch, Market(epoch).model)
    for one in causes_of(epoch, {"BTC-SPOT": 100}, [0, 7, 200]):
        fall = 1 - float(exp(np.array([scenarios.returns[one.scenario, 0] / RETURN_UNIT]))[0])
        assert abs(one.spots[0] - 29001.72 * 10**6 * fall) <= 100
        assert one.spots[1] == one.time == sum(one.volatilities) == one.rest == 0


def test_a_straddle_sold_gains_by_time_and_loses_by_volatility_that_rises(epoch: Epoch) -> None:
    scenarios = scenarios_of(epoch, Market(epoch).model)
    for one in causes_of(epoch, {"BTC-29JAN21-29000-C": -10, "BTC-29JAN21-29000-P": -10}, range(8)):
        rises = bool(scenarios.variances[one.scenario, 0] > scenarios.today[0])
        assert one.time < 0
        assert (one.volatilities[0] > 0) == rises
        assert one.volatilities[1] == one.spots[1] == 0
