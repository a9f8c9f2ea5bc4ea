"""pyvinecopulib as oracle: densities of copulas, how they are sampled, and fits of correlation and degrees."""

from __future__ import annotations

import platform
import sys

import numpy as np
import pytest
from scipy.special import ndtr, stdtr

from risk.exact.uniforms import uniforms
from risk.fitting import copula as fitting
from risk.fitting import correlation as correlations
from risk.models.copula import GaussianCopula, StudentCopula

if sys.platform == "linux" and platform.machine() != "x86_64":                  # as the lock has it
    pytest.skip("NO COPULA WAS HELD AGAINST PYVINECOPULIB: on Linux its wheels are for x86-64", allow_module_level=True)

import pyvinecopulib as pv

THREE = ((1.0, 0.8, -0.3), (0.8, 1.0, 0.1), (-0.3, 0.1, 1.0))


def pair(rho: float, degrees: float | None) -> pv.Bicop:
    if degrees is None:
        return pv.Bicop(family=pv.BicopFamily.gaussian, parameters=np.array([[rho]]))
    return pv.Bicop(family=pv.BicopFamily.student, parameters=np.array([[rho], [degrees]]))


def vine(degrees: float | None) -> pv.Vinecop:
    """THREE as pair copulas: 1 with 2 and with 3, then 2 with 3 given 1, whose correlation is the partial one and whose
    degrees are one more."""
    (_, first, second), (_, _, third), _ = THREE
    partial = (third - first * second) / np.sqrt((1 - first**2) * (1 - second**2))
    pairs = [[pair(second, degrees), pair(first, degrees)], [pair(partial, None if degrees is None else degrees + 1)]]
    return pv.Vinecop.from_structure(pv.CVineStructure([3, 2, 1]), pair_copulas=pairs)


@pytest.mark.parametrize("degrees", [2.5, 4.0, 12.0, None])
@pytest.mark.parametrize("rho", [-.7, 0.0, .6, .98])
def test_densities_are_pyvinecopulibs(rho: float, degrees: float | None) -> None:
    u = np.clip(uniforms(1, (500, 2)), 1e-6, 1 - 1e-6)
    path = np.broadcast_to(np.array(((1.0, rho), (rho, 1.0))), (500, 2, 2))
    assert fitting.log_likelihood(degrees, path, u) == pytest.approx(pair(rho, degrees).loglik(u), rel=1e-9)


@pytest.mark.parametrize("degrees", [2.5, 4.0, 12.0, None])
def test_three_assets_have_the_density_of_the_vine(degrees: float | None) -> None:
    """By pairs and conditional pairs, which nothing of ours knows of. At points of the copula's own: elsewhere
    conditional probabilities are below 1e-10, where pyvinecopulib cuts them off."""
    copula = GaussianCopula(THREE) if degrees is None else StudentCopula(degrees, THREE)
    x = copula.sample(uniforms(2, (500, 3)))
    u = ndtr(x) if degrees is None else stdtr(degrees, x)
    path = np.broadcast_to(np.array(THREE), (500, 3, 3))
    assert fitting.log_likelihood(degrees, path, u) == pytest.approx(vine(degrees).loglik(u), rel=1e-8)


@pytest.mark.parametrize("degrees", [2.5, 4.0, 12.0, None])
@pytest.mark.parametrize("rho", [-.7, 0.0, .6, .98])
def test_samples_are_pyvinecopulibs_inverse_conditional_distribution(rho: float, degrees: float | None) -> None:
    """Uniform by uniform, not in law: the second coordinate is the quantile of its law given the first."""
    u, matrix = uniforms(3, (500, 2)), ((1.0, rho), (rho, 1.0))
    copula = GaussianCopula(matrix) if degrees is None else StudentCopula(degrees, matrix)
    ours = ndtr(copula.sample(u)) if degrees is None else stdtr(degrees, copula.sample(u))
    assert ours[:, 0] == pytest.approx(u[:, 0], abs=1e-12)
    assert ours[:, 1] == pytest.approx(pair(rho, degrees).hinv1(u), abs=1e-9)


@pytest.mark.parametrize("degrees", [3.0, 8.0])
def test_fits_are_pyvinecopulibs(degrees: float) -> None:
    """Kendall's tau inverted, then the most likely degrees, on ranks: of the same estimator, the same numbers. All
    parameters at once, which is pyvinecopulib's other, are likelier by next to nothing."""
    x = StudentCopula(degrees, ((1.0, .6), (.6, 1.0))).sample(uniforms(5, (3000, 2)))
    ranks, matrix = fitting.pseudo_observations(x), correlations.kendall(x)
    path = np.broadcast_to(np.array(matrix), (3000, 2, 2))
    ours = fitting.fit(x, path, "ab", family="t").degrees[0]
    theirs = pv.Bicop(family=pv.BicopFamily.student)
    theirs.fit(ranks, pv.FitControlsBicop(parametric_method="itau"))
    assert (matrix[0][1], ours) == pytest.approx(theirs.parameters.ravel().tolist(), rel=1e-4)
    own = fitting.log_likelihood(ours, path, ranks)
    assert own == pytest.approx(theirs.loglik(ranks), abs=1e-3)
    theirs.fit(ranks, pv.FitControlsBicop(parametric_method="mle"))
    assert -1e-6 < theirs.loglik(ranks) - own < 1.0


def test_joint_extremes_are_as_often_as_pyvinecopulib_says() -> None:
    """Its coefficient of tail dependence, 2 T_5(-sqrt(5 (1 - rho)/(1 + rho))), of a sample of ours."""
    x = StudentCopula(4.0, ((1.0, .6), (.6, 1.0))).sample(uniforms(6, (200_000, 2)))
    low = np.quantile(x, .002, axis=0)
    together = float(np.mean((x < low).all(axis=1))) / .002
    assert together == pytest.approx(float(pair(.6, 4.0).taildep[0, 0]), abs=.06)
    assert float(pair(.6, None).taildep[0, 0]) == 0.0
