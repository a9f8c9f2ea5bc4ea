"""Machine code and plain formulas give the same bytes, and LLVM fuses and regroups nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bits import FLAGS, instructions, same
from numpy.typing import NDArray

from primitives import threads
from primitives.errors import BadInput
from primitives.native import Compiled, compiled_ieee
from risk.exact import elementary, kernels, reference
from risk.exact.uniforms import uniforms

EDGES = np.array([0.0, -0.0, 5e-324, -5e-324, 1e-310, 2.0**-1022, -2.0**-1022, np.inf, -np.inf, np.nan, 0.5, 1.0, -1.0,
                  8.5, -8.5, np.nextafter(8.5, 0), 700.0, -700.0, 708.3, -708.4, 709.78, 709.79, -745.1, -745.2, 799.9,
                  800.1, -1e300, 1e308, 2.0**-53, 2.0**-64, np.nextafter(2.0**-64, 0), np.nextafter(0.5, 0)])
U = uniforms(11, (10**6,))
SPREAD = np.concatenate([U, 40 * U - 20, EDGES])
SUBNORMAL = (U[:10**4] * 2**52).astype(np.int64).view(np.float64)


@pytest.mark.parametrize(("name", "x"), [
    ("exp", np.concatenate([1600 * U - 800, U, -745.0 + U[:1000], EDGES, SUBNORMAL])),
    ("log", np.concatenate([np.exp(1400 * U - 700), 0.5 + U, EDGES, SUBNORMAL])),
    ("normal_cdf", np.concatenate([20 * U - 10, U[:1000], EDGES, SUBNORMAL]))])
def test_twins_of_elementary_functions(name: str, x: NDArray[np.float64]) -> None:
    with np.errstate(all="ignore"):
        assert same(getattr(elementary, name)(x), getattr(reference, name)(x))


@pytest.mark.parametrize("degrees", [1.0, 3.0440273, 1000.0])
def test_twins_of_student_t(degrees: float) -> None:
    tails = np.concatenate([0.5 * U[:2000], 2.0**-(1 + 63 * U[:2000]), EDGES, 2.0**-(64 + 900 * U[:20])])
    with np.errstate(all="ignore"):
        assert same(elementary._quantile_table(degrees), reference.quantile_table(degrees))
        t = elementary.student_t_tail_inverse(tails, degrees)
        assert same(t, reference.student_t_tail_inverse(tails, degrees))
        assert same(elementary.student_t_tail(np.abs(t), degrees), reference.student_t_tail(np.abs(t), degrees))
        u = np.concatenate([U[:5000], EDGES, 1 - 2.0**-np.arange(1.0, 54)])
        assert same(elementary.student_t_quantile(u, degrees), reference.student_t_quantile(u, degrees))


def test_a_million_quantiles() -> None:
    assert same(elementary.student_t_quantile(U, 4.2), reference.student_t_quantile(U, 4.2))


def test_quantiles_rise_and_invert_the_tail_across_all_rows() -> None:
    edges = (np.arange(reference.TABLE_ROWS) + reference.FIRST_ROW << reference.ROW_SHIFT).view(np.float64)
    around = np.sort(np.concatenate([edges * (1 + k * 2.0**-52) for k in (0, 1, 2)] +
                                    [edges[1:] * (1 - k * 2.0**-53) for k in (1, 2)]))
    for degrees in (2.5, 3.2, 40.0):
        t = elementary.student_t_tail_inverse(around, degrees)
        assert np.max(np.diff(t) / t[1:]) < 5e-14                   # one last place of p moves t by less than this
        assert np.max(np.abs(elementary.student_t_tail(t, degrees) / around - 1)) < 2e-13


def test_what_is_outside_the_domain_is_nan() -> None:
    for u in (0.0, 1.0, -0.1, 1.1, np.nan, np.inf):
        assert np.isnan(elementary.student_t_quantile(u, 4.0))
    for degrees in (-1.0, 0.0, 0.99, np.nan, np.inf):
        with pytest.raises(BadInput, match=r"degrees is .*: must be (above 0, and finite|at least 1)"):
            elementary.student_t_quantile(0.3, degrees)
    assert np.isnan(elementary.student_t_tail(np.nan, 4.0))
    assert np.isnan(elementary.normal_cdf(np.nan))
    assert elementary.log(0.0) == -np.inf
    assert np.isnan(elementary.log(-1.0))


@pytest.mark.parametrize("count", ["1", "2", "5"])
def test_the_number_of_threads_changes_no_bit(count: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(threads.SETTING, count)
    x = SPREAD[:30_000].reshape(3, -1)
    u = U[:30_000].reshape(-1, 2)[:, ::-1]                         # not contiguous
    with np.errstate(all="ignore"):
        assert same(elementary.normal_cdf(x), reference.normal_cdf(x))
        assert same(elementary.student_t_quantile(u, 5.0), reference.student_t_quantile(u, 5.0))


def compiled_functions() -> list[str]:
    return [name for name, value in vars(kernels).items() if isinstance(value, Compiled) and name.endswith("_all")]


LAW = kernels.StudentT(np.empty(4), np.empty((2, 3, 2)))
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "normal_cdf_all": (U, U, np.empty((2, 4))), "student_t_tail_all": (U, U, LAW),
    "student_t_tail_inverse_all": (U, U, LAW, np.empty((2, 3))),
    "student_t_quantile_all": (U, U, LAW, np.empty((2, 3))),
    "quantile_by_tails_all": (U, U, np.empty((2, 3)), np.empty((2, 3))),
    "fill_quantile_table": (np.empty((2, 3)), LAW, np.empty((3, 4)))}


@pytest.mark.parametrize("name", [*compiled_functions(), "fill_quantile_table"])
def test_llvm_may_fuse_and_regroup_nothing(name: str) -> None:
    text = instructions(getattr(kernels, name), *ARGUMENTS.get(name, (U, U)))
    assert "fmul" in text
    assert not FLAGS.search(text), FLAGS.search(text)


def _fused(x: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    for i in range(len(x)):
        out[i] = x[i] * x[i] + 1.0


def test_the_scan_of_instructions_sees_what_it_looks_for() -> None:
    fast = Compiled(_fused, {"nogil": True, "_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True,
                             "fastmath": True})
    assert FLAGS.search(instructions(fast, U, U))
    assert not FLAGS.search(instructions(compiled_ieee(_fused), U, U))
    for line in ("%.5 = call double @llvm.fma.f64(double %a, double %b, double %c)",
                 "\tvfmadd213sd\t%xmm0, %xmm1, %xmm2", "\tfmadd\td0, d1, d2, d3",
                 "\tvfnmadd231pd\t%ymm0, %ymm1, %ymm2"):
        assert FLAGS.search(line)
