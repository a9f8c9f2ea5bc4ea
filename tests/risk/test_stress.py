"""Stress beside the model's scenarios: what each set is, how many, and that every scenario says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from primitives.errors import BadInput
from risk.epochs import epoch_directory
from risk.epochs.audit import check
from risk.epochs.build import build, calibrated, parse_sources
from risk.epochs.drawing import draw
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.exact.expected_shortfall import expected_shortfall
from risk.models.model import Stress
from risk.models.scenario_set import SHOCK_UNIT
from risk.scenarios import stress
from risk.scenarios.scenarios import KINDS, Scenarios
from risk.valuation.panel import Panel

ALL = '\n[stress]\nsets = ["dependence-0", "dependence-1", "black-swan"]\nweight = 0.375\n' \
    '[gates.accepted]\nG7 = "much of it, to see it"\n'
SMALL = b'\n[scenarios]\npopulation = 8192\n'
MASSES = 'scenarios = 64\nmasses = "8x1 12x2 8x4 8x8 8x16 8x32 8x64 4x256"'


def scenarios(epoch: Epoch) -> Scenarios:
    assert epoch.provenance is not None
    return epoch.provenance.scenarios


def of(drawn: Scenarios, kind: str) -> np.ndarray:
    return drawn.returns[np.array(drawn.kinds) == kind]


@pytest.fixture(scope="module")
def stressed_sources(crypto_sources: Sources) -> Sources:
    return replace(crypto_sources, model=crypto_sources.model + ALL.encode())


@pytest.fixture(scope="module")
def stressed(stressed_sources: Sources) -> Epoch:
    return build(stressed_sources)


def days_of(closes: np.ndarray) -> np.ndarray:
    return np.datetime64("2018-12-31") + np.arange(len(closes))


def history(closes: np.ndarray) -> bytes:
    return ("date,BTC,ETH\n" + "".join(f"{day},{btc:.4f},{eth:.4f}\n" for day, (btc, eth) in
                                       zip(days_of(closes), closes, strict=True))).encode()


@pytest.fixture(scope="module")
def past() -> tuple[Sources, np.ndarray]:
    """Two years of a made-up market with a crash of two days, and a model that resamples it."""
    rng = np.random.default_rng(5)
    moves = rng.standard_t(4, (731, 2)) @ np.array([[0.02, 0.02], [0.0, 0.015]])
    moves[401], moves[402] = (-0.4, -0.5), (0.1, 0.2)                     # 2020-02-06 and the day after
    closes = np.exp(np.concatenate([np.zeros((1, 2)), np.cumsum(moves, 0)]) + np.log([10_000.0, 500.0]))
    closes = np.round(closes / closes[-1] * [29001.72, 737.8], 4)
    model = b'''schema = "tailproof.model/2"
name = "fhs"
estimator = "filtered-historical"
assets = ["BTC", "ETH"]
horizon = 2
[epoch]
scenarios = 200
tail = "5"
depth = 3
[stress]
sets = ["2020-02-06"]
weight = 0.1
[events]
"2020-02-06" = "a crash"
"2020-02-07" = "and its second day"
'''
    book = (Path(__file__).parent.parent.parent / "fixtures" / "btc_eth" / "book.json").read_bytes()
    return Sources(model, book, history(closes), {}), closes


def test_every_scenario_says_where_it_came_from(stressed: Epoch) -> None:
    drawn = scenarios(stressed)
    assert drawn.counts() == {"model": 160, "dependence-0": 32, "dependence-1": 32, "black-swan": 32}
    assert drawn.kinds[:160] == ("model",) * 160


def test_dependence_is_none_or_all(stressed: Epoch, stressed_sources: Sources) -> None:
    """Of 500 scenarios: a correlation of n independent ones errs by 1/sqrt(n), which of the 32 of 256 is 0.18."""
    model = stressed_sources.model.replace(b"scenarios = 256", b"scenarios = 4000")
    large = scenarios(build(replace(stressed_sources, model=model)))
    assert len(of(large, "dependence-0")) == 500
    assert abs(np.corrcoef(of(large, "dependence-0").T)[0, 1]) < 0.13
    assert np.corrcoef(of(large, "dependence-1").T)[0, 1] > 0.99
    drawn = scenarios(stressed)
    apart, together = of(drawn, "dependence-0"), of(drawn, "dependence-1")
    assert abs(np.corrcoef(apart.T)[0, 1]) < 3 / np.sqrt(32)
    assert np.corrcoef(together.T)[0, 1] > 0.99
    # Each asset keeps its own law.
    for kind in (apart, together):
        assert np.median(np.abs(kind), 0) == pytest.approx(np.median(np.abs(of(drawn, "model")), 0), rel=0.5)


def test_dependence_one_is_the_same_quantile_of_every_asset(crypto_sources: Sources) -> None:
    """At one step, comonotone: ranks agree exactly."""
    model = crypto_sources.model.replace(b"horizon = 2 ", b"horizon = 1 ") + ALL.encode()
    together = of(scenarios(build(replace(crypto_sources, model=model))), "dependence-1")
    assert (np.argsort(together[:, 0], kind="stable") == np.argsort(together[:, 1], kind="stable")).all()


def test_a_black_swan_is_the_mean_of_the_worst_hundredth(stressed: Epoch, stressed_sources: Sources) -> None:
    drawn = scenarios(stressed)
    assert drawn.shocks is not None
    swan = np.array(drawn.kinds) == "black-swan"
    assert len(np.unique(drawn.returns[swan], axis=0)) == 2
    down, up = drawn.returns[swan].min(0), drawn.returns[swan].max(0)
    text = stressed_sources.model.replace(b"scenarios = 256", b"scenarios = 8000").replace(ALL.encode(), b"")
    large = build(replace(stressed_sources, model=text))
    own = np.sort(scenarios(large).returns, 0)
    for i in range(2):
        assert down[i] == pytest.approx(own[:80, i].mean(), rel=0.12)
        assert up[i] == pytest.approx(own[-80:, i].mean(), rel=0.12)
    assert (drawn.shocks.column("volatility")[swan] == SHOCK_UNIT).all()
    assert set(drawn.shocks.column("basis")[swan].tolist()) == {-45 * 10**9, 45 * 10**9}
    assert (drawn.variances[swan] == drawn.today).all()


def test_a_black_swan_moves_volatility_and_basis(stressed: Epoch) -> None:
    """A straddle gains on both sides; the perpetual moves by 4.5 % of itself more or less than the spot."""
    drawn = scenarios(stressed)
    swan = np.array(drawn.kinds) == "black-swan"
    rows = {i.symbol: stressed.changes[row][swan] for row, i in enumerate(stressed.instruments, 1)}
    call, put = (rows[f"BTC-29JAN21-29000-{kind}"] for kind in "CP")
    assert (call + put > 0).all()
    spot = rows["BTC-SPOT"] / 29001.72e4
    perpetual = rows["BTC-PERP"]
    assert perpetual[0] < perpetual[1]
    assert (perpetual[1] - perpetual[0]) / (perpetual[2] - perpetual[0]) == pytest.approx(
        0.09 * (1 + spot[0]) / (0.955 * (spot[2] - spot[0])), rel=1e-5)


def test_the_panel_that_scenarios_are_chosen_by_sees_the_shock(stressed: Epoch, stressed_sources: Sources) -> None:
    model, _, _ = parse_sources(stressed_sources)
    assert stressed.provenance is not None
    calibration, drawn = stressed.provenance.calibration, scenarios(stressed)
    swan = np.array(drawn.kinds) == "black-swan"
    with_shocks, without = (Panel.of(model, calibration, paths).values
                            for paths in (drawn, replace(drawn, shocks=None)))
    assert (with_shocks[~swan] == without[~swan]).all()
    assert (with_shocks[swan, 1:28] >= without[swan, 1:28]).all()                       # puts are worth more
    assert (with_shocks[swan, 14] > 1.2 * np.abs(without[swan, 14]) + 1).any()


def test_stress_makes_a_hedge_dearer(crypto: Epoch, crypto_sources: Sources) -> None:
    """Long BTC against short ETH lives on their dependence."""
    apart = build(replace(crypto_sources, model=crypto_sources.model
                          + b'\n[stress]\nsets = ["dependence-0"]\nweight = 0.25\n'))
    btc, eth = (crypto.row_of(name) for name in ("BTC-SPOT", "ETH-SPOT"))
    margins = [expected_shortfall(-(epoch.changes[btc] - 4 * epoch.changes[eth]), epoch.shape.tail).ceiling
               for epoch in (crypto, apart)]
    assert margins[1] > 1.15 * margins[0]


def test_the_model_s_own_draw_does_not_depend_on_what_stress_is_called(crypto_sources: Sources) -> None:
    """A publisher who renames or reorders sets changes the file, and so the seed; with the seed held, nothing moves."""
    model, book, _ = parse_sources(crypto_sources)
    calibration = calibrated(model, book, None)
    one, two = (draw(replace(model, stress=Stress(names, 0.25)), calibration, None, seed=9).scenarios
                for names in (("dependence-0", "black-swan"), ("black-swan", "dependence-0")))
    for kind in ("model", "dependence-0", "black-swan"):
        assert (of(one, kind) == of(two, kind)).all()
    other = draw(replace(model, stress=Stress(("dependence-0", "black-swan"), 0.25)), calibration, None, seed=10)
    assert (of(one, "dependence-0") != of(other.scenarios, "dependence-0")).any()


def test_history_repeats_itself_window_by_window(past: tuple[Sources, np.ndarray]) -> None:
    sources, closes = past
    drawn = scenarios(build(sources))
    assert drawn.counts() == {"model": 180, "historical": 20}
    assert drawn.shocks is not None
    crash = int(np.argmin(np.diff(np.log(closes[:, 0])))) + 1            # the row that it ends with
    assert days_of(closes)[crash] == np.datetime64("2020-02-06")
    found, origins = of(drawn, "historical"), drawn.shocks.column("origin")[180:]
    assert origins.tolist() == [crash - 2, crash - 1] * 10
    for row, origin in zip(found, origins.tolist(), strict=True):
        assert row == pytest.approx(np.log(closes[origin + 2] / closes[origin]) * 1e9, abs=1)
    # Volatility ends where the filter saw it go: after a crash far higher than before.
    assert (drawn.variances[180:] > 3 * drawn.today).all()
    assert np.median(drawn.variances[:180, 0]) < 2 * drawn.today[0]


def test_a_window_of_days_holds_all_its_days(past: tuple[Sources, np.ndarray], edited: Callable) -> None:
    sources, closes = past
    text = edited(sources.model, '"2020-02-06"', '"2020-02-01/2020-02-10"')
    drawn = scenarios(build(replace(sources, model=text)))
    assert drawn.shocks is not None
    first, last = (int(np.flatnonzero(days_of(closes) == np.datetime64(day))[0])
                   for day in ("2020-02-01", "2020-02-10"))
    assert sorted(set(drawn.shocks.column("origin")[180:].tolist())) == list(range(first - 2, last))
    assert of(drawn, "historical")[:, 0].min() < -0.28e9


def test_over_a_gap_a_window_holds_the_whole_return() -> None:
    assert stress._windows([1, 1, 1, 1], 2) == [(0, 2), (1, 3), (2, 4)]
    assert stress._windows([1, 3, 1, 1], 2) == [(0, 2), (1, 2), (2, 4)]
    assert stress._windows([1, 1], 3) == []


def test_stress_takes_paths_of_the_population_and_masses_stay(stressed_sources: Sources, tmp_path, edited: Callable
                                                              ) -> None:
    text = edited(edited(stressed_sources.model, "scenarios = 256", MASSES), 'tail = "32/5"', 'tail = "256/5"')
    sources = replace(stressed_sources, model=text + SMALL)
    epoch = build(sources)
    drawn = scenarios(epoch)
    assert sum(drawn.counts().values()) == 64
    assert {"model", "dependence-0", "dependence-1"} <= set(drawn.counts())
    plain, _, _ = parse_sources(replace(sources, model=sources.model.replace(ALL.encode(), b"")))
    assert plain.shape == epoch.shape
    assert epoch.provenance is not None
    assert epoch.provenance.drawn.quality is not None
    assert abs(epoch.provenance.drawn.quality.bias) < 0.03
    epoch_directory.save(epoch, tmp_path / "epoch")
    assert check(tmp_path / "epoch").passed
    assert epoch_directory.Manifest.read(tmp_path / "epoch").to_json()["scenarios"]["kinds"] == drawn.counts()


def test_an_epoch_without_stress_has_no_shocks(crypto: Epoch, tmp_path) -> None:
    epoch_directory.save(crypto, tmp_path / "epoch")
    assert not (tmp_path / "epoch" / "shocks.npy").exists()
    assert "kinds" not in epoch_directory.Manifest.of(crypto).to_json()["scenarios"]
    assert scenarios(crypto).counts() == {"model": 256}


@pytest.mark.parametrize(("sets", "weight", "total", "expected"), [
    (("a",), 0.25, 256, (64,)), (("a", "b"), 0.25, 256, (32, 32)), (("a", "b", "c"), 0.1, 100, (3, 3, 3)),
    ((), 0, 9, ())])
def test_shares_are_equal(sets: tuple[str, ...], weight: float, total: int, expected: tuple[int, ...]) -> None:
    assert stress.counts(Stress(sets, weight), total) == expected


@pytest.mark.parametrize("weight", [0.001, 0.999])
def test_a_share_of_nothing_or_all_is_refused(weight: float) -> None:
    with pytest.raises(BadInput, match=r"stress\.weight"):
        stress.counts(Stress(("a",), weight), 100)


@pytest.mark.parametrize(("old", "new", "message"), [
    ('"dependence-0"', '"dependence"', r"stress\.sets\[0\] is 'dependence': must be dependence-0, "),
    ('"dependence-0"', '"2020-03-12"', r"stress\.sets\[0\] is '2020-03-12': must be one of .* reads no prices"),
    ('"dependence-0"', '"dependence-1"', r"stress\.sets is .*repetitions"),
    ("0.375", "0", r"stress\.weight is 0: must be above 0"),
    ("0.375", "1.0", r"stress\.weight is 1\.0: must be above 0 and at most 0\.5"),
])
def test_what_is_wrong_is_named(stressed_sources: Sources, edited: Callable, old: str, new: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        build(replace(stressed_sources, model=edited(stressed_sources.model, old, new)))


@pytest.mark.parametrize(("name", "message"), [
    ("2030-01-01", r"stress\.sets is '2030-01-01': must be days of the history, from 2019-01-01"),
    ("2018-12-31", r"must be days of the history"),              # its first row ends no return
    ("2020-02-10/2020-02-01", "earlier to a later"),
    ("2020-02-30", "days that there are"),
])
def test_days_must_be_there(past: tuple[Sources, np.ndarray], edited: Callable, name: str, message: str) -> None:
    sources, _ = past
    with pytest.raises(BadInput, match=message):
        build(replace(sources, model=edited(sources.model, "2020-02-06", name)))


def test_kinds_are_for_good() -> None:
    """Arrays hold places in this list."""
    assert KINDS == ("model", "dependence-0", "dependence-1", "historical", "black-swan", "handwritten", "rates")
