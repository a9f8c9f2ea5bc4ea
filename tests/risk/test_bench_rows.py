"""The rows of `make risk-bench` that take no time are taken here; a file that moved broke one of them unseen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.risk import __main__ as bench
from benchmarks.risk import pricing, weighting


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
