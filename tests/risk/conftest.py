from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from risk.epochs.build import build
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources

FIXTURES = Path(__file__).parent.parent.parent / "fixtures"


@pytest.fixture(scope="session")
def fixtures() -> Path:
    return FIXTURES


@pytest.fixture(scope="session")
def crypto_sources() -> Sources:
    return Sources.read(FIXTURES / "btc_eth" / "model.toml", FIXTURES / "btc_eth" / "book.json")


@pytest.fixture(scope="session")
def trial_sources(crypto_sources: Sources) -> Sources:
    """The same as a trial: for shapes with too few scenarios to mean anything."""
    trial = crypto_sources.model.replace(b"horizon = 2", b'purpose = "trial"\nseed = 1\nhorizon = 2')
    return replace(crypto_sources, model=trial)


@pytest.fixture(scope="session")
def crypto(crypto_sources: Sources) -> Epoch:
    return build(crypto_sources)


@pytest.fixture(scope="session")
def us_sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """Real history: the S&P 500, NASDAQ and WTI series that the `arch` package ships."""
    from fixtures.us_history import history_csv

    path = tmp_path_factory.mktemp("us") / "history.csv"
    path.write_text(history_csv())
    return Sources.read(FIXTURES / "us_markets" / "model.toml", FIXTURES / "us_markets" / "book.json", path)


@pytest.fixture(scope="session")
def us(us_sources: Sources) -> Epoch:
    return build(us_sources)


@pytest.fixture
def edited() -> Callable[[bytes, str, str], bytes]:
    """A source with one text replaced by another; the text must be there."""
    def edit(data: bytes, old: str, new: str) -> bytes:
        text = data.decode()
        assert old in text
        return text.replace(old, new, 1).encode()

    return edit
