"""The chains and the deployed system of the verifier_contracts tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "verifier_contracts"))      # for `system_world`
sys.path.insert(0, str(Path(__file__).parent))                                 # for `bundles`

from system_world import SystemWorld, build_system
from world import KINDS, started

from verifier_contracts.system_config import REQUIRED_SLOTS


@pytest.fixture(scope="session", params=KINDS)
def built_world(request: pytest.FixtureRequest) -> Iterator[SystemWorld]:
    with started(request.param) as chain:
        yield build_system(chain, slots=REQUIRED_SLOTS)


@pytest.fixture
def world(built_world: SystemWorld) -> Iterator[SystemWorld]:
    """The deployed system; what a test does to it is undone."""
    snapshot = built_world.chain.snapshot()
    yield built_world
    built_world.chain.restore(snapshot)
