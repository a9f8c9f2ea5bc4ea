from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from primitives.errors import BadInput
from risk.exact.uniforms import uniforms
from risk.fitting import copula as fitting
from risk.fitting import correlation as correlations
from risk.models.copula import Dependence, GaussianCopula, GroupedStudentCopula, StudentCopula, innovations
from risk.models.innovations import Law

THREE = StudentCopula(4.0, ((1.0, 0.8, -0.3), (0.8, 1.0, 0.1), (-0.3, 0.1, 1.0)))


def draws(seed: int, samples: int) -> np.ndarray:
    return uniforms(seed, (samples, 3))


def test_cholesky() -> None:
    root = np.zeros((3, 3))
    for i, row in enumerate(THREE.root):
        root[i, :len(row)] = row
    assert root == pytest.approx(np.linalg.cholesky(np.array(THREE.correlation)))


def test_samples_are_multivariate_t() -> None:
    """The density of the sample's own law has the mean log-likelihood it should; each coordinate is univariate t."""
    x = THREE.sample(draws(11, 4000))
    for i in range(3):
        assert stats.kstest(x[:, i], stats.t(4.0).cdf).pvalue > 0.001
    for i, j in ((0, 1), (0, 2), (1, 2)):
        tau = stats.kendalltau(x[:, i], x[:, j]).statistic
        assert tau == pytest.approx(2 / math.pi * math.asin(THREE.correlation[i][j]), abs=0.03)
    # The squared radius over m is F distributed: this is where a Gaussian copula with the same tau would fail.
    radius = np.sum(np.linalg.solve(np.linalg.cholesky(np.array(THREE.correlation)), x.T) ** 2, axis=0) / 3
    assert stats.kstest(radius, stats.f(3, 4.0).cdf).pvalue > 0.001


def test_sampling_inverts_the_rosenblatt_transform() -> None:
    """Conditional distribution functions of the sample give the uniforms back."""
    u = draws(2, 50)
    x = THREE.sample(u)
    y = np.linalg.solve(np.linalg.cholesky(np.array(THREE.correlation)), x.T).T
    norm = np.zeros(50)
    for j in range(3):
        assert special.stdtr(4.0 + j, y[:, j] / np.sqrt((4.0 + norm) / (4.0 + j))) == pytest.approx(u[:, j], abs=1e-9)
        norm += y[:, j] ** 2


def test_innovations_have_the_asset_s_law() -> None:
    x = THREE.sample(draws(3, 4000))
    z = innovations(THREE, x, 1, Law("t", 6.0))
    assert stats.kstest(z / math.sqrt(4 / 6), stats.t(6.0).cdf).pvalue > 0.001
    assert (np.argsort(z) == np.argsort(x[:, 1])).all()
    far = np.full((1, 3), -1e9)
    assert np.isfinite(innovations(THREE, far, 0, Law("t", 3.0))).all()


def test_likelihood_is_the_density_of_the_copula() -> None:
    u = np.clip(draws(4, 30), 0.01, 0.99)
    x, matrix = special.stdtrit(4.0, u), np.array(THREE.correlation)
    path = np.broadcast_to(matrix, (30, 3, 3))
    expected = stats.multivariate_t(shape=matrix, df=4.0).logpdf(x) - stats.t(4.0).logpdf(x).sum(1)
    assert fitting.log_likelihood(4.0, path, u) == pytest.approx(expected.sum(), rel=1e-9)
    y = special.ndtri(u)
    expected = stats.multivariate_normal(cov=matrix).logpdf(y) - stats.norm.logpdf(y).sum(1)
    assert fitting.log_likelihood(None, path, u) == pytest.approx(expected.sum(), rel=1e-9)


def test_the_fit_finds_what_was_sampled() -> None:
    x = THREE.sample(draws(5, 6000))
    matrix = correlations.kendall(x)
    assert np.array(matrix) == pytest.approx(np.array(THREE.correlation), abs=0.03)
    path = np.broadcast_to(np.array(matrix), (6000, 3, 3))
    fitted = fitting.fit(x, path, "abc", family="t")
    assert fitted.degrees[0] == pytest.approx(4.0, rel=0.2)
    ranks = fitting.pseudo_observations(x)
    assert fitting.log_likelihood(fitted.degrees[0], path, ranks) > fitting.log_likelihood(30.0, path, ranks)


def test_a_gaussian_copula_has_normal_variates_and_no_tail_dependence() -> None:
    copula = GaussianCopula(THREE.correlation)
    x = copula.sample(draws(6, 8000))
    assert np.corrcoef(x.T) == pytest.approx(np.array(THREE.correlation), abs=0.03)
    assert stats.kstest(x[:, 2], stats.norm.cdf).pvalue > 0.001
    z = innovations(copula, x, 0, Law("normal"))
    assert z == pytest.approx(x[:, 0], abs=1e-12)
    assert stats.kstest(innovations(copula, x, 0, Law("t", 3.0)) * 3**0.5, stats.t(3.0).cdf).pvalue > 0.001


def test_grouped_degrees_are_each_group_s_own() -> None:
    """Margins are t with the group's degrees; with equal degrees it is the t copula; joint extremes follow the table
    lambda = 2 T_{nu+1}(-sqrt((nu + 1)(1 - rho)/(1 + rho)))."""
    rho = 0.6
    matrix = ((1.0, rho, rho, rho), (rho, 1.0, rho, rho), (rho, rho, 1.0, rho), (rho, rho, rho, 1.0))
    copula = GroupedStudentCopula((3.0, 3.0, 30.0, 30.0), matrix)
    assert copula.uniforms == 5
    x = copula.sample(uniforms(7, (60_000, 5)))
    for i, nu in enumerate((3.0, 3.0, 30.0, 30.0)):
        assert stats.kstest(x[:, i], stats.t(nu).cdf).pvalue > 0.001
    assert stats.kendalltau(x[:4000, 0], x[:4000, 2]).statistic == pytest.approx(2 / math.pi * math.asin(rho), abs=0.04)

    def joint(i: int, j: int, q: float = 0.005) -> float:
        low = [np.quantile(x[:, k], q) for k in (i, j)]
        return float(np.mean((x[:, i] < low[0]) & (x[:, j] < low[1])) / q)

    tail = 2 * stats.t(4.0).cdf(-math.sqrt(4 * (1 - rho) / (1 + rho)))
    assert joint(0, 1) == pytest.approx(tail, abs=0.08)
    assert joint(2, 3) < joint(0, 1) - 0.1
    equal = GroupedStudentCopula((4.0, 4.0, 4.0), THREE.correlation).sample(uniforms(8, (4000, 4)))
    radius = np.sum(np.linalg.solve(np.linalg.cholesky(np.array(THREE.correlation)), equal.T) ** 2, axis=0) / 3
    assert stats.kstest(radius, stats.f(3, 4.0).cdf).pvalue > 0.001


def test_the_family_of_a_file_makes_its_copula() -> None:
    matrix = ((1.0, 0.5), (0.5, 1.0))
    assert isinstance(Dependence("gaussian").under(matrix), GaussianCopula)
    assert Dependence("t", (4.0, 4.0)).under(matrix) == StudentCopula(4.0, matrix)
    grouped = Dependence("grouped-t", (4.0, 9.0), ((("A",), 4.0), (("B",), 9.0)))
    assert grouped.under(matrix) == GroupedStudentCopula((4.0, 9.0), matrix)


@pytest.mark.parametrize(("degrees", "correlation", "field"), [
    (2.0, ((1.0,),), "degrees"), (math.nan, ((1.0,),), "degrees"), (300.0, ((1.0,),), "degrees"),
    (4.0, ((1.0, 0.5),), "length of copula.correlation"), (4.0, ((1.0, 0.5), ()), r"correlation\[1\]"),
    (4.0, ((1.0, 0.5), (0.4, 1.0)), r"correlation\[0\]\[1\]"),
    (4.0, ((0.9,),), r"correlation\[0\]\[0\]"), (4.0, ((1.0, 1.5), (1.5, 1.0)), r"correlation\[0\]\[1\]"),
    (4.0, ((1.0, 1.0), (1.0, 1.0)), "correlation is rank 1 of 2"),
    (4.0, ((1.0, 0.999999999), (0.999999999, 1.0)), "condition number of copula.correlation is 2000000000"),
    (4.0, ((1.0, 0.9, -0.9), (0.9, 1.0, 0.9), (-0.9, 0.9, 1.0)), r"correlation is rank 2 of 3: .*--repair.* dist")])
def test_what_is_no_copula_is_refused(degrees: float, correlation: tuple[tuple[float, ...], ...], field: str) -> None:
    with pytest.raises(BadInput, match=field):
        StudentCopula(degrees, correlation)
