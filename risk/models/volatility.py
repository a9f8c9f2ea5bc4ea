"""How the volatility of one asset moves: EWMA, GARCH(1,1) and GJR behind one interface.

    r_t = mean + sqrt(v_t) z_t,    v_{t+1} = omega + (alpha + gamma [e_t < 0]) e_t**2 + beta v_t,    e_t = r_t - mean

ewma    omega = gamma = 0, alpha = 1 - lambda, beta = lambda [J. P. Morgan, RiskMetrics, 1996]
garch   gamma = 0 [Bollerslev, Review of Economics and Statistics 69, 1987]
gjr     losses move it more than gains [Glosten, Jagannathan, Runkle, Journal of Finance 48, 1993]

with z_t of the asset's `Law`, of unit variance. Returns are log returns; mean and v are per step.

A return over k steps (a gap in the history) is k steps of mean and variance: V = v_1 + ... + v_k with v_1 the forecast
and v_{i+1} = omega + p v_i what is expected while nothing is seen, p = alpha + gamma E[z**2; z < 0] + beta; z is
(r - k mean)/sqrt(V), and the last of the k steps is taken to have had the surprise sqrt(v_k) z.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from primitives.jsonio import Node, observe
from risk.exact.variance import Recursion, filtered, paths
from risk.models.innovations import DEGREES, NORMAL, SKEWS, Law

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]
FAMILIES = ("ewma", "garch", "gjr")
_BOUNDS = {"mean": (-1.0, 1.0), "omega": (1e-18, 1.0), "alpha": (0.0, 1.0), "beta": (0.0, 1.0), "gamma": (-1.0, 1.0)}
_DECAY = (0.5, 0.9999)
_PARAMETERS = {"ewma": ("lambda",), "garch": ("omega", "alpha", "beta"), "gjr": ("omega", "alpha", "gamma", "beta")}


@dataclass(frozen=True)
class Volatility:
    """Parameters of one asset; those that its family does not have are as said above.

    Raises
    ------
    BadInput : a value that is no finite number in its bounds (omega <= 0, a negative alpha, beta or alpha + gamma), an
        expected share p above 1, or a parameter that the family does not have.
    """

    family: str
    mean: float
    omega: float
    alpha: float
    beta: float
    gamma: float = 0.0
    law: Law = NORMAL

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise BadInput("family", self.family, f"one of {', '.join(FAMILIES)}")
        bounds = dict(_BOUNDS)
        if self.family == "ewma":
            bounds["omega"] = (0.0, 0.0)
        if self.family != "gjr":
            bounds["gamma"] = (0.0, 0.0)
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise BadInput(name, value, f"a number in [{low}, {high}]")
            object.__setattr__(self, name, float(value))         # a NumPy scalar is a number like any other
        if self.alpha + self.gamma < 0:
            raise BadInput("alpha + gamma", self.alpha + self.gamma, "at least 0")
        exact = Decimal(repr(self.alpha)) + Decimal(repr(self.gamma)) * Decimal(repr(self.law.downside)) \
            + Decimal(repr(self.beta))
        if exact > 1 and self.family != "ewma":
            name = "alpha + beta" if self.family == "garch" else "alpha + gamma E[z**2; z < 0] + beta"
            raise BadInput(name, float(exact), "at most 1")

    @classmethod
    def ewma(cls, decay: float, law: Law, mean: float = 0.0) -> Volatility:
        """Exponentially weighted: decay is lambda, in [0.5, 0.9999].

        Raises
        ------
        BadInput : it is not.
        """
        if not _DECAY[0] <= decay <= _DECAY[1]:
            raise BadInput("lambda", decay, f"a number in [{_DECAY[0]}, {_DECAY[1]}]")
        return cls("ewma", mean, 0.0, 1.0 - decay, decay, law=law)

    @classmethod
    def garch(cls, mean: float, omega: float, alpha: float, beta: float, degrees: float) -> Volatility:
        """GARCH(1,1) with Student-t innovations."""
        return cls("garch", mean, omega, alpha, beta, law=Law("t", degrees))

    @classmethod
    def from_json(cls, node: Node, *, also: tuple[str, ...] = ()) -> Volatility:
        """Read a table as the model file has it (with what else the caller reads from it).

        Raises
        ------
        BadInput : naming file, table and key.
        """
        family = Node(node.value.get("family") if isinstance(node.value, dict) else None,
                      field=f"{node.field}.family", source=node.source).choice(FAMILIES)
        named = _PARAMETERS[family]
        parts = node.object({"family", *named, *(() if family == "ewma" else ("mean",)), "innovations"},
                            {"mean", "degrees", "skew", *also})

        for name, (low, high) in {**_BOUNDS, "lambda": _DECAY, "degrees": DEGREES, "skew": SKEWS}.items():
            if name in parts:                      # which `Volatility` and `Law` hold it to, with their reasons
                observe(parts[name].field, "number", low=low, high=high)

        def number(name: str, default: float = 0.0) -> float:
            return parts[name].number(-1000.0, 1000.0) if name in parts else default

        try:
            law = Law(parts["innovations"].choice(("normal", "skew-t", "t")),
                      number("degrees") if "degrees" in parts else None, number("skew"))
            if "skew" in parts and law.name != "skew-t":
                raise BadInput("skew", parts["skew"].value, "absent: only skew-t has one")
            if family == "ewma":
                return cls.ewma(number("lambda"), law, number("mean"))
            return cls(family, number("mean"), number("omega"), number("alpha"), number("beta"), number("gamma"), law)
        except BadInput as error:
            if error.source is not None or error.field.startswith(node.field):
                raise
            raise BadInput(f"{node.field}.{error.field}", error.value, error.bound, source=node.source) from None

    def to_json(self) -> dict[str, Any]:
        """The table of the model file."""
        values = {"lambda": self.beta, "mean": self.mean, "omega": self.omega, "alpha": self.alpha,
                  "gamma": self.gamma, "beta": self.beta}
        return {"family": self.family, "mean": self.mean, **{name: values[name] for name in _PARAMETERS[self.family]},
                **self.law.to_json()}

    @cached_property
    def persistence(self) -> float:
        """p: how much of a surprise is still expected one step later."""
        return 1.0 if self.family == "ewma" else self.alpha + self.gamma * self.law.downside + self.beta

    # -- filtering a history ----------------------------------------------------------------------------------------
    def variances(self, returns: Floats, steps: Steps | None = None) -> Floats:
        """Conditional variances of n returns and of the next single step: (n,) -> (n + 1,).

        Parameters
        ----------
        steps : how many steps each return spans, int64 (n,); by default one. V of a return is over all of them.

        The step before the first is taken to have had the sample variance per step.
        """
        variance = sample_variance(returns, steps)
        first = self.omega + (self.alpha + 0.5 * self.gamma + self.beta) * variance
        return filtered(self._recursion, first, returns, np.ones(len(returns), np.int64) if steps is None else steps)

    def residuals(self, returns: Floats, steps: Steps | None = None) -> Floats:
        """The innovations z_t that made the returns: (n,) -> (n,)."""
        spans = np.ones(len(returns)) if steps is None else steps.astype(np.float64)
        return (returns - spans * self.mean) / np.sqrt(self.variances(returns, steps)[:-1])

    # -- going forward ----------------------------------------------------------------------------------------------
    def simulate(self, variance: float, innovations: Floats) -> tuple[Floats, Floats]:
        """Log returns over h steps, and the variance of the step after: (S, h) -> (S,), (S,).

        variance : that of the first step, which today's forecast gives.
        """
        return paths(self._recursion, variance, innovations)

    @property
    def _recursion(self) -> Recursion:
        return Recursion(self.mean, self.omega, self.alpha, self.gamma, self.beta, self.persistence)

    def average_variance(self, variance: Floats, steps: int) -> Floats:
        """Expected variance per step over the next `steps`, if the next one has `variance`; any shape.

        E v_{t+i} = p**i v_t + omega (1 + p + ... + p**(i-1)); also for p = 1.
        """
        of_variance, of_omega = _horizon_weights(self.persistence, steps)
        return (of_variance * variance + of_omega * self.omega) / steps

    def aftermath(self, steps: int) -> float:
        """What a unit of variance that a surprise adds to the step after it comes to over all that are left of the next
        `steps`, if the surprise is in any of them alike: the sum of (steps - k) p**(k-1) / steps, k = 1 ... steps - 1.
        """
        total, kept = 0.0, 1.0
        for k in range(1, steps):
            total, kept = total + (steps - k) * kept, kept * self.persistence
        return total / steps

    def ahead(self, variance: float, steps: int) -> float:
        """Expected variance of the step that comes `steps` after the next one, if the next one has `variance`."""
        for _ in range(steps):
            variance = self.omega + self.persistence * variance
        return variance


@lru_cache(maxsize=1024)
def _horizon_weights(persistence: float, steps: int) -> tuple[float, float]:
    of_variance = of_omega = total_variance = total_omega = 0.0
    for i in range(steps):
        of_variance, of_omega = (1.0, 0.0) if i == 0 else (of_variance * persistence, of_omega * persistence + 1.0)
        total_variance, total_omega = total_variance + of_variance, total_omega + of_omega
    return total_variance, total_omega


def sample_variance(returns: Floats, steps: Steps | None = None) -> float:
    """Mean square per step about the mean per step, in exactly rounded sums."""
    spans = np.ones(len(returns)) if steps is None else steps.astype(np.float64)
    count = math.fsum(spans.tolist())          # as lists, whose numbers are summed three times as fast
    centred = returns - spans * (math.fsum(returns.tolist()) / count)
    return math.fsum((centred * centred).tolist()) / count
