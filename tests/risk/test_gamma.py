from __future__ import annotations

import numpy as np
import pytest
from bits import same
from scipy import special, stats

from risk.exact.digests import content_digest
from risk.exact.gamma import _table, chi_square_quantile, gamma_tails
from risk.exact.reference import FIRST_ROW, ROW_SHIFT, TABLE_ORDER, TABLE_ROWS
from risk.exact.uniforms import uniforms

U = uniforms(41, (4000,))


@pytest.mark.parametrize("degrees", [2.01, 3.2, 8.0, 200.0])
def test_quantiles_are_scipy_s(degrees: float) -> None:
    u = np.concatenate([U, 2.0 ** -(1 + 60 * U), 0.5 + np.array([0, -(2.0**-54), 2.0**-53])])
    assert np.allclose(chi_square_quantile(u, degrees), stats.chi2.ppf(u, degrees), rtol=1e-12, atol=0)
    upper = 2.0 ** -np.arange(1.0, 54)                              # 1 - upper is exact
    assert np.allclose(chi_square_quantile(1 - upper, degrees), stats.chi2.isf(upper, degrees), rtol=1e-12, atol=0)


@pytest.mark.parametrize("a", [1.005, 1.75, 4.0, 100.0])
def test_tails(a: float) -> None:
    x = np.concatenate([a * 3 * U, [0.0, a + 1, 1e-6, 5 * a + 60]])
    lower, upper = gamma_tails(x, a)
    assert np.allclose(lower, special.gammainc(a, x), rtol=3e-13, atol=1e-300)
    assert np.allclose(upper, special.gammaincc(a, x), rtol=3e-13, atol=1e-300)
    assert (gamma_tails(x[7:8], a)[1] == upper[7:8]).all()          # not a matter of neighbours


def test_twins() -> None:
    def plain(tail: np.ndarray, lower: bool) -> np.ndarray:
        rows = _table(1.6, lower)[np.minimum((tail.view(np.int64) >> ROW_SHIFT) - FIRST_ROW, TABLE_ROWS - 1)]
        x = rows[:, -1]
        for k in range(TABLE_ORDER, 0, -1):
            x = x * (tail - rows[:, 0]) + rows[:, k]
        return 2.0 * x

    assert same(chi_square_quantile(U, 3.2), np.where(U < 0.5, plain(np.minimum(U, 1 - U), True),
                                                     plain(np.minimum(U, 1 - U), False)))


def test_outside_the_domain_is_nan_and_bits_are_pinned() -> None:
    for u in (0.0, 2.0**-65, 1.0, -0.5, np.nan):
        assert np.isnan(chi_square_quantile(u, 4.0))
    assert content_digest(chi_square_quantile(U, 3.2).astype("<f8").tobytes())[:18] == "0xcc8d5b8f1b6aea8c"
