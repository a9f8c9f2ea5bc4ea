from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from fixtures import generate
from primitives import jsonio
from risk.margins.portfolio import SCHEMA_FILE


def test_the_committed_files_are_the_generated_ones(fixtures: Path) -> None:
    for path, content in generate.files().items():
        assert (fixtures / path).read_text() == content, f"{path}: run python -m fixtures.generate"


def test_no_portfolio_is_left_over(fixtures: Path) -> None:
    committed = {path.relative_to(fixtures) for path in fixtures.glob("*/portfolios/*.json")}
    assert committed == {path for path in generate.files() if path.parent.name == "portfolios"}
    assert len([path for path in committed if path.parts[0] == "btc_eth"]) == 4


@pytest.mark.parametrize("room", ["btc_eth", "us_markets"])
def test_portfolios_follow_the_published_schema(room: str, fixtures: Path) -> None:
    schema = jsonschema.Draft202012Validator(jsonio.read(SCHEMA_FILE))
    for path in (fixtures / room / "portfolios").glob("*.json"):
        schema.validate(jsonio.read(path))


def test_calibration_prints_the_tables_of_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a synthetic history: the real one is not part of the repository."""
    import tomllib
    from datetime import date, timedelta

    import numpy as np

    from fixtures import calibrate

    rng = np.random.default_rng(1)
    common = rng.standard_t(4, 700)
    prices = 1000 * np.exp(np.cumsum(0.02 * (0.8 * common[:, None] + 0.4 * rng.standard_t(4, (700, 2))), axis=0))
    rows = [f"{date(2018, 1, 1) + timedelta(days=i)},{btc:.6f},{eth:.6f}" for i, (btc, eth) in enumerate(prices)]
    (tmp_path / "prices.csv").write_text("date,BTC,ETH\n" + "\n".join(rows) + "\n")
    calibrate.main(str(tmp_path / "prices.csv"))
    tables = tomllib.loads(capsys.readouterr().out)
    assert set(tables) == {"garch", "copula"}
    assert set(tables["garch"]["BTC"]) == {"mean", "omega", "alpha", "beta", "degrees", "variance"}
    assert 0.5 < tables["copula"]["correlation"][0][1] < 1
