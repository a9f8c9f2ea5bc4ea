"""Monte Carlo from the model alone: GARCH-t margins tied together by a t copula. Needs no price history."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from risk.exact.uniforms import latin_hypercube
from risk.models.calibration import Calibration


def innovations(calibration: Calibration, *, seed: int, scenarios: int, horizon: int) -> NDArray[np.float64]:
    """Innovations of unit variance, dependent across assets and independent across steps: (S, h, m)."""
    copula = calibration.copula
    assert copula is not None                      # `Model` refuses this estimator without one
    variates = copula.sample(latin_hypercube(seed, scenarios, (horizon, len(calibration.garch))))
    return np.stack([copula.innovations(variates, i, garch.degrees) for i, garch in enumerate(calibration.garch)],
                    axis=2)
