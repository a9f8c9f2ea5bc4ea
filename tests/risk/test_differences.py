"""Two epochs side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from worlds import book as small_book
from worlds import world

from primitives.errors import BadInput
from risk.epochs.build import build
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.exact.expected_shortfall import expected_shortfall
from risk.grid.grid_build import build_grid
from risk.grid.grid_shape import GRID_TINY, GridShape
from risk.margins.differences import difference
from risk.margins.margin import margin
from risk.margins.reference_books import NOTIONAL, reference_books
from risk.margins.shocks import sources_of

Edit = Callable[[bytes, str, str], bytes]


def test_the_same_epoch_is_the_same(crypto: Epoch) -> None:
    found = difference(crypto, crypto)
    assert not any([found.header, found.model, found.state, found.prices, found.added, found.dropped, found.rebound])
    assert len(found.instruments) == len(crypto.instruments)
    assert not any(one.changed for one in found.instruments)
    assert all(book.before == book.after for book in found.books)


@pytest.fixture(scope="module")
def after(crypto_sources: Sources) -> Epoch:
    def swap(data: bytes, *pairs: tuple[str, str]) -> bytes:
        text = data.decode()
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new)
        return text.encode()

    return build(replace(
        crypto_sources, model=swap(crypto_sources.model, ("alpha = 0.081792", "alpha = 0.071792")),
        book=swap(crypto_sources.book, ('"spot": "29001.72"', '"spot": "28601.72"'),
                  ('"symbol": "BTC-PERP"', '"symbol": "BTC-SWAP"'),
                  ('"symbol": "ETH-SPOT", "kind": "spot", "underlying": "ETH", "lot": "0.1"',
                   '"symbol": "ETH-SPOT", "kind": "spot", "underlying": "ETH", "lot": "0.2"'))))


def test_every_kind_of_change_is_named(crypto: Epoch, after: Epoch) -> None:
    found = difference(crypto, after)
    assert [(c.field, c.before, c.after) for c in found.model] == [("volatility.BTC.alpha", "0.081792", "0.071792")]
    assert ("BTC.spot", "29001.72", "28601.72") in [(c.field, c.before, c.after) for c in found.prices]
    assert (found.added, found.dropped) == (("ETH-SPOT",), ("ETH-SPOT",)), "another lot is another instrument"
    rebound = {(c.before, c.after) for c in found.rebound}
    assert ("BTC-PERP", "BTC-SWAP") in rebound
    assert any(change.field == "terms of ETH-SPOT" for change in found.rebound)
    assert len(found.instruments) == len(crypto.instruments) - 1


def test_margins_of_lots_and_books_are_those_of_the_two_epochs(crypto: Epoch, after: Epoch) -> None:
    found = difference(crypto, after)
    one = next(one for one in found.instruments if one.symbol == "BTC-29JAN21-29000-C")
    for k, epoch in enumerate((crypto, after)):
        row = epoch.row_of(one.symbol)
        assert row is not None
        assert (one.long_margin[k], one.short_margin[k]) == tuple(margin(epoch, [(row, q)]).required for q in (1, -1))
        assert (one.long_rate[k], one.short_rate[k]) == (epoch.long[row], epoch.short[row])
    assert found.books
    for book in found.books:
        assert "ETH-SPOT" not in book.lots, "what does not mean the same in both is in no book"
        for epoch, value in ((crypto, book.before), (after, book.after)):
            rows = [(epoch.row_of(symbol), lots) for symbol, lots in book.lots.items()]
            assert value == margin(epoch, rows).required                             # type: ignore[arg-type]


def test_a_portfolio_takes_the_place_of_reference_books(crypto: Epoch, after: Epoch) -> None:
    found = difference(crypto, after, [("BTC-SPOT", 3)], "mine")
    assert [(book.name, dict(book.lots)) for book in found.books] == [("mine", {"BTC-SPOT": 3})]
    with pytest.raises(BadInput, match="'BTC-PERP': must be listed in the epoch of"):
        difference(crypto, after, [("BTC-PERP", 3)])


def test_grids_are_compared_on_the_grid(trial_sources: Sources, crypto: Epoch) -> None:
    shape = GridShape(GRID_TINY.map, GRID_TINY.tail, depth=3)
    grid = build_grid(trial_sources, shape)
    found = difference(grid, grid.under(1))
    assert {change.field for change in found.header} == {"root", "regime"}
    assert not any(one.changed for one in found.instruments if one.symbol.startswith("BTC")), "one asset, one regime"
    row = grid.row_of("BTC-SPOT")
    assert row is not None
    changes = (grid.shape.map.weights[0, :, 0] @ grid.changes[row]).tolist()
    exact = expected_shortfall([-change for change in changes], shape.tail).numerator
    one = next(one for one in found.instruments if one.symbol == "BTC-SPOT")
    assert one.long_margin[0] == -(-exact // (shape.tail.numerator << shape.weight_bits)) + grid.long[row]
    with pytest.raises(BadInput, match="of one kind"):
        difference(crypto, grid)                                                     # type: ignore[arg-type]


def test_another_currency_is_not_compared(crypto: Epoch) -> None:
    other = replace(crypto, header=replace(crypto.header, quote="EUR"))
    with pytest.raises(BadInput, match="quote currencies"):
        difference(crypto, other)


def test_reference_books_hold_equal_values(crypto: Epoch) -> None:
    _, book, _ = sources_of(crypto)
    found = reference_books(crypto, book, [instrument.symbol for instrument in crypto.instruments])
    assert set(found) == {"long BTC", "short BTC", "short straddle BTC", "long ETH", "short ETH", "short straddle ETH",
                          "long all", "short all", "BTC against ETH"}
    lots = {instrument.symbol: instrument.lot for instrument in crypto.instruments}
    spots = {underlying.symbol: underlying.spot for underlying in book.underlyings}
    for symbol, count in found["long all"].items():
        assert float(lots[symbol]) * count * spots[symbol[:3]] == pytest.approx(NOTIONAL, rel=0.01)
    assert np.all([count < 0 for count in found["short straddle BTC"].values()])


def test_facts_that_addons_are_charged_by_are_named() -> None:
    """A day's volume halves, a feed doubts itself, an underlying is said to earn something: rates move by it."""
    book = small_book()
    market = {"underlying": "BTC", "kind": "spot", "daily_volume": "10000", "open_interest": "1000",
              "half_spread": "0.0005", "size": "10"}
    book["liquidity"] = {"as_of": "2024-06-18T12:00:00Z", "markets": [market], "quote_price": "1",
                         "confidences": [{"underlying": "BTC", "confidence": "0.97"}]}
    head = 'purpose = "trial"\nseed = 3\nhorizon'
    epochs = []
    for volume, confidence, earns in (("10000", "0.97", "0"), ("5000", "0.9", "0.001")):
        market["daily_volume"], book["underlyings"][0]["yield"] = volume, earns
        book["liquidity"]["confidences"][0]["confidence"] = confidence
        of = world(book)
        epochs.append(build(replace(of, model=of.model.decode().replace("horizon", head, 1).encode())))
    assert {change.field: (change.before, change.after) for change in difference(*epochs).prices} == {
        "BTC.yield": ("0.0", "0.001"), "liquidity.BTC.spot.daily_volume": ("10000", "5000"),
        "liquidity.BTC.confidence": ("0.97", "0.9")}
