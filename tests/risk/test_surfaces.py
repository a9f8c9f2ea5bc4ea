"""Slices, and the conditions that keep them free of arbitrage: against balls and published numbers, and broken one by
one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from flint import arb, arb_series, ctx

from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.exact.uniforms import uniforms
from risk.surfaces import checks as conditions
from risk.surfaces.calls import call
from risk.surfaces.checks import IDS, butterfly, checks, crossing
from risk.surfaces.durrleman import durrleman, grid
from risk.surfaces.smile import Smile, Strike
from risk.surfaces.ssvi import Ssvi
from risk.surfaces.svi import Slice
from risk.valuation.pricing import black_76

VOGT = Slice(-0.0410, 0.1331, 0.3060, 0.3586, 0.4153)
"""Example 3.1 of Gatheral and Jacquier 2014, after A. Vogt: of a year, and with butterflies of negative price."""
SOUND = Slice(0.01, 0.05, -0.3, 0.01, 0.3)


def ball_g(one: Slice, k: float) -> arb:
    """g by automatic differentiation in 200 bits: nothing is derived by hand."""
    ctx.prec, ctx.cap = 200, 3
    x = arb_series([arb(k), 1])
    shifted = x - arb(one.m)
    w = arb(one.a) + arb(one.b) * (arb(one.rho) * shifted + (shifted * shifted + arb(one.sigma) ** 2).sqrt())
    value, first, second = w[0], w[1], 2 * w[2]
    return (1 - arb(k) * first / (2 * value)) ** 2 - first**2 / 4 * (1 / value + arb(1) / 4) + second / 2


def draws(count: int, seed: int = 3) -> list[tuple[Slice, float]]:
    """Slices with a positive minimum, sound or not, each with a log-moneyness to look at."""
    found = []
    for u in uniforms(seed, (count, 6)).tolist():
        b, rho, m, sigma = 0.01 + u[0], 1.9 * u[1] - 0.95, 2 * u[2] - 1, 0.01 + u[3]
        found.append((Slice(0.001 + u[4] - b * sigma * math.sqrt(1 - rho * rho), b, rho, m, sigma), 6 * u[5] - 3))
    return found


def test_durrleman_against_balls() -> None:
    for one, k in draws(2000):
        exact = ball_g(one, k)
        scale = 1 + abs(float(exact)) + abs(float(one.at(k).slope ** 2 / one.at(k).w))
        assert abs(float(exact) - float(durrleman(one, k))) <= 1e-12 * scale


def test_derivatives_are_those_of_the_slice() -> None:
    for one, k in draws(200, seed=4):
        h = 1e-4
        w = [float(one.total_variance(k + step * h)) for step in (-1, 0, 1)]
        curvature = one.at(k)
        assert float(curvature.w) == w[1]
        assert float(curvature.slope) == pytest.approx((w[2] - w[0]) / (2 * h), abs=1e-4)
        assert float(curvature.bend) == pytest.approx((w[2] - 2 * w[1] + w[0]) / (h * h), rel=2e-3, abs=1e-4)


def test_published_numbers_of_vogts_example() -> None:
    """Its jump-wing parameters (section 5.1): v, psi, p, c and the least variance, for a year."""
    w, slope, _ = (float(x) for x in VOGT.at(0.0))
    root = math.sqrt(w)
    found = (w, slope / (2 * root), VOGT.b * (1 - VOGT.rho) / root, VOGT.b * (1 + VOGT.rho) / root, VOGT.minimum)
    assert found == pytest.approx((0.01742625, -0.1752111, 0.6997381, 1.316798, 0.0116249), rel=1e-6)
    g, k = butterfly(VOGT)
    assert g < 0
    assert 0.6 < k < 1.2


DERIVE = [(Slice(0.07368236692851656, 0.205025228089922624, -0.260716351690481504, -0.220169931306819072,
                 0.556540627238575424), 100374.61000117072, 0.600548579401320064,
           {100000: 0.5543377511787965, 120000: 0.5665119096978181}),
          (Slice(0.048077891716671768, 0.178708998415908352, -0.303020572606101312, -0.135449045846644848,
                 0.313322419209750784), 98198.07812501276, 0.351233510908169984, {120000: 0.5646450091750466})]
"""Slice, forward, years, volatility by strike: BTC in February 2025, derivexyz/v2-core, PMRM_2 portfolio case 52."""


def test_volatilities_of_a_venues_slices_are_those_that_it_publishes() -> None:
    for one, forward, years, published in DERIVE:
        for strike, volatility in published.items():
            assert math.sqrt(float(one.total_variance(math.log(strike / forward))) / years) == pytest.approx(
                volatility, rel=1e-13)
        assert all(check.holds for check in checks([smile(one, years)]))


def test_ssvi_is_its_formula_and_its_slices_are_raw() -> None:
    surface = Ssvi(-0.4, 1.1, 0.45)
    for theta in (1e-5, 0.02, 0.3, 2.0):
        phi = 1.1 * theta**-0.45 * (1 + theta) ** -0.55
        assert surface.phi(theta) == pytest.approx(phi, rel=1e-14)
        k = np.linspace(-3, 3, 61)
        formula = theta / 2 * (1 - 0.4 * phi * k + np.sqrt((phi * k - 0.4) ** 2 + 1 - 0.16))
        assert surface.slice(theta).total_variance(k) == pytest.approx(formula, rel=1e-13)
        assert surface.slice(theta).total_variance(0.0) == pytest.approx(theta, rel=1e-14)
        assert surface.slice(theta).wing == pytest.approx(surface.wing(theta) / 2, rel=1e-14)


def test_ssvi_under_its_conditions_is_free_of_butterflies() -> None:
    """Theorem 4.2: sufficient, so that g must be at least 0 wherever both hold."""
    held = 0
    for u in uniforms(5, (3000, 4)).tolist():
        surface, theta = Ssvi(1.98 * u[0] - 0.99, 0.05 + 3 * u[1], 0.01 + 0.98 * u[2]), math.exp(-9 * u[3])
        if surface.wing(theta) < 4 and surface.bend(theta) <= 4:
            held += 1
            assert butterfly(surface.slice(theta))[0] > -1e-12, (surface, theta)
    assert 500 < held < 3000


def test_calls_are_those_of_pricing() -> None:
    u = uniforms(6, (3, 20_000))
    x, volatility, years = np.exp(6 * u[0] - 3), 3 * u[1], 2 * u[2]
    assert np.array_equal(call(x, volatility * np.sqrt(years)), black_76(1.0, x, volatility, years, 1.0, True))
    assert call(0.5, 0.0) == 0.5


def test_time_that_passes_does_no_harm() -> None:
    tried = 0
    for one, k in draws(3000, seed=7):
        if butterfly(one)[0] >= 0:
            tried += 1
            for c in (1e-6, 0.3, 0.9, 0.999):
                assert float(durrleman(replace(one, a=one.a * c, b=one.b * c), k)) >= -1e-12
    assert tried > 300


def test_the_grid_sees_a_bend_between_its_even_points() -> None:
    """In a wing, where m is, and nowhere else."""
    one = Slice(0.000168, 0.00492, -0.887, -0.2003, 0.01645)
    even = np.linspace(-8, 8, 401) * np.sqrt(float(one.total_variance(0.0)))
    assert one.minimum > 0
    assert durrleman(one, even).min() > 0.05
    g, k = butterfly(one)
    assert g < -0.01
    assert k == pytest.approx(-0.3568, abs=2e-3)
    assert float(durrleman(one, grid(one)).min()) == g


# -- every condition by its name -----------------------------------------------------------------------------------
def smile(one: Slice, years: float = 30 / 365, name: str = "A") -> Smile:
    return Smile("BTC", name, years, one)


def listed(years: float, name: str, *volatilities: float) -> Smile:
    strikes = [0.8, 0.9, 1.0, 1.1, 1.2][:len(volatilities)]
    return Smile("BTC", name, years, strikes=tuple(Strike(f"{x:g}", x, volatility) for x, volatility
                                                   in zip(strikes, volatilities, strict=True)))


def surface(rho: float, eta: float, gamma: float, theta: float, years: float = 30 / 365, name: str = "A") -> Smile:
    found = Ssvi(rho, eta, gamma)
    return Smile("BTC", name, years, found.slice(theta), ssvi=(found, theta))


FLAT = Slice(0.03, 0.0, 0.0, 0.0, 0.1)
BROKEN = {
    "wing": ([smile(Slice(5.0, 2.0 + 1e-9, 0.0, 0.0, 1.0), 2.0)], [smile(Slice(5.0, 2.0, 0.0, 0.0, 1.0), 2.0)]),
    "butterfly": ([smile(VOGT, 1.0)], [smile(SOUND)]),
    "calendar": ([smile(FLAT, 0.1, "A"), smile(replace(FLAT, a=0.0299), 0.2, "B")],
                 [smile(FLAT, 0.1, "A"), smile(FLAT, 0.2, "B")]),
    "ssvi-butterfly": ([surface(0.0, 2.01, 0.5, 1e-4, 0.02)], [surface(0.0, 1.99, 0.5, 1e-4, 0.02)]),
    "annualised": ([smile(Slice(0.26, 0.0, 0.0, 0.0, 0.1), 0.0103)], [smile(Slice(0.25, 0.0, 0.0, 0.0, 0.1), 0.0101)]),
    "butterfly of strikes": ([listed(0.1, "A", 0.6, 1.2, 0.6, 0.6, 0.6)],
                             [listed(0.1, "A", 0.62, 0.61, 0.6, 0.6, 0.61)]),
    "calendar of strikes": ([listed(0.1, "A", 0.6, 0.6, 0.6, 0.6, 0.6), listed(0.2, "B", 0.4, 0.4, 0.4, 0.4, 0.4)],
                            [listed(0.1, "A", 0.6, 0.6, 0.6, 0.6, 0.6), listed(0.2, "B", 0.5, 0.5, 0.5, 0.5, 0.5)]),
    "calendar from strikes to a slice": ([listed(0.1, "A", 0.6), smile(FLAT, 0.2, "B")],
                                         [listed(0.1, "A", 0.5), smile(FLAT, 0.2, "B")]),
    "calendar from a slice to strikes": ([smile(FLAT, 0.1, "A"), listed(0.2, "B", 0.35)],
                                         [smile(FLAT, 0.1, "A"), listed(0.2, "B", 0.45)])}


@pytest.mark.parametrize("name", BROKEN)
def test_a_condition_broken_alone_is_refused_by_its_name(name: str) -> None:
    wrong, right = BROKEN[name]
    failing = [check for check in checks(wrong) if not check.holds]
    assert {check.id for check in failing} == {name.split()[0]}
    assert all(check.holds for check in checks(right))
    assert all(check.bound and check.found and name.split()[0] in check.subject for check in failing)


@pytest.mark.parametrize(("wrong", "ids"), [
    ([smile(Slice(0.5, 2.3, 0.0, 0.0, 1.0), 2.0)], ["wing", "butterfly"]),
    ([surface(0.0, 4.7, 0.5, 10.0, 2.0)], ["ssvi-wing", "butterfly"]),
    ([surface(-0.3, 1.0, 0.5, 0.06, 0.2, "B"), surface(-0.3, 1.0, 0.5, 0.07, 0.1, "A")], ["ssvi-calendar", "calendar"]),
    ([smile(Slice(-0.001, 0.1, 0.0, 0.0, 0.01))], ["minimum-variance", "butterfly", "annualised"])])
def test_what_cannot_be_broken_alone_is_named_with_what_follows_from_it(wrong: list[Smile], ids: list[str]) -> None:
    assert [check.id for check in checks(wrong) if not check.holds] == ids


def test_every_condition_is_broken_somewhere_above() -> None:
    assert {name.split()[0] for name in BROKEN} | {"minimum-variance", "ssvi-wing", "ssvi-calendar"} == set(IDS)


def test_calendar_is_looked_at_on_both_grids_and_between_all_strikes() -> None:
    early, late = Slice(0.02, 0.2, -0.5, 0.0, 0.3), Slice(0.15, 0.1, 0.0, 0.0, 0.3)
    rise, k = crossing(early, late)
    assert rise < 0                                # only far out, where the early one is steeper
    assert k < -1
    assert [check.id for check in checks([smile(early, 0.1), smile(late, 0.2, "B")]) if not check.holds] == ["calendar"]
    valley = Slice(0.0, 0.3, 0.0, 0.0, 0.05)       # only near the money, where the late one dips
    rise, k = crossing(FLAT, valley)
    assert rise < -0.01
    assert abs(k) < 0.1
    assert float(valley.total_variance(grid(valley)[0])) > 0.03
    three = [listed(0.1, "A", 0.6), smile(FLAT, 0.3, "C"), listed(0.2, "B", 0.35)]
    told = [check.subject for check in checks(three) if not check.holds]
    assert told == ["calendar spread of BTC at the moneyness of strike 0.8, A to B",
                    "calendar spread of BTC at the moneyness of strike 0.8, A to C"]


def test_assets_are_not_compared_with_each_other() -> None:
    late = replace(smile(replace(FLAT, a=0.01), 0.2, "B"), underlying="ETH")
    assert all(check.holds for check in checks([smile(FLAT, 0.1), late]))


def test_a_value_that_is_no_number_does_not_hold() -> None:
    """Nor is it passed over for a number elsewhere."""
    g, k = conditions._least(np.array([0.5, math.nan, 0.2]), np.array([-1.0, 0.0, 1.0]))
    assert math.isnan(g)
    assert k == 0
    assert not conditions.Check("butterfly", "BTC", "A", "g", math.nan, low=0.0).holds


# -- as a book has them --------------------------------------------------------------------------------------------
def parsed(**changes: str) -> Slice:
    given = {"a": "0.01", "b": "0.05", "rho": "-0.3", "m": "0.01", "sigma": "0.3"} | changes
    return Slice.parse(Node(given, field="svi", source="book.json"))


def test_a_slice_is_read_and_written() -> None:
    assert parsed() == SOUND
    for one, _ in draws(50):
        held = replace(one, b=round(one.b, 9))
        assert Slice.parse(Node(held.to_json(), field="svi")) == held


@pytest.mark.parametrize(("changes", "said"), [
    ({"b": "-0.01"}, "svi.b is '-0.01': must be between 0 and 100"), ({"rho": "1"}, "svi.rho"),
    ({"rho": "-1"}, "svi.rho"),
    ({"sigma": "0"}, "svi.sigma"), ({"sigma": "-0.1"}, "svi.sigma"), ({"m": "21"}, "svi.m"), ({"a": "nan"}, "svi.a"),
    ({"a": "-0.0144"}, "least total variance, .* is -9.[0-9]*e-05: must be above 0 .minimum-variance."),
    ({"vol": "0.6"}, "svi.vol")])
def test_a_slice_out_of_bounds_is_refused(changes: dict[str, str], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        parsed(**changes)
