"""The key: that it is of the circuit which the sources give, and what must be believed of how it was made.

*What a cheat could do without it*: a proof by a key of another circuit proves that circuit's statement, under the same
names of public inputs; who made a key alone forges whatever he likes, and no look at the key tells.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from circuits import statements
from circuits.statements.pin import pinned
from primitives.errors import BadInput

from ..ceremony import believed, late, told
from ..keys import INSECURE, PROVING_KEY, KeyDirectory, read_verification_key
from ..known_answers import prove_known_answer
from ..progress import Progress, quiet
from ..statements import r1cs_digest
from .finding import Finding, looked, trusted, unseen
from .given import Given

if TYPE_CHECKING:
    from prover import VerificationKey


def circuit_finding(statement: str) -> tuple[str, Finding]:
    """The constraint system of a statement, recorded from its source: its digest, and whether it is the pinned one."""
    found, wanted, digest = statements.get(statement), pinned()[statement], r1cs_digest(statement)
    return digest, looked(
        "key.circuit", "key", f"The circuit of {statement}, built again from its source, is the one of this version",
        digest == wanted["r1cs_digest"], f"it is {digest}, and {wanted['r1cs_digest']} is written down",
        evidence=[("constraint system, SHA-256", digest), ("rows", found.rows), ("wires", found.wires),
                  ("public inputs", ", ".join(found.public_inputs))],
        command=f"tailproof statement show {statement}")


def read_key(path: Path) -> tuple[VerificationKey, str | None, str | None]:
    """A verification key, and, of a key directory, the statement and circuit that its note says it is for.

    Raises
    ------
    BadInput : it is none, or not the one that the note names.
    """
    if not os.path.isdir(path):
        return read_verification_key(path), None, None
    note = KeyDirectory.load(path)
    return note.verification_key(), note.statement, note.r1cs_digest


def key_findings(path: Path, statement: str, given: Given, *, progress: Progress = quiet) -> Iterator[Finding]:
    """What can be known of a key that proves, or should prove, a statement."""
    digest, circuit = circuit_finding(statement)
    yield circuit
    key, named, noted = read_key(path)
    command = given.command("keys", "info", path)
    facts: list[tuple[str, object]] = [("key, keccak256", "0x" + key.digest().hex()), ("public inputs", key.public)]
    what = f"The key is of the circuit of {statement}: a proof of it made with the proving key holds under it"
    if noted is None or not (path / PROVING_KEY).is_file():
        why = "give the key directory, not the verification key alone" if noted is None else \
            "the proving key is not in this directory"
        yield unseen("key.binding", "key", what, why + ": a verification key does not say which circuit it is for",
                     evidence=facts)
        yield _unknown_making(key, facts, why, command)
        return
    wrong = "" if (named, noted) == (statement, digest) else f"its note says {named}, circuit {noted}"
    if not wrong:
        try:
            prove_known_answer(KeyDirectory.load(path), progress=progress)
        except BadInput as error:
            wrong = str(error)
    yield looked("key.binding", "key", what, not wrong, wrong, evidence=facts, command=command)
    yield _making(path, key, facts, command)


def _unknown_making(key: VerificationKey, facts: list[tuple[str, object]], why: str, command: str) -> Finding:
    if key.insecure_setup:
        return trusted("key.making", "key", "Nobody can forge proofs with this key", INSECURE, evidence=facts)
    return unseen("key.making", "key", "Several parties made the key, of whom one honest one is enough", why,
                  evidence=facts, command=command)


def _making(path: Path, key: VerificationKey, facts: list[tuple[str, object]], command: str) -> Finding:
    """Who made it, as the proving key's transcript tells."""
    try:
        story = KeyDirectory.load(path).proving_key().transcript.to_json()
    except BadInput as error:
        return looked("key.making", "key", "The key's transcript is whole", False, str(error), command=command)
    steps = [(f"contribution {number}", f"{step['name'] or '(no name)'}, {step['digest']}"
              + (f", beacon {step['beacon']['value']}" if step["beacon"] else ""))
             for number, step in enumerate(story["contributions"], 1)]
    evidence = [*facts, ("circuit hash of the ceremony", story["circuit_hash"]), *steps]
    if key.insecure_setup:
        return trusted("key.making", "key", "Nobody can forge proofs with this key", INSECURE, evidence=evidence,
                       command=command)
    said = " ".join([*believed(story, "the key"), *late(story)])
    return trusted("key.making", "key", "Nobody can forge proofs with this key", said or " ".join(told(story)),
                   evidence=evidence, command=command)
