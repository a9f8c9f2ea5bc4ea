"""`tailproof risk greeks`, `contributions` and `marginal`: what a person sees, as text, as JSON, and when wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tailproof.cli import main
from tailproof.cli.risk_books import length, parse_length

FIXTURES = Path(__file__).parent.parent.parent / "fixtures"
PORTFOLIOS = sorted((FIXTURES / "btc_eth" / "portfolios").glob("*.json"))
STRADDLE = FIXTURES / "btc_eth" / "portfolios" / "short_straddle.json"
FUNDED = FIXTURES / "levels" / "portfolios" / "funded_straddle.json"
Run = Callable[..., Any]


def text(*arguments: object) -> str:
    shown = CliRunner().invoke(main, list(map(str, arguments)))
    assert shown.exit_code == 0, shown.output
    return shown.stdout


@pytest.fixture(scope="module")
def levels(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("levels") / "epoch"
    assert run("epoch", "build", "--book", FIXTURES / "levels" / "book.json", "--model",
               FIXTURES / "levels" / "model.toml", "--out", path).code == 0
    return path


def is_picture(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 10_000


def test_greeks_are_netted_and_drawn(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    heat, vega = tmp_path / "heat.png", tmp_path / "vega.png"
    found = run("risk", "greeks", epoch_directory, *PORTFOLIOS, "--picture", heat, "--vega", vega).data
    assert is_picture(heat)
    assert is_picture(vega)
    assert found["window_seconds"] == 172800
    for asset, whole in found["assets"].items():
        for name in ("delta", "vega", "theta"):
            own = [one for one in found["positions"] if one["asset"] == asset]
            assert sum(one["units"][name] for one in own) == pytest.approx(whole["units"][name])
            assert sum(one["lots"] * one["per_lot"]["raw"][name] for one in own) == pytest.approx(whole["raw"][name])
        assert whole["difference"] < 1e-3
    assert sum(int(one["roll"]) for one in found["positions"]) == int(found["roll"])
    assert set(found["protocols"]) == {path.stem for path in PORTFOLIOS}
    assert found["delta_offset_across_protocols"]["BTC"]["offset"] > 0
    shown = text("risk", "greeks", epoch_directory, *PORTFOLIOS)
    for words in ("delta over protocols", "vega over expiries", "over 2 days in which nothing moves", "bump differs"):
        assert words in shown


def test_one_book_needs_no_protocols_and_a_window_may_be_short(run: Run, epoch_directory: Path) -> None:
    shown = text("risk", "greeks", epoch_directory, STRADDLE, "--per-lot", "--window", "8h")
    assert "protocol" not in shown
    assert "over 8 hours in which" in shown
    assert "one lot of" in shown
    short, long = (int(run("risk", "greeks", epoch_directory, STRADDLE, "--window", window).data["roll"])
                   for window in ("8h", "2d"))
    assert 0 < short < long
    expired = run("risk", "greeks", epoch_directory, STRADDLE, "--window", "60d").data["positions"]
    assert [one["ends_in_window"] for one in expired] == [True, True, False]
    assert "expire within the window" in text("risk", "greeks", epoch_directory, STRADDLE, "--window", "60d")


def test_a_book_without_options_has_no_vega(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    spot = tmp_path / "spot.json"
    spot.write_text(json.dumps({"schema": "tailproof.portfolio/1",
                                "positions": [{"instrument": "BTC-SPOT", "lots": 1}]}))
    picture = tmp_path / "vega.png"
    found = run("risk", "greeks", epoch_directory, spot, "--vega", picture).data
    assert found["vega_by_expiry"] == []
    assert found["roll"] == "0"
    assert is_picture(picture)
    empty = tmp_path / "empty.json"
    empty.write_text(json.dumps({"schema": "tailproof.portfolio/1", "positions": []}))
    for command in ("greeks", "contributions"):
        assert run("risk", command, epoch_directory, empty, "--picture", tmp_path / f"{command}.png").code == 0
        text("risk", command, epoch_directory, empty)
    assert run("risk", "marginal", epoch_directory, empty).code == 0


def test_levels_have_greeks_contributions_and_marginals(run: Run, levels: Path) -> None:
    greeks = run("risk", "greeks", levels, FUNDED).data
    cash = next(one for one in greeks["positions"] if one["name"] == "CASH")
    assert not any(cash["raw"].values())
    found = run("risk", "contributions", levels, FUNDED).data
    assert sum(int(value) for value in found["greeks"].values()) == int(found["expected_shortfall"])
    assert int(found["expected_shortfall"]) == int(run("risk", "margin", levels, FUNDED
                                                       ).data["expected_shortfall_from_today"])
    marginal = {one["name"]: one for one in run("risk", "marginal", levels, FUNDED).data["instruments"]}
    assert marginal["CASH"]["buy"] == {"expected_shortfall": "0", "addons": "0"}
    for command in ("greeks", "contributions", "marginal"):
        text("risk", command, levels, FUNDED)


def test_contributions_sum_and_are_drawn(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    picture = tmp_path / "fall.png"
    found = run("risk", "contributions", epoch_directory, *PORTFOLIOS, "--picture", picture).data
    assert is_picture(picture)
    for parts in ("protocols", "assets", "expiries", "cells", "positions"):
        assert sum(int(part["expected_shortfall"]) for part in found[parts]) == int(found["expected_shortfall"])
        assert sum(int(part["addons"]) for part in found[parts]) == int(found["addons"])
    assert sum(int(value) for value in found["greeks"].values()) == int(found["expected_shortfall"])
    for name, whole in found["greeks"].items():
        assert sum(int(own[name]) for own in found["greeks_of_protocols"].values()) == int(whole)
    assert sum(int(one["alone"]) for one in found["protocols"]) - int(found["margin"]) == int(found["saved"]) > 0
    alone = run("risk", "margin", epoch_directory, STRADDLE).data["margin"]
    assert next(one for one in found["protocols"] if one["name"] == "short_straddle")["alone"] == alone
    shown = text("risk", "contributions", epoch_directory, *PORTFOLIOS)
    assert "saved by netting" in shown
    assert "curvature" in shown
    assert "protocol" in text("risk", "contributions", epoch_directory, STRADDLE)


def test_a_trade_is_told_before_it_is_made(run: Run, epoch_directory: Path) -> None:
    trade = ("--trade", "BTC-29JAN21-29000-C=200", "--trade", "BTC-PERP=-100")
    found = run("risk", "marginal", epoch_directory, STRADDLE, *trade).data
    done = run("risk", "what-if", epoch_directory, STRADDLE, "--add", "BTC-29JAN21-29000-C=200", "--add",
               "BTC-PERP=-100").data
    assert found["margin_before"] == done["before"]["margin"]
    assert found["margin_after"] == done["after"]["margin"]
    assert int(found["margin_change"]) == int(found["margin_after"]) - int(found["margin_before"])
    for kind in ("marginal", "incremental"):
        assert sum(int(value) for value in found[f"{kind}_by_greek"].values()) == int(found[kind])
    assert int(found["marginal"]) <= int(found["incremental"])
    assert "the tail's moving adds" in text("risk", "marginal", epoch_directory, STRADDLE, *trade)


def test_marginals_of_everything(run: Run, epoch_directory: Path) -> None:
    found = run("risk", "marginal", epoch_directory, STRADDLE).data
    assert len(found["instruments"]) == 120
    call = next(one for one in found["instruments"] if one["name"] == "BTC-29JAN21-29000-C")
    part = next(one for one in run("risk", "margin", epoch_directory, STRADDLE).data["positions"]
                if one["name"] == "BTC-29JAN21-29000-C")
    assert call["lots"] == -200
    assert int(part["expected_shortfall"]) == -200 * int(call["buy"]["expected_shortfall"])
    assert int(call["buy"]["addons"]) < 0 < int(call["sell"]["addons"])
    shown = text("risk", "marginal", epoch_directory, STRADDLE, "--most", 3)
    assert shown.count("buy ") + shown.count("sell ") == 6


def test_a_tail_that_gains_is_said(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    """Spot against a future above it: the carry is gained whatever happens."""
    carry = tmp_path / "carry.json"
    carry.write_text(json.dumps({"schema": "tailproof.portfolio/1", "positions": [
        {"instrument": "BTC-SPOT", "lots": 100}, {"instrument": "BTC-29JAN21", "lots": -99}]}))
    assert int(run("risk", "margin", epoch_directory, carry).data["expected_shortfall"]) < 0
    assert "the tail gains" in run("risk", "marginal", epoch_directory, carry).data["notes"][0]
    assert run("risk", "marginal", epoch_directory, STRADDLE).data["notes"] == []


@pytest.mark.parametrize(("arguments", "field"), [
    (("greeks", STRADDLE, STRADDLE), "PORTFOLIO"),
    (("contributions", STRADDLE, STRADDLE), "PORTFOLIO"),
    (("greeks", STRADDLE, "--window", "8 hours"), "--window"),
    (("greeks", STRADDLE, "--window", "-1d"), "--window"),
    (("greeks", STRADDLE, "--window", "367d"), "window"),
    (("greeks", STRADDLE, "--asset", "DOGE"), "--asset"),
    (("greeks", FUNDED), "positions[0].instrument"),
    (("marginal", STRADDLE, "--trade", "BTC-PERP"), "--trade"),
    (("marginal", STRADDLE, "--trade", "BTC-PERP=1.5"), "--trade"),
    (("marginal", STRADDLE, "--trade", "BTC-PREP=1"), "--trade"),
    (("marginal", STRADDLE, "--trade", "BTC-PERP=1099511627776"), "--trade"),
    (("marginal", STRADDLE, "--trade", "BTC-PERP=1000000000000"), "gross exposure (the sum of |lots| amax)"),
    (("marginal", STRADDLE, "--most", "0"), "--most"),
])
def test_what_is_wrong_is_named(run: Run, epoch_directory: Path, arguments: tuple[Any, ...], field: str) -> None:
    command, *rest = arguments
    answer = run("risk", command, epoch_directory, *rest)
    assert answer.code == 2
    assert answer.data["field"].startswith(field), answer.data


@pytest.mark.parametrize("arguments", [("greeks", STRADDLE), ("contributions", STRADDLE), ("marginal", STRADDLE),
                                       ("marginal", STRADDLE, "--trade", "BTC-PERP=1"), ("tables", "--scenarios", 4)])
def test_every_amount_has_a_unit(run: Run, epoch_directory: Path, arguments: tuple[Any, ...]) -> None:
    command, *rest = arguments
    data = run("risk", command, epoch_directory, *rest).data
    amounts = set(_whole_texts({**data, "root": "", "scale": ""}))
    assert amounts
    assert amounts <= data["units"].keys(), amounts - data["units"].keys()


def _whole_texts(value: Any, key: str = "") -> Iterator[str]:
    """Names of members that are whole numbers as text."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _whole_texts(one, name)
    elif isinstance(value, list):
        for one in value:
            yield from _whole_texts(one, key)
    elif isinstance(value, str) and re.fullmatch("-?[0-9]+", value):
        yield key


def test_lengths() -> None:
    assert [parse_length(text, "--window") for text in ("90s", "20m", "8h", "2d", "0s")] == [90, 1200, 28800, 172800, 0]
    assert [length(seconds) for seconds in (90, 1200, 3600, 172800, 1, 0)] == [
        "90 seconds", "20 minutes", "1 hour", "2 days", "1 second", "0 seconds"]
