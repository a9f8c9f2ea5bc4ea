"""Monte Carlo from the model alone: each asset's own law, tied together by a copula under today's correlations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from risk.exact.uniforms import latin_hypercube
from risk.models import copula as copulas
from risk.models.calibration import Calibration
from risk.models.copula import Dependence


def innovations(calibration: Calibration, dependence: Dependence, *, seed: int, scenarios: int, horizon: int
                ) -> NDArray[np.float64]:
    """Innovations of unit variance, dependent across assets and independent across steps: (S, h, m)."""
    assert calibration.correlation is not None         # `parse_model` refuses this estimator without one
    copula = dependence.under(calibration.correlation)
    variates = copula.sample(latin_hypercube(seed, scenarios, (horizon, copula.uniforms)))
    return np.stack([copulas.innovations(copula, variates, i, volatility.law)
                     for i, volatility in enumerate(calibration.volatilities)], axis=2)
