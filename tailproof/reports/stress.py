"""What of the epoch's scenarios is stress, and what the worst of all does to reference books.

What `risk stress` and `risk reverse` say beyond the epoch's own scenarios is of a portfolio: `breaking.py`.
"""

from __future__ import annotations

from .books import figures_of
from .numbers import money, moved
from .section import Block, Said, Section, Table, Words
from .subject import Subject


def stress(subject: Subject) -> Section:
    model, scenarios = subject.market.model, subject.scenarios
    own, kinds = (subject.own("stress"),), scenarios.kinds
    weights = subject.numbers.shape.tail.weights(len(kinds))
    total = sum(weights)
    by = {kind: sum(weight for one, weight in zip(kinds, weights, strict=True) if one == kind)
          for kind in scenarios.counts()}
    blocks: list[Block] = [Table(("scenarios from", "how many", "weight, %"), tuple(
        (kind, str(count), f"{100 * by[kind] / total:.1f}") for kind, count in scenarios.counts().items()), own)]
    if not model.stress.sets:
        blocks.append(Said("No stress is mixed into the model's scenarios.", own, warns=True))
    else:
        blocks.append(Said(f"Mixed in: {', '.join(model.stress.sets)}.", own))
    assets = model.assets
    rows = []
    for one in figures_of(subject):
        losses = one.found.losses
        worst = max(range(len(losses)), key=lambda s: losses[s])
        rows.append((one.name, money(one.expected_shortfall), money(one.found.money(losses[worst])), str(worst),
                     kinds[worst], ", ".join(f"{asset} {moved(value)}" for asset, value in
                                             zip(assets, scenarios.returns[worst].tolist(), strict=True))))
    blocks += [
        Table(("book", "ES", "worst loss", "scenario", "from", "what happens in it"), tuple(rows), own,
              "The worst scenario of each reference book"),
        Words("The worst loss is that of one scenario and no bound: what is in no scenario is not here.")]
    return Section("stress", "Stress", tuple(blocks))
