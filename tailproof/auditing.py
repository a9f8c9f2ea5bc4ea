"""Re-verifying a bundle locally: every public fact recomputed, nothing taken from the relayer.

The auditor brings a verification key and an epoch she trusts. What the bundle must then satisfy is a list of checks,
each reported by name, so that a refusal says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuits import statements
from primitives.errors import BadInput
from risk.exact.shape import EpochShape
from risk.grid.grid_shape import GridShape

from .bundle import Bundle
from .statements import r1cs_digest

if TYPE_CHECKING:
    from prover import VerificationKey
    from prover.backend import BackendName


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: what should hold, and whether it does."""

    name: str
    holds: bool
    found: str


def audit(bundle: Bundle, key: VerificationKey, *, epoch_root: int, shape: EpochShape | GridShape,
          key_circuit: str | None = None, commitment: int | None = None, backend: BackendName = "kernels"
          ) -> Sequence[Check]:
    """Check a bundle against a key and an epoch.

    Parameters
    ----------
    epoch_root, shape : of the epoch the auditor trusts; the root must have been recomputed or come from the chain.
    key_circuit : digest of the constraint system that the key was made for, if the auditor knows it (a key directory
        says so); without it, that the key is for this statement goes unchecked.
    commitment : the registered commitment, if the auditor knows it; without it, the bundle's own goes unchecked.
    backend : "kernels", or "reference" for the independent py_ecc arithmetic.

    Raises
    ------
    BadInput : the bundle is of no statement we know, or its public inputs are not that statement's.
    """
    from prover import verify
    statement = statements.get(bundle.statement)
    if set(bundle.public_inputs) != set(statement.public_inputs):
        raise BadInput("public_inputs", sorted(bundle.public_inputs), f"exactly {', '.join(statement.public_inputs)}")
    inputs = [bundle.public_inputs[name] for name in statement.public_inputs]
    checks = [
        Check("constraint system", bundle.r1cs_digest == r1cs_digest(statement.name),
              f"bundle {bundle.r1cs_digest[:16]}…, this version {r1cs_digest(statement.name)[:16]}…"),
        Check("key", bundle.context.key_digest == key.digest(),
              f"bundle 0x{bundle.context.key_digest.hex()[:16]}…, given 0x{key.digest().hex()[:16]}…"),
        Check("setup", bundle.insecure_setup == key.insecure_setup, "INSECURE single party" if key.insecure_setup
              else "a ceremony, the key file says"),
        Check("epoch shape", shape.digest() == statement.shape.digest(), "as the statement has it built in"),
        Check("epoch root", bundle.public_inputs["epoch_root"] == epoch_root, str(bundle.public_inputs["epoch_root"])),
        Check("context", bundle.public_inputs["context"] == bundle.context.field_element(),
              "recomputed from chain, contract, key, account, epoch, version and action"),
        Check("margin", bundle.margin < 1 << 128, f"{bundle.margin} micro-units"),
    ]
    if key_circuit is not None:
        checks.insert(2, Check("key's constraints", key_circuit == r1cs_digest(statement.name),
                               f"key {key_circuit[:16]}…"))
    if commitment is not None:
        checks.append(Check("commitment", bundle.public_inputs["portfolio_commitment"] == commitment, str(commitment)))
    proven = len(inputs) == key.public and verify(key, inputs, bundle.proof, backend=backend)
    return [*checks, Check(f"proof ({backend})", proven, "Groth16 over BN254")]
