"""A small world of two assets for tests of what sources may say: history, book and model, each easily changed."""

from __future__ import annotations

import json
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np

from risk.epochs.provenance import Sources

LAST = date(2024, 6, 18)
VALUATION = "2024-06-19T00:00:00Z"
MODEL = """schema = "tailproof.model/2"
name = "small"
estimator = "filtered-historical"
assets = ["BTC", "ETH"]
horizon = 1
[epoch]
scenarios = 256
tail = "32/5"
depth = 2
lanes = 5
width = 50
"""
GARCH = '[volatility.BTC]\nfamily = "garch"\nmean = 0.0\nomega = 2e-5\nalpha = 0.08\nbeta = {beta}\n' \
    'innovations = "t"\ndegrees = 5.0\n'
STATED = """schema = "tailproof.model/2"
name = "stated"
estimator = "monte-carlo"
assets = ["BTC", "ETH"]
horizon = {horizon}
[epoch]
scenarios = 256
tail = "32/5"
depth = 2
lanes = 5
width = 50
[volatility.BTC]
family = "garch"
mean = 0.0
omega = 2e-5
alpha = 0.08
beta = 0.9
innovations = "t"
degrees = 5.0
variance = {variance}
[volatility.ETH]
family = "garch"
mean = 0.0
omega = 2e-5
alpha = 0.08
beta = 0.9
innovations = "t"
degrees = 5.0
variance = 0.0016
[correlation]
family = "static"
matrix = [[1.0, 0.7], [0.7, 1.0]]
"""


@cache
def prices(days: int = 700, deviation: float = 0.03) -> np.ndarray:
    """Student-t random walks that end at 60,000 and 3,000: (days, 2)."""
    moves = np.random.default_rng(1).standard_t(5, (days, 2)) * deviation / np.sqrt(5 / 3)
    walk = np.cumsum(moves, axis=0)
    return np.array([60000.0, 3000.0]) * np.exp(walk - walk[-1])


def history(values: np.ndarray | None = None) -> bytes:
    rows = prices() if values is None else values
    first = LAST - timedelta(days=len(rows) - 1)
    lines = [f"{first + timedelta(days=i)},{btc:.8f},{eth:.8f}" for i, (btc, eth) in enumerate(rows)]
    return ("date,BTC,ETH\n" + "\n".join(lines) + "\n").encode()


def book() -> dict[str, Any]:
    """Spot and perpetual of both; a month and a quarter of BTC options under a flat smile."""
    expiries, instruments = [], []
    for asset in ("BTC", "ETH"):
        instruments += [{"symbol": f"{asset}-SPOT", "kind": "spot", "underlying": asset, "lot": "0.01",
                         "settlement": "physical"},
                        {"symbol": f"{asset}-PERP", "kind": "perpetual", "underlying": asset, "lot": "0.01",
                         "settlement": "cash"}]
    for name, expiry in (("JUL", "2024-07-19T08:00:00Z"), ("SEP", "2024-09-27T08:00:00Z")):
        expiries.append(curve(expiry, {"50000": "0.6", "60000": "0.6", "70000": "0.6"}))
        instruments += [option(f"BTC-{name}-{strike}-{kind[0].upper()}", kind, expiry, strike)
                        for strike in ("50000", "60000", "70000") for kind in ("call", "put")]
    kinds = [(asset, kind) for asset in ("BTC", "ETH") for kind in ("spot", "perpetual", "future", "call", "put")]
    return {"schema": "tailproof.book/1", "venue": "small", "quote": "USD", "valuation": VALUATION, "rate": "0",
            "underlyings": [{"symbol": "BTC", "spot": "60000", "perpetual": "60010"},
                            {"symbol": "ETH", "spot": "3000", "perpetual": "3001"}],
            "expiries": expiries, "instruments": instruments,
            "contingencies": [{"underlying": asset, "kind": kind, "long": "0.001", "short": "0.002"}
                              for asset, kind in kinds]}


def curve(expiry: str, volatilities: dict[str, str], forward: str = "60000", **more: Any) -> dict[str, Any]:
    return {"underlying": "BTC", "expiry": expiry, "forward": forward, "volatilities": [
        {"strike": strike, "volatility": volatility} for strike, volatility in volatilities.items()], **more}


def option(symbol: str, kind: str, expiry: str, strike: str, lot: str = "0.1") -> dict[str, Any]:
    return {"symbol": symbol, "kind": kind, "underlying": "BTC", "lot": lot, "settlement": "cash", "expiry": expiry,
            "strike": strike}


def future(symbol: str, expiry: str, **more: Any) -> dict[str, Any]:
    return {"symbol": symbol, "kind": "future", "underlying": "BTC", "lot": "0.01", "settlement": "cash",
            "expiry": expiry, **more}


def world(changed: dict[str, Any] | None = None, *, model: str = MODEL, prices: np.ndarray | None = None) -> Sources:
    """Sources of the small world."""
    return Sources(model.encode(), json.dumps(changed or book()).encode(),
                   None if "monte-carlo" in model else history(prices),
                   {"model": "model.toml", "book": "book.json", "history": "history.csv"}
                   if "monte-carlo" not in model else {"model": "model.toml", "book": "book.json"})
