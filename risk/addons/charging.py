"""All terms of a book, by the rules of a model: what `risk.epochs.build` puts into leaves as two sums a leaf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.addons import (
    accrual,
    basis,
    concentration,
    confidence,
    depeg,
    gas,
    impact,
    lag,
    open_interest,
    short_options,
    wrong_way,
)
from risk.addons.lot import SIDES, Lot, lots_of
from risk.addons.terms import CONTINGENCY, NAMES, RATE_BITS, ROUNDING, Terms
from risk.exact.shape import Tail
from risk.market.book import Book, Funding
from risk.market.instruments import Kind
from risk.market.liquidity import Market
from risk.models.calibration import Calibration
from risk.models.model import Model


@dataclass(frozen=True)
class _Ground:
    """What is the same for all lots on an asset.  lowest : confidence.  shares : of open interest, by asset.
    funding : by asset, where the book says what it is."""

    lowest: Mapping[str, Fraction]
    shares: Mapping[str, Fraction]
    funding: Mapping[str, Funding]


Column = tuple[NDArray[np.int64], NDArray[np.int64]]


def terms_of(book: Book, model: Model, calibration: Calibration, values: Sequence[NDArray[np.int64]], tail: Tail,
             contingency: Column, rounding: Column, *, source: str | None = None) -> Terms:
    """Every term that the model has rules for, on top of contingency and rounding.

    Parameters
    ----------
    values, tail : as `risk.addons.lot.lots_of`.
    contingency, rounding : of each listing, long and short, int64 (n,).
    source : the book, for messages.

    Raises
    ------
    BadInput : a rule needs what the book does not state, naming it; a rate of 2**44 money units or more.
    """
    found = {name: (np.zeros(len(book.listings), np.int64), np.zeros(len(book.listings), np.int64))
             for name in _ruled(book, model)}
    try:
        ground = _ground(book, model)
        for lot in lots_of(book, model, calibration, values, tail) if model.addons.any else ():
            for side in range(len(SIDES)):
                others = int(contingency[side][lot.row]) + int(rounding[side][lot.row])
                for name, amount in _charges(book, model, ground, lot, side, others).items():
                    if amount >= 1 << RATE_BITS:
                        raise BadInput(f"{lot.instrument.symbol}: {name}, {SIDES[side]}", amount,
                                       f"below 2**{RATE_BITS} money units a lot: list smaller lots")
                    found[name][side][lot.row] = amount
    except BadInput as error:
        raise BadInput(error.field, error.value, error.bound, source=error.source or source) from None
    columns = {CONTINGENCY: contingency, ROUNDING: rounding, **found}
    names = tuple(name for name in NAMES if name in columns)
    return Terms(names, *(np.stack([columns[name][side] for name in names], axis=1) for side in range(len(SIDES))))


def _ruled(book: Book, model: Model) -> list[str]:
    rules = model.addons
    accrues = rules.lag if any(one.funding is not None for one in book.underlyings) else None
    on = {"lag": rules.lag, "funding": accrues, "gas": rules.gas, "spread": rules.impact, "impact": rules.impact,
          "concentration": rules.concentration, "basis": rules.basis, "confidence": rules.confidence,
          "depeg": rules.depeg, "short_options": rules.short_options, "wrong_way": rules.wrong_way,
          "open_interest": rules.open_interest}
    return [name for name, rule in on.items() if rule is not None]


def _ground(book: Book, model: Model) -> _Ground:
    rules = model.addons
    held = {listing.instrument.underlying for listing in book.listings
            if listing.settled is None and listing.instrument.kind != Kind.CASH}
    return _Ground({} if rules.confidence is None else {asset: confidence.lowest(book, asset, rules.confidence)
                                                        for asset in held},
                   {asset: open_interest.share(book, asset, caps) for asset, caps in (rules.open_interest or {}).items()
                    if book.liquidity is not None},
                   {one.symbol: one.funding for one in book.underlyings if one.funding is not None})


def _charges(book: Book, model: Model, ground: _Ground, lot: Lot, side: int, others: int) -> Mapping[str, int]:
    """By term, money units a lot.  others : contingency and rounding."""
    rules, asset, found = model.addons, lot.instrument.underlying, dict[str, int]()
    window = window_of(model)
    if rules.lag is not None:
        found["lag"] = lag.charge(lot, side, rules.lag, window)
        if ground.funding:
            found["funding"] = accrual.charge(lot, side, ground.funding.get(asset), _until_closed(model, lot))
    if rules.gas is not None:
        found["gas"] = gas.charge(rules.gas, _stated(book, "gas_price", "[addons.gas]"))
    if rules.impact is not None:
        market = _market(lot, "[addons.impact]")
        found["spread"] = impact.spread(lot, market)
        assert lot.variance is not None            # a model forecasts it, of a set the rule states it
        found["impact"] = impact.charge(lot, market, rules.impact, lot.variance, _size(lot))
    if rules.concentration is not None:
        assert rules.lag is not None               # `parse_addons` wants it
        found["concentration"] = concentration.charge(lot, side, _market(lot, "[addons.concentration]"), rules.lag,
                                                      rules.concentration, _size(lot), window)
    if rules.basis is not None:
        found["basis"] = basis.charge(lot, rules.basis)
    if rules.confidence is not None:
        found["confidence"] = confidence.charge(lot, ground.lowest[asset], rules.confidence)
    if rules.depeg is not None:
        found["depeg"] = depeg.charge(lot, _stated(book, "quote_price", "[addons.depeg]"), rules.depeg)
    if rules.short_options is not None and SIDES[side] == "short":
        most = None
        if lot.instrument.kind.optional and not short_options.one_tier(rules.short_options):
            _size(lot)
            most = lot.most
        found["short_options"] = short_options.charge(lot, rules.short_options, most)
    if rules.wrong_way is not None and asset in rules.wrong_way:
        found["wrong_way"] = wrong_way.charge(lot, side, rules.wrong_way[asset],
                                               float(book.log_discount(np.array([float(lot.years)]))[0]))
    if rules.open_interest is not None and asset in rules.open_interest:
        _market(lot, "[addons.open_interest]")
        for amount in found.values():
            others += amount
        found["open_interest"] = open_interest.charge(lot, side, ground.shares[asset], others)
    return found


def _until_closed(model: Model, lot: Lot) -> Fraction:
    """Seconds from the call until the last of the largest position is closed."""
    rules = model.addons
    assert rules.lag is not None                   # who asks has a lag
    if rules.concentration is None:
        return Fraction(rules.lag.seconds)
    return rules.lag.seconds + concentration.seconds(_market(lot, "[addons.concentration]"), rules.concentration,
                                                     _size(lot))


def window_of(model: Model) -> int:
    """Seconds that scenarios are of; 1 where no rule asks."""
    if model.addons.lag is not None and model.addons.lag.window is not None:
        return model.addons.lag.window
    return max(1, model.horizon * model.step_seconds)


def _market(lot: Lot, rule: str) -> Market:
    if lot.market is None:
        raise BadInput("liquidity.markets", None, f"given for {lot.instrument.kind} on {lot.instrument.underlying}, "
                       f"which {lot.instrument.symbol} is: {rule} needs it")
    return lot.market


def _size(lot: Lot) -> Fraction:
    """Units of the underlying in the largest position, which is at least a lot."""
    if lot.size is None:
        raise BadInput("liquidity.markets", None, f"given for {lot.instrument.kind} on {lot.instrument.underlying}: "
                       f"nothing else says how large positions in {lot.instrument.symbol} are")
    if lot.size == 0:
        raise BadInput(f"liquidity: size of {lot.instrument.kind} on {lot.instrument.underlying}",
                       str(lot.market and lot.market.size), f"a lot of {lot.instrument.symbol} at least, "
                       f"{lot.instrument.lot}")
    return lot.size


def _stated(book: Book, name: str, rule: str) -> Decimal:
    found: Decimal | None = None if book.liquidity is None else getattr(book.liquidity, name)
    if found is None:
        raise BadInput(f"liquidity.{name}", None, f"given: {rule} needs it")
    return found
