from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from fixtures import generate
from primitives import jsonio
from tailproof import formats


def test_the_committed_files_are_the_generated_ones(fixtures: Path) -> None:
    for path, content in generate.files().items():
        assert (fixtures / path).read_text() == content, f"{path}: run python -m fixtures.generate"


def test_no_portfolio_is_left_over(fixtures: Path) -> None:
    committed = {path.relative_to(fixtures) for path in fixtures.glob("*/portfolios/*.json")}
    assert committed == {path for path in generate.files() if path.parent.name == "portfolios"}
    assert len([path for path in committed if path.parts[0] == "btc_eth"]) == 4


@pytest.mark.parametrize("room", ["btc_eth", "inverse", "levels", "us_markets"])
def test_portfolios_follow_the_published_schema(room: str, fixtures: Path) -> None:
    schema = jsonschema.Draft202012Validator(formats.schema("portfolio"))
    for path in (fixtures / room / "portfolios").glob("*.json"):
        schema.validate(jsonio.read(path))
