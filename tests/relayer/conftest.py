"""The chains and the deployed system of the verifier_contracts tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "verifier_contracts"))      # for `system_world`
sys.path.insert(0, str(Path(__file__).parent))                                 # for `bundles`

from postgres import postgres
from sqlalchemy import create_engine, text
from system_world import SystemWorld, build_system
from world import KINDS, QUICKLY, started

from relayer.outbox import database
from verifier_contracts.system_config import REQUIRED_SLOTS


@pytest.fixture(scope="session", params=[kind if kind == QUICKLY else pytest.param(kind, marks=pytest.mark.slow)
                                        for kind in KINDS])
def built_world(request: pytest.FixtureRequest) -> Iterator[SystemWorld]:
    with started(request.param) as chain:
        yield build_system(chain, slots=REQUIRED_SLOTS)


@pytest.fixture
def world(built_world: SystemWorld) -> Iterator[SystemWorld]:
    """The deployed system; what a test does to it is undone."""
    snapshot = built_world.chain.snapshot()
    yield built_world
    built_world.chain.restore(snapshot)


# -- outboxes ---------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where that is: a process that is killed loses nothing of what it wrote there, and a disk would be
    waited for ten thousand times."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() and os.access(memory, os.W_OK) else None) as made:
        yield Path(made)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, folder: Path) -> str:
    """Where a fresh outbox is, in either database."""
    if request.param == "sqlite":
        return str(folder / "outbox.db")
    url = request.getfixturevalue("server")
    engine = create_engine(database(url))
    with engine.begin() as connection:
        connection.execute(text("drop schema public cascade"))
        connection.execute(text("create schema public"))
    engine.dispose()
    return str(url)
