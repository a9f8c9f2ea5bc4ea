"""Whether forecasts held: the model over its history, the last year out of sample, and files of forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from risk.backtests.coverage import kupiec
from risk.backtests.forecasts import Forecasts, parse_forecasts
from risk.backtests.judging import NOT_TESTED, RED_P, Judgement, judge
from risk.epochs.provenance import read_source
from risk.margins.past import Past, look_back

from .. import telling
from .pictures import drawn
from .section import Block, Command, Said, Section, Table, Words
from .subject import Subject
from .year import level_of, why_not, year_of

MOST_PICTURES = 2
_TESTS = ("Kupiec, coverage", "Christoffersen, both", "Acerbi-Szekely, Z2", "e-process, most wealth")


def with_forecasts(subject: Subject, paths: Sequence[Path]) -> Subject:
    """A subject with files of forecasts at the level of its epoch; BadInput as `parse_forecasts`."""
    if not paths:
        return subject
    alpha = float(1 - level_of(subject))
    return replace(subject, forecasts={path: parse_forecasts(read_source(path), alpha, source=path) for path in paths})


def backtests(subject: Subject) -> Section:
    blocks: list[Block] = [Words(
        "An exception is a day whose loss was beyond the VaR that was forecast for it. Green, yellow below 5 % of "
        "probability, red below 1 %; Basel's light by the number of the last 250 days. With too few exceptions "
        "coverage is yellow at most.")]
    history = subject.history
    if history is None:
        blocks.append(Said("There is no price history, so nothing of this model was held against the market here. "
                           "Give one with --history, or forecasts with --forecasts.",
                           (subject.own("backtests"),), warns=True))
    else:
        blocks += _past(subject, look_back(subject.numbers, subject.market.model, history))
        blocks += _year(subject)
    for path, forecasts in subject.forecasts.items():
        blocks += _file(subject, path, forecasts)
    return Section("backtests", "Backtests and zones", tuple(blocks))


def _past(subject: Subject, found: Past) -> list[Block]:
    command: Command = (*subject.command("risk", "history"), *subject.prices)
    rows = tuple((one.asset, str(len(one.returns)), f"{one.due:.1f}", str(one.below), str(one.above),
                  f"{100 * one.now:.2f}") for one in found.assets)
    wrong = [f"{side} {one.asset}: {count} exceptions where {one.due:.1f} are due (Kupiec, p {p:.3f})."
             for one in found.assets for side, count in (("long", one.below), ("short", one.above))
             if count > one.due and (p := kupiec(len(one.returns), count, float(found.level)).p) < RED_P]
    return [
        *([Said("Even in sample the forecast is breached more often than it says:", (subject.own("backtests"),), True,
                tuple(wrong))] if wrong else []),
        Table(("asset", "returns", "due a side", "losses of long", "of short", "now, % a step"), rows, (command,),
              f"In sample: the epoch's parameters over all days, {found.labels[0]} to {found.labels[-1]}"),
        *drawn(subject, "Returns of each asset in the band that was forecast the step before, exceptions in red. In "
               "sample: it shows a model that does not fit, and proves none.",
               ((*command, "--picture", "forecasts.png"),), lambda path: _forecasts(subject, found, path))]


def _forecasts(subject: Subject, found: Past, path: Path) -> None:
    from risk.margins import pictures
    pictures.forecasts(found, path, subtitle=telling.setting(subject.numbers))


def _year(subject: Subject) -> list[Block]:
    reason = why_not(subject)
    if reason is not None:
        return [Said(f"Out of sample nothing is shown. {reason}", (subject.own("backtests"),), warns=True)]
    found = year_of(subject)
    first, last = found[0].forecasts.labels[0], found[0].forecasts.labels[-1]
    rows = tuple((one.name, str(int(one.forecasts.exceptions.sum())),
                  f"{len(one.forecasts.labels) * one.forecasts.alpha:.4g}", *_zones(one.judged)) for one in found)
    blocks: list[Block] = [
        Table(("book", "exceptions", "expected", "Kupiec p", "Christoffersen p", "Z2 p", "e-process", "Basel", "all"),
              rows, tuple(command for one in found for command in one.commands),
              f"The last year, each day from the days before it alone, at {float(100 * level_of(subject)):g} %: "
              f"{first} to {last}"),
        Words("Parameters are the model file's, which may have been fitted on these days too; forecasts with refits "
              "(risk forecast --refit) are brought by --forecasts.")]
    # The worst ones are looked at; of equals the first.
    order = {"red": 0, "yellow": 1, "green": 2}
    for one in sorted(found, key=lambda one: order[one.judged.zone])[:MOST_PICTURES]:
        blocks += drawn(subject, f"{one.name}: losses against VaR and ES (above), and what a bet against them has "
                        "come to (below).", (one.commands[0], (*one.commands[1], "--picture", "backtest.png")),
                        lambda path, judged=one.judged, name=one.name: _backtest(judged, name, path))   # type: ignore[misc]
    return blocks


def _file(subject: Subject, path: Path, forecasts: Forecasts) -> list[Block]:
    found, command = judge(forecasts), ("risk", "backtest", str(path), "--level", str(level_of(subject)))
    rows = tuple((one.test, "-" if one.statistic is None else f"{one.statistic:.3g}",
                  "-" if one.p is None else f"{one.p:.3f}", "-" if one.zone == NOT_TESTED else one.zone, one.note)
                 for one in found.verdicts)
    return [Table(("test", "value", "p", "zone", ""), rows, (command,),
                  f"Forecasts of {path.name}: {len(forecasts.losses)} days, {forecasts.labels[0]} to "
                  f"{forecasts.labels[-1]}, {found.zone}"),
            *drawn(subject, f"{path.name}: losses against VaR and ES, and the e-process.",
                   ((*command, "--picture", "backtest.png"),), lambda to: _backtest(found, path.stem, to))]


def _backtest(found: Judgement, name: str, path: Path) -> None:
    from risk.backtests import plot
    plot.backtest(found, path, title=f"{name}: losses against VaR and ES at {100 * (1 - found.forecasts.alpha):g} %")


def _zones(found: Judgement) -> tuple[str, ...]:
    by = {verdict.test: verdict for verdict in found.verdicts}
    shown = []
    for test in _TESTS:
        verdict = by[test]
        value = verdict.statistic if test.startswith("e-process") else verdict.p
        shown.append("-" if value is None else f"{value:.3g}" if test.startswith("e-process") else f"{value:.3f}")
    return (*shown, found.light.zone, found.zone)
