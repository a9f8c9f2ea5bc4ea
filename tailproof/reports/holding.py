"""What a portfolio's margin is, and which position, asset and expiry it comes from. Private."""

from __future__ import annotations

from pathlib import Path

from risk.margins.contributions import METHODS, Part
from risk.margins.levels import value_today

from .. import telling
from .numbers import money, share
from .pictures import drawn
from .section import Block, Section, Table, Words
from .subject import Holder


def holding(holder: Holder) -> Section:
    subject, whole, found = holder.subject, holder.whole, holder.found
    command, quote = (holder.command("risk", "margin"),), subject.quote
    rows = [("margin", money(whole.required), "max(0, Expected Shortfall, rounded up) + add-ons"),
            ("Expected Shortfall", money(whole.expected_shortfall), telling.tail(subject.numbers)),
            ("Value at Risk", money(whole.value_at_risk), "where that tail begins"),
            ("add-ons", money(whole.addons), "contingency charges per lot")]
    if subject.numbers.levels:
        value = value_today(subject.numbers, holder.rows)
        rows[1:1] = [("liquidation value now", money(value), "of all lots, cash among them"),
                     ("may be lost from it", money(whole.expected_shortfall + value), telling.tail(subject.numbers))]
    blocks: list[Block] = [
        Table((f"in {quote}", "", ""), tuple(rows), command),
        Words("Parts sum to Expected Shortfall exactly; a negative one hedges the others where it hurts. Alone is the "
              "margin of a position without the others."),
        Table(("position", "lots", "of ES", "%", "add-ons", "alone"), tuple(
            (part.name, str(lots), *_cells(holder, part), money(alone))
            for part, lots, alone in zip(found.positions, found.lots, found.standalone, strict=True)), command)]
    for title, parts in (("asset", found.assets), ("expiry", found.expiries)):
        if len(parts) > 1:
            blocks.append(Table((title, "of ES", "%", "add-ons"),
                                tuple((part.name, *_cells(holder, part)) for part in parts), command))
    margins = [(name, method(subject.risk, holder.rows)) for name, method in METHODS.items()]
    last = margins[-1][1]
    blocks += [
        *drawn(subject, "Losses in every scenario, the tail that Expected Shortfall is the mean of, and each "
               "position's part.", ((*command[0], "--picture", "losses.png"),), lambda path: _losses(holder, path)),
        Table(("method", "margin", "of portfolio's"), tuple(
            (name, money(value), f"{value / last:.2f}" if last else "-") for name, value in margins),
            (holder.command("risk", "compare"),), "What netting is worth")]
    return Section("margin", "The margin, and where it comes from", tuple(blocks))


def _cells(holder: Holder, part: Part) -> tuple[str, str, str]:
    found = holder.found
    return money(found.amount(part)), share(part.numerator, found.shortfall.numerator), money(part.addons)


def _losses(holder: Holder, path: Path) -> None:
    from risk.margins import plot
    plot.losses(holder.found, path, title=holder.path.stem.replace("_", " "), quote=holder.subject.quote,
                subtitle=telling.setting(holder.subject.numbers))
