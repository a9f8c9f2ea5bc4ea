from __future__ import annotations

import numpy as np
import pytest
from bits import FLAGS, instructions, same

from risk.exact import covariance
from risk.exact.covariance import covariances
from risk.exact.elementary import student_t_quantile
from risk.exact.uniforms import uniforms

Z = student_t_quantile(uniforms(17, (2_000, 3)), 4.0)
STEPS = 1 + (uniforms(5, (2_000,)) * 1.4).astype(np.int64)
S = np.array(((1.0, 0.6, 0.2), (0.6, 1.0, -0.1), (0.2, -0.1, 1.0)))


def slow(anchor: np.ndarray, a: float, b: float, steps: np.ndarray, rescaled: bool) -> np.ndarray:
    q, out = S, []
    for z, span in zip(Z, steps.tolist(), strict=True):
        for _ in range(span - 1):
            q = anchor + (a + b) * q
        out.append(q)
        x = z * np.sqrt(np.diagonal(q)) if rescaled else z
        q = anchor + a * (x[:, None] * x[None, :]) + b * q
    return np.array([*out, q])


@pytest.mark.parametrize("rescaled", [False, True])
@pytest.mark.parametrize("steps", [STEPS, np.ones_like(STEPS)], ids=["gaps", "no gaps"])
@pytest.mark.parametrize(("a", "b", "anchor"), [(0.03, 0.97, 0.0 * S), (0.04, 0.94, 0.02 * S)])
def test_a_path_has_the_bits_of_numpy(a: float, b: float, anchor: np.ndarray, steps: np.ndarray, rescaled: bool
                                      ) -> None:
    assert (STEPS > 1).any()
    found = covariances(S, anchor, a, b, Z, steps, rescaled=rescaled)
    assert same(found, slow(anchor, a, b, steps, rescaled))
    turned = covariances(S, anchor, a, b, np.asfortranarray(Z), np.repeat(steps, 2)[::2], rescaled=rescaled)
    assert same(found, turned)                     # whatever way they lie in memory


def test_nan_is_not_lost() -> None:
    z = Z[:3].copy()
    z[1, 0] = np.nan
    found = covariances(S, 0.0 * S, 0.03, 0.97, z, np.ones(3, np.int64))
    assert not np.isnan(found[:2]).any()
    assert np.isnan(found[2:, 0]).all()


def test_llvm_may_fuse_and_regroup_nothing() -> None:
    text = instructions(covariance._path, np.empty(3), 1, S, Z, STEPS, np.empty(3), np.empty((3, 3, 3)))
    assert "fmul" in text
    assert not FLAGS.search(text)
