"""From a statement's inputs to a proof of it, by a key that is the statement's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from circuits.statements import Statement
from primitives import field
from primitives.errors import BadInput
from verifier_contracts.context import Context

from .keys import KeyDirectory
from .progress import Progress, quiet

if TYPE_CHECKING:
    from prover import Proof


def require_bound(keys: KeyDirectory, context: Context, statement: str) -> None:
    """Refuse a context that binds a proof to another statement or key.

    Raises
    ------
    BadInput : the context is not of `statement`, or not of this key.
    """
    if context.statement != statement:
        raise BadInput("context.statement", context.statement, f"{statement!r}, which this proof is of")
    if "0x" + context.key_digest.hex() != keys.key_digest:
        raise BadInput("context.key_digest", "0x" + context.key_digest.hex(), f"{keys.key_digest}, the proving key's")


def proven(keys: KeyDirectory, statement: Statement, inputs: Mapping[str, Any], *, progress: Progress = quiet
           ) -> tuple[dict[str, int], Proof]:
    """Prove a statement of inputs that its `assign` made.

    Returns
    -------
    tuple : public inputs by name in the statement's order, and the proof.

    Raises
    ------
    BadInput : the key is not the statement's.
    Unsatisfied : no satisfying witness exists; names the constraint.
    """
    from prover import prove
    keys.require(statement)
    progress("compile statement", 0, 1)
    system = statement.build()
    progress("witness", 0, 1)
    witness = system.witness(inputs)
    proof = prove(keys.proving_key(), witness, progress=progress, keep_bases=keys.keeps_bases)
    values = field.decode(witness[1:1 + len(statement.public_inputs)])
    return dict(zip(statement.public_inputs, values, strict=True)), proof
