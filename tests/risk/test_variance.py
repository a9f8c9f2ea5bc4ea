from __future__ import annotations

import numpy as np
import pytest
from bits import FLAGS, instructions, same

from primitives import threads
from risk.exact import variance
from risk.exact.elementary import student_t_quantile
from risk.exact.uniforms import uniforms
from risk.exact.variance import Recursion, filtered, paths

EWMA = Recursion(0.0, 0.0, 0.03, 0.0, 0.97, 1.0)
GARCH = Recursion(0.001, 1.3e-5, 0.08, 0.0, 0.91, 0.99)
GJR = Recursion(-0.0004, 2e-6, 0.02, 0.11, 0.90, 0.975)
Z = student_t_quantile(uniforms(31, (30_000, 3, 2)), 4.0)


def slow_paths(r: Recursion, first: float, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    total, v = np.zeros(len(z)), np.full(len(z), first)
    for column in z.T:
        move = np.sqrt(v) * column
        total = total + (r.mean + move)
        v = r.omega + np.where(move < 0, r.alpha + r.gamma, r.alpha) * (move * move) + r.beta * v
    return total, v


@pytest.mark.parametrize("count", ["1", "2", "5"])
@pytest.mark.parametrize("recursion", [EWMA, GARCH, GJR])
def test_paths_have_the_bits_of_numpy(recursion: Recursion, count: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(threads.SETTING, count)
    for asset in range(2):
        found, expected = paths(recursion, 0.0014, Z[:, :, asset]), slow_paths(recursion, 0.0014, Z[:, :, asset])
        assert same(found[0], expected[0])
        assert same(found[1], expected[1])


@pytest.mark.parametrize("recursion", [EWMA, GARCH, GJR])
def test_filters_have_the_bits_of_a_loop(recursion: Recursion) -> None:
    returns, steps = 0.03 * Z[:2000, 0, 0], 1 + (uniforms(3, (2000,)) * 1.4).astype(np.int64)
    v, expected = 0.001, []
    for r, span in zip(returns.tolist(), steps.tolist(), strict=True):
        whole = v
        for _ in range(span - 1):
            v = recursion.omega + recursion.persistence * v
            whole = whole + v
        expected.append(whole)
        e = r - span * recursion.mean
        square = e * e if span == 1 else e * e / whole * v
        v = recursion.omega + (recursion.alpha + (recursion.gamma if e < 0 else 0.0)) * square + recursion.beta * v
    assert (steps > 1).any()
    assert same(filtered(recursion, 0.001, returns, steps), np.array([*expected, v]))


def test_nan_is_not_lost() -> None:
    z = np.array([[0.5, np.nan]])
    assert np.isnan(paths(GJR, 0.001, z)[0]).all()
    assert np.isnan(filtered(GJR, 0.001, np.array([np.nan, 0.1]), np.ones(2, np.int64))[1:]).all()


def test_llvm_may_fuse_and_regroup_nothing() -> None:
    row = np.empty(3)
    text = instructions(variance._paths, row, Z[:, :, 0], row, row) + \
        instructions(variance._filter, row, row, np.ones(3, np.int64), row)
    assert "fmul" in text
    assert not FLAGS.search(text)
