"""What there is to submit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from system_world import SystemWorld
from toykey import CIRCUIT, ToyKey

from prover import Proof
from verifier_contracts.context import Context

STATEMENT = "margin-toy"


@dataclass(frozen=True)
class Bundle:
    statement: str
    r1cs_digest: str
    context: Context
    public_inputs: dict[str, int]
    proof: Proof


@dataclass(frozen=True)
class Claim:
    """A margin that somebody wants to attest: what the proof is made for, and what the transaction says."""

    context: Context
    root: int
    commitment: int
    margin: int

    def inputs(self) -> list[int]:
        return [self.context.field_element(), self.root, self.commitment, self.margin]


def claim(world: SystemWorld, **fields: Any) -> Claim:
    """The true claim for the account, or one with other context fields."""
    context = Context("margin", world.chain.chain_id, world.ledger.address,
                      world.keys["margin"].verification_key.digest(), world.owner.address, world.epoch, 1)
    return Claim(replace(context, **fields), world.root, world.commitment, world.margin)


def bundle(world: SystemWorld, claimed: Claim | None = None, key: ToyKey | None = None) -> Bundle:
    claimed = claimed or claim(world)
    names = ("context", "epoch_root", "portfolio_commitment", "margin")
    return Bundle(STATEMENT, CIRCUIT.hex(), claimed.context, dict(zip(names, claimed.inputs(), strict=True)),
                  (key or world.keys["margin"]).prove(claimed.inputs()))
