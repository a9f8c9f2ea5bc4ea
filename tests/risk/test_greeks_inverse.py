"""Greeks of inverse contracts, funding and discount curves on the epoch that has them: against revaluation itself."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from risk.epochs.build import build
from risk.epochs.provenance import Sources
from risk.exact.clock import DAY, YEAR
from risk.greeks.buckets import buckets
from risk.greeks.closed import NAMES
from risk.greeks.exposures import rolls
from risk.greeks.lots import lot_greeks
from risk.margins.levels import from_today
from risk.margins.random_books import random_books
from risk.margins.shocks import Market
from risk.market.instruments import Kind

INVERSE = Path(__file__).parent.parent.parent / "fixtures" / "inverse"


def market_of(model: Any = None, book: Any = None) -> Market:
    """The fixture's, sources edited."""
    found = Sources.read(INVERSE / "model.toml", INVERSE / "book.json")
    return Market(build(replace(found, model=found.model if model is None else model(found.model),
                                book=found.book if book is None else book(found.book))))


@pytest.fixture(scope="module", params=["change", "level"])
def market(request: pytest.FixtureRequest) -> Market:
    def on_basis(model: bytes) -> bytes:
        text = model.decode()
        text = text.replace('basis = "level"', "").replace('basis = "change"', "")
        return text.replace("horizon =", f'basis = "{request.param}"\nhorizon =', 1).encode()
    return market_of(on_basis)


def moved(market: Market, at_once: bool = True, **spot: float) -> np.ndarray[Any, Any]:
    """Gains of a lot of every listing, quote units."""
    own = Market(market.epoch)
    if at_once:
        own.model = replace(own.model, horizon=0)
    return own.lot_changes([{asset: (Fraction(change), Fraction(0)) for asset, change in spot.items()}])[:, 0] / 1e6


def test_delta_and_gamma_foretell_revaluation(market: Market) -> None:
    found, deltas = lot_greeks(market), lot_greeks(market).closed[:, NAMES.index("delta")]
    gammas = found.closed[:, NAMES.index("gamma")]
    for i, underlying in enumerate(market.book.underlyings):
        up, down = (moved(market, **{underlying.symbol: change}) for change in (0.002, -0.002))
        size = 0.002 * underlying.spot / 1e6
        own = np.array([listing.instrument.underlying == underlying.symbol for listing in market.book.listings])
        assert own.any(), i
        assert np.allclose((up - down)[own] / 2, deltas[own] * size, rtol=2e-3, atol=3e-6)
        assert np.allclose((up + down)[own] / 2, gammas[own] * size**2 / 2, rtol=2e-2, atol=3e-6)


def test_theta_foretells_a_short_roll(market: Market) -> None:
    """Of funding, carry and discounting, too: but for what bends within six hours."""
    window = DAY // 4
    rolled, theta = rolls(market, window) / 1e6, lot_greeks(market).closed[:, NAMES.index("theta")] * window / YEAR
    assert np.allclose(rolled, theta, rtol=0.02, atol=3e-6), np.abs(rolled - theta).max()


def test_bumps_agree(market: Market) -> None:
    found = lot_greeks(market)
    assert (np.abs(found.closed - found.bumped) <= 2e-5 * np.abs(found.closed).max(0) + 1e-9).all()


def test_funding_is_theta() -> None:
    book = market_of().book
    asset = next(one for one in book.underlyings if one.perpetual is not None)

    def funded(text: bytes) -> bytes:
        import json
        document = json.loads(text)
        for one in document["underlyings"]:
            if one["symbol"] == asset.symbol:
                one["funding"] = {"rate": "0.0001", "hours": "8", "source": "example"}
        return json.dumps(document).encode()

    found = market_of(book=funded)
    greeks = lot_greeks(found).closed
    for i, listing in enumerate(found.book.listings):
        if listing.instrument.kind == Kind.PERPETUAL and listing.instrument.underlying == asset.symbol:
            assert greeks[i][NAMES.index("theta")] < 0
            rolled = rolls(found, DAY)[i] / 1e6
            assert greeks[i][NAMES.index("theta")] / 365 == pytest.approx(rolled, abs=1e-6)


def test_buckets_of_inverse_contracts_are_exact(market: Market) -> None:
    found = buckets(market)
    wanted: Any = from_today(market.epoch)
    assert np.array_equal(sum(found.changes.values()), wanted.changes)


def test_shocks_of_rates_have_a_bucket(crypto_sources: Sources) -> None:
    stress = b'[stress]\nsets = ["rates"]\nweight = 0.25\n\n[epoch]'
    epoch = build(replace(crypto_sources, model=crypto_sources.model.replace(b"[epoch]", stress)))
    found = buckets(Market(epoch))
    assert np.array_equal(sum(found.changes.values()), epoch.changes)
    future, spot = (epoch.row_of(name) or 0 for name in ("BTC-25JUN21", "BTC-SPOT"))
    assert np.abs(found.changes["rates"][future]).max() > 10**5
    assert not found.changes["rates"][spot].any()
    times = found.changes["time"][future]
    assert np.abs(times - times[0]).max() <= 1, "time passes alike in all scenarios"


def test_random_books_of_inverse_contracts_have_sensible_sizes(market: Market) -> None:
    for book in random_books(market, 30, 3):
        for row, lots in book.positions:
            instrument = market.book.listings[market.listing(row)].instrument
            spot = next(one.spot for one in market.book.underlyings if one.symbol == instrument.underlying) / 1e6
            coins = instrument.notional
            value = abs(lots) * float(instrument.lot) * (1 if coins else spot)
            assert value < 4e6 * 1.01 + float(instrument.lot) * spot
            assert math.isfinite(value)
