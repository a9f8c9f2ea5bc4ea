"""How it is proven: Groth16 over BN254 on R1CS and witness arrays, in the formats of the snarkjs ecosystem.

Knows nothing of margins. Where things are:

    groth16/     setup, prove, verify as in the paper; what a key must satisfy to be one
    ceremony/    keys made by many: phase 1 checked, phase 2 contributed to, the whole chain verified
    files/       .r1cs, .wtns, .zkey, .ptau and snarkjs's JSON, each read as if an enemy had written it
    backend.py   the vector operations all of that asks for
    kernels/     the fast answer: Numba, with wide arithmetic written out as LLVM IR
    reference/   the obvious answer: py_ecc and galois, what the kernels are tested against

The names below load when they are first used, since the arithmetic takes a while to import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prover.groth16.keys import Proof, ProvingKey, VerificationKey
    from prover.groth16.prove import prove
    from prover.groth16.setup import setup
    from prover.groth16.verify import verify, verify_batch

_HOMES = {
    "Proof": "prover.groth16.keys",
    "ProvingKey": "prover.groth16.keys",
    "VerificationKey": "prover.groth16.keys",
    "prove": "prover.groth16.prove",
    "setup": "prover.groth16.setup",
    "verify": "prover.groth16.verify",
    "verify_batch": "prover.groth16.verify",
}

__all__ = ["Proof", "ProvingKey", "VerificationKey", "prove", "setup", "verify", "verify_batch"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
