"""How implied volatility moves in scenarios, beside the model's forecast: the table [surface] of a model file.

    [surface]                                  # all keys have a default
    dynamics = "sticky-delta"                  # ["sticky-delta"] or "sticky-strike": of expiries with a slice
    days = 30                                  # [30] the tenor whose volatility moves as far as the model's
    floor_days = 1                             # [1]
    short_power = 0.3                          # [0] of tenors up to `days`
    long_power = 0.13                          # [0] of longer ones
    least_volatility = 0.4                     # [0] that a rise leads to at least
    tilt = 0.05                                # [0] of skew, per deviation of the spot
    tilt_width = 3.0                           # [3] deviations of moneyness at which the tilt is whole

sticky-delta: an option after the scenario has the volatility that today's slice has at its new moneyness ln(K/F'), so
the smile moves with the spot; sticky-strike: that of its strike. Volatilities that the book gives by strike are always
of the strike, for between strikes there are none. Then, of every option:

    ratio of the model's volatility (`risk.valuation.revaluation`), to the power of (days / max(T, floor_days))**p
    times 1 + tilt z min(1, |x|) sign(x),    z: the log return of the spot in deviations over the horizon, within +-4
                                             x = ln(K/F) / (tilt_width volatility sqrt(T)), today's

A positive tilt makes low strikes dearer and high ones cheaper where the spot falls. The tenor law is Deribit's and
Derive's, as sets have it (`risk.models.scenario_set`); of scenarios of stress it is the law of their shocks, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from primitives.jsonio import Node
from risk.models.scenario_set import Tenor

Floats = NDArray[np.float64]
LARGEST_DEVIATIONS = 4.0
"""Of a spot, that a tilt follows: beyond, a multiple could fall to 0."""
_TENOR = {"days": (0.01, 3650.0), "floor_days": (0.0001, 3650.0), "short_power": (0.0, 2.0), "long_power": (0.0, 2.0),
          "least_volatility": (0.0, 20.0)}
_TILT = {"tilt": (-0.2, 0.2), "tilt_width": (0.1, 100.0)}


class Sticky(StrEnum):
    """What a smile keeps to where the spot moves."""

    DELTA = "sticky-delta"
    STRIKE = "sticky-strike"


@dataclass(frozen=True)
class Dynamics:
    """The table, with its defaults."""

    sticky: Sticky = Sticky.DELTA
    tenor: Tenor = field(default_factory=Tenor)
    tilt: float = 0.0
    width: float = 3.0

    @classmethod
    def parse(cls, node: Node, *, draws: bool) -> Dynamics:
        """From a model file.

        Parameters
        ----------
        draws : whether scenarios are drawn; the rows of a set say themselves what volatility and skew do.

        Raises
        ------
        BadInput : naming the key.
        """
        parts = node.object((), {"dynamics", *_TENOR, *_TILT})
        for key in () if draws else {*_TENOR, *_TILT} & parts.keys():
            raise parts[key].refuse("absent: of a handwritten set, [tenor] and [skew] of the set say it")
        usual = cls()
        tenor = Tenor(**{name: parts[name].number(*bounds) for name, bounds in _TENOR.items() if name in parts})
        tilt, width = (parts[name].number(*bounds) if name in parts else value for (name, bounds), value
                       in zip(_TILT.items(), (usual.tilt, usual.width), strict=True))
        return cls(Sticky(parts["dynamics"].choice(set(Sticky))) if "dynamics" in parts else usual.sticky, tenor, tilt,
                   width)

    @property
    def of_rows(self) -> Dynamics:
        """What is left of it for the rows of a set: these say themselves what volatility and skew do, whatever model
        they are put to."""
        return Dynamics(self.sticky)

    def tilted(self, deviations: Floats, moneyness: float, deviation: float) -> Floats:
        """What the tilt multiplies a volatility by: (S,).

        deviations : the spot's log returns over what they are expected to be, (S,).
        moneyness : ln(K/F), today.  deviation : volatility times the square root of years, today.
        """
        reach = moneyness / (self.width * deviation)
        share = self.tilt * min(1.0, max(-1.0, reach))
        z: Floats = np.minimum(np.maximum(deviations, -LARGEST_DEVIATIONS), LARGEST_DEVIATIONS)
        return 1.0 + share * z
