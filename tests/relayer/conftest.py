"""The chains and the deployed system of the verifier_contracts tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "verifier_contracts"))      # for `toykey` and `world`
sys.path.insert(0, str(Path(__file__).parent))                                 # for `bundles`

from toykey import ToyKey
from world import GENESIS, World, anvil, build_world

from verifier_contracts.chain import Chain


@pytest.fixture(scope="session", params=["embedded", "anvil"])
def built_world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "embedded":
        yield build_world(Chain.embedded(timestamp=GENESIS), ToyKey())
    else:
        with anvil() as chain:
            yield build_world(chain, ToyKey())


@pytest.fixture
def world(built_world: World) -> Iterator[World]:
    """The deployed system; what a test does to it is undone."""
    snapshot = built_world.chain.snapshot()
    yield built_world
    built_world.chain.restore(snapshot)
