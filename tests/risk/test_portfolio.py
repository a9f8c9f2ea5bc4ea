from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from primitives.errors import BadInput
from risk.epochs.epoch import Epoch
from risk.margins.portfolio import Portfolio
from tailproof import formats

GOOD: dict[str, Any] = {"schema": "tailproof.portfolio/1", "description": "two legs", "positions": [
    {"instrument": "BTC-PERP", "lots": -5}, {"instrument": "BTC-SPOT", "lots": 2**40 - 1}]}


@pytest.fixture(scope="module")
def schema() -> jsonschema.protocols.Validator:
    document = formats.schema("portfolio")
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


def write(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "book.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_reads_and_writes(tmp_path: Path, schema: jsonschema.protocols.Validator) -> None:
    portfolio = Portfolio.read(write(tmp_path, GOOD))
    assert portfolio.positions == (("BTC-PERP", -5), ("BTC-SPOT", 2**40 - 1))
    assert portfolio.to_json() == GOOD
    schema.validate(GOOD)


def test_an_empty_portfolio_and_no_lots_are_fine(tmp_path: Path, schema: jsonschema.protocols.Validator) -> None:
    for positions in ([], [{"instrument": "BTC-PERP", "lots": 0}]):
        content = {"schema": "tailproof.portfolio/1", "positions": positions}
        assert len(Portfolio.read(write(tmp_path, content)).positions) == len(positions)
        schema.validate(content)


def with_position(**changes: Any) -> dict[str, Any]:
    return GOOD | {"positions": [GOOD["positions"][1], GOOD["positions"][0] | changes]}


REFUSED = [
    (with_position(lots=2**40), r"positions\[1\]\.lots is 1099511627776: must be an integer in \[-1099511627775"),
    (with_position(lots=-2**40), r"positions\[1\]\.lots is"),
    (with_position(lots=1.5), r"positions\[1\]\.lots is 1\.5"),
    (with_position(lots="5"), r"positions\[1\]\.lots is '5'"),
    (with_position(lots=True), r"positions\[1\]\.lots is True"),
    (with_position(lots=None), r"positions\[1\]\.lots is null"),
    (with_position(instrument=""), r"positions\[1\]\.instrument is ''"),
    (with_position(instrument=7), r"positions\[1\]\.instrument is 7"),
    (with_position(price="1"), r"positions\[1\]\.price is '1': must be absent"),
    (GOOD | {"positions": [{"lots": 1}]}, r"positions\[0\]\.instrument is missing: must be given"),
    (GOOD | {"positions": {}}, r"positions is .* an array"),
    (GOOD | {"positions": [{"instrument": f"I{i}", "lots": 1} for i in range(65)]}, "length of positions is 65"),
    (GOOD | {"schema": "tailproof.portfolio/2"}, "schema is"),
    (GOOD | {"owner": "me"}, "owner is 'me': must be absent"),
    (GOOD | {"description": 5}, "description is 5"),
    ([], "document is"),
]


@pytest.mark.parametrize(("content", "message"), REFUSED)
def test_what_is_refused_here_the_schema_refuses_too(content: Any, message: str, tmp_path: Path,
                                                     schema: jsonschema.protocols.Validator) -> None:
    with pytest.raises(BadInput, match=r"book\.json: " + message):
        Portfolio.read(write(tmp_path, content))
    assert not schema.is_valid(content)


@pytest.mark.parametrize("text", ["", "{", '{"schema": NaN}', json.dumps(GOOD).replace("-5", "-5.0"),
                                  json.dumps(GOOD).replace('"lots": -5', '"lots": 1, "lots": -5')])
def test_what_a_schema_cannot_see_is_refused(text: str, tmp_path: Path) -> None:
    """Broken JSON, a whole number written as a float, a key given twice."""
    with pytest.raises(BadInput, match=r"book\.json: "):
        Portfolio.read(write(tmp_path, text))


def test_an_instrument_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"positions\[1\]\.instrument is 'BTC-SPOT': must be an instrument that no"):
        Portfolio.read(write(tmp_path, with_position(instrument="BTC-SPOT")))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="a readable file"):
        Portfolio.read(tmp_path / "none.json")


def test_an_unknown_instrument_is_refused_with_its_place(tmp_path: Path, crypto: Epoch) -> None:
    portfolio = Portfolio.read(write(tmp_path, with_position(instrument="DOGE-PERP")))
    with pytest.raises(BadInput, match=r"book\.json: positions\[1\]\.instrument is 'DOGE-PERP': must be an instrument"):
        portfolio.rows(crypto)


def test_rows_are_those_of_the_epoch(tmp_path: Path, crypto: Epoch) -> None:
    rows = Portfolio.read(write(tmp_path, GOOD)).rows(crypto)
    assert [(crypto.instruments[row - 1].symbol, lots) for row, lots in rows] == list(Portfolio.read(
        write(tmp_path, GOOD)).positions)
