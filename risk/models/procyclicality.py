"""Against margins that are low in calm and jump in turmoil: floor, stressed weight, buffer, speed limit.

All act on each asset's forecast of volatility, sigma = sqrt(v) of the next step, in this order, and only those that the
model file names:

floor phi            sigma = max(sigma, phi sigma_long),  sigma_long**2 the equally weighted mean square of all returns
                     seen [EMIR, Regulation 153/2013, Art. 28 (1) c with phi = 1]
stressed weight w    sigma = (1 - w) sigma + w max(sigma, sigma_stress),  sigma_stress**2 the largest mean square over
                     250 returns in a row [Art. 28 (1) b]
buffer b             sigma = s sigma,  s = clamp((1 + b) sigma_median/sigma_model, 1, 1 + b): a margin higher by b in
                     calm, used up where the model's sigma has risen to 1 + b times its median over 250 steps, and
                     refilled by no more than 0.02 a step [Art. 28 (1) a]
speed limit g        sigma <= (1 + g)**days sigma_before, unless backtests of the asset are red: 10 or more of the last
                     250 returns beyond the 99 % quantile, above or below [Basel, MAR99]

In the first 250 steps of a history the tools only look. The tools are compared in [Murphy, Vasios, Vause, An
investigation into the procyclicality of risk-based initial margin models, BoE Financial Stability Paper 29, 2014].

Every number follows from what is published: the model file, the history, and for buffer and speed limit the state that
the epoch before left in its manifest (`State`). Without one, the first epoch's state is what the tools would have done
since the history began. A manifest names the state it started from, so that an auditor follows without the epoch
before, and whoever has that epoch sees whether it is its own (`Mitigation.continues`).

What a cheater could do: begin a new chain (the state is then the replay's, which the publisher does not choose), drop
rows from the history's beginning, which changes sigma_long and sigma_stress (both show as a change of sources), or name
a state that no epoch left: only who compares it with the epoch before notices, so check an epoch with its predecessor.

A speed limit holds margins below what the model forecasts while they rise. It is the one tool that can: use it with a
floor, and look at what `tailproof risk procyclicality` says of it.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.exact.clock import DAY, format_time, parse_time
from risk.exact.elementary import exp, log
from risk.market.history import History
from risk.models.model import Model, Procyclicality
from risk.models.volatility import Volatility

Floats = NDArray[np.float64]
WINDOW = 250
REFILL = 0.02
"""Of a used buffer, per step."""
RED = 10
_EXCEPTION = 0.01


@dataclass(frozen=True)
class State:
    """What the next epoch goes on from.

    time : Unix seconds.  variances : used, per asset.  scales : of the buffer, per asset, in [1, 1 + b].
    """

    time: int
    variances: tuple[float, ...]
    scales: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        return {"time": format_time(self.time), "variances": list(self.variances), "scales": list(self.scales)}

    @classmethod
    def from_json(cls, node: Node) -> State:
        """Read what `to_json` wrote."""
        parts = node.object({"time", "variances", "scales"})
        return cls(parse_time(parts["time"].value, field=parts["time"].field, source=node.source),
                   *(tuple(value.number(0.0, 1e4) for value in parts[name].array(at_least=1))
                     for name in ("variances", "scales")))


@dataclass(frozen=True)
class Mitigation:
    """What the tools made of an epoch's forecasts.

    model : variances that the model forecast, per asset.  red : whether the speed limit was lifted, per asset.
    before : the state that buffer and speed limit went on from; None for a first epoch.  after : the state left.
    """

    model: tuple[float, ...]
    red: tuple[bool, ...]
    before: State | None
    after: State

    def to_json(self) -> dict[str, Any]:
        return {"model": list(self.model), "red": list(self.red),
                "before": None if self.before is None else self.before.to_json(), "after": self.after.to_json()}

    @classmethod
    def from_json(cls, node: Node) -> Mitigation:
        """Read what `to_json` wrote."""
        parts = node.object({"model", "red", "before", "after"})
        return cls(tuple(value.number(0.0, 1e4) for value in parts["model"].array(at_least=1)),
                   tuple(value.boolean() for value in parts["red"].array(at_least=1)),
                   None if parts["before"].value is None else State.from_json(parts["before"]),
                   State.from_json(parts["after"]))

    def continues(self, previous: Mitigation | None) -> bool:
        """Whether it went on from where the epoch before ended."""
        return self.before == (None if previous is None else previous.after)


@dataclass(frozen=True, eq=False)
class Replay:
    """The tools over a whole history, at n returns and the next step.

    model, used : variances per step, (n + 1, m).  scales : (n + 1, m).  red : bool (n + 1, m).
    """

    model: Floats
    used: Floats
    scales: Floats
    red: NDArray[np.bool_]


def any_tool(tools: Procyclicality) -> bool:
    return any(value is not None for value in (tools.floor, tools.buffer, tools.stressed_weight, tools.speed_limit))


def mitigate(model: Model, history: History, returns: Floats, variances: tuple[float, ...], *, unseen: int = 0,
             at: int | None = None, previous: State | None = None) -> Mitigation:
    """What the tools make of the forecasts of the next step.

    Parameters
    ----------
    returns : log returns of the history, (n, m).
    variances : the model's forecasts, per asset.
    unseen : steps since the history's last row.
    at : the valuation, Unix seconds; needed with `previous`.

    Raises
    ------
    BadInput : a previous state of another number of assets, or of a later time.
    """
    m = len(model.assets)
    if previous is not None:
        if len(previous.variances) != m or len(previous.scales) != m:
            raise BadInput("assets of the previous state", len(previous.variances), f"{m}, as in the model")
        if at is None or at < previous.time:
            raise BadInput("time of the previous state", format_time(previous.time),
                           f"no later than the valuation, {None if at is None else format_time(at)}")
    used, scales, red = list[float](), list[float](), list[bool]()
    for i, volatility in enumerate(model.volatilities):
        past = _Past(model.procyclicality, volatility)
        for moment in _moments(volatility, history, returns[:, i], model.step_seconds):
            past.step(*moment)
        if previous is not None:
            assert at is not None
            seconds = at - previous.time
            past.before = (previous.variances[i], previous.scales[i])
            variance, scale = past.forecast(variances[i], seconds / DAY, seconds / model.step_seconds)
        else:
            steps = 1 + unseen
            variance, scale = past.forecast(variances[i], steps * model.step_seconds / DAY, float(steps))
        used.append(variance)
        scales.append(scale)
        red.append(past.is_red)
    time = at if at is not None else history.closed + (1 + unseen) * model.step_seconds
    return Mitigation(variances, tuple(red), previous, State(time, tuple(used), tuple(scales)))


def replay(model: Model, history: History, returns: Floats) -> Replay:
    """The tools over the history, each step from the one before; `returns` as in `mitigate`."""
    shape = (len(returns) + 1, len(model.assets))
    found = Replay(np.empty(shape), np.empty(shape), np.empty(shape), np.zeros(shape, np.bool_))
    for i, volatility in enumerate(model.volatilities):
        past, t = _Past(model.procyclicality, volatility), 0
        for moment in _moments(volatility, history, returns[:, i], model.step_seconds):
            found.model[t, i], found.red[t, i] = moment[0], past.is_red
            found.used[t, i], found.scales[t, i] = past.step(*moment)
            t += 1
        last = float(volatility.variances(returns[:, i], history.steps)[-1])
        found.model[t, i], found.red[t, i] = last, past.is_red
        found.used[t, i], found.scales[t, i] = past.forecast(last, model.step_seconds / DAY, 1.0)
    return found


def _moments(volatility: Volatility, history: History, returns: Floats, step_seconds: int
             ) -> Iterator[tuple[float, float, int, float]]:
    """Of each return: variance per step that was forecast, the return, steps it spans, days since the row before."""
    spans = history.steps.tolist()
    path = volatility.variances(returns, history.steps).tolist()
    gaps = [later - earlier for earlier, later in zip(history.times[:-1], history.times[1:], strict=True)]
    for variance, value, steps, seconds in zip(path[:-1], returns.tolist(), spans, gaps, strict=True):
        yield variance / steps, value, steps, max(seconds, step_seconds) / DAY


class _Past:
    """What one asset's tools know of the past. Sums are in the order of time."""

    def __init__(self, tools: Procyclicality, volatility: Volatility) -> None:
        self.tools, self.mean = tools, volatility.mean
        lower, upper = np.array([_EXCEPTION, 1.0 - _EXCEPTION]), np.array([1.0 - _EXCEPTION, _EXCEPTION])
        self.low, self.high = volatility.law.from_tails(lower, upper).tolist()
        self.squares, self.steps = 0.0, 0
        self.recent: list[tuple[float, int]] = []                   # squares and steps of the last returns
        self.stress = 0.0
        self.deviations: list[float] = []                           # the last of the model, in time
        self.ordered: list[float] = []
        self.exceptions: list[int] = []                             # -1, 0 or 1, of the last returns
        self.before: tuple[float, float] | None = None

    @property
    def is_red(self) -> bool:
        return max(self.exceptions.count(-1), self.exceptions.count(1)) >= RED

    def forecast(self, variance: float, days: float, steps: float) -> tuple[float, float]:
        """Variance to be used and the buffer's scale, `days` and `steps` after the state before."""
        tools, model = self.tools, math.sqrt(variance)
        used, scale = model, 1.0
        if self.steps >= WINDOW:
            if tools.floor is not None:
                used = max(used, tools.floor * math.sqrt(self.squares / self.steps))
            if tools.stressed_weight is not None:
                used = (1.0 - tools.stressed_weight) * used + tools.stressed_weight * max(used, math.sqrt(self.stress))
            if tools.buffer is not None:
                scale = min(max((1.0 + tools.buffer) * self._median() / model, 1.0), 1.0 + tools.buffer)
                if self.before is not None:
                    scale = min(scale, self.before[1] + REFILL * steps)
                used = scale * used
            if tools.speed_limit is not None and self.before is not None and not self.is_red:
                used = min(used, math.sqrt(self.before[0]) * float(exp(days * log(1.0 + tools.speed_limit))))
        return used * used, scale

    def step(self, variance: float, value: float, steps: int, days: float) -> tuple[float, float]:
        """The forecast of a return, which is then seen."""
        used, scale = self.forecast(variance, days, float(steps))
        self._note(math.sqrt(variance))
        self.before = used, scale
        surprise = (value - steps * self.mean) / math.sqrt(steps * used)
        self.exceptions.append(-1 if surprise < self.low else 1 if surprise > self.high else 0)
        del self.exceptions[:-WINDOW]
        square = value * value
        self.squares, self.steps = self.squares + square, self.steps + steps
        self.recent.append((square, steps))
        if len(self.recent) > WINDOW:
            del self.recent[0]
        if len(self.recent) == WINDOW and self.tools.stressed_weight is not None:      # else nobody asks
            self.stress = max(self.stress, math.fsum(square for square, _ in self.recent)
                              / math.fsum(steps for _, steps in self.recent))
        return used, scale

    def _note(self, deviation: float) -> None:
        self.deviations.append(deviation)
        insort(self.ordered, deviation)
        if len(self.deviations) > WINDOW:
            del self.ordered[bisect_left(self.ordered, self.deviations.pop(0))]

    def _median(self) -> float:
        n = len(self.ordered)
        return 0.5 * (self.ordered[(n - 1) // 2] + self.ordered[n // 2])
