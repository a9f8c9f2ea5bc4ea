"""Standard scenarios with masses: real paths of the population, whose tails they keep, with an error that is stated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from primitives import jsonio
from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.epochs.provenance import Sources
from risk.exact.shape import TailSize, WeightedTail
from risk.grid import standard_choice
from risk.grid.grid_build import Valuation, assemble_grid, full_revaluation, value
from risk.grid.grid_map import POINT_UNIT, Nodes
from risk.grid.grid_shape import GRID_1000, GRID_1000_WEIGHTED, GRID_TINY_WEIGHTED
from risk.grid.grid_standard import StandardMap
from risk.grid.standard_choice import Choice, Weighting, choose, within
from risk.margins.grid_margin import compare
from risk.margins.portfolio import Portfolio

MAP, TINY = GRID_1000_WEIGHTED.map, GRID_TINY_WEIGHTED.map
assert isinstance(MAP, StandardMap)
assert isinstance(TINY, StandardMap)
assert MAP.weighting is not None
TAIL = MAP.weighting.tail
MASSES = np.array(TAIL.masses)


def mean_of_tail(losses: np.ndarray, masses: np.ndarray, share: float = 0.025) -> float:
    """Expected Shortfall by its definition, in doubles."""
    order = np.argsort(-losses)
    inside = np.diff(np.minimum(np.cumsum(masses[order]) / masses.sum(), share), prepend=0.0)
    return float((losses[order] * inside).sum() / share)


# -- the kept choice --------------------------------------------------------------------------------------------------
def test_the_tiny_choice_is_what_comes_out() -> None:
    """Bit for bit; `make standard-scenarios` says it of the large one."""
    made = [TINY.chosen(regime).to_json() for regime in range(TINY.regimes)]
    assert made == [choice.to_json() for choice in TINY.choices]


def test_standard_scenarios_with_masses_are_the_same_for_ever() -> None:
    """They are constants of keys: a change of these numbers is another statement."""
    assert GRID_1000_WEIGHTED.digest() == 421724739803121414776941979756661259055833584608891136207831273552375853586
    assert GRID_TINY_WEIGHTED.digest() == 338289100712238286901171321999907470621599089228849284640092799129111158216


@pytest.mark.parametrize("regime", range(4))
def test_scenarios_are_paths_that_lie_within_the_nodes(regime: int) -> None:
    choice = MAP.choices[regime]
    assert len(np.unique(choice.paths)) == 1000
    spot, volatility = MAP.population(regime)
    inside = within(MAP.nodes, spot, volatility)
    beyond = ((spot != inside[0]) | (volatility != inside[1])).any(axis=1)
    assert choice.bounded == beyond.sum() < 0.004 * 2**17
    assert np.array_equal(MAP.points[0][regime], inside[0][choice.paths])
    assert np.array_equal(MAP.points[1][regime], inside[1][choice.paths])
    away = np.abs(MAP.points[0][regime]).max(axis=1) / POINT_UNIT
    assert away[:80].mean() > 4 * away[-64:].mean()                            # outermost first


@pytest.mark.parametrize("regime", range(4))
def test_tails_of_single_underlyings_and_of_all_are_the_population_s(regime: int) -> None:
    """Against paths that nothing bounds, so that the bound is inside the error; in units of deviations, no prices."""
    full, chosen = MAP.population(regime)[0], MAP.points[0][regime]
    ones = np.ones(len(full))
    for legs in (*np.eye(4, dtype=int), np.ones(4, int), np.array([1, -1, 0, 0])):
        for sign in (1, -1):
            true, own = mean_of_tail(full @ legs * sign, ones), mean_of_tail(chosen @ legs * sign, MASSES)
            assert abs(own / true - 1) < 0.03, (legs, sign)


def test_the_bound_takes_less_than_one_percent_from_single_underlyings() -> None:
    """Of Expected Shortfall in price, long and short, for underlyings that move up to 7 % over the horizon."""
    spot, _ = MAP.population(2)
    inside, _ = within(MAP.nodes, spot, spot)
    for deviation in (0.01, 0.03, 0.05, 0.07):
        for sign in (1, -1):
            true, bounded = (mean_of_tail(sign * np.expm1(deviation * x[:, 0] / POINT_UNIT), np.ones(len(x)))
                             for x in (spot, inside))
            assert 0.99 < bounded / true <= 1.0


def test_population_has_unit_size_and_the_regime_s_correlation() -> None:
    for regime, correlation in enumerate(MAP.correlations):
        spot = MAP.population(regime)[0] / POINT_UNIT
        assert np.abs(spot.std(axis=0) - 1).max() < 0.01
        assert np.abs(np.corrcoef(spot.T)[~np.eye(4, dtype=bool)] - correlation).max() < 0.01


def test_stated_quality_is_that_of_the_scenarios() -> None:
    """Recomputed for a regime: the population's in full and unbounded, the scenarios' on the grid."""
    points, choice = MAP.population(2), MAP.choices[2]
    full = standard_choice._valued(MAP._garch, MAP.horizon, *points)
    on_grid = standard_choice._interpolated(MAP._garch, MAP.horizon, MAP.nodes, MAP.weight_bits,
                                            *(axis[2] for axis in MAP.points))
    for reference, book in zip(choice.quality.references, full.references().values(), strict=True):
        population = mean_of_tail(full.losses(book), np.ones(2**17)) / 4096
        scenarios = mean_of_tail(on_grid.losses(book), MASSES) / 4096
        assert reference.population == pytest.approx(population, rel=1e-3)
        assert reference.scenarios == pytest.approx(scenarios, abs=1e-5)
    for stated in MAP.choices:
        assert abs(stated.quality.bias) < 0.03
        assert stated.quality.floor > 0.7


def test_a_choice_survives_json() -> None:
    choice = TINY.choices[0]
    again = Choice.from_json(Node(jsonio.loads(jsonio.dumps(choice.to_json()))))
    assert again.to_json() == choice.to_json()


def test_parameters_survive_json() -> None:
    written = jsonio.loads(jsonio.dumps(MAP.to_json()))
    assert written["masses"].startswith("80x1 216x2")
    assert StandardMap.from_json(Node(written)) == MAP
    with pytest.raises(BadInput, match="population"):
        StandardMap.from_json(Node(written | {"population": 2**17 - 1}))
    with pytest.raises(BadInput, match="masses"):
        StandardMap.from_json(Node(written | {"scenarios": 998}))
    with pytest.raises(BadInput, match="population is missing: must be given"):
        StandardMap.from_json(Node({key: value for key, value in written.items() if key != "population"}))


def test_equally_likely_scenarios_have_no_population() -> None:
    assert isinstance(GRID_1000.map, StandardMap)
    assert GRID_1000.map.choices == GRID_1000.quality == ()
    with pytest.raises(BadInput, match="weighting is missing: must be given"):
        GRID_1000.map.chosen(0)


def test_no_manifest_makes_a_reader_choose_for_minutes() -> None:
    with pytest.raises(BadInput, match="of parameters whose choice Tailproof keeps"):
        _ = replace(MAP, seed=2).weights


def test_masses_in_any_order_get_scenarios_as_far_out() -> None:
    """The lightest are outermost, wherever they stand."""
    mixed = WeightedTail.parse("13/2", "1x5 2x1 2x3 3x2")
    order = np.argsort(np.array(mixed.masses), kind="stable")
    assert TINY.weighting is not None
    rising = WeightedTail(mixed.portion, tuple(mixed.masses[i] for i in order))
    points = TINY.population(0)
    found, sorted_ = (choose(TINY._garch, 2, TINY.nodes, 4, points, tail) for tail in (mixed, rising))
    assert np.array_equal(found.paths[order], sorted_.paths)


def test_what_is_beyond_the_nodes_is_moved_onto_them() -> None:
    nodes = Nodes((-1000, 0, 2000), (900, 1500))
    spot, volatility = within(nodes, np.array([-3, -1, 1, 5]) * POINT_UNIT, np.array([1, 8, 14, 90]) * POINT_UNIT // 10)
    assert (spot / POINT_UNIT).tolist() == [-1, -1, 1, 2]
    assert (volatility / POINT_UNIT).tolist() == [0.9, 0.9, 1.4, 1.5]


@pytest.mark.parametrize("population", [0, 19 * 64 + 1, 19 * 2**17, 19.0])
def test_populations_out_of_bounds(population: int) -> None:
    with pytest.raises(BadInput, match="population"):
        Weighting(WeightedTail.parse("13/2", "2x1 3x2 1x5 2x3"), population)


# -- epochs -----------------------------------------------------------------------------------------------------------
def test_masses_that_scenarios_were_not_chosen_for_are_refused(crypto_sources: Sources) -> None:
    with pytest.raises(BadInput, match=r"shape\.masses is .*without a population are scenarios that are equally"):
        value(crypto_sources, replace(GRID_1000, tail=TAIL))
    with pytest.raises(BadInput, match=r"shape\.masses is .*which the standard scenarios were chosen for"):
        value(crypto_sources, replace(GRID_1000_WEIGHTED, tail=WeightedTail.parse("25", "1000x1")))
    with pytest.raises(BadInput, match=r"shape\.masses is .*which the standard scenarios were chosen for"):
        value(crypto_sources, replace(GRID_1000_WEIGHTED, tail=TailSize(25)))


@pytest.fixture(scope="module")
def valued(crypto_sources: Sources) -> Valuation:
    return value(crypto_sources, GRID_1000_WEIGHTED)


def test_the_grid_asks_for_little_more_though_it_reaches_further(valued: Valuation, fixtures) -> None:
    """Than full revaluation of the same scenarios, in every regime; see docs/statements.md."""
    epoch = assemble_grid(GRID_1000_WEIGHTED, valued)
    for regime in range(4):
        full = full_revaluation(GRID_1000_WEIGHTED, valued, regime)
        for path in sorted((fixtures / "btc_eth" / "portfolios").glob("*.json")):
            found = compare(epoch.under(regime), full, Portfolio.read(path).rows(epoch))
            limit = {"cross_asset_hedge": (0.04, 0.05, 0.08, 0.20)[regime]}.get(path.stem, 0.035)
            assert 0 <= found.relative < limit, (regime, path.stem, found)


def test_on_random_books_the_grid_never_asks_for_less(valued: Valuation) -> None:
    epoch = assemble_grid(GRID_1000_WEIGHTED, valued)
    full = [full_revaluation(GRID_1000_WEIGHTED, valued, regime) for regime in range(4)]
    rng = np.random.default_rng(6)
    for number in range(20):
        rows = rng.choice(np.arange(1, len(epoch.ids)), rng.integers(1, 33), replace=False)
        positions = [(int(row), int(q)) for row, q in zip(rows, rng.integers(-1000, 1001, len(rows)), strict=True)]
        assert compare(epoch.under(number % 4), full[number % 4], positions).excess >= 0


def test_weighted_scenarios_reach_further_than_equally_likely_ones() -> None:
    assert isinstance(GRID_1000.map, StandardMap)
    assert np.abs(MAP.points[0]).max() > 7 * POINT_UNIT > np.abs(GRID_1000.map.points[0]).max()
