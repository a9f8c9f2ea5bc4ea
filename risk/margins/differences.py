"""Two epochs side by side: which instruments, parameters and prices changed, and what that does to margins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from primitives.errors import BadInput, Said
from risk.exact.clock import format_time
from risk.exact.expected_shortfall import expected_shortfall
from risk.exact.money import format_decimal, format_money
from risk.grid.grid_epoch import GridEpoch
from risk.margins.contributions import AnyEpoch, breakdown, instrument_of, label, lot_changes
from risk.margins.levels import from_today
from risk.margins.reference_books import reference_books
from risk.margins.shocks import provenance_of, sources_of
from risk.market.book import Book
from risk.market.instruments import Instrument
from risk.models.model import parse_toml

Side = Literal["long", "short"]


@dataclass(frozen=True)
class Change:
    """field : what it is of.  before, after : as text, None where there is none."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class InstrumentChange:
    """An instrument that both epochs list. Pairs are (before, after), 10**-6 quote units per lot.

    long_rate, short_rate : contingency charges.  long_margin, short_margin : the margin of one lot alone.
    """

    symbol: str
    long_rate: tuple[int, int]
    short_rate: tuple[int, int]
    long_margin: tuple[int, int]
    short_margin: tuple[int, int]

    @property
    def changed(self) -> bool:
        return any(before != after for before, after in
                   (self.long_rate, self.short_rate, self.long_margin, self.short_margin))


@dataclass(frozen=True)
class BookChange:
    """The margin of a book before and after, 10**-6 quote units; and its lots by symbol."""

    name: str
    lots: Mapping[str, int]
    before: int
    after: int


@dataclass(frozen=True)
class EpochDifference:
    """What is not the same in two epochs.

    added, dropped : symbols.  rebound : symbols that stand for other terms now, and terms under another symbol.
    """

    header: tuple[Change, ...]
    model: tuple[Change, ...]
    state: tuple[Change, ...]
    prices: tuple[Change, ...]
    added: tuple[str, ...]
    dropped: tuple[str, ...]
    rebound: tuple[Change, ...]
    instruments: tuple[InstrumentChange, ...]
    books: tuple[BookChange, ...]


def difference(before: AnyEpoch, after: AnyEpoch, portfolio: Sequence[tuple[str, int]] | None = None,
               name: str = "portfolio") -> EpochDifference:
    """Compare two epochs.

    Parameters
    ----------
    portfolio : (symbol, lots) to take the margins of, in place of reference books; these hold no cash, so where there
        are levels, theirs are of what they may lose from today on, as are those of single lots.

    Raises
    ------
    BadInput : epochs of bare numbers, of another kind or quote currency than each other, or that do not list what the
        portfolio holds.
    """
    if type(before) is not type(after):
        raise BadInput("epochs", Said(f"{before.shape.mode} and {after.shape.mode}"),
                       "of one kind, both grid or both full")
    if before.header.basis != after.header.basis:
        raise BadInput("bases of the epochs", Said(f"{before.header.basis} and {after.header.basis}"), "the same")
    if before.header.quote != after.header.quote:
        raise BadInput("quote currencies of the epochs", Said(f"{before.header.quote} and {after.header.quote}"),
                       "the same")
    old, new = ({instrument.symbol: instrument for instrument in epoch.instruments} for epoch in (before, after))
    books = [sources_of(epoch)[1] for epoch in (before, after)]
    kept_ids = set(before.ids[1:]) & set(after.ids[1:])
    risks = from_today(before), from_today(after)
    common = [(before.index_of(id), after.index_of(id)) for id in before.ids[1:] if id in kept_ids]
    lots = {name: dict(portfolio)} if portfolio is not None else reference_books(
        after, books[1], {symbol for symbol in set(old) & set(new) if old[symbol].id == new[symbol].id})
    return EpochDifference(
        header=tuple(_header(before, after)), model=tuple(_model(before, after)), state=tuple(_state(before, after)),
        prices=tuple(_changes(dict(_prices(books[0])), dict(_prices(books[1])))),
        added=tuple(sorted(new[symbol].symbol for symbol in new if new[symbol].id not in kept_ids)),
        dropped=tuple(sorted(old[symbol].symbol for symbol in old if old[symbol].id not in kept_ids)),
        rebound=tuple(_rebound(old, new, common, before, after)),
        instruments=tuple(_instrument(*risks, *rows) for rows in common),
        books=tuple(BookChange(title, positions, *(_margin(epoch, positions) for epoch in
                                                   ((before, after) if portfolio is not None else risks)))
                    for title, positions in lots.items()))


def _margin(epoch: AnyEpoch, positions: Mapping[str, int]) -> int:
    rows = []
    for symbol, lots in positions.items():
        row = epoch.row_of(symbol)
        if row is None:
            raise BadInput("instrument", symbol, f"listed in the epoch of {format_time(epoch.header.timestamp)}")
        rows.append((row, lots))
    return breakdown(epoch, rows).required


def _instrument(before: AnyEpoch, after: AnyEpoch, old: int, new: int) -> InstrumentChange:
    sides = [(_lot_margin(epoch, row, "long"), _lot_margin(epoch, row, "short"))
             for epoch, row in ((before, old), (after, new))]
    return InstrumentChange(label(after, new), (int(before.long[old]), int(after.long[new])),
                            (int(before.short[old]), int(after.short[new])), (sides[0][0], sides[1][0]),
                            (sides[0][1], sides[1][1]))


def _lot_margin(epoch: AnyEpoch, row: int, side: Side) -> int:
    sign = 1 if side == "long" else -1
    bits = epoch.shape.weight_bits if isinstance(epoch, GridEpoch) else 0
    found = expected_shortfall([-sign * change for change in lot_changes(epoch, row).tolist()], epoch.shape.tail)
    return max(0, -(-found.numerator // (epoch.shape.tail.numerator << bits))) + int(getattr(epoch, side)[row])


def _rebound(old: Mapping[str, Instrument], new: Mapping[str, Instrument], common: Sequence[tuple[int, int]],
             before: AnyEpoch, after: AnyEpoch) -> Iterator[Change]:
    for symbol in sorted(set(old) & set(new)):
        if old[symbol].id != new[symbol].id:
            yield Change(f"terms of {symbol}", str(old[symbol].terms()), str(new[symbol].terms()))
    for was, now in common:
        first, second = instrument_of(before, was), instrument_of(after, now)
        if first is not None and second is not None and first.symbol != second.symbol:
            yield Change(f"symbol of {first.id:#x}", first.symbol, second.symbol)


# -- flat tables ---------------------------------------------------------------------------------------------------
def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for key in dict.fromkeys((*before, *after)):
        if before.get(key) != after.get(key):
            yield Change(key, before.get(key), after.get(key))


def _header(before: AnyEpoch, after: AnyEpoch) -> Iterator[Change]:
    def facts(epoch: AnyEpoch) -> dict[str, str]:
        header = epoch.header
        shape = {f"shape.{key}": str(value) for key, value in epoch.shape.to_json().items()}
        return {"root": str(epoch.root), "venue": header.venue, "valuation": format_time(header.timestamp),
                "model": header.model, "basis": str(header.basis),
                "underlyings": ", ".join(header.underlyings), **shape,
                "instruments": str(len(epoch.instruments)),
                **({"regime": str(epoch.regime)} if isinstance(epoch, GridEpoch) else {})}

    return _changes(facts(before), facts(after))


def _model(before: AnyEpoch, after: AnyEpoch) -> Iterator[Change]:
    documents = [dict(flattened(parse_toml(provenance_of(epoch).sources.model))) for epoch in (before, after)]
    return _changes(*documents)


def _state(before: AnyEpoch, after: AnyEpoch) -> Iterator[Change]:
    """What the history made of the model: variance of the next step, correlations."""
    def facts(epoch: AnyEpoch) -> dict[str, str]:
        calibration, assets = provenance_of(epoch).calibration, epoch.header.underlyings
        found = {f"variance.{asset}": repr(value) for asset, value in zip(assets, calibration.variances, strict=True)}
        for i, row in enumerate(calibration.correlation or ()):
            found |= {f"correlation.{assets[i]}.{assets[j]}": repr(row[j]) for j in range(i)}
        return found

    return _changes(facts(before), facts(after))


def _prices(book: Book) -> Iterator[tuple[str, str]]:
    if book.discounts is None:
        yield "rate", repr(book.rate)
    for until, rate in () if book.discounts is None else book.discounts.nodes:
        yield f"rate until {format_time(until)}", repr(rate)
    for underlying in book.underlyings:
        yield f"{underlying.symbol}.spot", format_money(underlying.spot)
        if underlying.perpetual is not None:
            yield f"{underlying.symbol}.perpetual", format_money(underlying.perpetual)
        if underlying.funding is not None:
            yield f"{underlying.symbol}.funding a year", repr(underlying.funding.per_year)
        if underlying.earns is not None:
            yield f"{underlying.symbol}.yield", repr(underlying.earns)
    yield from _liquidity(book)
    for (asset, expiry), curve in sorted(book.curves.items()):
        yield f"{asset}.{format_time(expiry)}.forward", format_money(curve.forward)
        if curve.slice is not None:
            for name, value in curve.slice.to_json().items():
                yield f"{asset}.{format_time(expiry)}.slice.{name}", value
        for strike, volatility in sorted(curve.volatilities.items()):
            yield f"{asset}.{format_time(expiry)}.{format_money(strike)}.volatility", repr(volatility)
    for listing in book.listings:
        if listing.settled is not None:
            yield f"{listing.instrument.symbol}.settled", format_money(listing.settled)
        yield f"{listing.instrument.symbol}.lot", format_decimal(listing.instrument.lot)


def _liquidity(book: Book) -> Iterator[tuple[str, str]]:
    """Facts that add-ons are charged by."""
    facts = book.liquidity
    if facts is None:
        return
    yield "liquidity.as_of", format_time(facts.as_of)
    for name in ("gas_price", "quote_price"):
        if (price := getattr(facts, name)) is not None:
            yield f"liquidity.{name}", format_decimal(price)
    for (asset, kind), market in sorted(facts.markets.items()):
        for name in ("daily_volume", "open_interest", "half_spread", "size"):
            yield f"liquidity.{asset}.{kind}.{name}", format_decimal(getattr(market, name))
    for (asset, expiry), confidence in sorted(facts.confidences.items(), key=lambda one: (one[0][0], one[0][1] or 0)):
        yield f"liquidity.{asset}{'' if expiry is None else f'.{format_time(expiry)}'}.confidence", \
            format_decimal(confidence)


def flattened(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """("volatility.BTC.alpha", "0.08"), ...: every leaf of nested tables; a list is one leaf."""
    for key, value in document.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)
