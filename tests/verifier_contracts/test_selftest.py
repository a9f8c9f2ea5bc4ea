"""Nothing is deployed or installed on a chain that lacks a precompile, whoever asks it; `PrecompileMissing` says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import pytest
from ledger_world import candidate, send_contract, statement_id
from system_world import config_for, proving_of, toy_keys
from toykey import CIRCUIT
from world import GENESIS, refused

from primitives.errors import BadInput
from prover.curve import G2_GROUP
from verifier_contracts import creation, embedded, selftest
from verifier_contracts.chain import Chain
from verifier_contracts.compiler import compile_sources
from verifier_contracts.creation import deploy_verifier
from verifier_contracts.selftest import OUTSIDE, require_precompiles, require_right_answers
from verifier_contracts.system_config import REQUIRED_SLOTS
from verifier_contracts.system_deployment import deploy_system

MISSING = [missing for count in (1, 2, 3) for missing in combinations((6, 7, 8), count)]
Without = Callable[..., None]
STATEMENT = "margin-toy"


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Without:
    """Take precompiles away from every embedded chain."""
    def take(*missing: int) -> None:
        gone = [number.to_bytes(20, "big") for number in missing]
        left = {place: run for place, run in embedded._PRECOMPILES.items() if place not in gone}
        monkeypatch.setattr(embedded._Computation, "_precompiles", left)
    return take


@pytest.fixture
def chain() -> Chain:
    return Chain.embedded(timestamp=GENESIS)


def test_the_point_outside_the_subgroup_is_on_the_twist() -> None:
    assert G2_GROUP.on_curve(OUTSIDE)
    assert not G2_GROUP.in_subgroup(OUTSIDE)


@pytest.mark.parametrize("missing", MISSING, ids=str)
def test_nothing_is_sent_where_a_precompile_is_missing(chain, key, without, missing) -> None:
    require_precompiles(chain)
    without(*missing)
    proving = proving_of({slot: toy for slot, toy in toy_keys().items() if slot in REQUIRED_SLOTS})
    for action in (lambda: deploy_system(chain, config_for(chain, REQUIRED_SLOTS), proving),
                   lambda: deploy_verifier(chain, key.verification_key, STATEMENT, CIRCUIT)):
        with refused("PrecompileMissing") as caught:
            action()
        assert caught.value.arguments == {"precompile": missing[0]}
    assert chain.web3.eth.block_number == 0


@pytest.mark.parametrize("missing", [(6,), (7,), (8,), (6, 7, 8)], ids=str)
def test_contracts_refuse_by_themselves(chain, key, without, missing, monkeypatch) -> None:
    """A node may have lied to the deployer, or somebody else deploys."""
    monkeypatch.setattr(creation, "require_precompiles", lambda chain: None)
    authority = send_contract(chain, "Authority", [chain.senders[0]]).address
    registry = send_contract(chain, "VerifierRegistry", [authority, True, []])
    verifier = deploy_verifier(chain, key.verification_key, STATEMENT, CIRCUIT)
    margin, first = statement_id("margin"), candidate(chain, key, verifier)
    without(*missing)
    for action in (lambda: deploy_verifier(chain, key.verification_key, STATEMENT, CIRCUIT),
                   lambda: send_contract(chain, "VerifierRegistry", [authority, True, [(margin, first)]]),
                   lambda: registry.transact("announce", margin, first),
                   lambda: send_contract(chain, "ProofCombiner", [])):
        with refused("PrecompileMissing") as caught:
            action()
        assert caught.value.arguments == {"precompile": missing[0]}


def test_a_pairing_that_does_not_look_at_subgroups_is_none(chain, monkeypatch) -> None:
    """The contracts do not ask this, for a refusal takes all gas; the deployer does."""
    def always(computation):
        computation.output = (1).to_bytes(32, "big")
        return computation
    only = [answer for answer in selftest.known_answers() if answer[2] is None and answer[0] == 8]
    monkeypatch.setattr(selftest, "known_answers", lambda: only)
    require_precompiles(chain)
    monkeypatch.setattr(embedded._Computation, "_precompiles",
                        {**embedded._PRECOMPILES, (8).to_bytes(20, "big"): always})
    with refused("PrecompileMissing"):
        require_precompiles(chain)


CARELESS = """\
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

contract Careless {
    error ProofRejected();

    function verifyProof(uint256[8] calldata, uint256[4] calldata inputs) external pure {
        if (inputs[0] != 1 || inputs[1] != 2 || inputs[3] != 4) revert ProofRejected();
    }
}
"""


def test_a_verifier_that_does_not_look_at_one_input_is_found_out(chain, key) -> None:
    careless = chain.send(None, compile_sources({"Careless.sol": CARELESS})["Careless"].creation).contract
    with refused("VerifierSelfTestFailed"):
        require_right_answers(chain, careless, key.known_answer())


def test_a_known_answer_must_be_of_the_key(chain, key) -> None:
    known = key.known_answer()
    with pytest.raises(BadInput, match="known answer"):
        deploy_verifier(chain, key.verification_key, STATEMENT, CIRCUIT, known=replace(known, inputs=(1, 2, 3, 5)))
    assert chain.web3.eth.block_number == 0
