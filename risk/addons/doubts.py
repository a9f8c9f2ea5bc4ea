"""What makes a book's liquidity doubtful: the gates G14 to G16, and what a reader should know of the rules.

    G14  facts at most a week old; half spreads of at most 5 %; a largest position of at most a day's volume
    G15  feeds with a confidence of at least 0.3; a quote token within 10 % of what it stands for
    G16  closing a lot of the largest position costs at most a quarter of its spot value, spread and impact together

They are looked at only where the model has rules that are charged by them. Bounds are the model file's
(`risk.models.model.Gates`).
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from risk.addons import impact
from risk.addons.lot import Lot, most_lots, units_of, variances_of
from risk.exact.clock import YEAR, format_time
from risk.market.book import Book
from risk.market.instruments import Kind
from risk.market.liquidity import Liquidity
from risk.models.addon_rules import Impact
from risk.models.calibration import Calibration
from risk.models.model import Model
from risk.models.plausibility import Doubt


def doubts(model: Model, book: Book, calibration: Calibration) -> Iterator[Doubt]:
    """Every gate of add-ons that a model and its book do not pass."""
    facts, rules, gates = book.liquidity, model.addons, model.gates
    if facts is None or not rules.any:
        return
    age = book.valuation - facts.as_of
    if age > gates.liquidity_age:
        yield Doubt("G14", "age of the liquidity", f"{age} s", f"at most {gates.liquidity_age:g}")
    for (asset, kind), market in sorted(facts.markets.items()):
        if market.half_spread > gates.half_spread:
            yield Doubt("G14", f"half spread of {kind} on {asset}", str(market.half_spread),
                        f"at most {gates.half_spread:g}")
    for name, size, volume in _sizes(book):
        if size > Fraction(gates.size_of_volume) * volume:
            yield Doubt("G14", f"largest position in {name}", f"{float(size / volume):.3g} of a day's volume",
                        f"at most {gates.size_of_volume:g}")
    if rules.confidence is not None:
        for (asset, expiry), confidence in facts.confidences.items():
            if confidence < gates.least_confidence:
                when = "" if expiry is None else f" at {format_time(expiry)}"
                yield Doubt("G15", f"confidence of the feed of {asset}{when}", str(confidence),
                            f"at least {gates.least_confidence:g}")
    if rules.depeg is not None and facts.quote_price is not None \
            and abs(Fraction(facts.quote_price) - 1) > Fraction(gates.peg_distance):
        yield Doubt("G15", f"price of {book.quote}", str(facts.quote_price), f"within {gates.peg_distance:g} of 1")
    if rules.impact is not None:
        yield from _costly(model, book, facts, rules.impact, calibration)


def _sizes(book: Book) -> Iterator[tuple[str, Fraction, Fraction]]:
    """Of living listings whose market the book states: symbol, units of the largest position, a day's volume."""
    assert book.liquidity is not None
    for listing in book.listings:
        instrument = listing.instrument
        market = book.liquidity.markets.get((instrument.underlying, instrument.kind))
        most = most_lots(book, listing)
        if listing.settled is None and market is not None and most is not None:
            yield instrument.symbol, most * units_of(book, instrument), Fraction(market.daily_volume)


def _costly(model: Model, book: Book, facts: Liquidity, rule: Impact, calibration: Calibration) -> Iterator[Doubt]:
    """G16."""
    spots = {underlying.symbol: underlying.spot for underlying in book.underlyings}
    variances = dict(zip(model.assets, variances_of(model, calibration), strict=True))
    for row, listing in enumerate(book.listings):
        instrument = listing.instrument
        market, most = facts.markets.get((instrument.underlying, instrument.kind)), most_lots(book, listing)
        if listing.settled is not None or instrument.kind == Kind.CASH or market is None or not most:
            continue                               # what is missing, `terms_of` refuses
        variance = variances[instrument.underlying]
        if variance is None:
            continue
        units = units_of(book, instrument)
        notional = units * spots[instrument.underlying]
        years = Fraction(0) if instrument.expiry is None else Fraction(instrument.expiry - book.valuation, YEAR)
        lot = Lot(row, instrument, units, notional, notional, (Fraction(0), Fraction(0)), variance, years, market, most)
        size = most * units
        cost = impact.spread(lot, market) + impact.charge(lot, market, rule, variance, size)
        if cost > Fraction(model.gates.closing_cost) * notional:
            yield Doubt("G16", f"closing a lot of {instrument.symbol}", f"{float(cost / notional):.3g} of its spot "
                        "value", f"at most {model.gates.closing_cost:g}")


def flags(model: Model, book: Book) -> Iterator[str]:
    """What a reader should know: rules that are on, facts that they read, and what limits them."""
    rules, facts = model.addons, book.liquidity
    if not rules.any:
        return
    said = []
    if rules.lag is not None:
        said.append(f"lag {rules.lag.seconds} s")
    if rules.gas is not None:
        said.append(f"gas {rules.gas.units} for at least {rules.gas.least_lots} lots")
    if rules.impact is not None:
        said.append(f"impact {float(rules.impact.coefficient):g}")
    if rules.concentration is not None:
        said.append(f"closing at {float(rules.concentration):g} of the volume")
    if rules.short_options is not None:
        said.append(f"short options as {rules.short_options.positions} positions")
    said += [name for name, rule in (("basis", rules.basis), ("confidence", rules.confidence), ("depeg", rules.depeg),
                                     ("open interest", rules.open_interest), ("wrong way", rules.wrong_way))
             if rule is not None]
    yield "add-ons: " + ", ".join(said)
    if facts is not None:
        yield f"add-ons: liquidity as of {format_time(facts.as_of)}, the venue's word"
