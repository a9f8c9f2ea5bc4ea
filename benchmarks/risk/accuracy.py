"""Expected Shortfall of many books by weighted scenarios, against the truth, over seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.risk import adversary
from benchmarks.risk.books import Books, catalogue
from benchmarks.risk.figures import Figure, Report
from benchmarks.risk.markets import ASSETS, HistoricalMarket, Market
from benchmarks.risk.truth import exact, truth, weighted_shortfall
from risk.market.history import History
from risk.valuation.weighted import Quality, choose

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Goal:
    """Percent. floor : least margin over true Expected Shortfall of an adversary's book."""

    rms: float
    bias: float
    worst: float
    floor: float | None = None


GOALS: Mapping[tuple[int, int], Goal] = {
    (2, 256): Goal(1.5, .6, -8, .9), (3, 256): Goal(2.1, .6, -11), (4, 256): Goal(2.4, .6, -15),
    (2, 1000): Goal(.8, .4, -5), (3, 1000): Goal(1.1, .4, -6), (4, 1000): Goal(1.3, .4, -10, .85)}
"""By assets and scenarios."""
SINGLE, HISTORICAL = 1.9, 1.3
ATTACKED, STARTS = 3, 8
"""Seeds whose scenarios are attacked, and starts of each attack."""


@dataclass(frozen=True, eq=False)
class Errors:
    """Of one market: (seeds, books) in percent of the truth, and what the adversary found and the epoch says."""

    market: Market
    books: Books
    percent: Floats
    floors: tuple[float, ...]
    stated: tuple[Quality, ...]

    @property
    def main(self) -> Floats:
        """Of the books that the goals are about."""
        return self.percent[:, self.books.main]


def rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(values * values)))


def measured(market: Market, seeds: int, attacked: int, report: Report) -> Errors:
    """Choose scenarios for each seed and compare."""
    books = catalogue(market)
    true = exact(market, books) if isinstance(market, HistoricalMarket) else truth(market, books, report)
    judge = adversary.judging(market) if attacked else None
    rows, floors, stated = [], list[float](), []
    name = f"{', '.join(market.assets)}, {market.scenarios} scenarios"
    for seed in range(seeds):
        report(f"{name}: seed {seed + 1} of {seeds}")
        paths = market.drawn(seed, market.model.scenarios.population)
        chosen, quality = choose(market.model, market.calibration, paths)
        known = market.values(paths)
        rows.append(100 * (weighted_shortfall(books.losses(known[chosen]), market.masses) / true - 1))
        stated.append(quality)
        if judge is not None and seed < attacked:
            report(f"{name}: adversary, seed {seed + 1} of {attacked}")
            floors += adversary.floor(market, known, chosen, judge, STARTS)
    return Errors(market, books, np.array(rows), tuple(floors), tuple(stated))


def figures(found: Errors, goal: Goal) -> Iterator[Figure]:
    """Its rows."""
    m, scenarios = len(found.market.assets), found.market.scenarios
    what, e = f"ES 97.5 %, {found.books.main.sum()} books, m = {m}, S = {scenarios}", found.main
    by_class = {name: {"rms": rms(own), "worst": float(own.min())} for name in dict.fromkeys(found.books.names.tolist())
                if (own := found.percent[:, found.books.names == name]) is not None}
    details = {"seeds": len(e), "classes": by_class, "stated floors": [q.floor for q in found.stated]}
    yield Figure(f"{what}: rms", rms(e), "%", most=goal.rms, details=details)
    yield Figure(f"{what}: bias, absolute", abs(float(e.mean())), "%", most=goal.bias)
    yield Figure(f"{what}: worst", float(e.min()), "%", least=goal.worst)
    if found.floors:
        yield Figure(f"{what}: least margin / true ES of an adversary", min(found.floors), "", least=goal.floor,
                     details={"found": sorted(found.floors), "gross": adversary.GROSS})


def single_assets(seeds: int, report: Report) -> Iterator[Figure]:
    """Each asset alone at S = 256."""
    for asset in ASSETS:
        found = measured(Market((asset,), 256), seeds, 0, report)
        yield Figure(f"ES 97.5 %, {asset} alone, {found.books.main.sum()} books, S = 256: rms", rms(found.main), "%",
                     most=SINGLE)


def historical(history: History, seeds: int, report: Report) -> Iterator[Figure]:
    """Filtered historical simulation: two days out of 1,200, of two assets."""
    found = measured(HistoricalMarket(("BTC", "ETH"), 256, history), seeds, 0, report)
    yield Figure(f"ES 97.5 %, historical days, {found.books.main.sum()} books, S = 256: rms",
                 rms(found.main), "%", most=HISTORICAL, details={"seeds": seeds, "worst": float(found.main.min())})
