"""The gas table: every path within its bound, as the snapshot says, and the same on anvil."""

from __future__ import annotations

import pytest
from gas_table import (
    BOUNDS,
    BY_CHANCE,
    INPUT_GAS,
    TOLERANCE,
    Cost,
    as_table,
    changes,
    measured,
    misses,
    snapshot,
    surcharge,
)
from toykey import CIRCUIT, ToyKey
from world import GENESIS, KINDS, QUICKLY, started

from tailproof.keeper_steps import STEPS
from verifier_contracts.bindings import encode_verification, proof_words
from verifier_contracts.chain import Chain
from verifier_contracts.creation import deploy_verifier


def gas_of(costs: dict[str, Cost]) -> dict[str, int]:
    return {name: cost.gas for name, cost in costs.items()}


CARRIED = 16 * 65 + 4 * 31 + 3_100
"""Gas that a carried withdrawal costs more whatever the contract does: 65 bytes of signature in 96, and ecrecover."""


@pytest.mark.parametrize("kind", [kind if kind == QUICKLY else pytest.param(kind, marks=pytest.mark.slow)
                                  for kind in KINDS])
def test_every_path_costs_what_the_snapshot_says_and_no_more_than_its_bound(kind: str) -> None:
    """The snapshot is of the embedded chain; anvil's differs by what is chance alone."""
    with started(kind) as chain:
        costs = measured(chain)
    assert set(costs) >= set(BOUNDS)
    assert changes(gas_of(costs), snapshot(), BY_CHANCE if kind == "anvil" else None) == []
    assert misses(gas_of(costs)) == []
    assert CARRIED < surcharge(gas_of(costs)) < CARRIED + 1_500
    assert f"{costs['attest'].gas:,}" in as_table(costs)


def test_every_step_of_a_liquidation_has_its_gas_there() -> None:
    """What anyone may do in one, whoever does it: of each function a path."""
    there = {name.split(",")[0].split(" ")[0] for name in snapshot()}
    assert {step.function for step in STEPS} <= there
    assert {"blindBid", "commit", "reveal", "award", "closePartial", "proveShortfall", "deliver", "publishOpening",
            "postEscrow", "showShortfall"} <= there


def test_a_bound_that_is_missed_and_a_price_that_moved_are_named() -> None:
    before = snapshot()
    assert misses(before | {"attest": BOUNDS["attest"]}) == []
    assert misses(before | {"attest": BOUNDS["attest"] + 1}) == [f"attest: {BOUNDS['attest'] + 1:,} gas, above 262,000"]
    assert changes(before | {"attest": before["attest"] + TOLERANCE}, before) == []
    assert [one.split(":")[0] for one in changes(before | {"attest": before["attest"] + TOLERANCE + 1}, before)] == [
        "attest"]
    moved = before | {"registerKey": before["registerKey"] + TOLERANCE + 1}
    assert [one.split(":")[0] for one in changes(moved, before)] == ["registerKey"]
    assert changes(moved, before, BY_CHANCE) == []
    assert [one.split(":")[0] for one in changes(before | {"new": 5}, before)] == ["new"]
    assert [one.split(":")[0] for one in changes({}, {"gone": 5})] == ["gone"]


def test_prices_of_calldata() -> None:
    """EIP-7623: 10 gas a token, a zero byte one token, another four. EIP-4844: 31 bytes an element of 32."""
    cost = Cost(0, bytes(10) + b"\x01" * 5)
    assert cost.floor == 21_000 + 10 * (10 + 20)
    noise = Cost(0, bytes((i * i * 7919 + i * 31) % 251 for i in range(31 * 40)))
    assert noise.blob_gas == -(-noise.squeezed * 32 // 31)


@pytest.mark.parametrize("inputs", [2, 4])
def test_another_public_input_costs_as_much_as_the_table_says(inputs: int) -> None:
    chain, used = Chain.embedded(timestamp=GENESIS), []
    for count in (inputs, inputs + 1):
        key = ToyKey(count, seed="gas")
        known = key.known_answer()
        verifier = deploy_verifier(chain, key.verification_key, "gas", CIRCUIT)
        data = encode_verification(proof_words(known.proof), list(known.inputs))
        used.append(chain.send(verifier, data).gas_used)
    assert used[1] - used[0] == pytest.approx(INPUT_GAS, abs=TOLERANCE)
