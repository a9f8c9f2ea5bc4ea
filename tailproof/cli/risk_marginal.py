"""`tailproof risk marginal`: what one lot more of anything, or a trade, does to a margin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import telling
from .console import FILE, Integer, Outcome, reporting, table
from .risk_books import MONEY, TIMES_SCALE, parse_trades, read_holdings, rows_of, shown, with_trades

if TYPE_CHECKING:
    from risk.margins.marginal import Marginal, Side, TradeEffect


@click.command()
@click.argument("epoch", type=FILE)
@click.argument("portfolio", type=FILE)
@click.option("--trade", "trades", multiple=True, metavar="SYMBOL=LOTS", help="A trade to look at, as often as it has "
                                                                              "legs; negative lots are sold.")
@click.option("--most", type=Integer(1, 1000), default=8, show_default=True, help="Instruments to show on each end.")
@reporting
def marginal(epoch: Path, portfolio: Path, trades: tuple[str, ...], most: int) -> Outcome:
    """What a first lot of each instrument costs on top of PORTFOLIO, or --trade in whole: marginal and incremental
    Expected Shortfall, exact, by Greek.

    The marginal is what a trade costs while the tail stays; the incremental, never less, what it costs. On levels both
    are of what may be lost from today on: the cash that a trade moves is not in them.
    """
    from risk.greeks.buckets import buckets
    from risk.margins.contributions import breakdown
    from risk.margins.levels import from_today
    from risk.margins.marginal import effect, marginals
    from risk.margins.shocks import Market

    from .. import epochs
    numbers = epochs.load(epoch)
    held = read_holdings(numbers, [portfolio])[0]
    risks, quote = from_today(numbers), numbers.header.quote
    data: dict[str, Any] = dict(telling.facts(numbers))
    if trades:
        rows_of(numbers, with_trades(numbers, held.portfolio, trades, "--trade"))      # refuses what cannot be proven
        trade = [(numbers.row_of(symbol) or 0, lots) for symbol, lots in parse_trades(numbers, trades, "--trade")]
        done, parts = effect(risks, held.rows, trade), buckets(Market(numbers))
        by_greek = parts.parts(trade, done.mass)
        after = [(row, lots) for row, lots in (*held.rows, *trade)]
        moved = parts.parts(after, done.after.shortfall.tail_mass)
        before = parts.parts(held.rows, done.before.shortfall.tail_mass)
        incremental = {name: moved[name] - before[name] for name in moved}
        return Outcome({**data, **effect_json(done, by_greek, incremental), "trade": list(trades)},
                       [*telling.trial(numbers), *_effect_lines(done, by_greek, incremental, quote)])
    found = marginals(risks, held.rows)
    whole = breakdown(risks, held.rows)
    data |= {"units": {"expected_shortfall": TIMES_SCALE, "addons": MONEY},
             "scale": str(whole.scale), "instruments": [to_json(one) for one in found]}
    floor = ["note: the tail gains, so the margin is add-ons alone: Expected Shortfall does not move it yet"] \
        if held.rows and whole.shortfall.numerator < 0 else []
    return Outcome({**data, "notes": floor}, [*telling.trial(numbers), *floor,
                                              *_lines(found, whole.scale, quote, most)])


def to_json(one: Marginal) -> dict[str, Any]:
    """Changes of K ES over `scale` are exact, in 10**-6 quote units; as text."""
    return {"name": one.name, "asset": one.asset, "expiry": one.expiry, "lots": one.lots, "tied": one.tied,
            **{name: {"expected_shortfall": str(side.numerator), "addons": str(side.addons)}
               for name, side in (("buy", one.buy), ("sell", one.sell))}}


def effect_json(done: TradeEffect, by_greek: Mapping[str, int], incremental: Mapping[str, int]) -> dict[str, Any]:
    """Amounts in 10**-6 quote units, as text; those of Expected Shortfall over `scale`."""
    return {"units": {**dict.fromkeys(("margin_before", "margin_after", "margin_change", "addons_change"), MONEY),
                      **dict.fromkeys(("marginal", "incremental", *by_greek), TIMES_SCALE)},
            "scale": str(done.scale), "margin_before": str(done.before.required),
            "margin_after": str(done.after.required), "margin_change": str(done.required),
            "addons_change": str(done.addons), "marginal": str(done.marginal), "incremental": str(done.incremental),
            "marginal_by_greek": {name: str(value) for name, value in by_greek.items()},
            "incremental_by_greek": {name: str(value) for name, value in incremental.items()}}


def _lines(found: Sequence[Marginal], scale: int, quote: str, most: int) -> list[str]:
    """Both ends: what lowers the margin most, and what raises it most, the cheaper side of each instrument first."""
    sides = [(*pair, one) for one in found for pair in ((one.buy, "buy"), (one.sell, "sell"))]
    ordered = sorted(sides, key=lambda entry: _cost(entry[0], scale))
    hedges = [entry for entry in ordered if _cost(entry[0], scale) < 0][:most]
    dear = [entry for entry in reversed(ordered) if _cost(entry[0], scale) > 0][:most]
    header = ("", "a lot of", "held", f"ES, {quote}", "add-ons", "margin")
    lines = [f"What the first lot does to the margin, {quote} a lot; "
             f"{sum(one.tied for one in found)} of {len(found)} instruments tie at Value at Risk", ""]
    for title, chosen in (("lowers it most", hedges), ("raises it most", dear)):
        lines += [f"{title}:", *(table([(way, one.name, one.lots, shown(Fraction(side.numerator, scale)),
                                         shown(side.addons), shown(_cost(side, scale)))
                                        for side, way, one in chosen], header) or ["  nothing does"]), ""]
    return lines[:-1]


def _cost(side: Side, scale: int) -> Fraction:
    return Fraction(side.numerator, scale) + side.addons


def _effect_lines(done: TradeEffect, by_greek: Mapping[str, int], incremental: Mapping[str, int], quote: str
                  ) -> list[str]:
    scale = done.scale
    lines = table([("margin", shown(done.before.required), shown(done.after.required), shown(done.required)),
                   ("Expected Shortfall", shown(done.before.expected_shortfall), shown(done.after.expected_shortfall),
                    shown(Fraction(done.incremental, scale))),
                   ("add-ons", shown(done.before.addons), shown(done.after.addons), shown(done.addons))],
                  (f"in {quote}", "before", "after", "change"))
    names = [name for name in by_greek if by_greek[name] or incremental[name]]
    return [*lines, "", *table([
        *((name, shown(Fraction(by_greek[name], scale)), shown(Fraction(incremental[name], scale))) for name in names),
        ("all", shown(Fraction(done.marginal, scale)), shown(Fraction(done.incremental, scale)))],
        (f"ES, {quote}", "marginal", "incremental")), "",
        f"the tail's moving adds {shown(done.moved)} {quote} to what the trade costs while it stays"]
