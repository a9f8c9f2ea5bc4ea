"""A valid proof by a key, of a made-up instance of its statement: evidence that the key is of that statement.

What a key directory says of itself can be edited, and a verification key does not say which circuit it is for. But a
proof that our own circuit's witness makes with the proving key, and that the verification key accepts, exists only if
the three belong together. It is also what the contracts' self-test needs, and holds nothing of anybody's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from circuits import statements
from circuits.soundness.registry import FAMILIES, family_of
from primitives import field
from primitives.errors import BadInput, Said, Unsatisfied

from .keys import PROVING_KEY, KeyDirectory
from .progress import Progress, quiet

if TYPE_CHECKING:
    from circuits.statements import Statement
    from verifier_contracts.selftest import KnownAnswer


def example(statement: Statement) -> Mapping[str, Any]:
    """Witness inputs of the made-up instance that a statement is audited at; raises BadInput if it is none of ours."""
    inputs: Mapping[str, Any] = next(iter(FAMILIES[family_of(statement)].full(statement).cases.values()))
    return inputs


def prove_known_answer(keys: KeyDirectory, *, progress: Progress = quiet) -> KnownAnswer:
    """Prove the instance that the statement is audited at.

    Raises
    ------
    BadInput : the statement is none of ours; the key was made for another, or for another version of it, by its note,
        by its numbers, or because the proof does not hold.
    """
    from prover import prove
    from verifier_contracts.selftest import KnownAnswer
    statement = statements.get(keys.statement)
    keys.require(statement)
    keys.verification_key()                                # by its digest, the proving key's
    proving_key = keys.proving_key()
    system = statement.build()
    progress("known answer", 0, 2)
    if (proving_key.wires, proving_key.public) != (system.wires, len(statement.public_inputs)):
        raise BadInput("wires and public inputs", (proving_key.wires, proving_key.public),
                       f"{system.wires} and {len(statement.public_inputs)}, as {statement.name} has: this is the key "
                       "of another circuit", source=keys.path / PROVING_KEY)
    witness = system.witness(example(statement))
    progress("known answer", 1, 2)
    try:
        proof = prove(proving_key, witness, keep_bases=False)           # verifies it, by the same key
    except Unsatisfied:
        raise BadInput("key", Said(f"a proof of {statement.name} made with it does not hold"),
                       "one of this statement: it is "
                       "of another circuit, or broken", source=keys.path) from None
    progress("known answer", 2, 2)
    return KnownAnswer(tuple(field.decode(witness[1:1 + len(statement.public_inputs)])), proof)
