"""The chains to test on, and a deployed system on each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))          # for `toykey` and `world`

from ledger_world import LedgerWorld, build
from liquidation_world import Kept, LiquidationWorld, build_liquidation
from oracle_world import OracleWorld, build_oracle_world
from system_world import SystemWorld, build_system, undone
from toykey import ToyKey
from unwinding_world import UnwindingWorld, build_unwinding
from world import KINDS, QUICKLY, started

from verifier_contracts.chain import Chain


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that runs on two chains does so on the slower one in `make test-all`, unless it stands for its kind."""
    here, other = Path(__file__).parent, next(kind for kind in KINDS if kind != QUICKLY)
    for item in items:
        chosen = getattr(getattr(item, "callspec", None), "params", {}).values()
        second = any(isinstance(value, str) and value == other for value in chosen)
        if second and here in item.path.parents and item.get_closest_marker("both_chains") is None:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def key() -> ToyKey:
    return ToyKey()


@pytest.fixture(scope="session", params=KINDS)
def empty(request: pytest.FixtureRequest) -> Iterator[Chain]:
    with started(request.param) as chain:
        yield chain


@pytest.fixture
def either(empty: Chain) -> Iterator[Chain]:
    """A chain of either kind, with nothing on it; what a test does to it is undone."""
    snapshot = empty.snapshot()
    yield empty
    empty.restore(snapshot)


@pytest.fixture(scope="session", params=KINDS)
def built_oracle(request: pytest.FixtureRequest) -> Iterator[OracleWorld]:
    with started(request.param) as chain:
        yield build_oracle_world(chain)


@pytest.fixture
def oracles(built_oracle: OracleWorld) -> Iterator[OracleWorld]:
    """A deployed oracle; what a test does to it is undone."""
    snapshot = built_oracle.chain.snapshot()
    yield built_oracle
    built_oracle.chain.restore(snapshot)


@pytest.fixture(scope="session")
def built_ledger() -> Iterator[LedgerWorld]:
    with started() as chain:
        yield build(chain)


@pytest.fixture
def ledgers(built_ledger: LedgerWorld) -> Iterator[LedgerWorld]:
    """The deployed ledger and what is around it; what a test does to them is undone."""
    snapshot = built_ledger.chain.snapshot()
    yield built_ledger
    built_ledger.chain.restore(snapshot)


@pytest.fixture(scope="session")
def built_system() -> Iterator[SystemWorld]:
    with started() as chain:
        yield build_system(chain)


@pytest.fixture
def system_world(built_system: SystemWorld) -> Iterator[SystemWorld]:
    """All contracts as `deploy_system` deploys them; what a test does to them is undone."""
    yield from undone(built_system)


@pytest.fixture(scope="session")
def built_liquidation() -> LiquidationWorld:
    return build_liquidation()


@pytest.fixture
def lw(built_liquidation: LiquidationWorld) -> Iterator[LiquidationWorld]:
    """Calls, partial closes and lots, on revm; what a test does to them is undone."""
    with Kept(built_liquidation) as world:
        yield world


@pytest.fixture(scope="session")
def built_unwinding() -> UnwindingWorld:
    return build_unwinding()


@pytest.fixture
def uw(built_unwinding: UnwindingWorld) -> Iterator[UnwindingWorld]:
    """Accounts with positions at other protocols, on revm; what a test does to them is undone."""
    with Kept(built_unwinding.w):
        yield built_unwinding
