"""`tailproof risk venues`: a margin without each venue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from worlds import MODEL, book, history

from risk.epochs import epoch_directory
from risk.epochs.build import build
from risk.epochs.provenance import Sources
from risk.margins.margin import margin
from tailproof.cli import main

NOW = "2024-06-18T23:59:50Z"


def quotes(**by_venue: tuple[str, str, str]) -> dict[str, Any]:
    """The small world; the month's volatilities at 50, 60 and 70 thousand by venue."""
    made = book()
    del made["expiries"][0]["volatilities"]
    made["expiries"][0]["quotes"] = [{"venue": venue, "quoted_at": NOW, "volatilities": [
        {"strike": strike, "volatility": value}
        for strike, value in zip(("50000", "60000", "70000"), values, strict=True) if value]}
        for venue, values in by_venue.items()]
    return made


THREE = {"deribit": ("0.60", "0.59", "0.61"), "okx": ("0.61", "0.60", "0.62"), "bybit": ("0.64", "0.63", "0.65")}
FOUR = {**THREE, "paradex": ("0.62", "0.61", "0.63")}


@pytest.fixture
def run(tmp_path: Path) -> Any:
    def made(document: dict[str, Any], name: str = "epoch", basis: str = "") -> Path:
        model = MODEL.replace("[epoch]", f"{basis}[epoch]").replace("depth = 2", "depth = 3")
        for file, data in (("book.json", json.dumps(document).encode()), ("model.toml", model.encode()),
                           ("history.csv", history())):
            (tmp_path / file).write_bytes(data)
        epoch_directory.save(build(Sources.read(*(tmp_path / file for file in ("model.toml", "book.json",
                                                                                "history.csv")))), tmp_path / name)
        return tmp_path / name

    def told(epoch: Path, *, text: bool = False, **lots: int) -> Any:
        held = tmp_path / "portfolio.json"
        held.write_text(json.dumps({"schema": "tailproof.portfolio/1", "positions": [
            {"instrument": symbol.replace("_", "-"), "lots": count} for symbol, count in lots.items()]}))
        result = CliRunner().invoke(main, ["risk", "venues", str(epoch), str(held), *([] if text else ["--json"])])
        return result.stdout if text else (result.exit_code, json.loads(result.stdout))

    told.made = made  # type: ignore[attr-defined]
    return told


@pytest.mark.parametrize("basis", ["", 'basis = "level"\n'], ids=["changes", "levels"])
def test_each_venue_is_left_out_in_turn(run: Any, basis: str) -> None:
    epoch = run.made(quotes(**FOUR), basis=basis)
    code, found = run(epoch, BTC_JUL_60000_C=-40)
    assert code == 0
    assert [one["venue"] for one in found["venues"]] == ["bybit", "deribit", "okx", "paradex"]
    assert all(one["expiries"] == ["BTC 2024-07-19T08:00:00Z"] for one in found["venues"])
    for one in found["venues"]:
        kept = {venue: values for venue, values in FOUR.items() if venue != one["venue"]}
        other = epoch_directory.read(run.made(quotes(**kept), f"without-{one['venue']}", basis))[1]
        row = other.row_of("BTC-JUL-60000-C")
        assert row is not None
        # The seed follows from model and predecessor, so that the scenarios of the other epoch are the same.
        assert one["margin"] == str(margin(other, [(row, -40)]).required)
        assert int(one["change"]) == int(one["margin"]) - int(found["margin"])
    changes = {one["venue"]: int(one["change"]) for one in found["venues"]}
    assert len(set(changes.values())) > 1
    assert abs(int(found["largest_change"]["change"])) == max(map(abs, changes.values()))
    assert "largest change: " in run(epoch, text=True, BTC_JUL_60000_C=-40)


def test_what_does_not_hang_on_volatilities_does_not_change(run: Any) -> None:
    code, found = run(run.made(quotes(**THREE)), BTC_SPOT=3)
    assert code == 0
    assert {one["change"] for one in found["venues"]} == {"0"}


def test_who_was_left_out_before_is_told(run: Any) -> None:
    made = quotes(**THREE, lone=("0.60", "0.30", ""))
    code, found = run(run.made(made), BTC_JUL_60000_C=-1)
    assert code == 0
    assert any("lone is left out of the volatilities" in note for note in found["notes"])


def test_where_the_others_do_not_agree_there_is_no_margin(run: Any) -> None:
    """Two of five lie low: without one of the honest, two against two, nobody is within a tenth of the middle."""
    code, found = run(run.made(quotes(**THREE, low=("0.30", "0.29", "0.31"), lower=("0.29", "0.28", "0.30"))),
                      BTC_JUL_60000_C=-1)
    assert code == 0
    assert [one["margin"] is None for one in found["venues"]] == [True] * 3
    assert found["largest_change"] is None
    assert all(one["why"].startswith("the others do not agree: instruments[") for one in found["venues"])


def test_slices_stay_and_that_is_said(run: Any) -> None:
    made = quotes(**THREE)
    made["expiries"][0]["svi"] = {"a": "0.03", "b": "0.001", "rho": "0", "m": "0", "sigma": "0.1"}
    code, found = run(run.made(made), BTC_JUL_60000_C=-1)
    assert (code, found["venues"], found["largest_change"], found["sliced_expiries"]) == (0, [], None, 1)
    assert any("valued by a slice" in note for note in found["notes"])


def test_a_book_without_quotes_is_refused(run: Any) -> None:
    code, found = run(run.made(book()), BTC_SPOT=1)
    assert code == 2
    assert found["field"] == "quotes"
