"""What the publisher took from the market: spots, forwards, smiles."""

from __future__ import annotations

import math
from collections.abc import Iterator

from risk.epochs.surface_gates import surface_checks
from risk.exact.clock import format_time
from risk.exact.money import format_money
from risk.surfaces.checks import Check

from .pictures import drawn, smiles
from .section import Block, Said, Section, Table, Words
from .subject import Subject


def inputs(subject: Subject) -> Section:
    book, own = subject.market.book, (subject.own("inputs"),)
    blocks: list[Block] = [
        Words("Inputs are the publisher's. Gates refuse carry beyond bounds, butterfly and calendar arbitrage, and "
              "volatilities next to nothing. The command epoch explain tells what one instrument is valued by."),
        Table(("underlying", "spot", "perpetual"), tuple(
            (one.symbol, format_money(one.spot), "" if one.perpetual is None else format_money(one.perpetual))
            for one in book.underlyings), own)]
    rows = []
    for (asset, expiry), curve in sorted(book.curves.items()):
        near = min(curve.volatilities, key=lambda strike: (abs(strike - curve.forward), strike), default=None)
        spot = next(one.spot for one in book.underlyings if one.symbol == asset)
        least, most = (f"{100 * pick(curve.volatilities.values()):.4g}" if curve.volatilities else ""
                       for pick in (min, max))
        rows.append((asset, format_time(expiry), format_money(curve.forward),
                     f"{100 * (curve.forward / spot - 1):+.2f}", str(len(curve.volatilities)),
                     "" if near is None else f"{100 * curve.volatilities[near]:.4g}", least, most,
                     "not stated" if curve.quoted_at is None else format_time(curve.quoted_at),
                     "not stated" if curve.venues is None else ", ".join(curve.venues)))
    if rows:
        blocks.append(Table(("asset", "expiry", "forward", "over spot, %", "strikes", "vol at the money, %", "least",
                             "most", "quoted at", "venues"), tuple(rows), own, "Forwards and implied volatilities"))
        if any(curve.volatilities for curve in book.curves.values()):
            blocks += drawn(subject, "Implied volatilities as they were quoted, over strike by forward.", own,
                            lambda path: smiles(book, subject.market.model.assets, path))
    else:
        blocks.append(Said("The book has no expiries.", own))
    blocks += _conditions(subject)
    return Section("inputs", "Surfaces and other inputs", tuple(blocks))


def _conditions(subject: Subject) -> Iterator[Block]:
    """What keeps the volatilities free of arbitrage: of each condition the place that is nearest to its bound."""
    found = surface_checks(subject.market.book)
    if not found:
        return
    command = (("surface", "check", str(subject.sources / "book.json")),)
    failing = [check for check in found if not check.holds]
    nearest: dict[tuple[str, str], Check] = {}
    for check in sorted(found, key=lambda check: (check.holds, _room(check))):
        nearest.setdefault((check.underlying, check.id), check)
    said = f"{len(failing)} of {len(found)} conditions against arbitrage FAIL, and were accepted (section Gates)." \
        if failing else f"All {len(found)} conditions against arbitrage hold."
    yield Said(f"{said} Of each the place that is nearest to its bound:", command, warns=bool(failing))
    yield Table(("condition", "asset", "expiry", "what", "value", "bound", ""), tuple(
        (one.id, one.underlying, one.expiry, one.what, one.found, one.bound, "" if one.holds else "FAILS")
        for _, one in sorted(nearest.items())), command)


def _room(check: Check) -> float:
    """From the value to the bound; of one that is no number, none."""
    room = min(check.value - check.low, check.high - check.value)
    return room if math.isfinite(room) else -math.inf
