"""`tailproof risk addons`: what a lot, or a portfolio, pays beside Expected Shortfall, term by term."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import telling
from .console import FILE, PICTURE, Outcome, reporting, table

if TYPE_CHECKING:
    from risk.addons.admission import Oversized, Undersized
    from risk.addons.terms import Terms
    from risk.margins.addon_parts import Charged

    from ..epochs import AnyEpoch


@click.command()
@click.argument("epoch", type=FILE)
@click.argument("portfolio", type=FILE, required=False)
@click.option("--picture", type=PICTURE, help="Draw it, too, as stacked bars: a PNG file to write. With PORTFOLIO it "
              "shows the portfolio.")
@reporting
def addons(epoch: Path, portfolio: Path | None, picture: Path | None) -> Outcome:
    """What each instrument of EPOCH is charged a lot, held long and short, or what PORTFOLIO pays, by term.

    Exit code 1 if PORTFOLIO holds more of a contract than its rates are for.
    """
    from .. import epochs
    numbers = epochs.load(epoch)
    return _of_instruments(numbers, picture) if portfolio is None else _of_portfolio(numbers, portfolio, picture)


def _of_instruments(numbers: AnyEpoch, picture: Path | None) -> Outcome:
    from risk.margins.addon_parts import Charged, terms_of_epoch
    terms, quote = terms_of_epoch(numbers), numbers.header.quote
    found = [(instrument.symbol, side, Charged(f"{instrument.symbol}, {side}", sign,
                                               tuple(terms.side(side)[row].tolist())))
             for row, instrument in enumerate(numbers.instruments) for side, sign in (("long", 1), ("short", -1))]
    if picture is not None:
        from risk.margins import plot_addons
        plot_addons.stacked(terms.names, [one for _, _, one in found], picture, title="Add-ons of a lot, by term",
                            subtitle=telling.setting(numbers), unit=f"{quote} a lot")
    data = {**_data(numbers, terms, picture), "instruments": [
        {"instrument": symbol, "side": side, "rate": str(one.total), "terms": _by_term(terms, one.amounts)}
        for symbol, side, one in found]}
    shown = _used(terms, [one for _, _, one in found])
    lines = [*telling.trial(numbers), f"{quote} a lot, on top of Expected Shortfall:", "",
             *table([(symbol, side, _exact(one.total), *(_exact(one.amounts[column]) for column in shown))
                     for symbol, side, one in sorted(found, key=lambda entry: entry[:2])],
                    ("instrument", "side", "rate", *(terms.names[column].replace("_", " ") for column in shown))),
             "", *_owners(terms, shown), *_wrote(picture)]
    return Outcome(data, lines)


def _of_portfolio(numbers: AnyEpoch, portfolio: Path, picture: Path | None) -> Outcome:
    from risk.margins.addon_parts import below_their_size, beyond_their_size, charged
    from risk.margins.portfolio import Portfolio
    held = Portfolio.read(portfolio)
    rows, quote = held.rows(numbers), numbers.header.quote
    terms, found = charged(numbers, rows)
    beyond, below = beyond_their_size(numbers, rows), below_their_size(numbers, rows)
    totals = [sum(one.amounts[column] for one in found) for column in range(len(terms.names))]
    if picture is not None:
        from risk.margins import plot_addons
        plot_addons.stacked(terms.names, found, picture, title=f"{portfolio.stem.replace('_', ' ')}: add-ons by term",
                            subtitle=telling.setting(numbers), unit=quote)
    data = {**_data(numbers, terms, picture), "addons": str(sum(totals)), "terms": _by_term(terms, totals),
            "positions": [{"instrument": one.name, "lots": one.lots, "addons": str(one.total),
                           "terms": _by_term(terms, one.amounts)} for one in found],
            "oversized": [oversized_json(one) for one in beyond],
            "undersized": [undersized_json(one) for one in below]}
    shown = _used(terms, found)
    names = [terms.names[column].replace("_", " ") for column in shown]
    lines = [*telling.trial(numbers), f"{quote}, on top of Expected Shortfall:", "",
             *table([*((one.name, one.lots, _exact(one.total), *(_exact(one.amounts[column]) for column in shown))
                       for one in found),
                     ("all", "", _exact(sum(totals)), *(_exact(totals[column]) for column in shown))],
                    ("position", "lots", "add-ons", *names)),
             "", *_owners(terms, shown), *outside(beyond, below), *_wrote(picture)]
    return Outcome(data, lines, not beyond and not below)


def outside(beyond: Sequence[Oversized], below: Sequence[Undersized]) -> list[str]:
    """Contracts that are held outside the sizes that they are charged for, for people."""
    return [*(f"TOO LARGE: {one}" for one in beyond), *(f"TOO SMALL: {one}" for one in below)]


def oversized_json(one: Oversized) -> dict[str, Any]:
    """A contract that is held beyond its size, for machines."""
    return {"instruments": list(one.symbols), "lots": one.lots, "most": one.most}


def undersized_json(one: Undersized) -> dict[str, Any]:
    """A contract of which too little is held, for machines."""
    return {"instruments": list(one.symbols), "lots": one.lots, "least": one.least}


def _data(numbers: AnyEpoch, terms: Terms, picture: Path | None) -> dict[str, Any]:
    from risk.margins.addon_parts import OWNERS
    return {**telling.facts(numbers), "owners": {name: OWNERS[name] for name in terms.names},
            "picture": None if picture is None else str(picture)}


def _used(terms: Terms, found: Sequence[Charged]) -> list[int]:
    """Columns that somebody pays."""
    return [column for column in range(len(terms.names)) if any(one.amounts[column] for one in found)]


def _by_term(terms: Terms, amounts: Sequence[int]) -> dict[str, str]:
    """In 10**-6 quote units, as decimal strings."""
    return {name: str(amount) for name, amount in zip(terms.names, amounts, strict=True)}


def _owners(terms: Terms, shown: Sequence[int]) -> list[str]:
    from risk.margins.addon_parts import OWNERS
    return table([(terms.names[column].replace("_", " "), OWNERS[terms.names[column]]) for column in shown],
                 ("term", "whose word it is"))


def _exact(units: int) -> str:
    from risk.exact.money import format_money
    return format_money(units)


def _wrote(picture: Path | None) -> list[str]:
    return [] if picture is None else ["", f"wrote {picture}"]
