"""Monte Carlo from the model alone: each asset's own law, tied together by a copula under today's correlations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from risk.exact.sobol import sobol_uniforms
from risk.exact.uniforms import latin_hypercube
from risk.models import copula as copulas
from risk.models.calibration import Calibration
from risk.models.copula import Copula, Dependence


def innovations(calibration: Calibration, dependence: Dependence, *, seed: int, count: int, horizon: int
                ) -> NDArray[np.float64]:
    """Innovations of unit variance, dependent across assets and independent across steps: (S, h, m)."""
    copula = _copula(calibration, dependence)
    return from_uniforms(calibration, copula, latin_hypercube(seed, count, (horizon, copula.uniforms)))


def population(calibration: Calibration, dependence: Dependence, *, seed: int, count: int, horizon: int
                ) -> NDArray[np.float64]:
    """The same from Sobol points, shifted by the seed: for populations of 2**k paths: (count, h, m)."""
    copula = _copula(calibration, dependence)
    return from_uniforms(calibration, copula, sobol_uniforms(seed, count, (horizon, copula.uniforms)))


def from_uniforms(calibration: Calibration, copula: Copula, uniforms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Innovations from independent uniforms, (S, h, copula.uniforms) -> (S, h, m)."""
    variates = copula.sample(uniforms)
    return np.stack([copulas.innovations(copula, variates, i, volatility.law)
                     for i, volatility in enumerate(calibration.volatilities)], axis=2)


def _copula(calibration: Calibration, dependence: Dependence) -> Copula:
    assert calibration.correlation is not None         # `parse_model` refuses this estimator without one
    return dependence.under(calibration.correlation)
