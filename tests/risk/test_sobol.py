from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.stats import qmc

from primitives import threads
from primitives.errors import BadInput
from risk.exact.digests import content_digest
from risk.exact.sobol import MOST_DIMENSIONS, _directions, _shifted, sobol_integers, sobol_uniforms


@pytest.mark.parametrize(("count", "dimensions"), [(4096, 3), (1024, 64), (64, MOST_DIMENSIONS)])
def test_the_sequence_is_scipy_s_to_the_bit(count: int, dimensions: int) -> None:
    expected = qmc.Sobol(dimensions, scramble=False, bits=52).random(count)
    assert (sobol_integers(count, dimensions) * 2.0**-52 == expected).all()


@pytest.mark.parametrize("skip", [1, 5, 1024, 2**20 - 3])
def test_any_part_of_the_sequence_can_be_drawn_alone(skip: int) -> None:
    oracle = qmc.Sobol(7, scramble=False, bits=30)                  # SciPy 1.17 cannot skip with more than 32 bits
    oracle.fast_forward(skip)
    assert ((sobol_integers(50, 7, skip=skip) >> 22) * 2.0**-30 == oracle.random(50)).all()
    assert (sobol_uniforms(3, 50, (7,), skip=skip) == sobol_uniforms(3, skip + 50, (7,))[skip:]).all()


def test_uniforms_are_the_integers_shifted() -> None:
    u = sobol_uniforms(9, 256, (2, 3))
    shift = [int(word) >> 12 for word in np.random.PCG64(9).random_raw(6)]
    expected = [[((int(x) ^ s) + 0.5) / 2**52 for x, s in zip(row, shift, strict=True)]
                for row in sobol_integers(256, 6)]
    assert u.shape == (256, 2, 3)
    assert u.reshape(256, 6).tolist() == expected
    assert not (u == sobol_uniforms(10, 256, (2, 3))).any()


@pytest.mark.parametrize("seed", [0, 1, 2**52 - 1])
def test_every_interval_holds_one_coordinate_and_every_square_one_pair(seed: int) -> None:
    u = sobol_uniforms(seed, 2**12, (40,))
    assert 0 < u.min() < u.max() < 1
    assert (np.sort(np.floor(u * 2**12), axis=0) == np.arange(2**12)[:, None]).all()
    cells = np.floor(u[:, 0] * 64) * 64 + np.floor(u[:, 1] * 64)
    assert len(np.unique(cells)) == 2**12


def test_the_ends_of_the_unit_interval_are_never_reached() -> None:
    """The smallest and the largest 52-bit word: 2**-53 and 1 - 2**-53, exactly."""
    out = np.empty((1, 2))
    _shifted(0, _directions(2), np.array([0, 2**52 - 1]), np.empty(2, np.int64), out)
    assert out.tolist() == [[2.0**-53, 1 - 2.0**-53]]
    last = sobol_integers(1, 2, skip=2**52 - 1)
    assert 0 < last.min() <= last.max() < 2**52


@pytest.mark.parametrize("count", ["1", "2", "7"])
def test_the_number_of_threads_changes_no_bit(count: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(threads.SETTING, count)
    assert content_digest(sobol_uniforms(5, 2**16, (2, 2)).astype("<f8").tobytes())[:18] == "0xad3a627fdc2316af"


def test_a_population_is_drawn_at_once() -> None:
    sobol_uniforms(1, 8, (4, 2))
    begin = time.perf_counter()
    sobol_uniforms(1, 2**17, (4, 2))
    assert time.perf_counter() - begin < 1


@pytest.mark.parametrize(("count", "shape", "skip", "message"), [
    (4, (0,), 0, "number of dimensions is 0"), (4, (64, 65), 0, "number of dimensions is 4160"),
    (2, (1,), 2**52 - 1, "points is"), (1, (1,), -1, "points is")])
def test_what_cannot_be_drawn(count: int, shape: tuple[int, ...], skip: int, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        sobol_uniforms(1, count, shape, skip=skip)
