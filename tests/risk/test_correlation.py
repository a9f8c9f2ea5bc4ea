from __future__ import annotations

import math

import numpy as np
import pytest

from primitives.errors import BadInput
from risk.fitting import correlation as fitting
from risk.models.correlation import Correlation, Matrix, cholesky, condition, require_correlations

S: Matrix = ((1.0, 0.6, 0.2), (0.6, 1.0, -0.1), (0.2, -0.1, 1.0))
INDEFINITE: Matrix = ((1.0, 0.9, -0.9), (0.9, 1.0, 0.9), (-0.9, 0.9, 1.0))
FAMILIES = [Correlation.ewma(0.95), Correlation("dcc", 0.04, 0.94, S), Correlation("cdcc", 0.04, 0.94, S)]


def residuals(n: int = 300, seed: int = 3) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    root = np.linalg.cholesky(np.array(S))
    return np.random.default_rng(seed).standard_normal((n, 3)) @ root.T


def slow(model: Correlation, z: np.ndarray, spans: list[int]) -> np.ndarray:
    """The recursions as the papers have them, element by element."""
    target = np.array(model.matrix) if model.matrix is not None else z.T @ z / len(z)
    q, out = target.copy(), []
    for t, span in enumerate(spans):
        for _ in range(span - 1):
            if model.family != "ewma":
                q = (1 - model.a - model.b) * target + (model.a + model.b) * q
        out.append(q / np.sqrt(np.outer(np.diag(q), np.diag(q))))
        x = z[t] * np.sqrt(np.diag(q)) if model.family == "cdcc" else z[t]
        q = (1 - model.a - model.b) * (target if model.family != "ewma" else 0) + model.a * np.outer(x, x) + model.b * q
    out.append(q / np.sqrt(np.outer(np.diag(q), np.diag(q))))
    return np.array(out)


@pytest.mark.parametrize("model", FAMILIES, ids=lambda m: m.family)
@pytest.mark.parametrize("gaps", [False, True])
def test_the_path_is_that_of_the_papers(model: Correlation, gaps: bool) -> None:
    z = residuals()
    spans = np.where(np.arange(len(z)) % 5 == 4, 3, 1) if gaps else np.ones(len(z), np.int64)
    path = model.path(z, spans)
    assert path == pytest.approx(slow(model, z, spans.tolist()), abs=1e-12)
    assert (path == np.swapaxes(path, 1, 2)).all()
    if model.family != "ewma":
        entering = z if model.family == "dcc" else fitting._scaled(z, spans, model.a, model.b)
        assert fitting._path(model.a, model.b, np.array(model.matrix), entering, spans) == \
            pytest.approx(path[:-1], abs=1e-12)


@pytest.mark.parametrize("model", FAMILIES, ids=lambda m: m.family)
def test_days_are_decorrelated_by_their_own_and_correlated_by_today_s(model: Correlation) -> None:
    z = residuals()
    path = model.path(z)
    roots = np.linalg.cholesky(path)
    expected = [roots[-1] @ np.linalg.solve(roots[t], z[t]) for t in range(len(z))]
    assert model.to_today(z) == pytest.approx(np.array(expected), abs=1e-12)
    assert model.today(z) == tuple(tuple(row) for row in path[-1].tolist())


def test_a_static_correlation_leaves_days_as_they_are() -> None:
    z = residuals()
    assert Correlation("static").to_today(z) is z
    assert np.array(Correlation("static").today(z)) == pytest.approx(np.corrcoef(z.T), abs=0.05)
    assert Correlation("static", matrix=S).today(z) == S


def test_scenarios_have_today_s_dependence_and_not_history_s() -> None:
    """A correlation that rose from 0.1 to 0.9: residuals drawn as today are correlated as today."""
    rng = np.random.default_rng(1)
    rho = np.linspace(0.1, 0.9, 3000)
    x, y = rng.standard_normal((2, 3000))
    z = np.stack([x, rho * x + np.sqrt(1 - rho**2) * y], axis=1)
    found = np.corrcoef(Correlation.ewma(0.97).to_today(z).T)[0, 1]
    assert np.corrcoef(z.T)[0, 1] < 0.6
    assert found == pytest.approx(0.9, abs=0.06)


def test_assets_that_move_as_one_are_refused_by_day() -> None:
    z = residuals()
    z[:, 1] = z[:, 0]
    with pytest.raises(BadInput, match="correlation of day 0 of the history is rank 1 of 3"):
        Correlation.ewma().to_today(z)


# -- matrices ------------------------------------------------------------------------------------------------------
def test_the_condition_number_bounds_the_euclidean_one() -> None:
    root = cholesky(S)
    assert not isinstance(root, int)
    euclidean = np.linalg.cond(np.array(S))
    assert euclidean <= condition(root, S) <= 3 * euclidean
    rows = np.linalg.norm(np.array(S), np.inf) * np.linalg.norm(np.linalg.inv(np.array(S)), np.inf)
    assert condition(root, S) == pytest.approx(rows, rel=1e-10)


@pytest.mark.parametrize(("rho", "stands"), [(0.9999999, True), (0.99999999, False), (0.999999999, False)])
def test_two_assets_that_are_nearly_one_are_refused(rho: float, stands: bool) -> None:
    matrix = ((1.0, rho), (rho, 1.0))
    if stands:
        assert require_correlations(matrix, "m")
        return
    with pytest.raises(BadInput, match=r"condition number of m is .* below 1e\+08: two of the assets are one"):
        require_correlations(matrix, "m")


def test_an_indefinite_matrix_is_refused_with_what_repairs_it_and_how_far_that_is() -> None:
    with pytest.raises(BadInput, match=r"m is rank 2 of 3: .*`model fit --repair` .* distance of at most") as caught:
        require_correlations(INDEFINITE, "m")
    told = float(str(caught.value).rsplit(" ", 1)[1])
    repair = fitting.nearest(INDEFINITE)
    assert repair.distance <= told
    assert require_correlations(repair.matrix, "m")
    assert repair.distance == pytest.approx(np.linalg.norm(np.array(repair.matrix) - np.array(INDEFINITE)), rel=1e-9)


def test_the_repair_is_higham_s() -> None:
    """His example: the nearest correlation matrix to ((1, 1, 0), (1, 1, 1), (0, 1, 1)), Frobenius distance 0.5278."""
    repair = fitting.nearest(((1.0, 1.0, 0.0), (1.0, 1.0, 1.0), (0.0, 1.0, 1.0)))
    assert np.array(repair.matrix) == pytest.approx(np.array([[1, 0.7607, 0.1573], [0.7607, 1, 0.7607],
                                                              [0.1573, 0.7607, 1]]), abs=2e-4)
    assert repair.distance == pytest.approx(0.5278, abs=1e-3)
    assert fitting.nearest(S).distance < 1e-9


def test_what_needs_a_repair_is_repaired_only_if_asked() -> None:
    with pytest.raises(BadInput, match=r"--repair` takes the nearest correlation matrix, at a .* distance of 0\.98"):
        fitting.accepted(INDEFINITE, repair=False)
    assert fitting.accepted(INDEFINITE, repair=True).distance > 0.9
    assert fitting.accepted(S, repair=False) == fitting.Repair(S, 0.0)


@pytest.mark.parametrize(("a", "b", "matrix", "field"), [
    (-0.1, 0.9, S, r"correlation\.a"), (0.1, math.nan, S, r"correlation\.b"), (0.1, 0.9, S, r"correlation\.a \+ b"),
    (0.1, 0.8, None, r"correlation\.matrix")])
def test_what_is_no_recursion_is_refused(a: float, b: float, matrix: Matrix | None, field: str) -> None:
    with pytest.raises(BadInput, match=f"^{field} is"):
        Correlation("dcc", a, b, matrix)
    with pytest.raises(BadInput, match=r"correlation\.lambda is 1"):
        Correlation.ewma(1.0)


# -- fits ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("family", ["dcc", "cdcc"])
def test_the_fit_finds_what_was_simulated(family: str) -> None:
    true = Correlation(family, 0.06, 0.90, ((1.0, 0.5), (0.5, 1.0)))
    target, rng = np.array(true.matrix), np.random.default_rng(4)
    q, rows = target.copy(), []
    for _ in range(2000):
        r = q / np.sqrt(np.outer(np.diag(q), np.diag(q)))
        z = np.linalg.cholesky(r) @ rng.standard_normal(2)
        rows.append(z)
        x = z * np.sqrt(np.diag(q)) if family == "cdcc" else z
        q = 0.04 * target + 0.06 * np.outer(x, x) + 0.90 * q
    data, spans = np.array(rows), np.ones(2000, np.int64)
    found = fitting.fit(data, spans, family=family)
    assert found.correlation.a == pytest.approx(0.06, abs=0.02)
    assert found.correlation.b == pytest.approx(0.90, abs=0.04)
    assert found.log_likelihood >= fitting.dynamic_likelihood(true, data, spans) - 1e-6
    assert found.gradient < 0.01
    for worse in (Correlation(family, 0.03, 0.96, found.correlation.matrix),
                  Correlation(family, 0.1, 0.8, found.correlation.matrix)):
        assert fitting.dynamic_likelihood(worse, data, spans) < found.log_likelihood - 1


def test_the_likelihood_is_engle_s() -> None:
    z, model = residuals(40), FAMILIES[1]
    total = 0.0
    for t, r in enumerate(slow(model, z, [1] * 40)[:-1]):
        total -= 0.5 * (math.log(np.linalg.det(r)) + z[t] @ np.linalg.solve(r, z[t]) - z[t] @ z[t])
    assert fitting.dynamic_likelihood(model, z, np.ones(40, np.int64)) == pytest.approx(total, rel=1e-10)
