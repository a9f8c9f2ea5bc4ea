from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from primitives.errors import BadInput
from risk.epochs.build import build, parse_sources
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.exact.clock import YEAR
from risk.market.instruments import Kind
from risk.models.calibration import calibrate
from risk.scenarios.scenarios import Scenarios
from risk.valuation import revaluation
from risk.valuation.revaluation import near_ties, value_changes


def black(forward: np.ndarray, strike: float, vol: np.ndarray, years: float, rate: float, call: bool) -> np.ndarray:
    """Black-76 with library functions, written apart from `risk.valuation.pricing`."""
    d1 = (np.log(forward / strike) + vol**2 * years / 2) / (vol * np.sqrt(years))
    d2 = d1 - vol * np.sqrt(years)
    price = forward * ndtr(d1) - strike * ndtr(d2) if call else strike * ndtr(-d2) - forward * ndtr(-d1)
    return np.exp(-rate * years) * price


def test_every_instrument_of_the_fixture_is_revalued_right(crypto: Epoch, crypto_sources: Sources) -> None:
    """Each entry equals, to the money unit, a revaluation in plain NumPy and SciPy from the published scenarios."""
    model, book, _ = parse_sources(crypto_sources)
    assert crypto.provenance is not None
    scenarios, calibration = crypto.provenance.scenarios, crypto.provenance.calibration
    h = model.horizon / 365
    kinds = set()
    for row, listing in enumerate(book.listings, 1):
        i = listing.instrument
        asset = model.assets.index(i.underlying)
        spot, perpetual = book.underlyings[asset].spot / 1e6, (book.underlyings[asset].perpetual or 0) / 1e6
        move = np.exp(scenarios.returns[:, asset] / 1e9)
        years = 0.0 if i.expiry is None else (i.expiry - book.valuation) / YEAR
        if listing.settled is not None:
            expected = np.zeros(256)
        elif i.expiry is None:
            expected = (spot if i.kind == Kind.SPOT else perpetual) * (move - 1)
        else:
            curve = book.curves[i.underlying, i.expiry]
            forward = curve.forward / 1e6
            after = spot * move * (forward / spot) ** ((years - h) / years)
            if i.strike is None:
                expected = after - forward
            else:
                g, n = calibration.volatilities[asset], int(np.ceil((years - h) * 365))
                weights = (g.alpha + g.beta) ** np.arange(n)
                v0, v1 = calibration.variances[asset], scenarios.variances[:, asset] / 1e12
                level = sum(g.omega * weights[:k].sum() for k in range(n))
                ratio = np.sqrt((weights.sum() * v1 + level) / (weights.sum() * v0 + level))
                vol, k, call = curve.volatilities[i.strike], i.strike / 1e6, i.kind == Kind.CALL
                now = black(np.array([forward]), k, np.array([vol]), years, book.rate, call)
                expected = black(after, k, vol * ratio, years - h, book.rate, call) - now
        kinds.add((i.kind, listing.settled is None))
        assert np.max(np.abs(crypto.changes[row] - expected * float(i.lot) * 1e6)) < 0.51, i.symbol
    assert len(kinds) == 6


def scenarios(spot_return: int, variance: int, scenarios: int = 256) -> Scenarios:
    shape = (scenarios, 2)
    return Scenarios(np.full(shape, spot_return), np.full(shape, variance), np.full(2, 1_500_000_000))


def test_volatility_moves_with_the_scenario_as_the_model_says(crypto_sources: Sources) -> None:
    model, book, _ = parse_sources(crypto_sources)
    calibration = calibrate(model, None)
    rows = [i for i, x in enumerate(book.listings) if x.instrument.kind.optional]

    def value(response: float, variance: int) -> np.ndarray:
        changes = value_changes(book, replace(model, volatility_response=response), calibration, scenarios(0, variance))
        return changes[rows, 0]

    calm, stressed, frozen = value(1.0, 500_000_000), value(1.0, 9_000_000_000), value(0.0, 9_000_000_000)
    assert (stressed > calm).all()
    assert (frozen == value(0.0, 500_000_000)).all()
    assert (stressed > value(0.5, 9_000_000_000)).all()


def test_options_that_end_within_the_horizon_are_worth_their_payoff(crypto_sources: Sources,
                                                                   edited: Callable[[bytes, str, str], bytes]) -> None:
    sources = replace(crypto_sources, model=edited(crypto_sources.model, "horizon = 2", "horizon = 60"))
    model, book, _ = parse_sources(sources)
    changes = value_changes(book, model, calibrate(model, None), scenarios(10**9, 1_500_000_000))
    by_symbol = {x.instrument.symbol: i for i, x in enumerate(book.listings)}
    spot_after = 29001.72 * np.exp(1.0)
    call, put, future = (by_symbol[f"BTC-29JAN21{end}"] for end in ("-29000-C", "-29000-P", ""))
    assert changes[future, 0] == round((spot_after - 29271.87) * 0.01 * 1e6)
    parity = np.exp(-0.01 * (book.listings[call].instrument.expiry - book.valuation) / YEAR) * (29271.87 - 29000)
    assert changes[call, 0] - changes[put, 0] == pytest.approx((spot_after - 29000 - parity) * 0.1 * 1e6, abs=1)
    assert changes[put, 0] < 0


def test_a_value_change_that_does_not_fit_is_refused_by_name(crypto_sources: Sources,
                                                             edited: Callable[[bytes, str, str], bytes]) -> None:
    book = edited(crypto_sources.book, '"symbol": "BTC-SPOT", "kind": "spot", "underlying": "BTC", "lot": "0.01"',
                  '"symbol": "BTC-SPOT", "kind": "spot", "underlying": "BTC", "lot": "100000"')
    with pytest.raises(BadInput, match=r"^BTC-SPOT: value change of a lot in scenario \d+ is .*\(E2\): list smaller"):
        build(replace(crypto_sources, book=book))


def test_the_book_lists_the_assets_of_the_model(crypto_sources: Sources,
                                                edited: Callable[[bytes, str, str], bytes]) -> None:
    model = edited(crypto_sources.model, '"BTC", "ETH"', '"BTC", "XRP"')
    model = model.replace(b"volatility.ETH", b"volatility.XRP")
    with pytest.raises(BadInput, match=r"book\.json: underlyings is 'BTC,ETH': must be the assets .*, BTC, XRP"):
        build(replace(crypto_sources, model=model))


def test_cells_near_a_rounding_tie_are_counted(crypto_sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within 2**-20 of the middle between two integers, on either side, however large the number."""
    near = 2.0**-20
    assert near_ties(np.array([0.5, -0.5, 2.5 + near, 2.5 - near, 1e6 + 0.5, -3.5 - near, 2.0**40 + 0.5])) == 7
    assert near_ties(np.array([0.5 + 2 * near, 0.5 - 2 * near, 0.0, 1.0, -7.25, 2.0**40, 2.0**52 + 1])) == 0
    epoch = build(crypto_sources)
    assert epoch.provenance is not None
    assert epoch.provenance.near_ties in range(4)           # 2**-19 of 19,000 cells
    monkeypatch.setattr(revaluation, "_NEAR", 0.25)         # half of all numbers are so near
    coarse = build(crypto_sources).provenance
    living = np.count_nonzero(epoch.changes)
    assert coarse is not None
    assert coarse.near_ties is not None
    assert abs(coarse.near_ties / living - 0.5) < 0.05
