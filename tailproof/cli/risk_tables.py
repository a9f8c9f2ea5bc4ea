"""`tailproof risk tables`: isolated, cross, scan and portfolio margins of many books, and which falls short when."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import telling
from .console import FILE, PICTURE, Integer, Outcome, progress, reporting, table
from .risk_books import MONEY, read_holdings, shown, wrote

if TYPE_CHECKING:
    from risk.margins.ways import BookMargins, Shortfall
    from risk.margins.ways_study import Study


@click.command()
@click.argument("epoch", type=FILE)
@click.argument("portfolios", metavar="[PORTFOLIO...]", type=FILE, nargs=-1)
@click.option("--random", "count", type=Integer(0, 100_000), default=0, show_default=True,
              help="Random books besides, half of them hedged in pairs.")
@click.option("--seed", type=Integer(0, 2**51), default=1, show_default=True, help="Of random books and drawn stress.")
@click.option("--set", "scan_set", default="derive-pm2-2026-11", show_default=True,
              help="Handwritten set that scan takes the worst loss over; `risk sets` lists them.")
@click.option("--stress", "stresses", multiple=True, metavar="NAME",
              help="Stress to hold margins against: dependence-0, dependence-1, black-swan, a day of the history "
                   "(2020-03-12) or a handwritten set. By default the first three, where the model draws, and the set.")
@click.option("--scenarios", type=Integer(1, 4096), default=256, show_default=True, help="Of each drawn stress.")
@click.option("--picture", type=PICTURE, help="Draw waterfalls and savings: a PNG file to write.")
@reporting
def tables(epoch: Path, portfolios: tuple[Path, ...], count: int, seed: int, scan_set: str, stresses: tuple[str, ...],
           scenarios: int, picture: Path | None) -> Outcome:
    """PORTFOLIOs and random books margined position by position, asset by asset, by scan and as a whole; what the
    whole saves; and in which stress which margin falls short.

    Without PORTFOLIOs and --random, the reference books of the epoch.
    """
    from risk.margins.random_books import random_books
    from risk.margins.shocks import Market
    from risk.margins.ways import NamedBook
    from risk.margins.ways_study import study, usual_books

    from .. import epochs
    numbers = epochs.load(epoch)
    market = Market(numbers)
    given = [NamedBook(one.name, tuple(one.rows)) for one in read_holdings(numbers, portfolios)]
    books = [*given, *random_books(market, count, seed)] or list(usual_books(market))
    drawn, presets = _stress(market, stresses, scan_set)
    found = study(market, books, scan_set=scan_set, stresses=drawn, presets=presets, scenarios=scenarios, seed=seed,
                  report=progress)
    quote = numbers.header.quote
    if picture is not None:
        from risk.margins import plot_ways
        plot_ways.ways(found, picture, title=f"{len(books)} books: isolated, cross, portfolio", quote=quote,
                       subtitle=telling.setting(numbers))
    data = {**telling.facts(numbers), "seed": seed, "random": count, **to_json(found),
            "picture": None if picture is None else str(picture)}
    return Outcome(data, [*telling.trial(numbers), *_lines(found, quote), *wrote(picture)])


def _stress(market: Any, named: tuple[str, ...], scan_set: str) -> tuple[list[str], list[str]]:
    """Drawn stress and handwritten sets."""
    from risk.margins.stress_moves import DEFAULT
    from risk.models.model import Estimator
    from risk.models.scenario_set import presets
    if not named:
        handwritten = market.model.estimator == Estimator.HANDWRITTEN
        return [] if handwritten else list(DEFAULT), [scan_set]
    known = presets()
    return [name for name in named if name not in known], [name for name in named if name in known]


def to_json(found: Study) -> dict[str, Any]:
    """Margins in 10**-6 quote units, as text; shares as numbers."""
    from risk.margins.ways import QUANTILES
    return {
        "units": dict.fromkeys(("isolated", "cross", "scan", "portfolio", "scaled"), MONEY),
        "set": found.set, "scaled_by": float(found.factor),
        "books": [{"name": one.book.name, "kind": one.book.kind,
                   "positions": [{"row": row, "lots": lots} for row, lots in one.book.positions],
                   **{way: str(value) for way, value in (("isolated", one.isolated), ("cross", one.cross),
                                                         ("scan", one.scan), ("portfolio", one.portfolio),
                                                         ("scaled", one.scaled))}}
                  for one in found.books],
        "savings": [{"kind": kind, "against": way, "quantiles": {f"{float(q):g}": float(value) for q, value
                                                                in zip(QUANTILES, values, strict=True)}}
                    for (kind, way), values in found.savings.items() if values],
        "shortfalls": [{"kind": kind, "stress": one.stress, "margin": one.way, "cases": one.cases, "short": one.short,
                        "share": float(one.share), "mean": float(one.mean), "worst": one.worst / 10**6,
                        "needless": one.needless} for kind, every in found.shortfalls.items() for one in every]}


def _lines(found: Study, quote: str) -> list[str]:
    from risk.margins.ways import QUANTILES, WAYS
    own = [one for one in found.books if one.book.kind not in ("random", "hedged")]
    lines = list[str]()
    if own:
        lines += [*table([(one.book.name, shown(one.isolated), shown(one.cross), shown(one.scan or 0),
                           shown(one.portfolio), *_savings(one)) for one in own],
                         (f"margin, {quote}", *WAYS, "less than isolated, %", "than cross, %")), ""]
    if len(found.books) > 1:
        rows = [(kind, way, *(f"{100 * float(value):.1f}" for value in found.savings[kind, way]))
                for kind in found.kinds() for way in WAYS[:-1] if found.savings[kind, way]]
        lines += [*table(rows, ("books", "saved against, %", *(f"{100 * float(q):g} %" for q in QUANTILES))), ""]
    lines += [f"Accounts that hold just their margin, scan over {found.set}; sizes in % of the portfolio margin:"]
    kind = found.kinds()[-1]
    rows = [(one.stress, one.way, f"{_percent(one.share):.2f}", f"{_percent(one.mean):.3f}", f"{one.worst / 10**4:.1f}",
             _needless(one)) for one in found.shortfalls[kind]]
    header = (f"stress, {len(found.books)} books", "margin", "short in %", "mean", "worst", "needless, %")
    lines += table(rows, header) if rows else ["no book needs a margin"]
    return [*lines, "", "needless: of all cases, those in which a position is closed though the account has enough",
            f"scaled: portfolio margins times {float(found.factor):.3f}, what cross asks of all books together"]


def _needless(one: Shortfall) -> str:
    return f"{_percent(Fraction(one.needless, one.cases)):.2f}" if one.way == "isolated" else "-"


def _savings(one: BookMargins) -> tuple[str, str]:
    found = [one.saving(way) for way in ("isolated", "cross")]
    first, second = ("-" if saving is None else f"{_percent(saving):.1f}" for saving in found)
    return first, second


def _percent(value: Fraction) -> float:
    return 100 * float(value)
