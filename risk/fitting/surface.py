"""Slices and surfaces from quoted volatilities, by weighted least squares; what is found is published as numbers.

A slice is fitted quasi-explicitly [Zeliade Systems, Quasi-explicit calibration of Gatheral's SVI model, 2009]: for
given m and sigma the other three parameters solve a linear least-squares problem on a quadrilateral, so the search is
in two dimensions, from twelve starts, and then from the best three ends in all five. In total variance the
quadrilateral is |d| <= c, c + |d| <= 2 sigma, with c = b sigma, d = rho c: Lee's bound is 2 (`risk.surfaces.checks`).
Weights are those of price errors: vega, with a floor so that far strikes are not forgotten.

A slice that leaves arbitrage is repaired as Gatheral and Jacquier do [Arbitrage-free SVI volatility surfaces, 2014,
section 5.1]: the SSVI slice of the same total variance, skew and left wing has none, and from it the fit goes on under
penalties for negative g and for crossing the expiry before. What cannot be repaired is refused by the name of the
condition.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from primitives.errors import BadInput, Said
from risk.surfaces.checks import WING, butterfly, crossing
from risk.surfaces.durrleman import durrleman, grid
from risk.surfaces.ssvi import Ssvi
from risk.surfaces.svi import Slice

Floats = NDArray[np.float64]
STARTS = 12
LEAST_STRIKES = 5
MONEY = 4.0
"""Factor between volatility at the money by the fit and the median of what is quoted, either way: a fit beyond it is
degenerate, however near it is to the quotes."""
FARTHEST = 0.1
"""Of the quotes' median volatility, that the root mean square error may be: beyond, the slice is not of these
quotes."""
_FLOOR = 0.05
"""Of the largest weight."""
_PLACES = 12
_EVALUATIONS = 120
"""Of residuals and their derivatives, that one attempt of a repair may take."""
_MARGINS = ((1e-6, 1e3), (1e-4, 1e3), (1e-3, 1e4), (1e-2, 1e4))
"""What a repair asks of g beyond 0 and of total variance beyond the expiry before, and how hard; the first that will
do."""


@dataclass(frozen=True)
class Quotes:
    """What is quoted of one expiry.

    name : for messages.  years : to it.  k : log-moneyness of the strikes, (n,).  volatilities : a year, (n,).
    """

    name: str
    years: float
    k: Floats
    volatilities: Floats

    @property
    def total_variance(self) -> Floats:
        return self.volatilities * self.volatilities * self.years

    @property
    def weights(self) -> Floats:
        """Of total variance, so that residuals are price errors; their squares sum to 1."""
        deviation = self.volatilities * math.sqrt(self.years)
        exponents = -0.5 * (-self.k / deviation + 0.5 * deviation) ** 2
        vega = np.maximum(np.exp(exponents - exponents.max()), _FLOOR)         # where all are far, none underflows
        weights: Floats = vega / deviation
        return weights / math.sqrt(float((weights**2).sum()))

    def errors(self, one: Slice) -> Floats:
        """Volatility by a slice less the quoted one, (n,)."""
        out: Floats = np.sqrt(np.maximum(one.total_variance(self.k), 0.0) / self.years) - self.volatilities
        return out


@dataclass(frozen=True)
class SliceFit:
    """A slice and how far it is from the quotes, in volatility: root mean square and largest error.

    repaired : the condition that the best fit alone fails, or None.
    """

    name: str
    slice: Slice
    rms: float
    worst: float
    repaired: str | None

    def to_json(self) -> dict[str, Any]:
        return {"expiry": self.name, "svi": self.slice.to_json(), "rms": self.rms, "worst": self.worst,
                "repaired": self.repaired}


@dataclass(frozen=True)
class SurfaceFit:
    """An SSVI surface.  thetas : total variance at the money, in the order of the expiries."""

    surface: Ssvi
    thetas: tuple[float, ...]
    fits: tuple[SliceFit, ...]


def fit_slices(quotes: Sequence[Quotes]) -> list[SliceFit]:
    """A slice for each expiry, from the nearest on, none crossing the one before.

    Raises
    ------
    BadInput : as `fit_slice`.
    """
    found, before = list[SliceFit](), None
    for one in sorted(quotes, key=lambda quotes: quotes.years):
        found.append(fit_slice(one, before))
        before = found[-1].slice
    return found


def fit_slice(quotes: Quotes, before: Slice | None = None) -> SliceFit:
    """The slice nearest to the quotes that leaves no arbitrage, in parameters of twelve decimals.

    Parameters
    ----------
    before : of the expiry before, which it must not cross.

    Raises
    ------
    BadInput : fewer than five strikes; a fit that is degenerate or far from the quotes, or that no repair frees of
        arbitrage: names the condition.
    """
    if len(quotes.k) < LEAST_STRIKES:
        raise BadInput(f"strikes with a volatility at {quotes.name}", len(quotes.k),
                       f"at least {LEAST_STRIKES}: a slice has five parameters")
    found = _best(quotes)
    failed = failure(found, before)
    if failed is not None:
        found = _repaired(quotes, found, before)
        still = failure(found, before)
        if still is not None:
            raise BadInput(f"slice of {quotes.name}", Said(f"fails {still} after every repair"),
                           "free of arbitrage; strikes that contradict each other may have to be left out")
    _require_sound(quotes, found)
    errors = quotes.errors(found)
    rms, middle = float(np.sqrt((errors**2).mean())), float(np.median(quotes.volatilities))
    if rms > FARTHEST * middle:
        why = "" if failed is None else f", which free of {failed} arbitrage cannot be fitted nearer"
        raise BadInput(f"rms error of the slice of {quotes.name}", Said(f"{rms:.4g}"),
                       f"within {FARTHEST:.0%} of the quotes' median, {middle:.4g}{why}")
    return SliceFit(quotes.name, found, rms, float(np.abs(errors).max()), failed)


def fit_surface(quotes: Sequence[Quotes]) -> SurfaceFit:
    """The SSVI surface nearest to the quotes under its three conditions.

    Raises
    ------
    BadInput : no expiry, or a fit that is degenerate or leaves arbitrage.
    """
    ordered = sorted(quotes, key=lambda one: one.years)
    if not ordered:
        raise BadInput("expiries with volatilities", 0, "at least 1")
    money = [float(np.interp(0.0, one.k, one.total_variance)) for one in ordered]
    rising = np.maximum.accumulate(np.array(money))
    steps = np.diff(np.concatenate([[0.0], rising]))
    start = np.concatenate([np.log(np.maximum(steps, 1e-6 * rising[-1]))])

    def read(x: Floats) -> tuple[Ssvi, Floats]:
        surface = Ssvi(0.999 * math.tanh(x[0]), math.exp(min(x[1], 4.0)), 0.001 + 0.998 / (1 + math.exp(-x[2])))
        return surface, np.cumsum(np.exp(np.minimum(x[3:], 4.0)))

    def residuals(x: Floats) -> Floats:
        surface, thetas = read(x)
        own = [one.weights * (surface.slice(float(theta)).total_variance(one.k) - one.total_variance)
               for one, theta in zip(ordered, thetas, strict=True)]
        beyond = [1e2 * max(0.0, value - 3.999) for theta in thetas.tolist()
                  for value in (surface.wing(theta), surface.bend(theta))]
        return np.concatenate([*own, beyond])

    starts = [np.concatenate([[rho, eta, gamma], start]) for rho in (-0.6, 0.0) for eta in (-0.5, 0.7)
              for gamma in (-0.5, 0.5)]
    best = min((least_squares(residuals, x, xtol=1e-12, ftol=1e-12, gtol=1e-12, max_nfev=300) for x in starts),
               key=lambda result: float(result.cost))
    surface, thetas = read(np.asarray(best.x))
    surface = Ssvi(round(surface.rho, _PLACES), round(surface.eta, _PLACES), round(surface.gamma, _PLACES))
    rounded = [round(theta, _PLACES) for theta in thetas.tolist()]
    fits = []
    for one, theta in zip(ordered, rounded, strict=True):
        own = surface.slice(theta)
        for name, value in (("ssvi-wing", surface.wing(theta)), ("ssvi-butterfly", surface.bend(theta))):
            if not value < 4.0:
                raise BadInput(f"surface at {one.name}", Said(f"fails {name}: {value:.4g}"), "below 4")
        _require_sound(one, own)
        errors = one.errors(own)
        fits.append(SliceFit(one.name, own, float(np.sqrt((errors**2).mean())), float(np.abs(errors).max()), None))
    return SurfaceFit(surface, tuple(rounded), tuple(fits))


def failure(one: Slice, before: Slice | None = None) -> str | None:
    """The first condition of `risk.surfaces.checks` that a slice fails, or None."""
    if not one.minimum > 0:
        return "minimum-variance"
    if not one.wing <= WING:
        return "wing"
    if not butterfly(one)[0] >= 0:
        return "butterfly"
    if before is not None and not crossing(before, one)[0] >= 0:
        return "calendar"
    return None


def _require_sound(quotes: Quotes, one: Slice) -> None:
    middle = float(np.median(quotes.volatilities))
    money = math.sqrt(max(0.0, float(one.total_variance(0.0)) / quotes.years))
    if not middle / MONEY <= money <= middle * MONEY:
        raise BadInput(f"volatility at the money of {quotes.name}, by the fit", Said(f"{money:.4g}"),
                       f"within a factor of {MONEY:g} of the quotes' median, {middle:.4g}: the fit is degenerate")


# -- the best fit, arbitrage or not --------------------------------------------------------------------------------
def _best(quotes: Quotes) -> Slice:
    k, w, weights = quotes.k, quotes.total_variance, quotes.weights
    span = max(float(k.max() - k.min()), 1e-3)
    low, high = float(k.min()) - span, float(k.max()) + span
    box = ([low, math.log(1e-3 * span)], [high, math.log(10 * span)])
    centres = [float(np.quantile(k, q)) for q in (0.15, 0.5, 0.85)] + [float(k[np.argmin(w)])]
    starts = [(m, math.log(share * span)) for m in centres for share in (0.03, 0.15, 0.6)]

    def two(x: Floats) -> Floats:
        return weights * (_inner(k, w, weights, float(x[0]), math.exp(float(x[1]))).total_variance(k) - w)

    ends = sorted((least_squares(two, np.array(start), bounds=box, xtol=1e-10, ftol=1e-10, gtol=1e-12, max_nfev=40)
                   for start in starts), key=lambda result: float(result.cost))
    found = []
    for end in ends[:3]:
        one = _inner(k, w, weights, float(end.x[0]), math.exp(float(end.x[1])))
        found.append(_polished(one, lambda s: weights * (s.total_variance(k) - w)))
    return min(found, key=lambda one: float(((weights * (one.total_variance(k) - w)) ** 2).sum()))


def _inner(k: Floats, w: Floats, weights: Floats, m: float, sigma: float) -> Slice:
    """The best a, c = b sigma, d = rho c for a given m and sigma, on |d| <= c, c + |d| <= 2 sigma."""
    y = (k - m) / sigma
    columns = np.stack([np.ones_like(y), np.sqrt(y * y + 1), y], axis=1) * weights[:, None]
    target = w * weights
    a, c, d = np.linalg.lstsq(columns, target, rcond=None)[0]
    if not (abs(d) <= c and c + abs(d) <= WING * sigma):
        half = WING * sigma / 2
        corners = [(0.0, 0.0), (half, half), (2 * half, 0.0), (half, -half)]
        options = []
        for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
            along = columns[:, 1:] @ (np.array(end) - np.array(start))
            rest = target - columns[:, 1:] @ np.array(start)
            t = np.linalg.lstsq(np.stack([columns[:, 0], along], axis=1), rest, rcond=None)[0][1]
            t = min(1.0, max(0.0, float(t)))
            level = float(columns[:, 0] @ (rest - t * along) / (columns[:, 0] @ columns[:, 0]))
            c1, d1 = (s + t * (e - s) for s, e in zip(start, end, strict=True))
            options.append((float(((rest - t * along - level * columns[:, 0]) ** 2).sum()), level, c1, d1))
        _, a, c, d = min(options)
    c = max(float(c), 1e-12 * sigma)
    return Slice(float(a), c / sigma, min(1.0, max(-1.0, float(d) / c)), m, sigma)


def _pack(one: Slice) -> Floats:
    rho = min(1 - 1e-6, max(-1 + 1e-6, one.rho))
    return np.array([one.a, math.log(max(one.b, 1e-12)), math.atanh(rho), one.m, math.log(max(one.sigma, 1e-6))])


def _unpack(x: Floats) -> Slice:
    rho = min(1 - 1e-6, max(-1 + 1e-6, math.tanh(float(x[2]))))
    return Slice(float(x[0]), math.exp(min(float(x[1]), 4.0)), rho, float(min(20.0, max(-20.0, x[3]))),
                 min(20.0, max(1e-6, math.exp(min(3.0, float(x[4]))))))


def _polished(one: Slice, residuals: Callable[[Slice], Floats], evaluations: int = 400) -> Slice:
    """On from a slice in all five parameters, rounded to twelve decimals."""
    begin = _pack(one)
    end = least_squares(lambda x: residuals(_unpack(x)), begin, x_scale="jac", xtol=1e-15, ftol=1e-15, gtol=1e-15,
                        max_nfev=evaluations)
    found = min((_unpack(begin), _unpack(np.asarray(end.x))), key=lambda s: float((residuals(s) ** 2).sum()))
    return Slice(*(round(value, _PLACES) for value in (found.a, found.b, found.rho, found.m, found.sigma)))


# -- repair --------------------------------------------------------------------------------------------------------
def _safe(one: Slice) -> Slice:
    """The SSVI slice of the same total variance, skew and left wing at the money, its bend held to what is proven to be
    free of butterflies."""
    w, slope, _ = (float(value) for value in one.at(0.0))
    w = max(w, 1e-8)
    left, skew = one.b * (1 - one.rho) / math.sqrt(w), slope / (2 * math.sqrt(w))
    steep = max(2 * (left + skew), 1e-6)           # phi sqrt(theta)
    rho = min(0.99, max(-0.99, 2 * skew / steep))
    steep = min(steep, 0.999 * math.sqrt(4 / (1 + abs(rho))), 0.999 * 4 / ((1 + abs(rho)) * math.sqrt(w)))
    phi = steep / math.sqrt(w)
    return Slice(0.5 * w * (1 - rho * rho), 0.5 * w * phi, rho, -rho / phi, math.sqrt(1 - rho * rho) / phi)


def _repaired(quotes: Quotes, best: Slice, before: Slice | None) -> Slice:
    k, w, weights = quotes.k, quotes.total_variance, quotes.weights
    scale = float(np.median(w))
    found = list[Slice]()
    for start in _starts(quotes, best, before):
        one = start
        for margin, force in _MARGINS:
            def residuals(s: Slice, margin: float = margin, force: float = force) -> Floats:
                g = np.nan_to_num(durrleman(s, _coarse(s)), nan=-1.0, posinf=1.0, neginf=-1.0)
                parts = [weights * (s.total_variance(k) - w) / scale, force * np.minimum(g - margin, 0.0),
                         force * np.minimum([WING - 1e-6 - s.wing, s.minimum / scale - 1e-4], 0.0)]
                if before is not None:
                    at = np.concatenate([_coarse(before), _coarse(s)])
                    earlier = before.total_variance(at)
                    parts.append(force * np.minimum(s.total_variance(at) / earlier - 1 - margin, 0.0))
                return np.concatenate(parts)

            one = _polished(one, residuals, _EVALUATIONS)
            if failure(one, before) is None:
                found.append(one)
                break
    found += [one for start in _starts(quotes, best, before) if failure(one := _lifted(start, before), before) is None]
    return min(found, key=lambda s: float(((weights * (s.total_variance(k) - w)) ** 2).sum()), default=best)


def _starts(quotes: Quotes, best: Slice, before: Slice | None) -> list[Slice]:
    """Where repairs begin: free of butterflies, at the best fit, beyond the expiry before, lifted to the quotes."""
    found = [_safe(best), best]
    if before is not None:
        apart = float(np.median(quotes.total_variance - before.total_variance(quotes.k)))
        found.append(replace(before, a=before.a + max(0.0, apart)))
    return found


def _coarse(one: Slice) -> Floats:
    """Every fifth point of the grid that verdicts are made on."""
    return grid(one)[::5]


def _lifted(one: Slice, before: Slice | None) -> Slice:
    """A slice raised above the one before, where a constant does it."""
    if before is not None:
        one = replace(one, a=one.a + max(0.0, -crossing(before, one)[0]) * 1.000001)
    return Slice(*(round(value, _PLACES) for value in (one.a, one.b, one.rho, one.m, one.sigma)))
