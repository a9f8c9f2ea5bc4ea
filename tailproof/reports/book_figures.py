"""Expected Shortfall and Value at Risk of books that everybody understands: what an epoch's numbers come to.

The error is that of an Expected Shortfall over as many independent draws [Manistre, Hancock, Variance of the CTE
estimator, North American Actuarial Journal 9, 2005]: (variance within the tail + (1 - a) (ES - VaR)**2) / (a S), with a
the tail's probability. Scenarios here are stratified, not independent: their error is at most about as large. Of
scenarios with masses, which stand for a population, and of rows that somebody wrote, it is not meant, and not told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from risk.exact.money import UNIT
from risk.exact.shape import Tail
from risk.margins.contributions import Breakdown, breakdown
from risk.margins.levels import from_today
from risk.margins.reference_books import reference_books
from risk.margins.shocks import sources_of
from risk.models.model import Estimator

from ..epochs import AnyEpoch

FRTB_LEVEL, EMIR_LEVEL = Fraction(975, 1000), Fraction(99, 100)
"""Of FRTB's Expected Shortfall (MAR33), and of EMIR's least Value at Risk (153/2013, Art. 24)."""


@dataclass(frozen=True)
class BookFigures:
    """One book. Amounts are 10**-6 quote units of losses from today on.

    value_at_risk_99 : the smallest loss that scenarios of at most 1 % in weight exceed.
    error : standard error of Expected Shortfall over itself; None of scenarios that are no draws, or where ES is not
        above 0.
    """

    name: str
    lots: dict[str, int]
    expected_shortfall: Fraction
    value_at_risk: Fraction
    value_at_risk_99: Fraction
    addons: int
    margin: int
    error: float | None
    found: Breakdown


def book_figures(numbers: AnyEpoch) -> tuple[BookFigures, ...]:
    """Of every reference book of an epoch.

    Raises
    ------
    BadInput : an epoch of bare numbers.
    """
    model, book, _ = sources_of(numbers)
    risks = from_today(numbers)
    symbols = {instrument.symbol for instrument in numbers.instruments}
    out = []
    for name, lots in reference_books(numbers, book, symbols).items():
        found = breakdown(risks, rows_of(numbers, lots))
        tail = numbers.shape.tail
        out.append(BookFigures(
            name, lots, found.expected_shortfall, found.value_at_risk,
            found.money(quantile(found.losses, tail, 1 - EMIR_LEVEL)), found.addons, found.required,
            _error(found, tail) if tail.uniform and model.estimator != Estimator.HANDWRITTEN else None, found))
    return tuple(out)


def rows_of(numbers: AnyEpoch, lots: Mapping[str, int]) -> tuple[tuple[int, int], ...]:
    """Positions (row of the epoch, lots) of lots by symbol."""
    return tuple((row, count) for symbol, count in lots.items() if (row := numbers.row_of(symbol)) is not None)


def quantile(losses: Sequence[int], tail: Tail, level: Fraction) -> int:
    """The smallest loss that scenarios of at most `level` of all weight exceed."""
    weights = tail.weights(len(losses))
    above, most = 0, level * sum(weights)
    for place in sorted(range(len(losses)), key=lambda s: -losses[s]):
        above += weights[place]
        if above > most:
            return losses[place]
    return min(losses)


def _error(found: Breakdown, tail: Tail) -> float | None:
    shortfall = found.expected_shortfall
    if shortfall <= 0:
        return None
    alpha = float(tail.share(len(found.losses)))
    mass = found.shortfall.tail_mass
    mean = float(shortfall) / UNIT
    squares = math.fsum(weight * (float(found.money(loss)) / UNIT - mean) ** 2
                        for weight, loss in zip(mass, found.losses, strict=True))
    within = squares / sum(mass)
    beyond = mean - float(found.value_at_risk) / UNIT
    return math.sqrt((within + (1 - alpha) * beyond * beyond) / (alpha * len(found.losses))) / mean
