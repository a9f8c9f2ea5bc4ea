"""`tailproof risk tables`: margins by four ways, what falls short, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tailproof.cli import main

FIXTURES = Path(__file__).parent.parent.parent / "fixtures"
PORTFOLIOS = sorted((FIXTURES / "btc_eth" / "portfolios").glob("*.json"))
Run = Callable[..., Any]


def text(*arguments: object) -> str:
    shown = CliRunner().invoke(main, list(map(str, arguments)))
    assert shown.exit_code == 0, shown.output
    return shown.stdout


def test_the_table_is_that_of_compare(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    picture = tmp_path / "ways.png"
    found = run("risk", "tables", epoch_directory, *PORTFOLIOS, "--random", 30, "--scenarios", 32, "--picture",
                picture).data
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert len(found["books"]) == 34
    for path, book in zip(PORTFOLIOS, found["books"], strict=False):
        one = run("risk", "compare", epoch_directory, path).data["margins"]
        assert {way: book[way] for way in one} == one
    assert {one["stress"] for one in found["shortfalls"]} == {
        "model, drawn anew", "dependence-0", "dependence-1", "black-swan", "derive-pm2-2026-11"}
    assert {one["kind"] for one in found["savings"]} == {"given", "random", "hedged", "all"}
    again = run("risk", "tables", epoch_directory, *PORTFOLIOS, "--random", 30, "--scenarios", 32).data
    assert {**again, "picture": None} == {**found, "picture": None}, "a seed fixes everything"
    shown = text("risk", "tables", epoch_directory, *PORTFOLIOS, "--random", 4, "--scenarios", 16)
    for words in ("less than isolated", "saved against", "needless", "black-swan"):
        assert words in shown


def test_without_books_it_is_of_the_reference_books(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    found = run("risk", "tables", epoch_directory, "--scenarios", 16, "--stress", "dependence-1", "--stress",
                "okx-btc-2025-01", "--picture", tmp_path / "ways.png").data
    assert {book["kind"] for book in found["books"]} == {"reference"}
    assert {one["stress"] for one in found["shortfalls"]} == {"model, drawn anew", "dependence-1", "okx-btc-2025-01"}
    assert "long BTC" in text("risk", "tables", epoch_directory, "--scenarios", 16)


def test_levels_are_margined_from_today_on(run: Run, tmp_path: Path) -> None:
    levels, account = FIXTURES / "levels", FIXTURES / "levels" / "portfolios" / "funded_straddle.json"
    assert run("epoch", "build", "--book", levels / "book.json", "--model", levels / "model.toml", "--out",
               tmp_path / "epoch").code == 0
    found = run("risk", "tables", tmp_path / "epoch", account, "--scenarios", 16).data["books"][0]
    one = run("risk", "compare", tmp_path / "epoch", account).data["margins"]
    assert {way: found[way] for way in one} == one


def test_a_book_of_nothing_needs_nothing(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.json"
    empty.write_text(json.dumps({"schema": "tailproof.portfolio/1", "positions": []}))
    found = run("risk", "tables", epoch_directory, empty, "--scenarios", 4, "--picture", tmp_path / "p.png").data
    assert found["shortfalls"] == found["savings"] == []
    assert "no book needs a margin" in text("risk", "tables", epoch_directory, empty, "--scenarios", 4)


@pytest.mark.parametrize(("arguments", "field"), [
    ((PORTFOLIOS[0], PORTFOLIOS[0]), "PORTFOLIO"),
    (("--random", "100001"), "--random"),
    (("--random", "1_000"), "--random"),
    (("--seed", "-1"), "--seed"),
    (("--scenarios", "0"), "--scenarios"),
    (("--set", "nonsense"), "--set"),
    (("--stress", "nonsense"), "stress sets"),
    (("--stress", "2020-03-12/2020-03-16"), "stress sets"),
    (("--stress", "black-swan", "--stress", "black-swan"), "stress sets"),
])
def test_what_is_wrong_is_named(run: Run, epoch_directory: Path, arguments: tuple[Any, ...], field: str) -> None:
    answer = run("risk", "tables", epoch_directory, *arguments)
    assert answer.code == 2
    assert answer.data["field"] == field, answer.data
