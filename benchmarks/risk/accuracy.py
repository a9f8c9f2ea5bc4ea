"""Expected Shortfall of many books by weighted scenarios, against the truth, over seeds."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.risk import adversary
from benchmarks.risk.books import Books, catalogue
from benchmarks.risk.figures import Figure, Report
from benchmarks.risk.markets import ASSETS, HistoricalMarket, Market
from benchmarks.risk.truth import exact, truth, weighted_shortfall
from primitives import threads
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
    """Choose scenarios for each seed and compare; seeds share the cores, a process each."""
    books = catalogue(market)
    true = exact(market, books) if isinstance(market, HistoricalMarket) else truth(market, books, report)
    name = f"{', '.join(market.assets)}, {market.scenarios} scenarios"
    report(f"{name}: {seeds} seeds")
    trials = list[_Trial]()
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn"), _one_thread) as pool:
        for trial in pool.map(_trial, [market] * seeds, range(seeds), [seed < attacked for seed in range(seeds)]):
            trials.append(trial)
            report(f"{name}: seed {len(trials)} of {seeds}")
    percent = 100 * (np.array([trial.shortfalls for trial in trials]) / true - 1)
    return Errors(market, books, percent, tuple(ratio for trial in trials for ratio in trial.floors),
                  tuple(trial.stated for trial in trials))


@dataclass(frozen=True, eq=False)
class _Trial:
    """One seed.  shortfalls : (books,)."""

    shortfalls: Floats
    stated: Quality
    floors: list[float]


def _one_thread() -> None:
    os.environ[threads.SETTING] = "1"


def _trial(market: Market, seed: int, attacked: bool) -> _Trial:
    paths = market.drawn(seed, market.model.scenarios.population)
    chosen, quality = choose(market.model, market.calibration, paths)
    known = market.values(paths)
    floors = adversary.floor(market, known, chosen, adversary.judging(market), STARTS) if attacked else []
    return _Trial(weighted_shortfall(catalogue(market).losses(known[chosen]), market.masses), quality, floors)


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
