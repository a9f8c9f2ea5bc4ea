"""Reverse stress: closed forms, brute force, SciPy; what cannot break, what is broken, what is nothing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar
from scipy.spatial.distance import mahalanobis
from scipy.stats import entropy
from worlds import STATED, world
from worlds import book as small_book

from primitives.errors import BadInput
from risk.epochs.build import build
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.exact.expected_shortfall import expected_shortfall
from risk.exact.money import UNIT
from risk.exact.shape import TailSize
from risk.margins.contributions import breakdown
from risk.margins.shocks import Market
from risk.models.volatility import Volatility
from risk.stress.book_loss import BookLoss
from risk.stress.factors import PUBLISHED, Factors, VolatilityLaw
from risk.stress.reverse import epoch_losses, inside, linear_point, slopes_of, verified
from risk.stress.tilting import ALREADY, NEVER, REACHED, Ball
from tailproof.reversing import Reverse, curve, reverse, search, sentences

LEVEL = Fraction(1, 40)


@pytest.fixture(scope="module")
def market(crypto: Epoch) -> Market:
    return Market(crypto)


@pytest.fixture(scope="module")
def factors(market: Market) -> Factors:
    return Factors.of(market)


def rows(epoch: Epoch, **lots: int) -> list[tuple[int, int]]:
    found = []
    for symbol, count in lots.items():
        row = epoch.row_of(symbol.replace("_", "-"))
        assert row is not None
        found.append((row, count))
    return found


def straddle(epoch: Epoch) -> list[tuple[int, int]]:
    return rows(epoch, **{"BTC-29JAN21-29000-C": -200, "BTC-29JAN21-29000-P": -200, "BTC-PERP": 241})


# -- distance ----------------------------------------------------------------------------------------------------------
def test_distances_are_scipys(factors: Factors) -> None:
    covariance = np.cov(factors.values.T, aweights=factors.weights, ddof=0)
    inverse = np.linalg.inv(covariance)
    mean = np.average(factors.values, axis=0, weights=factors.weights)
    wanted = [mahalanobis(row, mean, inverse) for row in factors.values]
    assert factors.distances(factors.values) == pytest.approx(wanted, rel=1e-9)
    assert factors.distance(mean) == pytest.approx(0.0, abs=1e-9)
    middle = sorted(wanted)[128]
    assert factors.farther(middle - 1e-9) == Fraction(128, 256)
    assert factors.farther(max(wanted) + 1) == 0


def test_the_published_covariance_is_the_manifests(market: Market) -> None:
    found = Factors.of(market, PUBLISHED)
    assert found.correlation[0, 1] == 0.850653
    assert found.mean.tolist() == [0.0, 0.0]
    variance = market.calibration.variances[1]
    volatility: Volatility = market.calibration.volatilities[1]
    steps = variance + float(volatility.ahead(variance, 1))
    assert found.deviation[1] == pytest.approx(math.sqrt(steps), rel=1e-9)
    assert "published" in found.source
    assert "scenarios that the model drew" in Factors.of(market).source


def test_stress_scenarios_do_not_widen_the_usual(crypto_sources: Sources, factors: Factors) -> None:
    stressed = build(replace(crypto_sources, model=crypto_sources.model
                             + b'\n[stress]\nsets = ["black-swan"]\nweight = 0.125\n'))
    found = Factors.of(Market(stressed))
    assert "224 scenarios that the model drew" in found.source
    assert found.kinds.count("black-swan") == 32
    own = np.array(found.kinds) == "model"
    assert found.deviation == pytest.approx(np.std(found.values[own], axis=0), rel=1e-9)


def test_what_is_no_sample_is_refused(crypto_sources: Sources) -> None:
    text = (b'schema = "tailproof.model/2"\nname = "scan"\nestimator = "handwritten"\nassets = ["BTC", "ETH"]\n'
            b'horizon = 0\nset = "derive-pm2-2025-02"\n[epoch]\nscenarios = 31\ntail = "1"\ndepth = 3\n')
    epoch = build(Sources(text, crypto_sources.book, None, {}))
    with pytest.raises(BadInput, match="rows of a set are no sample"):
        reverse(epoch, rows(epoch, BTC_SPOT=1), UNIT)


def test_volatility_follows_as_least_squares_have_it(market: Market, factors: Factors) -> None:
    made = market.epoch.provenance
    assert made is not None
    returns, ratio = made.scenarios.returns[:, 0] / 1e9, made.scenarios.variances[:, 0] / made.scenarios.today[0]
    design = np.stack([np.ones(256), np.where(returns >= 0, returns**2, 0), np.where(returns < 0, returns**2, 0)], 1)
    wanted = np.linalg.lstsq(design, ratio, rcond=None)[0]
    law = factors.laws[0]
    assert (law.level, law.rise, law.fall) == pytest.approx(tuple(wanted), rel=1e-9)
    assert law.multiple(np.array([0.0, 0.3]))[1] == pytest.approx(math.sqrt(wanted[0] + wanted[1] * math.log(1.3)**2))
    # Of one GARCH step it is the model itself; returns of one sign, or all alike, say nothing.
    exact = VolatilityLaw.fitted(returns, 0.9 + 40 * returns**2, np.full(256, 1 / 256))
    assert (exact.level, exact.rise, exact.fall) == pytest.approx((0.9, 40, 40), rel=1e-9)
    assert VolatilityLaw.fitted(np.array([0.1, 0.2]), np.array([1.0, 3.0]), np.array([0.5, 0.5])) == VolatilityLaw(2.0)
    assert VolatilityLaw.fitted(np.array([0.1, -0.1]), np.array([1.0, 3.0]), np.array([0.5, 0.5])).level == 2.0
    assert VolatilityLaw(-5.0).multiple(np.array([0.1])).tolist() == [0.1]
    assert VolatilityLaw(1.0, 1e9).multiple(np.array([0.5])).tolist() == [10.0]


# -- (a) inside the epoch --------------------------------------------------------------------------------------------
def test_the_nearest_breaking_scenario_is_brute_forces(market: Market, factors: Factors) -> None:
    book = straddle(market.epoch)
    losses = epoch_losses(market, book)
    assert max(losses) == max(breakdown(market.epoch, book).losses)
    distances = factors.distances(factors.values)
    for share in (0.01, 0.3, 0.6, 1.0):
        collateral = math.ceil(share * float(max(losses)))
        found = inside(losses, factors, collateral)
        assert found is not None
        breaking = [s for s in range(256) if losses[s] >= collateral]
        assert found.breaking == len(breaking)
        assert found.probability == Fraction(len(breaking), 256)
        assert found.distance == min(distances[breaking])
        assert found.rank == sorted(distances).index(found.distance) + 1
        assert found.loss == losses[found.scenario] >= collateral
        assert found.farther == Fraction(256 - found.rank, 256)
    assert inside(losses, factors, math.floor(max(losses)) + 1) is None


# -- (b) the least implausible point -----------------------------------------------------------------------------------
def test_the_closed_form_is_the_minimum(factors: Factors) -> None:
    """d = (c - l0 - w'mu) / sqrt(w'Sw), and no other move that loses as much is nearer."""
    covariance = factors.deviation[:, None] * factors.correlation * factors.deviation
    rng = np.random.default_rng(1)
    for _ in range(20):
        slopes = rng.normal(size=2) * 1e9
        point = linear_point(factors, slopes, 1e7, 5e8)
        assert 1e7 + slopes @ (point - factors.mean) == pytest.approx(5e8)
        wanted = (5e8 - 1e7) / math.sqrt(slopes @ covariance @ slopes)
        assert factors.distance(point) == pytest.approx(wanted, rel=1e-9)
        others = point + np.outer(rng.normal(size=50), [slopes[1], -slopes[0]]) / np.abs(slopes).max()
        assert (factors.distances(others) >= wanted * (1 - 1e-12)).all()


def test_a_linear_book_is_solved_by_the_closed_form(market: Market, factors: Factors) -> None:
    crypto = market.epoch
    book = rows(crypto, BTC_PERP=-3000, ETH_SPOT=5000, BTC_26MAR21=500)
    assert isinstance(crypto, Epoch)
    found = reverse(crypto, book, 10**11)
    point = found.search.point
    assert found.search.state == "found"
    assert point is not None
    assert point.how == "closed form"
    assert 10**11 <= point.loss <= 10**11 + 20_000            # a hundredth of a basis point of a move, at most
    losses = BookLoss(market, book, factors)
    slopes, _ = slopes_of(losses)
    assert slopes[1] == pytest.approx(-5000 * market.book.underlyings[1].spot / 10, rel=1e-9)
    tenth, still = market.gains(book, [{"BTC": (Fraction(1, 10), Fraction(0))}, {}])
    assert slopes[0] == pytest.approx(10 * (still - tenth), rel=1e-8)
    covariance = factors.deviation[:, None] * factors.correlation * factors.deviation
    root, still = np.linalg.cholesky(covariance), float(losses.at(factors.mean[None])[0])

    def far(angle: float) -> float:
        """Deviations to the collateral in a direction."""
        rise = float(losses.at((factors.mean + root @ [math.cos(angle), math.sin(angle)])[None])[0]) - still
        return (1e11 - still) / rise if rise > 0 else math.inf

    first = min(np.linspace(0, 2 * math.pi, 361), key=far)
    oracle = minimize_scalar(far, bounds=(first - 0.05, first + 0.05), method="bounded", options={"xatol": 1e-8})
    assert point.distance == pytest.approx(oracle.fun, rel=1e-6)


@pytest.mark.parametrize("name", ["straddle", "call", "spread", "risk reversal"])
def test_a_search_finds_what_a_fine_grid_finds(market: Market, factors: Factors, name: str) -> None:
    """Brute force over every move of two spots in steps of a quarter percent."""
    crypto = market.epoch
    book = {"straddle": straddle(crypto), "call": rows(crypto, BTC_SPOT=1000, **{"BTC-26MAR21-37000-C": -100}),
            "spread": rows(crypto, ETH_SPOT=5000, BTC_PERP=-1000, **{"ETH-29JAN21-680-P": 300}),
            "risk reversal": rows(crypto, **{"BTC-29JAN21-26000-P": -300, "ETH-29JAN21-820-C": -2000})}[name]
    losses = BookLoss(market, book, factors)
    step = 0.0025
    axis = np.arange(-0.6, 0.8, step)
    grid = np.array(list(itertools.product(axis, axis)))
    amounts = losses.at(grid)
    for collateral in (int(breakdown(crypto, book).required), int(2.5 * breakdown(crypto, book).required)):
        breaking = grid[amounts >= collateral]
        nearest = factors.distances(breaking).min()
        found = search(losses, collateral)
        assert found.state == "found"
        assert found.point is not None
        assert found.point.loss >= collateral
        # A grid misses the border by a step at most.
        most = step * math.hypot(*(1 / factors.deviation)) / math.sqrt(1 - factors.correlation[0, 1]**2)
        assert nearest - most <= found.point.distance <= nearest + 1e-6


def test_a_point_is_revalued_and_what_if_says_the_same(market: Market, factors: Factors) -> None:
    book = straddle(market.epoch)
    found = search(BookLoss(market, book, factors), 10**11)
    assert found.point is not None
    assert market.gains(book, [found.point.moves]) == [-found.point.loss]
    assert all((100 * 10**6 * change).denominator == 1 for both in found.point.moves.values() for change in both)


def test_what_a_search_says_is_not_believed(market: Market, factors: Factors) -> None:
    """A proposal that does not lose the collateral is none; one that loses more is drawn back to it."""
    losses = BookLoss(market, straddle(market.epoch), factors)
    assert verified(losses, factors.mean + 1e-3, 10**11, "search") is None
    good = search(losses, 10**11).point
    assert good is not None
    where = np.array([float(good.moves[asset][0]) for asset in factors.assets])
    farther = verified(losses, factors.mean + 1.05 * (where - factors.mean), 10**11, "search")
    assert farther is not None
    assert farther.distance == pytest.approx(good.distance, rel=1e-4)
    short = verified(losses, factors.mean + (1 - 1e-7) * (where - factors.mean), 10**11, "search")
    assert short is not None
    assert short.loss >= 10**11


def test_the_box_holds(market: Market, factors: Factors) -> None:
    """A long spot cannot lose more than its price, and within the model's bound not even that."""
    crypto = market.epoch
    book = rows(crypto, BTC_SPOT=1000)
    price = 10 * 29001_720000
    losses = BookLoss(market, book, factors)
    assert search(losses, price + 1002).state == "impossible"
    beyond = search(losses, price - 10)
    assert (beyond.state, beyond.point) == ("not found", None)
    assert beyond.seen == pytest.approx(price * (1 - math.exp(-2)), rel=1e-3)
    assert search(losses, int(0.86 * price)).state == "found"


# -- edges -----------------------------------------------------------------------------------------------------------
def test_a_bounded_loss_cannot_break(market: Market) -> None:
    crypto = market.epoch
    assert isinstance(crypto, Epoch)
    put = rows(crypto, **{"BTC-29JAN21-29000-P": 10})
    found = reverse(crypto, put, 10**11)
    assert found.inside is None
    assert found.search.state == "impossible"
    assert found.search.bound is not None
    assert found.search.bound < 10**11
    assert (found.tilted, found.tilt) == (NEVER, None)
    said = sentences(found, "USD")
    assert "None of the epoch's 256 scenarios" in said["inside"]
    assert "cannot lose more than" in said["point"]
    assert "However the epoch's scenarios are weighted" in said["tilting"]
    short = reverse(crypto, rows(crypto, **{"BTC-29JAN21-29000-P": -10}), 30_000 * UNIT)
    assert short.search.state == "impossible"                # the strike, less what it was sold for
    bound = short.search.bound
    assert bound is not None
    assert 25_000 * UNIT < bound < 29_000 * UNIT
    assert reverse(crypto, rows(crypto, **{"BTC-29JAN21-29000-C": -10}), 30_000 * UNIT).search.bound is None


def test_bounds_are_never_exceeded(market: Market, factors: Factors) -> None:
    rng = np.random.default_rng(3)
    crypto = market.epoch
    symbols = [one.instrument.symbol for one in market.book.listings if one.settled is None]
    moves = np.stack([np.exp(rng.uniform(-2, 2, 60)) - 1, np.exp(rng.uniform(-2, 2, 60)) - 1], 1)
    bounded = 0
    for _ in range(30):
        names = rng.choice(symbols, 3, replace=False)
        book = [(crypto.row_of(name) or 0, int(rng.integers(1, 50)) * (-1 if name.endswith("-P") and rng.random() < 0.5
                                                                       else 1)) for name in names]
        losses = BookLoss(market, book, factors)
        bound = losses.bound()
        assert bound is not None
        bounded += 1
        assert losses.at(moves).max() <= bound
    assert bounded == 30


def test_the_zero_portfolio_and_the_broken_one(market: Market, factors: Factors) -> None:
    crypto = market.epoch
    assert isinstance(crypto, Epoch)
    none = reverse(crypto, [], 1)
    assert (none.inside, none.search.state, none.tilted) == (None, "impossible", NEVER)
    flat = reverse(crypto, rows(crypto, BTC_SPOT=0), 1)
    assert (flat.inside, flat.search.state, flat.tilted) == (None, "impossible", NEVER)
    # Time alone takes a coin of options bought.
    long = rows(crypto, **{"BTC-29JAN21-29000-C": 100, "BTC-29JAN21-29000-P": 100})
    broken = reverse(crypto, long, UNIT)
    assert broken.search.state == "broken"
    assert broken.still > UNIT
    assert "already" in sentences(broken, "USD")["point"]
    for amount in (0, -1):
        with pytest.raises(BadInput, match=r"collateral is .* must be in"):
            reverse(crypto, long, amount)


# -- (c) tilting -----------------------------------------------------------------------------------------------------
def brute_mean(losses: np.ndarray, plain: np.ndarray, nats: float) -> float:
    """The worst mean within a ball, by SciPy over all weights."""
    start = plain.copy()
    found = minimize(lambda q: -(q @ losses), start, method="SLSQP", bounds=[(1e-12, 1)] * len(losses), constraints=[
        {"type": "eq", "fun": lambda q: q.sum() - 1}, {"type": "ineq", "fun": lambda q: nats - entropy(q, plain)}],
        options={"ftol": 1e-12, "maxiter": 500})
    return float(-found.fun)


@pytest.mark.parametrize("nats", [0.05, 0.3, 0.8])
def test_a_tilt_is_the_worst_of_all_weights(nats: float) -> None:
    losses, weights = [-50, 10, 20, 90], [4, 3, 2, 1]
    ball = Ball(losses, weights, Fraction(1, 10))
    found = ball.at_entropy(nats)
    assert found.entropy == pytest.approx(nats, abs=1e-9)
    assert found.entropy == pytest.approx(entropy(found.weights, ball.plain), abs=1e-12)
    assert found.mean == pytest.approx(brute_mean(np.array(losses, float), ball.plain, nats), rel=1e-5)
    assert found.weights == pytest.approx(ball.plain * np.exp(found.theta * np.array(losses))
                                          / (ball.plain @ np.exp(found.theta * np.array(losses))))


def test_two_scenarios_have_a_closed_form() -> None:
    """Losses 0 and 1, each half: a mean of q takes ln 2 + q ln q + (1 - q) ln(1 - q) nats."""
    ball = Ball([0, 10**6], [1, 1], Fraction(1, 2))
    for q in (0.6, 0.9, 0.999):
        how, found = ball.exhausting(round(q * 10**6))
        assert how == REACHED
        assert found is not None
        assert found.entropy == pytest.approx(math.log(2) + q * math.log(q) + (1 - q) * math.log(1 - q), rel=1e-6)
        assert found.mean == pytest.approx(q * 10**6)
        assert found.expected_shortfall == pytest.approx(10**6 if q >= 0.5 else 0)
    assert ball.most_entropy == pytest.approx(math.log(2))
    assert ball.exhausting(500_000)[0] == ALREADY
    assert ball.exhausting(10**6) == (NEVER, None)
    with pytest.raises(BadInput, match="nats"):
        ball.at_entropy(math.log(2))
    with pytest.raises(BadInput, match="nats"):
        ball.at_entropy(-0.1)
    with pytest.raises(BadInput, match="nats"):
        ball.at_entropy(math.nan)


def test_normal_losses_have_a_closed_form() -> None:
    """Of a normal loss, k nats move the mean by sqrt(2 k) deviations (relative entropy of shifted normals)."""
    z = np.linspace(-8, 8, 4001)
    density = np.exp(-z**2 / 2)
    ball = Ball([round(1e6 * value) for value in z], [max(1, round(1e12 * value)) for value in density],
                Fraction(1, 40))
    for nats in (0.1, 0.5, 2.0):
        assert ball.at_entropy(nats).mean == pytest.approx(1e6 * math.sqrt(2 * nats), rel=1e-3)


def test_expected_shortfall_without_a_tilt_is_the_epochs(market: Market) -> None:
    book = breakdown(market.epoch, straddle(market.epoch))
    ball = Ball(book.losses, [1] * 256, LEVEL)
    plain = ball.tilted(0.0)
    assert plain.expected_shortfall == pytest.approx(float(book.expected_shortfall), rel=1e-12)
    assert plain.entropy == 0.0
    # Integer weights that are a tilt: the exact certificate agrees.
    tilted = ball.at_entropy(0.5)
    copies = np.maximum(1, np.rint(tilted.weights * 10**5)).astype(int)
    repeated = np.repeat(np.array(book.losses, object), copies)
    share = Fraction(len(repeated), 40)
    wanted = expected_shortfall(repeated.tolist(), TailSize(share.numerator, share.denominator)).value
    assert tilted.expected_shortfall == pytest.approx(float(wanted), rel=2e-3)


def test_nats_grow_with_the_collateral(market: Market) -> None:
    losses = epoch_losses(market, straddle(market.epoch))
    ball = Ball(losses, [1] * 256, LEVEL)
    plain = ball.tilted(0.0).mean
    found = []
    for share in (0.1, 0.3, 0.6, 0.9, 0.999):
        collateral = round(plain + share * (ball.largest - plain))
        how, tilt = ball.exhausting(collateral)
        assert how == REACHED
        assert tilt is not None
        assert tilt.mean == pytest.approx(collateral, rel=1e-9)
        found.append(tilt.entropy)
    assert found == sorted(found)
    assert found[-1] < ball.most_entropy == pytest.approx(math.log(256))


def test_equal_losses_and_wrong_weights() -> None:
    ball = Ball([5, 5, 5], [1, 2, 3], Fraction(1, 10))
    assert ball.at_entropy(3.0).mean == 5
    assert ball.exhausting(6) == (NEVER, None)
    assert ball.exhausting(5)[0] == ALREADY
    for losses, weights in (([], []), ([1], [1, 2]), ([1, 2], [1, 0])):
        with pytest.raises(BadInput):
            Ball(losses, weights, LEVEL)


# -- all together ------------------------------------------------------------------------------------------------------
def test_levels_grids_and_bare_numbers(crypto: Epoch, crypto_sources: Sources,
                                       edited: Callable[[bytes, str, str], bytes]) -> None:
    text = edited(crypto_sources.model, "horizon = 2", 'basis = "level"\nhorizon = 2')
    levels = build(replace(crypto_sources, model=text))
    found = reverse(levels, rows(levels, CASH=10**6, BTC_PERP=-1000), 10**11)
    alone = reverse(levels, rows(levels, BTC_PERP=-1000), 10**11)
    assert found.losses == alone.losses                      # cash does not move
    assert found.search.point is not None
    assert alone.search.point is not None
    assert found.search.point.moves == alone.search.point.moves
    with pytest.raises(BadInput, match="sources of the epoch"):
        reverse(replace(crypto, provenance=None), rows(crypto, BTC_SPOT=1), UNIT)


def test_the_curve_rises_with_the_loss(market: Market) -> None:
    crypto = market.epoch
    assert isinstance(crypto, Epoch)
    found: Reverse = reverse(crypto, straddle(crypto), 10**11)
    points = curve(found)
    assert len(points) == 7
    distances: list[Any] = [point.distance for point in points]
    assert distances == sorted(distances)
    assert [point.loss for point in points] == sorted(point.loss for point in points)


def test_one_asset_by_a_scalar_search(market: Market, factors: Factors) -> None:
    """A short strangle on one asset, the other spot free: at the best, it goes where the first lets expect it."""
    book = rows(market.epoch, **{"BTC-29JAN21-26000-P": -100, "BTC-29JAN21-32000-C": -100})
    losses = BookLoss(market, book, factors)
    found = search(losses, 3 * 10**10).point
    assert found is not None
    btc, eth = (float(found.moves[asset][0]) for asset in factors.assets)
    given = factors.mean[1] + factors.correlation[0, 1] * factors.deviation[1] / factors.deviation[0] * (
        btc - factors.mean[0])
    assert eth == pytest.approx(given, abs=2e-4)
    ends = [minimize_scalar(lambda x: abs(float(losses.at(np.array([[x, 0.0]]))[0]) / 3e10 - 1), bounds=side,
                            method="bounded", options={"xatol": 1e-9}).x for side in ((-0.8, 0.0), (0.0, 1.5))]
    wanted = min(abs(end - factors.mean[0]) / factors.deviation[0] for end in ends)
    assert found.distance == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("case", ["funding", "curve"])
def test_bounds_know_funding_and_curves(case: str) -> None:
    """A long perpetual owes its funding besides its price; a put's strike may grow in the middle of a curve."""
    book = small_book()
    expiry = "2024-09-27T08:00:00Z"
    book["underlyings"][0]["funding"] = {"rate": "0.001", "hours": "8", "source": "venue"}
    if case == "curve":                            # one at the expiry is worth one; a day before, more
        del book["rate"]
        book["discount"] = [{"until": "2024-09-26T00:00:00Z", "rate": "-0.2"}, {"until": expiry, "rate": "0"}]
    head = STATED.format(horizon=2, variance=0.0009).replace("horizon", 'purpose = "trial"\nseed = 3\nhorizon', 1)
    market = Market(build(world(book, model=head), accepted={"G2": "a curve for this test"} if case == "curve" else {}))
    held = rows(market.epoch, **({"BTC-PERP": 100} if case == "funding" else {"BTC-SEP-70000-P": -10}))
    losses = BookLoss(market, held, Factors.of(market))
    bound = losses.bound()
    assert bound is not None
    worst = losses.at(np.array([[-0.9996, 0.0]]))[0]
    assert 0.99 * bound < worst <= bound
