"""The vault on the ledger itself: neither is replaced by a mock, and proofs are checked by a generated verifier.

What each promises the other is tested alone elsewhere, against mocks that keep the same promise by construction. Here
collateral moves through both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from ledger_world import FACTORS, MINUTE, LedgerWorld, Tested, build, send_contract
from mocks import compiled
from world import refused, started

from verifier_contracts.abi import encode_deployment
from verifier_contracts.chain import Chain, Receipt
from verifier_contracts.withdrawal import Withdrawal

CAP, HELD = 10**15, 1_000_000_000
_COINS: dict[str, Tested] = {}


class Coin(Tested):
    """A plain ERC-20 of the tests."""

    @property
    def artifact(self) -> Any:
        return compiled("VaultMocks")["TestToken"]


def real_vault(chain: Chain, authority: Tested, oracle: Tested) -> Callable[[str], Tested]:
    created = chain.send(None, encode_deployment(Coin(chain, "0x" + "00" * 20, "TestToken").artifact, []))
    assert created.contract is not None
    coin = _COINS["quote"] = Coin(chain, created.contract, "TestToken")
    marks = send_contract(chain, "AssetMarks", [authority.address, oracle.address, 1_800])
    return lambda ledger: send_contract(chain, "CollateralVault", [authority.address, (
        oracle.address, ledger, marks.address, coin.address, FACTORS[0][0], CAP)])


@pytest.fixture(scope="module")
def deployed() -> Iterator[LedgerWorld]:
    with started() as chain:
        yield build(chain, vault_of=real_vault)


@pytest.fixture
def both(deployed: LedgerWorld) -> Iterator[LedgerWorld]:
    """An owner with a covered account; what a test does is undone."""
    snapshot = deployed.chain.snapshot()
    coin = _COINS["quote"]
    coin.transact("mint", deployed.relayer, HELD)
    coin.transact("approve", deployed.vault.address, 2**256 - 1, sender=deployed.relayer)
    deployed.vault.transact("deposit", deployed.owner.address, coin.address, HELD, sender=deployed.relayer)
    yield deployed
    deployed.chain.restore(snapshot)


def wish(world: LedgerWorld, amount: int, **changes: Any) -> Withdrawal:
    return Withdrawal(**{
        "chain_id": world.chain.chain_id, "vault": world.vault.address, "account": world.owner.address,
        "token": _COINS["quote"].address, "amount": amount, "to": world.stranger, "fee": 0,
        "version": world.version(), "deadline": world.deadline(), "nonce": 0} | changes)


def withdraw(world: LedgerWorld, wanted: Withdrawal, claimed: int, proof: list[int] | None = None) -> Receipt:
    """By the relayer, with the owner's signature."""
    if proof is None:
        proof = world.cover_proof(claimed, step=1, version=wanted.version, action=wanted.action_hash())
    return world.vault.transact("withdraw", wanted.as_tuple(), [(world.epoch, claimed, FACTORS, proof)],
                                wanted.sign(world.owner), sender=world.relayer)


def balance(world: LedgerWorld, who: str) -> int:
    return int(_COINS["quote"].read("balanceOf", who))


def test_what_cover_leaves_goes_out_once_its_epoch_is_final_and_not_a_unit_more(both: LedgerWorld) -> None:
    wanted = wish(both, HELD // 4)
    left = HELD - wanted.amount
    # A proof for a unit more than is left: the vault's value after the debit does not reach it.
    with refused("ClaimAboveValue"):
        withdraw(both, wanted, left + 1)
    # The right claim, proven for another amount.
    other = both.cover_proof(left, step=1, action=wish(both, HELD // 4 - 1).action_hash())
    with refused("ProofRejected"):
        withdraw(both, wanted, left, other)
    # The right claim, at maintenance margin only.
    weak = both.cover_proof(left, step=0, action=wanted.action_hash())
    with refused("ProofRejected"):
        withdraw(both, wanted, left, weak)

    withdraw(both, wanted, left)
    assert both.version() == wanted.version + 1
    assert both.ledger.read("stateOf", both.owner.address)[0] == left, "the same proof leaves the account covered"
    with refused("WrongVersion"):
        withdraw(both, wanted, left)                                        # once
    claim = (wanted.account, wanted.token, wanted.amount, wanted.to, 0, both.relayer, both.epoch, wanted.version)
    with refused("NotMature"):
        both.vault.transact("redeem", claim)
    before = balance(both, wanted.to)
    both.oracle.transact("finalise", both.epoch)
    both.vault.transact("redeem", claim)
    assert balance(both, wanted.to) - before == wanted.amount
    assert balance(both, both.vault.address) == left
    with refused("NoSuchClaim"):
        both.vault.transact("redeem", claim)                                # once


def test_a_refuted_epoch_pays_nothing_and_gives_it_back(both: LedgerWorld) -> None:
    wanted = wish(both, HELD // 4)
    withdraw(both, wanted, HELD - wanted.amount)
    claim = (wanted.account, wanted.token, wanted.amount, wanted.to, 0, both.relayer, both.epoch, wanted.version)
    both.oracle.transact("freeze", both.epoch, True)
    with refused("NotMature"):
        both.vault.transact("redeem", claim)
    assert both.vault.read("balanceOf", wanted.account, wanted.token) == HELD - wanted.amount
    assert both.status() == "Frozen", "and the cover that the withdrawal left counts no more"
    with refused("NotRefuted"):
        both.vault.transact("cancel", claim)
    both.chain.travel_to(both.chain.now() + 6 * 60 * MINUTE)
    both.vault.transact("cancel", claim)
    assert both.vault.read("balanceOf", wanted.account, wanted.token) == HELD
    with refused("NoSuchClaim"):
        both.vault.transact("cancel", claim)


def test_who_is_called_takes_nothing_out(both: LedgerWorld) -> None:
    wanted = wish(both, 1)
    both.shortfall(HELD)
    assert both.status() == "Called"
    with refused("AccountIsCalled"):
        withdraw(both, wanted, HELD - 1)


def test_dust_does_not_kill_a_withdrawal_in_flight(both: LedgerWorld) -> None:
    wanted = wish(both, HELD // 2)
    proof = both.cover_proof(HELD - wanted.amount, step=1, action=wanted.action_hash())
    coin = _COINS["quote"]
    coin.transact("mint", both.relayer, 1)
    both.vault.transact("deposit", both.owner.address, coin.address, 1, sender=both.relayer)
    withdraw(both, wanted, HELD - wanted.amount, proof)


def test_a_flat_account_takes_all_at_once_without_oracle_or_venue(both: LedgerWorld) -> None:
    wanted = wish(both, HELD)
    proof = both.flat_proof(action=wanted.action_hash())
    foreign = both.flat_proof(action=wish(both, HELD - 1).action_hash())
    both.oracle.transact("freeze", both.epoch, True)
    both.authority.transact("revokeRole", 3, both.venue, sender=both.admin)
    both.chain.travel_to(both.chain.now() + 61 * MINUTE)
    arguments = (wanted.as_tuple(), proof, wanted.sign(both.owner))
    with refused("ProofRejected"):
        both.vault.transact("withdrawFlat", wanted.as_tuple(), foreign, wanted.sign(both.owner), sender=both.relayer)
    both.vault.transact("withdrawFlat", *arguments, sender=both.relayer)
    assert balance(both, wanted.to) == HELD
    assert both.version() == wanted.version + 1
    with refused("InsufficientBalance"):
        both.vault.transact("withdrawFlat", *arguments, sender=both.relayer)


def test_a_revocation_is_the_senders_and_says_so(both: LedgerWorld) -> None:
    receipt = both.vault.transact("revokeConsents", sender=both.relayer)
    (event,) = both.events(receipt, both.vault, "ConsentsRevoked")
    assert event == {"account": both.relayer, "nonce": 1}
    wanted = wish(both, 5)
    with refused("NotOwner"):
        withdraw(both, replace(wanted, nonce=1), HELD - 5)
    withdraw(both, wanted, HELD - 5)
