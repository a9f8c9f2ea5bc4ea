"""The panel is what it says: listings priced by the model alone, books of them, the same for every venue."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy.special import ndtr

from risk.exact.sobol import sobol_uniforms
from risk.models.calibration import Calibration
from risk.models.model import Model, parse_model
from risk.models.volatility import Volatility
from risk.scenarios import monte_carlo
from risk.scenarios.scenarios import Scenarios, simulate
from risk.valuation.panel import EXPIRIES, STRIKES, UNIT, Panel

TWO = b"""
schema = "tailproof.model/2"
name = "two"
estimator = "monte-carlo"
assets = ["A", "B"]
horizon = 2
[epoch]
scenarios = 21
tail = "2"
masses = "8x1 8x2 5x8"
depth = 2
[volatility.A]
family = "garch"
mean = 0.0
omega = 2.0e-5
alpha = 0.1
beta = 0.88
innovations = "t"
degrees = 4.0
variance = 0.0016
[volatility.B]
family = "ewma"
lambda = 0.94
innovations = "normal"
variance = 0.0004
[correlation]
family = "static"
matrix = [[1.0, 0.6], [0.6, 1.0]]
[scenarios]
population = 2048
"""
N = 2048


@pytest.fixture(scope="module")
def model() -> Model:
    return parse_model(TWO)


@pytest.fixture(scope="module")
def calibration(model: Model) -> Calibration:
    assert model.variances is not None
    return Calibration(model.volatilities, model.variances, model.correlation.matrix)


@pytest.fixture(scope="module")
def paths(model: Model, calibration: Calibration) -> Scenarios:
    assert model.copula is not None
    drawn = monte_carlo.population(calibration, model.copula, seed=3, count=N, horizon=2)
    return simulate(calibration, model.assets, drawn)


@pytest.fixture(scope="module")
def panel(model: Model, calibration: Calibration, paths: Scenarios) -> Panel:
    return Panel.of(model, calibration, paths)


def put(forward: np.ndarray, strike: float, deviation: np.ndarray) -> np.ndarray:
    upper = np.log(forward / strike) / deviation + deviation / 2
    return strike * ndtr(deviation - upper) - forward * ndtr(-upper)


def test_values_are_black_s_in_units_of_the_asset_s_deviation(panel: Panel, calibration: Calibration,
                                                              paths: Scenarios) -> None:
    volatility: Volatility = calibration.volatilities[0]
    today, after = calibration.variances[0], paths.variances[:, 0] * 1e-12
    deviation = np.sqrt(2 * volatility.average_variance(np.array(today), 2))
    spot = np.exp(paths.returns[:, 0] * 1e-9)
    assert panel.values.shape == (N, 2 * (1 + len(EXPIRIES) * len(STRIKES)))
    assert np.abs(panel.values[:, 0] - (spot - 1) / deviation * UNIT).max() <= 0.51
    steps, strike = 30, float(np.exp(-3 * deviation))                          # far: 15 horizons of 2 steps
    now = np.sqrt(steps * volatility.average_variance(np.array(today), steps))
    ratio = volatility.average_variance(after, steps - 2) / volatility.average_variance(np.array(today), steps - 2)
    then = now * np.sqrt(ratio * (steps - 2) / steps)
    change = put(spot, strike, then) - put(np.ones(1), strike, now)
    column = 1 + 1 * len(STRIKES) + STRIKES.index(-3.0)
    assert np.abs(panel.values[:, column] - change / deviation * UNIT).max() <= 0.51


def test_a_long_straddle_never_loses_more_than_it_cost_and_gains_both_ways(panel: Panel, paths: Scenarios) -> None:
    books = panel.references()
    losses = panel.losses(books["short straddle A"])
    wild = np.argsort(np.abs(paths.returns[:, 0]))[-20:]
    assert (losses[wild] > 0).all()


def test_references_are_twelve_for_one_asset_and_for_more(panel: Panel) -> None:
    assert len(panel.references()) == 12
    one = Panel(("A",), panel.values[:, :28])
    assert len(one.references()) == 12
    assert all(leg < 28 for book in one.references().values() for leg, _ in book)
    for book in (*panel.references().values(), *one.references().values()):
        assert (panel.losses(book) != 0).any()


@pytest.mark.parametrize("assets", [1, 2, 4, 5, 9])
def test_books_name_only_legs_that_there_are(assets: int) -> None:
    width = assets * (1 + len(EXPIRIES) * len(STRIKES))
    empty = Panel(tuple("ABCDEFGHI"[:assets]), np.zeros((4, width), np.int32))
    books = list(empty.books(Fraction(1, 40)))
    assert len({(tuple(sorted(book)), share) for book, share in books}) > 20 * assets
    assert all(0 <= leg < width and units for book, _ in books for leg, units in book)
    assert {share for _, share in books} == {Fraction(1, 20), Fraction(1, 40), Fraction(1, 100)}


def test_mixtures_hold_every_spot_and_a_fifth_of_the_options(panel: Panel) -> None:
    width = panel.values.shape[1]
    unit = Panel(panel.assets, np.eye(width, dtype=np.int32))
    held = -np.stack(list(unit.mixtures(200)))                       # (200, width), in 1/1024
    spots = [0, width // 2]
    assert 0 < np.abs(held).max() <= 1024
    assert (held[:, spots] != 0).mean() > 0.99
    assert 0.18 < (np.delete(held, spots, axis=1) != 0).mean() < 0.22
    assert len(np.unique(held, axis=0)) == 200
    losses = np.stack(list(panel.mixtures(200)), axis=1)
    off = np.abs(losses + panel.values.astype(np.int64) @ held.T)
    assert off.max() <= 0.5 * np.abs(panel.values.astype(np.int64)).sum(axis=1).max() + 1


def test_features_are_scaled_to_compare(panel: Panel) -> None:
    means = np.abs(panel.features).mean(0)
    assert np.abs(means - 256).max() < 2
    assert panel.features.shape == (N, 2 + 2 + 2 + 1)


def test_points_come_from_the_seed_alone() -> None:
    assert (sobol_uniforms(3, 8, (2, 2)) == sobol_uniforms(3, 8, (2, 2))).all()
    assert not (sobol_uniforms(3, 8, (2, 2)) == sobol_uniforms(4, 8, (2, 2))).any()
