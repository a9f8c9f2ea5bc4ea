"""Jumps of a model's paths, from uniforms of their own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from risk.exact.digests import keccak256
from risk.exact.sobol import sobol_uniforms
from risk.exact.uniforms import latin_hypercube
from risk.models.calibration import Calibration
from risk.models.model import Model

_DOMAIN = b"tailproof.jumps/1"


def jumps(model: Model, calibration: Calibration, *, seed: int, count: int) -> NDArray[np.float64] | None:
    """Sum of the jumps of `count` paths over the horizon, log returns: (count, m); None for a model without jumps.

    Of a population, the next dimensions of the same Sobol points, after those of the innovations; of equally likely
    scenarios, a Latin hypercube with a seed that follows from theirs. So innovations are what they are without jumps.
    """
    if model.jumps is None:
        return None
    width = model.jumps.uniforms
    if model.shape.tail.uniform:
        own = int.from_bytes(keccak256(_DOMAIN + seed.to_bytes(8, "big")), "big") >> (256 - 52)
        drawn = latin_hypercube(own, count, (width,))
    else:
        before = model.horizon * _dimensions(model, calibration)
        drawn = sobol_uniforms(seed, count, (before + width,))[:, before:]
    return model.jumps.sample(np.ascontiguousarray(drawn), model.horizon / model.steps_per_year)


def _dimensions(model: Model, calibration: Calibration) -> int:
    """Uniforms that a step of a path takes: those of the copula, or one that draws a day."""
    if model.copula is None:
        return 1
    assert calibration.correlation is not None         # `parse_model` refuses Monte Carlo without one
    return model.copula.under(calibration.correlation).uniforms
