"""The proof of a bundle, or of a transaction: by every verifier that is here, none of which shares arithmetic.

Ours is compiled, py_ecc's is Python, snarkjs's is WebAssembly, and the contract runs on the precompiles of an EVM. A
defect of one that lets a false proof through is caught by another; a false proof that all take would break Groth16, or
use the secret of the key's making (`key.ceremony`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from primitives.errors import TailproofError

from ..auditing import Check, audit
from ..bundle import Bundle
from ..extras import missing
from .finding import Finding, looked, unseen

if TYPE_CHECKING:
    from prover import Proof, VerificationKey

    from ..epochs import Claim

_SAID = {
    "constraint system": "The bundle names the circuit that this version's sources give",
    "key": "The proof is bound to the key that you trust",
    "key's constraints": "The key's note names the same circuit",
    "setup": "The bundle says truly how its key was made",
    "epoch shape": "The epoch has the shape that the circuit has built in",
    "epoch root": "The proof is about the epoch that you trust",
    "context": "Account, contract, chain, epoch and version are bound by the proof",
    "context's statement": "The context is of this kind of statement",
    "margin": "The margin is one that contracts can hold",
    "commitment": "The proof is about the registered commitment",
}


def bundle_findings(bundle: Bundle, key: VerificationKey, epoch: Claim | None, *, key_circuit: str | None,
                    commitment: int | None, command: str) -> Iterator[Finding]:
    """Everything that binds a proof to what it is said to be about, but the proof itself.

    Raises
    ------
    BadInput : as `auditing.audit`.
    """
    checks = audit(bundle, key, epoch_root=None if epoch is None else epoch.root,
                   shape=None if epoch is None else epoch.shape, key_circuit=key_circuit, commitment=commitment)
    for check in checks:
        if not check.name.startswith("proof"):
            yield _found(check, command)
    if commitment is None:
        yield unseen("proof.commitment", "proof", _SAID["commitment"], "the registered commitment is not known here: "
                     "give it (--commitment), or the contracts (--deployment, --rpc)", command=command)


def _found(check: Check, command: str) -> Finding:
    evidence = [("found", check.found)]
    if check.expected not in (None, check.found):
        evidence.append(("expected", str(check.expected)))
    return looked(f"proof.{check.name.replace(' ', '-').replace(chr(39), '')}", "proof",
                  _SAID.get(check.name, check.name), check.holds, check.told(), evidence=evidence, command=command)


def verifier_findings(key: VerificationKey, statement: str, circuit: bytes, inputs: Sequence[int], proof: Proof,
                      command: Callable[[str], str]) -> Iterator[Finding]:
    """One finding a verifier; what is not installed is not looked at, and says so.

    Parameters
    ----------
    circuit : digest of the constraint system.  inputs : public inputs in the statement's order.
    command : of `tailproof verify` with a backend.
    """
    from prover import verify
    asked: Sequence[tuple[str, str, Callable[[], bool], str]] = (
        ("kernels", "our own verifier", lambda: verify(key, inputs, proof), command("kernels")),
        ("reference", "py_ecc, independent arithmetic", lambda: verify(key, inputs, proof, backend="reference"),
         command("reference")),
        ("snarkjs", "snarkjs, another implementation", lambda: _by_snarkjs(key, inputs, proof), ""),
        ("solidity", "the generated contract, on an EVM", lambda: _by_contract(key, statement, circuit, inputs, proof),
         ""))
    for name, who, ask, line in asked:
        what = f"The proof is accepted by {who}"
        id = f"proof.by-{name}"
        if len(inputs) != key.public:
            yield looked(id, "proof", what, False, f"the proof has {len(inputs)} public inputs, and the key takes "
                         f"{key.public}", command=line)
            continue
        try:
            holds = ask()
        except (_NotHere, ModuleNotFoundError) as error:
            yield unseen(id, "proof", what, _absence(error), command=line)
            continue
        yield looked(id, "proof", what, holds, "it rejects the proof for these public inputs",
                     evidence=[("public inputs", len(inputs)), ("curve", "BN254, Groth16")], command=line)


class _NotHere(Exception):
    """A verifier cannot be asked on this machine."""


def _absence(error: Exception) -> str:
    """Why a verifier is not here; a package that no extra brings is a defect, and no absence."""
    if not isinstance(error, ModuleNotFoundError):
        return str(error)
    if (absent := missing(error)) is None:
        raise error
    return str(absent)


def _by_snarkjs(key: VerificationKey, inputs: Sequence[int], proof: Proof) -> bool:
    from prover.files import snarkjs

    from .. import demo
    if (lacking := demo.snarkjs_lacks()) is not None:
        raise _NotHere(f"snarkjs {lacking}")
    with tempfile.TemporaryDirectory(prefix="tailproof-audit-") as folder:
        snarkjs.write_verification_key(Path(folder) / "verification_key.json", key)
        snarkjs.write_public(Path(folder) / "public.json", inputs)
        snarkjs.write_proof(Path(folder) / "proof.json", proof)
        try:
            return demo.snarkjs_accepts(Path(folder))
        except TailproofError as error:
            raise _NotHere(str(error)) from None


def _by_contract(key: VerificationKey, statement: str, circuit: bytes, inputs: Sequence[int], proof: Proof) -> bool:
    """Deployed on a chain of its own in this process."""
    from verifier_contracts.bindings import proof_words, verifier_refusal
    from verifier_contracts.chain import Chain
    from verifier_contracts.creation import deploy_verifier
    chain = Chain.embedded()
    verifier = deploy_verifier(chain, key, statement, circuit)
    return verifier_refusal(chain, verifier, inputs, proof_words(proof)) is None
