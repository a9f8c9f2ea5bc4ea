"""One epoch of every estimator, and the digest of each down to the last bit of its doubles.

    python -m determinism.golden            prints {name: digest}, in the process's own setting

A digest is of the root and of what it was made of: variances, innovations before they are rounded, scenarios, value
changes. So a last bit that rounding happens to hide is seen too. Needs NumPy, Numba and a Keccak, nothing else.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from risk.epochs import build as epochs
from risk.epochs.provenance import Sources
from risk.exact.digests import content_digest
from risk.exact.elementary import exp, student_t_quantile
from risk.exact.uniforms import uniforms
from risk.grid.grid_build import build_grid
from risk.grid.grid_shape import GRID_TINY
from risk.models.model import Estimator
from risk.scenarios import filtered_historical, monte_carlo
from risk.scenarios.scenarios import simulate

BOOK = Path(__file__).parent.parent.parent / "fixtures" / "btc_eth" / "book.json"
COINS = BOOK.parent.parent / "inverse" / "book.json"
DAYS = 500

HEAD = """schema = "tailproof.model/2"
name = "golden"
estimator = "{estimator}"
assets = ["BTC", "ETH"]
purpose = "trial"
seed = 7
horizon = {horizon}
[epoch]
scenarios = 128
tail = "16/5"
depth = 3
lanes = 5
width = 50
[gates]
accepted = {{G4 = "a made-up history", G7 = "a short one"}}
"""
GARCH = 'family = "garch"\nmean = 0.0011\nomega = 1.3e-5\nalpha = 0.08\nbeta = 0.91\ninnovations = "t"\ndegrees = 3.1\n'
GJR = 'family = "gjr"\nmean = 0.0004\nomega = 2.0e-5\nalpha = 0.03\ngamma = 0.09\nbeta = 0.88\n' \
    'innovations = "skew-t"\ndegrees = 4.5\nskew = -0.1\n'
EWMA = 'family = "ewma"\nlambda = 0.96\ninnovations = "normal"\n'
STATIC = '[correlation]\nfamily = "static"\nmatrix = [[1.0, 0.8], [0.8, 1.0]]\n'
CDCC = '[correlation]\nfamily = "cdcc"\na = 0.04\nb = 0.93\nmatrix = [[1.0, 0.75], [0.75, 1.0]]\n'


def _model(estimator: str, horizon: int, volatilities: tuple[str, str], rest: str) -> bytes:
    """A model file; Monte Carlo is told the variances, the others read a history."""
    told = ("variance = 0.0014\n", "variance = 0.0025\n") if estimator == "monte-carlo" else ("", "")
    tables = "".join(f"[volatility.{asset}]\n{family}{variance}" for asset, family, variance
                     in zip(("BTC", "ETH"), volatilities, told, strict=True))
    return (HEAD.format(estimator=estimator, horizon=horizon) + tables + rest).encode()


MODELS: Mapping[str, bytes] = {
    "monte-carlo garch-t, t": _model("monte-carlo", 2, (GARCH, GARCH),
                                     STATIC + '[copula]\nfamily = "t"\ndegrees = 3.2\n'),
    "monte-carlo gjr-skew-t, grouped-t": _model(
        "monte-carlo", 3, (GJR, GARCH),
        STATIC + '[copula]\nfamily = "grouped-t"\ngroups = [{assets = ["BTC"], degrees = 3.5}, '
                 '{assets = ["ETH"], degrees = 6.0}]\n'),
    "monte-carlo ewma-normal, gaussian": _model("monte-carlo", 1, (EWMA, EWMA),
                                                STATIC + '[copula]\nfamily = "gaussian"\n'),
    "filtered-historical garch-t": _model("filtered-historical", 2, (GARCH, EWMA), ""),
    "filtered-historical gjr-skew-t, cdcc": _model("filtered-historical", 5, (GJR, GJR), CDCC),
    "handwritten": b"""schema = "tailproof.model/2"
name = "golden"
estimator = "handwritten"
assets = ["BTC", "ETH"]
horizon = 0
set = "derive-pm2-2025-02"
[epoch]
scenarios = 31
tail = "1"
depth = 3
""",
}


LEVELS = MODELS["monte-carlo garch-t, t"].replace(b"seed = 7", b'seed = 7\nbasis = "level"')


JUMPS = {"merton": 'mean = -0.08\ndeviation = 0.12\n', "kou": "up_share = 0.3\nup_mean = 0.05\ndown_mean = 0.1\n"}
RATES = '[stress]\nsets = ["rates"]\nweight = 0.25\n'


@cache
def history() -> bytes:
    """Prices that end at the book's, with gaps; they pass through text, as any history does."""
    from datetime import date, timedelta
    z = student_t_quantile(uniforms(5, (DAYS, 2)), 4.0)
    moves = 0.03 * np.stack([z[:, 0], 0.7 * z[:, 0] + 0.7 * z[:, 1]], axis=1)
    levels = [[0.0, 0.0]]
    for move in moves[::-1]:
        levels.append([levels[-1][0] - move[0], levels[-1][1] - move[1]])
    prices = np.array([29000.0, 737.0]) * exp(np.array(levels[::-1]))
    lines = [f"{date(2020, 12, 31) - timedelta(days=DAYS - i)},{btc:.6f},{eth:.6f}"
             for i, (btc, eth) in enumerate(prices) if i % 50 != 30]
    return ("date,BTC,ETH\n" + "\n".join(lines) + "\n").encode()


def _digest(*parts: bytes | int | NDArray[np.float64] | NDArray[np.int64]) -> str:
    total = b"".join(part.to_bytes(32, "big") if isinstance(part, int) else part if isinstance(part, bytes)
                     else np.ascontiguousarray(part).astype("<" + part.dtype.str[1:]).tobytes() for part in parts)
    return content_digest(total)[:34]


def _epoch(model_file: bytes) -> str:
    reads = b"filtered-historical" in model_file
    sources = Sources(model=model_file, book=BOOK.read_bytes(), history=history() if reads else None, paths={})
    epoch = epochs.build(sources)
    model, book, prices = epochs.parse_sources(sources)
    calibration = epochs.calibrated(model, book, prices)
    sizes = {"seed": 7, "count": 128, "horizon": model.horizon}
    if model.estimator == Estimator.MONTE_CARLO:
        assert model.copula is not None
        drawn = monte_carlo.innovations(calibration, model.copula, **sizes)
    elif model.estimator == Estimator.HANDWRITTEN:
        assert epoch.provenance is not None
        drawn = epoch.provenance.scenarios.returns
    else:
        assert prices is not None
        drawn = filtered_historical.innovations(model, prices, **sizes)
    return _digest(epoch.root, np.array(calibration.variances), drawn, epoch.changes)


def _population() -> str:
    model, book, prices = epochs.parse_sources(Sources(MODELS["monte-carlo garch-t, t"], BOOK.read_bytes(), None, {}))
    calibration = epochs.calibrated(model, book, prices)
    assert model.copula is not None
    drawn = monte_carlo.population(calibration, model.copula, seed=7, count=2**14, horizon=2)
    paths = simulate(calibration, model.assets, drawn)
    return _digest(drawn, paths.returns, paths.variances)


def _weighted() -> str:
    """Scenarios with masses, and what is stated of them."""
    model_file = MODELS["monte-carlo garch-t, t"].replace(
        b'scenarios = 128\ntail = "16/5"',
        b'scenarios = 64\ntail = "256/5"\nmasses = "8x1 12x2 8x4 8x8 8x16 8x32 8x64 4x256"')
    epoch = epochs.build(Sources(model_file + b"[scenarios]\npopulation = 8192\n", BOOK.read_bytes(), None, {}))
    assert epoch.provenance is not None
    quality = epoch.provenance.drawn.quality
    assert quality is not None
    return _digest(epoch.root, epoch.provenance.scenarios.returns, json.dumps(quality.to_json()).encode())


def _coins(family: str, basis: str) -> str:
    """Inverse contracts, funding, a discount curve, shocks of rates and jumps."""
    table = f'[jumps]\nfamily = "{family}"\nintensity = 20.0\nsystemic = 0.7\nsource = "golden"\n{JUMPS[family]}'
    model_file = MODELS["monte-carlo garch-t, t"].replace(b"seed = 7", f'seed = 7\nbasis = "{basis}"'.encode())
    epoch = epochs.build(Sources(model_file + (table + RATES).encode(), COINS.read_bytes(), None, {}))
    assert epoch.provenance is not None
    drawn = epoch.provenance.scenarios
    return _digest(epoch.root, drawn.returns, drawn.variances, epoch.changes)


def _grid(model_file: bytes = MODELS["monte-carlo garch-t, t"]) -> str:
    sources = Sources(model_file, BOOK.read_bytes(), None, {})
    epoch = build_grid(sources, replace(GRID_TINY, depth=3), regime=1)
    return _digest(epoch.root)


def cases() -> dict[str, Callable[[], str]]:
    """What makes each digest."""
    return {**{name: lambda file=file: _epoch(file) for name, file in MODELS.items()},  # type: ignore[misc]
            "levels": lambda: _epoch(LEVELS), "levels on a grid": lambda: _grid(LEVELS),
            "in coins, merton": lambda: _coins("merton", "change"),
            "in coins, levels, kou": lambda: _coins("kou", "level"),
            "population of Sobol paths": _population, "masses": _weighted, "grid": _grid}


def digests() -> dict[str, str]:
    """All of them."""
    return {name: make() for name, make in cases().items()}


if __name__ == "__main__":
    json.dump(digests(), sys.stdout, indent=1)
