"""Accuracy against SciPy, and the very bits: if the last two tests fail on a machine, its epochs have other roots."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special

from risk.exact.digests import content_digest
from risk.exact.elementary import (
    exp,
    log,
    log_gamma,
    normal_cdf,
    student_t_quantile,
    student_t_tail,
    student_t_tail_inverse,
)
from risk.exact.uniforms import latin_hypercube, uniforms

GRID = uniforms(1, (4000,))
ULP = 2.0**-52


def test_exp() -> None:
    x = np.concatenate([1400 * GRID - 700, GRID - 0.5, [0.0, 700.0, -700.0]])
    assert np.max(np.abs(exp(x) / np.exp(x) - 1)) <= 2 * ULP
    assert exp(0.0) == 1


def test_log() -> None:
    x = np.concatenate([np.exp(1000 * GRID - 500), 0.5 + GRID, 1 + 1e-9 * GRID, [1.0, 2.0, 2.0**-1022, 1e308]])
    assert np.max(np.abs(log(x) - np.log(x)) / np.maximum(np.abs(np.log(x)), 1e-300)) <= 2 * ULP
    assert log(1.0) == 0


def test_normal_cdf() -> None:
    x = np.concatenate([20 * GRID - 10, [0.0, 8.4999, 8.5, -8.5, 40.0, -40.0]])
    assert np.max(np.abs(normal_cdf(x) - special.ndtr(x))) < 2e-15
    assert normal_cdf(0.0) == 0.5


@pytest.mark.parametrize("x", [0.05, 0.5, 1.0, 1.5, 3.3, 15.99, 16.0, 500.0])
def test_log_gamma(x: float) -> None:
    assert log_gamma(x) == pytest.approx(float(special.gammaln(x)), abs=1e-14, rel=1e-14)


@pytest.mark.parametrize("degrees", [2.01, 2.9, 3.044, 5.0, 6.5, 30.0, 1000.0])
def test_student_t(degrees: float) -> None:
    t = np.concatenate([np.abs(special.stdtrit(degrees, GRID[:500])), [0.0, 1e-12, 1e-3, 50.0]])
    tail = student_t_tail(t, degrees)
    assert np.allclose(tail, special.stdtr(degrees, -t), rtol=5e-12, atol=0)
    assert np.allclose(student_t_tail_inverse(tail, degrees), t, rtol=1e-10, atol=1e-14)
    u = np.concatenate([GRID[:500], [0.5, 2.0**-53, 1 - 2.0**-53]])
    assert np.allclose(student_t_quantile(u, degrees), special.stdtrit(degrees, u), rtol=1e-9, atol=1e-12)


def test_an_element_does_not_depend_on_its_neighbours() -> None:
    u = GRID[:40]
    assert [float(student_t_quantile(x, 3.2)) for x in u] == student_t_quantile(u, 3.2).tolist()
    assert [float(normal_cdf(x)) for x in u] == normal_cdf(u).tolist()


def test_uniforms_are_pcg64_and_inside_the_unit_interval() -> None:
    words = np.random.PCG64(7).random_raw(6)
    expected = [((int(word) >> 12) + 0.5) / 2**52 for word in words]
    assert uniforms(7, (2, 3)).ravel().tolist() == expected
    assert 0 < GRID.min() < 0.01
    assert 0.99 < GRID.max() < 1


@pytest.mark.parametrize("samples", [1, 2, 256, 2**20])
def test_a_latin_hypercube_visits_every_stratum_once(samples: int) -> None:
    values = latin_hypercube(3, samples, (1,) if samples > 256 else (2, 2))
    strata = np.sort(np.floor(values * samples).reshape(samples, -1), axis=0)
    assert (strata == np.arange(samples)[:, None]).all()
    assert (latin_hypercube(3, samples, values.shape[1:]) == values).all()
    assert 0 < values.min() <= values.max() < 1


def test_the_coordinates_of_a_latin_hypercube_are_independent() -> None:
    values = latin_hypercube(4, 1000, (3,))
    assert np.abs(np.corrcoef(values.T) - np.eye(3)).max() < 0.1
    assert not (values == latin_hypercube(5, 1000, (3,))).any()


@pytest.mark.parametrize(("name", "values", "digest"), [
    ("uniforms", GRID, "0x5efeb26d8f87f466"),
    ("exp", exp(40 * GRID - 20), "0xf98253602ac34d41"),
    ("log", log(1e6 * GRID), "0xa3dc3da335f2d83b"),
    ("normal", normal_cdf(16 * GRID - 8), "0xff82a67d1d92f53f"),
    ("student", student_t_quantile(GRID[:1000], 3.0440273), "0x889a43e2cc9a6200")])
def test_every_machine_gets_the_same_bits(name: str, values: NDArray[np.float64], digest: str) -> None:
    assert content_digest(values.astype("<f8").tobytes())[:18] == digest
