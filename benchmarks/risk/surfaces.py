"""Fits of slices: of made-up ones that must be found again, and of a real surface that must come out without arbitrage.

The real one is of the DAX, 2002-07-05: thirteen strikes, eight expiries [A. Sepp, Pricing European-Style Options under
Jump Diffusion Processes with Stochastic Volatility, 2003; the numbers as in QuantLib's test suite, hestonmodel.cpp].
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.risk.figures import Figure, Report
from risk.exact.uniforms import uniforms
from risk.fitting.surface import Quotes, SliceFit, failure, fit_slice, fit_slices, fit_surface
from risk.surfaces.checks import checks
from risk.surfaces.smile import Smile
from risk.surfaces.svi import Slice

SLICES = 1000
SPOT = 4468.17
DAYS = (13, 41, 75, 165, 256, 345, 524, 703)
RATES = (.0357, .0349, .0341, .0355, .0359, .0368, .0386, .0401)
STRIKES = (3400, 3600, 3800, 4000, 4200, 4400, 4500, 4600, 4800, 5000, 5200, 5400, 5600)
DAX = np.array([
    [.6625, .4875, .4204, .3667, .3431, .3267, .3121, .3121],
    [.6007, .4543, .3967, .3511, .3279, .3154, .2984, .2921],
    [.5084, .4221, .3718, .3327, .3155, .3027, .2919, .2889],
    [.4541, .3869, .3492, .3149, .2963, .2926, .2819, .2800],
    [.4060, .3607, .3330, .2999, .2887, .2811, .2751, .2775],
    [.3726, .3396, .3108, .2781, .2788, .2722, .2661, .2686],
    [.3550, .3277, .3012, .2781, .2781, .2661, .2661, .2681],
    [.3428, .3209, .2958, .2740, .2688, .2627, .2580, .2620],
    [.3302, .3062, .2799, .2631, .2573, .2533, .2504, .2544],
    [.3343, .2959, .2705, .2540, .2504, .2464, .2448, .2462],
    [.3460, .2845, .2624, .2463, .2425, .2385, .2373, .2422],
    [.3857, .2860, .2578, .2399, .2357, .2327, .2312, .2351],
    [.3976, .2860, .2607, .2356, .2297, .2268, .2241, .2320]])
"""Volatilities a year, strikes down, expiries across."""


def dax() -> list[Quotes]:
    """One set of quotes an expiry; no dividends."""
    found = []
    for i, (days, rate) in enumerate(zip(DAYS, RATES, strict=True)):
        forward = SPOT * np.exp(rate * days / 365)
        found.append(Quotes(f"{days} days", days / 365, np.log(np.array(STRIKES) / forward), DAX[:, i]))
    return found


def random_slice(u: NDArray[np.float64]) -> tuple[Slice, float] | None:
    """A slice and its years, from seven uniforms; None if it leaves arbitrage."""
    years = float(np.exp(np.log(7 / 365) * (1 - u[0]) + np.log(2) * u[0]))
    money = (0.15 + 1.05 * float(u[1])) ** 2 * years
    sigma = float(np.sqrt(money)) * float(np.exp(np.log(0.15) * (1 - u[2]) + np.log(3) * u[2]))
    m = float(np.sqrt(money)) * (2 * float(u[3]) - 1)
    rho = 1.8 * float(u[4]) - 0.9
    b = float(np.sqrt(money)) * (0.05 + 1.2 * float(u[5]))
    one = Slice(money - b * (-rho * m + np.hypot(m, sigma)), b, rho, m, sigma)
    if not one.minimum > 0.02 * money or failure(one) is not None:
        return None
    return one, years


def random_slices(count: int, seed: int = 1) -> Iterator[tuple[Slice, float]]:
    """The first so many that leave no arbitrage, out of a stream."""
    found, block = 0, 0
    while found < count:
        for u in uniforms(seed + block, (4096, 7)):
            drawn = random_slice(u)
            if drawn is not None and found < count:
                found += 1
                yield drawn
        block += 1


def recovered(one: Slice, years: float) -> SliceFit:
    """A fit of the slice's own volatilities at 21 strikes within three deviations."""
    k = np.linspace(-3, 3, 21) * np.sqrt(float(one.total_variance(0.0)))
    return fit_slice(Quotes("slice", years, k, np.sqrt(one.total_variance(k) / years)))


def figures(report: Report, slices: int = SLICES) -> Iterator[Figure]:
    """The worst error of made-up slices; error and arbitrage of the real surface, by slices and by SSVI."""
    worst = 0.0
    for i, (one, years) in enumerate(random_slices(slices)):
        report(f"slice {i + 1} of {slices}")
        worst = max(worst, recovered(one, years).worst)
    yield Figure(f"SVI, {slices} random slices without noise: worst volatility error", worst, "", most=1e-6)
    report("DAX surface")
    quotes = dax()
    fits = fit_slices(quotes)
    yield _error("SVI, DAX surface of 2002: rms error", quotes, fits, .6)
    yield _arbitrage("the same: conditions that fail", [Smile("DAX", one.name, one.years, fit.slice)
                                                       for one, fit in zip(quotes, fits, strict=True)])
    found = fit_surface(quotes)
    yield _error("SSVI, three parameters and eight levels, DAX surface: rms error", quotes, found.fits, None)
    yield _arbitrage("the same: conditions that fail", [
        Smile("DAX", one.name, one.years, fit.slice, ssvi=(found.surface, theta))
        for one, fit, theta in zip(quotes, found.fits, found.thetas, strict=True)])


def _error(what: str, quotes: list[Quotes], fits: list[SliceFit] | tuple[SliceFit, ...], most: float | None) -> Figure:
    errors = np.concatenate([one.errors(fit.slice) for one, fit in zip(quotes, fits, strict=True)])
    return Figure(what, 100 * float(np.sqrt((errors**2).mean())), "vol points", most=most, details={
        "worst": 100 * float(np.abs(errors).max()), "repaired": {fit.name: fit.repaired for fit in fits
                                                                 if fit.repaired is not None}})


def _arbitrage(what: str, smiles: list[Smile]) -> Figure:
    found = checks(smiles)
    failing = [check.subject for check in found if not check.holds]
    return Figure(what, len(failing), f"of {len(found)}", most=0, details={"failing": failing} if failing else {})
