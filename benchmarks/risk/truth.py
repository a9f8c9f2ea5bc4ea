"""What Expected Shortfall really is: by twice 2**21 paths of another generator, kept under `out/`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import ROOT
from benchmarks.risk.books import Books
from benchmarks.risk.markets import HistoricalMarket, Market, model_text

Floats = NDArray[np.float64]
KEPT = ROOT / "out" / "risk-bench"
PATHS = 1 << 21
SEEDS = (1001, 1002)
TAIL = .025
_AT_ONCE = 8


def shortfall(losses: NDArray[np.floating], tail: float = TAIL) -> Floats:
    """Of equally likely losses: (n, b) -> (b,)."""
    n = len(losses)
    count = int(n * tail)
    worst = np.partition(losses, n - count - 1, axis=0)[n - count - 1:]
    found: Floats = (worst.sum(0, dtype=np.float64) - (1 - (n * tail - count)) * worst.min(0)) / (n * tail)
    return found


def weighted_shortfall(losses: NDArray[np.floating], masses: NDArray[np.int64], tail: float = TAIL) -> Floats:
    """Of losses with masses: (S, b), (S,) -> (b,)."""
    order = np.argsort(-losses, axis=0, kind="stable")
    held = (masses / masses.sum())[order]
    inside = np.clip(tail - (np.cumsum(held, 0) - held), 0, held)
    found: Floats = (np.take_along_axis(losses, order, 0) * inside).sum(0) / tail
    return found


def truth(market: Market, books: Books, report: Callable[[str], None], paths: int = PATHS) -> Floats:
    """Expected Shortfall of each book at 97.5 %: (books,); the mean of two halves."""
    made_of = repr((model_text(market.assets), market.model.scenarios.clip, paths, SEEDS)).encode()
    kept = KEPT / f"truth-{hashlib.sha256(made_of + books.quantities.tobytes()).hexdigest()[:16]}.npy"
    if not kept.exists():
        halves = []
        for seed in SEEDS:
            report(f"truth of {', '.join(market.assets)}: {paths} paths, seed {seed}")
            values = np.concatenate([market.values(part) for part in market.independent(seed, paths)])
            count = books.quantities.shape[1]
            halves.append(np.concatenate([shortfall(-(values @ books.quantities[:, k:k + _AT_ONCE]))
                                          for k in range(0, count, _AT_ONCE)]))
        KEPT.mkdir(parents=True, exist_ok=True)
        np.save(kept, np.mean(halves, 0))
    found: Floats = np.load(kept)
    return found


def exact(market: HistoricalMarket, books: Books) -> Floats:
    """Of each book over all pairs of days."""
    values = np.concatenate([market.values(part) for part in market.every()])
    return np.concatenate([shortfall(-(values @ books.quantities[:, k:k + _AT_ONCE]))
                           for k in range(0, books.quantities.shape[1], _AT_ONCE)])
