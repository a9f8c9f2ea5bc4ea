"""Scenarios of a handwritten set: rows as they stand, no draw, no history.

Spots follow from the rows' own relative changes, exact to 10**-12; the log returns beside them are rounded ones, for
people. Variances do not move, so that implied volatilities do only what the rows say.
"""

from __future__ import annotations

import numpy as np

from primitives.errors import BadInput
from risk.exact.elementary import log
from risk.models.model import Model
from risk.models.scenario_set import SHOCK_UNIT
from risk.scenarios.scenarios import LARGEST_RETURN, RETURN_UNIT, Scenarios, Shocks

_COLUMNS = ("volatility", "basis", "damping", "linear", "absolute")


def scenarios(model: Model) -> Scenarios:
    """The rows of the model's set, repeated until there are S scenarios.

    Raises
    ------
    BadInput : more rows than scenarios; masses; fewer rows than scenarios with another tail than 1, where a row that is
        repeated would count more often than another.
    """
    chosen, shape = model.set, model.shape
    assert chosen is not None                      # `parse_model` has made sure
    rows, count, m = len(chosen.rows), shape.scenarios, len(model.assets)
    if not shape.tail.uniform:
        raise BadInput("epoch.masses", str(shape.tail), "absent: rows of a set are equally likely")
    if rows > count:
        raise BadInput("epoch.scenarios", count, f"at least {rows}, the rows of the set {chosen.name}")
    if rows < count and shape.tail.share(count) * count != 1:
        raise BadInput("epoch.tail", str(shape.tail), f'"1", the worst case: with {rows} rows for {count} scenarios '
                       "some count more often than others")
    origin = np.arange(count, dtype=np.int64) % rows
    columns = {name: np.array([getattr(row, name) for row in chosen.rows], np.int64)[origin] for name in _COLUMNS}
    spot = np.array([row.spot for row in chosen.rows], np.int64)[origin]
    returns = np.rint(log(1.0 + spot / SHOCK_UNIT) * RETURN_UNIT)
    still = np.ones((count, m), np.int64)
    return Scenarios(np.clip(returns, -LARGEST_RETURN, LARGEST_RETURN).astype(np.int64), still, still[0],
                     Shocks.of("handwritten", count, m, origin=origin, spot=spot, **columns))
