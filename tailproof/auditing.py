"""Re-verifying a bundle locally: every public fact recomputed, nothing taken from the relayer.

The auditor brings a verification key and an epoch she trusts. What the bundle must then satisfy is a list of checks,
each reported by name, so that a refusal says which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuits import statements
from circuits.statements import Statement
from primitives.errors import BadInput
from risk.exact.shape import EpochShape
from risk.grid.grid_shape import GridShape

from .bundle import Bundle
from .shapes import differing
from .statement_table import kind_of
from .statements import r1cs_digest

if TYPE_CHECKING:
    from prover import VerificationKey
    from prover.backend import BackendName


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    found : what the bundle has; expected : what it is held against, None where nothing is compared.
    """

    name: str
    holds: bool
    found: str
    expected: str | None = None

    @staticmethod
    def same(name: str, found: object, expected: object) -> Check:
        """That two values are equal."""
        return Check(name, found == expected, str(found), str(expected))

    def told(self) -> str:
        """Both sides wherever they differ; one is enough where they are the same."""
        if self.holds or self.expected is None:
            return self.found
        return f"bundle {self.found}, expected {self.expected}"

    def to_json(self) -> dict[str, object]:
        return {"name": self.name, "holds": self.holds, "found": self.found, "expected": self.expected}


def audit(bundle: Bundle, key: VerificationKey, *, epoch_root: int | None = None,
          shape: EpochShape | GridShape | None = None,
          key_circuit: str | None = None, commitment: int | None = None, backend: BackendName = "kernels"
          ) -> Sequence[Check]:
    """Check a bundle against a key and an epoch.

    Parameters
    ----------
    epoch_root, shape : of the epoch the auditor trusts; the root must have been recomputed or come from the chain. None
        for a statement that reads none.
    key_circuit : digest of the constraint system that the key was made for, if the auditor knows it (a key directory
        says so); without it, that the key is for this statement goes unchecked.
    commitment : the registered commitment, if the auditor knows it; without it, the bundle's own goes unchecked.
    backend : "kernels", or "reference" for the independent py_ecc arithmetic.

    Raises
    ------
    BadInput : the bundle is of no statement we know, or its public inputs are not that statement's; no epoch where it
        reads one.
    """
    from prover import verify
    statement = statements.get(bundle.statement)
    if set(bundle.public_inputs) != set(statement.public_inputs):
        raise BadInput("public_inputs", sorted(bundle.public_inputs), f"exactly {', '.join(statement.public_inputs)}")
    inputs = [bundle.public_inputs[name] for name in statement.public_inputs]
    public, circuit = bundle.public_inputs, r1cs_digest(statement.name)
    checks = [
        Check.same("constraint system", bundle.r1cs_digest, circuit),
        Check.same("key", "0x" + bundle.context.key_digest.hex(), "0x" + key.digest().hex()),
        Check.same("setup", _setup(bundle.insecure_setup), _setup(key.insecure_setup)),
        *_of_epoch(statement, public, epoch_root, shape),
        Check.same("context", public["context"], bundle.context.field_element()),
        # A context of another statement is another contract's action, whatever proof stands beside it.
        Check.same("context's statement", bundle.context.statement, kind_of(statement)),
    ]
    if "margin" in public:
        checks.append(Check("margin", bundle.margin < 1 << 128, f"{bundle.margin} micro-units", "below 2**128"))
    if key_circuit is not None:
        checks.insert(2, Check("key's constraints", key_circuit == circuit, f"under a key for {key_circuit}",
                               f"one for {circuit}"))
    if commitment is not None:
        checks.append(Check.same("commitment", public["portfolio_commitment"], commitment))
    proven = len(inputs) == key.public and verify(key, inputs, bundle.proof, backend=backend)
    return [*checks, Check(f"proof ({backend})", proven, "Groth16 over BN254" if proven else
                           "one that this key rejects for these public inputs" if len(inputs) == key.public else
                           f"of {len(inputs)} public inputs, and the key takes {key.public}",
                           "one that the key accepts")]


def _of_epoch(statement: Statement, public: Mapping[str, int], root: int | None, shape: EpochShape | GridShape | None
              ) -> Sequence[Check]:
    """That a bundle is under the auditor's epoch, and that this is one of the statement's."""
    if "epoch_root" not in public:
        return []
    if shape is None or root is None:
        raise BadInput("--epoch", None, f"given: {statement.name} is about an epoch")
    epoch_has, statement_has = differing(shape, statement.shape)
    return [Check("epoch shape", shape.digest() == statement.shape.digest(),
                  f"the epoch's {epoch_has}" if epoch_has else f"as {statement.name} has it built in",
                  f"{statement_has}, as {statement.name} has it" if epoch_has else None),
            Check.same("epoch root", public["epoch_root"], root)]


def _setup(insecure: bool) -> str:
    return "INSECURE single party" if insecure else "a ceremony, the key file says"
