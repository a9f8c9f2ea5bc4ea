"""What newcomers stumbled over, and stumble over no more."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import tailproof
from tailproof.cli import main

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "levels"
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def levels(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("levels") / "epoch"
    assert run("epoch", "build", "--book", FIXTURES / "book.json", "--model", FIXTURES / "model.toml", "--out", path
               ).code == 0
    return path


def committed(run: Run, epoch: Path, folder: Path, *positions: tuple[str, int]) -> Any:
    held = folder / "held.json"
    held.write_text(json.dumps({"schema": "tailproof.portfolio/1", "positions": [
        {"instrument": symbol, "lots": lots} for symbol, lots in positions]}))
    answer = run("commit", "--statement", "margin-full-256x16", "--epoch", epoch, "--portfolio", held, "--out",
                 folder / "secret.json")
    assert answer.code == 0, answer.data
    return answer.data["remarks"]


@pytest.mark.parametrize(("positions", "said"), [
    ([("BTC-PERP", 0)], ["0 lots of BTC-PERP"]),
    ([("BTC-25DEC20", 1), ("ETH-PERP", 2)], ["BTC-25DEC20 expired on 2020"]),
    ([("BTC-25DEC20", 0)], ["0 lots of BTC-25DEC20"]), ([("BTC-PERP", 3), ("CASH", 7), ("BTC-29JAN21", -1)], [])])
def test_what_is_committed_to_without_effect_is_told(run: Run, levels: Path, tmp_path: Path,
                                                     positions: list[tuple[str, int]], said: list[str]) -> None:
    remarks = committed(run, levels, tmp_path, *positions)
    assert len(remarks) == len(said)
    assert all(part in remark for part, remark in zip(said, remarks, strict=True))


@pytest.mark.parametrize("name", ["full", "grid"])
def test_a_margin_prints_what_it_comes_to(levels: Path, run: Run, name: str, tmp_path: Path) -> None:
    book = FIXTURES.parent / "btc_eth"
    epoch = levels
    if name == "grid":
        epoch = tmp_path / "epoch"
        assert run("epoch", "build", "--book", book / "book.json", "--model", book / "model.toml", "--statement",
                   "margin-grid-1000x32", "--out", epoch).code == 0
    portfolio = FIXTURES / "portfolios" / "funded_straddle.json" if name == "full" else \
        book / "portfolios" / "short_straddle.json"
    margin = tailproof.Portfolio.read(portfolio).margin(tailproof.load_epoch(epoch))
    assert len(str(margin)) < 200
    assert f"required={margin.required}" in str(margin)


@pytest.mark.parametrize(("name", "told"), [("margin-full-256x16", ["shape: depth", "shape: lanes", "shape: tail"]),
                                            ("flat-16", [])])
def test_a_statement_shows_its_shape_as_text(run: Run, name: str, told: list[str]) -> None:
    text = CliRunner().invoke(main, ["statement", "show", name]).stdout
    shape = run("statement", "show", name).data["shape"]
    assert all(any(line.startswith(part) and line.endswith(str(shape[part.removeprefix("shape: ")]))
                   for line in text.splitlines()) for part in told)
    assert ("shape: " in text) == bool(told)


def test_keys_are_shown_as_epochs_and_statements_are(run: Run, key_directory: Path) -> None:
    assert run("keys", "show", key_directory).data == run("keys", "info", key_directory).data
    help_ = CliRunner().invoke(main, ["keys", "--help"]).stdout
    assert "info" in help_
    assert "  show" not in help_


def test_accounts_of_trial_chains_are_those_of_the_configuration(run: Run, tmp_path: Path) -> None:
    """And their keys are theirs; a shell reads the file."""
    from eth_account import Account

    from tailproof import templates
    answer = run("new", "accounts", "--out", tmp_path / "accounts.sh")
    names = answer.data["accounts"]
    assert [names[name] for name in ("ADMIN", "GUARDIAN", "RISK", "VENUE", "PUBLISHER_1", "PUBLISHER_2", "PUBLISHER_3",
                                     "FUND_AGENT")] == list(templates.ANVIL)
    assert names["DEPLOYER"] == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    script = f'. "{tmp_path / "accounts.sh"}"; ' + "; ".join(f'echo "{name} ${name} ${name}_KEY"' for name in names)
    said = subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, check=True).stdout
    found = {name: (address, key) for name, address, key in map(str.split, said.splitlines())}
    assert {name: address for name, (address, _) in found.items()} == names
    assert all(Account.from_key(key).address == address for address, key in found.values())
    assert run("new", "accounts", "--out", tmp_path / "accounts.sh").code == 2


def test_fixtures_come_along_as_they_are(run: Run, tmp_path: Path) -> None:
    answer = run("new", "fixtures", "--out", tmp_path / "fixtures")
    assert "levels/portfolios/funded_straddle.json" in answer.data["files"]
    there = sorted(str(path.relative_to(tmp_path / "fixtures")) for path in (tmp_path / "fixtures").rglob("*.*"))
    assert there == sorted(answer.data["files"])
    for name in there:
        assert (tmp_path / "fixtures" / name).read_bytes() == (FIXTURES.parent / name).read_bytes()
    assert run("new", "fixtures", "--out", tmp_path / "fixtures").code == 2
