"""`tailproof epoch diff` and `epoch explain`: what an epoch says, in the words of whoever has to live with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives.errors import BadInput, suggestion

from .console import FILE, Outcome, progress, reporting, table

if TYPE_CHECKING:
    from risk.margins.differences import Change, EpochDifference

    from ..epochs import AnyEpoch

_MOST_LINES = 20


@click.command("diff")
@click.argument("before", type=FILE)
@click.argument("after", type=FILE)
@click.option("--portfolio", type=FILE, help="Take its margins, in place of those of reference books.")
@reporting
def diff(before: Path, after: Path, portfolio: Path | None) -> Outcome:
    """What changed from epoch BEFORE to AFTER: model, state, prices, instruments, and what that does to margins."""
    from risk.margins.differences import difference
    from risk.margins.portfolio import Portfolio

    from .. import epochs
    old, new = epochs.load(before), epochs.load(after)
    held = None if portfolio is None else Portfolio.read(portfolio)
    progress("margins", 0, 1)
    found = difference(old, new, None if held is None else held.positions,
                       "portfolio" if portfolio is None else portfolio.stem)
    same = ["The same epoch: both have one root."] if old.root == new.root else []
    return Outcome({"before": str(before), "after": str(after), **_difference_json(found)},
                   [*same, *_difference_lines(found, new.header.quote)])


@click.command("explain")
@click.argument("epoch", type=FILE)
@click.argument("instrument")
@click.option("--most", type=click.IntRange(1, 1000), default=5, show_default=True, help="Scenarios to show a side.")
@reporting
def explain(epoch: Path, instrument: str, most: int) -> Outcome:
    """The terms of INSTRUMENT, its value in the worst scenarios of each side, and what its rates are made of."""
    from .. import epochs
    numbers = epochs.load(epoch)
    row = numbers.row_of(instrument)
    if row is None:
        raise BadInput("INSTRUMENT", instrument, "an instrument of the epoch"
                       + suggestion(instrument, [known.symbol for known in numbers.instruments]), source=epoch)
    return _explained(numbers, row, most)


# -- diff ----------------------------------------------------------------------------------------------------------
def _difference_json(found: EpochDifference) -> dict[str, Any]:
    return {**{name: [vars(change) for change in getattr(found, name)]
               for name in ("header", "model", "state", "prices", "rebound")},
            "added": list(found.added), "dropped": list(found.dropped),
            "instruments": [{"symbol": one.symbol, **{
                name: [str(value) for value in getattr(one, name)]
                for name in ("long_rate", "short_rate", "long_margin", "short_margin")}}
                for one in found.instruments if one.changed],
            "unchanged_instruments": sum(not one.changed for one in found.instruments),
            "books": [{"name": book.name, "lots": dict(book.lots), "before": str(book.before),
                       "after": str(book.after)} for book in found.books]}


def _difference_lines(found: EpochDifference, quote: str) -> list[str]:
    lines: list[str] = []
    for title, changes in (("epoch", found.header), ("model file", found.model), ("state of the model", found.state),
                           ("prices", found.prices), ("SYMBOLS THAT MEAN SOMETHING ELSE NOW", found.rebound)):
        lines += _change_lines(title, changes)
    for title, symbols in (("instruments added", found.added), ("instruments DROPPED", found.dropped)):
        if symbols:
            lines += ["", f"{title}: {', '.join(symbols[:_MOST_LINES])}{_more(symbols)}"]
    changed = sorted((one for one in found.instruments if one.changed), key=lambda one: -max(
        _relative(*one.long_margin), _relative(*one.short_margin)))
    if changed:
        lines += ["", f"{len(changed)} of {len(found.instruments)} instruments changed; margin of one lot, {quote}:",
                  *table([(one.symbol, *_pair(*one.long_margin), *_pair(*one.short_margin))
                          for one in changed[:_MOST_LINES]],
                         ("instrument", "long before", "after", "%", "short before", "after", "%"))]
        lines += [f"… and {len(changed) - _MOST_LINES} more"] if len(changed) > _MOST_LINES else []
        rates = [one for one in changed if len({*one.long_rate}) > 1 or len({*one.short_rate}) > 1]
        if rates:
            lines += ["", f"rates of a lot, {quote}:",
                      *table([(one.symbol, *_pair(*one.long_rate), *_pair(*one.short_rate))
                              for one in rates[:_MOST_LINES]],
                             ("instrument", "long before", "after", "%", "short before", "after", "%"))]
    if found.books:
        lines += ["", f"margins, {quote}; reference books hold 1,000,000 {quote} of each asset:",
                  *table([(book.name, *_pair(book.before, book.after)) for book in found.books],
                         ("book", "before", "after", "%"))]
    return lines[1:] if lines else ["the same epoch"]


def _change_lines(title: str, changes: Sequence[Change]) -> list[str]:
    if not changes:
        return []
    shown = [(change.field, _short(change.before), _short(change.after)) for change in changes[:_MOST_LINES]]
    return ["", *table(shown, (title, "before", "after")), *([_more(changes).strip()] if _more(changes) else [])]


def _short(text: str | None) -> str:
    return "-" if text is None else text if len(text) <= 48 else f"{text[:28]} … {text[-14:]}"


def _more(items: Sequence[object]) -> str:
    return f" … and {len(items) - _MOST_LINES} more" if len(items) > _MOST_LINES else ""


def _pair(before: int, after: int) -> tuple[str, str, str]:
    return _shown(before), _shown(after), f"{100 * (after - before) / before:+.1f}" if before else "-"


def _relative(before: int, after: int) -> float:
    return abs(after - before) / before if before else math.inf if after else 0.0


# -- explain -------------------------------------------------------------------------------------------------------
def _explained(numbers: AnyEpoch, row: int, most: int) -> Outcome:
    from risk.exact.expected_shortfall import expected_shortfall
    from risk.grid.grid_epoch import GridEpoch
    from risk.margins.contributions import instrument_of, lot_changes
    from risk.margins.explain import scenarios_of
    from risk.margins.levels import from_today, value_today
    from risk.margins.shocks import sources_of
    model, book, _ = sources_of(numbers)
    instrument = instrument_of(numbers, row)
    assert instrument is not None                   # it has a symbol, so it is no bare number
    listing = next((one for one in book.listings if one.instrument.id == instrument.id), None)
    if listing is None:
        raise BadInput("INSTRUMENT", instrument.symbol, "in the epoch's book, too: `tailproof epoch check` tells more")
    bits = numbers.shape.weight_bits if isinstance(numbers, GridEpoch) else 0
    changes, scenarios = lot_changes(from_today(numbers), row).tolist(), scenarios_of(numbers, model)
    quote, assets = numbers.header.quote, model.assets
    terms = {key: value for key, value in instrument.terms().items() if key != "schema"}
    market = _market(numbers, row)
    data: dict[str, Any] = {"symbol": instrument.symbol, "id": str(instrument.id), "terms": terms, "market": market,
                            "settled": listing.settled is not None, "largest_change": str(numbers.amax[row]),
                            "sides": {}}
    lines = [*table([("symbol", instrument.symbol), *terms.items(), ("id", hex(instrument.id)), *market.items()])]
    if numbers.levels:
        mark = numbers.mark(instrument.id)
        data |= {"value_today": str(value_today(numbers, [(row, 1)])),
                 "mark": {name: str(value) for name, value in mark._asdict().items() if name != "id"}}
        lines += ["", f"a lot is worth {_shown(mark.long)} {quote} today (owed: {_shown(mark.short)}); changes and "
                  "margins below are from there on"]
    if listing.settled is not None:
        lines += ["", "It has settled: its value changes no more, and it costs no margin."]
    for side, sign in (("long", 1), ("short", -1)):
        losses = [-sign * change for change in changes]
        shortfall = expected_shortfall(losses, numbers.shape.tail)
        rate, contingency = int(getattr(numbers, side)[row]), getattr(listing, side)
        margin = max(0, -(-shortfall.numerator // (numbers.shape.tail.numerator << bits))) + rate
        worst = sorted((s for s, mass in enumerate(shortfall.tail_mass) if mass), key=lambda s: -losses[s])[:most]
        # What is above the contingency of the book was added by the build: on a grid, the error of interpolation.
        data["sides"][side] = {
            "margin": str(margin), "rate": str(rate), "contingency": str(contingency),
            "added": str(rate - contingency),
            "worst": [{"scenario": s, "change": str(Fraction(-losses[s], 1 << bits)),
                       "log_returns": dict(zip(assets, (value / 10**9 for value in scenarios.returns[s].tolist()),
                                               strict=True))} for s in worst]}
        lines += ["", f"one lot {side}: margin {_shown(margin)} {quote}, of which rate {_shown(rate)}"
                  + f" = contingency {_shown(contingency)}"
                  + (f" + {_shown(rate - contingency)} added by the build" if rate != contingency else ""),
                  *table([(f"scenario {s}", _shown(Fraction(-losses[s], 1 << bits)),
                           *(f"{asset} {100 * math.expm1(value / 10**9):+.1f} %"
                             for asset, value in zip(assets, scenarios.returns[s].tolist(), strict=True)))
                          for s in worst])]
    return Outcome(data, lines)


def _market(numbers: AnyEpoch, row: int) -> dict[str, str]:
    """What the book says an instrument is worth by."""
    from risk.exact.money import format_money
    from risk.margins.contributions import instrument_of
    from risk.margins.shocks import sources_of
    from risk.market.instruments import Kind
    _, book, _ = sources_of(numbers)
    instrument = instrument_of(numbers, row)
    assert instrument is not None
    if instrument.kind == Kind.CASH:
        return {}
    underlying = next(one for one in book.underlyings if one.symbol == instrument.underlying)
    found = {"spot": format_money(underlying.spot)}
    if instrument.kind == Kind.PERPETUAL and underlying.perpetual is not None:
        found["mark"] = format_money(underlying.perpetual)
    curve = None if instrument.expiry is None else book.curves.get((instrument.underlying, instrument.expiry))
    if curve is not None:
        found["forward"] = format_money(curve.forward)
        if instrument.strike is not None:
            found["implied volatility"] = f"{100 * curve.volatilities[instrument.strike]:.4g} %"
    return found


def _shown(units: Fraction | int) -> str:
    """A lot may be worth little: all six places, unless it is worth a whole quote unit."""
    from risk.exact.money import UNIT, display_money, format_money
    whole = round(units)
    return display_money(whole, "").rstrip() if abs(whole) >= UNIT else format_money(whole)
