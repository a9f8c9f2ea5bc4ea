"""Fits: as likely as `arch`'s, on any scale, and honest about what they do not know."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from primitives.errors import BadInput
from risk.epochs.build import parse_sources
from risk.epochs.provenance import Sources
from risk.fitting.likelihood import Data, full_vector, likelihood_of, log_likelihood
from risk.fitting.model import Choices, fit_model, judge
from risk.fitting.volatility import GRADIENT, Fit, fit
from risk.market.history import History
from risk.models.innovations import NORMAL, Law
from risk.models.model import Model, parse_model
from risk.models.model_text import render
from risk.models.volatility import Volatility, sample_variance

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def garch_path(seed: int, n: int, deviation: float, alpha: float = 0.08, beta: float = 0.9, nu: float = 6.0) -> Floats:
    z = np.random.default_rng(seed).standard_t(nu, n) * math.sqrt((nu - 2) / nu)
    r, v = np.empty(n), deviation**2
    omega = deviation**2 * max(1 - alpha - beta, 0.002)
    for t in range(n):
        r[t] = math.sqrt(v) * z[t]
        v = omega + alpha * r[t] ** 2 + beta * v
    return r


def series() -> Iterator[tuple[str, Floats]]:
    import arch.data.nasdaq
    import arch.data.sp500
    import arch.data.wti

    for name, column in (("sp500", arch.data.sp500.load()["Adj Close"]),
                         ("nasdaq", arch.data.nasdaq.load()["Adj Close"]),
                         ("wti", arch.data.wti.load()["DCOILWTICO"].dropna())):
        yield name, np.diff(np.log(column.to_numpy()))


SERIES = dict(series())


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize(("family", "law"), [("garch", "t"), ("gjr", "skew-t")])
def test_fits_are_as_likely_as_arch_s(name: str, family: str, law: str) -> None:
    from arch import arch_model

    r = SERIES[name][-2000:]
    found = fit(r, family=family, law=law, asset=name)
    assert found.converged
    assert found.gradient < GRADIENT
    result = arch_model(100 * r, vol="GARCH", p=1, o=int(family == "gjr"), q=1, dist=law.replace("-", ""),
                        rescale=False).fit(disp="off", backcast=sample_variance(r) * 1e4)
    theirs = result.loglikelihood + len(r) * math.log(100)
    assert theirs - 0.01 < found.log_likelihood < theirs + 0.1       # skewed: their bound on persistence is another
    assert found.log_likelihood == pytest.approx(likelihood_of(found.volatility, r), abs=1e-9)


@pytest.mark.parametrize("spans", [None, 1, 2])
@pytest.mark.parametrize("law", [NORMAL, Law("t", 5.0), Law("skew-t", 6.0, -0.2)], ids=lambda law: law.name)
def test_the_likelihood_is_that_of_the_published_filter(spans: int | None, law: Law) -> None:
    """Residuals and variances by the deterministic room, densities by SciPy and `arch`; gaps included."""
    from arch.univariate import Normal, SkewStudent, StudentsT

    r = garch_path(1, 400, 0.01)
    steps = np.ones(400, np.int64) if spans is None else np.where(np.arange(400) % 5 == 4, spans, 1)
    model = Volatility("gjr", 0.0002, 2e-6, 0.04, 0.88, 0.06, law)
    v = model.variances(r, steps)[:-1]
    density = {"normal": Normal(), "t": StudentsT(), "skew-t": SkewStudent()}[law.name]
    parameters = [] if law.degrees is None else [law.degrees] if law.name == "t" else [law.degrees, law.skew]
    expected = density.loglikelihood(np.array(parameters), r - steps * model.mean, v)
    assert likelihood_of(model, r, steps) == pytest.approx(expected, rel=1e-10)


def test_gradients_are_exact() -> None:
    data = Data(garch_path(2, 500, 1.0), np.where(np.arange(500) % 7 == 6, 3, 1))
    full = full_vector(Volatility("gjr", 0.02, 0.02, 0.04, 0.88, 0.06, Law("skew-t", 6.0, -0.2)))
    for i in range(7):
        moved, h = full.copy(), 1e-6
        moved[i] += 1e-30j
        exact = log_likelihood(data, moved, "skew-t").imag / 1e-30
        up, down = full.copy(), full.copy()
        up[i], down[i] = up[i] + h, down[i] - h
        differences = (log_likelihood(data, up, "skew-t") - log_likelihood(data, down, "skew-t")).real / (2 * h)
        assert exact == pytest.approx(differences, rel=1e-4, abs=1e-3)


# -- scale ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("factor", [1e-5, 3e-3, 1.0, 1e3])
def test_fits_do_not_depend_on_the_unit(factor: float) -> None:
    r = garch_path(3, 1500, 1e-3)
    one, other = fit(r), fit(factor * r)
    assert other.converged
    a, b = one.volatility, other.volatility
    assert b.mean == pytest.approx(factor * a.mean, rel=2e-5)
    assert b.omega == pytest.approx(factor**2 * a.omega, rel=2e-5)
    for name in ("alpha", "beta"):
        assert getattr(b, name) == pytest.approx(getattr(a, name), rel=2e-5)
    assert b.law.degrees == pytest.approx(a.law.degrees, rel=2e-5)
    assert other.log_likelihood == pytest.approx(one.log_likelihood - len(r) * math.log(factor), abs=1e-4)


@pytest.mark.parametrize("deviation", [1e-5, 1e-3, 1e-1])
def test_quiet_and_wild_assets_are_fitted_right(deviation: float) -> None:
    """Another optimiser, on data of unit size, finds nothing more likely; forecasts agree to 1 %."""
    from arch import arch_model

    r = garch_path(4, 1500, deviation)
    found = fit(r)
    unit = r / deviation
    result = arch_model(unit, vol="GARCH", dist="t", rescale=False).fit(disp="off", backcast=sample_variance(unit))
    assert result.loglikelihood - len(r) * math.log(deviation) - found.log_likelihood < 0.01
    forecast = float(result.forecast().variance.iloc[-1, 0]) * deviation**2
    assert found.volatility.variances(r)[-1] == pytest.approx(forecast, rel=0.01)


# -- honesty -------------------------------------------------------------------------------------------------------
def test_what_is_unsure_is_said() -> None:
    few = fit(garch_path(5, 300, 0.01))
    assert any("few data: 300 returns" in doubt for doubt in few.doubts)
    normal = fit(np.random.default_rng(6).standard_normal(1500) * 0.01)
    assert normal.converged
    assert any("alpha" in text for text in (*normal.bounds, *normal.doubts))       # nothing to find
    errors = fit(garch_path(7, 3000, 0.01)).errors
    assert set(errors) == {"mean", "omega", "alpha", "beta", "degrees"}
    assert 0.005 < errors["alpha"] < 0.03
    assert abs(fit(garch_path(7, 3000, 0.01)).volatility.alpha - 0.08) < 4 * errors["alpha"]


def test_shocks_that_never_die_out_are_a_bound_that_is_told() -> None:
    found = fit(garch_path(8, 2000, 0.01, alpha=0.15, beta=0.87, nu=5.0))
    assert found.converged
    assert "alpha + beta = 1: shocks never die out" in found.bounds
    assert found.volatility.persistence == pytest.approx(1, abs=1e-8)


def test_what_is_printed_is_what_is_used() -> None:
    found = fit(garch_path(9, 1000, 0.02), family="gjr", law="skew-t")
    assert found.lost < 1e-3
    for value in (found.volatility.mean, found.volatility.omega, found.volatility.law.degrees):
        assert float(f"{value:.6g}") == value


def test_ewma_s_decay_is_found() -> None:
    z = np.random.default_rng(10).standard_normal(4000)
    r, v = np.empty(4000), 1e-4
    for t in range(4000):
        r[t] = math.sqrt(v) * z[t]
        v = 0.05 * r[t] ** 2 + 0.95 * v + 1e-9
    found = fit(r, family="ewma", law="normal")
    assert found.volatility.beta == pytest.approx(0.95, abs=0.015)
    assert set(found.errors) == {"lambda"}


@pytest.mark.parametrize(("values", "field"), [
    (np.zeros(400), "returns of BTC are all equal"), (garch_path(1, 249, 0.01), "number of returns of BTC is 249")])
def test_what_cannot_be_fitted_is_refused(values: Floats, field: str) -> None:
    with pytest.raises(BadInput, match=field):
        fit(values, asset="BTC")


# -- whole models --------------------------------------------------------------------------------------------------
def two_assets(n: int = 600, estimator: str = "monte-carlo") -> tuple[Model, History]:
    rng = np.random.default_rng(11)
    common = rng.standard_t(5, n)
    r = 0.01 * (0.8 * common[:, None] + 0.5 * rng.standard_t(5, (n, 2)))
    prices = 100 * np.exp(np.concatenate([np.zeros((1, 2)), np.cumsum(r, axis=0)]))
    history = History(("A", "B"), tuple(86400 * i for i in range(n + 1)), prices, np.ones(n, np.int64),
                      tuple(f"day {i}" for i in range(n + 1)))
    settings = {"schema": "tailproof.model/2", "name": "two", "estimator": estimator, "assets": ["A", "B"],
                "horizon": 1, "epoch": {"scenarios": 256, "tail": "32/5", "depth": 3}}
    return parse_model(render(settings).encode()), history


def finished(choices: Choices, estimator: str = "monte-carlo") -> tuple[Model, History]:
    settings, history = two_assets(estimator=estimator)
    found = fit_model(settings, history, choices)
    assert found.converged
    document = {"schema": "tailproof.model/2", "name": "two", "estimator": estimator, "assets": ["A", "B"],
                "horizon": 1, "epoch": {"scenarios": 256, "tail": "32/5", "depth": 3}, **found.tables}
    return parse_model(render(document).encode()), history


@pytest.mark.parametrize("choices", [
    Choices(correlation="static", state=True), Choices(correlation="ewma", state=True),
    Choices(correlation="dcc", family="ewma", innovations="normal", copula="gaussian"),
    Choices(copula="grouped-t", groups=(("A",), ("B",)))], ids=["static", "ewma", "dcc", "grouped"])
def test_a_fitted_model_stands_before_its_judge(choices: Choices) -> None:
    model, history = finished(choices)
    assert model.needs_history != choices.state
    assert [f for f in judge(model, history).failures if "[G6]" not in f] == []


def test_a_judge_finds_what_was_bent() -> None:
    from dataclasses import replace

    model, history = finished(Choices(correlation="static", state=True))
    bent = replace(model.volatilities[0], law=Law("t", 30.0))
    assert any(text.startswith("volatility.A: ") for text in
               judge(replace(model, volatilities=(bent, model.volatilities[1])), history).failures)
    assert model.variances is not None
    assert any("volatility.A.variance is" in text for text in
               judge(replace(model, variances=(model.variances[0] * 1.01, model.variances[1])), history).failures)
    assert model.copula is not None
    assert any(text.startswith("copula: ") for text in
               judge(replace(model, copula=replace(model.copula, degrees=(60.0, 60.0))), history).failures)
    bent_matrix = replace(model.correlation, matrix=((1.0, 0.5), (0.5, 1.0)))
    assert any(text.startswith("correlation: ") for text in
               judge(replace(model, correlation=bent_matrix), history).failures)


def test_gates_of_model_and_history_are_looked_at() -> None:
    from dataclasses import replace

    model, history = finished(Choices(state=True))
    prices = history.prices.copy()
    prices[500:, 0] *= 1000.0                                # a redenomination
    wild = replace(history, prices=prices)
    assert any("[G4] return of A on day 500" in text for text in judge(model, wild).failures)
    named = replace(model, events={"day 500": "redenomination"})
    assert not any("[G4]" in text for text in judge(named, wild).failures)
    few = judge(replace(model, gates=replace(model.gates, least_returns=700)), history)
    assert any("[G7]" in text for text in few.failures)
    accepted = replace(model.gates, least_returns=700, accepted={"G7": "a young token"})
    assert not any("[G7]" in text for text in judge(replace(model, gates=accepted), history).failures)
    quiet = replace(history, prices=100 * np.exp(np.log(history.prices / 100) * 1e-4))
    assert any("[G10] deviation of A" in text for text in judge(model, quiet).failures)
    assert not any("deviation of" in text for text in
                   judge(replace(model, pegged=frozenset({"A", "B"})), quiet).failures)


def test_the_fixture_s_parameters_are_its_history_s(us_sources: Sources,
                                                    edited: Callable[[bytes, str, str], bytes]) -> None:
    model, _, history = parse_sources(us_sources)
    assert history is not None
    assert judge(model, history).failures == []


def test_groups_are_all_assets_once() -> None:
    settings, history = two_assets()
    for groups in ((), (("A",),), (("A", "B"), ("B",))):
        with pytest.raises(BadInput, match=r"--group is .* each asset once"):
            fit_model(settings, history, Choices(copula="grouped-t", groups=groups))
    historical, _ = two_assets(estimator="filtered-historical")
    with pytest.raises(BadInput, match="--state is True: must be absent"):
        fit_model(historical, history, Choices(state=True))


def test_a_fit_is_told_whole() -> None:
    found: Fit = fit(garch_path(12, 600, 0.01))
    told = found.to_json()
    assert told["converged"] is True
    assert told["gradient"] < GRADIENT
    assert told["parameters"]["family"] == "garch"
