"""QuantLib as oracle: Black's formula and its Greeks, a book of options, SVI, Merton's jumps, Expected Shortfall.

Where QuantLib and we differ, the test says who is right and by what: ball arithmetic, a closed form, a definition.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import QuantLib as ql
from worlds import book as small_book

from benchmarks.risk import quantlib, surfaces
from benchmarks.risk.quantlib import GOAL, NAMES, PRICES, calculator
from risk.backtests.rolling import tail
from risk.exact.clock import YEAR
from risk.exact.expected_shortfall import expected_shortfall
from risk.exact.shape import TailSize, WeightedTail
from risk.exact.sobol import sobol_uniforms
from risk.fitting.surface import failure, fit_slice
from risk.greeks.closed import option_greeks
from risk.market.book import parse_book
from risk.models.jumps import Jumps
from risk.surfaces.durrleman import durrleman
from risk.surfaces.svi import Slice
from risk.valuation import pricing
from risk.valuation.inverse import inverse_option, inverse_option_delta
from risk.valuation.revaluation import prices_today


@pytest.fixture(autouse=True)
def today() -> ql.Date:
    """QuantLib's, which is global."""
    ql.Settings.instance().evaluationDate = found = ql.Date(1, 1, 2021)
    return found


COUNT = 3000
"""Of the hundred thousand options of `make risk-bench`, row `quantlib`."""


# -- prices and Greeks -------------------------------------------------------------------------------------------------
def test_prices_and_greeks_are_quantlibs_or_balls_say_that_ours_are_right() -> None:
    """Far out of the money QuantLib's lose their digits. Ours lose none, and there are enough on which both agree."""
    found = quantlib.compare(COUNT, seed=3)
    assert found.price <= PRICES
    for name, one in found.greeks.items():
        assert one.wrong == 0, name
        assert one.ours <= GOAL / 100, name
        assert one.near > 0.6 * COUNT, name
        assert one.near + one.apart == COUNT, name


@pytest.mark.parametrize("name", NAMES)
def test_a_greek_that_is_off_in_its_ninth_digit_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def bent(*options: Any) -> Any:
        found = option_greeks(*options)
        return found._replace(**{name: getattr(found, name) * (1 + 3e-9)})

    monkeypatch.setattr(quantlib, "option_greeks", bent)
    assert quantlib.compare(50).greeks[name].wrong > 25


@pytest.mark.parametrize("years", [.25, 1.0, 4.0])
def test_whose_volga_is_right(years: float) -> None:
    """QuantLib's vega, bumped, is our volga; its own volga is that over sqrt(T). It will fail once that is mended."""
    def vega(volatility: float) -> float:
        return float(calculator(100.0, 110.0, volatility * math.sqrt(years), 1.0, True).vega(years))

    bumped = (vega(.5001) - vega(.4999)) / 2e-4
    assert float(option_greeks(100.0, 100.0, 110.0, .5, years, 0.0, True).volga) == pytest.approx(bumped, rel=1e-6)
    theirs = calculator(100.0, 110.0, .5 * math.sqrt(years), 1.0, True).volga(years)
    assert theirs == pytest.approx(bumped / math.sqrt(years), rel=1e-6)


def test_a_price_that_is_off_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantlib, "black_76", lambda f, *rest: pricing.black_76(f, *rest) + 2e-11 * f)
    assert quantlib.compare(20).price > PRICES


def test_the_engine_of_black_scholes_and_merton_agrees(today: ql.Date) -> None:
    """Through QuantLib's process with curves of rates and dividends and its analytic engine, not by the formula alone:
    that F = S exp((r - q) T), what is held while time passes, and which rate is whose."""
    day_count, rng = ql.Actual365Fixed(), np.random.default_rng(4)
    spot, rate, yield_, volatility = (ql.SimpleQuote(1.0) for _ in range(4))

    def curve(quote: ql.SimpleQuote) -> ql.YieldTermStructureHandle:
        return ql.YieldTermStructureHandle(ql.FlatForward(today, ql.QuoteHandle(quote), day_count))

    vols = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), ql.QuoteHandle(volatility),
                                                              day_count))
    engine = ql.AnalyticEuropeanEngine(ql.BlackScholesMertonProcess(ql.QuoteHandle(spot), curve(yield_), curve(rate),
                                                                    vols))
    for _ in range(60):
        days, call = int(rng.integers(1, 1095)), bool(rng.random() < 0.5)
        s, r, q, vol = 10 ** rng.uniform(-1, 5), rng.uniform(-.05, .2), rng.uniform(-.1, .1), rng.uniform(.1, 2)
        years = days / 365
        forward = s * math.exp((r - q) * years)
        strike = forward * math.exp(rng.normal() * vol * math.sqrt(years))
        for quote, value in ((spot, s), (rate, r), (yield_, q), (volatility, vol)):
            quote.setValue(value)
        option = ql.VanillaOption(ql.PlainVanillaPayoff(ql.Option.Call if call else ql.Option.Put, strike),
                                  ql.EuropeanExercise(today + days))
        option.setPricingEngine(engine)
        ours = option_greeks(s, forward, strike, vol, years, r, call)
        for name, mine, theirs in (("value", ours.value, option.NPV()), ("delta", ours.delta, option.delta()),
                                   ("gamma", ours.gamma, option.gamma()), ("vega", ours.vega, option.vega()),
                                   ("theta", ours.theta, option.theta()), ("rho", ours.rho + ours.carry, option.rho()),
                                   ("dividend rho", -ours.carry, option.dividendRho())):
            assert float(mine) == pytest.approx(theirs, rel=1e-9), name


def test_options_in_coins_are_quantlibs_over_the_forward() -> None:
    """Undiscounted, in coins at the spot; the delta by the spot is QuantLib's by the forward."""
    rng = np.random.default_rng(5)
    for _ in range(300):
        spot, years, volatility = 10 ** rng.uniform(-1, 5), np.exp(rng.uniform(-17, 1)), np.exp(rng.uniform(-3, 2))
        forward, call = spot * math.exp(rng.normal() / 10), bool(rng.random() < 0.5)
        strike = forward * math.exp(rng.normal() * min(volatility * math.sqrt(years), 6))
        one = calculator(forward, strike, volatility * math.sqrt(years), 1.0, call)
        assert float(inverse_option(spot, forward, strike, volatility, years, call)) == pytest.approx(
            one.value() * spot / forward, abs=PRICES * spot)
        assert float(inverse_option_delta(forward, strike, volatility, years, call)) == pytest.approx(
            one.deltaForward(), rel=GOAL, abs=1e-15)


def random_book(seed: int, expiries: int = 40, strikes: int = 4) -> bytes:
    """Options of one underlying at random, from a second to three years."""
    rng, text = np.random.default_rng(seed), small_book()
    start = datetime.fromisoformat(text["valuation"])
    text["expiries"], text["instruments"], text["rate"] = [], [], "0.07"
    spot = float(text["underlyings"][0]["spot"])
    seconds = sorted({1, 3 * 31_536_000} | {int(np.exp(rng.uniform(0, math.log(3 * 31_536_000))))
                                            for _ in range(expiries)})
    for number, after in enumerate(seconds):
        expiry = (start + timedelta(seconds=after)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        forward = spot * math.exp(rng.uniform(-.1, .1))
        listed = sorted({f"{forward * math.exp(rng.uniform(-6, 6) * rng.random() ** 2):.2f}" for _ in range(strikes)})
        text["expiries"].append({"underlying": "BTC", "expiry": expiry, "forward": f"{forward:.2f}", "volatilities": [
            {"strike": strike, "volatility": f"{np.exp(rng.uniform(math.log(.01), math.log(10))):.4f}"}
            for strike in listed]})
        text["instruments"] += [{"symbol": f"O-{number}-{strike}-{kind}", "kind": kind, "underlying": "BTC",
                                 "lot": "1", "settlement": "cash", "expiry": expiry, "strike": strike}
                                for strike in listed for kind in ("call", "put")]
    return json.dumps(text).encode()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_book_is_worth_what_quantlib_says(seed: int) -> None:
    """From the file to the price of each listing: seconds to years, rate to discount, which volatility is whose."""
    book = parse_book(random_book(seed))
    assert len(book.listings) > 250
    worst = 0.0
    for listing, price in zip(book.listings, prices_today(book), strict=True):
        terms = listing.instrument
        curve, years = book.curves["BTC", terms.expiry], (terms.expiry - book.valuation) / YEAR
        theirs = calculator(curve.forward, terms.strike, curve.volatilities[terms.strike] * math.sqrt(years),
                            math.exp(-0.07 * years), terms.kind == "call").value()
        worst = max(worst, abs(float(price) - theirs) / curve.forward)
    assert worst <= PRICES


# -- surfaces ----------------------------------------------------------------------------------------------------------
def section(one: Slice, years: float, forward: float = 100.0) -> ql.SviSmileSection:
    return ql.SviSmileSection(years, forward, [one.a, one.b, one.sigma, one.rho, one.m])


def test_slices_are_quantlibs_smile_sections() -> None:
    for one, years in surfaces.random_slices(50, seed=5):
        k = np.linspace(-3, 3, 21) * math.sqrt(float(one.total_variance(0.0)))
        theirs = section(one, years)
        ours = np.sqrt(one.total_variance(k) / years)
        assert [theirs.volatility(100.0 * math.exp(at)) for at in k] == pytest.approx(ours.tolist(), rel=1e-12)


VOGT = Slice(-0.0410, 0.1331, 0.3060, 0.3586, 0.4153)
"""Gatheral and Jacquier, section 3.1."""


def test_durrlemans_function_is_the_density_that_quantlib_differences_out_of_prices() -> None:
    """Of the strike: g(k) phi(d2) / (K sqrt(w)). Negative where Vogt's slice has butterflies, and nowhere else."""
    seen = []
    for one, years in [(VOGT, 1.0), *surfaces.random_slices(10, seed=6)]:
        theirs = section(one, years)
        k = np.linspace(-2, 2, 17) * math.sqrt(float(one.total_variance(0.0)))
        k = np.append(k, 0.8) if one is VOGT else k
        w, strike = one.total_variance(k), 100.0 * np.exp(k)
        d2 = -k / np.sqrt(w) - np.sqrt(w) / 2
        ours = durrleman(one, k) * np.exp(-d2 * d2 / 2) / np.sqrt(2 * np.pi * w) / strike
        found = np.array([theirs.density(at, 1.0, 1e-3 * at) for at in strike])
        assert np.abs(found - ours).max() <= 1e-4 * ours.max()
        seen.append(found[np.abs(ours) > 1e-6 * ours.max()].min() < 0)
    assert seen == [True] + [False] * 10


@pytest.mark.slow
def test_fits_of_the_dax_are_as_near_as_quantlibs_or_quantlibs_leave_arbitrage(today: ql.Date) -> None:
    """Expiry by expiry, weighted by vega as ours. QuantLib bounds b (1 + |rho|) by 4, Lee's bound of variance a year
    where 2 is that of total variance, and looks at no butterfly: half of its slices of the DAX of 2002 leave some."""
    failing = {}
    for one, days in zip(surfaces.dax(), surfaces.DAYS, strict=True):
        vols, strikes = one.volatilities.tolist(), [float(strike) for strike in surfaces.STRIKES]
        theirs = ql.SviInterpolatedSmileSection(
            today + days, strikes[0] / math.exp(one.k[0]), strikes, False, float(np.interp(0.0, one.k, vols)), vols,
            0.01, 0.1, 0.2, -0.5, 0.0, False, False, False, False, False, True)
        slices = Slice(theirs.a(), theirs.b(), theirs.rho(), theirs.m(), theirs.sigma()), fit_slice(one).slice
        far, near = (float(np.linalg.norm(one.weights * (found.total_variance(one.k) - one.total_variance)))
                     for found in slices)
        broken = failure(slices[0])
        assert failure(slices[1]) is None
        if broken is None:
            assert near <= 1.001 * far, one.name
        else:
            failing[days] = broken
    assert set(failing.values()) == {"wing", "butterfly"}
    assert len(failing) == 4


# -- jumps -------------------------------------------------------------------------------------------------------------
RATE = .08
MERTON = [(100, 91, 6.0, -.08, .12, .6), (70, 91, 6.0, -.08, .12, .6), (140, 91, 6.0, -.08, .12, .6),
          (100, 18, 20.0, .03, .05, .3), (90, 365, 2.0, -.2, .3, .4), (110, 182, 1.0, .1, .1, .2)]
"""Of a call on 100: strike, days, jumps a year, mean and deviation of their logarithms, volatility."""


def merton(strike: float, days: int, intensity: float, mean: float, deviation: float, volatility: float) -> float:
    """Merton's price, 1976. His engine is not in QuantLib's Python; that of Bates is, which is the same law where the
    variance stands still."""
    today = ql.Settings.instance().evaluationDate
    rate, nothing = (ql.YieldTermStructureHandle(ql.FlatForward(today, value, ql.Actual365Fixed()))
                     for value in (RATE, 0.0))
    process = ql.BatesProcess(rate, nothing, ql.QuoteHandle(ql.SimpleQuote(100.0)), volatility**2, 1.0, volatility**2,
                              1e-4, 0.0, intensity, mean, deviation)
    option = ql.VanillaOption(ql.PlainVanillaPayoff(ql.Option.Call, strike), ql.EuropeanExercise(today + days))
    option.setPricingEngine(ql.BatesEngine(ql.BatesModel(process), 160))
    return float(option.NPV())


@pytest.mark.parametrize(("strike", "days", "intensity", "mean", "deviation", "volatility"), MERTON)
def test_mertons_options_are_quantlibs(strike: float, days: int, intensity: float, mean: float, deviation: float,
                                       volatility: float) -> None:
    """Jumps of the product's law, whose mean is not 0 as in Haug's table, so that the drift gives it back."""
    years, law = days / 365, Jumps("merton", intensity, 0.0, {"mean": mean, "deviation": deviation}, (1.0,), "test")
    uniforms = sobol_uniforms(3, 2**15, (law.uniforms + 1,))
    drift = (RATE - intensity * math.expm1(mean + deviation**2 / 2) - volatility**2 / 2) * years
    inverse = ql.InverseCumulativeNormal()
    diffusion = np.array([inverse(u) for u in uniforms[:, -1].tolist()]) * volatility * math.sqrt(years)
    logs = drift + diffusion + law.sample(np.ascontiguousarray(uniforms[:, :-1]), years)[:, 0]
    found = math.exp(-RATE * years) * np.maximum(100 * np.exp(logs) - strike, 0).mean()
    theirs = merton(strike, days, intensity, mean, deviation, volatility)
    assert found == pytest.approx(theirs, abs=.02)
    without = calculator(100 * math.exp(RATE * years), strike, volatility * math.sqrt(years), math.exp(-RATE * years),
                         True).value()
    assert abs(theirs - without) > .2                                                  # what jumps are worth is seen


@pytest.mark.parametrize(("strike", "days", "intensity", "mean", "deviation", "volatility"), MERTON)
def test_the_oracle_is_mertons_series(strike: float, days: int, intensity: float, mean: float, deviation: float,
                                      volatility: float) -> None:
    """Black's prices, weighted by Poisson's law: that the engine of Bates stands for Merton's."""
    years, square = days / 365, deviation**2
    expected, drift = intensity * years, (RATE - intensity * math.expm1(mean + square / 2)) * years
    series = sum(math.exp(-expected) * expected**n / math.factorial(n) * calculator(
        100 * math.exp(drift + n * (mean + square / 2)), strike, math.sqrt(volatility**2 * years + n * square),
        math.exp(-RATE * years), True).value() for n in range(60))
    assert merton(strike, days, intensity, mean, deviation, volatility) == pytest.approx(series, abs=1e-5)


# -- Expected Shortfall ------------------------------------------------------------------------------------------------
def statistics(losses: np.ndarray, weights: np.ndarray) -> ql.RiskStatistics:
    """QuantLib takes gains."""
    found = ql.RiskStatistics()
    for loss, weight in zip(losses.tolist(), weights.tolist(), strict=True):
        found.add(-loss, weight)
    return found


@pytest.mark.parametrize("weighted", [False, True])
def test_expected_shortfall_is_the_mean_beyond_quantlibs_value_at_risk(weighted: bool) -> None:
    """QuantLib means the gains strictly below its quantile and leaves out the scenario at Value at Risk, which ours
    counts in part [Rockafellar and Uryasev 2002, equation 26]; with that part added back the two are one number."""
    rng = np.random.default_rng(6)
    losses = rng.permutation(10**6 + np.cumsum(rng.integers(1, 10**4, 400)))                      # no two alike
    masses = rng.integers(1, 20, 400) if weighted else np.ones(400, np.int64)
    part = Fraction(2 * int(masses.sum()) + 1, 80)                                                # 2.5 % and a little
    portion = TailSize(part.numerator, part.denominator)
    found = expected_shortfall(losses, WeightedTail(portion, tuple(masses.tolist())) if weighted else portion)
    share = float(part / int(masses.sum()))
    theirs = statistics(losses, masses)
    var = theirs.valueAtRisk(1 - share)
    assert var == found.value_at_risk
    beyond, whole = float(masses[losses > found.value_at_risk].sum()), float(part)
    mean = (beyond * theirs.expectedShortfall(1 - share) + (whole - beyond) * var) / whole
    assert float(found.value) == pytest.approx(mean, rel=1e-12)
    assert float(found.value) < theirs.expectedShortfall(1 - share)
    if not weighted:
        assert tail(losses.astype(float), share) == pytest.approx((var, mean), rel=1e-12)


def test_the_measures_of_quantlib_are_positive_losses() -> None:
    """Its sign is ours: a gain of -5 is Value at Risk 5."""
    found = statistics(np.array([1.0, 2.0, 3.0, 5.0]), np.ones(4))
    assert found.valueAtRisk(.9) == 5.0
    with pytest.raises(RuntimeError, match="no data below the target"):
        found.expectedShortfall(.9)                      # nothing is beyond the worst: ours is 5, the part that counts
    assert float(expected_shortfall([1, 2, 3, 5], TailSize(2, 5)).value) == 5
