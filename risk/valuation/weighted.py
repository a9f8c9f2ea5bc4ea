"""Weighted scenarios: chosen out of a population of paths, with what is known of their error.

The panel's tails are kept (`risk.scenarios.matching`), then the adversary looks for books that the scenarios
underestimate, which join the panel, and so on for some rounds. What is left is stated: the difference of twelve
reference books, and the least margin that the adversary still finds for its true Expected Shortfall.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.jsonio import Node
from risk.exact.shape import Tail
from risk.models.calibration import Calibration
from risk.models.model import Model
from risk.scenarios import adversary, matching
from risk.scenarios.adversary import Legs, Target
from risk.scenarios.scenarios import Scenarios
from risk.valuation.panel import UNIT, Panel

Ints = NDArray[np.int64]

ROUNDS = 8
"""Of attack and mending; a last attack judges."""
STARTS = 5
"""Books that each attack starts from. Three leave one book in 2,800 with an error of -14 %, these of -9 % (S = 256)."""
_MIXTURE_UNIT = matching.HINGE_UNIT // 2
JUDGES = 6
"""Of the last one."""
_PRECISION = 1 << 20
"""Books of the adversary are valued with so many units to an asset's deviation."""


@dataclass(frozen=True)
class Reference:
    """A book of the panel: Expected Shortfall over the population and by the scenarios, in deviations of its asset."""

    name: str
    population: float
    scenarios: float

    @property
    def difference(self) -> float:
        return self.scenarios / self.population - 1.0


@dataclass(frozen=True)
class Quality:
    """What weighted scenarios are worth.

    population : paths they were chosen from.
    references : the twelve books.
    floor : least margin over true Expected Shortfall, both without add-ons, of books that the adversary found, among
        those that gross no more than `gross` times their margin.
    """

    population: int
    references: tuple[Reference, ...]
    floor: float
    gross: float

    @classmethod
    def from_json(cls, node: Node) -> Quality:
        """Read what `to_json` wrote.

        Raises
        ------
        BadInput : naming the file and the field.
        """
        parts = node.object({"population", "floor", "gross", "bias", "references"})
        parts["bias"].number(-1e9, 1e9)
        references = []
        for entry in parts["references"].array(at_least=1):
            row = entry.object({"book", "population", "scenarios", "difference"})
            row["difference"].number(-1e9, 1e9)
            references.append(Reference(row["book"].text(r"[^\x00-\x1f]{1,100}", "the name of a book"),
                                        *(row[name].number(-1e9, 1e9) for name in ("population", "scenarios"))))
        found = cls(parts["population"].integer(1, 2**20), tuple(references), parts["floor"].number(-1e9, 1e9),
                    parts["gross"].number(0.0, 1e9))
        if found.to_json() != node.value:
            raise node.refuse("consistent: differences and bias follow from the numbers beside them")
        return found

    @property
    def bias(self) -> float:
        """Mean difference of the references."""
        return math.fsum(reference.difference for reference in self.references) / len(self.references)

    def to_json(self) -> dict[str, Any]:
        """Shares and deviations in six places."""
        return {"population": self.population, "floor": self.floor, "gross": self.gross, "bias": round(self.bias, 6),
                "references": [{"book": r.name, "population": r.population, "scenarios": r.scenarios,
                                "difference": round(r.difference, 6)} for r in self.references]}


@dataclass(frozen=True, eq=False)
class Matching:
    """Scenarios that keep the panel's tails.

    tail : as a fraction of probability.  masses : (S,).
    functions : what is kept, with room for more.  chosen : (S,), paths.
    """

    tail: tuple[int, int]
    masses: Ints
    functions: matching.TailFunctions
    chosen: Ints


def match(panel: Panel, tail: Tail, scenarios: int, room: int = 0, mixtures: int | None = None) -> Matching:
    """Choose by the panel alone, and leave room for so many functions more. Parameters and errors as `choose_from`."""
    masses = np.array(tail.weights(scenarios), np.int64)
    mixtures = _mixtures(scenarios) if mixtures is None else mixtures
    share, rings = tail.share(scenarios), matching.design(masses.tolist(), len(panel.values))
    features = panel.features
    partition = matching.cells(matching.depth(features), features, rings)
    books = list(panel.books(share))
    functions = matching.TailFunctions(partition, len(books) + mixtures + room)
    for book, part in books:
        functions.add(matching.hinges(panel.losses(book), part.as_integer_ratio()))
    for losses in panel.mixtures(mixtures):
        functions.add(matching.hinges(losses, share.as_integer_ratio(), _MIXTURE_UNIT))
    chosen = functions.balanced(matching.central(features, partition))
    return Matching(share.as_integer_ratio(), masses, functions, chosen)


def choose(model: Model, calibration: Calibration, paths: Scenarios) -> tuple[Ints, Quality]:
    """One path for each scenario of a weighted shape, from the outermost in.

    Parameters
    ----------
    model : its shape says masses and tail.
    paths : the population; its size is a multiple of the sum of the masses.

    Returns
    -------
    Indices of paths, (S,), and their quality.

    Raises
    ------
    BadInput : see `matching.design` and `Panel.of`.
    """
    return choose_from(Panel.of(model, calibration, paths), model.shape.tail, model.shape.scenarios)


def choose_from(panel: Panel, tail: Tail, scenarios: int, mixtures: int | None = None) -> tuple[Ints, Quality]:
    """The same of listings that are valued already, on all paths.

    Parameters
    ----------
    mixtures : how many of the panel's mixtures are kept beside its books; by default as many as `_mixtures` says.

    Raises
    ------
    BadInput : as `matching.design`.
    """
    matched = match(panel, tail, scenarios, ROUNDS * STARTS, mixtures)
    functions, chosen, masses = matched.functions, matched.chosen, matched.masses
    legs = Legs(panel.values, matched.tail)
    unit = _adversary_unit(scenarios)
    starts = adversary.starts(ROUNDS * STARTS + JUDGES, panel.values.shape[1])
    for k in range(ROUNDS):
        target = Target(legs, chosen, masses)
        for start in starts[k * STARTS:(k + 1) * STARTS]:
            found = adversary.attack(target, start)
            losses = adversary.losses_of(panel.values, found.book * _PRECISION)
            functions.add(matching.hinges(np.rint(losses).astype(np.int64), matched.tail, unit))
        chosen = functions.balanced(chosen)
    target = Target(legs, chosen, masses)
    floor = min(adversary.attack(target, start).ratio for start in starts[ROUNDS * STARTS:])
    references = tuple(_reference(name, panel.losses(book), chosen, masses, matched.tail)
                       for name, book in panel.references().items())
    return chosen, Quality(len(panel.values), references, round(floor, 6), adversary.GROSS)


def _mixtures(scenarios: int) -> int:
    """How many of the panel's mixtures are kept: 240 at 256 scenarios, 61 at 1000, none at fewer than 256, not
    enough for the panel's own books (64 mixtures at 64 scenarios: a mean error of 2.3 % of the references).

    Their tails lie where scenarios are few and heavy, so fewer scenarios need more of them. Measured by the panel
    alone, two assets, 256 scenarios: rms 2.2 % and a worst error of -13.5 % without, 1.4 % and -6.1 % with 120, 1.0 %
    and -3.9 % with 240, 1.0 % and -4.9 % with 480.
    """
    return 61_440 // scenarios if scenarios >= 256 else 0


def _adversary_unit(scenarios: int) -> int:
    """What functions of the adversary's books weigh beside the panel's `matching.HINGE_UNIT`: two thirds of it at 256
    scenarios, a third at 1000, as 1/sqrt(S).

    With equal weights, what is mended for books that nobody holds is taken from those that everybody does. Measured on
    two assets, eight seeds: 1.2 % error at 256 scenarios and 0.77 % at 1000 (equal weights, six seeds, fewer books of
    the adversary: 1.7 % at 256, with a lower floor).
    """
    return min(matching.HINGE_UNIT, matching.HINGE_UNIT * 32 // (3 * math.isqrt(scenarios)))


def _reference(name: str, losses: Ints, chosen: Ints, masses: Ints, tail: tuple[int, int]) -> Reference:
    own, _ = adversary.weighted_shortfall(-losses[chosen].astype(np.float64)[:, None], np.ones(1), masses, tail)
    return Reference(name, round(adversary.population_shortfall(losses, tail) / UNIT, 6), round(own / UNIT, 6))
