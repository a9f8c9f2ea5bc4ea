"""`tailproof risk addons`, and who is held to the sizes that rates are for: `commit --check`, `trade fills`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from worlds import MODEL, book, history

from risk.addons.admission import dwindled, enlarged, oversized, undersized
from risk.market.book import parse_book
from risk.models.addon_rules import Gas

ROOM = Path(__file__).parent.parent.parent / "fixtures"
STRADDLE = ROOM / "btc_eth" / "portfolios" / "short_straddle.json"
Run = Callable[..., Any]
RULES = """
[addons.lag]
heartbeat_seconds = 3600
keeper_seconds = 600
blocks = 20
block_seconds = 12
[addons.impact]
coefficient = 1.0
[addons.basis]
base = 0.01
per_year = 0.0
"""


def sized_book(*mosts: int) -> dict[str, Any]:
    made = book()
    perpetual = next(one for one in made["instruments"] if one["symbol"] == "BTC-PERP")
    made["instruments"] += [{**perpetual, "symbol": f"BTC-PERP/{most}", "most": most} for most in mosts]
    made["liquidity"] = {"as_of": "2024-06-18T00:00:00Z", "markets": [
        {"underlying": asset, "kind": kind, "daily_volume": "10000", "open_interest": "12500", "half_spread": "0.0005",
         "size": "100"} for asset in ("BTC", "ETH") for kind in ("spot", "perpetual", "call", "put")]}
    return made


@pytest.fixture(scope="module")
def charged(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an epoch of its own shape: 256 scenarios, 8**3 leaves, as margin-full-256x16 has it."""
    path = tmp_path_factory.mktemp("charged")
    (path / "book.json").write_text(json.dumps(sized_book(100, 1000)))
    (path / "model.toml").write_text(MODEL.replace("depth = 2", "depth = 3") + RULES)
    (path / "history.csv").write_bytes(history())
    built = run("epoch", "build", "--book", path / "book.json", "--model", path / "model.toml", "--history",
                path / "history.csv", "--out", path / "epoch")
    assert built.code == 0, built
    return path


NAMES = {"small": "BTC-PERP/100", "large": "BTC-PERP/1000", "call": "BTC-JUL-60000-C", "any": "BTC-PERP"}


def portfolio(path: Path, **lots: int) -> Path:
    path.write_text(json.dumps({"schema": "tailproof.portfolio/1", "positions": [
        {"instrument": NAMES[name], "lots": count} for name, count in lots.items()]}))
    return path


# -- the command ------------------------------------------------------------------------------------------------------
def test_every_instrument_and_side_by_term(run: Run, charged: Path, tmp_path: Path) -> None:
    found = run("risk", "addons", charged / "epoch", "--picture", tmp_path / "bars.png")
    assert found.code == 0
    assert len(found.data["instruments"]) == 2 * (16 + 2)
    for one in found.data["instruments"]:
        assert int(one["rate"]) == sum(int(amount) for amount in one["terms"].values())
    by_name = {(one["instrument"], one["side"]): one["terms"] for one in found.data["instruments"]}
    assert int(by_name["BTC-PERP", "long"]["basis"]) == 6_000_000
    assert int(by_name["BTC-PERP/1000", "long"]["impact"]) > int(by_name["BTC-PERP/100", "long"]["impact"])
    assert found.data["owners"]["impact"] == "model: addons.impact; book: daily_volume, size or most"
    assert (tmp_path / "bars.png").read_bytes()[:4] == b"\x89PNG"


def test_a_portfolios_terms_are_its_margins_add_ons(run: Run, charged: Path, tmp_path: Path) -> None:
    held = portfolio(tmp_path / "p.json", small=90, call=-20)
    found = run("risk", "addons", charged / "epoch", held, "--picture", tmp_path / "bars.png")
    margin = run("risk", "margin", charged / "epoch", held)
    assert found.code == 0
    assert found.data["addons"] == margin.data["addons"]
    assert sum(int(amount) for amount in found.data["terms"].values()) == int(margin.data["addons"])
    for mine, its in zip(found.data["positions"], margin.data["positions"], strict=True):
        assert mine["addons"] == its["addons"]
    assert found.data["oversized"] == []


def test_an_epoch_without_rules_has_contingency_rounding_and_interpolation(run: Run, tmp_path: Path) -> None:
    for statement, terms in (("margin-full-256x16", ["contingency", "rounding"]),
                             ("margin-grid-1000x32", ["contingency", "rounding", "interpolation"])):
        out = tmp_path / statement
        assert run("epoch", "build", "--book", ROOM / "btc_eth" / "book.json", "--model",
                   ROOM / "btc_eth" / "model.toml", "--statement", statement, "--out", out).code == 0
        found = run("risk", "addons", out, STRADDLE)
        assert found.code == 0
        assert list(found.data["terms"]) == terms
        assert found.data["addons"] == run("risk", "margin", out, STRADDLE).data["addons"]


def test_bad_input_exits_2(run: Run, charged: Path, tmp_path: Path) -> None:
    assert run("risk", "addons", tmp_path / "none").code == 2
    (tmp_path / "p.json").write_text(json.dumps({"schema": "tailproof.portfolio/1", "positions": [
        {"instrument": "BTC-PERP/10", "lots": 1}]}))
    assert run("risk", "addons", charged / "epoch", tmp_path / "p.json").code == 2


# -- initial and maintenance margin -----------------------------------------------------------------------------------
def test_one_margin_gives_both_by_the_contracts_ladder(run: Run, charged: Path, tmp_path: Path) -> None:
    assert run("new", "system", "--out", tmp_path / "system.json").code == 0
    held = portfolio(tmp_path / "p.json", small=-77)
    found = run("risk", "margin", charged / "epoch", held, "--system", tmp_path / "system.json")
    margin, buffers = int(found.data["margin"]), json.loads((tmp_path / "system.json").read_text())["ledger"]["buffers"]
    assert [one["buffer"] for one in found.data["ladder"]] == buffers
    assert [one["step"] for one in found.data["ladder"][:2]] == ["maintenance", "initial"]
    for one in found.data["ladder"]:                     # LedgerAttestations.coverByMargin, to the unit
        value, wanted = int(one["required"]), margin * (10_000 + one["buffer"])
        assert 10_000 * value >= wanted
        assert 10_000 * (value - 1) < wanted
    assert "ladder" not in run("risk", "margin", charged / "epoch", held).data
    (tmp_path / "no.json").write_text('{"schema": "tailproof.portfolio/1"}')
    assert run("risk", "margin", charged / "epoch", held, "--system", tmp_path / "no.json").code == 2


# -- sizes ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("lots", "fits"), [
    ({"small": 100}, True), ({"small": 101}, False), ({"small": -101}, False),
    ({"small": 60, "large": 41}, False), ({"small": 60, "large": -41}, False), ({"small": 60, "large": 40}, True),
    ({"large": 1000}, True), ({"large": 1001}, False),
    ({"any": 10_000}, True), ({"any": 10_001}, False),           # the market's size, 100 units of 0.01
    ({"any": 1, "small": 100}, False), ({"call": -1000}, True), ({"call": -1001}, False)])
def test_a_contract_is_held_to_the_smallest_size_it_is_held_by(run: Run, charged: Path, tmp_path: Path,
                                                               lots: dict[str, int], fits: bool) -> None:
    held = portfolio(tmp_path / "p.json", **lots)
    found = run("risk", "addons", charged / "epoch", held)
    assert found.code == (0 if fits else 1)
    assert bool(found.data["oversized"]) != fits
    notes = run("risk", "margin", charged / "epoch", held).data["notes"]
    assert any("charged for positions of at most" in note for note in notes) != fits


def test_without_sizes_nothing_is_too_large() -> None:
    made = parse_book(json.dumps(book()).encode())
    assert oversized(made, {listing.instrument.id: 10**9 for listing in made.listings}) == []


@pytest.mark.parametrize(("before", "after", "refused"), [
    ({"small": 120}, {"small": 110}, False), ({"small": 120}, {"small": 120}, True),
    ({"small": 120}, {"small": 121}, True), ({"small": -120}, {"small": -110}, False),
    ({"small": 100}, {"small": 101}, True), ({"small": 120}, {"small": -110}, False),
    ({"large": 1200}, {"large": 1100}, False), ({"large": 1200}, {"large": 1000, "small": 1}, True),
    ({"small": 120}, {"small": 110, "call": 1001}, True)])
def test_what_makes_a_position_smaller_is_no_reason_to_refuse(before: dict[str, int], after: dict[str, int],
                                                              refused: bool) -> None:
    """Sizes in coins move with prices: who is beyond one and sells some of it must not be kept from selling."""
    made = parse_book(json.dumps(sized_book(100, 1000)).encode())
    ids = {listing.instrument.symbol: listing.instrument.id for listing in made.listings}
    was, then = ({ids[NAMES[name]]: lots for name, lots in one.items()} for one in (before, after))
    assert bool(enlarged(made, was, then)) == refused


@pytest.mark.parametrize(("before", "after", "refused"), [
    ({}, {"any": 9}, True), ({}, {"any": 10}, False), ({}, {"any": -9}, True), ({}, {"small": 5, "large": 5}, False),
    ({"any": 20}, {"any": 9}, True), ({"any": 20}, {}, False), ({"any": 9}, {"any": 8}, False),
    ({"any": 8}, {"any": 8}, True), ({"any": 9}, {"any": 8, "call": 3}, True), ({"any": 20}, {"any": -5}, True)])
def test_less_than_pays_for_its_gas_is_refused_unless_it_was_and_is_made_less(
        before: dict[str, int], after: dict[str, int], refused: bool) -> None:
    """Each lot pays its part of the gas that closing ten takes."""
    made = parse_book(json.dumps(sized_book(100, 1000)).encode())
    ids = {listing.instrument.symbol: listing.instrument.id for listing in made.listings}
    was, then = ({ids[NAMES[name]]: lots for name, lots in one.items()} for one in (before, after))
    assert bool(dwindled(made, Gas(900_000, 10), was, then)) == refused
    assert dwindled(made, None, was, then) == undersized(made, Gas(900_000, 1), then) == []


def test_who_holds_too_little_is_told_by_every_command_that_looks(run: Run, charged: Path, tmp_path: Path) -> None:
    book = json.loads((charged / "book.json").read_text())
    book["liquidity"]["gas_price"] = "0.0001"
    (tmp_path / "book.json").write_text(json.dumps(book))
    (tmp_path / "model.toml").write_text((charged / "model.toml").read_text()
                                         + "[addons.gas]\nunits = 900000\nleast_lots = 10\n")
    epoch = tmp_path / "epoch"
    assert run("epoch", "build", "--book", tmp_path / "book.json", "--model", tmp_path / "model.toml", "--history",
               charged / "history.csv", "--out", epoch).code == 0
    for lots, code in ((10, 0), (9, 1)):
        held, opening = portfolio(tmp_path / f"{lots}.json", small=lots), tmp_path / f"{lots}.opening"
        found = run("risk", "addons", epoch, held)
        assert found.code == code
        assert bool(found.data["undersized"]) == bool(code)
        notes = run("risk", "margin", epoch, held).data["notes"]
        assert any("gas is charged for positions of at least 10" in note for note in notes) == bool(code)
        assert run("commit", "--statement", "margin-full-256x16", "--epoch", epoch, "--portfolio", held, "--out",
                   opening).code == 0
        checked = run("commit", "--check", opening, "--epoch", epoch, "--portfolio", held)
        assert checked.code == code, checked
    assert checked.data["undersized"] == [{"instruments": ["BTC-PERP/100"], "lots": 9, "least": 10}]
    (tmp_path / "deployment.json").write_text("{}")
    fills = run("trade", "fills", "--deployment", tmp_path / "deployment.json", "--rpc", "http://127.0.0.1:9",
                "--account", "0x" + "11" * 20, "--epoch", epoch, "--sell", "BTC-PERP/100", "--price", "60000", "--lots",
                "1", "--holding", tmp_path / "10.json", "--out", tmp_path / "fills.json")
    assert fills.code == 1, fills
    assert fills.data["undersized"] == [{"instruments": ["BTC-PERP/100"], "lots": 9, "least": 10}]


def test_settled_contracts_and_cash_have_no_size() -> None:
    made = sized_book()
    made["instruments"].append({"symbol": "OLD", "kind": "perpetual", "underlying": "BTC", "lot": "0.01",
                                "settlement": "cash"} | {"kind": "future", "expiry": "2024-06-01T00:00:00Z",
                                                         "settled": "60000", "most": 1})
    found = parse_book(json.dumps(made).encode())
    old = next(listing for listing in found.listings if listing.settled is not None)
    assert oversized(found, {old.instrument.id: 5}) == []


def test_a_commitment_to_more_than_its_size_does_not_pass_the_venues_check(run: Run, charged: Path, tmp_path: Path
                                                                           ) -> None:
    for lots, code in ((100, 0), (101, 1)):
        held, opening = portfolio(tmp_path / f"{lots}.json", small=lots), tmp_path / f"{lots}.opening"
        assert run("commit", "--statement", "margin-full-256x16", "--epoch", charged / "epoch", "--portfolio", held,
                   "--out", opening).code == 0
        found = run("commit", "--check", opening, "--epoch", charged / "epoch", "--portfolio", held)
        assert found.code == code, found
        assert bool(found.data["oversized"]) == bool(code)


def test_fills_beyond_a_size_are_not_signed(run: Run, charged: Path, tmp_path: Path) -> None:
    """Before any key is asked for or node talked to."""
    held = portfolio(tmp_path / "p.json", small=99)
    (tmp_path / "deployment.json").write_text("{}")
    words = ("trade", "fills", "--deployment", tmp_path / "deployment.json", "--rpc", "http://127.0.0.1:9", "--account",
             "0x" + "11" * 20, "--epoch", charged / "epoch", "--buy", "BTC-PERP/100", "--price", "60000", "--holding",
             held, "--out", tmp_path / "fills.json")
    found = run(*words, "--lots", "2")
    assert found.code == 1, found
    assert found.data["oversized"] == [{"instruments": ["BTC-PERP/100"], "lots": 101, "most": 100}]
    assert not (tmp_path / "fills.json").exists()
    assert run(*words, "--lots", "1").code != 1                  # goes on to the key


# -- haircuts ---------------------------------------------------------------------------------------------------------
def collateral(path: Path, **more: Any) -> Path:
    token = "eip155:1/erc20:0x2260fac5e5542a773aa44fbcfedf7c193bc2c59"
    path.write_text(json.dumps({"schema": "tailproof.collateral/1", "assets": [
        {"symbol": "WBTC", "token": token + "9", "decimals": 8, "underlying": "BTC", "protocol": "0.02",
         "liquidation": "0.005", **more},
        {"symbol": "USDC", "token": token + "0", "decimals": 6, "price": "1", "fall": "0.01", "rise": "0.01",
         "protocol": "0", "liquidation": "0.001"}]}))
    return path


def test_presets_are_listed_and_shown(run: Run) -> None:
    listed = run("risk", "haircuts")
    assert "derive-srm" in [one["name"] for one in listed.data["presets"]]
    shown = run("risk", "haircuts", "--preset", "binance-cross-example", "--value", "120000000")
    assert shown.data["assets"][0]["initial"] == pytest.approx(0.5 / 120)
    assert run("risk", "haircuts", "--preset", "binance").code == 2
    assert run("risk", "haircuts", "--value", "0").code == 2


def test_a_collateral_file_beside_a_preset(run: Run, charged: Path, tmp_path: Path) -> None:
    mine = collateral(tmp_path / "collateral.json")
    found = run("risk", "haircuts", charged / "epoch", "--collateral", mine, "--preset", "derive-srm")
    wbtc, usdc = found.data["assets"]
    assert wbtc["together"] == pytest.approx(1 - (1 - wbtc["volatility"]) * 0.98 * 0.995)
    assert 0.02 < wbtc["volatility"] < 0.3
    assert wbtc["preset"] == {"initial": pytest.approx(0.3025), "maintenance": 0.25}          # BTC's, its underlying
    assert usdc["preset"] is None
    assert usdc["together"] == pytest.approx(1 - 0.99 * 0.999)
    own = run("risk", "haircuts", charged / "epoch", "--collateral", collateral(tmp_path / "own.json", recovery="0.1"))
    assert own.data["assets"][0]["volatility"] == pytest.approx(0.9)
    assert own.data["assets"][0]["wrong_way"]


def test_a_grids_haircuts_are_those_of_its_factors(run: Run, tmp_path: Path) -> None:
    from risk.exact.money import UNIT
    from risk.grid.grid_directory import GridManifest
    mine = collateral(tmp_path / "collateral.json")
    assert run("epoch", "build", "--book", ROOM / "btc_eth" / "book.json", "--model", ROOM / "btc_eth" / "model.toml",
               "--statement", "solvency-grid-1000x32", "--collateral", mine, "--out", tmp_path / "grid").code == 0
    found = run("risk", "haircuts", tmp_path / "grid", "--collateral", mine)
    made = json.loads((ROOM / "btc_eth" / "book.json").read_text())
    spot = float(next(one["spot"] for one in made["underlyings"] if one["symbol"] == "BTC"))
    factor = GridManifest.read(tmp_path / "grid").assets[0].value
    assert factor / 2**64 == pytest.approx(spot * UNIT / 1e8 * (1 - found.data["assets"][0]["together"]), rel=1e-12)


def test_haircuts_say_what_they_lack(run: Run, charged: Path, tmp_path: Path) -> None:
    mine = collateral(tmp_path / "collateral.json")
    assert "has to be given" in run("risk", "haircuts", "--collateral", mine).data["bound"]
    assert run("risk", "haircuts", charged / "epoch").data["field"] == "--collateral"
    assert run("risk", "haircuts", charged / "epoch", "--collateral",
               collateral(tmp_path / "sol.json", underlying="SOL")).data["bound"] == "one of the epoch: BTC, ETH"
