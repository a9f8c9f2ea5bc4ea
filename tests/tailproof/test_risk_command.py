"""`tailproof risk`, `epoch diff`, `epoch explain`, `new`: what a person sees, as text, as JSON, and when wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fixtures.us_history import history_csv
from tailproof.cli import main

ROOM = Path(__file__).parent.parent.parent / "fixtures"
FIXTURES = ROOM / "btc_eth"
STRADDLE = FIXTURES / "portfolios" / "short_straddle.json"
HEDGE = FIXTURES / "portfolios" / "cross_asset_hedge.json"
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def grid_directory(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("grid") / "epoch"
    assert run("epoch", "build", "--book", FIXTURES / "book.json", "--model", FIXTURES / "model.toml", "--statement",
               "margin-grid-1000x32", "--regime", 2, "--out", path).code == 0
    return path


@pytest.fixture(scope="module")
def us_directory(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("us")
    (path / "history.csv").write_text(history_csv())
    assert run("epoch", "build", "--book", ROOM / "us_markets" / "book.json", "--model",
               ROOM / "us_markets" / "model.toml", "--history", path / "history.csv", "--out", path / "epoch").code == 0
    return path / "epoch"


def text(*arguments: object) -> str:
    shown = CliRunner().invoke(main, list(map(str, arguments)))
    assert shown.exit_code == 0, shown.output
    return shown.stdout


@pytest.fixture(scope="module", params=["margin-full-256x16", "margin-grid-1000x32"])
def level_directory(request: pytest.FixtureRequest, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("levels") / "epoch"
    answer = run("epoch", "build", "--book", ROOM / "levels" / "book.json", "--model", ROOM / "levels" / "model.toml",
                 "--statement", request.param, "--out", path)
    assert (answer.code, answer.data["basis"]) == (0, "level")
    return path


STRADDLED, LEVERAGED = (ROOM / "levels" / "portfolios" / f"{name}.json"
                        for name in ("funded_straddle", "leveraged_long"))


def test_a_margin_on_levels_is_what_an_account_lacks(run: Run, level_directory: Path, tmp_path: Path) -> None:
    """ES of losses from today, in parts, less the value today, is what the margin is made of."""
    found = run("risk", "margin", level_directory, STRADDLED, "--picture", tmp_path / "losses.png").data
    scale, risk = int(found["scale"]), int(found["expected_shortfall_from_today"])
    assert int(found["expected_shortfall"]) == risk - int(found["value_today"]) * scale
    for parts in ("positions", "assets", "expiries"):
        assert sum(int(part["expected_shortfall"]) for part in found[parts]) == risk
    assert int(found["margin"]) == max(0, -(-int(found["expected_shortfall"]) // scale)) + int(found["addons"])
    assert 10**11 < int(found["value_today"]) < 10**12
    assert next(part for part in found["assets"] if part["name"] == "CASH")["expected_shortfall"] == "0"
    shown = text("risk", "margin", level_directory, STRADDLED)
    assert "liquidation value now" in shown
    assert "saved by netting" not in shown


def test_what_if_on_levels_moves_cash_too(run: Run, level_directory: Path, tmp_path: Path) -> None:
    answer = run("risk", "what-if", level_directory, LEVERAGED, "--add", "CASH=-90000000", "--spot", "BTC=-20%",
                 "--picture", tmp_path / "map.png").data
    before, after = answer["before"], answer["after"]
    assert int(before["value_today"]) - int(after["value_today"]) == 9 * 10**10
    assert int(after["margin"]) > int(before["margin"])
    assert int(after["expected_shortfall"]) - int(before["expected_shortfall"]) == 9 * 10**10 * int(after["scale"])
    assert answer["shock"]["gain_before"] == answer["shock"]["gain_after"] != "0"
    assert "left of the value after" in text("risk", "what-if", level_directory, LEVERAGED, "--spot", "BTC=-20%")


def test_explain_on_levels_is_of_losses_from_today(run: Run, level_directory: Path) -> None:
    found = run("risk", "explain", level_directory, LEVERAGED).data
    worst = found["scenarios"][0]
    assert {one["name"]: one["loss"] for one in worst["positions"]}["CASH"] == "0"
    assert 10**10 < Fraction(worst["loss"]) < 10**11, "a loss of part of 290,000, not minus the whole of it"
    text("risk", "explain", level_directory, LEVERAGED)


def test_compare_on_levels_leaves_equity_out(run: Run, level_directory: Path) -> None:
    found = run("risk", "compare", level_directory, STRADDLED).data
    margins = {name: int(value) for name, value in found["margins"].items()}
    assert margins["isolated"] >= margins["cross"] >= margins["portfolio"] > int(found["proven"]) > 0
    assert margins["scan"] > 0
    assert "margin that is proven" in text("risk", "compare", level_directory, STRADDLED)


def test_views_of_level_epochs(run: Run, level_directory: Path, tmp_path: Path) -> None:
    for symbol, mark in (("CASH", "1000"), ("BTC-SPOT", "290017200"), ("BTC-25DEC20", "246647900")):
        found = run("epoch", "explain", level_directory, symbol).data
        assert found["mark"]["long"] == found["value_today"] == mark
        assert "a lot is worth" in text("epoch", "explain", level_directory, symbol)
    assert run("epoch", "explain", level_directory, "BTC-SPOT").data["sides"]["long"]["margin"] != "0"
    assert run("epoch", "check", level_directory).data["passed"]
    book = (ROOM / "levels" / "book.json").read_text().replace('"spot": "737.8"', '"spot": "730"')
    (tmp_path / "book.json").write_text(book.replace("2021-01-01T00:00:00Z", "2021-01-01T06:00:00Z"))
    statement = "margin-full-256x16" if run("epoch", "show", level_directory).data["shape"]["mode"] == "full" \
        else "margin-grid-1000x32"
    later = ("epoch", "build", "--book", tmp_path / "book.json", "--statement", statement,
             "--previous", level_directory)
    assert run(*later, "--model", ROOM / "levels" / "model.toml", "--out", tmp_path / "later").code == 0
    found = run("epoch", "diff", level_directory, tmp_path / "later").data
    assert {book["name"] for book in found["books"]} >= {"long BTC", "short ETH"}
    assert all(int(book["after"]) > 10**10 for book in found["books"]), "what a million may lose, not what it lacks"
    mine = run("epoch", "diff", level_directory, tmp_path / "later", "--portfolio", STRADDLED).data["books"]
    assert int(mine[0]["before"]) == int(run("risk", "margin", level_directory, STRADDLED).data["margin"])
    model = (ROOM / "levels" / "model.toml").read_text().replace('basis = "level"', 'basis = "change"')
    (tmp_path / "model.toml").write_text(model)
    refused = run(*later, "--model", tmp_path / "model.toml", "--out", tmp_path / "never")
    assert refused.code == 2
    assert refused.data["field"] == "basis"
    assert run("epoch", "build", "--book", tmp_path / "book.json", "--model", tmp_path / "model.toml", "--statement",
               statement, "--out", tmp_path / "changes").code == 0
    assert run("epoch", "diff", level_directory, tmp_path / "changes").data["field"] == "bases of the epochs"


@pytest.mark.parametrize("where", ["epoch_directory", "grid_directory"])
def test_a_margin_is_shown_in_parts_that_sum(run: Run, where: str, request: pytest.FixtureRequest, tmp_path: Path
                                             ) -> None:
    epoch, picture = request.getfixturevalue(where), tmp_path / "losses.png"
    answer = run("risk", "margin", epoch, HEDGE, "--picture", picture)
    assert answer.code == 0
    found = answer.data
    for parts in ("positions", "assets", "expiries"):
        assert sum(int(part["expected_shortfall"]) for part in found[parts]) == int(found["expected_shortfall"])
        assert sum(int(part["addons"]) for part in found[parts]) == int(found["addons"])
    shortfall = -(-int(found["expected_shortfall"]) // int(found["scale"]))
    assert int(found["margin"]) == max(0, shortfall) + int(found["addons"])
    assert sum(int(part["standalone"]) for part in found["positions"]) == int(found["standalone"])
    assert picture.read_bytes().startswith(b"\x89PNG")
    lines = text("risk", "margin", epoch, HEDGE)
    assert "ETH-SPOT" in lines
    assert f"{int(found['margin']) // 10**6:,}." in lines


def test_the_margin_is_the_one_that_is_proven(run: Run, epoch_directory: Path) -> None:
    from tailproof import Portfolio, load_epoch
    assert int(run("risk", "margin", epoch_directory, STRADDLE).data["margin"]) == Portfolio.read(STRADDLE).margin(
        load_epoch(epoch_directory)).required


def test_what_is_easily_overlooked_is_said(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    positions = [{"instrument": "BTC-SPOT", "lots": 0}]
    path.write_text(json.dumps({"schema": "tailproof.portfolio/1", "positions": positions}))
    assert run("risk", "margin", epoch_directory, path).data["notes"] == ["note: BTC-SPOT is held with 0 lots"]


def test_a_trial_is_said_aloud(run: Run, tmp_path: Path) -> None:
    model = (FIXTURES / "model.toml").read_text().replace("horizon = 2", 'purpose = "trial"\nseed = 7\nhorizon = 2')
    (tmp_path / "model.toml").write_text(model)
    assert run("epoch", "build", "--book", FIXTURES / "book.json", "--model", tmp_path / "model.toml", "--out",
               tmp_path / "epoch").code == 0
    for view in ("margin", "compare", "explain"):
        assert run("risk", view, tmp_path / "epoch", STRADDLE).data["trial"] is True
        assert "TRIAL" in text("risk", view, tmp_path / "epoch", STRADDLE)


def test_what_if_changes_the_book_and_the_market(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    answer = run("risk", "what-if", epoch_directory, STRADDLE, "--add", "BTC-PERP=-241", "--add", "BTC-SPOT=5",
                 "--spot", "BTC=-20%", "--volatility", "BTC=+50%", "--picture", tmp_path / "map.png")
    assert answer.code == 0
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(answer.data["portfolio"]))
    assert {p["instrument"]: p["lots"] for p in answer.data["portfolio"]["positions"]}["BTC-SPOT"] == 5
    assert run("risk", "margin", epoch_directory, changed).data["margin"] == answer.data["after"]["margin"]
    assert run("risk", "margin", epoch_directory, STRADDLE).data["margin"] == answer.data["before"]["margin"]
    assert answer.data["shock"]["moves"] == {"BTC": {"spot": -20.0, "volatility": 50.0}}
    again = run("risk", "what-if", epoch_directory, changed, "--spot", "BTC=-20%", "--volatility", "BTC=+50%")
    assert again.data["shock"]["gain_before"] == answer.data["shock"]["gain_after"]
    assert int(again.data["shock"]["gain_before"]) < 0
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("arguments", "field", "bound"), [
    ((), "--add, --spot, --volatility and --picture", "at least one"),
    (("--add", "BTC-PREP=1"), "--add", "did you mean BTC-PERP?"),
    (("--add", "BTC-PERP"), "--add", "SYMBOL=LOTS"),
    (("--add", "BTC-PERP=1.5"), "--add", "SYMBOL=LOTS"),
    (("--add", f"BTC-PERP={2**40}"), "--add", "no position exceeds"),
    (("--spot", "BTC=-20"), "--spot", "ASSET=PERCENT"),
    (("--spot", "BTC=-100%"), "--spot", "above -100%"),
    (("--spot", "BTC=1%", "--spot", "BTC=2%"), "--spot", "given once"),
    (("--spot", "BTX=1%"), "--spot", "did you mean BTC?"),
    (("--volatility", "ETH=high"), "--volatility", "ASSET=PERCENT"),
    (("--picture", "{tmp}/x.png", "--asset", "DOGE"), "--asset", "an asset of the epoch"),
])
def test_a_senseless_what_if_is_refused(run: Run, epoch_directory: Path, tmp_path: Path, arguments: tuple[str, ...],
                                        field: str, bound: str) -> None:
    answer = run("risk", "what-if", epoch_directory, STRADDLE, *(one.format(tmp=tmp_path) for one in arguments))
    assert answer.code == 2
    assert answer.data["field"] == field
    assert bound in answer.data["bound"]
    assert list(tmp_path.iterdir()) == []


def test_explain_names_scenarios_days_and_positions(run: Run, us_directory: Path, epoch_directory: Path) -> None:
    spread = ROOM / "us_markets" / "portfolios" / "index_spread.json"
    found = run("risk", "explain", us_directory, spread, "--most", 3).data
    assert [one["days"]["how"] for one in found["scenarios"]] == ["drawn"] * 3
    assert found["tail_scenarios"] == 7
    assert "drawn from 2" in text("risk", "explain", us_directory, spread, "--most", 1)
    given = run("risk", "explain", us_directory, spread, "--history", us_directory / "sources" / "history.csv",
                "--most", 1).data["scenarios"][0]
    assert given["days"]["how"] == "nearest"
    assert set(given["days"]["log_returns"]) == {"SP500", "NASDAQ", "WTI"}
    assert all(one["days"] is None for one in run("risk", "explain", epoch_directory, STRADDLE).data["scenarios"])


def test_compare_orders_the_methods(run: Run, epoch_directory: Path, grid_directory: Path) -> None:
    for epoch in (epoch_directory, grid_directory):
        found = {name: int(value) for name, value in run("risk", "compare", epoch, HEDGE).data["margins"].items()}
        assert found["isolated"] > found["cross"] > found["portfolio"]
        assert found["portfolio"] == int(run("risk", "margin", epoch, HEDGE).data["margin"])


def test_history_counts_exceptions_and_draws(run: Run, us_directory: Path, epoch_directory: Path, tmp_path: Path
                                             ) -> None:
    answer = run("risk", "history", us_directory, "--picture", tmp_path / "a.png", "--correlations", tmp_path / "b.png")
    assert answer.code == 0
    assert {one["asset"] for one in answer.data["assets"]} == {"SP500", "NASDAQ", "WTI"}
    assert [one["now"] for one in answer.data["regimes"]] == [True, True, False, False]
    for name in ("a.png", "b.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    refused = run("risk", "history", epoch_directory)
    assert refused.code == 2
    assert refused.data["field"] == "--history"


def test_a_book_that_nothing_proves_has_no_margin(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    """In the words of `commit`: beyond C7, its Expected Shortfall is a number and no margin."""
    huge = tmp_path / "huge.json"
    huge.write_text(json.dumps({"schema": "tailproof.portfolio/1",
                                "positions": [{"instrument": "BTC-SPOT", "lots": 2**40 - 1}]}))
    for command in (("risk", "margin"), ("risk", "explain"), ("risk", "compare")):
        refused = run(*command, epoch_directory, huge)
        assert (refused.code, refused.data["field"]) == (2, "gross exposure (the sum of |lots| amax)")
    assert run("risk", "what-if", epoch_directory, STRADDLE, "--add", f"BTC-SPOT={2**39}").code == 2


def test_nothing_is_overwritten(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    picture = tmp_path / "x.png"
    picture.write_text("mine")
    assert run("risk", "margin", epoch_directory, STRADDLE, "--picture", picture).code == 2
    assert run("new", "book", "--out", picture).code == 2
    assert picture.read_text() == "mine"


# -- epochs ----------------------------------------------------------------------------------------------------------
def test_diff_tells_what_changed(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    book = (FIXTURES / "book.json").read_text().replace('"spot": "29001.72"', '"spot": "28601.72"')
    (tmp_path / "book.json").write_text(book)
    assert run("epoch", "build", "--book", tmp_path / "book.json", "--model", FIXTURES / "model.toml", "--out",
               tmp_path / "epoch").code == 0
    found = run("epoch", "diff", epoch_directory, tmp_path / "epoch").data
    assert [change["field"] for change in found["prices"]] == ["BTC.spot"]
    assert found["model"] == []
    assert {"long BTC", "BTC against ETH"} <= {one["name"] for one in found["books"]}
    mine = run("epoch", "diff", epoch_directory, tmp_path / "epoch", "--portfolio", STRADDLE).data["books"]
    assert [one["name"] for one in mine] == ["short_straddle"]
    assert mine[0]["before"] == run("risk", "margin", epoch_directory, STRADDLE).data["margin"]
    assert mine[0]["after"] == run("risk", "margin", tmp_path / "epoch", STRADDLE).data["margin"]
    assert "BTC.spot" in text("epoch", "diff", epoch_directory, tmp_path / "epoch")
    assert text("epoch", "diff", epoch_directory, epoch_directory).count("\n") > 3, "margins of reference books"


def test_an_instrument_is_explained(run: Run, epoch_directory: Path, grid_directory: Path) -> None:
    for epoch in (epoch_directory, grid_directory):
        found = run("epoch", "explain", epoch, "BTC-29JAN21-29000-C", "--most", 2).data
        assert found["terms"]["strike"] == "29000"
        for side in found["sides"].values():
            assert int(side["rate"]) == int(side["contingency"]) + int(side["added"])
            assert len(side["worst"]) == 2
        assert int(found["sides"]["short"]["margin"]) > int(found["sides"]["long"]["margin"])
    assert int(found["sides"]["short"]["added"]) > 0, "on a grid, the error of interpolation"
    assert "implied volatility" in text("epoch", "explain", epoch_directory, "BTC-29JAN21-29000-C")
    answer = run("epoch", "explain", epoch_directory, "BTC-PREP")
    assert answer.code == 2
    assert "did you mean BTC-PERP?" in answer.data["bound"]


def test_build_takes_shape_and_packing_from_the_statement(run: Run, tmp_path: Path) -> None:
    """The model says 256 scenarios in five lanes; the statement goes before it, and the epoch stands."""
    built = run("epoch", "build", "--book", FIXTURES / "book.json", "--model", FIXTURES / "model.toml", "--statement",
                "margin-full-1000x32", "--out", tmp_path / "epoch")
    assert built.code == 0
    shape = run("statement", "show", "margin-full-1000x32").data["shape"]
    assert (built.data["shape"]["scenarios"], built.data["shape"]["lanes"]) == (1000, 4)
    assert built.data["shape"] == shape
    assert run("epoch", "check", tmp_path / "epoch").code == 0


def test_masses_come_from_the_statement_too(run: Run, tmp_path: Path) -> None:
    for name in ("book", "model"):
        assert run("new", name, "--assets", "BTC", "--out", tmp_path / name).code == 0
    model = (tmp_path / "model").read_text().replace('statement = "margin-full-256x16"',
                                                     'scenarios = 8\ntail = "2"\ndepth = 2')
    (tmp_path / "model").write_text(model + '\n[gates.accepted]\nG7 = "quick"\n[scenarios]\npopulation = 8192\n')
    built = run("epoch", "build", "--book", tmp_path / "book", "--model", tmp_path / "model", "--statement",
                "margin-full-256x16-w", "--out", tmp_path / "epoch")
    assert built.code == 0
    assert built.data["shape"] == run("statement", "show", "margin-full-256x16-w").data["shape"]
    assert "masses" in built.data["shape"]
    assert run("epoch", "check", tmp_path / "epoch").code == 0


def test_a_model_that_names_another_statement_contradicts(run: Run, tmp_path: Path) -> None:
    for name in ("book", "model"):
        run("new", name, "--out", tmp_path / name)
    answer = run("epoch", "build", "--book", tmp_path / "book", "--model", tmp_path / "model", "--statement",
                 "margin-full-1000x32", "--out", tmp_path / "epoch")
    assert answer.code == 2
    assert answer.data["field"] == "epoch.statement"
    assert "scenarios 1000" in answer.data["bound"]


# -- new ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("assets", ["BTC,ETH", "A.1", "X,Y,Z"])
def test_templates_build_as_they_stand(run: Run, tmp_path: Path, assets: str) -> None:
    for name in ("book", "model", "portfolio"):
        assert run("new", name, "--assets", assets, "--out", tmp_path / name).code == 0
    assert run("epoch", "build", "--book", tmp_path / "book", "--model", tmp_path / "model", "--out",
               tmp_path / "epoch").code == 0
    assert run("epoch", "check", tmp_path / "epoch").code == 0
    assert int(run("risk", "margin", tmp_path / "epoch", tmp_path / "portfolio").data["margin"]) > 0


@pytest.mark.parametrize("assets", ["", "BTC,BTC", "-x", "a b", ",".join(f"A{i}" for i in range(65))])
def test_senseless_assets_are_refused(run: Run, tmp_path: Path, assets: str) -> None:
    answer = run("new", "model", "--assets", assets, "--out", tmp_path / "model")
    assert answer.code == 2
    assert answer.data["field"] == "--assets"
    assert list(tmp_path.iterdir()) == []


# -- messages ----------------------------------------------------------------------------------------------------------
def test_all_missing_keys_come_in_one_message(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    book = json.loads((FIXTURES / "book.json").read_text())
    del book["rate"], book["expiries"][1]["volatilities"][2]["volatility"], book["instruments"][3]["lot"]
    (tmp_path / "book.json").write_text(json.dumps(book))
    answer = run("epoch", "build", "--book", tmp_path / "book.json", "--model", FIXTURES / "model.toml", "--out",
                 tmp_path / "epoch")
    assert answer.code == 2
    assert answer.data["field"] == "rate, expiries[1].volatilities[2].volatility, instruments[3].lot"
    (tmp_path / "p.json").write_text('{"schema": "tailproof.portfolio/1", "positions": [{"lots": 1}, {}]}')
    answer = run("risk", "margin", epoch_directory, tmp_path / "p.json")
    assert answer.data["field"] == "positions[0].instrument, positions[1].instrument, positions[1].lots"


def test_misspelt_names_are_recognised(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    assert "did you mean margin-tiny?" in run("statement", "show", "margin_tiny").data["bound"]
    for positions, near in (([{"instrument": "BTC-PREP", "lots": 1}], "did you mean BTC-PERP?"),
                            ([{"instrument": "BTC-PERP", "lot": 1, "lots": 1}], "did you mean lots?")):
        (tmp_path / "p.json").write_text(json.dumps({"schema": "tailproof.portfolio/1", "positions": positions}))
        assert near in run("risk", "margin", epoch_directory, tmp_path / "p.json").data["bound"]


def test_files_in_the_wrong_place_are_named(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    """Arguments the wrong way round, or a directory that is not there."""
    portfolio = FIXTURES / "portfolios" / "short_straddle.json"
    for epoch, said in ((portfolio, "this is a file"), (tmp_path / "none", "nothing is there")):
        answer = run("risk", "margin", epoch, portfolio)
        assert (answer.code, answer.data["field"]) == (2, "epoch")
        assert answer.data["bound"] == f"a directory that `tailproof epoch build` made: {said}"
