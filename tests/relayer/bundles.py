"""What there is to submit."""

from __future__ import annotations

from dataclasses import dataclass

from toykey import CIRCUIT, ToyKey
from world import STATEMENT, Claim, World

from prover import Proof
from verifier_contracts.context import Context


@dataclass(frozen=True)
class Bundle:
    statement: str
    r1cs_digest: str
    context: Context
    public_inputs: dict[str, int]
    proof: Proof


def bundle(world: World, claim: Claim | None = None, key: ToyKey | None = None) -> Bundle:
    claim = claim or world.claim()
    names = ("context", "epoch_root", "portfolio_commitment", "margin")
    return Bundle(STATEMENT, CIRCUIT.hex(), claim.context, dict(zip(names, claim.inputs(), strict=True)),
                  (key or world.key).prove(claim.inputs()))
