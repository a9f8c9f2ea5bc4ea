"""The command: exit codes, `--json`, and errors that name file, field, value and bound."""

from __future__ import annotations

import json
import re
import shlex
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from circuits import statements
from tailproof.cli import main

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "btc_eth"
STATEMENT = "margin-full-256x16"
STRADDLE = FIXTURES / "portfolios" / "short_straddle.json"
Run = Callable[..., Any]


def test_help_lists_every_command() -> None:
    shown = CliRunner().invoke(main, ["--help"]).stdout
    for name in ("epoch", "statement", "keys", "commit", "prove", "verify", "contract", "submit", "demo", "groth16"):
        assert f"  {name} " in shown


@pytest.mark.parametrize("page", ["README.md", "docs/solvency.md", "docs/page.md", "docs/tutorial.md", "docs/venue.md",
                                  "docs/addons.md", "docs/report.md", "docs/lp.md", "docs/idle.md"])
def test_a_page_names_no_command_and_no_option_that_is_not_there(page: str) -> None:
    text = (FIXTURES.parent.parent / page).read_text()
    lines = re.findall(r"^(?:[A-Z_]+=\S+ )?tailproof (.*)$", text, re.MULTILINE)
    assert len(lines) >= {"docs/page.md": 1, "docs/venue.md": 2, "docs/addons.md": 4, "docs/report.md": 4,
                          "docs/lp.md": 2, "docs/idle.md": 1}.get(page, 5)
    for line in lines:
        command: click.Command = main
        for word in shlex.split(line, comments=True):
            if isinstance(command, click.Group):
                found = command.get_command(click.Context(command), word)
                assert found is not None, line
                command = found
            elif word.startswith("-"):
                assert any(word in option.opts for option in command.params), line


def test_statement_list_is_a_list_of_sizes(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are pinned: to record every circuit takes ten seconds."""
    monkeypatch.setattr(statements.Statement, "build", lambda _: pytest.fail("a circuit was recorded"))
    answer = run("statement", "list")
    assert answer.code == 0
    keys = {"name", "rows", "wires", "public_inputs", "domain"}
    listed = answer.data["statements"]
    assert all(set(entry) == keys for entry in listed)
    found = {entry["name"]: entry for entry in listed}
    assert set(found) == set(statements.names())
    assert found[STATEMENT]["rows"] == 64_068
    assert found[STATEMENT]["domain"] == 16
    assert found[STATEMENT]["public_inputs"] == ["context", "epoch_root", "portfolio_commitment", "margin"]
    for entry in listed:
        assert entry["rows"] + len(entry["public_inputs"]) + 1 <= 1 << entry["domain"]


def test_every_small_statement_can_be_shown_profiled_and_exported(run: Run, tmp_path: Path) -> None:
    for name in statements.names():
        if statements.get(name).rows > 10_000:
            continue
        shown, profiled = run("statement", "show", name), run("statement", "profile", name)
        assert shown.code == profiled.code == 0
        assert shown.data["rows"] == profiled.data["parts"][0]["rows"] == sum(
            part["rows"] for part in shown.data["parts"].values())
    exported = run("statement", "export", "margin-tiny", "--r1cs", tmp_path / "m.r1cs", "--sym", tmp_path / "m.sym")
    assert exported.code == 0
    from prover.files.r1cs import read_r1cs
    assert read_r1cs(tmp_path / "m.r1cs").digest() == exported.data["r1cs_digest"]
    assert (tmp_path / "m.sym").read_text().count("\n") > 6000
    drawn = run("statement", "profile", "margin-tiny", "--picture", tmp_path / "m.svg")
    assert drawn.code == 0
    assert "<svg" in (tmp_path / "m.svg").read_text()


def test_statement_show_names_the_known_ones_when_asked_for_another(run: Run) -> None:
    assert run("statement", "show", "margin-tiny").data["rows"] == 6352
    answer = run("statement", "show", "no-such")
    assert answer.code == 2
    assert answer.data["field"] == "statement"
    assert "margin-tiny" in answer.data["bound"]


def test_building_an_epoch_twice_gives_the_same_root(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    again = run("epoch", "build", "--book", FIXTURES / "book.json", "--model", FIXTURES / "model.toml",
                "--out", tmp_path / "again")
    shown = run("epoch", "show", epoch_directory)
    assert again.code == shown.code == 0
    assert again.data["root"] == shown.data["root"]
    assert again.data["near_ties"] in range(4)                 # only who builds an epoch sees unrounded numbers
    assert "near_ties" not in shown.data


def test_epoch_check_tells_a_rebuilt_epoch_from_a_doctored_one(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    import shutil
    assert run("epoch", "check", epoch_directory).code == 0
    doctored = tmp_path / "doctored"
    shutil.copytree(epoch_directory, doctored)
    manifest = json.loads((doctored / "manifest.json").read_text())
    manifest["root"] = str(int(manifest["root"]) + 1)
    (doctored / "manifest.json").write_text(json.dumps(manifest))
    answer = run("epoch", "check", doctored)
    assert answer.code == 1
    assert any(entry["field"] == "manifest.root" for entry in answer.data["differences"])
    refused = run("epoch", "show", doctored)
    assert refused.code == 2
    assert refused.data["field"] == "root"


def test_commit_writes_a_secret_file_that_only_the_owner_reads(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    salt = tmp_path / "salt.json"
    arguments = ("commit", "--statement", STATEMENT, "--epoch", epoch_directory, "--portfolio", STRADDLE, "--out", salt)
    first = run(*arguments)
    assert first.code == 0
    assert stat.S_IMODE(salt.stat().st_mode) == 0o600
    content = salt.read_bytes()
    again = run(*arguments)
    assert again.code == 2
    assert "never overwritten" in again.data["bound"]
    assert salt.read_bytes() == content
    other = run(*arguments[:-1], tmp_path / "other.json")
    assert other.data["commitment"] != first.data["commitment"], "a fresh salt hides equality"


@pytest.mark.parametrize(("positions", "field"), [
    ([{"instrument": "NO-SUCH", "lots": 1}], "positions[0].instrument"),
    ([{"instrument": "BTC-SPOT", "lots": 2**40}], "positions[0].lots"),
    ([{"instrument": "BTC-SPOT", "lots": 1.5}], "positions[0].lots"),
    ([{"instrument": "BTC-SPOT", "lots": 1}] * 2, "positions[1].instrument"),
    ("none", "positions"),
])
def test_a_bad_portfolio_is_refused_by_name(run: Run, epoch_directory: Path, tmp_path: Path, positions: Any, field: str
                                            ) -> None:
    portfolio, salt = tmp_path / "portfolio.json", tmp_path / "salt.json"
    portfolio.write_text(json.dumps({"schema": "tailproof.portfolio/1", "positions": positions}))
    answer = run("commit", "--statement", STATEMENT, "--epoch", epoch_directory, "--portfolio", portfolio,
                 "--out", salt)
    assert answer.code == 2
    assert answer.data["field"] == field
    assert answer.data["source"] == str(portfolio)
    assert not salt.exists()


def test_more_positions_than_slots_are_refused(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    leaves = json.loads((epoch_directory / "manifest.json").read_text())["leaves"]
    portfolio = tmp_path / "portfolio.json"
    positions = [{"instrument": leaf["symbol"], "lots": 1} for leaf in leaves[1:18]]
    portfolio.write_text(json.dumps({"schema": "tailproof.portfolio/1", "positions": positions}))
    answer = run("commit", "--statement", STATEMENT, "--epoch", epoch_directory, "--portfolio", portfolio,
                 "--out", tmp_path / "salt.json")
    assert answer.code == 2
    assert answer.data["value"] == "17"


def test_a_missing_file_is_bad_input_not_a_crash(run: Run, tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    for arguments in (("epoch", "show", absent), ("keys", "info", absent),
                      ("contract", "generate", "--key", absent, "--out", tmp_path / "x.sol"),
                      ("submit", absent, "--deployment", absent, "--rpc", "http://127.0.0.1:1"),
                      ("verify", absent, "--key", absent, "--epoch", absent),
                      ("groth16", "verify", absent, absent, absent),
                      ("groth16", "prove", absent, absent, tmp_path / "a", tmp_path / "b")):
        answer = run(*arguments)
        assert answer.code == 2, arguments
        assert str(absent) in answer.data["message"]
    assert list(tmp_path.iterdir()) == []


def test_text_and_json_say_the_same(epoch_directory: Path) -> None:
    text = CliRunner().invoke(main, ["epoch", "show", str(epoch_directory)]).stdout
    data = json.loads(CliRunner().invoke(main, ["epoch", "show", str(epoch_directory), "--json"]).stdout)
    assert data["root"] in text
    assert data["model_digest"] in text
