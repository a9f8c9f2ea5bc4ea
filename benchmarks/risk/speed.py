"""How long the risk engine takes.

A figure "one thread" is processor time with TAILPROOF_THREADS=1, so that other work on the machine counts less; the
others are wall time with as many threads as there are cores. Medians of one run.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from benchmarks.measure import ROOT, median
from benchmarks.risk.figures import Figure, Report
from benchmarks.risk.markets import ASSETS, Market
from primitives import threads
from risk.exact.elementary import exp, log, normal_cdf, student_t_quantile, student_t_tail
from risk.exact.sobol import sobol_uniforms
from risk.exact.uniforms import uniforms
from risk.market.book import Book, parse_book
from risk.models.calibration import calibrate
from risk.models.model import Model, parse_model
from risk.scenarios import monte_carlo
from risk.scenarios.scenarios import simulate
from risk.valuation.panel import Panel
from risk.valuation.revaluation import value_changes
from risk.valuation.weighted import choose_from, match

FIXTURE = ROOT / "fixtures" / "btc_eth"
MILLION = 10**6


@contextmanager
def one_thread() -> Iterator[None]:
    """As if the machine had one core."""
    before = os.environ.get(threads.SETTING)
    os.environ[threads.SETTING] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[threads.SETTING]
        else:
            os.environ[threads.SETTING] = before


def large_book(count: int = 1000) -> Book:
    """The fixture's underlyings with `count` options: 10 expiries, calls and puts at evenly spaced strikes."""
    book = json.loads((FIXTURE / "book.json").read_bytes())
    start = datetime.fromisoformat(book["valuation"])
    book["expiries"], book["instruments"] = [], []
    strikes = count // (len(book["underlyings"]) * 10 * 2)
    for underlying in book["underlyings"]:
        spot = float(underlying["spot"])
        for k in range(10):
            expiry = (start + timedelta(days=7 * (k + 1), hours=8)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            levels = [f"{spot * (0.5 + i / strikes):.2f}" for i in range(strikes)]
            book["expiries"].append({"underlying": underlying["symbol"], "expiry": expiry,
                                     "forward": f"{spot * (1 + 0.002 * k):.2f}",
                                     "volatilities": [{"strike": x, "volatility": "0.8"} for x in levels]})
            book["instruments"] += [
                {"symbol": f"{underlying['symbol']}-{k}-{i}-{kind[0]}", "kind": kind, "lot": "0.01",
                 "underlying": underlying["symbol"], "settlement": "cash", "expiry": expiry, "strike": x}
                for i, x in enumerate(levels) for kind in ("call", "put")]
    return parse_book(json.dumps(book).encode())


def large_model(count: int) -> Model:
    """The fixture's model with so many scenarios."""
    text = (FIXTURE / "model.toml").read_text()
    text = re.sub(r"(?m)^scenarios = \d+", f"scenarios = {count}", text)
    return parse_model(re.sub(r'(?m)^tail = "[^"]*"', f'tail = "{count // 40}"', text).encode())


def per_element(action: Callable[[], Any]) -> float:
    """Microseconds of an element of a million, one thread."""
    spent = []
    with one_thread():
        action()
        for _ in range(7):
            begin = time.thread_time()
            action()
            spent.append(time.thread_time() - begin)
    return statistics.median(spent) * 1e6 / MILLION


def figures(report: Report) -> Iterator[Figure]:
    """Everything timed, one after the other."""
    report("speed: functions")
    u = uniforms(1, (MILLION,))
    normal = student_t_quantile(u, 1000.0)
    t = np.abs(student_t_quantile(u, 3.2))
    yield Figure("Student-t quantile, an element, one thread", per_element(lambda: student_t_quantile(u, 3.2)), "µs",
                 most=0.25)
    yield Figure("Student-t tail, an element, one thread", per_element(lambda: student_t_tail(t, 3.2)), "µs", most=0.6)
    yield Figure("normal cdf, an element, one thread", per_element(lambda: normal_cdf(normal)), "µs", most=0.03)
    yield Figure("exp, an element, one thread", per_element(lambda: exp(normal)), "µs", most=0.016)
    yield Figure("log, an element, one thread", per_element(lambda: log(u)), "µs", most=0.01)
    yield Figure("Sobol uniforms, 2^17 x 4", median(5, lambda: sobol_uniforms(1, 2**17, (2, 2))), "s", most=0.1)

    report("speed: population and matching")
    market = Market(ASSETS[:2], 1000)
    tail = market.model.shape.tail

    def valued() -> Panel:
        return Panel.of(market.model, market.calibration, market.drawn(1, 2**17))

    yield Figure("population: 2^17 paths, 2 steps, 2 assets, from seed to integers",
                 median(5, lambda: market.drawn(1, 2**17)), "s", most=1.0)

    yield Figure("population and matching to S = 1000, without the adversary",
                 median(3, lambda: match(valued(), tail, 1000)), "s", most=3.0)
    panel = valued()
    yield Figure("the adversary's rounds after that", median(1, lambda: choose_from(panel, tail, 1000))
                 - median(1, lambda: match(panel, tail, 1000)), "s")
    report("speed: revaluation")
    book, model = large_book(), large_model(1000)
    calibration = calibrate(model, None)
    assert model.copula is not None
    few = simulate(calibration, model.assets, monte_carlo.population(calibration, model.copula, seed=1, count=1000,
                                                                     horizon=2))
    yield Figure("full revaluation, 1,000 options x 1,000 scenarios",
                 median(5, lambda: value_changes(book, model, calibration, few)), "s", most=0.35)
