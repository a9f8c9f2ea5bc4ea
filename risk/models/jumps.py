"""Jumps of log prices over the horizon, beside what volatility and innovations make: of all assets at once, or of one.

An asset has N jumps over the horizon t, N of Poisson's law with mean intensity x t. A share `systemic` of them happens
to all assets together, the same jump times each asset's scale; the others are its own:

merton   normal with `mean` and `deviation`
         [Merton, Option pricing when underlying stock returns are discontinuous, J. of Financial Economics 3, 1976]
kou      up with probability `up_share`, else down; sizes exponential with means `up_mean` and `down_mean`
         [Kou, A jump-diffusion model for option pricing, Management Science 48, 2002]

Given N, the sum of N jumps is drawn at once: normal with N mean and sqrt(N) deviation, or the difference of two gamma
variates of whole shapes. So everything is a function of a few uniforms, made of `risk.exact`. Nothing takes the drift
of the jumps back: they are added to what the diffusion does.

Jumps are either somebody's choice, on top of volatilities that were fitted without them; or `fitted`, by maximum
likelihood together with the volatilities (`risk.fitting.jumps`), which then leave to them what is no diffusion. The
two are held against the history in different ways (G13): volatilities alone, or both at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.jsonio import Node
from risk.exact.elementary import exp
from risk.exact.gamma import chi_square_quantile
from risk.exact.normal import normal_tail_inverse

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FAMILIES = ("kou", "merton")
MOST_JUMPS = 12
"""Of a path: with one expected, more have a probability of 6e-11."""
MOST_EXPECTED = 1.0
"""Over the horizon."""
MOST_A_YEAR = 1000.0
_SIZES: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "merton": {"mean": (-1.0, 1.0), "deviation": (0.0, 1.0)},
    "kou": {"up_share": (0.0, 1.0), "up_mean": (0.0001, 1.0), "down_mean": (0.0001, 1.0)}}
_COMMON: Mapping[str, tuple[float, float]] = {"intensity": (1e-6, MOST_A_YEAR), "systemic": (0.0, 1.0)}
_SCALE = (0.01, 10.0)


@dataclass(frozen=True)
class Jumps:
    """family : one of `FAMILIES`.  intensity : of each asset, a year.  systemic : share that all assets have together.
    sizes : the family's parameters, log returns.  scale : of each asset, what sizes are multiplied by.
    source : whose choice the numbers are.
    fitted : whether they are a fit's, together with the volatilities.
    """

    family: str
    intensity: float
    systemic: float
    sizes: Mapping[str, float]
    scale: tuple[float, ...]
    source: str
    fitted: bool = False

    @classmethod
    def from_json(cls, node: Node, assets: tuple[str, ...], years: float) -> Jumps:
        """Read a table as the model file has it.

        Parameters
        ----------
        years : the horizon.

        Raises
        ------
        BadInput : naming file and key; more than one jump expected over the horizon.
        """
        family = Node(node.value.get("family") if isinstance(node.value, dict) else None,
                      field=f"{node.field}.family", source=node.source).choice(FAMILIES)
        parts = node.object({"family", "source", *_COMMON, *_SIZES[family]}, {"scale", "fitted"})
        common = {name: parts[name].number(*bounds) for name, bounds in _COMMON.items()}
        sizes = {name: parts[name].number(*bounds) for name, bounds in _SIZES[family].items()}
        scales = parts["scale"].object((), assets) if "scale" in parts else {}
        if common["intensity"] * years > MOST_EXPECTED:
            raise parts["intensity"].refuse(f"at most {MOST_EXPECTED / years:.6g}: over the horizon, at most one jump "
                                            "is expected")
        return cls(family, common["intensity"], common["systemic"], sizes,
                   tuple(scales[asset].number(*_SCALE) if asset in scales else 1.0 for asset in assets),
                   parts["source"].text(r"(?=.*\S)[^\x00-\x1f]{1,200}", "whose choice it is, in up to 200 characters"),
                   parts["fitted"].boolean() if "fitted" in parts else False)

    def to_json(self, assets: tuple[str, ...]) -> dict[str, Any]:
        """The table of the model file."""
        return {"family": self.family, "intensity": self.intensity, "systemic": self.systemic, **self.sizes,
                "scale": dict(zip(assets, self.scale, strict=True)), **({"fitted": True} if self.fitted else {}),
                "source": self.source}

    @property
    def uniforms(self) -> int:
        """That a path takes: for what all assets have together, then for each asset."""
        return (len(self.scale) + 1) * self._each

    @property
    def _each(self) -> int:
        return 2 if self.family == "merton" else 4

    def expected_size(self, asset: int) -> float:
        """Of one jump, log return."""
        size = self.sizes
        own = size["mean"] if self.family == "merton" else \
            size["up_share"] * size["up_mean"] - (1.0 - size["up_share"]) * size["down_mean"]
        return self.scale[asset] * own

    def expected_square(self, asset: int) -> float:
        """Expected square of one jump."""
        size = self.sizes
        own = size["mean"] * size["mean"] + size["deviation"] * size["deviation"] if self.family == "merton" else \
            2.0 * (size["up_share"] * (size["up_mean"] * size["up_mean"])
                   + (1.0 - size["up_share"]) * (size["down_mean"] * size["down_mean"]))
        return self.scale[asset] * self.scale[asset] * own

    def sample(self, uniforms: Floats, years: float) -> Floats:
        """Sum of the jumps over the horizon, log returns: (S, `uniforms`) -> (S, m).

        Of each `_each` uniforms, the first tells how many, the others how far.
        """
        together, own = self.intensity * self.systemic * years, self.intensity * (1.0 - self.systemic) * years
        common = self._total(uniforms[:, :self._each], together)
        out = np.empty((len(uniforms), len(self.scale)))
        for i, scale in enumerate(self.scale):
            begin = (i + 1) * self._each
            out[:, i] = scale * (common + self._total(uniforms[:, begin:begin + self._each], own))
        return out

    def _total(self, uniforms: Floats, expected: float) -> Floats:
        counts, out = poisson(uniforms[:, 0], expected), np.zeros(len(uniforms))
        jumped = np.flatnonzero(counts)
        if len(jumped):
            out[jumped] = (self._merton if self.family == "merton" else self._kou)(counts[jumped], uniforms[jumped, 1:])
        return out

    def _merton(self, counts: Ints, uniforms: Floats) -> Floats:
        tail = normal_tail_inverse(np.minimum(uniforms[:, 0], 1.0 - uniforms[:, 0]))
        normal = np.where(uniforms[:, 0] < 0.5, -tail, tail)
        return counts * self.sizes["mean"] + np.sqrt(counts.astype(np.float64)) * (self.sizes["deviation"] * normal)

    def _kou(self, counts: Ints, uniforms: Floats) -> Floats:
        ups = binomial(uniforms[:, 0], counts, self.sizes["up_share"])
        return self.sizes["up_mean"] * erlang(uniforms[:, 1], ups) \
            - self.sizes["down_mean"] * erlang(uniforms[:, 2], counts - ups)


def poisson(uniforms: Floats, expected: float) -> Ints:
    """Counts of Poisson's law from uniforms, by inversion, at most `MOST_JUMPS`; any shape."""
    probability = below = float(exp(-expected))
    counts = np.zeros(uniforms.shape, np.int64)
    for k in range(1, MOST_JUMPS + 1):
        counts += uniforms >= below
        probability = probability * expected / k
        below = below + probability
    return counts


def binomial(uniforms: Floats, trials: Ints, share: float) -> Ints:
    """How many of `trials` succeed, by inversion: (n,), (n,) -> (n,)."""
    out = np.zeros(len(uniforms), np.int64)
    for n in range(1, MOST_JUMPS + 1):
        chosen = np.flatnonzero(trials == n)
        below = 0.0
        for k in range(n if len(chosen) else 0):
            probability = float(math.comb(n, k))
            for factor in (share,) * k + (1.0 - share,) * (n - k):
                probability = probability * factor
            below = below + probability
            out[chosen] += uniforms[chosen] >= below
    return out


def erlang(uniforms: Floats, shapes: Ints) -> Floats:
    """Sums of so many exponential variates of mean 1: (n,), (n,) -> (n,); 0 of none."""
    out = np.zeros(len(uniforms))
    for shape in range(1, MOST_JUMPS + 1):
        chosen = np.flatnonzero(shapes == shape)
        if len(chosen):
            out[chosen] = 0.5 * chi_square_quantile(uniforms[chosen], 2.0 * shape)
    return out
