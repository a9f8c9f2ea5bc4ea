"""`tailproof risk contributions`: one margin over several protocols, in parts that sum to it exactly."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import telling
from .console import FILE, PICTURE, Outcome, reporting, table
from .risk_books import MONEY, TIMES_SCALE, read_holdings, shown, wrote

if TYPE_CHECKING:
    from risk.margins.contributions import Breakdown, Part
    from risk.margins.netted import Netted


@click.command()
@click.argument("epoch", type=FILE)
@click.argument("portfolios", metavar="PORTFOLIO...", type=FILE, nargs=-1, required=True)
@click.option("--picture", type=PICTURE, help="Draw a waterfall from the margins apart to the one of all: a PNG file "
                                              "to write.")
@reporting
def contributions(epoch: Path, portfolios: tuple[Path, ...], picture: Path | None) -> Outcome:
    """What each protocol, asset, expiry and Greek brings to one margin over PORTFOLIOs, a protocol each.

    Parts of Expected Shortfall sum to it exactly; one that is negative hedges the others. On levels they are of what
    may be lost from today on.
    """
    from risk.greeks.buckets import buckets
    from risk.margins.levels import from_today
    from risk.margins.netted import netted
    from risk.margins.shocks import Market

    from .. import epochs
    numbers = epochs.load(epoch)
    holdings = read_holdings(numbers, portfolios)
    found = netted(from_today(numbers), [(one.name, one.rows) for one in holdings])
    rows = [position for one in holdings for position in one.rows]
    parts, mass = buckets(Market(numbers)), found.together.shortfall.tail_mass
    by_greek = parts.parts(rows, mass)
    of_each = {one.name: parts.parts(one.rows, mass) for one in holdings}
    quote = numbers.header.quote
    if picture is not None:
        from risk.margins import waterfall
        waterfall.protocols(found, picture, quote=quote, subtitle=telling.setting(numbers),
                            title=f"One margin in place of {len(holdings)}" if len(holdings) > 1 else
                            f"{holdings[0].name.replace('_', ' ')}: one margin for all positions")
    data = {**telling.facts(numbers), **to_json(found, by_greek, of_each),
            "picture": None if picture is None else str(picture)}
    return Outcome(data, [*telling.trial(numbers), *_lines(found, by_greek, of_each, quote, numbers.levels),
                          *wrote(picture)])


def to_json(found: Netted, by_greek: Mapping[str, int], of_each: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """Amounts in 10**-6 quote units, as text; parts of Expected Shortfall over `scale` are exact."""
    whole = found.together
    return {
        "units": {**dict.fromkeys(("margin", "addons", "saved", "alone"), MONEY),
                  **dict.fromkeys(("expected_shortfall", *by_greek), TIMES_SCALE)},
        "margin": str(whole.required), "expected_shortfall": str(whole.shortfall.numerator), "scale": str(whole.scale),
        "addons": str(whole.addons), "saved": str(found.saved),
        "protocols": [{**_part(part), "alone": str(own.required)}
                      for part, own in zip(found.protocols, found.separate, strict=True)],
        "assets": [_part(part) for part in whole.assets], "expiries": [_part(part) for part in whole.expiries],
        "greeks": {name: str(value) for name, value in by_greek.items()},
        "greeks_of_protocols": {name: {greek: str(value) for greek, value in own.items()}
                                for name, own in of_each.items()},
        "cells": [{"protocol": name, "asset": asset, "expected_shortfall": str(part.numerator),
                   "addons": str(part.addons)} for (name, asset), part in found.cells.items()],
        "positions": [{"protocol": owner, "lots": lots, **_part(part)} for owner, lots, part
                      in zip(found.owners, whole.lots, whole.positions, strict=True)]}


def _part(part: Part) -> dict[str, str]:
    return {"name": part.name, "expected_shortfall": str(part.numerator), "addons": str(part.addons)}


def _lines(found: Netted, by_greek: Mapping[str, int], of_each: Mapping[str, Mapping[str, int]], quote: str,
           levels: bool) -> list[str]:
    from risk.margins.contributions import Part
    whole = found.together
    lines = table([("margin of all", f"{shown(whole.required)} {quote}", "of what may be lost from today on" if levels
                    else "max(0, Expected Shortfall, rounded up) + add-ons"),
                   ("Expected Shortfall", f"{shown(whole.expected_shortfall)} {quote}", ""),
                   ("add-ons", f"{shown(whole.addons)} {quote}", "do not net over protocols"),
                   ("saved by netting", f"{shown(found.saved)} {quote}",
                    f"apart: {shown(found.apart)}")])
    alone = {name: own.required for name, own in zip(found.names, found.separate, strict=True)}
    lines += ["", *table([(part.name, *_cells(whole, part), shown(alone[part.name])) for part in found.protocols],
                         ("protocol", f"of ES, {quote}", "%", "add-ons", "margin alone"))]
    if len(found.names) > 1 and len({asset for _, asset in found.cells}) > 1:
        lines += ["", *table([(name, asset, *_cells(whole, part)) for (name, asset), part in found.cells.items()],
                             ("protocol", "asset", f"of ES, {quote}", "%", "add-ons"))]
    for title, parts in (("asset", whole.assets), ("expiry", whole.expiries)):
        lines += ["", *table([(part.name, *_cells(whole, part)) for part in parts],
                             (title, f"of ES, {quote}", "%", "add-ons"))]
    names = [name for name in by_greek if any(own[name] for own in of_each.values())]
    several = list(of_each) if len(of_each) > 1 else []
    shares = [(name, *_cells(whole, Part(name, by_greek[name], 0))[:2],
               *(shown(Fraction(of_each[one][name], whole.scale)) for one in several)) for name in names]
    return [*lines, "", *table(shares, ("Greek", f"of ES, {quote}", "%", *several))] if shares else lines


def _cells(found: Breakdown, part: Part) -> tuple[str, str, str]:
    whole = found.shortfall.numerator
    return (shown(found.amount(part)), f"{100 * part.numerator / whole:.1f}" if whole else "-", shown(part.addons))
