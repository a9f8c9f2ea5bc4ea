"""What a trader does with collateral: put it in, take out what cover leaves, leave flat.

Everything that the contracts would refuse is found out before a proof is made: the contract is asked with a proof of
nothing, and whatever it says but that the proof is none, it would say of a good one too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from circuits.statements.cover import Claim
from primitives.errors import BadInput, Said
from verifier_contracts.bindings import LONGEST_CONSENT
from verifier_contracts.chain import Receipt
from verifier_contracts.collateral import Collateral
from verifier_contracts.errors import Call, ContractRefused
from verifier_contracts.generator import ERRORS
from verifier_contracts.ledger import INITIAL, NO_PROOF
from verifier_contracts.token import Token
from verifier_contracts.vault import Cover, Factor
from verifier_contracts.withdrawal import Withdrawal

from .covering import least_value, prove_cover, prove_flat, required_margin
from .epochs import AnyEpoch
from .keys import KeyDirectory
from .number_forms import duration
from .progress import Progress, quiet
from .secret import Opening

if TYPE_CHECKING:
    from verifier_contracts.system import Contracts

Sign = Callable[[dict[str, Any]], bytes]
"""Signs an EIP-712 message as the owner."""


@dataclass(frozen=True)
class Ground:
    """An epoch that a withdrawal or a cover rests on, as published.

    factors : the list that it was signed with.
    """

    epoch: AnyEpoch
    epoch_id: int
    factors: tuple[Factor, ...]


def ground(contracts: Contracts, epoch: AnyEpoch, factors: Sequence[Factor] | None, max_age: int, *,
           epoch_id: int | None = None, final: bool = False) -> Ground:
    """The published epoch that a directory is of.

    Parameters
    ----------
    factors : the list that it was signed with; None where no collateral is counted.
    max_age : seconds that it may be old; final : whether it must be.
    epoch_id : as which it was published; by default the latest, or the latest final one.

    Raises
    ------
    BadInput : there is none yet, it has another root or other factors, is too old, or not final where it must be.
    """
    oracle = contracts.oracle
    chosen = epoch_id or (oracle.latest_final_epoch_id() if final else oracle.latest_epoch_id())
    name = "--final-epoch" if final else "--epoch"
    if not chosen:
        raise BadInput(name, None, "a published epoch: there is none yet" if not final else "a final one: none is yet")
    root = oracle.root_of(chosen)
    if root != epoch.root:
        raise BadInput(name, str(epoch.root), f"the epoch published as {chosen}: root {root}")
    found = Ground(epoch, chosen, tuple(factors or ()))
    if factors is not None and factors_hash(found.factors) != oracle.factors_hash_of(chosen):
        raise BadInput("factors", Said(f"hash 0x{factors_hash(found.factors).hex()}"), "0x"
                       f"{oracle.factors_hash_of(chosen).hex()}, with which the epoch was signed (--collateral)")
    if final and not oracle.is_final(chosen):
        raise BadInput(name, chosen, "a final epoch")
    now = contracts.chain.next_time()
    if now > chosen + max_age:
        raise BadInput(name, chosen, f"published in the last {duration(max_age)}; this one is {duration(now - chosen)} "
                       "old (StaleEpoch)")
    return found


def factors_hash(factors: Sequence[Factor]) -> bytes:
    """keccak256(abi.encode(Factor[])), what an epoch is signed with."""
    from eth_abi.abi import encode
    from eth_utils.crypto import keccak
    return bytes(keccak(encode(["(uint32,uint80,uint80)[]"], [[tuple(factor) for factor in factors]])))


# -- in ----------------------------------------------------------------------------------------------------------------
def deposit(contracts: Contracts, token: Token, account: str, amount: int, *, sender: str) -> list[Receipt]:
    """Approve exactly the amount, unless that much is approved, and deposit it; what was approved for a deposit that
    is then refused is taken back.

    Raises
    ------
    BadInput : the sender has less.
    ContractRefused : the vault does not take it; before anything is approved, as far as it can know then.
    """
    vault = contracts.vault
    has = token.balance_of(sender)
    if has < amount:
        raise BadInput("--amount", amount, f"at most {has}, what {sender} has of {token.address}")
    require_takes(contracts, token, account, amount, sender)
    receipts, allowed = [], token.allowance(sender, vault.address)
    if allowed < amount:
        if allowed:                                          # some tokens change an allowance by way of 0 only
            receipts.append(token.approve(vault.address, 0, sender=sender))
        receipts.append(token.approve(vault.address, amount, sender=sender))
    try:
        receipts.append(vault.deposit(account, token.address, amount, sender=sender))
    except ContractRefused:
        if allowed < amount:
            token.approve(vault.address, 0, sender=sender)
        raise
    return receipts


def require_takes(contracts: Contracts, token: Token, account: str, amount: int, sender: str) -> None:
    """Ask the vault for a deposit that is not approved yet: what the vault itself refuses, it says before it asks the
    token for the money. Raises ContractRefused with the vault's reasons."""
    try:
        contracts.vault.attempt("deposit", account, token.address, amount, sender=sender)
    except ContractRefused as refused:
        if refused.name in ("AssetNotListed", "AssetNotHeld", "CapExceeded", "NoAmount", "AmountTooWide", "NoReceiver",
                            "AssetShort", "TooManyAssets"):
            raise


# -- out ---------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Possible:
    """How much of a token may leave.

    least : V that must stay, 10**-6 quote units; it tells the margin.  free : what there is of it.
    largest : what may leave; None: the account is not covered as it is.
    """

    least: int
    free: int
    largest: int | None


@dataclass(frozen=True)
class Exit:
    """A withdrawal that is proven and not sent. function, arguments : of the vault, but for the consent."""

    wanted: Withdrawal
    function: str
    proof: Any

    def send(self, contracts: Contracts, *, sender: str) -> Receipt:
        """By the owner herself."""
        return contracts.vault.transact(self.function, self.wanted.as_tuple(), self.proof, b"", sender=sender,
                                        pending=True)

    def call(self, contracts: Contracts, sign: Sign) -> Call:
        """For a carrier: with the owner's consent."""
        return contracts.vault.call_by(self.wanted.account, self.function, self.wanted.as_tuple(), self.proof,
                                       sign(self.wanted.typed_data()))


def wanted(contracts: Contracts, account: str, token: str, amount: int, to: str, *, fee: int = 0, valid_for: int
           ) -> Withdrawal:
    """A withdrawal at the account's present version, by the owner's present nonce: the node's word; a wrong one makes a
    signature that is good for nothing until she has revoked so often.

    Raises
    ------
    ImplausibleAnswer : the account's state contradicts itself, or the chain's clock is not near ours.
    BadInput : an amount out of bounds, or valid for more than a year; a receiver that could not use it.
    """
    if to in {token, *contracts.addresses()}:
        raise BadInput("--to", to, "an account: what a token or a contract of this system receives is nobody's")
    if valid_for > LONGEST_CONSENT:
        raise BadInput("--valid-for", valid_for, f"at most {LONGEST_CONSENT} seconds ({duration(LONGEST_CONSENT)})")
    clock = contracts.chain.clock()
    version = contracts.ledger.plausible_version(account, clock)
    return Withdrawal(contracts.chain.chain_id, contracts.vault.address, account, token, amount, to, fee, version,
                      clock + valid_for, contracts.vault.nonce_of(account))


def possible(contracts: Contracts, grounds: Sequence[Ground], opening: Opening, account: str, token: str) -> Possible:
    """The largest withdrawal that every ground leaves covered at initial margin.

    Raises
    ------
    BadInput : the opening is not of the account's commitment.
    """
    require_opening(contracts, opening, account)
    buffer = contracts.ledger.buffer_of(INITIAL)
    answers, leasts, free = list[int | None](), list[int](), 0
    for each in grounds:
        held = Collateral.read(contracts.vault, contracts.marks, account, each.epoch_id, each.factors)
        leasts.append(least_value(required_margin(each.epoch, opening), buffer))
        answers.append(held.largest(token, leasts[-1]))
        free = held.free(token)
    known = [answer for answer in answers if answer is not None]
    return Possible(leasts[0], free, min(known) if len(known) == len(answers) else None)


def prove_withdrawal(contracts: Contracts, keys: KeyDirectory, grounds: Sequence[Ground], opening: Opening,
                     wish: Withdrawal, *, progress: Progress = quiet) -> Exit:
    """Make the covers that a withdrawal needs: under the first ground, and under a final one if there is a second.

    V is claimed in full: it is public, and says nothing of the margin.

    Raises
    ------
    ContractRefused : whatever the contracts refuse, before anything is proven.
    BadInput : key, epoch or opening belong to something else; V does not cover (ask `possible` first).
    """
    key_digest = require_in_force(contracts, keys, "cover")
    claims = [Collateral.read(contracts.vault, contracts.marks, wish.account, each.epoch_id, each.factors).without(
        wish.token, wish.amount) for each in grounds]
    made = [Cover(each.epoch_id, value, each.factors, NO_PROOF) for each, value in zip(grounds, claims, strict=True)]
    require_but_proofs(lambda: contracts.vault.attempt(
        "withdraw", wish.as_tuple(), [one.as_tuple() for one in made], b"", sender=wish.account))
    buffer, proofs = contracts.ledger.buffer_of(INITIAL), []
    for each, value in zip(grounds, claims, strict=True):
        context = contracts.ledger.context("cover", key_digest, wish.account, each.epoch_id, wish.version,
                                           wish.action_hash())
        words = prove_cover(keys, each.epoch, opening, Claim(value, buffer, True), context, progress=progress)
        proofs.append(Cover(each.epoch_id, value, each.factors, words).as_tuple())
    return Exit(wish, "withdraw", proofs)


def prove_exit(contracts: Contracts, keys: KeyDirectory | None, opening: Opening | None, wish: Withdrawal, *,
               progress: Progress = quiet) -> Exit:
    """Make the proof with which a flat account leaves; an account that was never registered needs none.

    Raises
    ------
    ContractRefused : whatever the contracts refuse, before anything is proven: a settlement is pending, for example.
    BadInput : no key or opening where they are needed, or of something else; the opening holds positions, or cash.
    """
    require_but_proofs(lambda: contracts.vault.attempt("withdrawFlat", wish.as_tuple(), list(NO_PROOF), b"",
                                                        sender=wish.account))
    if wish.version == 0:
        return Exit(wish, "withdrawFlat", list(NO_PROOF))
    if keys is None or opening is None:
        raise BadInput("--key and --opening", None, "given: the account was registered, and has to be proven flat")
    require_opening(contracts, opening, wish.account)
    context = contracts.ledger.context("flat", require_in_force(contracts, keys, "flat"), wish.account, 0,
                                       wish.version, wish.action_hash())
    return Exit(wish, "withdrawFlat", prove_flat(keys, opening, context, progress=progress))


# -- cover -------------------------------------------------------------------------------------------------------------
def attest_cover(contracts: Contracts, keys: KeyDirectory, on: Ground, opening: Opening, account: str, step: int, *,
                 sender: str, progress: Progress = quiet) -> tuple[int, Receipt]:
    """Prove that an account's collateral covers its hidden margin at a step of the ladder, and show it; anyone with the
    opening may.

    Returns
    -------
    tuple : V that was claimed, 10**-6 quote units: all of it; and the receipt.

    Raises
    ------
    ContractRefused : whatever the ledger refuses, before anything is proven.
    BadInput : key, epoch or opening belong to something else; V does not cover.
    """
    ledger = contracts.ledger
    require_opening(contracts, opening, account)
    version, value = ledger.version_of(account), contracts.vault.value_of(account, on.epoch_id, on.factors)
    require_but_proofs(lambda: ledger.attempt("attestCover", account, on.epoch_id, version, step, value, 0,
                                              list(on.factors), list(NO_PROOF), sender=sender))
    context = ledger.context("cover", require_in_force(contracts, keys, "cover"), account, on.epoch_id, version)
    words = prove_cover(keys, on.epoch, opening, Claim(value, ledger.buffer_of(step), True), context,
                        progress=progress)
    return value, ledger.attest_cover(account, on.epoch_id, version, step, value, on.factors, words, sender=sender)


# -- what must fit -----------------------------------------------------------------------------------------------------
def require_opening(contracts: Contracts, opening: Opening, account: str) -> None:
    """Refuse an opening of another commitment than the account's; raises BadInput."""
    registered = contracts.ledger.commitment_of(account)
    if registered != opening.commitment:
        raise BadInput("--opening", str(opening.commitment), f"what opens the commitment of {account}: "
                       f"{registered or 'it has none'}")


def require_in_force(contracts: Contracts, keys: KeyDirectory, slot: str) -> bytes:
    """The digest of the key in force, which must be this one."""
    active = contracts.registry.active(slot)
    if "0x" + active.key_digest.hex() != keys.key_digest:
        raise BadInput("--key", keys.key_digest, f"0x{active.key_digest.hex()}, the key in force for {slot}",
                       source=keys.path)
    return active.key_digest



def require_but_proofs(ask: Callable[[], object]) -> None:
    """Ask a contract with proofs of nothing; raises ContractRefused for whatever else it refuses."""
    try:
        ask()
    except ContractRefused as refused:
        if refused.name not in ERRORS:
            raise
