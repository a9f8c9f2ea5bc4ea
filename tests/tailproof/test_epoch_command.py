"""`tailproof epoch` as a publisher and a signer use it: a chain, reasons, trials, and epochs of before."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from worlds import MODEL, VALUATION, book, world

from risk.epochs.header import TRIAL
from tailproof.cli import main

Run = Callable[..., Any]


@pytest.fixture
def build(run: Run, tmp_path: Path) -> Callable[..., Any]:
    """`epoch build` of a book and a model of the small world, with more options."""
    def make(name: str, *options: object, changed: dict[str, Any] | None = None, model: str = MODEL) -> Any:
        home = tmp_path / f"{name}.sources"
        home.mkdir()
        sources = world(changed, model=model)
        for file, content in (("book.json", sources.book), ("model.toml", sources.model),
                              ("history.csv", sources.history or b"")):
            (home / file).write_bytes(content)
        return run("epoch", "build", "--book", home / "book.json", "--model", home / "model.toml", "--history",
                   home / "history.csv", *options, "--out", tmp_path / name)
    return make


def later() -> dict[str, Any]:
    return {**book(), "valuation": VALUATION.replace("T00", "T12")}


def said(*arguments: object) -> str:
    return CliRunner().invoke(main, [*map(str, arguments)]).stdout


def test_a_chain_of_two(run: Run, build: Callable[..., Any], tmp_path: Path) -> None:
    first = build("first")
    second = build("second", "--previous", tmp_path / "first", changed=later())
    assert (first.data["previous"], second.data["previous"]) == ("0", first.data["root"])
    assert first.data["seed"] != second.data["seed"]
    assert run("epoch", "show", tmp_path / "second").data["previous"] == first.data["root"]
    assert "none: the first of its chain" in said("epoch", "show", tmp_path / "first")
    checked = run("epoch", "check", tmp_path / "second", "--previous", tmp_path / "first")
    assert (checked.code, checked.data["changes"], checked.data["differences"]) == (0, [], [])
    assert "NOT COMPARED with the epoch before" in said("epoch", "check", tmp_path / "second")
    wrong = run("epoch", "check", tmp_path / "first", "--previous", tmp_path / "second")
    assert wrong.code == 1
    assert {d["field"] for d in wrong.data["differences"]} == {"previous root", "valuation"}


def test_what_does_not_follow_is_refused_before_it_is_written(build: Callable[..., Any], tmp_path: Path) -> None:
    assert build("first").code == 0
    changed = {**later(), "instruments": book()["instruments"][1:]}
    dropped = build("second", "--previous", tmp_path / "first", changed=changed)
    assert (dropped.code, dropped.data["field"]) == (2, "BTC-SPOT")
    assert "E7" in dropped.data["bound"]
    same = build("third", "--previous", tmp_path / "first")
    assert (same.code, same.data["field"]) == (2, "valuation")
    assert not (tmp_path / "second").exists()


def test_an_implausible_price_takes_a_reason(run: Run, build: Callable[..., Any], tmp_path: Path) -> None:
    wild = book()
    wild["underlyings"][0]["perpetual"] = "90000"
    refused = build("refused", changed=wild)
    assert (refused.code, refused.data["field"]) == (2, "G3: basis of BTC's perpetual")
    assert '--accept G3="reason"' in refused.data["bound"]
    accepted = build("accepted", "--accept", 'G3="the exchange halted"', changed=wild)
    assert accepted.code == 0
    shown = run("epoch", "show", tmp_path / "accepted").data["gates"]["accepted"]
    assert shown == [{"gate": "G3", "reason": "the exchange halted",
                      "found": ["basis of BTC's perpetual is 0.5: must be within 0.03"]}]
    assert json.loads((tmp_path / "accepted" / "manifest.json").read_text())["gates"]["accepted"] == shown
    assert "ACCEPTED G3, since the exchange halted" in said("epoch", "show", tmp_path / "accepted")
    assert run("epoch", "check", tmp_path / "accepted").code == 0


@pytest.mark.parametrize("reason", ["G3", "G3=", "G5=it is so", "G99=x"])
def test_reasons_without_gates_and_gates_without_reasons(reason: str, build: Callable[..., Any]) -> None:
    assert build("x", "--accept", reason).code == 2


def test_a_trial_says_so_everywhere(run: Run, build: Callable[..., Any], tmp_path: Path) -> None:
    trial = build("trial", model=MODEL.replace("horizon", 'purpose = "trial"\nseed = 7\nhorizon'))
    assert (trial.code, trial.data["purpose"], trial.data["seed"]) == (0, "trial", 7)
    for command in ("show", "check"):
        assert TRIAL in said("epoch", command, tmp_path / "trial")
    assert TRIAL in run("epoch", "check", tmp_path / "trial").data["remarks"]
    build("serious")
    assert TRIAL not in said("epoch", "check", tmp_path / "serious")


@pytest.mark.parametrize("schema", ["tailproof.epoch/1", "tailproof.epoch/2"])
def test_epochs_of_before_are_refused_with_the_command_that_rebuilds_them(schema: str, run: Run,
                                                                          build: Callable[..., Any], tmp_path: Path
                                                                          ) -> None:
    build("old")
    path = tmp_path / "old" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": schema}))
    for command in (("epoch", "show", tmp_path / "old"), ("epoch", "check", tmp_path / "old")):
        answer = run(*command)
        assert (answer.code, answer.data["field"]) == (2, "schema")
        assert "tailproof epoch build --book" in answer.data["bound"]
    options = answer.data["bound"].split("tailproof epoch build ")[1].replace("NEW", str(tmp_path / "new")).split()
    assert run("epoch", "build", *options).code == 0
    assert (tmp_path / "new" / "manifest.json").exists()
    shutil.rmtree(tmp_path / "new")
