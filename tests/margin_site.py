"""A system of contracts in which one margin key is real and every other is a toy: what a margin needs, in seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import real_system  # finds `system_world`
from system_world import TERMS, SystemWorld, config_for, toy_keys
from toykey import CIRCUIT

from circuits import statements
from tailproof.keys import KeyDirectory
from tailproof.known_answers import prove_known_answer
from tailproof.statements import r1cs_digest
from tailproof.systems import empty_commitment, layout_of
from verifier_contracts.chain import Chain
from verifier_contracts.oracle import LeafLayout
from verifier_contracts.system import CONTRACTS, Installed, Settings, System
from verifier_contracts.system_config import REQUIRED_SLOTS
from verifier_contracts.system_deployment import Proving, SlotKey, deploy_system

WHO = "0x" + "11" * 20


def deploy_margins(chain: Chain, key: KeyDirectory, file: Path | None = None) -> SystemWorld:
    """Deploy it; epochs and accounts are the tests'."""
    toys = {slot: toy for slot, toy in toy_keys().items() if slot in REQUIRED_SLOTS}
    statement = statements.get(key.statement)
    slots = {slot: SlotKey(f"{slot}-toy", toy.verification_key, CIRCUIT, toy.known_answer())
             for slot, toy in toys.items()}
    slots["margin"] = SlotKey(key.statement, key.verification_key(), bytes.fromhex(key.r1cs_digest),
                              prove_known_answer(key))
    config = config_for(chain, REQUIRED_SLOTS)
    config = replace(config, oracle=replace(config.oracle, cash_id=0))
    proving = Proving(slots, layout_of(statement.shape, config), empty_commitment(statement), statement.slots, 1)
    system = deploy_system(chain, config, proving, sender=chain.senders[0], file=file)
    return real_system.world_of(chain, system, config, system.open(chain), toys)


def publish(world: SystemWorld, epoch: Any) -> int:
    """An epoch as a quorum signs it, now; returns its id."""
    content = world.content(root=epoch.root)
    world.publish_content(content)
    return content.id


def system_file(path: Path, statement: str, key_digest: bytes, *, chain_id: int = 31337) -> Path:
    """A deployment file of contracts that are nowhere, for who reads no more than it."""
    settings = Settings(True, 3, 1, LeafLayout(5, 50, 44, 256, 2, 0), 1_800, 1, 16, 1_800, 900, 2_700, 900,
                        (0, 2_000, 5_000, 10_000), (3_600, 3_600, 4_500, 5_400), 1, 10_000, 1, TERMS)
    circuit = bytes.fromhex(r1cs_digest(statement)) if statement in statements.names() else CIRCUIT
    System(chain_id, 1, dict.fromkeys(CONTRACTS, WHO),
           (Installed("margin", statement, WHO, key_digest, circuit, True),), WHO, 1, settings, ()).save(path)
    return path
