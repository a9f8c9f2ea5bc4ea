"""`tailproof risk`: what a margin is made of, before anything is proven. Nothing here leaves the machine."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives.errors import BadInput
from risk.grid.grid_epoch import GridEpoch

from .. import telling
from .console import FILE, PICTURE, Outcome, progress, reporting, table
from .risk_addons import addons
from .risk_backtest import attribution, backtest, forecast
from .risk_books import known_asset as _known_asset
from .risk_books import rows_of as _rows
from .risk_books import shown as _shown
from .risk_books import with_trades as _with
from .risk_books import wrote as _wrote
from .risk_cascade import cascade
from .risk_contributions import contributions
from .risk_greeks import greeks
from .risk_haircuts import haircuts
from .risk_idle import idle
from .risk_lp import lp
from .risk_marginal import marginal
from .risk_procyclicality import procyclicality, sets
from .risk_reference_books import books
from .risk_report import report
from .risk_reverse import reverse
from .risk_stress import stress
from .risk_tables import tables
from .risk_venues import venues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from risk.addons.admission import Oversized, Undersized
    from risk.margins.contributions import Breakdown, Part
    from risk.margins.explain import TailScenario
    from risk.margins.portfolio import Portfolio

    from ..epochs import AnyEpoch
    from ..ladder import Ladder

_PICTURE = click.option("--picture", type=PICTURE, help="Draw it, too: a PNG file to write. It shows the portfolio.")


@click.group()
def risk() -> None:
    """What a portfolio's margin is made of, before any proof."""


risk.add_command(addons)
risk.add_command(attribution)
risk.add_command(backtest)
risk.add_command(books)
risk.add_command(cascade)
risk.add_command(contributions)
risk.add_command(forecast)
risk.add_command(greeks)
risk.add_command(marginal)
risk.add_command(haircuts)
risk.add_command(procyclicality)
risk.add_command(reverse)
risk.add_command(idle)
risk.add_command(lp)
risk.add_command(report)
risk.add_command(sets)
risk.add_command(stress)
risk.add_command(tables)
risk.add_command(venues)


@risk.command("margin")
@click.argument("epoch", type=FILE)
@click.argument("portfolio", type=FILE)
@click.option("--system", type=FILE, help="Deployment or configuration of contracts, whose ladder makes initial and "
              "maintenance margin of it.")
@_PICTURE
@reporting
def show_margin(epoch: Path, portfolio: Path, system: Path | None, picture: Path | None) -> Outcome:
    """The margin that PORTFOLIO would be proven to need under EPOCH, in parts that sum to it exactly."""
    from risk.margins.contributions import breakdown
    from risk.margins.portfolio import Portfolio

    from .. import epochs
    from ..ladder import OWNER, read_ladder
    numbers, held = epochs.load(epoch), Portfolio.read(portfolio)
    ladder = None if system is None else read_ladder(system)
    whole, found = breakdown(numbers, _rows(numbers, held)), _risk(numbers, held)
    if picture is not None:
        from risk.margins import plot
        plot.losses(found, picture, title=portfolio.stem.replace("_", " "), quote=numbers.header.quote,
                    subtitle=telling.setting(numbers))
    notes = [*_notes(numbers, held), *telling.trial(numbers)]
    data = {**telling.facts(numbers), **_margin_json(whole), **_value_json(numbers, held, found), "notes": notes,
            "positions": [{**_part_json(found, part), "lots": lots, "standalone": str(alone)} for part, lots, alone
                          in zip(found.positions, found.lots, found.standalone, strict=True)],
            "assets": [_part_json(found, part) for part in found.assets],
            "expiries": [_part_json(found, part) for part in found.expiries],
            **({} if ladder is None else {"ladder": ladder.to_json(whole.required), "ladder_owner": OWNER}),
            "picture": None if picture is None else str(picture)}
    quote = numbers.header.quote
    lines = [*notes, *_margin_lines(numbers, held, whole), "",
             *([] if ladder is None else _ladder_lines(ladder, whole.required, quote)),
             *table([(part.name, lots, *_part_cells(found, part), _shown(alone))
                     for part, lots, alone in zip(found.positions, found.lots, found.standalone, strict=True)],
                    ("position", "lots", f"of ES, {quote}", "%", "add-ons", "alone"))]
    for title, parts in (("asset", found.assets), ("expiry", found.expiries)):
        if len(parts) > 1:
            lines += ["", *table([(part.name, *_part_cells(found, part)) for part in parts],
                                 (title, f"of ES, {quote}", "%", "add-ons"))]
    return Outcome(data, [*lines, *_wrote(picture)])


@risk.command("what-if")
@click.argument("epoch", type=FILE)
@click.argument("portfolio", type=FILE)
@click.option("--add", "added", multiple=True, metavar="SYMBOL=LOTS", help="Lots to add, negative to take away.")
@click.option("--spot", "spots", multiple=True, metavar="ASSET=PERCENT", help="Move of a spot price: BTC=-20%.")
@click.option("--volatility", "volatilities", multiple=True, metavar="ASSET=PERCENT",
              help="Move of an asset's volatility: BTC=+50%.")
@click.option("--asset", help="Asset of the picture; by default the one that brings most of the margin.")
@_PICTURE
@reporting
def what_if(epoch: Path, portfolio: Path, added: tuple[str, ...], spots: tuple[str, ...],
            volatilities: tuple[str, ...], asset: str | None, picture: Path | None) -> Outcome:
    """The margin after a change of the book, and what the book gains or loses if the market moves.

    The picture is a heat map of profit over spot and volatility of one asset.
    """
    from risk.margins.contributions import breakdown
    from risk.margins.portfolio import Portfolio
    from risk.margins.shocks import Market

    from .. import epochs
    numbers, held = epochs.load(epoch), Portfolio.read(portfolio)
    if not (added or spots or volatilities or picture):
        raise BadInput("--add, --spot, --volatility and --picture", None, "given, at least one of them")
    changed = _with(numbers, held, added)
    before, after = (breakdown(numbers, _rows(numbers, book)) for book in (held, changed))
    move = _moves(numbers, spots, volatilities)
    quote = numbers.header.quote
    data: dict[str, Any] = {**telling.facts(numbers), "before": {**_margin_json(before), **_value_json(numbers, held)},
                            "after": {**_margin_json(after), **_value_json(numbers, changed)},
                            "portfolio": changed.to_json(),
                            "picture": None if picture is None else str(picture)}
    lines = [*telling.trial(numbers), *table(
        [(name, _shown(old), _shown(new), _shown(new - old)) for name, old, new in (
            ("margin", before.required, after.required),
            *((("liquidation value now", *_values(numbers, held, changed)),) if numbers.levels else ()),
            ("Expected Shortfall", before.expected_shortfall, after.expected_shortfall),
            ("Value at Risk", before.value_at_risk, after.value_at_risk),
            ("add-ons", before.addons, after.addons))], (f"in {quote}", "before", "after", "change"))]
    market = Market(numbers) if move or picture else None
    if market is not None and move:
        gains = [market.gains(book.rows(numbers), [move])[0] for book in (held, changed)]
        data["shock"] = {"moves": {name: {"spot": _percent(spot), "volatility": _percent(volatility)}
                                   for name, (spot, volatility) in move.items()},
                         "gain_before": str(gains[0]), "gain_after": str(gains[1])}
        said = ", ".join(f"{name} {_signed(spot)}" + (f", its volatility {_signed(volatility)}" if volatility else "")
                         for name, (spot, volatility) in move.items())
        lines += ["", f"if {said}, by full revaluation at the end of the horizon:",
                  *table([("gain (-: loss) before", f"{_shown(gains[0])} {quote}"),
                          ("gain (-: loss) after", f"{_shown(gains[1])} {quote}"),
                          ("left of the value after", f"{_shown(_value(numbers, changed) + gains[1])} {quote}")
                          if numbers.levels else
                          ("of the margin after", f"{100 * gains[1] / after.required:.1f} %" if after.required
                           else "no margin")])]
    if market is not None and picture is not None:
        from risk.margins import pictures

        from ..reports.what_if import held as held_by
        chosen = asset if asset is not None else _heaviest(numbers, _risk(numbers, changed))
        _known_asset(numbers, chosen, "--asset")
        pictures.heat_map(market, changed.rows(numbers), chosen, picture, quote=quote,
                          title=f"{portfolio.stem.replace('_', ' ')}: gain over {chosen}",
                          subtitle=telling.setting(numbers), **held_by(numbers, changed.rows(numbers)))
    return Outcome(data, [*lines, *_wrote(picture)])


@risk.command("explain")
@click.argument("epoch", type=FILE)
@click.argument("portfolio", type=FILE)
@click.option("--most", type=click.IntRange(1, 1000), default=5, show_default=True, help="Scenarios to show.")
@click.option("--history", type=FILE, help="Price history (CSV) to name the nearest days of.")
@reporting
def explain(epoch: Path, portfolio: Path, most: int, history: Path | None) -> Outcome:
    """Which scenarios the margin hangs on, what happens in them, which days they resemble, which positions lose."""
    from risk.margins.contributions import breakdown
    from risk.margins.explain import explain as explained
    from risk.margins.portfolio import Portfolio

    from .. import epochs
    numbers, held = epochs.load(epoch), Portfolio.read(portfolio)
    whole, found = breakdown(numbers, _rows(numbers, held)), _risk(numbers, held)
    progress("scenarios", 0, 1)
    tail = explained(numbers, found, most=most, history=None if history is None else _history(numbers, history))
    held_by_tail = sum(mass > 0 for mass in found.shortfall.tail_mass)
    data = {**telling.facts(numbers), **_margin_json(whole), **_value_json(numbers, held, found),
            "tail_scenarios": held_by_tail,
            "scenarios": [_scenario_json(numbers, found, one) for one in tail]}
    lines = [*telling.trial(numbers), *_margin_lines(numbers, held, whole), "",
             f"The tail holds {held_by_tail} of {len(found.losses)} scenarios; the worst {len(tail)}:"]
    for one in tail:
        lines += ["", *_scenario_lines(numbers, found, one)]
    return Outcome(data, lines)


@risk.command("compare")
@click.argument("epoch", type=FILE)
@click.argument("portfolio", type=FILE)
@click.option("--set", "preset", default="derive-pm2-2026-11", show_default=True,
              help="Handwritten set that scan takes the worst loss of; `risk sets` lists them.")
@reporting
def compare(epoch: Path, portfolio: Path, preset: str) -> Outcome:
    """The same book margined position by position, asset by asset, as a whole, and as scan-based venues do."""
    from risk.margins.contributions import METHODS, breakdown
    from risk.margins.levels import from_today
    from risk.margins.portfolio import Portfolio
    from risk.margins.scan import scan
    from risk.margins.shocks import Market

    from .. import epochs
    numbers, held = epochs.load(epoch), Portfolio.read(portfolio)
    rows = _rows(numbers, held)
    risks = from_today(numbers)
    found = {name: method(risks, rows) for name, method in METHODS.items()}
    found["scan"] = scan(Market(numbers), rows, preset)
    whole = found["portfolio"]
    data = {**telling.facts(numbers), "set": preset, "margins": {name: str(value) for name, value in found.items()},
            **_value_json(numbers, held)}
    lines = table([(name, _shown(value), f"{value / whole:.2f}" if whole else "-") for name, value in found.items()],
                  ("method", f"margin, {numbers.header.quote}", "of portfolio's"))
    if numbers.levels:
        proven = breakdown(numbers, rows).required
        data["proven"] = str(proven)
        lines += ["", "All are of losses from today's value on, for other methods know no cash.", *table(
            [("liquidation value now", f"{_shown(_value(numbers, held))} {numbers.header.quote}", ""),
             ("margin that is proven", f"{_shown(proven)} {numbers.header.quote}", "what that value lacks")])]
    return Outcome(data, [*telling.trial(numbers), *lines])


@risk.command("history")
@click.argument("epoch", type=FILE)
@click.option("--history", type=FILE, help="Price history (CSV); by default the epoch's own.")
@click.option("--picture", type=PICTURE, help="Draw forecast and exceptions: a PNG file to write.")
@click.option("--correlations", type=PICTURE, help="Draw the path of correlations with regimes: a PNG file to write.")
@reporting
def past(epoch: Path, history: Path | None, picture: Path | None, correlations: Path | None) -> Outcome:
    """How the epoch's model would have done on its history: forecast, exceptions, correlations."""
    from risk.margins import past as judged
    from risk.margins.shocks import sources_of

    from .. import epochs
    numbers = epochs.load(epoch)
    model, _, own = sources_of(numbers)
    prices = own if history is None else _history(numbers, history)
    if prices is None:
        raise BadInput("--history", None, "given: the epoch's model reads no prices")
    found = judged.look_back(numbers, model, prices)
    if picture is not None:
        from risk.margins import pictures
        pictures.forecasts(found, picture, subtitle=telling.setting(numbers))
    if correlations is not None:
        from risk.margins import pictures
        if len(model.assets) < 2:
            raise BadInput("--correlations", str(correlations), "absent: one asset has no correlations")
        pictures.correlations(found, correlations, subtitle=telling.setting(numbers))
    rows = [(one.asset, len(one.returns), f"{one.due:.1f}", one.below, one.above, f"{100 * one.now:.2f}")
            for one in found.assets]
    data = {**telling.facts(numbers), "level": float(found.level), "first": found.labels[0], "last": found.labels[-1],
            "assets": [{"asset": one.asset, "returns": len(one.returns), "due": one.due, "below": one.below,
                        "above": one.above, "volatility_of_next_step": one.now} for one in found.assets],
            "correlations": [{"assets": list(pair), "now": float(path[-1])} for pair, path in found.pairs.items()],
            "regimes": [{"correlation": value, "now": k in found.regimes_now}
                        for k, value in enumerate(found.regimes)]}
    lines = [*telling.trial(numbers),
             f"{found.labels[0]} to {found.labels[-1]}, at {100 * float(1 - found.level):.4g} %:",
             *table(rows, ("asset", "returns", "due a side", "losses of long", "of short", "now, % a step"))]
    if found.pairs:
        lines += ["", *table([(" ".join(pair), f"{float(path[-1]):.3f}") for pair, path in found.pairs.items()],
                             ("pair", "correlation now")),
                  f"regimes of the standard grid: {', '.join(map(str, found.regimes))}; today's: "
                  f"{', '.join(str(found.regimes[k]) for k in found.regimes_now)}"]
    return Outcome(data, [*lines, *_wrote(picture), *_wrote(correlations)])


# -- what is asked for ---------------------------------------------------------------------------------------------
def _moves(numbers: AnyEpoch, spots: Sequence[str], volatilities: Sequence[str]
           ) -> dict[str, tuple[Fraction, Fraction]]:
    found: dict[str, list[Fraction]] = {}
    for place, option, texts in ((0, "--spot", spots), (1, "--volatility", volatilities)):
        seen = set()
        for text in texts:
            asset, _, amount = text.partition("=")
            if not re.fullmatch(r"[+-]?[0-9]{1,6}(\.[0-9]{1,6})?%", amount, re.ASCII):
                raise BadInput(option, text, "ASSET=PERCENT, such as BTC=-20%")
            _known_asset(numbers, asset, option)
            if asset in seen:
                raise BadInput(option, text, f"given once for {asset}")
            seen.add(asset)
            change = Fraction(Decimal(amount.rstrip("%"))) / 100
            if not -1 < change:
                raise BadInput(option, text, "above -100%")
            found.setdefault(asset, [Fraction(0), Fraction(0)])[place] = change
    return {asset: (spot, volatility) for asset, (spot, volatility) in found.items()}


def _history(numbers: AnyEpoch, path: Path) -> Any:
    from risk.epochs.provenance import read_source
    from risk.margins.shocks import sources_of
    from risk.market.history import parse_history
    model, _, _ = sources_of(numbers)
    return parse_history(read_source(path), assets=model.assets, calendar=model.calendar,
                         step_seconds=model.step_seconds, max_gap_steps=model.max_gap_steps, source=path)


def _risk(numbers: AnyEpoch, held: Portfolio) -> Breakdown:
    """Parts of what may be lost from today on: of levels not of the margin itself, which an account's value is in."""
    from risk.margins.contributions import breakdown
    from risk.margins.levels import from_today
    return breakdown(from_today(numbers), held.rows(numbers))


def _value(numbers: AnyEpoch, held: Portfolio) -> int:
    from risk.margins.levels import value_today
    return value_today(numbers, held.rows(numbers))


def _values(numbers: AnyEpoch, held: Portfolio, changed: Portfolio) -> tuple[int, int]:
    return _value(numbers, held), _value(numbers, changed)


def _value_json(numbers: AnyEpoch, held: Portfolio, risk: Breakdown | None = None) -> dict[str, Any]:
    """Of levels: ES of the margin is that of losses from today on, which parts are of, less the value today."""
    if not numbers.levels:
        return {}
    return {"value_today": str(_value(numbers, held)),
            **({} if risk is None else {"expected_shortfall_from_today": str(risk.shortfall.numerator)})}


# -- how it is said ------------------------------------------------------------------------------------------------
def _heaviest(numbers: AnyEpoch, found: Breakdown) -> str:
    return max(found.assets, key=lambda part: abs(part.numerator)).name if found.assets \
        else numbers.header.underlyings[0]


def _notes(numbers: AnyEpoch, held: Portfolio) -> list[str]:
    """What is easily overlooked in a portfolio."""
    notes = [f"note: {symbol} is held with 0 lots" for symbol, lots in held.positions if lots == 0]
    notes += [f"note: {one}" for one in _outside(numbers, held)]
    return notes + [f"note: {symbol} has settled: its value does not change any more, and it costs no margin"
                    for symbol, _ in held.positions
                    if (row := numbers.row_of(symbol)) is not None and _has_settled(numbers, row)]


def _outside(numbers: AnyEpoch, held: Portfolio) -> Sequence[Oversized | Undersized]:
    """Contracts that are held beyond the size that they are charged for, or below the least that pays for its gas."""
    from risk.margins.addon_parts import below_their_size, beyond_their_size
    arrays = numbers.arrays if isinstance(numbers, GridEpoch) else numbers
    if arrays.provenance is None:
        return ()
    rows = held.rows(numbers)
    return *beyond_their_size(numbers, rows), *below_their_size(numbers, rows)


def _has_settled(numbers: AnyEpoch, row: int) -> bool:
    arrays = numbers.arrays if isinstance(numbers, GridEpoch) else numbers
    return any(id == numbers.ids[row] for id, _ in arrays.settlements)


def _margin_json(found: Breakdown) -> dict[str, Any]:
    """Amounts in 10**-6 quote units, as decimal strings; numerators over `scale` are exact."""
    return {"margin": str(found.required), "expected_shortfall": str(found.shortfall.numerator),
            "scale": str(found.scale), "value_at_risk": str(found.value_at_risk), "addons": str(found.addons),
            "standalone": str(sum(found.standalone))}


def _part_json(found: Breakdown, part: Part) -> dict[str, Any]:
    return {"name": part.name, "expected_shortfall": str(part.numerator), "addons": str(part.addons)}


def _margin_lines(numbers: AnyEpoch, held: Portfolio, found: Breakdown) -> list[str]:
    facts, quote = telling.facts(numbers), numbers.header.quote
    share = f"worst {100 * facts['tail']:.3g} % of {facts['scenarios']} scenarios" \
        + ("" if facts["horizon"] is None else f" over {facts['horizon']}")
    value = _value(numbers, held)
    of_value = [("liquidation value now", f"{_shown(value)} {quote}", "of all lots, cash among them"),
                ("may be lost from it", f"{_shown(found.expected_shortfall + value)} {quote}", share)]
    return table([("margin", f"{_shown(found.required)} {quote}", "max(0, Expected Shortfall, rounded up) + add-ons"),
                  *(of_value if numbers.levels else []),
                  ("Expected Shortfall", f"{_shown(found.expected_shortfall)} {quote}",
                   "the latter less the former" if numbers.levels else share),
                  ("Value at Risk", f"{_shown(found.value_at_risk)} {quote}", "where that tail begins"),
                  ("add-ons", f"{_shown(found.addons)} {quote}", "charges a lot; `risk addons` tells them apart"),
                  *([] if numbers.levels else [
                      ("saved by netting", f"{_shown(sum(found.standalone) - found.required)} {quote}",
                       f"each alone: {_shown(sum(found.standalone))}")]),
                  ("epoch", facts["valuation"], f"{facts['venue']}, {facts['model']}, {facts['mode']}"
                   + (", levels" if numbers.levels else ""))])


def _ladder_lines(ladder: Ladder, required: int, quote: str) -> list[str]:
    from ..ladder import OWNER, STEPS
    return [*table([(f"{name} margin" if step < 2 else name, f"{_shown(amount)} {quote}", f"{buffer / 100:g} %")
                    for step, (name, buffer, amount)
                    in enumerate(zip(STEPS, ladder.buffers, ladder.required(required), strict=True))],
                   ("collateral for", "at least", "beyond the margin")), f"by {OWNER}", ""]


def _part_cells(found: Breakdown, part: Part) -> tuple[str, str, str]:
    whole = found.shortfall.numerator
    return (_shown(found.amount(part)), f"{100 * part.numerator / whole:.1f}" if whole else "-", _shown(part.addons))


def _scenario_json(numbers: AnyEpoch, found: Breakdown, one: TailScenario) -> dict[str, Any]:
    assets = numbers.header.underlyings
    days = None if one.days is None else {
        "how": one.days.how, "labels": list(one.days.labels),
        "log_returns": None if one.days.returns is None
        else {asset: value / 10**9 for asset, value in zip(assets, one.days.returns, strict=True)}}
    return {"scenario": one.scenario, "kind": one.kind, "mass": one.mass, "weight": one.weight, "loss": str(one.loss),
            "part": None if one.part is None else float(one.part), "days": days,
            "log_returns": {asset: value / 10**9 for asset, value in zip(assets, one.returns, strict=True)},
            "positions": [{"name": found.positions[i].name, "loss": str(loss)} for i, loss in one.positions]}


def _scenario_lines(numbers: AnyEpoch, found: Breakdown, one: TailScenario) -> list[str]:
    assets = numbers.header.underlyings
    part = "" if one.part is None else f", {100 * float(one.part):.1f} % of Expected Shortfall"
    partly = "" if one.mass == one.weight else f" (counts {one.mass}/{one.weight})"
    drawn = "" if one.kind == "model" else f" ({one.kind})"
    lines = [f"scenario {one.scenario}{drawn}: loss {_shown(one.loss)} {numbers.header.quote}{part}{partly}",
             "  " + ", ".join(f"{asset} {100 * math.expm1(value / 10**9):+.1f} %"
                              for asset, value in zip(assets, one.returns, strict=True))]
    if one.days is not None and one.days.returns is None:
        lines.append(f"  drawn from {', then '.join(one.days.labels)}")
    elif one.days is not None and one.days.returns is not None:
        real = ", ".join(f"{asset} {100 * math.expm1(value / 10**9):+.1f} %"
                         for asset, value in zip(assets, one.days.returns, strict=True))
        lines.append(f"  nearest in history: {one.days.labels[0]} to {one.days.labels[1]} ({real})")
    shown = one.positions[:5] if len(one.positions) > 6 else one.positions
    lines += ["    " + line for line in table([(found.positions[i].name, _shown(loss)) for i, loss in shown])]
    if len(shown) < len(one.positions):
        rest = sum((loss for _, loss in one.positions[len(shown):]), Fraction(0))
        lines.append(f"    {len(one.positions) - len(shown)} others {_shown(rest)}")
    return lines


def _percent(change: Fraction) -> float:
    return float(100 * change)


def _signed(change: Fraction) -> str:
    return f"{float(100 * change):+g} %"
