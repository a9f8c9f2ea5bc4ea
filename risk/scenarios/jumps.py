"""Jumps of a model's paths, from uniforms of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from risk.exact.digests import keccak256
from risk.exact.sobol import sobol_uniforms
from risk.exact.uniforms import latin_hypercube
from risk.models.calibration import Calibration
from risk.models.model import Model

_DOMAIN = b"tailproof.jumps/1"


def jumps(model: Model, calibration: Calibration, *, seed: int, count: int, systemic: float | None = None,
          weighted: bool | None = None, before: int | None = None) -> NDArray[np.float64] | None:
    """Sum of the jumps of `count` paths over the horizon, log returns: (count, m); None for a model without jumps.

    Of a population, the next dimensions of the same Sobol points, after those of the innovations; of equally likely
    scenarios, a Latin hypercube with a seed that follows from theirs. So innovations are what they are without jumps.

    Parameters
    ----------
    systemic : share of the jumps that all assets have together; by default the model's.
    weighted : whether innovations are of Sobol's points; by default where the model's shape has masses.
    before : how many dimensions of these they took; by default what the model's own take.
    """
    if model.jumps is None:
        return None
    law = model.jumps if systemic is None else replace(model.jumps, systemic=systemic)
    width = law.uniforms
    if model.shape.tail.uniform if weighted is None else not weighted:
        own = int.from_bytes(keccak256(_DOMAIN + seed.to_bytes(8, "big")), "big") >> (256 - 52)
        drawn = latin_hypercube(own, count, (width,))
    else:
        taken = model.horizon * _dimensions(model, calibration) if before is None else before
        drawn = sobol_uniforms(seed, count, (taken + width,))[:, taken:]
    return law.sample(np.ascontiguousarray(drawn), model.horizon / model.steps_per_year)


def _dimensions(model: Model, calibration: Calibration) -> int:
    """Uniforms that a step of a path takes: those of the copula, or one that draws a day."""
    if model.copula is None:
        return 1
    assert calibration.correlation is not None         # `parse_model` refuses Monte Carlo without one
    return model.copula.under(calibration.correlation).uniforms
