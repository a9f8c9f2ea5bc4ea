"""How far a book made for the purpose gets below its true Expected Shortfall, by another adversary than the engine's.

Maximise the mean loss over the book's own true tail, such that the margin by the scenarios is 1 and the legs' own
margins add up to at most GROSS: a linear programme (HiGHS), repeated with the tail that the last book had. The
adversary knows the population, and is judged by paths that neither it nor the scenarios were made with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from benchmarks.risk.markets import Market
from benchmarks.risk.truth import TAIL, shortfall, weighted_shortfall

Floats = NDArray[np.float64]

GROSS = 5.0
ROUNDS = 6
JUDGES = 1 << 19
JUDGE_SEED = 77


@dataclass(frozen=True, eq=False)
class Attacker:
    """known : values of the listings on the population's paths, (n, width).  own : of each leg alone, (width,)."""

    known: NDArray[np.float32]
    own: Floats

    @classmethod
    def of(cls, known: NDArray[np.float32]) -> Attacker:
        """Who knows these paths."""
        return cls(known, np.maximum(shortfall(known), shortfall(-known)))

    def attack(self, inside: Floats, masses: NDArray[np.int64], start: Floats, gross: float = GROSS) -> Floats:
        """The book found against scenarios' values (S, width) from a start: (width,), quantities."""
        scenarios, width = inside.shape
        scaled = inside / self.own
        rows = np.zeros((scenarios + 2, 2 * width + 1 + scenarios))     # bought, sold, VaR, excess over it
        rows[:scenarios, :width], rows[:scenarios, width:2 * width] = -scaled, scaled
        rows[:scenarios, 2 * width] = -1
        rows[:scenarios, 2 * width + 1:] = -np.eye(scenarios)
        rows[scenarios, 2 * width], rows[scenarios, 2 * width + 1:] = 1, masses / masses.sum() / TAIL
        rows[scenarios + 1, :2 * width] = 1
        most = np.concatenate([np.zeros(scenarios), [1, gross]])
        bounds = [(0, None)] * (2 * width) + [(None, None)] + [(0, None)] * scenarios
        book, before = start / self.own, 0.0
        for _ in range(ROUNDS):
            loss = -(self.known @ book.astype(np.float32))
            count = int(TAIL * len(loss))
            mean = self.known[np.argpartition(loss, -count)[-count:]].mean(0, dtype=np.float64) / self.own
            found = linprog(np.concatenate([mean, -mean, np.zeros(1 + scenarios)]), rows, most, method="highs",
                            bounds=bounds)
            book = (found.x[:width] - found.x[width:2 * width]) / self.own
            if found.fun > before - 1e-3:
                break
            before = found.fun
        return book


def starts(count: int, width: int, seed: int = 1) -> list[Floats]:
    """Books to start from, as multiples of what each leg has alone: half of many legs, half of four."""
    rng = np.random.default_rng(seed)
    found = []
    for k in range(count):
        book = rng.standard_normal(width)
        if k % 2:
            book *= np.isin(np.arange(width), rng.choice(width, min(4, width), replace=False))
        found.append(book)
    return found


def floor(market: Market, known: NDArray[np.float32], chosen: NDArray[np.int64], judge: NDArray[np.float32],
          count: int) -> list[float]:
    """Margin over true Expected Shortfall of the book found from each start."""
    attacker, inside = Attacker.of(known), known[chosen].astype(np.float64)
    ratios = []
    for start in starts(count, market.width):
        book = attacker.attack(inside, market.masses, start)
        margin = weighted_shortfall(-(inside @ book)[:, None], market.masses)[0]
        ratios.append(float(margin / shortfall(-(judge @ book.astype(np.float32))[:, None])[0]))
    return ratios


def judging(market: Market, paths: int = JUDGES) -> NDArray[np.float32]:
    """Values of the listings on paths that nobody else saw: (n, width)."""
    return np.concatenate([market.values(part) for part in market.independent(JUDGE_SEED, paths)])
