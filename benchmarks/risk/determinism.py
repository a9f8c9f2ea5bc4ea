"""Golden epochs under the settings that every test run checks; `make determinism` runs all of them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator

from benchmarks.measure import ROOT
from benchmarks.risk.figures import Figure, Report


def figures(report: Report, *, full: bool) -> Iterator[Figure]:
    """How many settings find another digest for any golden epoch."""
    sys.path.insert(0, str(ROOT / "tests"))
    matrix = importlib.import_module("determinism.matrix")                # a test's, and no package
    settings = {name: (python, setting) for name, python, setting in matrix.full()} if full else \
        {name: (sys.executable, setting) for name, setting in matrix.short().items()}
    differing = {}
    for name, (python, setting) in settings.items():
        report(f"golden epochs: {name}")
        differing[name] = matrix.differing(matrix.found(setting, python))
    yield Figure(f"settings with another root, of {len(settings)}, {len(matrix.pinned())} golden digests",
                 sum(map(bool, differing.values())), "", most=0, details=differing)
