"""All tests of one series of forecasts, each with a zone, and the comparison of several.

Green, yellow from p < 5 %, red from p < 1 %. Tests of coverage are two-sided: where exceptions are too *few* the
forecast is wrong too, but what was lost was covered, and so they say yellow at most; unless the dynamic quantile finds
that those few were foretold. The e-process is yellow from 5,
red from 20, Basel's light as Basel says. Of 300 right forecasts of 500 normal days, 5 were red, 60 yellow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from primitives.errors import BadInput
from risk.backtests.comparison import confidence_set, diebold_mariano, fz0
from risk.backtests.coverage import (
    Light,
    conditional_coverage,
    dynamic_quantile,
    independence,
    kupiec,
    most_in_a_year,
    traffic_light,
)
from risk.backtests.distributions import SIMULATIONS, Floats, Result
from risk.backtests.forecasts import Forecasts
from risk.backtests.shortfall import LEAST_EXCEPTIONS, TAIL_INDEX, e_process, exceedance_residuals, z1, z2

GREEN, YELLOW, RED, NOT_TESTED = "green", "yellow", "red", "not tested"
YELLOW_P, RED_P = 0.05, 0.01
YELLOW_WEALTH, RED_WEALTH = 5.0, 20.0
CONFIDENCE = 0.9
"""Of the set of models that none beats."""


@dataclass(frozen=True)
class Verdict:
    """One test. statistic, p : None where there is none.  note : what to read it with, or why nothing was tested."""

    test: str
    statistic: float | None
    p: float | None
    zone: str
    note: str = ""


@dataclass(frozen=True, eq=False)
class Judgement:
    """Of one series. wealth : (n,), of the e-process.  worst_year : most exceptions in 250 days in a row."""

    forecasts: Forecasts
    verdicts: tuple[Verdict, ...]
    light: Light
    wealth: Floats
    worst_year: int

    @property
    def zone(self) -> str:
        """The worst of all tests."""
        zones = {verdict.zone for verdict in self.verdicts}
        return next(zone for zone in (RED, YELLOW, GREEN) if zone in zones)


def judge(forecasts: Forecasts, *, simulations: int = SIMULATIONS, seed: int = 0, tail_index: float = TAIL_INDEX
          ) -> Judgement:
    """Run every test that VaR and ES alone allow; p-values of clusters and shortfall are simulated, the same for
    the same seed.

    Raises
    ------
    BadInput : fewer than 99 simulations, with which nothing could be red; tail_index not in [0, 1).
    """
    if simulations < 99:
        raise BadInput("simulations", simulations, "at least 99: p could not be as low as 1 % else")
    f, alpha, over = forecasts, forecasts.alpha, forecasts.exceptions
    count, expected = int(over.sum()), len(over) * alpha
    few = count < expected
    setting: Mapping[str, int] = {"simulations": simulations, "seed": seed}
    counted = f"{count} of {expected:.4g} expected"
    hits = dynamic_quantile(over, f.var, alpha, **setting)
    # Few that are foretold are no better than many: with the rate that there was, too few is no reason to refuse.
    foretold = few and count > 0 and hits.p < RED_P and \
        dynamic_quantile(over, f.var, count / len(over), **setting).p < RED_P
    verdicts = [_two_sided("Kupiec, coverage", kupiec(len(over), count, alpha), few, counted),
                _one("Christoffersen, independence", independence(over, **setting)),
                _two_sided("Christoffersen, both", conditional_coverage(over, alpha, **setting), few),
                _two_sided("dynamic quantile", hits, few and not foretold)]
    light = traffic_light(over, alpha)
    verdicts.append(Verdict("Basel, traffic light", float(light.exceptions), None, light.zone,
                            f"of last {light.days}"
                            + (f", times {light.multiplier:.2f}" if light.multiplier else "")))
    verdicts += [_one("Acerbi-Szekely, Z1", z1(f.losses, f.var, f.shortfall, **setting, tail_index=tail_index),
                      "no exceptions"),
                 _one("Acerbi-Szekely, Z2", z2(f.losses, f.var, f.shortfall, alpha, **setting,
                                               tail_index=tail_index)),
                 _one("McNeil-Frey, excess", exceedance_residuals(f.losses, f.var, f.shortfall, **setting),
                      f"{count} of {LEAST_EXCEPTIONS} exceptions")]
    wealth = e_process(f.losses, f.var, f.shortfall, alpha)
    most = float(wealth.max())
    verdicts.append(Verdict("e-process, most wealth", most, min(1.0, 1 / most),
                            RED if most >= RED_WEALTH else YELLOW if most >= YELLOW_WEALTH else GREEN,
                            f"on {f.labels[int(wealth.argmax())]}" if most > 1 else ""))
    return Judgement(f, tuple(verdicts), light, wealth, most_in_a_year(over))


@dataclass(frozen=True)
class Standing:
    """One of several series. score : mean FZ0.  p : of the model confidence set.  kept : whether it is in that of 90 %.
    against_first : p of Diebold and Mariano that it is no better than the first; None of the first itself."""

    score: float
    p: float
    kept: bool
    against_first: float | None


def compare(series: Sequence[Forecasts], *, simulations: int = SIMULATIONS, seed: int = 0) -> tuple[Standing, ...]:
    """Of at least two series of the same days, losses and level.

    Raises
    ------
    BadInput : fewer than two; days, losses or levels that differ.
    """
    if len(series) < 2:
        raise BadInput("number of forecasts", len(series), "at least 2 to be compared")
    for one, other in pairwise(series):
        if one.alpha != other.alpha:
            raise BadInput("alpha", other.alpha, f"{one.alpha}, as of the others", source=other.source)
        if one.labels != other.labels:
            differing = sorted(set(one.labels) ^ set(other.labels))
            raise BadInput("dates", differing[0], f"the same as in {one.source}", source=other.source)
        if not np.array_equal(one.losses, other.losses):
            day = int(np.argmax(one.losses != other.losses))
            raise BadInput(f"loss of {other.labels[day]}", float(other.losses[day]),
                           f"{float(one.losses[day])!r}, as in {one.source}", source=other.source)
    scores = np.stack([fz0(f.losses, f.var, f.shortfall, f.alpha) for f in series], 1)
    kept = confidence_set(scores, simulations=simulations, seed=seed)
    return tuple(Standing(float(scores[:, i].mean()), p, p > 1 - CONFIDENCE,
                          diebold_mariano(scores[:, i], scores[:, 0]).p if i else None) for i, p in enumerate(kept.p))


def _one(name: str, found: Result | None, note: str = "") -> Verdict:
    if found is None:
        return Verdict(name, None, None, NOT_TESTED, note)
    zone = RED if found.p < RED_P else YELLOW if found.p < YELLOW_P else GREEN
    if math.isinf(found.statistic):                     # nothing to divide by, and no number that JSON has
        return Verdict(name, None, found.p, zone, "all excesses alike")
    return Verdict(name, found.statistic, found.p, zone)


def _two_sided(name: str, found: Result, few: bool, note: str = "") -> Verdict:
    zone = GREEN if found.p >= YELLOW_P else RED if found.p < RED_P and not few else YELLOW
    return Verdict(name, found.statistic, found.p, zone,
                   f"only {note}" if few and zone != GREEN and note else note)
