"""Jumps fitted with volatilities: densities against inverted characteristic functions, parameters found again, and
what a judge finds of those that were bent."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.integrate import trapezoid
from worlds import MODEL, STATED, world
from worlds import history as prices

from primitives.errors import BadInput
from risk.epochs.build import build, calibrated, parse_sources
from risk.epochs.chain import changes
from risk.epochs.drawing import sampler
from risk.exact.sobol import sobol_uniforms
from risk.fitting import jumps as jump_fits
from risk.fitting.jump_likelihood import TERMS, Law, exponential_mixtures, likelihood_of, log_density, log_likelihood
from risk.fitting.likelihood import Data, full_vector
from risk.fitting.likelihood import likelihood_of as plain_likelihood_of
from risk.fitting.model import Choices, ModelFit, fit_model, judge
from risk.margins.shocks import Market
from risk.market.history import History
from risk.models.calibration import Calibration
from risk.models.innovations import NORMAL
from risk.models.jumps import Jumps
from risk.models.model import Model, parse_model
from risk.models.model_text import render
from risk.models.plausibility import of_history
from risk.models.volatility import Volatility
from risk.scenarios import stress
from risk.scenarios.scenarios import simulate
from risk.stress.outcomes import dependence

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
SIZES = {"merton": (-0.03, 0.05), "kou": (0.35, 0.03, 0.06)}
TRUE = {"merton": {"mean": -0.03, "deviation": 0.06}, "kou": {"up_share": 0.4, "up_mean": 0.04, "down_mean": 0.07}}
VOLATILITY = Volatility("garch", 0.0005, 4e-6, 0.06, 0.92, law=NORMAL)


def inverted(e: Floats, variance: float, expected: float, law: Law) -> Floats:
    """Density from the characteristic function of normal and compound Poisson, by the trapezoid rule: (n,)."""
    u = np.linspace(0, 12 / math.sqrt(variance), 20001)
    if law.family == "merton":
        mean, deviation = law.sizes
        one = np.exp(1j * u * mean - 0.5 * (u * deviation) ** 2)
    else:
        share, up, down = law.sizes
        one = share / (1 - 1j * u * up) + (1 - share) / (1 + 1j * u * down)
    phi = np.exp(-0.5 * u * u * variance + expected * (one - 1))
    return trapezoid((np.exp(-1j * np.outer(e, u)) * phi).real, u, axis=1) / math.pi


@pytest.mark.parametrize("family", ["merton", "kou"])
@pytest.mark.parametrize(("deviation", "expected", "span"), [(0.01, 0.02, 1), (0.03, 0.25, 1), (0.02, 0.1, 3)])
def test_a_density_is_that_of_the_characteristic_function(family: str, deviation: float, expected: float, span: int
                                                          ) -> None:
    law = Law(family, expected, SIZES[family])
    e = np.array([-0.5, -0.2, -0.08, -0.03, -0.001, 0.0, 0.004, 0.03, 0.08, 0.2, 0.4])
    found = np.exp(log_density(e, np.full(len(e), deviation**2), np.full(len(e), span), law)).real
    assert found == pytest.approx(inverted(e, deviation**2, span * expected, law), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("sizes", [(0.35, 0.0002, 0.0004), (0.5, 0.002, 0.5), (0.0, 0.01, 0.02), (1.0, 0.01, 0.02)])
def test_tiny_and_huge_sizes_stay_densities(sizes: tuple[float, ...]) -> None:
    """Far out the terms of a recursion cancel, where it is run forwards."""
    e, law = np.linspace(-0.6, 0.6, 4001), Law("kou", 0.2, sizes)
    found = np.exp(log_density(e, np.full(len(e), 4e-4), np.ones(len(e), np.int64), law)).real
    assert (found >= 0).all()
    assert trapezoid(found, e) == pytest.approx(1, abs=0.05 if max(sizes[1:]) > 0.1 else 1e-6)
    middle = slice(1800, 2201, 10)
    assert found[middle] == pytest.approx(inverted(e[middle], 4e-4, 0.2, law), rel=1e-5, abs=1e-7)


def test_sums_of_jumps_up_and_down_are_mixtures() -> None:
    """Mean and variance of n double exponential jumps, from their mixture of one-sided sums."""
    share, up, down = 0.35, 0.03, 0.06
    ups, downs = exponential_mixtures(share, 1 / up, 1 / down)
    k = np.arange(1, TERMS + 1)
    one = share * up - (1 - share) * down
    square = 2 * (share * up * up + (1 - share) * down * down)
    for n in range(1, TERMS + 1):
        a, b = ups[n - 1].real, downs[n - 1].real
        assert a.sum() + b.sum() == pytest.approx(1)
        assert (a * k * up - b * k * down).sum() == pytest.approx(n * one)
        assert (a * k * (k + 1) * up**2 + b * k * (k + 1) * down**2).sum() == pytest.approx(
            n * (square - one * one) + (n * one) ** 2)


# -- data ----------------------------------------------------------------------------------------------------------
@cache
def path(family: str, n: int, assets: int = 1, systemic: float = 1.0, seed: int = 3, intensity: float = 14.6) -> Floats:
    """GARCH with normal innovations of correlation 0.5, and the engine's own jumps, twice as large for a second asset:
    (n, m)."""
    rng = np.random.default_rng(seed)
    law = Jumps(family, intensity, systemic, TRUE[family], (1.0, 2.0)[:assets], "test")
    jumps = law.sample(sobol_uniforms(seed, n, (law.uniforms,)), 1 / 365)[rng.permutation(n)]
    common = rng.standard_normal(n)
    z = math.sqrt(0.5) * (common[:, None] + rng.standard_normal((n, assets)))
    out, v = np.empty((n, assets)), np.full(assets, 2e-4)
    for t in range(n):
        e = np.sqrt(v) * z[t] + jumps[t]
        out[t] = VOLATILITY.mean + e
        v = VOLATILITY.omega + VOLATILITY.alpha * e * e + VOLATILITY.beta * v
    return out


def history_of(returns: Floats) -> History:
    names = ("A", "B")[:returns.shape[1]]
    prices = 100 * np.exp(np.concatenate([np.zeros((1, len(names))), np.cumsum(returns, axis=0)]))
    return History(names, tuple(86400 * i for i in range(len(prices))), prices, np.ones(len(returns), np.int64),
                   tuple(f"day {i}" for i in range(len(prices))))


def settings(assets: int) -> dict[str, object]:
    return {"schema": "tailproof.model/2", "name": "jumping", "estimator": "monte-carlo",
            "assets": ["A", "B"][:assets], "horizon": 1, "epoch": {"scenarios": 256, "tail": "32/5", "depth": 3}}


@cache
def fitted(family: str, n: int, assets: int = 1, systemic: float = 1.0) -> tuple[ModelFit, Model, History]:
    history = history_of(path(family, n, assets, systemic))
    found = fit_model(parse_model(render(settings(assets)).encode()), history,
                      Choices(innovations="normal", jumps=family, correlation="static"))
    return found, parse_model(render({**settings(assets), **found.tables}).encode()), history


# -- likelihoods ---------------------------------------------------------------------------------------------------
def test_without_jumps_it_is_the_likelihood_of_the_volatility() -> None:
    returns = np.random.default_rng(4).standard_normal(700) * 0.01
    none = Jumps("merton", 1e-6, 1.0, TRUE["merton"], (1.0,), "test")
    spans = np.where(np.arange(700) % 5 == 4, 3, 1)
    assert likelihood_of(VOLATILITY, none, 0, 365.0, returns, spans) == pytest.approx(
        plain_likelihood_of(VOLATILITY, returns, spans), abs=1e-3)


@pytest.mark.parametrize("family", ["merton", "kou"])
def test_gradients_are_exact(family: str) -> None:
    data = Data(path("merton", 300)[:, 0], np.where(np.arange(300) % 7 == 6, 3, 1))
    full, law = full_vector(VOLATILITY), Law(family, 0.04, SIZES[family])
    numbers = np.array([*full[:5], law.intensity, *law.sizes], np.complex128)

    def value(x: np.ndarray) -> complex:
        return log_likelihood(data, np.array([*x[:5], 0, 0]), Law(family, x[5], tuple(x[6:])))

    for i in range(len(numbers)):
        moved, h = numbers.copy(), 1e-6 * max(abs(numbers[i]), 1e-3)
        moved[i] += 1e-30j
        exact = value(moved).imag / 1e-30
        up, down = numbers.copy(), numbers.copy()
        up[i], down[i] = up[i] + h, down[i] - h
        assert exact == pytest.approx((value(up) - value(down)).real / (2 * h), rel=2e-4, abs=1e-3)


# -- fits ----------------------------------------------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.parametrize("family", ["merton", "kou"])
def test_what_was_put_in_is_found(family: str) -> None:
    """1500 days with 60 jumps: the fit is as likely as the truth, and nearly it."""
    found, model, history = fitted(family, 1500)
    assert found.converged
    assert found.jumps is not None
    assert model.jumps is not None
    returns = np.diff(np.log(history.prices), axis=0)
    truth = likelihood_of(VOLATILITY, Jumps(family, 14.6, 1.0, TRUE[family], (1.0,), "test"), 0, 365.0, returns[:, 0],
                          history.steps)
    assert 0 < found.jumps.log_likelihood - truth < 12         # half a chi-square of seven parameters or eight
    assert found.jumps.gain > 50
    assert model.jumps.intensity == pytest.approx(14.6, rel=0.5)
    assert math.sqrt(model.jumps.expected_square(0)) == pytest.approx(
        math.sqrt(Jumps(family, 14.6, 1.0, TRUE[family], (1.0,), "").expected_square(0)), rel=0.4)
    assert model.jumps.fitted
    assert judge(model, history).unlikely == []


@pytest.mark.slow
def test_two_assets_have_their_scales_and_what_is_systemic() -> None:
    found, model, history = fitted("merton", 900, 2, 0.7)
    assert found.converged
    assert model.jumps is not None
    assert model.jumps.scale[0] == 1.0
    assert model.jumps.scale[1] == pytest.approx(2.0, rel=0.35)
    assert model.jumps.systemic == pytest.approx(0.7, abs=0.25)
    told = judge(model, history)
    assert told.shortfalls.keys() >= {"jumps and volatilities", "jumps.systemic"}
    assert told.unlikely == []
    apart = judge(replace(model, jumps=replace(model.jumps, systemic=0.1)), history)
    assert any(line.startswith("jumps.systemic: ") for line in apart.failures)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_jumps_of_all_or_of_each_are_told_apart(share: float) -> None:
    returns = path("kou", 1500, 2, share, seed=5)
    law = Jumps("kou", 14.6, 0.5, TRUE["kou"], (1.0, 2.0), "test")
    both = np.broadcast_to(np.array([[1.0, 0.5], [0.5, 1.0]]), (1500, 2, 2))
    found, value = jump_fits.systemic([VOLATILITY, VOLATILITY], law, both, returns, np.ones(1500, np.int64), 365.0)
    assert found == pytest.approx(share, abs=0.15)
    assert value(found) > value(1 - share) + 20


def test_a_judge_finds_jumps_that_were_shrunk_or_are_said_to_be_on_top() -> None:
    """On top, jumps are somebody's choice; volatilities must then stand without them."""
    _, model, history = fitted("merton", 600)
    jumps = model.jumps
    assert jumps is not None
    for one, table in ((replace(jumps, intensity=0.5 * jumps.intensity), "jumps and volatilities: "),
                       (replace(jumps, fitted=False), "volatility.A: ")):
        assert any(line.startswith(table) for line in judge(replace(model, jumps=one), history).unlikely), table


@pytest.mark.slow
def test_whatever_is_made_of_fitted_jumps_in_a_margins_favour_is_found() -> None:
    _, model, history = fitted("merton", 1500)
    jumps = model.jumps
    assert jumps is not None
    calm = replace(model.volatilities[0], omega=0.8 * model.volatilities[0].omega)
    smaller = {**jumps.sizes, "deviation": 0.7 * jumps.sizes["deviation"]}
    higher = {**jumps.sizes, "mean": jumps.sizes["mean"] + 0.04}
    laws = (replace(jumps, sizes=smaller), replace(jumps, sizes=higher), replace(jumps, scale=(0.7,)))
    for bent in (*(replace(model, jumps=law) for law in laws), replace(model, volatilities=(calm,))):
        assert any(line.startswith("jumps and volatilities: ") for line in judge(bent, history).unlikely)
    assert any(line.startswith("volatility.A: ") for line in judge(replace(model, jumps=None), history).unlikely)


@pytest.mark.slow
def test_where_there_are_no_jumps_none_are_fitted() -> None:
    calm = np.random.default_rng(2).standard_normal((600, 1)) * 0.01
    sizes = {"families": ("garch",), "family": "merton", "assets": ("A",), "steps_per_year": 365.0, "horizon": 1}
    try:
        found, _ = jump_fits.fit(calm, np.ones(600, np.int64), **sizes)
    except BadInput as error:
        assert "with fewer there is nothing to fit" in str(error)     # noqa: PT017  either is an answer
    else:
        assert any("less than one for each of their parameters" in doubt for doubt in found.doubts)


def test_jumps_are_fitted_beside_normal_innovations_alone() -> None:
    base, history = parse_model(render(settings(1)).encode()), history_of(path("merton", 700))
    for choices, message in ((Choices(jumps="kou"), "--innovations is 't': must be normal, where jumps are fitted"),
                             (Choices(jumps="merton", family="ewma", innovations="normal"),
                              "--family is 'ewma': must be garch or gjr")):
        with pytest.raises(BadInput, match=message):
            fit_model(base, history, choices)
    days = parse_model(render({**settings(1), "estimator": "filtered-historical"}).encode())
    with pytest.raises(BadInput, match="--estimator is 'filtered-historical': must be monte-carlo, where jumps are"):
        fit_model(days, history, Choices(jumps="merton", innovations="normal"))
    table = {"family": "merton", "intensity": 6.0, "systemic": 0.7, "mean": -0.08, "deviation": 0.12, "fitted": True,
             "source": "a fit"}
    with pytest.raises(BadInput, match=r"jumps.fitted is True: must be absent: volatility.A is ewma with innovations"):
        parse_model(render({**settings(1), "jumps": table}).encode())
    with pytest.raises(BadInput, match=r"jumps.fitted is True: must be absent: filtered-historical draws days"):
        parse_model(render({**settings(1), "estimator": "filtered-historical", "jumps": table}).encode())


# -- scenarios -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("steps", "near"), [(2, 0.006), (10, 0.025)])
def test_variances_follow_fitted_jumps_within_the_horizon(steps: int, near: float) -> None:
    """Against the law that is fitted, step by step: each jump is a surprise of its own. On a calm day Expected
    Shortfall of 97.5 % is 12 % less over ten steps where jumps are on top, which is somebody's choice."""
    count, variance, rng = 2**19, 2e-4, np.random.default_rng(3)
    law, v = VOLATILITY, np.full(count, variance)
    z, numbers = rng.standard_normal((count, steps, 1)), rng.poisson(14.6 / 365, (steps, count))
    each = numbers * -0.03 + np.sqrt(numbers) * 0.06 * rng.standard_normal((steps, count))
    right = np.zeros(count)
    for t in range(steps):
        surprise = np.sqrt(v) * z[:, t, 0] + each[t]
        right, v = right + law.mean + surprise, law.omega + law.alpha * surprise**2 + law.beta * v
    of = Calibration((law,), (variance,), None)
    chosen, fits = (simulate(of, ("A",), z, jumps=each.sum(axis=0)[:, None], followed=one) for one in (False, True))

    def shortfall(returns: Floats) -> float:
        return float(np.sort(-np.expm1(returns))[-count // 40:].mean())

    for side in (1, -1):
        goal = shortfall(side * right)
        assert shortfall(side * fits.returns[:, 0] / 1e9) == pytest.approx(goal, rel=near)
        assert steps == 2 or shortfall(side * chosen.returns[:, 0] / 1e9) < 0.96 * goal
    assert (fits.variances == chosen.variances).all()
    still = each.sum(axis=0) == 0
    assert np.abs(fits.returns[still] - chosen.returns[still]).max() <= 1


def test_only_fitted_jumps_are_followed_and_over_one_step_there_is_nothing_to_follow() -> None:
    for steps, same in ((1, True), (2, False)):
        text = STATED.format(horizon=steps, variance=0.0016).replace('"t"\ndegrees = 5.0', '"normal"')
        trial = text.replace(f"horizon = {steps}", f'purpose = "trial"\nseed = 9\nhorizon = {steps}')
        chosen, fits = (build(world(model=trial + TABLE.format(intensity=30.0, mean=-0.08) + more)).provenance
                        for more in ("", "fitted = true\n"))
        assert chosen is not None
        assert fits is not None
        assert (chosen.scenarios.variances == fits.scenarios.variances).all()
        assert (chosen.scenarios.returns == fits.scenarios.returns).all() == same


def test_stress_of_the_models_law_follows_fitted_jumps_too() -> None:
    normal = STATED.format(horizon=2, variance=0.0016).replace('"t"\ndegrees = 5.0', '"normal"')
    of = world(model=normal.replace("horizon = 2", 'purpose = "trial"\nseed = 9\nhorizon = 2')
               + TABLE.format(intensity=150.0, mean=-0.08))
    model, book, history = parse_sources(of)
    assert model.jumps is not None
    calibration, fits = calibrated(model, book, history), replace(model, jumps=replace(model.jumps, fitted=True))
    for name in ("dependence-0", "dependence-1", "black-swan", "rates"):
        chosen, other = (stress.scenarios(name, one, calibration, history, seed=5, count=64, uniforms=sobol_uniforms,
                                          drawn=sampler(one, calibration, history, weighted=True))
                         for one in (model, fits))
        assert (chosen.returns != other.returns).any(), name
    told = []
    for more in ("", "fitted = true\n"):
        epoch = build(replace(of, model=of.model + f'{more}[gates]\naccepted = {{G6 = "a test"}}\n'.encode()))
        told.append(dependence(Market(epoch), {"all": [(epoch.row_of("BTC-SPOT") or 0, 100)]})["all"])
    assert told[0].own != told[1].own
    assert told[0].independent != told[1].independent


# -- gates and epochs ----------------------------------------------------------------------------------------------
TABLE = '[jumps]\nfamily = "merton"\nintensity = {intensity}\nsystemic = 0.7\nmean = {mean}\ndeviation = 0.12\n' \
    'source = "judgement"\n'


@pytest.mark.parametrize(("mean", "refused"), [(-0.08, False), (0.15, True), (-0.25, True), (0.0, False)])
def test_jumps_do_not_carry_prices_where_the_history_did_not_go(mean: float, refused: bool) -> None:
    """14.6 a year are 0.04 a day, of a history whose mean is known to 0.0011: 0.15 each are a drift of 0.006."""
    of = world(model=MODEL + TABLE.format(intensity=14.6, mean=mean))
    if refused:
        with pytest.raises(BadInput, match=r"G13: drift of BTC with its jumps is '.* a step': must be within 4"):
            build(of)
    else:
        build(of)


def test_a_drift_may_be_that_of_the_rows_that_were_fitted_on() -> None:
    """600 days that rise by 0.005 after 2,000 that do not: a fit on them drifts so, six standard errors of the whole
    from its mean. The error stays that of the whole, where the part's would be twice as large."""
    rng = np.random.default_rng(8)
    history = history_of(0.03 * rng.standard_normal((2600, 1)) + 0.005 * (np.arange(2600) >= 2000)[:, None])
    volatility = {"family": "garch", "mean": 0.005, "omega": 1.8e-5, "alpha": 0.0, "beta": 0.98,
                  "innovations": "normal"}
    table = {"family": "merton", "intensity": 7.3, "systemic": 1.0, "deviation": 0.06, "source": "test"}

    def refused(mean: float, **more: object) -> bool:
        document = {**settings(1), "volatility": {"A": volatility}, "jumps": {**table, "mean": mean}, **more}
        return any(doubt.gate == "G13" for doubt in of_history(parse_model(render(document).encode()), history))

    window = {"fitted": {"since": "1975-06-24", "until": "1977-02-13"}}
    assert refused(0.0)
    assert not refused(0.0, **window)
    assert not refused(-0.2, **window), "the mean of the whole"
    assert refused(0.2, **window), "0.004 a day beyond both"


def test_gates_of_innovations_leave_to_fitted_jumps_what_is_theirs() -> None:
    """Two independent diffusions that fall together: their returns are correlated by 0.8, and wild beside them."""
    rng = np.random.default_rng(6)
    falls = np.where(rng.random(900) < 0.06, rng.normal(-0.05, 0.06, 900), 0.0)
    history = history_of(0.005 * rng.standard_normal((900, 2)) + falls[:, None])
    volatility = {"family": "garch", "mean": 0.0, "omega": 2.5e-6, "alpha": 0.0, "beta": 0.9, "innovations": "normal"}
    table = {"family": "merton", "intensity": 21.9, "systemic": 1.0, "mean": -0.05, "deviation": 0.06, "source": "test"}

    def doubts(**jumps: object) -> set[str]:
        document = {**settings(2), "volatility": {"A": volatility, "B": volatility}, "jumps": {**table, **jumps},
                    "correlation": {"family": "static", "matrix": [[1.0, 0.0], [0.0, 1.0]]}}
        return {doubt.field for doubt in of_history(parse_model(render(document).encode()), history)
                if doubt.gate == "G10"}

    assert doubts(fitted=True) == set()
    assert doubts() == {"correlation of A and B", "deviation of the history's innovations of A",
                        "deviation of the history's innovations of B"}
    assert doubts(fitted=True, systemic=0.0) == {"correlation of A and B"}
    assert doubts(fitted=True, mean=0.0, deviation=0.01) == doubts()


def test_a_chain_tells_jumps_that_were_dropped() -> None:
    trial = STATED.format(horizon=2, variance=0.0016).replace("horizon = 2", 'purpose = "trial"\nseed = 9\nhorizon = 2')
    before, after = (build(world(model=trial + table)) for table in (TABLE.format(intensity=6.0, mean=-0.08), ""))
    told = {change.field: change for change in changes(after, before)}
    assert told["model: jumps.intensity"].now == "not given"
    assert "model: jumps.deviation" in told


def test_the_root_says_whether_jumps_are_a_fits() -> None:
    normal = STATED.format(horizon=2, variance=0.0016).replace('"t"\ndegrees = 5.0', '"normal"')
    trial = normal.replace("horizon = 2", 'purpose = "trial"\nseed = 9\nhorizon = 2')
    made = build(world(model=trial + TABLE.format(intensity=6.0, mean=-0.08) + "fitted = true\n"))
    assert any("said to be a fit's, which no history here shows (G13), by the word of: judgement" in flag
               for flag in made.header.judgement.flags)
    model = normal.replace("variance = 0.0016\n", "") + TABLE.format(intensity=6.0, mean=0.0) + "fitted = true\n"
    of = world(model=model + '[gates]\naccepted = {G6 = "a test", G10 = "a test"}\n')
    shown = build(replace(of, history=prices(), paths={}))
    assert any("a fit's, with the volatilities (G13)" in flag for flag in shown.header.judgement.flags)
