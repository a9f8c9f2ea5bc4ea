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


@click.command()
@click.argument("epoch", type=FILE)
@click.argument("portfolios", type=FILE, nargs=-1, required=True)
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
def stress(epoch: Path, portfolios: tuple[Path, ...], sets: tuple[str, ...], historical: tuple[str, ...],
           history: Path | None, dependence: bool, picture: Path | None) -> Outcome:
    """What PORTFOLIOS lose under stress that EPOCH need not hold, by full revaluation, beside their margins."""
    from risk.margins.shocks import Market
    from risk.stress import outcomes, words

    from .. import epochs
    numbers = epochs.load(epoch)
    held = _named(portfolios)
    if history is not None and not historical:
        raise BadInput("--history", str(history), "given with --historical, whose days it has")
    market = Market(numbers)
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
            "sets": [_set_json(one, row, venue, quote, levels) for one, row, venue in
                     zip(chosen, found, venues, strict=True)],
            "dependence": {name: {"expected_shortfall": str(round(one.own)),
                                  "independent": str(round(one.independent)), "comonotone": str(round(one.comonotone)),
                                  "charge": str(round(one.charge)),
                                  "sentence": words.dependence_sentence(one, quote)}
                           for name, one in broken.items()},
            "picture": None if picture is None else str(picture)}
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


DEFAULT = ("2020-03-12", "2021-05-19", "2022-11-09", "black-swan")


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
    usual = [name for name in (() if days else DEFAULT) if sets.covers(market, name)]
    if not (wanted or days or usual):
        raise BadInput("--set", None, f"given: none of {', '.join(DEFAULT)} speaks of {', '.join(model.assets)}")
    for name in wanted or usual:
        # A name that is no preset is a file, as one with a folder or an ending surely is.
        own = name not in sets.names() and (Path(name).exists() or Path(name).suffix or "/" in name)
        found.append(sets.parsed(market, parse_toml(read_source(name), source=name), source=name) if own
                     else sets.named(market, name))
    found += [sets.historical(market, text, prices) for text in days]
    return found


def _set_json(chosen: StressSet, row: Sequence[outcomes.Outcome], venue: outcomes.Venue, quote: str, levels: bool
              ) -> dict[str, Any]:
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
                      "sentence": words.sentence(one, quote, levels=levels)} for one in row],
        "venue_scenario": venue.at, "beyond": venue.beyond, "uncovered": str(venue.uncovered),
        "cover_2": str(venue.cover_2)}


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
