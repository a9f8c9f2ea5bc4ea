"""The rows of `make risk-bench` that take no time are taken here; a file that moved broke one of them unseen."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.risk import __main__ as bench
from benchmarks.risk import (
    cascade,
    derive,
    elementary,
    indices,
    pricing,
    quantlib,
    reports,
    rolling,
    weighting,
)
from risk.fitting.volatility import fit


def test_weighting_costs_few_rows_and_no_domain() -> None:
    found = list(weighting.figures())
    assert len(found[0].details or {}) > 4
    assert not any(figure.missed for figure in found)


def test_prices_and_deltas_are_those_of_ball_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small part of the row; a price that is off by a hundred-billionth of the forward is seen."""
    found = list(pricing.figures(2000, lambda text: None))
    assert len(found) == 3
    assert not any(figure.missed for figure in found)
    whole = pricing.black_76
    monkeypatch.setattr(pricing, "black_76", lambda forward, *rest: whole(forward, *rest) + 2e-11 * forward)
    assert [figure.missed for figure in pricing.figures(100, lambda text: None)] == [True, False, False]


def test_rows_beside_quantlib_balls_and_derive_hold() -> None:
    """Small parts of them; `test_quantlib` and `test_balls` plant errors."""
    found = [*quantlib.figures(300, print), *elementary.figures(print, 1000), *derive.figures(print)]
    assert [figure.value is not None and not figure.missed for figure in found] == [True] * 6


def test_forecasts_are_set_against_those_of_a_static_dependence() -> None:
    """Equal ones are not better; those that follow what is to come are."""
    rng = np.random.default_rng(1)
    size = np.exp(rng.standard_normal(1500) / 2)
    losses = size * rng.standard_normal(1500)
    flat, right = (rolling.Forecasts(losses, {rolling.ALPHAS[0]: 1.96 * scale}, {rolling.ALPHAS[0]: 2.34 * scale})
                   for scale in (np.full(1500, size.mean()), size))
    right, flat = (dict.fromkeys(("50/50", rolling.SPREAD), one) for one in (right, flat))
    for ours, theirs, missed in ((right, flat, False), (flat, flat, True), (flat, right, True)):
        spread, half = rolling.against_static(ours, theirs)
        assert spread.missed is missed
        assert bool(half.note) is missed                             # it is said, and keeps nothing from passing
        assert half.value == spread.value


@pytest.mark.slow
def test_indices_are_forecast_day_by_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters are fitted again, on nothing that is forecast."""
    seen = []
    monkeypatch.setattr(indices, "EVERY", 60)
    monkeypatch.setattr(indices, "fit", lambda returns, *rest, **kinds: seen.append(len(returns)) or fit(
        returns, *rest, **kinds))
    found = list(indices.figures(print, 700))
    assert seen == [600] * 3 + [660] * 3
    assert "99 days" in found[0].what
    assert found[0].details.keys() == set(indices.ASSETS)
    assert all(0 <= figure.value < 10 for figure in found if figure.value is not None)


@pytest.mark.slow
def test_a_report_is_timed_and_opened() -> None:
    found = list(reports.figures(print))
    assert [figure.unit for figure in found] == ["s", "MB", ""]
    assert not any(figure.missed for figure in found[1:])             # seconds are the machine's


@pytest.mark.slow
def test_cascades_are_played_with_tiers_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the first of these worlds nothing breaks, in the second the tiers leave less."""
    monkeypatch.setattr(cascade, "ACCOUNTS", 500)
    seconds, share = cascade.figures(print, seeds=2)
    assert seconds.value is not None
    assert share.value == 50
    assert share.details == {"lower": 1, "equal": 1}
    assert share.least is None                                       # of two worlds nothing is said
    assert cascade.bad_debts(0) == (0, 0)


def test_a_missed_bound_is_the_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> int:
        return bench.main(["weighting", "--out", str(tmp_path)])
    assert run() == 0
    assert json.loads((tmp_path / "risk.json").read_text())["missed"] == []
    pins = weighting.pinned()
    heavy = {name: {**pin, "rows": pin["rows"] + 500 * name.endswith("-w")} for name, pin in pins.items()}
    monkeypatch.setattr(weighting, "pinned", lambda: heavy)
    assert run() == 1
    assert len(json.loads((tmp_path / "risk.json").read_text())["missed"]) == 1
