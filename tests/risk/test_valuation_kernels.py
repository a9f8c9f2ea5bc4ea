"""Machine code for Black-76 gives the bytes of the plain formula, alone and for a book in all scenarios."""

from __future__ import annotations

import numpy as np
import pytest
from bits import FLAGS, instructions, same

from primitives import threads
from risk.exact.uniforms import uniforms
from risk.valuation import kernels, pricing, reference

N = 10**6
U = uniforms(21, (6, N))
FORWARD, STRIKE = np.exp(16 * U[0] - 4), np.exp(16 * U[1] - 4)
VOLATILITY, YEARS, DISCOUNT, CALL = 20 * U[2] ** 4, 3 * U[3] ** 6, 0.5 + 0.5 * U[4], U[5] < 0.5
VOLATILITY[:100], YEARS[50:200] = 0.0, 0.0
VOLATILITY[200:300] = 1e-12 * np.arange(100)
STRIKE[300:1000] = FORWARD[300:1000]
FORWARD[1000:1010], FORWARD[1010:1020] = np.nan, np.inf


def test_a_million_options() -> None:
    with np.errstate(all="ignore"):
        assert same(pricing.black_76(FORWARD, STRIKE, VOLATILITY, YEARS, DISCOUNT, CALL),
                    reference.black_76(FORWARD, STRIKE, VOLATILITY, YEARS, DISCOUNT, CALL))


def test_arguments_broadcast() -> None:
    forward, strike = FORWARD[2000:2200, None], STRIKE[2000:2300]
    prices = pricing.black_76(forward, strike, 0.8, 0.3, 0.9, CALL[2000:2300])
    assert prices.shape == (200, 300)
    assert same(prices, reference.black_76(forward, strike, 0.8, 0.3, 0.9, CALL[2000:2300]))
    assert pricing.black_76(1.0, 1.0, 0.5, 1.0, 1.0, True).shape == ()


@pytest.mark.parametrize("count", ["1", "2", "5"])
def test_options_of_a_book_and_any_number_of_threads(count: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(threads.SETTING, count)
    n, scenarios, keys = 70, 333, 5
    part = slice(3000, 3000 + n)
    key, forwards = np.arange(n) % keys, FORWARD[:keys * scenarios].reshape(keys, scenarios)
    ratios, now = 0.5 + U[1][:keys * scenarios].reshape(keys, scenarios), U[0, part]
    options = kernels.Options(key, STRIKE[part], VOLATILITY[part], np.sqrt(YEARS[part]), DISCOUNT[part],
                              np.where(CALL[part], 1.0, -1.0), now, forwards, ratios)
    changes = np.empty((n, scenarios))
    threads.share(n, lambda begin, end: kernels.option_changes(options, begin, changes[begin:end],
                                                               np.empty(kernels.SCRATCH)))
    with np.errstate(all="ignore"):
        expected = reference.black_76(forwards[key], STRIKE[part, None], VOLATILITY[part, None] * ratios[key],
                                      YEARS[part, None], DISCOUNT[part, None], CALL[part, None]) - now[:, None]
    assert same(changes, expected)


def test_llvm_may_fuse_and_regroup_nothing() -> None:
    row, block = np.empty(3), np.empty((2, 3))
    text = instructions(kernels.black_76_all, row, row, row, row, row, row, block)
    options = kernels.Options(np.zeros(3, np.int64), row, row, row, row, row, row, block, block)
    text += instructions(kernels.option_changes, options, 0, block, block)
    assert text.count("fmul") > 50
    assert not FLAGS.search(text)
