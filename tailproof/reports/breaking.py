"""What crises would cost a portfolio that the epoch need not hold, and what it takes to lose all of its margin.
Private."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from primitives.errors import BadInput
from risk.margins.levels import closing_value
from risk.models.model import Estimator
from risk.stress import outcomes, sets, words

from .. import reversing, telling
from .numbers import money
from .pictures import drawn
from .section import Block, Command, Said, Section, Words
from .subject import Holder


def breaking(holder: Holder) -> Section:
    subject, market = holder.subject, holder.subject.market
    levels = subject.numbers.levels
    blocks: list[Block] = []
    crises = sets.usual(market)
    if crises:
        blocks.append(_told(holder, "Crises, by full revaluation; the epoch's own scenarios need not have them:",
                            (), lambda: [sets.named(market, name) for name in crises]))
    history = subject.history
    if history is not None and market.model.estimator != Estimator.HANDWRITTEN:
        days, given = sets.whole_past(history), history
        blocks.append(_told(holder, "The worst that the price history has, of every horizon in it:",
                            ("--historical", days, *subject.prices),
                            lambda: [sets.historical(market, days, given)]))
    amount = closing_value(subject.numbers, holder.rows) if levels else holder.whole.required
    if market.model.estimator == Estimator.HANDWRITTEN:
        blocks.append(Words("A handwritten set says nothing of how likely its moves are: there is no nearest."))
    elif amount <= 0:
        blocks.append(Words("There is nothing that a loss could take: the account is worth nothing."
                            if levels else "The margin is 0: there is nothing that a loss could take."))
    else:
        blocks += _reversed(holder, amount)
    return Section("breaking", "What would break it", tuple(blocks))


def _told(holder: Holder, text: str, options: Command, chosen: Callable[[], Sequence[sets.StressSet]]) -> Block:
    subject = holder.subject
    try:
        found = outcomes.outcomes(subject.market, {holder.path.stem: holder.rows}, chosen())
    except BadInput as error:                      # days that are calm or too few, a move beyond what integers hold
        return Said(f"{text} not told here: {error}.", (holder.own("breaking"),), warns=True)
    return Said(text, ((*holder.command("risk", "stress"), *options),), items=tuple(
        words.sentence(one, subject.quote, levels=subject.numbers.levels) for (one,) in found))


def _reversed(holder: Holder, amount: int) -> list[Block]:
    subject = holder.subject
    what = "value" if subject.numbers.levels else "margin"
    command: Command = (*holder.command("risk", "reverse"), "--collateral", what)
    if subject.no_search is not None:
        return [Said(f"Reverse stress is not told here: {subject.no_search}.", (command,), warns=True)]
    found = reversing.reverse(subject.numbers, holder.rows, amount, market=subject.market)

    def draw(path: Path) -> None:
        reversing.draw(found, path, title=f"{holder.path.stem.replace('_', ' ')}: reverse stress", quote=subject.quote,
                       subtitle=telling.setting(subject.numbers))
    return [Said(f"What takes the whole {what}, {money(amount)} {subject.quote}, in three forms:", (command,),
                 items=tuple(reversing.sentences(found, subject.quote).values())),
            *drawn(subject, "Losses of the epoch's scenarios over how implausible they are, and the least implausible "
                   "moves of spots for each loss.", ((*command, "--picture", "reverse.png"),), draw)]
