"""Jumps over the horizon: their law against closed forms, Merton's options against Haug's table, and epochs."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy import stats
from worlds import MODEL, STATED, world

from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.addons.lot import variances_of
from risk.backtests.rolling import roll
from risk.epochs import epoch_directory
from risk.epochs.audit import check
from risk.epochs.build import build, calibrated, parse_sources
from risk.epochs.drawing import draw, sampler
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.exact.elementary import student_t_quantile
from risk.exact.sobol import sobol_uniforms
from risk.exact.uniforms import latin_hypercube
from risk.grid.grid_build import build_grid
from risk.grid.grid_shape import GRID_TINY
from risk.margins.contributions import breakdown
from risk.margins.explain import explain
from risk.margins.margin import margin
from risk.margins.procyclicality import study
from risk.margins.shocks import Market
from risk.models.jumps import MOST_JUMPS, Jumps, binomial, erlang, poisson
from risk.models.model import parse_model
from risk.scenarios import monte_carlo, stress
from risk.scenarios.jumps import jumps
from risk.scenarios.scenarios import simulate
from risk.stress.outcomes import dependence

COUNT = 2**16
MERTON = Jumps("merton", 50.0, 0.7, {"mean": -0.08, "deviation": 0.12}, (1.0, 1.5), "test")
KOU = Jumps("kou", 50.0, 0.7, {"up_share": 0.3, "up_mean": 0.05, "down_mean": 0.1}, (1.0, 1.5), "test")
YEARS = 2 / 365
TABLE = '[jumps]\nfamily = "merton"\nintensity = {intensity}\nsystemic = 0.7\nmean = {mean}\ndeviation = 0.12\n' \
    'source = "judgement"\n'
MASSES = 'scenarios = 64\ntail = "256/5"\nmasses = "8x1 12x2 8x4 8x8 8x16 8x32 8x64 4x256"'
TRIAL = 'purpose = "trial"\nseed = 9\n'


def drawn(law: Jumps, years: float = YEARS, count: int = COUNT) -> np.ndarray:
    return law.sample(sobol_uniforms(1, count, (law.uniforms,)), years)


def characteristic(law: Jumps, asset: int, t: float, expected: float) -> complex:
    """E exp(i t J) of the compound Poisson law."""
    s, sizes = t * law.scale[asset], law.sizes
    if law.family == "merton":
        one = np.exp(1j * s * sizes["mean"] - s * s * sizes["deviation"]**2 / 2)
    else:
        one = sizes["up_share"] / (1 - 1j * s * sizes["up_mean"]) \
            + (1 - sizes["up_share"]) / (1 + 1j * s * sizes["down_mean"])
    return complex(np.exp(expected * (one - 1)))


@pytest.mark.parametrize("law", [MERTON, KOU], ids=["merton", "kou"])
def test_the_law_is_the_closed_form(law: Jumps) -> None:
    """Characteristic function, mean, variance, and how assets go together."""
    found = drawn(law)
    expected = law.intensity * YEARS
    for i in range(2):
        for t in (1.0, 5.0, 20.0):
            assert abs(np.exp(1j * t * found[:, i]).mean() - characteristic(law, i, t, expected)) < 2e-3
        assert found[:, i].mean() == pytest.approx(expected * law.expected_size(i), rel=0.02)
        assert found[:, i].var() == pytest.approx(expected * law.expected_square(i), rel=0.03)
    assert np.corrcoef(found.T)[0, 1] == pytest.approx(law.systemic, abs=0.02)
    assert (found[:, 0] == 0).mean() == pytest.approx(math.exp(-expected), abs=1e-3)


@pytest.mark.parametrize("law", [MERTON, KOU], ids=["merton", "kou"])
@pytest.mark.parametrize("systemic", [0.0, 1.0])
def test_all_together_or_each_alone(law: Jumps, systemic: float) -> None:
    found = drawn(replace(law, systemic=systemic))
    both = (found != 0).all(axis=1).mean()
    expected = 1 - math.exp(-law.intensity * YEARS)
    if systemic:
        assert np.allclose(found[:, 1], 1.5 * found[:, 0], rtol=1e-15)
        assert both == pytest.approx(expected, abs=1e-3)
    else:
        assert both == pytest.approx(expected**2, abs=3e-3)
        assert abs(np.corrcoef(found.T)[0, 1]) < 0.02


def test_mertons_quantiles_are_those_of_the_series() -> None:
    """P(J <= x) = sum over n of Poisson's p_n times Phi((x - n mean)/(sqrt(n) deviation))."""
    expected, sizes = MERTON.intensity * YEARS, MERTON.sizes
    found = np.sort(drawn(MERTON)[:, 0])
    for x in (-0.4, -0.2, -0.1, -0.01, 0.01, 0.1, 0.2):
        series = math.exp(-expected) * (x >= 0) + sum(
            stats.poisson.pmf(n, expected) * stats.norm.cdf(x, n * sizes["mean"], math.sqrt(n) * sizes["deviation"])
            for n in range(1, 30))
        assert np.searchsorted(found, x, side="right") / COUNT == pytest.approx(series, abs=1e-3)


HAUG = [(80, .10, 1, .25, 20.67), (80, .50, 1, .25, 23.63), (90, .25, 1, .25, 12.74), (90, .10, 5, .25, 10.98),
        (100, .10, 1, .25, 3.42), (100, .50, 1, .25, 8.95), (100, .10, 5, .25, 3.51), (100, .10, 10, .25, 3.53),
        (110, .50, 1, .25, 4.67), (120, .25, 1, .25, .64), (90, .50, 1, .50, 15.34), (100, .10, 5, .50, 3.39),
        (100, .25, 1, .50, 5.58), (110, .10, 10, .50, .57), (120, .50, 1, .50, 2.15), (80, .10, 10, .75, 20.66),
        (90, .10, 1, .75, 11.11)]
"""Haug, The Complete Guide to Option Pricing Formulas, 1998, page 9: S = 100, r = 8 %, a volatility of 25 %, of whose
variance a share gamma is the law'. (K, T, intensity, gamma, call.)"""


@pytest.mark.parametrize(("strike", "years", "intensity", "gamma", "price"), HAUG)
def test_mertons_options_are_haugs(strike: float, years: float, intensity: float, gamma: float, price: float) -> None:
    """Jumps of the product's law and a diffusion, discounted; E exp(jump) = 1, so that the drift is r."""
    variance = gamma * 0.25**2 / intensity
    law = Jumps("merton", intensity, 0.0, {"mean": -variance / 2, "deviation": math.sqrt(variance)}, (1.0,), "haug")
    uniforms = sobol_uniforms(3, 2**17, (law.uniforms + 1,))
    diffusion = math.sqrt((1 - gamma) * years) * 0.25
    logs = (0.08 * years - diffusion**2 / 2) + diffusion * stats.norm.ppf(uniforms[:, -1]) \
        + law.sample(np.ascontiguousarray(uniforms[:, :-1]), years)[:, 0]
    found = math.exp(-0.08 * years) * np.maximum(100 * np.exp(logs) - strike, 0).mean()
    assert found == pytest.approx(price, abs=0.02)


def test_counts_and_sizes_are_inverted_right() -> None:
    u = (np.arange(2000) + 0.5) / 2000
    for expected in (0.0, 0.03, 1.0):
        assert np.array_equal(poisson(u, expected), stats.poisson.ppf(u, expected).astype(np.int64))
    assert poisson(np.array([1 - 2.0**-53]), 1.0)[0] == MOST_JUMPS
    for n, share in ((1, 0.3), (5, 0.3), (12, 0.9), (3, 0.0), (3, 1.0)):
        trials = np.full(len(u), n)
        assert np.array_equal(binomial(u, trials, share), stats.binom.ppf(u, n, share).astype(np.int64))
    for shape in (1, 2, 12):
        assert np.allclose(erlang(u, np.full(len(u), shape)), stats.gamma.ppf(u, shape), rtol=1e-11)
    assert not erlang(u, np.zeros(len(u), np.int64)).any()


# -- in epochs ---------------------------------------------------------------------------------------------------
def sources(intensity: float | None = 120.0, *, model: str = STATED.format(horizon=2, variance=0.0016), more: str = "",
            mean: float = -0.02) -> Sources:
    table = "" if intensity is None else TABLE.format(intensity=intensity, mean=mean)
    return world(model=TRIAL + model + table + more)


@pytest.fixture(scope="module")
def jumped() -> Epoch:
    return build(sources())


def test_jumps_come_on_top_of_the_same_innovations_and_raise_volatility(jumped: Epoch) -> None:
    plain = build(sources(None))
    assert jumped.provenance is not None
    assert plain.provenance is not None
    before, after = plain.provenance.scenarios, jumped.provenance.scenarios
    moved = (after.returns - before.returns) / 1e9
    variances = (after.variances - before.variances) / 1e12
    still = moved == 0
    assert 0.4 < still.mean() < 0.7                               # exp(-120 x 2/365) = 0.52
    assert not variances[still].any()
    assert variances[~still] == pytest.approx(0.08 * moved[~still]**2, abs=1e-9)      # alpha of both assets is 0.08
    long = [(jumped.row_of("BTC-SPOT") or 0, 100)]
    assert margin(jumped, long).required > 1.2 * margin(plain, long).required


def test_the_choice_is_told_and_the_epoch_rebuilds(jumped: Epoch, tmp_path: Any) -> None:
    assert "jumps: merton, 120 a year, 70% of them systemic; not fitted, by the word of: judgement" \
        in jumped.header.judgement.flags
    epoch_directory.save(jumped, tmp_path / "epoch")
    assert check(tmp_path / "epoch").passed


def test_days_of_the_past_are_still_named() -> None:
    """Filtered historical simulation: the draw is found again with its jumps."""
    epoch = build(sources(60.0, model=MODEL))
    found = breakdown(epoch, [(epoch.row_of("BTC-SPOT") or 0, 100)])
    told = explain(epoch, found, most=5)
    assert [one.days.how for one in told if one.days is not None] == ["drawn"] * 5


def test_of_a_population_jumps_take_the_next_dimensions() -> None:
    """Innovations are what they are without; jumps do not follow them."""
    weights = STATED.format(horizon=2, variance=0.0016).replace('scenarios = 256\ntail = "32/5"', MASSES)
    of = sources(100.0, model=weights, more="[scenarios]\npopulation = 8192\n")
    model, book, history = parse_sources(of)
    calibration = calibrated(model, book, history)
    assert model.copula is not None
    innovations = monte_carlo.population(calibration, model.copula, seed=9, count=2**13, horizon=2)
    own = jumps(model, calibration, seed=9, count=2**13)
    assert own is not None
    for i in range(2):
        for step in range(2):
            assert abs(np.corrcoef(own[:, i], innovations[:, step, i])[0, 1]) < 0.03
    assert build(of).root != build(sources(None, model=weights, more="[scenarios]\npopulation = 8192\n")).root


def test_shocks_of_rates_are_on_paths_that_jump() -> None:
    stress = '[stress]\nsets = ["rates"]\nweight = 0.25\n'
    model, book, history = parse_sources(sources(120.0, more=stress))
    calibration = calibrated(model, book, history)
    both = [draw(replace(model, jumps=own), calibration, history, seed=4).scenarios.returns[192:]
            for own in (None, model.jumps)]
    assert (both[0] != both[1]).mean() > 0.3


@pytest.mark.parametrize("shape", [None, MASSES], ids=["equal", "masses"])
def test_breaks_of_dependence_have_jumps_each_alone_or_all_at_once(shape: str | None) -> None:
    """Each asset's law is the model's, with its jumps: a redraw without them is milder than the model itself."""
    text = STATED.format(horizon=2, variance=0.0016)
    text = text if shape is None else text.replace('scenarios = 256\ntail = "32/5"', shape)
    model, book, history = parse_sources(sources(150.0, model=text, mean=-0.3))
    calibration = calibrated(model, book, history)
    law = model.jumps
    assert law is not None
    weighted, count = shape is not None, 4096
    drawing = {"seed": 5, "count": count, "uniforms": sobol_uniforms if weighted else latin_hypercube,
               "drawn": sampler(model, calibration, history, weighted=weighted)}
    found = {name: [stress.scenarios(name, of, calibration, history, **drawing).returns / 1e9 for of in
                    (replace(model, jumps=None), model)] for name in ("dependence-0", "dependence-1")}
    shares = {}
    for name, (before, after) in found.items():
        jumped = after != before
        assert jumped.mean(axis=0) == pytest.approx(1 - math.exp(-150 * YEARS), abs=0.02)
        moved = np.clip(after - before, -2, 2)
        assert moved.mean(axis=0) == pytest.approx(150 * YEARS * -0.3, abs=0.03)
        shares[name] = jumped.all(axis=1).mean() / jumped[:, 0].mean()
        innovations = before - before.mean(axis=0)
        assert np.abs(np.corrcoef(moved[:, 0], innovations[:, 0])[0, 1]) < 0.06      # of other uniforms
        assert np.abs(np.corrcoef(moved[:, 0], innovations[:, 1])[0, 1]) < 0.06
    assert shares["dependence-0"] == pytest.approx(1 - math.exp(-150 * YEARS), abs=0.03)
    assert shares["dependence-1"] == 1


def test_a_black_swan_is_the_worst_of_what_jumps() -> None:
    """Two hundredths of the paths fall by 0.8: their worst hundredth is beyond."""
    model, book, history = parse_sources(sources(4.0, mean=-0.8))
    calibration = calibrated(model, book, history)
    drawing = {"seed": 5, "count": 4, "uniforms": latin_hypercube,
               "drawn": sampler(model, calibration, history, weighted=False)}
    calm, swan = (stress.scenarios("black-swan", of, calibration, history, **drawing).returns[0] / 1e9
                  for of in (replace(model, jumps=None), model))
    assert (swan < -0.75).all()
    assert (calm > -0.4).all()


def test_a_break_of_dependence_is_told_with_the_jumps_that_the_model_has(jumped: Epoch) -> None:
    """Of one asset alone, dependence says nothing: own law, independent and comonotone are the same."""
    row = jumped.row_of("BTC-SPOT") or 0
    found = dependence(Market(jumped), {"alone": [(row, 100)]})["alone"]
    plain = dependence(Market(build(sources(None))), {"alone": [(row, 100)]})["alone"]
    for redrawn in (found.independent, found.comonotone):
        assert float(redrawn / found.own) == pytest.approx(1, abs=0.03)
    assert found.own > Fraction(115, 100) * plain.own


def test_impact_counts_a_days_jumps() -> None:
    model, book, history = parse_sources(sources(120.0))
    calibration = calibrated(model, book, history)
    with_jumps, without = (variances_of(of, calibration)[0] for of in (model, replace(model, jumps=None)))
    assert with_jumps is not None
    assert without is not None
    assert float(with_jumps - without) == pytest.approx(120 / 365 * (0.02**2 + 0.12**2))


def test_without_jumps_nothing_is_drawn_otherwise() -> None:
    model, book, history = parse_sources(sources(None))
    calibration = calibrated(model, book, history)
    innovations = student_t_quantile(sobol_uniforms(1, 64, (2, 2)), 4.0)
    none, zero = (simulate(calibration, model.assets, innovations, jumps=own) for own in (None, np.zeros((64, 2))))
    assert np.array_equal(none.returns, zero.returns)
    assert np.array_equal(none.variances, zero.variances)


@pytest.mark.parametrize(("old", "new", "message"), [
    ('family = "merton"', 'family = "bates"', "jumps.family is 'bates': must be one of kou, merton"),
    ("mean = -0.08\n", "", "jumps.mean is missing"),
    ("mean = -0.08", "mean = -1.5", r"jumps.mean is -1.5: must be .*-1"),
    ("mean = -0.08", "up_mean = 0.1", "jumps"),
    ("intensity = 120.0", "intensity = 183.0", r"jumps.intensity is 183.0: must be at most 182.5: over the horizon"),
    ("intensity = 120.0", "intensity = 0", r"jumps.intensity is 0"),
    ("systemic = 0.7", "systemic = 1.1", "jumps.systemic is 1.1"),
    ('source = "judgement"\n', "", "jumps.source is missing"),
    ('source = "judgement"', 'source = " "', "jumps.source is ' '"),
    ("deviation = 0.12", "deviation = 0.12\nscale = {XRP = 2.0}", "jumps.scale.XRP"),
    ("deviation = 0.12", "deviation = 0.12\nscale = {BTC = 0.0}", r"jumps.scale.BTC is 0.0")])
def test_wrong_jumps_are_refused(old: str, new: str, message: str) -> None:
    text = sources(mean=-0.08).model.decode()
    head, table = text.split("[jumps]")
    assert old in table
    with pytest.raises(BadInput, match=message):
        parse_model((head + "[jumps]" + table.replace(old, new, 1)).encode())


def test_a_model_file_with_jumps_is_written_as_it_is_read() -> None:
    """Both families, by the table that `to_json` gives."""
    for law in (MERTON, KOU):
        assert Jumps.from_json(Node(law.to_json(("A", "B"))), ("A", "B"), YEARS) == law


def test_a_drift_by_jumps_is_a_drift() -> None:
    """120 a year of -8 % are -2.6 % a step of a deviation of 4 %; at 40 a year it passes."""
    model = sources(mean=-0.08).model.decode().replace('purpose = "trial"\nseed = 9\n', "")
    strict = replace(sources(), model=model.encode())
    with pytest.raises(BadInput, match=r"G6: mean of BTC is '-0.0263.*': must be within 0.25 of the forecast"):
        build(strict)
    build(replace(strict, model=model.replace("intensity = 120.0", "intensity = 40.0").encode()))


def test_jumps_count_in_the_deviation_over_the_horizon() -> None:
    wild = sources(150.0, mean=0.0).model.decode().replace("deviation = 0.12", "deviation = 1.0\nscale = {BTC = 2.0}")
    with pytest.raises(BadInput, match=r"G6: deviation of BTC over the horizon is '1.8"):
        build(replace(sources(), model=wild.encode()))


def test_what_knows_no_jumps_refuses_them() -> None:
    with pytest.raises(BadInput, match="jumps is 'merton': must be absent: the standard scenarios of a grid have none"):
        build_grid(sources(10.0), replace(GRID_TINY, depth=3))
    model, _, history = parse_sources(sources(10.0, model=MODEL, more="[procyclicality]\nfloor = 0.8\n"))
    assert history is not None
    with pytest.raises(BadInput, match="jumps is 'merton': must be absent: forecasts are of the days"):
        roll(model, history, {"BTC": 1.0}, 0.025)
    with pytest.raises(BadInput, match="jumps is 'merton': must be absent: margins over time"):
        study(model, history, {"one": {"BTC": 1.0}})
    handwritten = 'schema = "tailproof.model/2"\nname = "x"\nestimator = "handwritten"\nassets = ["BTC", "ETH"]\n' \
        'horizon = 0\nset = "derive-pm2-2025-02"\n[epoch]\nscenarios = 31\ntail = "1"\ndepth = 3\n'
    with pytest.raises(BadInput, match=r"jumps is .*: must be absent: of a handwritten set nothing is drawn"):
        parse_model((handwritten + TABLE.format(intensity=1.0, mean=-0.1)).encode())
