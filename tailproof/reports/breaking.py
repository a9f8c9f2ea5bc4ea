"""What crises would cost a portfolio that the epoch need not hold, and what it takes to lose all of its margin.
Private."""

from __future__ import annotations

from pathlib import Path

from risk.exact.money import format_money
from risk.margins.levels import closing_value
from risk.models.model import Estimator
from risk.stress import outcomes, sets, words

from .. import reversing, telling
from .pictures import drawn
from .section import Block, Command, Said, Section, Words
from .subject import Holder

CRISES = ("2020-03-12", "2021-05-19", "2022-11-09", "black-swan")


def breaking(holder: Holder) -> Section:
    subject, market = holder.subject, holder.subject.market
    levels = subject.numbers.levels
    chosen = [sets.named(market, name) for name in CRISES if sets.covers(market, name)]
    blocks: list[Block] = []
    if chosen:
        found = outcomes.outcomes(market, {holder.path.stem: holder.rows}, chosen)
        blocks.append(Said("Crises, by full revaluation; the epoch's own scenarios need not have them:",
                           (holder.command("risk", "stress"),),
                           items=tuple(words.sentence(one, subject.quote, levels=levels) for (one,) in found)))
    amount = closing_value(subject.numbers, holder.rows) if levels else holder.whole.required
    if market.model.estimator == Estimator.HANDWRITTEN:
        blocks.append(Words("A handwritten set says nothing of how likely its moves are: there is no nearest."))
    elif amount <= 0:
        blocks.append(Words("There is nothing that a loss could take: the account is worth nothing."
                            if levels else "The margin is 0: there is nothing that a loss could take."))
    else:
        blocks += _reversed(holder, amount)
    return Section("breaking", "What would break it", tuple(blocks))


def _reversed(holder: Holder, amount: int) -> list[Block]:
    subject = holder.subject
    what = "value" if subject.numbers.levels else "margin"
    command: Command = (*holder.command("risk", "reverse"), "--collateral", what)
    found = reversing.reverse(subject.numbers, holder.rows, amount)

    def draw(path: Path) -> None:
        reversing.draw(found, path, title=f"{holder.path.stem.replace('_', ' ')}: reverse stress", quote=subject.quote,
                       subtitle=telling.setting(subject.numbers))
    return [Said(f"What takes the whole {what}, {format_money(amount)} {subject.quote}, in three forms:", (command,),
                 items=tuple(reversing.sentences(found, subject.quote).values())),
            *drawn(subject, "Losses of the epoch's scenarios over how implausible they are, and the least implausible "
                   "moves of spots for each loss.", ((*command, "--picture", "reverse.png"),), draw)]
