"""Fits of slices: found again without noise, repaired where they leave arbitrage, refused by name where none can be."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.risk import surfaces as bench
from primitives.errors import BadInput
from risk.fitting.surface import Quotes, failure, fit_slice, fit_slices, fit_surface
from risk.surfaces.checks import butterfly, checks, crossing
from risk.surfaces.smile import Smile
from risk.surfaces.ssvi import Ssvi
from risk.surfaces.svi import Slice

VOGT = Slice(-0.0410, 0.1331, 0.3060, 0.3586, 0.4153)
"""As in test_surfaces."""


def quotes_of(one: Slice, years: float, name: str = "A", strikes: int = 15) -> Quotes:
    k = np.linspace(-2.5, 2.5, strikes) * math.sqrt(float(one.total_variance(0.0)))
    return Quotes(name, years, k, np.sqrt(one.total_variance(k) / years))


def test_slices_without_noise_are_found_again() -> None:
    """Thirty of the thousand of `make risk-bench`."""
    drawn = list(bench.random_slices(30, seed=9))
    assert len({one for one, _ in drawn}) == 30
    for one, years in drawn:
        found = bench.recovered(one, years)
        assert found.worst <= 1e-6
        assert found.repaired is None


def test_vogts_example_is_repaired() -> None:
    found = fit_slice(quotes_of(VOGT, 1.0, strikes=25))
    assert found.repaired == "butterfly"
    assert failure(VOGT) == "butterfly"
    assert butterfly(found.slice)[0] >= 0
    assert found.slice.minimum > 0
    assert found.rms < 0.004                        # of a volatility of 13 %


def test_the_safe_slice_keeps_level_skew_and_left_wing_as_published() -> None:
    """Section 5.1: c' = p + 2 psi = 0.3493158 and least variance 0.01548182, of Vogt's example."""
    from risk.fitting.surface import _safe
    safe = _safe(VOGT)
    w, slope, _ = (float(x) for x in safe.at(0.0))
    own, own_slope, _ = (float(x) for x in VOGT.at(0.0))
    assert (w, slope) == pytest.approx((own, own_slope), rel=1e-12)
    root = math.sqrt(w)
    assert safe.b * (1 - safe.rho) / root == pytest.approx(0.6997381, rel=1e-6)
    assert safe.b * (1 + safe.rho) / root == pytest.approx(0.3493158, rel=1e-6)
    assert safe.minimum == pytest.approx(0.01548182, rel=1e-6)
    assert failure(safe) is None


def test_a_slice_does_not_cross_the_one_before() -> None:
    """Quotes that cross only in a wing: the fit alone would."""
    early, late = Slice(0.015, 0.12, -0.5, 0.0, 0.2), Slice(0.04, 0.06, -0.3, 0.0, 0.3)
    assert failure(late) is None
    assert crossing(early, late)[0] < 0
    first, second = fit_slices([quotes_of(late, 0.2, "B"), quotes_of(early, 0.1, "A")])
    assert (first.name, second.name) == ("A", "B")
    assert (first.repaired, second.repaired) == (None, "calendar")
    assert crossing(first.slice, second.slice)[0] >= 0
    assert fit_slice(quotes_of(late, 0.2)).repaired is None


def test_quotes_far_below_the_expiry_before_are_refused_by_name() -> None:
    early = Slice(0.09, 0.05, -0.3, 0.0, 0.2)
    with pytest.raises(BadInput, match=r"rms error of the slice of B is 0\.3.*free of calendar arbitrage cannot"):
        fit_slice(quotes_of(Slice(0.02, 0.05, -0.3, 0.0, 0.2), 0.2, "B"), early)


def test_quotes_that_no_slice_is_near_are_refused() -> None:
    k = np.linspace(-0.5, 0.5, 11)
    wild = 0.5 + 0.35 * (-1.0) ** np.arange(11)
    with pytest.raises(BadInput, match="rms error of the slice of A"):
        fit_slice(Quotes("A", 0.1, k, wild))


def test_too_few_strikes_are_refused() -> None:
    with pytest.raises(BadInput, match="strikes with a volatility at A is 4: must be at least 5"):
        fit_slice(quotes_of(Slice(0.02, 0.05, -0.3, 0.0, 0.2), 0.2, strikes=4))


def test_a_degenerate_fit_is_refused_however_near_it_is() -> None:
    """All strikes far below the money, where the quotes have their least: the slice goes through them all and leaves no
    arbitrage, and is absurd at the money, where nobody quotes (volsurf's users, #96)."""
    far = Slice(-7e-05, 0.0154, 0.945, -1.331, 0.044)
    k = np.linspace(-1.37, -1.29, 9)
    assert failure(far) is None
    with pytest.raises(BadInput, match=r"volatility at the money of A, by the fit is .* the fit is degenerate"):
        fit_slice(Quotes("A", 0.1, k, np.sqrt(far.total_variance(k) / 0.1)))


def test_a_surface_is_found_again() -> None:
    own, thetas = Ssvi(-0.45, 1.2, 0.4), (0.004, 0.02, 0.07)
    quotes = [quotes_of(own.slice(theta), years, name) for theta, years, name
              in zip(thetas, (0.02, 0.1, 0.3), "ABC", strict=True)]
    found = fit_surface(quotes[::-1])
    assert (found.surface.rho, found.surface.eta, found.surface.gamma) == pytest.approx((-0.45, 1.2, 0.4), abs=1e-6)
    assert found.thetas == pytest.approx(thetas, rel=1e-6)
    assert max(one.worst for one in found.fits) <= 1e-6


def test_a_surface_keeps_its_conditions_where_quotes_do_not() -> None:
    quotes = [quotes_of(Slice(0.012, 0.3, -0.6, 0.0, 0.05), 0.05, "A"),
              quotes_of(Slice(0.01, 0.1, 0.0, 0.0, 0.1), 0.06, "B")]
    found = fit_surface(quotes)
    smiles = [Smile("BTC", one.name, quote.years, one.slice, ssvi=(found.surface, theta))
              for one, quote, theta in zip(found.fits, quotes, found.thetas, strict=True)]
    assert all(check.holds for check in checks(smiles))
    with pytest.raises(BadInput, match="expiries with volatilities"):
        fit_surface([])


def test_two_expiries_of_the_dax_leave_no_arbitrage() -> None:
    quotes = bench.dax()[1:3]
    fits = fit_slices(quotes)
    errors = np.concatenate([one.errors(fit.slice) for one, fit in zip(quotes, fits, strict=True)])
    assert float(np.sqrt((errors**2).mean())) < 0.006
    assert all(check.holds for check in checks([Smile("DAX", one.name, one.years, fit.slice)
                                                for one, fit in zip(quotes, fits, strict=True)]))
