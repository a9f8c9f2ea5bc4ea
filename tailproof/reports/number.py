"""What the number is."""

from __future__ import annotations

from .. import telling
from ..number_forms import element
from .section import Block, Said, Section, Table, Words
from .subject import Subject


def number(subject: Subject) -> Section:
    numbers = subject.numbers
    header, show = numbers.header, subject.command("epoch", "show")
    rows = [("root", element(numbers.root)), ("venue", header.venue), ("quote", header.quote),
            ("valuation", telling.facts(numbers)["valuation"]), ("model", header.model),
            ("instruments", str(len(numbers.instruments))), ("purpose", str(header.purpose)),
            ("previous", header.predecessor)]
    blocks: list[Block] = [
        Words("A margin of this epoch is the Expected Shortfall of a portfolio's losses over its published scenarios, "
              "plus contingency charges a lot. It is computed in whole numbers from published arrays, which one root "
              "binds, so that a proof in zero knowledge can show it without the portfolio. The proof makes the number "
              "exact; whether the scenarios are right is what this document is about."),
        Said(f"Here it is the mean loss in {telling.tail(numbers)}. Amounts are in {header.quote}.",
             (subject.command("risk", "books"),))]
    blocks += [Said(line, (show,), warns=True) for line in telling.trial(numbers)]
    if numbers.levels:
        blocks.append(Said("Leaves hold values, not changes (basis level): a margin is what an account lacks, cash "
                           "included. Figures here are of losses from today's value on.", (show,)))
    return Section("number", "What the number is", (*blocks, Table(("epoch", ""), tuple(rows), (show,))))
