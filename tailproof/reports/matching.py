"""How well the scenarios stand for what they were chosen from."""

from __future__ import annotations

from risk.epochs.epoch import Epoch
from risk.valuation.weighted import Quality

from .section import Block, Said, Section, Table, Words
from .subject import Subject


def matching(subject: Subject) -> Section:
    numbers = subject.numbers
    if isinstance(numbers, Epoch):
        drawn = None if numbers.provenance is None else numbers.provenance.drawn.quality
        stated: tuple[Quality, ...] = () if drawn is None else (drawn,)
    else:
        stated = numbers.shape.quality
    show = (subject.command("epoch", "show"), (*subject.command("epoch", "show"), "--json"))
    if not stated:
        return Section("matching", "Matching", (Said(
            "The scenarios are equally likely and were chosen from nothing larger: there is no population to hold "
            "them against. Where they were drawn, the error of that stands beside the reference books.", show[:1]),))
    blocks: list[Block] = [Words(
        "Scenarios with masses stand for a population of paths. Expected Shortfall of reference books by the "
        "scenarios is held against that over all paths; and an adversary looked for the book whose margin is "
        "understated most.")]
    for regime, quality in enumerate(stated):
        where = f", regime {regime}" if len(stated) > 1 else ""
        worst = max(quality.references, key=lambda reference: abs(reference.difference))
        blocks.append(Said(
            f"Against {quality.population} paths{where}: mean {quality.bias:+.2%} over {len(quality.references)} "
            f"reference books, at most {worst.difference:+.2%} ({worst.name}); an adversary's book: "
            f"{quality.floor:.2f} of its true Expected Shortfall.", show[:1]))
        blocks.append(Table(("book", "difference, %"), tuple(
            (reference.name, f"{100 * reference.difference:+.2f}") for reference in quality.references), show[1:]))
    return Section("matching", "Matching", tuple(blocks))
