"""What the table [surface] of a model does to implied volatilities in scenarios, beside the model's own ratio."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from risk.exact.elementary import log
from risk.market.book import Curve
from risk.models.implied import Dynamics, Sticky
from risk.surfaces.svi import Slice

Floats = NDArray[np.float64]


def by_strike(dynamics: Dynamics, curve: Curve) -> bool:
    """Whether options of one expiry move apart by their strikes."""
    return dynamics.tilt != 0 or dynamics.tenor.least_volatility > 0 or _slides(dynamics, curve) is not None


def tenor_scale(dynamics: Dynamics, years: float) -> float:
    """Power of the model's ratio for options that live `years` more, today."""
    tenor = dynamics.tenor
    return tenor.scale(years) if tenor.short_power or tenor.long_power else 1.0


def moved(dynamics: Dynamics, curve: Curve, ratio: Floats, option: tuple[float, float, float], after: Floats,
          deviations: Floats) -> Floats:
    """What the implied volatility of an option is multiplied by in each scenario: (S,).

    Parameters
    ----------
    ratio : of the model's volatility, (S,).
    option : strike and forward in quote units, today's volatility times the square root of years.
    after : forward in each scenario, (S,).
    deviations : the spot's log returns over what they are expected to be, (S,).
    """
    strike, forward, deviation = option
    slides = _slides(dynamics, curve)
    if slides is not None:
        ratio = ratio * np.sqrt(slides.total_variance(log(strike / after))
                                / slides.total_variance(log(strike / forward)))
    if dynamics.tilt:
        ratio = ratio * dynamics.tilted(deviations, float(log(strike / forward)), deviation)
    return ratio


def raised(dynamics: Dynamics, ratio: Floats, volatility: float) -> Floats:
    """The model's ratio, a rise at least to the floor: (S,)."""
    if not dynamics.tenor.least_volatility:
        return ratio
    return np.where(ratio > 1.0, np.maximum(ratio, dynamics.tenor.least_volatility / volatility), ratio)


def _slides(dynamics: Dynamics, curve: Curve) -> Slice | None:
    """The slice that options move along; None where they keep the volatility of their strike."""
    return curve.slice if dynamics.sticky == Sticky.DELTA else None
