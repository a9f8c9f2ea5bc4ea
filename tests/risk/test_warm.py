"""What `tailproof warm` compiles of the risk engine is all that an epoch needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PROGRAM = """
from primitives import cache
from risk.valuation.warm import warm
warm()
compiled = []
cache.watchers.append(compiled.append)
from risk.epochs.build import build, parse_sources, calibrated
from risk.epochs.provenance import Sources
from risk.scenarios import monte_carlo
sources = Sources.read("fixtures/btc_eth/model.toml", "fixtures/btc_eth/book.json")
epoch = build(sources)
model, book, history = parse_sources(sources)
monte_carlo.population(calibrated(model, book, history), model.copula, seed=1, count=64, horizon=2)
print([name for name in compiled if name.split(".")[-1] in NAMES])
"""


@pytest.mark.slow
def test_an_epoch_finds_everything_compiled(tmp_path: Path) -> None:
    """In an empty cache: what `warm` leaves out would be compiled by the epoch."""
    from primitives.native import Compiled
    from risk.exact import covariance, kernels, sobol, variance
    from risk.valuation import kernels as prices
    names = {name for module in (covariance, kernels, sobol, variance, prices) for name, value in vars(module).items()
             if isinstance(value, Compiled)}
    assert "option_changes" in names
    program = PROGRAM.replace("NAMES", repr(names))
    settings = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, text=True, capture_output=True,
                          env=settings)
    assert done.stdout.strip() == "[]"
