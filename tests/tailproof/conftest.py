"""An oracle with real keys for tiny epochs of levels, and three epochs for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import page_files
import pytest
from oracle_epochs import STATEMENTS, Keys, build

sys.path.insert(0, str(Path(__file__).parent.parent / "verifier_contracts"))          # for `oracle_world`

from eth_utils.crypto import keccak
from oracle_world import OracleWorld, build_oracle_world, create
from world import started

from tailproof import epochs
from tailproof.epoch_leaves import layout_of
from tailproof.keys import KeyDirectory
from verifier_contracts.creation import compile_verifier


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files for the page (`page_files`)."""
    made = tmp_path_factory.mktemp("dropped")
    page_files.make(made)
    return made


@pytest.fixture(scope="session")
def leaf_keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.make(tmp_path_factory.mktemp("leaf-keys"))


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """An epoch, the one after it, and one after that in which an instrument is no longer listed."""
    folder = tmp_path_factory.mktemp("epochs")
    one = build(folder / "one")
    two = build(folder / "two", previous=one, valuation="2021-01-01T00:10:00Z", spot="29100")
    three = build(folder / "three", previous=two, valuation="2021-01-01T00:20:00Z", spot="29050",
                  symbols=("BTC-SPOT", "ETH-PERP"), released=("BTC-PERP",))
    return one, two, three


@pytest.fixture(scope="session")
def built_real(leaf_keys: Keys, honest: tuple[Path, Path, Path]) -> Iterator[OracleWorld]:
    with started() as chain:
        yield judged_by_proofs(build_oracle_world(chain, layout_of(epochs.load(honest[0]))), leaf_keys)


def judged_by_proofs(world: OracleWorld, leaf_keys: Keys) -> OracleWorld:
    """With verifiers of statements in its court."""
    for slot, name in zip(("leaf-field", "leaf-field-mark"), STATEMENTS, strict=True):
        key = KeyDirectory.load(leaf_keys.paths[name])
        artifact = compile_verifier(key.verification_key(), name, bytes.fromhex(key.r1cs_digest))
        world.verifiers.transact("set", keccak(text=slot), create(world.chain, artifact, ()),
                                 bytes.fromhex(key.key_digest[2:]))
    return world


@pytest.fixture
def real(built_real: OracleWorld) -> Iterator[OracleWorld]:
    """An oracle whose court has real verifiers for leaves and marks; what a test does to it is undone."""
    snapshot = built_real.chain.snapshot()
    yield built_real
    built_real.chain.restore(snapshot)
