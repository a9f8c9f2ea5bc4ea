"""Cascades: how long a large one takes, and in how many worlds tiers leave less bad debt than none."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

from benchmarks.risk.figures import Figure, Report
from risk.cascades.draws import draw
from risk.cascades.engine import simulate
from risk.cascades.experiments import median, policies
from risk.cascades.presets import STANDARD

ACCOUNTS = 10_000
SEEDS = 200
SHARE = 95.0
"""Percent of 200 worlds; of few, one that breaks in neither form would decide."""
_SELLING, _TIERS = "no tiers", "partial and auction"


def bad_debts(seed: int) -> tuple[int, int]:
    """Without tiers and with all of them, in the same world, 10**-6 quote units."""
    forms = policies(STANDARD.tiers)
    found = [simulate(one, draw(one, seed)).bad_debt
             for one in (replace(STANDARD, tiers=forms[name]) for name in (_SELLING, _TIERS))]
    return found[0], found[1]


def figures(report: Report, seeds: int = SEEDS) -> Iterator[Figure]:
    """Seconds of one cascade, whose money and lots are summed after each block; the share of worlds."""
    large = replace(STANDARD, population=replace(STANDARD.population, accounts=ACCOUNTS))
    blocks = large.shock.blocks
    report(f"cascade of {ACCOUNTS:,} accounts")
    short = replace(STANDARD, shock=replace(STANDARD.shock, blocks=2, start=0, length=1))
    simulate(short, draw(short, 0))                                                      # what loads once, loads
    begin = time.perf_counter()
    simulate(large, draw(large, 0))
    yield Figure(f"cascade of {ACCOUNTS:,} accounts over {blocks:,} blocks, conserved in each",
                 time.perf_counter() - begin, "s", most=30)
    pairs = []
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        for pair in pool.map(bad_debts, range(seeds)):
            pairs.append(pair)
            report(f"cascades: world {len(pairs)} of {seeds}")
    naked, tiers = zip(*pairs, strict=True)
    lower, equal = sum(b < a for a, b in pairs), sum(b == a for a, b in pairs)
    yield Figure(f"standard cascade, {seeds} seeds: tiers leave less bad debt than none in", 100 * lower / seeds, "%",
                 least=SHARE if seeds >= SEEDS else None, details={"lower": lower, "equal": equal},
                 note=f"{equal} equal; median {median(tiers) / 1e6:,.0f} against {median(naked) / 1e6:,.0f}")
