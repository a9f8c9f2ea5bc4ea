"""`tailproof risk venues`: how far a margin hangs on a single venue's quotes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .console import FILE, Outcome, reporting, table

if TYPE_CHECKING:
    from risk.margins.venues import LeftOut


@click.command()
@click.argument("epoch", type=FILE)
@click.argument("portfolio", type=FILE)
@reporting
def venues(epoch: Path, portfolio: Path) -> Outcome:
    """PORTFOLIO's margin under EPOCH with the volatilities of each venue left out: which of them it hangs on most.

    The scenarios stay, and what the others quote is enough. Who was left out when the epoch was built is told, too.
    """
    from risk.epochs.surface_gates import quote_flags
    from risk.exact.money import display_money
    from risk.margins.portfolio import Portfolio
    from risk.margins.shocks import sources_of
    from risk.margins.venues import without_each

    from .. import epochs, telling
    numbers, held = epochs.load(epoch), Portfolio.read(portfolio)
    found = without_each(numbers, held.rows(numbers))
    quote, flags = numbers.header.quote, list(quote_flags(sources_of(numbers)[1]))
    notes = [*telling.trial(numbers), *flags]
    if found.sliced:
        notes.append(f"note: {found.sliced} expiries are valued by a slice, which stays, whoever is left out")

    def change(one: LeftOut) -> str:
        return "" if one.required is None else display_money(one.required - found.required, quote)

    rows = [(one.venue, len(one.expiries), one.why if one.required is None else display_money(one.required, quote),
             change(one)) for one in found.venues]
    worst = found.worst
    data: dict[str, Any] = {
        **telling.facts(numbers), "margin": str(found.required), "sliced_expiries": found.sliced, "notes": notes,
        "venues": [{"venue": one.venue, "expiries": list(one.expiries),
                    "margin": None if one.required is None else str(one.required),
                    "change": None if one.required is None else str(one.required - found.required), "why": one.why}
                   for one in found.venues],
        "largest_change": None if worst is None or worst.required is None else
        {"venue": worst.venue, "change": str(worst.required - found.required)}}
    lines = [*notes, f"margin by all venues: {display_money(found.required, quote)}", "",
             *table(rows, ("without", "expiries", "margin", "change"))]
    if worst is not None:
        lines += ["", f"largest change: {change(worst)}, without {worst.venue}"]
    return Outcome(data, lines)
