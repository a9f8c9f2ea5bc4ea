"""Whole model files: fitted on a history, and judged by another fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.fitting import copula as copulas
from risk.fitting import correlation as correlations
from risk.fitting import jumps as jump_fits
from risk.fitting import volatility as volatilities
from risk.fitting.correlation import CorrelationFit
from risk.fitting.jumps import JumpFit
from risk.fitting.likelihood import likelihood_of
from risk.fitting.volatility import Fit
from risk.market.history import History
from risk.models.calibration import calibrate, log_returns, residuals
from risk.models.copula import Dependence
from risk.models.correlation import Correlation
from risk.models.jumps import Jumps
from risk.models.model import Estimator, Gates, Model
from risk.models.plausibility import Doubt, doubts, fit_window, half_life

Progress = Callable[[str, int, int], None]
SLACK = 0.01
"""How far the log-likelihood of published parameters may stay behind a new fit's: far less than the data can tell."""


@dataclass(frozen=True)
class Choices:
    """What to fit. groups : of a grouped-t copula.  repair : take the nearest correlation matrix where one is needed.
    state : write today's variances and correlations, so that epochs need no history (Monte Carlo only).
    jumps : family of jumps that are fitted together with the volatilities; None for none."""

    family: str = "garch"
    innovations: str = "t"
    correlation: str = "ewma"
    copula: str = "t"
    groups: tuple[tuple[str, ...], ...] = ()
    repair: bool = False
    state: bool = False
    jumps: str | None = None


@dataclass(frozen=True)
class ModelFit:
    """tables : of the model file: volatility, correlation, for Monte Carlo copula, and jumps where they are asked
    for."""

    tables: Mapping[str, Any]
    fits: tuple[Fit, ...]
    correlation: CorrelationFit
    copula: Dependence | None
    jumps: JumpFit | None = None

    @property
    def converged(self) -> bool:
        return all(fit.converged for fit in self.fits) and "not converged" not in self.correlation.doubts

    def to_json(self) -> dict[str, Any]:
        return {"converged": self.converged, "volatility": {fit.asset: fit.to_json() for fit in self.fits},
                "correlation": self.correlation.to_json(),
                "copula": None if self.copula is None else self.copula.to_json(),
                **({} if self.jumps is None else {"jumps": self.jumps.to_json()})}


def fit_model(settings: Model, history: History, choices: Choices, progress: Progress | None = None) -> ModelFit:
    """Every parameter of a model on a history.

    Parameters
    ----------
    settings : what is not fitted: assets, calendar, estimator.

    Raises
    ------
    BadInput : too few or constant returns; a correlation matrix that needs a repair that is not asked for; groups that
        are not all assets, each once; a state that filtered historical simulation has no use for; jumps beside what
        has them already, or of a history that has none.
    """
    if choices.state and settings.estimator != Estimator.MONTE_CARLO:
        raise BadInput("--state", True, f"absent: {settings.estimator} reads the history anyway")
    if choices.copula == "grouped-t" and sorted(n for g in choices.groups for n in g) != sorted(settings.assets):
        raise BadInput("--group", "; ".join(",".join(group) for group in choices.groups),
                       f"given for {', '.join(settings.assets)}, each asset once")
    if choices.jumps is not None:
        _require_diffusion(settings.estimator, choices)
    returns = log_returns(history)
    fits, jumped = _of_assets(settings, history, returns, choices, progress)
    z = np.stack([fit.volatility.residuals(returns[:, i], history.steps) for i, fit in enumerate(fits)], axis=1)
    if progress is not None:
        progress("fit dependence", 0, 1)
    joint = correlations.fit(z, history.steps, family=choices.correlation, repair=choices.repair)
    table = joint.correlation.to_json()
    tables: dict[str, Any] = {"volatility": {fit.asset: _table(fit) for fit in fits}, "correlation": table}
    copula = None
    if settings.estimator == Estimator.MONTE_CARLO:
        copula = _copula(z, joint.correlation, settings.assets, history.steps, choices)
        tables["copula"] = copula.to_json()
    if jumped is not None:
        share, _ = jump_fits.systemic([fit.volatility for fit in fits], jumped.jumps,
                                      joint.correlation.path(z, history.steps)[:-1], returns, history.steps,
                                      settings.steps_per_year)
        jumped = replace(jumped, jumps=replace(jumped.jumps, systemic=share))
        tables["jumps"] = jumped.jumps.to_json(settings.assets)
    if choices.state:
        for i, fit in enumerate(fits):
            found = float(fit.volatility.variances(returns[:, i], history.steps)[-1])
            tables["volatility"][fit.asset]["variance"] = float(f"{found:.6g}")
        if joint.correlation.moves:
            today = joint.correlation.path(z, history.steps)[-1]
            table["current"] = [list(row) for row in
                                correlations.accepted(correlations.rounded(today), choices.repair).matrix]
    return ModelFit(tables, tuple(fits), joint, copula, jumped)


def _require_diffusion(estimator: Estimator, choices: Choices) -> None:
    """Refuse what jumps are not fitted with: days that are drawn or tails that have them already, a decay that is no
    fit's."""
    if estimator != Estimator.MONTE_CARLO:
        raise BadInput("--estimator", str(estimator), "monte-carlo, where jumps are fitted: days that are drawn have "
                       "theirs")
    if choices.family == "ewma":
        raise BadInput("--family", choices.family, "garch or gjr, where jumps are fitted: an ewma's decay is a "
                       "convention")
    if choices.innovations != "normal":
        raise BadInput("--innovations", choices.innovations, "normal, where jumps are fitted: heavy tails have them")


def _of_assets(settings: Model, history: History, returns: NDArray[np.float64], choices: Choices,
               progress: Progress | None) -> tuple[list[Fit], JumpFit | None]:
    """Volatilities, each alone or with jumps all at once."""
    if choices.jumps is not None:
        if progress is not None:
            progress("fit jumps", 0, 1)
        jumped, together = jump_fits.fit(returns, history.steps, families=[choices.family] * len(settings.assets),
                                         family=choices.jumps, assets=settings.assets,
                                         steps_per_year=settings.steps_per_year, horizon=settings.horizon)
        return list(together), jumped
    fits = []
    for i, asset in enumerate(settings.assets):
        if progress is not None:
            progress(f"fit {asset}", i, len(settings.assets))
        fits.append(volatilities.fit(returns[:, i], history.steps, family=choices.family, law=choices.innovations,
                                     asset=asset))
    return fits, None


def _table(fit: Fit) -> dict[str, Any]:
    table = fit.volatility.to_json()
    if fit.volatility.family == "ewma":
        del table["mean"]
    elif half_life(fit.volatility.persistence) > Gates.half_life:
        table["integrated"] = True
    return table


def _copula(z: NDArray[np.float64], correlation: Correlation, assets: Sequence[str], steps: NDArray[np.int64],
            choices: Choices) -> Dependence:
    path = correlation.path(z, steps)[:-1]
    family = choices.copula if len(assets) > 1 else "gaussian"
    return copulas.fit(z, path, assets, family=family, groups=choices.groups)


def refitted(model: Model, history: History) -> Model | None:
    """The model with its families' parameters fitted on this history; None if a fit does not converge. Decays of EWMA
    are conventions and stay.

    Raises
    ------
    BadInput : as `fit_model`.
    """
    returns, found = log_returns(history), []
    for i, (asset, volatility) in enumerate(zip(model.assets, model.volatilities, strict=True)):
        if volatility.family == "ewma":
            found.append(volatility)
            continue
        fit = volatilities.fit(returns[:, i], history.steps, family=volatility.family, law=volatility.law.name,
                               asset=asset)
        if not fit.converged:
            return None
        found.append(fit.volatility)
    moved = replace(model, volatilities=tuple(found))
    if model.correlation.family not in ("dcc", "cdcc"):
        return moved
    joint = correlations.fit(residuals(moved, history), history.steps, family=model.correlation.family, repair=True)
    return None if "not converged" in joint.doubts else replace(moved, correlation=joint.correlation)


@dataclass(frozen=True)
class Judgement:
    """How published parameters compare with a new fit of the same families.

    shortfalls : of log-likelihood, by table; each must be below `SLACK`.
    states : by table, what is stated of today and what the history says, where they differ by more than 1e-4.
    refits : the new fits.
    """

    shortfalls: Mapping[str, float]
    states: tuple[str, ...]
    refits: tuple[Fit, ...]
    doubts: tuple[Doubt, ...]

    @property
    def unlikely(self) -> list[str]:
        """What parameters and state fail by, gates aside."""
        return [f"{name}: {missing:.4f} less likely than a new fit: must be below {SLACK}"
                for name, missing in self.shortfalls.items() if not missing < SLACK] + list(self.states) \
            + [f"fit of {fit.asset}: not converged" for fit in self.refits if not fit.converged]

    @property
    def failures(self) -> list[str]:
        """With gates that nobody accepts."""
        return self.unlikely + [str(doubt) for doubt in self.doubts if doubt.accepted is None]

    def to_json(self) -> dict[str, Any]:
        return {"shortfalls": dict(self.shortfalls), "states": list(self.states), "failures": self.failures,
                "refits": {fit.asset: fit.to_json() for fit in self.refits},
                "doubts": [{"gate": doubt.gate, "message": str(doubt), "accepted": doubt.accepted}
                           for doubt in self.doubts]}


def judge(model: Model, history: History, progress: Progress | None = None) -> Judgement:
    """Fit the model's families again, on the rows that it says it was fitted on, and compare; look at the gates that
    concern model and history.

    Raises
    ------
    BadInput : as `fit_model`; rows that the history has not.
    """
    whole, history = history, fit_window(model, history)
    if model.jumps is not None and model.jumps.fitted:
        shortfalls, refits = _of_jumps(model, model.jumps, history, progress)
    else:
        shortfalls, refits = _of_volatilities(model, history, progress)
    if progress is not None:
        progress("fit dependence", 0, 1)
    z = residuals(model, history)
    shortfalls |= _of_dependence(model, z, history.steps)
    return Judgement(shortfalls, tuple(_states(model, whole)), tuple(refits), tuple(doubts(model, whole)))


def _of_volatilities(model: Model, history: History, progress: Progress | None) -> tuple[dict[str, float], list[Fit]]:
    """Each asset's, without the jumps that somebody may have put on top."""
    returns = log_returns(history)
    shortfalls, refits = dict[str, float](), list[Fit]()
    for i, (asset, volatility) in enumerate(zip(model.assets, model.volatilities, strict=True)):
        if progress is not None:
            progress(f"fit {asset}", i, len(model.assets))
        refit = volatilities.fit(returns[:, i], history.steps, family=volatility.family, law=volatility.law.name,
                                 asset=asset)
        refits.append(refit)
        if volatility.family != "ewma":                # its decay is a convention, published as it is
            shortfalls[f"volatility.{asset}"] = refit.log_likelihood + refit.lost \
                - likelihood_of(volatility, returns[:, i], history.steps)
    return shortfalls, refits


def _of_jumps(model: Model, jumps: Jumps, history: History, progress: Progress | None
              ) -> tuple[dict[str, float], list[Fit]]:
    """Of fitted jumps and volatilities at once, and of the share that is systemic."""
    if progress is not None:
        progress("fit jumps", 0, 1)
    returns, spans, per_year = log_returns(history), history.steps, model.steps_per_year
    refit, refits = jump_fits.fit(returns, spans, families=[one.family for one in model.volatilities],
                                  family=jumps.family, assets=model.assets, steps_per_year=per_year,
                                  horizon=model.horizon, start=(model.volatilities, jumps))
    missing = refit.log_likelihood + refit.lost - jump_fits.likelihood(model.volatilities, jumps, returns, spans,
                                                                       per_year)
    shortfalls = {"jumps and volatilities": missing}
    if len(model.assets) > 1:
        path = model.correlation.path(residuals(model, history), spans)[:-1]
        share, value = jump_fits.systemic(model.volatilities, jumps, path, returns, spans, per_year)
        shortfalls["jumps.systemic"] = value(share) - value(jumps.systemic)
    return shortfalls, list(refits)


def _of_dependence(model: Model, z: NDArray[np.float64], steps: NDArray[np.int64]) -> dict[str, float]:
    out = {}
    if model.correlation.family in ("dcc", "cdcc"):
        refit = correlations.fit(z, steps, family=model.correlation.family, repair=True)
        out["correlation"] = refit.log_likelihood - correlations.dynamic_likelihood(model.correlation, z, steps)
    if model.copula is not None and len(model.assets) > 1:
        ranks, path = copulas.pseudo_observations(z), model.correlation.path(z, steps)[:-1]
        if model.correlation.family == "static":
            own = correlations.nearest(correlations.kendall(z)).matrix
            best = np.broadcast_to(np.array(own), path.shape)
            out["correlation"] = _likelihood(model, best, ranks) - _likelihood(model, path, ranks)
        refit_copula = copulas.fit(z, path, model.assets, family=model.copula.family,
                                   groups=[members for members, _ in model.copula.groups])
        if model.copula.family == "t":
            out["copula"] = copulas.log_likelihood(refit_copula.degrees[0], path, ranks) \
                - copulas.log_likelihood(model.copula.degrees[0], path, ranks)
        for (members, degrees), (_, better) in zip(model.copula.groups, refit_copula.groups, strict=True):
            rows = [model.assets.index(name) for name in members] if len(members) > 1 else list(range(len(path[0])))
            within = path[:, rows][:, :, rows], ranks[:, rows]
            out[f"copula {','.join(members)}"] = copulas.log_likelihood(better, *within) \
                - copulas.log_likelihood(degrees, *within)
    return out


def _likelihood(model: Model, path: NDArray[np.float64], ranks: NDArray[np.float64]) -> float:
    assert model.copula is not None
    degrees = model.copula.degrees
    return copulas.log_likelihood(min(degrees) if degrees else None, path, ranks)


def _states(model: Model, history: History) -> list[str]:
    """Where a stated variance or correlation is not what the history says."""
    if model.variances is None:
        return []
    free = replace(model, variances=None, correlation=replace(model.correlation, current=None))
    found = calibrate(free, history)
    out = [f"volatility.{asset}.variance is {stated}: must be {right:.6g}, as the history says"
           for asset, stated, right in zip(model.assets, model.variances, found.variances, strict=True)
           if not abs(stated / right - 1) < 1e-4]
    if model.correlation.current is not None and found.correlation is not None:
        worst = float(np.max(np.abs(np.array(model.correlation.current) - np.array(found.correlation))))
        if not worst < 1e-4:
            out.append(f"correlation.current is {worst:.2g} off: must be as the history says")
    return out
