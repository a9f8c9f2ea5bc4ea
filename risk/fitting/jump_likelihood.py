"""Likelihood of returns that have jumps beside a normal diffusion, of parameters that may be complex: for exact
derivatives, as in `risk.fitting.likelihood`.

A return over k steps, less k means, is normal with the filtered variance V and has n jumps with Poisson's probability
of k times the intensity a step. So its density is a mixture over n,

    f(e) = sum over n of p_n d_n(e),    merton  d_n = N(n mean, V + n deviation**2)
                                        kou     d_n = normal + n double exponential jumps

[P. Jorion, On jump processes in the foreign exchange and stock markets, Review of Financial Studies 1, 1988, with
GARCH for the diffusion]. Of Kou's law, n jumps are a mixture of sums of k exponential ones up or down [Kou 2002,
appendix B]; one such sum and a normal have a density in closed form, further ones by recursion. More than `TERMS`
jumps in a step are left out: with at most a quarter of one expected, their probability is 1e-8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import wofz

from risk.fitting.likelihood import Data, Vector, full_vector, variances
from risk.models.jumps import Jumps
from risk.models.volatility import Volatility

Floats = NDArray[np.float64]
TERMS = 6
_FAR, _DEEP = 2.0, 32
"""Deviations below 0 from which ratios are taken backwards, and the k that they begin from."""
_ROOT_TAU = math.sqrt(2 * math.pi)


@dataclass(frozen=True)
class Law:
    """Jumps of one asset, as they may be complex.

    intensity : a step.  sizes : (mean, deviation) of merton, (up_share, up_mean, down_mean) of kou, the asset's scale
    in them.
    """

    family: str
    intensity: complex
    sizes: tuple[complex, ...]

    @classmethod
    def of(cls, jumps: Jumps, asset: int, steps_per_year: float) -> Law:
        """Of a model's."""
        s, scale = jumps.sizes, jumps.scale[asset]
        sizes = (scale * s["mean"], scale * s["deviation"]) if jumps.family == "merton" else \
            (s["up_share"], scale * s["up_mean"], scale * s["down_mean"])
        return cls(jumps.family, jumps.intensity / steps_per_year, sizes)


def log_likelihood(data: Data, full: Vector, law: Law) -> complex:
    """Of all returns, under a diffusion with normal innovations.  full : as in `risk.fitting.likelihood`."""
    e, whole = data.returns - data.spans * full[0], variances(data, full, 0.5)
    return complex(np.sum(log_density(e, whole, data.spans, law)))


def log_density(e: Vector, whole: Vector, spans: NDArray[np.int64], law: Law) -> Vector:
    """Of returns less their means: (n,), of variances `whole` over `spans` steps."""
    counts = np.arange(TERMS + 1)
    factorials = np.array([math.lgamma(n + 1) for n in counts])
    expected = spans * law.intensity
    log_poisson = counts * np.log(expected)[:, None] - expected[:, None] - factorials
    if law.family == "merton":
        mean, deviation = law.sizes
        v = whole[:, None] + counts * (deviation * deviation)
        each = log_poisson - 0.5 * np.log(2 * np.pi * v) - 0.5 * (e[:, None] - counts * mean) ** 2 / v
        top = each.real.max(axis=1)
        return top + np.log(np.sum(np.exp(each - top[:, None]), axis=1))
    return np.log(_kou(e, whole, np.exp(log_poisson), law.sizes))


def likelihood_of(volatility: Volatility, jumps: Jumps, asset: int, steps_per_year: float, returns: Floats,
                  spans: NDArray[np.int64]) -> float:
    """Log-likelihood of one asset's returns by a model's volatility and jumps."""
    return log_likelihood(Data(returns, spans), full_vector(volatility), Law.of(jumps, asset, steps_per_year)).real


def _kou(e: Vector, whole: Vector, poisson: Vector, sizes: tuple[complex, ...]) -> Vector:
    """Densities: (n,).  poisson : (n, TERMS + 1)."""
    share, up, down = sizes
    ups, downs = exponential_mixtures(share, 1 / up, 1 / down)
    total = poisson[:, 0] * np.exp(-0.5 * e * e / whole) / (_ROOT_TAU * np.sqrt(whole))
    for mixture, size, x in ((ups, up, e), (downs, down, -e)):
        weights = poisson[:, 1:] @ mixture                     # (n, TERMS): of sums of k
        for k, density in enumerate(sums(x, whole, 1 / size)):
            total = total + weights[:, k] * density
    return total


def exponential_mixtures(share: complex, up: complex, down: complex) -> tuple[Vector, Vector]:
    """What n double exponential jumps sum to, n = 1 ... TERMS: probabilities that it is a sum of k exponential ones up,
    and down, k = 1 ... TERMS; each (TERMS, TERMS), by n and k.

    Of one up against one down, what is left of the longer is exponential again: up with probability down/(up + down).

    Parameters
    ----------
    share : of jumps up.  up, down : rates, one over the means.
    """
    size = TERMS + 1
    left_up = down / (up + down)
    at = np.zeros((size, size, 2, size), np.complex128)        # by ups and downs in the sum: side, k
    for k in range(1, size):
        at[k, 0, 0, k] = at[0, k, 1, k] = 1.0
    for ups in range(1, size):
        for downs in range(1, size - ups):
            at[ups, downs] = left_up * at[ups, downs - 1] + (1 - left_up) * at[ups - 1, downs]
    out = np.zeros((2, TERMS, TERMS), np.complex128)
    for n in range(1, size):
        for ups in range(n + 1):
            weight = math.comb(n, ups) * share**ups * (1 - share)**(n - ups)
            out[:, n - 1] += weight * at[ups, n - ups, :, 1:]
    return out[0], out[1]


def sums(x: Vector, whole: Vector, rate: complex) -> list[Vector]:
    """Densities at x of a normal of variance `whole` and a sum of k exponentials, k = 1 ... TERMS.

    With I_k the integral of y**(k-1) exp(-rate y) N(x - y), the density is rate**k I_k/(k-1)!, and by parts
    I_2 = (x - rate V) I_1 + V N(x), I_(k+1) = (x - rate V) I_k + (k - 1) V I_(k-1). Where x - rate V is far below 0 its
    terms cancel; there ratios r_k = I_(k+1)/I_k are taken backwards, r_(k-1) = (k - 1) V/(r_k - x + rate V).
    """
    deviation = np.sqrt(whole)
    front = np.exp(-0.5 * x * x / whole)
    moved = x - rate * whole
    z = -moved / (deviation * math.sqrt(2))
    right = z.real < 0
    tail = 0.5 * front * wofz(1j * np.where(right, -z, z))     # wofz(iz) = exp(z**2) erfc(z)
    exponent = np.where(right, 0.5 * rate * rate * whole - rate * x, 0.0)
    first = np.where(right, np.exp(exponent) - tail, tail)
    forward = [first, moved * first + whole * front / (_ROOT_TAU * deviation)]
    while len(forward) < TERMS:
        k = len(forward)
        forward.append(moved * forward[-1] + (k - 1) * whole * forward[-2])
    far = (moved / deviation).real < -_FAR
    ratios = _ratios(np.where(far, moved, -_FAR * deviation), whole)
    integrals = [first]
    for k in range(1, TERMS):
        integrals.append(np.where(far, integrals[-1] * ratios[k - 1], forward[k]))
    return [rate**k * integral / math.factorial(k - 1) for k, integral in enumerate(integrals, 1)]


def _ratios(moved: Vector, whole: Vector) -> list[Vector]:
    """I_(k+1)/I_k of `sums`, k = 1 ... TERMS - 1."""
    ratio = 0.5 * (moved + np.sqrt(moved * moved + 4 * _DEEP * whole))
    found = list[Vector]()
    for k in range(_DEEP, 1, -1):
        ratio = (k - 1) * whole / (ratio - moved)
        found.append(ratio)
    return found[::-1][:TERMS - 1]
