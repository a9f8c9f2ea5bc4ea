"""Carrying one proven margin to the chain: everything is checked before gas is spent, and nothing is sent twice.

The contract decides. What it would answer is asked first, without effect; where its answer is only that the proof does
not hold, the bundle is compared with the chain to say why. That another relayer was faster is success: the state is
what it should be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from primitives.errors import BadInput, TailproofError
from verifier_contracts.abi import refusal
from verifier_contracts.attesting import Attesting
from verifier_contracts.bindings import proof_words, verifier_refusal
from verifier_contracts.chain import Chain
from verifier_contracts.context import ATTESTATION, MARGIN, Context
from verifier_contracts.errors import AnswerRefused, ContractRefused, Reverted
from verifier_contracts.system import System

if TYPE_CHECKING:
    from prover import Proof

PUBLIC_INPUTS = ("context", "epoch_root", "portfolio_commitment", "margin")


class Bundle(Protocol):
    """What is submitted: the parts of a bundle that concern the chain."""

    @property
    def statement(self) -> str: ...
    @property
    def r1cs_digest(self) -> str: ...
    @property
    def context(self) -> Context: ...
    @property
    def public_inputs(self) -> Mapping[str, int]: ...
    @property
    def proof(self) -> Proof: ...


class NotSubmitted(TailproofError):
    """A bundle was not sent because it is not for this chain, contract, key or state.

    name : OtherChain, OtherManager, OtherStatement, OtherCircuit, OtherKey, OtherAction, ContextMismatch, OtherRoot,
        OtherCommitment or ProofRejected.
    """

    checked_and_false = True

    def __init__(self, name: str, bundle: object, chain: object) -> None:
        self.name, self.bundle, self.chain = name, bundle, chain
        super().__init__(f"not submitted: {name}: the bundle has {bundle}, the chain has {chain}")

    def as_dict(self) -> dict[str, Any]:
        """For `--json`: both sides, as text."""
        return {"error": self.name, "bundle": str(self.bundle), "chain": str(self.chain), "message": str(self)}


@dataclass(frozen=True)
class Submission:
    """How it ended. Either way the contract holds the bundle's margin for its epoch and version.

    transaction : the one that was sent; None, and `gas_used` 0, if there was nothing left to do.
    proof_checked : whether a verifier has accepted this bundle's proof: the contract's, when it attested; or, where the
        margin stood already, the verifier in force. A proof by a key that was rotated since cannot be checked any more.
    block, gas_limit : of the transaction that attested.
    """

    outcome: Literal["attested", "already attested"]
    proof_checked: bool
    transaction: str | None = None
    block: int | None = None
    gas_used: int = 0
    gas_limit: int | None = None


def submit(bundle: Bundle, system: System, chain: Chain, *, sender: str | None = None) -> Submission:
    """Bring a proven margin on chain.

    Parameters
    ----------
    sender : who pays; anyone may (default: the chain's first sender).

    Raises
    ------
    NotSubmitted : the bundle was made for something else, or the chain has moved on; nothing was spent.
    ContractRefused : the contract's own reason; nothing was spent unless the error names a transaction.
    BadInput : the bundle lacks a public input or has one out of bounds, or the system is on another chain.
    TransactionUndecided : it was sent and not confirmed in time. Whoever tries again is first told while it is in
        flight, and then finds it done: it is never sent twice.
    NodeError : the node failed before anything was sent.
    """
    inputs = _public_inputs(bundle)
    statement = system.installed(MARGIN).statement
    if bundle.statement != statement:
        raise NotSubmitted("OtherStatement", bundle.statement, statement)
    ledger = Attesting(system.open(chain))
    _check_addressee(bundle.context, inputs["context"], ledger)
    call = (bundle.context.account, bundle.context.epoch_id, bundle.context.version, inputs["margin"],
            proof_words(bundle.proof))
    if _stands(bundle.context, inputs["margin"], ledger):
        # A ledger takes what stands already without a word, and without a look at the proof: it would only cost gas.
        return Submission("already attested", _checked(bundle, inputs, ledger))
    try:
        ledger.check("attest", *call, sender=sender)
        if _stands(bundle.context, inputs["margin"], ledger):      # another was faster: was this proof looked at?
            return Submission("already attested", _checked(bundle, inputs, ledger))
        receipt = ledger.attest(*call, sender=sender)
        if receipt is None:
            return Submission("already attested", _checked(bundle, inputs, ledger))
    except ContractRefused as refused:
        if refused.name == "NoReason" and _stands(bundle.context, inputs["margin"], ledger):
            return Submission("already attested", _checked(bundle, inputs, ledger), refused.transaction,
                              gas_used=refused.gas_used)
        if refused.name in ("ProofRejected", "NoReason"):
            _explain(bundle, inputs, ledger)
        raise
    except AnswerRefused:                          # some nodes call a contract's refusal an internal error
        if _stands(bundle.context, inputs["margin"], ledger):
            return Submission("already attested", _checked(bundle, inputs, ledger))
        raise
    return Submission("attested", True, receipt.transaction, receipt.block, receipt.gas_used, receipt.gas_limit)


def _public_inputs(bundle: Bundle) -> Mapping[str, int]:
    if set(bundle.public_inputs) != set(PUBLIC_INPUTS):
        raise BadInput("public_inputs", sorted(bundle.public_inputs), f"those of margin: {', '.join(PUBLIC_INPUTS)}")
    if not 0 <= bundle.public_inputs["margin"] < 1 << 128:
        raise BadInput("margin", bundle.public_inputs["margin"], "an integer in [0, 2**128)")
    return bundle.public_inputs


def _check_addressee(context: Context, claimed: int, ledger: Attesting) -> None:
    """Refuse what no state of this contract could ever accept."""
    expected: tuple[tuple[str, Any, Any], ...] = (
        ("OtherChain", context.chain_id, ledger.chain.chain_id),
        ("OtherManager", context.manager, ledger.address),
        ("OtherStatement", context.statement, MARGIN),
        ("OtherAction", "0x" + context.action_hash.hex(), "0x" + ATTESTATION.hex()),
        ("ContextMismatch", claimed, context.field_element()),
    )
    for name, ours, theirs in expected:
        if ours != theirs:
            raise NotSubmitted(name, ours, theirs)


def _stands(context: Context, margin: int, ledger: Attesting) -> bool:
    """Whether the contract holds this margin for this epoch and version."""
    return ledger.stands(context.account, context.epoch_id, context.version, margin)


def _checked(bundle: Bundle, inputs: Mapping[str, int], ledger: Attesting) -> bool:
    """Whether the proof of a bundle whose margin stands already was looked at; raises if it is none.

    The contract looks at no proof of what it has attested, and so its answer says nothing about this one: the verifier
    in force is asked, with the public inputs as the chain has them.

    Raises
    ------
    NotSubmitted : the bundle's public inputs are not the chain's.
    ContractRefused : the verifier's own reason, or FrozenEpoch: the margin stands and cannot be read.
    """
    root = ledger.oracle.root_of(bundle.context.epoch_id)
    if bundle.context.key_digest != ledger.key_digest():
        return False
    _explain(bundle, inputs, ledger)
    expected = (bundle.context.field_element(), root, ledger.commitment_of(bundle.context.account), inputs["margin"])
    data = verifier_refusal(ledger.chain, ledger.verifier(), expected, proof_words(bundle.proof))
    if data is not None:
        raise refusal(Reverted(data), "Groth16Verifier", "verifyProof") from None
    return True


def _explain(bundle: Bundle, inputs: Mapping[str, int], ledger: Attesting) -> None:
    """Say why a proof was rejected, if it is because the chain has other public inputs than the bundle."""
    context = bundle.context
    expected: tuple[tuple[str, Any, Any], ...] = (
        ("OtherKey", "0x" + context.key_digest.hex(), "0x" + ledger.key_digest().hex()),
        ("OtherCircuit", "0x" + bundle.r1cs_digest, "0x" + ledger.circuit_digest().hex()),
        ("OtherRoot", inputs["epoch_root"], ledger.oracle.root_of(context.epoch_id)),
        ("OtherCommitment", inputs["portfolio_commitment"], ledger.commitment_of(context.account)),
    )
    for name, ours, theirs in expected:
        if ours != theirs:
            raise NotSubmitted(name, ours, theirs) from None
