"""GARCH(1,1) with Student-t innovations: how the volatility of one asset moves.

    r_t = mean + sqrt(v_t) z_t,    v_{t+1} = omega + alpha (r_t - mean)**2 + beta v_t

with z_t of unit variance, Student-t with `degrees` degrees of freedom [Bollerslev, A conditionally heteroskedastic time
series model for speculative prices and rates of return, Review of Economics and Statistics 69, 1987].
Returns are log returns per step of the price history; v is a variance per step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from decimal import ROUND_DOWN, Decimal

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from primitives.jsonio import Node

Floats = NDArray[np.float64]
LEAST_RETURNS_TO_FIT = 250
_PERCENT = 100.0
"""`arch` converges best on returns in percent."""


@dataclass(frozen=True)
class Garch:
    """Parameters of one asset.

    Raises
    ------
    BadInput : omega <= 0, a negative alpha or beta, alpha + beta > 1, degrees <= 2 (no variance), or a value so large
        that it must be a mistake in the unit.
    """

    mean: float
    omega: float
    alpha: float
    beta: float
    degrees: float

    def __post_init__(self) -> None:
        bounds = {"mean": (-1.0, 1.0), "omega": (1e-15, 1.0), "alpha": (0.0, 1.0), "beta": (0.0, 1.0),
                  "degrees": (2.01, 1000.0)}
        for name, (low, high) in bounds.items():
            if not low <= getattr(self, name) <= high:
                raise BadInput(name, getattr(self, name), f"a number in [{low}, {high}]")
        if Decimal(repr(self.alpha)) + Decimal(repr(self.beta)) > 1:
            raise BadInput("alpha + beta", self.alpha + self.beta, "at most 1")

    @classmethod
    def from_json(cls, node: Node, *, also: tuple[str, ...] = ()) -> Garch:
        """Read a table of the five parameters (and of what else the caller reads from it)."""
        parts = node.object(required={*(field.name for field in fields(cls)), *also})
        values = {field.name: parts[field.name].number(-1000.0, 1000.0) for field in fields(cls)}
        try:
            return cls(**values)
        except BadInput as error:
            raise BadInput(f"{node.field}.{error.field}", error.value, error.bound, source=node.source) from None

    def to_json(self) -> Mapping[str, float]:
        return asdict(self)

    # -- filtering a history ----------------------------------------------------------------------------------------
    def variances(self, returns: Floats) -> Floats:
        """Conditional variances v_0, ..., v_n of n returns, the last one the forecast: (n,) -> (n + 1,).

        The step before the first is taken to have had the sample variance.
        """
        v = np.empty(len(returns) + 1)
        variance = sample_variance(returns)
        v[0] = current = self.omega + self.alpha * variance + self.beta * variance
        for t, r in enumerate(returns.tolist()):
            v[t + 1] = current = self.omega + self.alpha * ((r - self.mean) * (r - self.mean)) + self.beta * current
        return v

    def residuals(self, returns: Floats) -> Floats:
        """The innovations z_t that made the returns: (n,) -> (n,)."""
        return (returns - self.mean) / np.sqrt(self.variances(returns)[:-1])

    def log_likelihood(self, returns: Floats) -> float:
        """Of n returns, given the sample variance before the first."""
        v, nu = self.variances(returns)[:-1], self.degrees
        constant = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - math.log(math.pi * (nu - 2)) / 2
        squares = (returns - self.mean) ** 2 / v
        return float(np.sum(constant - np.log(v) / 2 - (nu + 1) / 2 * np.log1p(squares / (nu - 2))))

    # -- going forward ----------------------------------------------------------------------------------------------
    def simulate(self, variance: float, innovations: Floats) -> tuple[Floats, Floats]:
        """Log returns over h steps, and the variance of the step after: (S, h) -> (S,), (S,).

        variance : that of the first step, which today's forecast gives.
        """
        total = np.zeros(len(innovations))
        v = np.full(len(innovations), variance)
        for z in innovations.T:
            move = np.sqrt(v) * z
            total = total + (self.mean + move)
            v = self.omega + self.alpha * (move * move) + self.beta * v
        return total, v

    def average_variance(self, variance: Floats, steps: int) -> Floats:
        """Expected variance per step over the next `steps`, if the next one has `variance`; any shape.

        E v_{t+i} = p**i v_t + omega (1 + p + ... + p**(i-1)) with persistence p = alpha + beta; also for p = 1.
        """
        persistence = self.alpha + self.beta
        of_variance = of_omega = total_variance = total_omega = 0.0
        for i in range(steps):
            of_variance, of_omega = (1.0, 0.0) if i == 0 else (of_variance * persistence, of_omega * persistence + 1.0)
            total_variance, total_omega = total_variance + of_variance, total_omega + of_omega
        return (total_variance * variance + total_omega * self.omega) / steps


def sample_variance(returns: Floats) -> float:
    """Mean square about the mean, in exactly rounded sums."""
    mean = math.fsum(returns) / len(returns)
    return math.fsum((returns - mean) * (returns - mean)) / len(returns)


def fit(returns: Floats, *, asset: str = "asset") -> Garch:
    """Maximum likelihood by the `arch` package, rounded to nine decimals (omega: twelve significant digits).

    alpha and beta are rounded towards zero, so that their sum does not pass 1. Another machine's optimiser may end
    elsewhere in the last digits: an epoch therefore publishes what was fitted, and a check compares likelihoods.

    Raises
    ------
    BadInput : fewer than 250 returns, or the optimiser does not converge.
    """
    if len(returns) < LEAST_RETURNS_TO_FIT:
        raise BadInput(f"number of returns of {asset}", len(returns), f"at least {LEAST_RETURNS_TO_FIT} to fit a GARCH")
    from arch import arch_model

    model = arch_model(returns * _PERCENT, mean="Constant", vol="GARCH", p=1, q=1, dist="t", rescale=False)
    result = model.fit(disp="off", show_warning=False, backcast=sample_variance(returns) * _PERCENT**2)
    if result.convergence_flag != 0:
        raise BadInput(f"GARCH fit of {asset}", result.convergence_flag, "convergent")
    mean, omega, alpha, beta, degrees = (float(value) for value in result.params)
    return Garch(mean=round(mean / _PERCENT, 9), omega=float(f"{omega / _PERCENT**2:.12g}"), alpha=_down(alpha),
                 beta=_down(beta), degrees=round(degrees, 9))


def _down(value: float) -> float:
    return float(Decimal(value).quantize(Decimal("1e-9"), ROUND_DOWN))
