"""P&L attribution of the grid: what interpolation says random books gain, against full revaluation of the same.

Books hold up to eight of the fixture's instruments, in all four regimes, gains in each of 1000 standard scenarios.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from benchmarks.measure import ROOT
from benchmarks.risk.figures import Figure, Report
from risk.backtests.attribution import Attribution, attribute
from risk.epochs.provenance import Sources
from risk.grid.grid_build import assemble_grid, value
from risk.grid.grid_shape import GRID_1000
from risk.margins.grid_margin import interpolated_changes

BOOKS = 200
_FIXTURE = ROOT / "fixtures" / "btc_eth"


def attributions(books: int = BOOKS, seed: int = 1) -> list[Attribution]:
    """Of that many random books, a quarter in each regime."""
    valued = value(Sources.read(_FIXTURE / "model.toml", _FIXTURE / "book.json"), GRID_1000)
    rng, found = np.random.default_rng(seed), list[Attribution]()
    for regime in range(4):
        epoch, full = assemble_grid(GRID_1000, valued, regime), valued.full[regime].astype(np.float64)
        grid = np.stack([interpolated_changes(epoch, row + 1) for row in range(len(full))]) / 2.0**GRID_1000.weight_bits
        for _ in range(books // 4):
            rows = rng.choice(len(full), rng.integers(1, 9), replace=False)
            # Lots in units of what one gains or loses, so that no instrument is all of the book.
            lots = rng.standard_normal(len(rows)) / np.maximum(full[rows].std(1), 1.0)
            found.append(attribute(lots @ grid[rows], lots @ full[rows]))
    return found


def figures(report: Report) -> Iterator[Figure]:
    """The share of books that is green."""
    report("attribution of the grid")
    found = attributions()
    zones = Counter(one.zone for one in found)
    yield Figure(f"P&L attribution of the grid, {len(found)} random books: green", 100 * zones["green"] / len(found),
                 "%", least=90, details={**zones, "least Spearman": min(one.spearman for one in found),
                                    "most KS": max(one.ks for one in found)})
