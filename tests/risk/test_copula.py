from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from primitives.errors import BadInput
from risk.exact.uniforms import uniforms
from risk.models import copula
from risk.models.copula import StudentCopula

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
    z = THREE.innovations(x, 1, 6.0)
    assert stats.kstest(z / math.sqrt(4 / 6), stats.t(6.0).cdf).pvalue > 0.001
    assert (np.argsort(z) == np.argsort(x[:, 1])).all()
    far = np.full((1, 3), -1e9)
    assert np.isfinite(THREE.innovations(far, 0, 3.0)).all()


def test_likelihood_is_the_density_of_the_copula() -> None:
    u = np.clip(draws(4, 30), 0.01, 0.99)
    x = special.stdtrit(4.0, u)
    expected = stats.multivariate_t(shape=np.array(THREE.correlation), df=4.0).logpdf(x) - stats.t(4.0).logpdf(x).sum(1)
    assert THREE.log_likelihood(u) == pytest.approx(expected.sum(), rel=1e-9)


def test_the_fit_finds_what_was_sampled() -> None:
    x = THREE.sample(draws(5, 6000))
    fitted = copula.fit(x, "abc")
    assert np.array(fitted.correlation) == pytest.approx(np.array(THREE.correlation), abs=0.03)
    assert fitted.degrees == pytest.approx(4.0, rel=0.2)
    ranks = copula.pseudo_observations(x)
    assert fitted.log_likelihood(ranks) > StudentCopula(30.0, fitted.correlation).log_likelihood(ranks)


@pytest.mark.parametrize(("degrees", "correlation", "field"), [
    (2.0, ((1.0,),), "degrees"), (math.nan, ((1.0,),), "degrees"), (300.0, ((1.0,),), "degrees"),
    (4.0, ((1.0, 0.5),), "length of copula.correlation"), (4.0, ((1.0, 0.5), ()), r"correlation\[1\]"),
    (4.0, ((1.0, 0.5), (0.4, 1.0)), r"correlation\[0\]\[1\]"),
    (4.0, ((0.9,),), r"correlation\[0\]\[0\]"), (4.0, ((1.0, 1.5), (1.5, 1.0)), r"correlation\[0\]\[1\]"),
    (4.0, ((1.0, 1.0), (1.0, 1.0)), "correlation is 'rank 1 of 2'"),
    (4.0, ((1.0, 0.9, -0.9), (0.9, 1.0, 0.9), (-0.9, 0.9, 1.0)), "correlation is 'rank 2 of 3'")])
def test_what_is_no_copula_is_refused(degrees: float, correlation: tuple[tuple[float, ...], ...], field: str) -> None:
    with pytest.raises(BadInput, match=field):
        StudentCopula(degrees, correlation)
