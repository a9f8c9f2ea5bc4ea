"""How it is proven: Groth16 over BN254 on R1CS and witness arrays, in the formats of the snarkjs ecosystem.

Knows nothing of margins. The names below load when they are first used, since the arithmetic takes a while to import.
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
