"""Chains, a deployed system on them, and proofs for whatever a test wants to claim."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import nodes
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from toykey import CIRCUIT, ToyKey

from verifier_contracts.bindings import EpochRegistry, MarginManager, proof_words
from verifier_contracts.chain import Chain
from verifier_contracts.context import Context
from verifier_contracts.deployment import Deployment, Roles, deploy
from verifier_contracts.errors import ContractRefused

GENESIS = 1_800_000_000
HOUR = 3_600
STATEMENT = "margin-toy"
MODEL_ID = b"\x11" * 32


def anvil() -> AbstractContextManager[Chain]:
    """A real node whose first block has the same time as the embedded chain's."""
    return nodes.anvil("--timestamp", str(GENESIS))


@dataclass(frozen=True)
class Claim:
    """A margin that somebody wants to attest: what the proof is made for, and what the transaction says."""

    context: Context
    root: int
    commitment: int
    margin: int

    def inputs(self) -> list[int]:
        return [self.context.field_element(), self.root, self.commitment, self.margin]


@dataclass(frozen=True)
class World:
    """A deployed system with roles in different hands, one published epoch and one registered account."""

    chain: Chain
    key: ToyKey
    deployment: Deployment
    registry: EpochRegistry
    manager: MarginManager
    roles: Roles
    owner: LocalAccount
    relayer: Any
    epoch: int
    root: int
    commitment: int
    margin: int

    def claim(self, **fields: Any) -> Claim:
        """The true claim for the account, or one with other context fields."""
        context = self.manager.context(self.owner.address, self.epoch)
        return Claim(replace(context, **fields), self.root, self.commitment, self.margin)

    def prove(self, claim: Claim) -> list[int]:
        return proof_words(self.key.prove(claim.inputs()))

    def attest(self, claim: Claim | None = None, words: Sequence[int] | None = None, **arguments: Any) -> Any:
        """Attest a claim with its proof; `arguments` replace what the transaction says."""
        claim = claim or self.claim()
        said = {"account": claim.context.account, "epoch_id": claim.context.epoch_id,
                "version": claim.context.version, "margin": claim.margin} | arguments
        return self.manager.attest(**said, words=self.prove(claim) if words is None else words, sender=self.relayer)

    def register(self, commitment: int, owner: LocalAccount | None = None, **changes: Any) -> Any:
        """Register a commitment with its owner's consent; `changes` go into the consent."""
        owner, venue = owner or self.owner, self.roles.venue
        consent = self.manager.consent(owner.address, venue, commitment, self.chain.now() + HOUR)
        consent = replace(consent, **changes)
        return self.manager.register(consent, consent.sign(owner), sender=venue)

    def publish(self, epoch: int, root: int) -> Any:
        return self.registry.publish(epoch, root, MODEL_ID, sender=self.roles.publisher)


def build_world(chain: Chain, key: ToyKey) -> World:
    admin, publisher, guardian, venue, relayer = chain.senders[:5]
    roles = Roles(admin, publisher, guardian, venue, admin_delay=0)
    deployment = deploy(chain, key.verification_key, STATEMENT, CIRCUIT, key.known_answer(), max_epoch_age=24 * HOUR,
                        roles=roles, allow_insecure_setup=True)
    registry, manager = deployment.open(chain)
    owner = Account.from_key(key.scalar("owner").to_bytes(32, "big"))
    world = World(chain, key, deployment, registry, manager, roles, owner, relayer, GENESIS - HOUR,
                  key.scalar("root"), key.scalar("commitment"), 103_329_317)
    world.publish(world.epoch, world.root)
    world.register(world.commitment)
    return world


@contextmanager
def refused(name: str) -> Iterator[pytest.ExceptionInfo[ContractRefused]]:
    """The block must end in a contract's refusal of this name."""
    with pytest.raises(ContractRefused) as caught:
        yield caught
    assert caught.value.name == name, caught.value
