"""The model on its history: what today's variances and correlations are. Nothing is fitted here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput, Said
from primitives.jsonio import Node
from risk.exact.elementary import log
from risk.market.history import History
from risk.models.correlation import Matrix, read_matrix
from risk.models.model import Model
from risk.models.procyclicality import Mitigation, State, any_tool, mitigate
from risk.models.volatility import Volatility


@dataclass(frozen=True)
class Calibration:
    """Parameters and today's state, per asset.

    volatilities : as in the model file.
    variances : conditional variance of the next step.
    correlation : of the next step's innovations; None if nothing was said of it.
    mitigation : where the model has tools against procyclical margins: what they made of the model's own forecasts.
    """

    volatilities: tuple[Volatility, ...]
    variances: tuple[float, ...]
    correlation: Matrix | None = None
    mitigation: Mitigation | None = None

    def to_json(self) -> dict[str, Any]:
        """Doubles as JSON numbers in their shortest exact form."""
        return {"volatility": [volatility.to_json() for volatility in self.volatilities],
                "variances": list(self.variances),
                "correlation": None if self.correlation is None else [list(row) for row in self.correlation],
                **({} if self.mitigation is None else {"procyclicality": self.mitigation.to_json()})}

    @classmethod
    def from_json(cls, node: Node) -> Calibration:
        """Read what `to_json` wrote."""
        parts = node.object({"volatility", "variances", "correlation"}, {"procyclicality"})
        volatilities = tuple(Volatility.from_json(entry) for entry in parts["volatility"].array(at_least=1))
        size = len(volatilities)
        variances = tuple(entry.number(0.0, 1e4) for entry in
                          parts["variances"].array(at_least=size, at_most=size))
        return cls(volatilities, variances, None if parts["correlation"].value is None
                   else read_matrix(parts["correlation"], size),
                   Mitigation.from_json(parts["procyclicality"]) if "procyclicality" in parts else None)


def log_returns(history: History) -> NDArray[np.float64]:
    """(n, m) prices -> (n - 1, m); each over as many steps as `history.steps` says."""
    return np.diff(log(history.prices), axis=0)


def residuals(model: Model, history: History) -> NDArray[np.float64]:
    """The innovations that made the history's returns: (n - 1, m)."""
    returns = log_returns(history)
    return np.stack([v.residuals(returns[:, i], history.steps) for i, v in enumerate(model.volatilities)], axis=1)


def calibrate(model: Model, history: History | None, *, unseen: int = 0, at: int | None = None,
              previous: State | None = None) -> Calibration:
    """The state that model and history determine.

    Parameters
    ----------
    history : its assets in the model's order, see `History.of`.
    unseen : steps that have passed since the history's last row: variances are what is expected after them.
    at, previous : the valuation in Unix seconds and the state that the epoch before left, for a model with tools
        against procyclical margins (`risk.models.procyclicality`); without them, the tools begin here.

    Raises
    ------
    BadInput : a history that is missing, superfluous or of other assets; correlations too close to singular; a previous
        state that is not of these assets, or of a later time.
    """
    if (history is not None) != model.needs_history:
        raise BadInput("history", Said("given") if history else None,
                       "given: the model reads prices" if model.needs_history else "absent: the model reads no prices")
    if history is None:
        assert model.variances is not None             # a model without history gives everything
        return Calibration(model.volatilities, model.variances,
                           model.correlation.current if model.correlation.moves else model.correlation.matrix)
    if history.assets != model.assets:
        raise BadInput("history.assets", ",".join(history.assets), f"{','.join(model.assets)}, as in the model")
    returns = log_returns(history)
    variances = tuple(v.ahead(float(v.variances(returns[:, i], history.steps)[-1]), unseen)
                      for i, v in enumerate(model.volatilities))
    correlation = model.correlation.today(residuals(model, history), history.steps)
    if not any_tool(model.procyclicality):
        return Calibration(model.volatilities, variances, correlation)
    mitigation = mitigate(model, history, returns, variances, unseen=unseen, at=at, previous=previous)
    return Calibration(model.volatilities, mitigation.after.variances, correlation, mitigation)
