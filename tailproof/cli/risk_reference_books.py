"""`tailproof risk books`: what an epoch asks of books that everybody understands."""

from __future__ import annotations

from pathlib import Path

import click

from .. import telling
from .console import FILE, Outcome, progress, reporting, table


@click.command()
@click.argument("epoch", type=FILE)
@reporting
def books(epoch: Path) -> Outcome:
    """Expected Shortfall, Value at Risk and margin of reference books: each asset long and short, straddles, spreads.

    Each holds a million quote units of every asset it has. It needs no portfolio, so its answer may be shown.
    """
    from .. import epochs
    from ..reports.book_figures import book_figures
    from ..reports.books import HEADER, row
    numbers = epochs.load(epoch)
    progress("reference books", 0, 1)
    found = book_figures(numbers)
    return Outcome(
        {**telling.facts(numbers), "books": [
            {"name": one.name, "lots": one.lots, "expected_shortfall": str(one.expected_shortfall),
             "value_at_risk": str(one.value_at_risk), "value_at_risk_99": str(one.value_at_risk_99),
             "addons": str(one.addons), "margin": str(one.margin), "relative_error": one.error} for one in found]},
        [*telling.trial(numbers), telling.setting(numbers), telling.tail(numbers), "",
         *table([row(one) for one in found], HEADER), "",
         f"in {numbers.header.quote}; error: one standard error of Expected Shortfall over as many independent draws"])
