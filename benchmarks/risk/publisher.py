"""What a publisher can shave off a chosen book by what is his to choose, in the fixture's epoch with masses.

Sources fixed, he has no choice: a seed in the file is refused, and who builds again finds the same root. Where he may
change sources in their last digit, which nobody can tell from honest ones, he gets other scenarios; what he gains is
bounded by how far any epoch is from its population.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from benchmarks.measure import ROOT
from benchmarks.risk.figures import Figure, Report
from circuits import statements
from primitives.errors import BadInput
from risk.epochs.build import build
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.margins.portfolio import Portfolio

FIXTURE = ROOT / "fixtures" / "btc_eth"
STATEMENT = "margin-full-256x16-w"
PORTFOLIOS = tuple(sorted((FIXTURE / "portfolios").glob("*.json")))
_NUMBER = re.compile(rb'(?<=[ "])\d+\.\d*[1-8](?=["\n])')
"""A decimal whose last digit may go up or down by one."""


def sources() -> Sources:
    """The fixture's, for the statement with masses."""
    model = re.sub(rb"(?ms)^\[epoch\].*?(?=^\[)", f'[epoch]\nstatement = "{STATEMENT}"\n\n'.encode(),
                   (FIXTURE / "model.toml").read_bytes())
    return Sources(model, (FIXTURE / "book.json").read_bytes(), None, {})


def nudged(given: Sources) -> Iterator[tuple[str, Sources]]:
    """The same with one number's last digit up or down: fitted parameters, spots, forwards, volatilities by turns."""
    model = [replace(given, model=text) for text in _nudges(given.model)]
    book = [replace(given, book=text) for text in _nudges(given.book)]
    for number, (of_model, of_book) in enumerate(itertools.zip_longest(model, book)):
        if of_model is not None:
            yield f"model {number}", of_model
        if of_book is not None and number % 4 == 0:          # a book's numbers move values, but draw no other scenarios
            yield f"book {number}", of_book


def _nudges(text: bytes) -> Iterator[bytes]:
    for found in _NUMBER.finditer(text):
        last = found.group()[-1:]
        for digit in (int(last) + 1, int(last) - 1):
            yield text[:found.end() - 1] + str(digit).encode() + text[found.end():]


def epoch(given: Sources) -> Epoch:
    return build(given, shape=statements.get(STATEMENT).preset.shape)


def shortfalls(built: Epoch) -> Mapping[str, float]:
    """Expected Shortfall of each of the fixture's portfolios."""
    return {path.stem: float(Portfolio.read(path).margin(built).shortfall.ceiling) for path in PORTFOLIOS}


def choices(given: Sources) -> int:
    """Seeds that a production epoch takes from its file."""
    taken = 0
    for seed in (0, 1, 2**40):
        try:
            epoch(replace(given, model=re.sub(rb"(?m)^horizon", f"seed = {seed}\nhorizon".encode(), given.model)))
            taken += 1
        except BadInput as refused:
            if refused.field != "seed":
                raise
    return taken


def figures(changes: int, report: Report) -> Iterator[Figure]:
    """Both rows."""
    given = sources()
    report("publisher: sources fixed")
    first, again = epoch(given), epoch(given)
    honest, repeated = shortfalls(first), shortfalls(again)
    gained = max(100 * (1 - repeated[name] / honest[name]) for name in honest)
    yield Figure("a publisher shaves off, sources fixed", max(gained, 100.0 * choices(given)), "%", most=0,
                 note="same root" if first.root == again.root else "ANOTHER ROOT")
    reductions: dict[str, float] = {}
    worst = dict.fromkeys(honest, 0.0)
    for name, changed in nudged(given):
        if len(reductions) == changes:
            break
        report(f"publisher: change {len(reductions) + 1} of {changes}")
        try:
            found = shortfalls(epoch(changed))
        except BadInput:                                         # such as alpha + beta = 1.000001: nobody's choice
            continue
        reductions[name] = max(100 * (1 - found[book] / honest[book]) for book in honest)
        worst = {book: max(worst[book], 100 * (1 - found[book] / honest[book])) for book in honest}
    assert first.provenance is not None
    quality = first.provenance.drawn.quality
    assert quality is not None
    stated = 100 * (1 - quality.floor)
    yield Figure(f"the same, last digits of sources changed, {len(reductions)} ways, {len(honest)} books",
                 max(worst.values()), "%", most=stated, note="at most what the epoch states: 1 - its floor",
                 details={"books": worst, "changes": reductions})
