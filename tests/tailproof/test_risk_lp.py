"""`tailproof risk lp`: the curve of a pool's shares, as a person and as a program reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from risk.grid.lp_tokens import BASIS_POINTS, SHARE_UNIT, Curve
from tailproof.cli import main

Run = Callable[..., Any]


def test_a_pool_has_a_curve_that_never_counts_too_much(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    answer = run("risk", "lp", epoch_directory, "BTC/ETH", "--picture", tmp_path / "curve.png")
    assert answer.code == 0
    found = answer.data
    assert all(one["counts"] <= one["left"] for one in found["shares"])
    counts = [one["counts"] for one in found["shares"]]
    assert counts == sorted(counts, reverse=True)
    assert Curve(**found["curve"]).monotone
    assert min(found["falls"]) < found["haircut"] < max(found["falls"])
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_against_the_quote_half_of_it_stays(run: Run, epoch_directory: Path) -> None:
    """1 - sqrt(1 - h) is a little above h/2, and what scenarios say a little above that."""
    found = run("risk", "lp", epoch_directory, "BTC/USD").data
    assert found["falls"][1] == 0
    assert found["falls"][0] / 2 < found["built_in"] < found["haircut"] < 0.6 * found["falls"][0]


def test_a_range_has_a_haircut_by_where_the_price_is(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    found = run("risk", "lp", epoch_directory, "BTC/USD", "--range", "20000:40000", "--picture",
                tmp_path / "p.png").data
    now = found["buckets"][found["bucket_now"]]
    assert now["low"] <= found["price"] <= now["high"]
    assert now["market"] * SHARE_UNIT >= found["haircut"] * BASIS_POINTS
    assert found["buckets"][0]["market"] == -(-found["falls"][0] * BASIS_POINTS // SHARE_UNIT)
    narrow = run("risk", "lp", epoch_directory, "BTC/USD", "--range", "28000:30000").data
    assert narrow["haircut"] > found["haircut"]
    shown = CliRunner().invoke(main, ["risk", "lp", str(epoch_directory), "BTC/USD", "--range", "20000:40000"])
    assert "below" in shown.stdout
    assert "now" in shown.stdout


@pytest.mark.parametrize(("arguments", "field"), [
    (("BTC",), "PAIR"), (("BTC/BTC",), "PAIR"), (("USD/BTC",), "PAIR"), (("BTC/DOGE",), "PAIR"),
    (("BTC/USD", "--range", "4:3"), "range"), (("BTC/USD", "--range", "1e3:2e3"), "--range"),
    (("BTC/USD", "--range", "0:3"), "range"), (("BTC/USD", "--largest-share", "9999"), "largest share")])
def test_what_is_no_pool_is_refused(run: Run, epoch_directory: Path, arguments: tuple[str, ...], field: str) -> None:
    answer = run("risk", "lp", epoch_directory, *arguments)
    assert (answer.code, answer.data["field"]) == (2, field)
