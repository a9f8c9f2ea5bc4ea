"""`tailproof risk cascade`, its file, and the contracts' parameters file as it reads it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from primitives.errors import BadInput
from risk.cascades.parameters import LARGEST_MONEY, TOXIC
from risk.cascades.presets import CONTRACTS, PRESETS, STANDARD
from tailproof import templates
from tailproof.cascading import PATIENCE, read_cascade, with_system
from tailproof.cli import main
from verifier_contracts.system_config import SystemConfig

ROOT = Path(__file__).parent.parent.parent
QUICK = {"schema": "tailproof.cascade/1", "preset": "2020-03-12", "population": {"accounts": 60},
         "shock": {"blocks": 150, "start": 10, "length": 80}}


def written(folder: Path, document: Any, name: str = "cascade.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(document))
    return path


def run(*words: object) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(main, ["risk", "cascade", *map(str, words), "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_says_the_same_again_to_the_unit_and_draws_it(tmp_path: Path) -> None:
    config, picture = written(tmp_path, QUICK), tmp_path / "course.png"
    code, found = run(config, "--seeds", 2, "--plot", picture)
    assert code == 0
    assert [row["setting"] for row in found["rows"]] == ["no tiers", "partial", "partial and auction"]
    assert found["rows"][0]["against"] is None
    assert sum(found["rows"][2]["against"][name] for name in ("lower", "equal", "higher")) == 2
    assert found["cascade"]["population"]["accounts"] == 60
    assert picture.read_bytes().startswith(b"\x89PNG")
    again = run(config, "--seeds", 2)[1]
    assert again["rows"] == found["rows"]
    assert run(config, "--seeds", 1, "--first-seed", 1)[1]["rows"][0]["by_seed"]["bad_debt"] \
        == found["rows"][0]["by_seed"]["bad_debt"][1:]


@pytest.mark.parametrize("experiment", ["lag", "correlation", "depth", "auctions", "toxic", "fund"])
def test_every_experiment_speaks(experiment: str, tmp_path: Path) -> None:
    config = written(tmp_path, {**QUICK, "population": {"accounts": 20}, "shock": {"blocks": 60, "start": 5,
                                                                                  "length": 30}})
    code, found = run(config, "--experiment", experiment, "--seeds", 1)
    assert code == 0
    assert found["experiment"] == experiment
    assert found["fund"]["size"] if experiment == "fund" else len(found["rows"]) >= 2
    text = CliRunner().invoke(main, ["risk", "cascade", str(config), "--experiment", experiment, "--seeds", "1"])
    assert text.exit_code == 0
    assert "seeds 0 to 0" in text.stdout


def test_presets_and_their_files_are_the_same(tmp_path: Path) -> None:
    for name, preset in PRESETS.items():
        assert replace(read_cascade(written(tmp_path, {"schema": "tailproof.cascade/1", "preset": name})),
                       source=None) == preset


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    asset = {"symbol": "X", "price": 10**6, "maintenance": 2_000, "depth": 10**13, "volatility": 100, "fall": 3_000}
    found = read_cascade(written(tmp_path, {
        "schema": "tailproof.cascade/1", "preset": "standard", "assets": [asset],
        "market": {"law": "linear", "oracle_lag": 7}, "tiers": {"sealed": False, "fund": {"day": 5}}}))
    assert found.assets[0].fall == 3_000
    assert found.market == replace(STANDARD.market, law="linear", oracle_lag=7)
    assert found.tiers == replace(STANDARD.tiers, sealed=False, fund=replace(STANDARD.tiers.fund, day=5))
    assert found.population == STANDARD.population


@pytest.mark.parametrize(("change", "field"), [
    ({"preset": "standart"}, "preset"), ({"extra": 1}, "extra"), ({"market": {"law": "cubic"}}, "market.law"),
    ({"market": {"slippage": 2_001}}, "market.slippage"), ({"shock": {"blocks": 0}}, "shock.blocks"),
    ({"tiers": {"partial": 1}}, "tiers.partial"), ({"tiers": {"fund": {"all": 1}}}, "tiers.fund"),
    ({"accept": {TOXIC: " "}}, "accept"), ({"assets": []}, "assets"), ({"tiers": {"penalty": 1_200}}, TOXIC),
    ({"population": {"accounts": 10**9}}, "population.accounts"), ({"schema": "tailproof.cascade/2"}, "schema")])
def test_bad_files_are_refused_by_field(change: dict[str, Any], field: str, tmp_path: Path) -> None:
    path = written(tmp_path, {**QUICK, **change})
    with pytest.raises(BadInput) as caught:
        read_cascade(path)
    assert field in str(caught.value)
    code, told = run(path)
    assert code == 2
    assert told["error"] == "BadInput"


def test_one_source_is_asked_for(tmp_path: Path) -> None:
    for words in ((), (written(tmp_path, QUICK), "--preset", "standard"), ("--preset", "no such")):
        assert run(*words)[0] == 2


def test_terms_are_those_of_the_contracts_file(tmp_path: Path) -> None:
    path = tmp_path / "system.json"
    path.write_text(templates.system())
    system = SystemConfig.load(path)
    found = with_system(STANDARD, system).tiers
    assert (found.initial, found.concession, found.standing, found.haircut) == (2_000, 200, 1_000, 5_000)
    assert (found.owner, found.venue) == (PATIENCE // 12, PATIENCE // 12)
    assert found.auction_time * 12 >= system.liquidation.terms.longest > (found.auction_time - 1) * 12
    assert (found.fund.account, found.fund.epoch, found.fund.day) == (10**11, 5 * 10**11, 10**12)
    assert found == CONTRACTS                                    # what presets start from is what `new system` writes
    document = json.loads(path.read_text())
    document["liquidation"]["fund_caps"]["day"] = str(2**96 - 1)      # no cap at all
    uncapped = with_system(STANDARD, SystemConfig.load(written(tmp_path, document, "uncapped.json")))
    assert uncapped.tiers.fund == replace(found.fund, day=LARGEST_MONEY)
    document["liquidation"]["concession"] = 77
    other = written(tmp_path, document, "other.json")
    code, told = run(written(tmp_path, QUICK), "--system", other, "--seeds", 1)
    assert code == 0
    assert told["cascade"]["tiers"]["concession"] == 77


def test_the_clock_of_the_owner_and_the_venue_is_the_contracts() -> None:
    text = (ROOT / "verifier_contracts" / "solidity" / "PartialClose.sol").read_text()
    times = re.findall(r"constant (OWNERS_TIME|VENUES_TIME) = (\d+) minutes;", text)
    assert times == [("OWNERS_TIME", str(PATIENCE // 60)), ("VENUES_TIME", str(PATIENCE // 60))]
