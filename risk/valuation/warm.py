"""Have the risk engine's machine code compiled, so that the first epoch does not wait for it."""

from __future__ import annotations

import numpy as np

from risk.exact.covariance import covariances
from risk.exact.elementary import exp, log, normal_cdf, student_t_quantile, student_t_tail, student_t_tail_inverse
from risk.exact.gamma import chi_square_quantile
from risk.exact.sobol import sobol_integers, sobol_uniforms
from risk.exact.variance import Recursion, filtered, paths
from risk.valuation.kernels import SCRATCH, Options, option_changes
from risk.valuation.pricing import black_76


def warm() -> None:
    """Call every compiled function once, with arrays of the kinds that building an epoch has."""
    row, grid = np.full(2, 0.25), np.full((2, 2), 0.25)
    for function in (exp, log, normal_cdf):
        function(row)
    for function_of_degrees in (student_t_quantile, student_t_tail, student_t_tail_inverse, chi_square_quantile):
        function_of_degrees(row, 4.0)
    sobol_integers(1, 1)
    sobol_uniforms(1, 1, (1,))
    recursion = Recursion(0.0, 0.0, 0.05, 0.0, 0.95, 1.0)
    filtered(recursion, 0.001, row, np.ones(2, np.int64))
    covariances(grid, grid, 0.03, 0.97, grid, np.ones(2, np.int64))
    for innovations in (grid, np.full((2, 2, 2), 0.25)[:, :, 0]):  # of one asset alone, and among others
        paths(recursion, 0.001, innovations)
    black_76(row, row, row, row, row, True)
    options = Options(np.zeros(2, np.int64), row, row, row, row, row, row, grid, grid)
    option_changes(options, 0, grid.copy(), np.empty(SCRATCH))
