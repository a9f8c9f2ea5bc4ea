"""`tailproof risk haircuts`: what collateral counts for by volatility, protocol and liquidity, beside what others
take."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives.errors import BadInput

from .. import telling
from .console import FILE, Outcome, reporting, table

if TYPE_CHECKING:
    from risk.grid.haircut_presets import Preset
    from risk.margins.haircut_parts import Cut


@click.command()
@click.argument("epoch", type=FILE, required=False)
@click.option("--collateral", type=FILE, help="Collateral file; assets that are worth an underlying need EPOCH.")
@click.option("--preset", "named", help="Table to set it against; without --collateral, the one to show.")
@click.option("--value", default="1000000", show_default=True, help="Value held, in quote units, that tiers are taken "
              "of.")
@reporting
def haircuts(epoch: Path | None, collateral: Path | None, named: str | None, value: str) -> Outcome:
    """Haircuts of a collateral file, one by one and all together, beside a preset's; without one, the presets.

    The first is volatility: the Expected Shortfall of the price's fall by EPOCH's scenarios, or as the file states it.
    """
    from risk.exact.money import parse_decimal_in
    from risk.grid import haircut_presets

    held = Fraction(parse_decimal_in(value, "0.01", "1000000000000", field="--value"))
    other = None if named is None else haircut_presets.preset(named)
    if collateral is None:
        if epoch is not None:
            raise BadInput("--collateral", None, "given with EPOCH, whose scenarios its assets are cut by")
        return _list() if other is None else _table(other, held)
    return _against(epoch, collateral, other, held)


def _list() -> Outcome:
    from risk.grid.haircut_presets import PRESETS
    rows = [(one.name, len(one.rows), one.source) for one in PRESETS.values()]
    return Outcome({"presets": [{"name": name, "assets": assets, "source": source} for name, assets, source in rows]},
                   table(rows, ("preset", "assets", "source")))


def _table(other: Preset, held: Fraction) -> Outcome:
    rows = [(symbol, row.haircut(held), row.of_maintenance(held), row) for symbol, row in other.rows.items()]
    data = {"preset": other.name, "source": other.source, "value": str(held), "assets": [
        {"asset": symbol, "initial": float(initial), "maintenance": float(maintenance), "tiers": [
            {"up_to": None if end is None else str(end), "counts": float(ratio)} for end, ratio in row.tiers]}
        for symbol, initial, maintenance, row in rows]}
    return Outcome(data, [f"{other.source}", f"haircut of {float(held):,.2f} quote units of:", "",
                          *table([(symbol, _percent(initial), _percent(maintenance))
                                  for symbol, initial, maintenance, _ in rows],
                                 ("asset", "initial", "maintenance"))])


def _against(epoch: Path | None, collateral: Path, other: Preset | None, held: Fraction) -> Outcome:
    from risk.epochs.provenance import read_source
    from risk.grid.haircuts import parse_collateral
    from risk.margins.haircut_parts import cuts, swings_of

    from .. import epochs
    numbers = None if epoch is None else epochs.load(epoch)
    found = cuts(parse_collateral(read_source(collateral), source=collateral),
                 {} if numbers is None else swings_of(numbers), other)
    data: dict[str, Any] = {**({} if numbers is None else telling.facts(numbers)), "collateral": str(collateral),
                            "preset": None if other is None else other.name, "value": str(held),
                            "assets": [_json(cut, held) for cut in found]}
    title = ["asset", "volatility", "protocol", "liquidation", "together", "of a debt, up"]
    rows = [[cut.symbol, _percent(cut.fall) + (" (recovery)" if cut.wrong_way else ""), _percent(cut.protocol),
             _percent(cut.liquidation), _percent(cut.whole), _percent(cut.rise)] for cut in found]
    notes = []
    if other is not None:
        title += [f"{other.name}: initial", "maintenance"]
        for row, cut in zip(rows, found, strict=True):
            row += ["-", "-"] if cut.theirs is None else [_percent(cut.theirs.haircut(held)),
                                                          _percent(cut.theirs.of_maintenance(held))]
            if cut.theirs is not None and cut.whole < cut.theirs.of_maintenance(held):
                notes.append(f"note: {cut.symbol} is cut by less than {other.name} cuts for maintenance")
        notes.append(f"{other.name}: {other.source}; of {float(held):,.2f} quote units")
    warning = [] if numbers is None else telling.trial(numbers)
    return Outcome(data, [*warning, *table(rows, title), "", *notes])


def _json(cut: Cut, held: Fraction) -> dict[str, Any]:
    return {"asset": cut.symbol, "volatility": float(cut.fall), "protocol": float(cut.protocol),
            "liquidation": float(cut.liquidation), "together": float(cut.whole), "rise": float(cut.rise),
            "wrong_way": cut.wrong_way,
            "preset": None if cut.theirs is None else {"initial": float(cut.theirs.haircut(held)),
                                                       "maintenance": float(cut.theirs.of_maintenance(held))}}


def _percent(share: Fraction) -> str:
    return f"{100 * float(share):.2f} %"
