"""The parameters an epoch was built with: given by the model file, or fitted to the history and then published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.exact.elementary import log
from risk.market.history import History
from risk.models import copula as copulas
from risk.models import garch as garches
from risk.models.copula import StudentCopula
from risk.models.garch import Garch
from risk.models.model import Model

SLACK = 0.01
"""How far the log-likelihood of published parameters may stay behind a new fit's: far less than the data can tell, far
more than optimisers differ by."""


@dataclass(frozen=True)
class Calibration:
    """Parameters per asset.

    variances : conditional variance of the next step, per asset.
    copula : for Monte Carlo only.
    """

    garch: tuple[Garch, ...]
    variances: tuple[float, ...]
    copula: StudentCopula | None = None

    def to_json(self) -> dict[str, Any]:
        """Doubles as JSON numbers in their shortest exact form."""
        return {"garch": [dict(garch.to_json()) for garch in self.garch], "variances": list(self.variances),
                "copula": None if self.copula is None else self.copula.to_json()}

    @classmethod
    def from_json(cls, node: Node) -> Calibration:
        """Read what `to_json` wrote."""
        parts = node.object(required={"garch", "variances", "copula"})
        garch = tuple(Garch.from_json(entry) for entry in parts["garch"].array(at_least=1))
        variances = tuple(entry.number(0.0, 1e4) for entry in
                          parts["variances"].array(at_least=len(garch), at_most=len(garch)))
        return cls(garch, variances,
                   None if parts["copula"].value is None else StudentCopula.from_json(parts["copula"]))


def log_returns(history: History) -> NDArray[np.float64]:
    """(n, m) prices -> (n - 1, m)."""
    return np.diff(log(history.prices), axis=0)


def calibrate(model: Model, history: History | None, published: Calibration | None = None) -> Calibration:
    """The parameters that model and history determine.

    Parameters
    ----------
    published : take what the model says to fit from here instead of fitting; see `shortfalls_of_fit`.

    Raises
    ------
    BadInput : a history that is missing, superfluous or of other assets; a fit that fails.
    """
    if (history is not None) != model.needs_history:
        raise BadInput("history", "given" if history else None,
                       "given: the model reads prices" if model.needs_history else "absent: the model reads no prices")
    if history is None:
        assert model.garch is not None             # a model without history gives everything
        assert model.variances is not None
        return Calibration(model.garch, model.variances, model.copula)
    if history.assets != model.assets:
        raise BadInput("history.assets", ",".join(history.assets), f"{','.join(model.assets)}, as in the model")
    if published is not None:
        _require_fitting(model, published)
    returns = log_returns(history)
    garch, copula = model.garch, model.copula
    if garch is None:
        garch = published.garch if published else tuple(
            garches.fit(returns[:, i], asset=asset) for i, asset in enumerate(model.assets))
    if model.fits_copula:
        copula = published.copula if published else copulas.fit(_residuals(garch, returns), model.assets)
    variances = tuple(float(g.variances(returns[:, i])[-1]) for i, g in enumerate(garch))
    return Calibration(garch, variances, copula)


def _require_fitting(model: Model, published: Calibration) -> None:
    size, copula = len(model.assets), published.copula
    if len(published.garch) != size or (model.fits_copula and (copula is None or len(copula.correlation) != size)):
        raise BadInput("calibration", str(published.to_json()), "parameters for each asset of the model")


def shortfalls_of_fit(model: Model, history: History, published: Calibration) -> dict[str, float]:
    """By how much a new fit's log-likelihood exceeds that of published parameters, for all that the model says to fit.

    Two machines' optimisers agree in likelihood, not in the last digits. Published parameters stand if nothing here is
    above `SLACK`.
    """
    returns = log_returns(history)
    missing: dict[str, float] = {}
    if model.garch is None:
        for i, (asset, garch) in enumerate(zip(model.assets, published.garch, strict=True)):
            best = garches.fit(returns[:, i], asset=asset)
            missing[f"garch.{asset}"] = best.log_likelihood(returns[:, i]) - garch.log_likelihood(returns[:, i])
    if model.fits_copula and published.copula is not None:
        residuals = _residuals(published.garch, returns)
        ranks = copulas.pseudo_observations(residuals)
        best_copula = copulas.fit(residuals, model.assets)
        missing["copula"] = best_copula.log_likelihood(ranks) - published.copula.log_likelihood(ranks)
    return missing


def _residuals(garch: tuple[Garch, ...], returns: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([g.residuals(returns[:, i]) for i, g in enumerate(garch)], axis=1)
