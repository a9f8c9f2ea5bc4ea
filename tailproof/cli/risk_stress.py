"""`tailproof risk stress`: what accounts lose in days that the epoch need not hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives.errors import BadInput

from .. import telling
from .console import FILE, PICTURE, Outcome, progress, reporting, table

if TYPE_CHECKING:
    from risk.margins.portfolio import Portfolio
    from risk.margins.shocks import Market
    from risk.stress import outcomes
    from risk.stress.sets import StressSet

    from ..epochs import AnyEpoch


@click.command()
@click.argument("epoch", type=FILE)
@click.argument("portfolios", type=FILE, nargs=-1)
@click.option("--reference-books", is_flag=True, help="In place of PORTFOLIOS: those that `risk books` lists.")
@click.option("--set", "sets", multiple=True, metavar="PRESET|FILE", help="Stress set: a preset (`risk sets` lists "
              "them), black-swan, or a TOML file. By default black-swan, and the three crises where they speak of all "
              "assets.")
@click.option("--historical", multiple=True, metavar="DATES", help="Day of a price history, or first/last ones: "
              "2020-03-12, 2020-03-08/2020-03-16.")
@click.option("--history", type=FILE, help="Price history (CSV) of those days; by default the epoch's own.")
@click.option("--dependence", is_flag=True, help="Redraw the model with independent assets, and with all moving as "
              "one, too.")
@click.option("--picture", type=PICTURE, help="Draw it, too: a PNG file to write. It shows the portfolios.")
@reporting
def stress(epoch: Path, portfolios: tuple[Path, ...], reference_books: bool, sets: tuple[str, ...],
           historical: tuple[str, ...], history: Path | None, dependence: bool, picture: Path | None) -> Outcome:
    """What PORTFOLIOS lose under stress that EPOCH need not hold, by full revaluation, beside their margins.

    With --reference-books the answer is of nobody's portfolio, and may be shown.
    """
    from risk.margins.shocks import Market
    from risk.stress import outcomes

    from .. import epochs
    if bool(portfolios) == reference_books:
        raise BadInput("PORTFOLIOS and --reference-books", [str(path) for path in portfolios] or None,
                       "given, one of them")
    numbers = epochs.load(epoch)
    held = _named(portfolios)
    if history is not None and not historical:
        raise BadInput("--history", str(history), "given with --historical, whose days it has")
    market = Market(numbers)
    if reference_books:
        return _of_books(numbers, market, sets, historical, history, dependence, picture)
    chosen = _sets(market, sets, historical, history)
    accounts = {name: book.rows(numbers) for name, book in held.items()}
    progress("stress sets", 0, 1)
    found = outcomes.outcomes(market, accounts, chosen)
    broken = outcomes.dependence(market, accounts) if dependence else {}
    quote, levels = numbers.header.quote, numbers.levels
    if picture is not None:
        from risk.stress import plot
        plot.bars(found, picture, title="Stress", subtitle=telling.setting(numbers), quote=quote,
                  holds="value today" if levels else "margin")
    venues = [outcomes.Venue.of(row) for row in found]
    data = {**telling.facts(numbers), "accounts": list(accounts),
            "sets": [{**_set_json(one, row, quote, levels=levels), "venue_scenario": venue.at, "beyond": venue.beyond,
                      "uncovered": str(venue.uncovered), "cover_2": str(venue.cover_2)}
                     for one, row, venue in zip(chosen, found, venues, strict=True)],
            "dependence": _dependence_json(broken, quote), "picture": None if picture is None else str(picture)}
    return Outcome(data, [*telling.trial(numbers), *_lines(chosen, found, venues, broken, quote, levels),
                          *([] if picture is None else ["", f"wrote {picture}"])])


def _named(paths: Sequence[Path]) -> Mapping[str, Portfolio]:
    """Portfolios by the stem of their file, by its path where two have the same."""
    from risk.margins.portfolio import Portfolio
    stems = [path.stem for path in paths]
    names = [stem if stems.count(stem) == 1 else str(path) for stem, path in zip(stems, paths, strict=True)]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise BadInput("PORTFOLIO", name, "given once")
    return {name: Portfolio.read(path) for name, path in zip(names, paths, strict=True)}


def _sets(market: Market, wanted: Sequence[str], days: Sequence[str], history: Path | None) -> list[StressSet]:
    from risk.epochs.provenance import read_source
    from risk.market.history import parse_history
    from risk.models.model import parse_toml
    from risk.stress import sets
    model = market.model
    prices = None if history is None else parse_history(
        read_source(history), assets=model.assets, calendar=model.calendar, step_seconds=model.step_seconds,
        max_gap_steps=model.max_gap_steps, source=history)
    found = []
    usual = () if days else sets.usual(market)
    if not (wanted or days or usual):
        raise BadInput("--set", None, f"given: none of {', '.join(sets.USUAL)} speaks of {', '.join(model.assets)}")
    for name in wanted or usual:
        # A name that is no preset is a file, as one with a folder or an ending surely is.
        own = name not in sets.names() and (Path(name).exists() or Path(name).suffix or "/" in name)
        found.append(sets.parsed(market, parse_toml(read_source(name), source=name), source=name) if own
                     else sets.named(market, name))
    found += [sets.historical(market, text, prices) for text in days]
    return found


def _of_books(numbers: AnyEpoch, market: Market, wanted: Sequence[str], days: Sequence[str], history: Path | None,
              dependence: bool, picture: Path | None) -> Outcome:
    """Of reference books, which are no accounts of a venue: nothing is added up over them."""
    from ..reports import book_stress
    market, quote = book_stress.from_today_on(market), numbers.header.quote
    progress("stress sets", 0, 1)
    made = book_stress.book_stress(market, _sets(market, wanted, days, history), dependence=dependence)
    if picture is not None:
        from risk.stress import plot
        plot.bars(made.found, picture, title="Stress of reference books", subtitle=telling.setting(numbers),
                  quote=quote)
    header, rows = book_stress.table(made)
    data = {**telling.facts(numbers), "accounts": [row[0] for row in rows],
            "sets": [_set_json(one, row, quote, named=True) for one, row in zip(made.sets, made.found, strict=True)],
            "dependence": _dependence_json(made.dependence, quote),
            "picture": None if picture is None else str(picture)}
    return Outcome(data, [
        *telling.trial(numbers), "Worst loss in each set, in percent of the margin:", "", *table(rows, header), "",
        *book_stress.sentences(made, quote), *book_stress.dependence_sentences(made, quote), "",
        *(f"{one.name}: {one.source}" for one in made.sets), *([] if picture is None else ["", f"wrote {picture}"])])


def _dependence_json(broken: Mapping[str, outcomes.Dependence], quote: str) -> dict[str, Any]:
    from risk.stress import words
    return {name: {"expected_shortfall": str(round(one.own)), "independent": str(round(one.independent)),
                   "comonotone": str(round(one.comonotone)), "charge": str(round(one.charge)),
                   "sentence": words.dependence_sentence(one, quote)} for name, one in broken.items()}


def _set_json(chosen: StressSet, row: Sequence[outcomes.Outcome], quote: str, *, levels: bool = False,
              named: bool = False) -> dict[str, Any]:
    from risk.stress import words
    return {"name": chosen.name, "source": chosen.source, "scenarios": [
        {"label": label, "spots": moves.spots, "volatilities": moves.volatilities, "basis": moves.basis}
        for label, moves in ((label, chosen.moves(at)) for at, label in enumerate(chosen.labels))],
        "accounts": [{"name": one.account, "margin": str(one.margin), "holds": str(one.holds),
                      "losses": list(map(str, one.losses)), "worst_scenario": one.at, "loss": str(one.worst),
                      "uncovered": str(one.uncovered),
                      "times_held": float(Fraction(one.worst, one.holds)) if one.holds > 0 else None,
                      "positions": [{"name": part.name, "lots": part.lots, "loss": str(part.loss)}
                                    for part in one.positions],
                      "sentence": words.sentence(one, quote, levels=levels,
                                                 about=one.account if named else "the account")} for one in row]}


def _lines(chosen: Sequence[StressSet], found: Sequence[Sequence[outcomes.Outcome]],
           venues: Sequence[outcomes.Venue], broken: Mapping[str, outcomes.Dependence], quote: str, levels: bool
           ) -> list[str]:
    from risk.exact.money import display_money
    from risk.stress import words
    lines = list[str]()
    for place, name in enumerate(one.account for one in found[0]):
        lines += [*([""] if lines else []), f"{name}:",
                  *(f"  {words.sentence(row[place], quote, levels=levels)}" for row in found)]
        if name in broken:
            lines.append(f"  {words.dependence_sentence(broken[name], quote)}")
    lines += ["", *table([(one.name, (one.labels[venue.at] or venue.at) if venue.uncovered else "-", venue.beyond,
                           *(display_money(amount, "").rstrip() for amount in (venue.uncovered, venue.cover_2)))
                          for one, venue in zip(chosen, venues, strict=True)],
                         ("set", "scenario worst for all together", "accounts beyond what they hold",
                          f"uncovered, {quote}", "cover-2"))]
    return [*lines, "", *(f"{one.name}: {one.source}" for one in chosen)]
