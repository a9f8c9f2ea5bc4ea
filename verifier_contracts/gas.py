"""What the contracts cost to use, on a fresh embedded chain; EVM gas is deterministic, so other chains agree."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from eth_account import Account

from verifier_contracts.bindings import MarginManager, encode_verification, proof_words
from verifier_contracts.chain import Chain, Receipt
from verifier_contracts.deployment import deploy
from verifier_contracts.selftest import KnownAnswer

if TYPE_CHECKING:
    from prover import Proof, VerificationKey

GENESIS = 1_800_000_000
MODEL_ID = b"\x11" * 32
OWNER = Account.from_key(b"\x07" * 32)


def gas_report(key: VerificationKey, prove: Callable[[Sequence[int]], Proof], *, root: int, commitment: int,
               margin: int) -> dict[str, int]:
    """Gas of whole transactions by what they do.

    Parameters
    ----------
    prove : makes a proof of the given public inputs: context, `root`, `commitment`, `margin`. Its bytes are in the
        calldata, so that the same action can differ by a few dozen gas from one proof to another.
    """
    chain = Chain.embedded(timestamp=GENESIS)
    known = KnownAnswer((0, root, commitment, margin), prove([0, root, commitment, margin]))
    deployment = deploy(chain, key, "gas-report", hashlib.sha256(b"gas report").digest(), known,
                        allow_insecure_setup=True)
    registry, manager = deployment.open(chain)
    deployments = [chain.web3.eth.get_block(block)["gasUsed"] for block in (1, 2, 3)]
    report = dict(zip(("deploy registry", "deploy verifier", "deploy manager"), deployments, strict=True))

    first, second = GENESIS - 7200, GENESIS - 3600
    report["publish first epoch"] = registry.publish(first, root, MODEL_ID).gas_used
    report["publish next epoch"] = registry.publish(second, root, MODEL_ID).gas_used
    report["register first commitment"] = _register(chain, manager, commitment).gas_used
    report["register next commitment"] = _register(chain, manager, commitment).gas_used
    for name, epoch in (("attest first epoch", first), ("attest next epoch", second)):
        context = manager.context(OWNER.address, epoch)
        inputs = [context.field_element(), root, commitment, margin]
        words = proof_words(prove(inputs))
        report[name] = manager.attest(OWNER.address, epoch, context.version, margin, words).gas_used
    verification = encode_verification(words, inputs)
    report["verify a proof and nothing else"] = chain.send(deployment.verifier, verification).gas_used
    report["freeze epoch"] = registry.freeze(second).gas_used
    report["pause"] = manager.pause().gas_used
    return report


def as_table(report: dict[str, int]) -> str:
    """The report in Markdown."""
    return "\n".join(["| action | gas |", "|---|---:|", *(f"| {name} | {gas:,} |" for name, gas in report.items())])


def _register(chain: Chain, manager: MarginManager, commitment: int) -> Receipt:
    consent = manager.consent(OWNER.address, chain.senders[0], commitment, GENESIS + 3600)
    return manager.register(consent, consent.sign(OWNER))
