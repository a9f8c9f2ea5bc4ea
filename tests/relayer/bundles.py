"""What there is to submit."""

from __future__ import annotations

from dataclasses import dataclass

from toykey import ToyKey
from world import Claim, World

from prover import Proof
from verifier_contracts.context import Context


@dataclass(frozen=True)
class Bundle:
    context: Context
    public_inputs: dict[str, int]
    proof: Proof


def bundle(world: World, claim: Claim | None = None, key: ToyKey | None = None) -> Bundle:
    claim = claim or world.claim()
    names = ("context", "epoch_root", "portfolio_commitment", "margin")
    return Bundle(claim.context, dict(zip(names, claim.inputs(), strict=True)),
                  (key or world.key).prove(claim.inputs()))
