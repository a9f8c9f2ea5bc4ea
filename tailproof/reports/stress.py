"""What of the epoch's scenarios is stress, what the worst of all does to reference books, what stress does to them that
the epoch need not hold, and what takes their whole margin.

The same of a portfolio: `breaking.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from primitives.errors import BadInput
from risk.margins.contributions import breakdown
from risk.stress import sets

from .. import reversing
from . import book_stress
from .books import figures_of
from .numbers import money, moved
from .section import Block, Command, Said, Section, Table, Words
from .subject import Subject


def stress(subject: Subject) -> Section:
    return Section("stress", "Stress and reverse stress", (*_inside(subject), *_beside(subject), *_reverse(subject)))


# -- the epoch's own scenarios ---------------------------------------------------------------------------------------
def _inside(subject: Subject) -> Iterator[Block]:
    model, scenarios = subject.market.model, subject.scenarios
    own, kinds = (subject.own("stress"),), scenarios.kinds
    weights = subject.numbers.shape.tail.weights(len(kinds))
    total = sum(weights)
    by = {kind: sum(weight for one, weight in zip(kinds, weights, strict=True) if one == kind)
          for kind in scenarios.counts()}
    yield Table(("scenarios from", "how many", "weight, %"), tuple(
        (kind, str(count), f"{100 * by[kind] / total:.1f}") for kind, count in scenarios.counts().items()), own,
        "In the epoch")
    if not model.stress.sets:
        yield Said("No stress is mixed into the model's scenarios.", own, warns=True)
    else:
        yield Said(f"Mixed in: {', '.join(model.stress.sets)}.", own)
    rows = []
    for one in figures_of(subject):
        losses = one.found.losses
        worst = max(range(len(losses)), key=lambda s: losses[s])
        rows.append((one.name, money(one.expected_shortfall), money(one.found.money(losses[worst])), str(worst),
                     kinds[worst], ", ".join(f"{asset} {moved(value)}" for asset, value in
                                             zip(model.assets, scenarios.returns[worst].tolist(), strict=True))))
    yield Table(("book", "ES", "worst loss", "scenario", "from", "what happens in it"), tuple(rows), own,
                "The worst scenario of each reference book")
    yield Words("The worst loss is that of one scenario and no bound: what is in no scenario is not here.")


# -- beside it -------------------------------------------------------------------------------------------------------
def _beside(subject: Subject) -> Iterator[Block]:
    """Sets that anybody may name, and every horizon of the past, by full revaluation."""
    market, draws = subject.changes, book_stress.draws(subject.market)
    chosen = [sets.named(market, name) for name in sets.usual(market)]
    given: Command = tuple(word for one in chosen for word in ("--set", one.name))
    if subject.history is not None and draws:
        days = sets.whole_past(subject.history)
        try:
            chosen.append(sets.historical(market, days, subject.history))
        except BadInput as error:                  # all of it is calm
            yield Said(f"The price history holds no stress: {error}.", (subject.own("stress"),))
        else:
            given = (*given, "--historical", days, *subject.prices)
    if not chosen:
        yield Said("No stress set speaks of all assets here, and there is no price history to take one from.",
                   (subject.own("stress"),), warns=True)
        return
    several = draws and len(market.model.assets) > 1
    command = (*subject.command("risk", "stress"), "--reference-books", *given, *(("--dependence",) if several else ()))
    try:
        made = book_stress.book_stress(market, chosen, dependence=several)
    except BadInput as error:                      # a move beyond what the epoch's integers hold
        yield Said(f"Stress that the epoch need not hold is not told here: {error}.", (subject.own("stress"),),
                   warns=True)
        return
    yield Words("Crises of the past, the worst that prices ever did over a horizon, and all assets at their own worst "
                "together: what each reference book then loses, in percent of its margin. Above a hundred the margin "
                "would not have held.", title="Stress that the epoch need not hold")
    header, rows = book_stress.table(made)
    yield Table(header, tuple(rows), (command,))
    yield Said("In words, of each set the book that loses most beside its margin"
               + ("; of the whole history three:" if "--historical" in given else ":"), (command,),
               items=tuple(book_stress.sentences(made, subject.quote)))
    if made.dependence:
        yield Said("If correlations break, by a redraw of the model:", (command,),
                   items=tuple(book_stress.dependence_sentences(made, subject.quote)))
    yield Said("Where the sets are from:", (command,), items=tuple(f"{one.name}: {one.source}" for one in made.sets))


# -- what it takes ---------------------------------------------------------------------------------------------------
def _reverse(subject: Subject) -> Iterator[Block]:
    market = subject.changes
    if not book_stress.draws(market):
        yield Words("A handwritten set says nothing of how likely its moves are: there is no nearest that takes a "
                    "margin.", title="Reverse stress")
        return
    yield Words("What it takes to lose a margin whole: the nearest scenario of the epoch that does, the least "
                "implausible move of spots, with volatility as it follows them, and how much less favourable all "
                "scenarios together would have to be.", title="Reverse stress")
    for name in book_stress.telling(market):
        command: Command = (*subject.command("risk", "reverse"), "--reference-book", name, "--collateral", "margin")
        if subject.no_search is not None:
            yield Said(f"Not told here: {subject.no_search}.", (command,), warns=True)
            return
        rows = book_stress.account(market, name)
        margin = breakdown(market.epoch, rows).required
        if margin > 0:
            found = reversing.reverse(market.epoch, rows, margin, market=market)
            yield Said(f"{name}, margin {money(margin)} {subject.quote}:", (command,),
                       items=tuple(reversing.sentences(found, subject.quote).values()))
