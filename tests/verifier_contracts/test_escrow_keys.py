"""Keys of the escrow: points of the subgroup whose secret somebody knows, of holders and of the first committee."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from escrow_posts import SLOTS, public, secret_of, shown
from eth_utils.crypto import keccak
from revmchain import Contract, Machine, account, refused

from committee.proofs import Possession
from primitives.babyjubjub import BASE, GENERATOR, IDENTITY, SUBGROUP_ORDER, Point, add, multiply
from primitives.field import MODULUS
from verifier_contracts.compiler import compile_contracts

ADMIN, HOLDER, OTHER = account(0xA0), account(0xB1), account(0xB2)
ORDER_2 = Point(0, MODULUS - 1)
ORDER_8 = multiply(SUBGROUP_ORDER, GENERATOR)
MEMBERS = [public(secret_of(f"member {number}")) for number in range(3)]


@dataclass
class Keys:
    """An escrow whose ledger is nobody."""

    machine: Machine
    contract: Contract

    def context(self, holder: str = HOLDER) -> bytes:
        return bytes(self.contract("contextOfKey", holder))

    def register(self, key: Any, proof: Any, holder: str = HOLDER) -> None:
        self.contract("registerKey", key, proof, sender=holder)

    def of(self, holder: str = HOLDER) -> tuple[int, ...]:
        return tuple(self.contract("keyOf", holder))

    def found(self, *arguments: Any, sender: str = ADMIN) -> None:
        self.contract("foundCommittee", *arguments, sender=sender)


@pytest.fixture
def keys() -> Keys:
    return deployed(Machine(1_800_000_000))


def deployed(machine: Machine) -> Keys:
    made = compile_contracts()
    authority = machine.deploy(made["Authority"], ADMIN, sender=ADMIN)
    return Keys(machine, machine.deploy(made["Escrow"], authority.address, account(1), authority.address, SLOTS,
                                        sender=ADMIN))


def test_a_key_is_registered_once_its_secret_is_shown(keys: Keys) -> None:
    secret = secret_of("stranger")
    key = public(secret)
    keys.register(key, shown(secret, keys.context()))
    assert keys.of() == key
    assert keys.contract("isRegistered", keccak(key.x.to_bytes(32, "big") + key.y.to_bytes(32, "big"))) is True
    assert keys.of(OTHER) == (0, 0)


def test_a_holder_has_one_key_a_day_to_the_second(keys: Keys) -> None:
    first, second = secret_of("first"), secret_of("second")
    keys.register(public(first), shown(first, keys.context()))
    begun = keys.machine.now
    keys.machine.at(begun + 86_399)
    with refused("KeyTooYoung", HOLDER.lower(), begun + 86_400):
        keys.register(public(second), shown(second, keys.context()))
    keys.register(public(second), shown(second, keys.context(OTHER)), OTHER)              # each for herself
    assert keys.of() == public(first)
    keys.machine.at(begun + 86_400)
    keys.register(public(second), shown(second, keys.context()))
    assert (keys.of(), keys.contract("keyedAt", HOLDER)) == (public(second), begun + 86_400)


def test_tool_and_contract_have_one_proof_of_possession_and_one_arithmetic(keys: Keys) -> None:
    """Scalars of all kinds, through the only door there is: s B = T + c P."""
    secrets = [int.from_bytes(keccak(text=f"scalar {number}"), "big") % SUBGROUP_ORDER for number in range(30)]
    for secret in (1, 2, 1 << 250, SUBGROUP_ORDER - 1, *secrets):
        keys.machine.at(keys.machine.now + 86_400)
        made = Possession.of(secret, keys.context())
        keys.register(public(secret), (made.commitment, made.response))
        assert keys.of() == public(secret)


@pytest.mark.parametrize(("key", "error"), [
    (Point(5, 7), "PointOffCurve"), (Point(MODULUS, 1), "PointOffCurve"), (Point(0, MODULUS + 1), "PointOffCurve"),
    (Point(BASE.x + MODULUS, BASE.y), "PointOffCurve"), (Point(BASE.x, BASE.y + MODULUS), "PointOffCurve"),
    (IDENTITY, "KeyOutsideSubgroup"), (ORDER_2, "KeyOutsideSubgroup"), (ORDER_8, "KeyOutsideSubgroup"),
    (multiply(2, ORDER_8), "KeyOutsideSubgroup"), (multiply(3, ORDER_8), "KeyOutsideSubgroup"),
    (GENERATOR, "KeyOutsideSubgroup"), (add(BASE, ORDER_2), "KeyOutsideSubgroup"),
    (add(multiply(5, BASE), ORDER_8), "KeyOutsideSubgroup")])
def test_a_key_that_somebody_else_could_read_with_or_nobody_is_none(keys: Keys, key: Point, error: str) -> None:
    for secret in (0, 5):
        with refused(error, *key):
            keys.register(key, shown(secret, keys.context(), key))


def test_without_possession_a_key_is_not_registered(keys: Keys) -> None:
    secret, context = secret_of("stranger"), keys.context()
    key, (t, s) = public(secret), shown(secret, context)
    foreign = public(secret_of("somebody else"))
    rogue = add(key, multiply(-1, foreign))                                # made out of another's
    for wrong, proof in ((foreign, (t, s)), (rogue, shown(secret, context, rogue)), (key, (t, s + 1)),
                         (key, (t, s + SUBGROUP_ORDER)), (key, (BASE, s)), (key, (Point(5, 7), s)),
                         (key, (add(t, ORDER_2), s)), (key, (Point(t.x + MODULUS, t.y), s)),
                         (key, shown(secret, keys.context(OTHER))), (key, shown(secret, bytes(32))),
                         (key, (IDENTITY, 0))):
        with refused("PossessionNotShown", *wrong):
            keys.register(wrong, proof)
    with refused("PossessionNotShown"):                                    # a copy, by another sender
        keys.register(key, (t, s), OTHER)
    small = next(one for one in map(secret_of, map(str, range(100)))       # twice written in as many bits
                 if shown(one, context)[1] + SUBGROUP_ORDER < 1 << SUBGROUP_ORDER.bit_length())
    t, s = shown(small, context)
    with refused("PossessionNotShown"):
        keys.register(public(small), (t, s + SUBGROUP_ORDER))
    assert keys.contract("isRegistered", keccak(key.x.to_bytes(32, "big") + key.y.to_bytes(32, "big"))) is False


def test_the_first_committee_is_founded_once(keys: Keys) -> None:
    secret = secret_of("committee 1")
    key, proof = public(secret), shown(secret, bytes(keys.contract("contextOfCommittee", 1)))
    with refused("AccessManagedUnauthorized"):
        keys.found(key, proof, MEMBERS, 2, bytes(32), sender=OTHER)
    with refused("NoCommittee"):
        keys.contract("renewCommittee", 0, MEMBERS, 2, bytes(32), sender=ADMIN)
    for context in (keys.context(ADMIN), bytes(keys.contract("contextOfCommittee", 2)), bytes(32)):
        with refused("PossessionNotShown"):
            keys.found(key, shown(secret, context), MEMBERS, 2, bytes(32))
    with refused("KeyOutsideSubgroup"):
        keys.found(GENERATOR, proof, MEMBERS, 2, bytes(32))
    for threshold, some in ((1, MEMBERS), (4, MEMBERS), (2, []), (2, MEMBERS * 11)):
        with refused("NoSuchThreshold", threshold, len(some)):
            keys.found(key, proof, some, threshold, bytes(32))
    with refused("PointOffCurve"):
        keys.found(key, proof, [*MEMBERS, Point(1, 2)], 2, bytes(32))
    keys.found(key, proof, MEMBERS, 3, b"\x05" * 32)
    assert keys.contract("generation") == 1
    assert keys.contract("committees", 1) == (tuple(key), 1_800_000_000, 0)
    with refused("WrongGeneration"):
        keys.found(key, proof, MEMBERS, 2, bytes(32))


def test_possession_is_shown_to_one_escrow(keys: Keys) -> None:
    """What was shown to another is a copy that anybody can send."""
    other, secret = deployed(keys.machine), secret_of("committee 1")
    key = public(secret)
    shown_there = shown(secret, bytes(other.contract("contextOfCommittee", 1)))
    with refused("PossessionNotShown", *key):
        keys.found(key, shown_there, MEMBERS, 2, bytes(32))
    other.found(key, shown_there, MEMBERS, 2, bytes(32))
    with refused("PossessionNotShown", *key):
        keys.register(key, shown(secret, other.context()))
    other.register(key, shown(secret, other.context()))


def test_contexts_are_of_chain_contract_and_holder(keys: Keys) -> None:
    from eth_abi.abi import encode
    address = keys.contract.address
    kind = keccak(text="EscrowKey(uint256 chainid,address escrow,address holder)")
    assert keys.context() == keccak(encode(["bytes32", "uint256", "address", "address"], [kind, 1, address, HOLDER]))
    kind = keccak(text="EscrowCommittee(uint256 chainid,address escrow,uint32 generation)")
    assert bytes(keys.contract("contextOfCommittee", 7)) == keccak(
        encode(["bytes32", "uint256", "address", "uint32"], [kind, 1, address, 7]))
