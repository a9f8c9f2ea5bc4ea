"""Carrying a proof that collateral covers a hidden margin, or that nothing is held.

As for margins (`submit`) the contract decides and is asked first, without effect; unlike there, what a bundle is for is
compared with the chain before that, so that a refusal says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from primitives.errors import BadInput
from relayer.submit import Bundle, NotSubmitted, Submission
from verifier_contracts.bindings import VerifierFacts, proof_words
from verifier_contracts.chain import Chain, Receipt
from verifier_contracts.context import ATTESTATION
from verifier_contracts.system import Contracts, System
from verifier_contracts.vault import Factor

STEPS = range(4)
"""Of the ladder of buffers."""
_BUFFER_SHIFT, _SIDE_SHIFT, _BUFFER_BITS = 128, 144, 16
"""A claim is V + buffer 2**128 + side 2**144."""


def submit_cover(bundle: Bundle, system: System, chain: Chain, factors: Sequence[Factor], *, sender: str | None = None
                 ) -> Submission:
    """Show that an account's collateral covers its hidden margin.

    Parameters
    ----------
    factors : the list that the epoch was signed with.

    Raises
    ------
    NotSubmitted : the bundle was made for something else; its buffer is no step of the ladder (OtherBuffer), or it
        shows a shortfall, which calls an account (OtherSide: `liquidation prove-shortfall`). Nothing was spent.
    ContractRefused, BadInput, TransactionUndecided, NodeError : as `submit`.
    """
    there = _addressed(bundle, system, chain, "cover", ("context", "epoch_root", "portfolio_commitment", "claim"))
    context, claim = bundle.context, bundle.public_inputs["claim"]
    _same("OtherRoot", bundle.public_inputs["epoch_root"], there.oracle.root_of(context.epoch_id))
    _same("OtherSide", claim >> _SIDE_SHIFT, 1)
    value, buffer = claim % (1 << _BUFFER_SHIFT), claim >> _BUFFER_SHIFT & (1 << _BUFFER_BITS) - 1
    ladder = [there.ledger.buffer_of(step) for step in STEPS]
    if buffer not in ladder:
        raise NotSubmitted("OtherBuffer", buffer, ", ".join(map(str, ladder)))
    step, words = ladder.index(buffer), proof_words(bundle.proof)
    there.ledger.check("attestCover", context.account, context.epoch_id, context.version, step, value, 0,
                       list(factors), list(words), sender=sender)
    return _done(lambda: there.ledger.attest_cover(context.account, context.epoch_id, context.version, step, value,
                                                   factors, words, sender=sender))


def submit_flat(bundle: Bundle, system: System, chain: Chain, *, sender: str | None = None) -> Submission:
    """Show that an account holds nothing; raises as `submit_cover`."""
    there = _addressed(bundle, system, chain, "flat", ("context", "portfolio_commitment"))
    context, words = bundle.context, proof_words(bundle.proof)
    there.ledger.check("attestFlat", context.account, context.version, 0, list(words), sender=sender)
    return _done(lambda: there.ledger.attest_flat(context.account, context.version, words, sender=sender))


def _addressed(bundle: Bundle, system: System, chain: Chain, slot: str, names: Sequence[str]) -> Contracts:
    """The contracts that a bundle is for, as it is; refuses what they could not take."""
    if set(bundle.public_inputs) != set(names):
        raise BadInput("public_inputs", sorted(bundle.public_inputs), f"those of {slot}: {', '.join(names)}")
    _same("OtherStatement", bundle.statement, system.installed(slot).statement)
    there, context = system.open(chain), bundle.context
    active = there.registry.active(slot)
    for name, ours, theirs in (
            ("OtherChain", context.chain_id, chain.chain_id), ("OtherManager", context.manager, there.ledger.address),
            ("OtherStatement", context.statement, slot),
            ("OtherAction", "0x" + context.action_hash.hex(), "0x" + ATTESTATION.hex()),
            ("ContextMismatch", bundle.public_inputs["context"], context.field_element()),
            ("OtherKey", "0x" + context.key_digest.hex(), "0x" + active.key_digest.hex()),
            ("OtherCircuit", "0x" + bundle.r1cs_digest,
             "0x" + VerifierFacts.of(chain, active.verifier).circuit_digest.hex()),
            ("OtherCommitment", bundle.public_inputs["portfolio_commitment"],
             there.ledger.commitment_of(context.account))):
        _same(name, ours, theirs)
    return there


def _same(name: str, ours: Any, theirs: Any) -> None:
    if ours != theirs:
        raise NotSubmitted(name, ours, theirs)


def _done(send: Callable[[], Receipt]) -> Submission:
    receipt = send()
    return Submission("attested", True, receipt.transaction, receipt.block, receipt.gas_used, receipt.gas_limit)
