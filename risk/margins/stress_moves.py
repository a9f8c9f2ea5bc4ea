"""Scenarios that a margin is held against to see where it falls short: drawn by the model anew, and by its stress sets.

They enter no epoch. `model` is the epoch's own model under another seed: what its tail is when it is not the sample
that margins were made of. Stress sets are those of a model file (`risk.scenarios.stress`), presets those of venues.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.epochs.drawing import draw
from risk.exact.shape import EpochShape, TailSize
from risk.margins.scan import set_changes
from risk.margins.shocks import Market
from risk.models.model import STRESSES, Estimator, Stress
from risk.valuation.revaluation import value_changes

DRAWN = "model, drawn anew"
DEFAULT = ("dependence-0", "dependence-1", "black-swan")
MOST = 4096
"""Scenarios of each set."""


def stress_changes(market: Market, stresses: Sequence[str] = DEFAULT, presets: Sequence[str] = (), *,
                   scenarios: int = 256, seed: int = 1) -> dict[str, NDArray[np.int64]]:
    """Value change of a lot of every listing, by set: int64 (n, S), 10**-6 quote units.

    Parameters
    ----------
    stresses : sets of `risk.scenarios.stress`, days of the history among them; a handwritten model has none.
    presets : handwritten sets, whose rows happen at once.
    scenarios : of each drawn set.

    Raises
    ------
    BadInput : a set that there is not, or that needs a history which the epoch does not have; a set twice; no set at
        all; scenarios out of bounds; stress of a model that draws nothing.
    """
    named = [*stresses, *presets]
    if len(set(named)) != len(named):
        raise BadInput("stress sets", ", ".join(named), "named once each")
    if not 1 <= scenarios <= MOST:
        raise BadInput("scenarios", scenarios, f"in [1, {MOST}]")
    found: dict[str, NDArray[np.int64]] = {}
    if market.model.estimator != Estimator.HANDWRITTEN:
        found |= _drawn(market, stresses, scenarios, seed)
    elif stresses:
        raise BadInput("stress sets", ", ".join(stresses), "absent: of a handwritten model nothing is drawn")
    found |= {name: set_changes(market, name) for name in presets}
    if not found:
        raise BadInput("stress sets", None, "given: a handwritten model draws none by itself")
    return found


def _drawn(market: Market, stresses: Sequence[str], count: int, seed: int) -> dict[str, NDArray[np.int64]]:
    """The model's own and its stress sets', one after the other in one draw, and then apart."""
    dated = [name for name in stresses if name not in STRESSES]
    if dated and market.history is None:
        raise BadInput("stress sets", ", ".join(dated), f"of {', '.join(STRESSES)}: the epoch has no history of days")
    shape, sets = market.model.shape, len(stresses)
    layout = EpochShape(count * (1 + sets), TailSize(1), shape.depth, shape.lanes, shape.width, shape.value_bits)
    model = replace(market.model, shape=layout, stress=Stress(tuple(stresses), sets / (1 + sets)))
    drawn = draw(model, market.calibration, market.history, seed=seed).scenarios
    changes = value_changes(market.book, model, market.calibration, drawn)
    return {name: changes[:, i * count:(i + 1) * count] for i, name in enumerate((DRAWN, *stresses))}
