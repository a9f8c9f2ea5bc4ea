"""The bundle: the one file that travels from trader to relayer to auditor. It holds nothing private.

JSON with sorted keys, field elements as decimal strings. A bundle carries what a reader needs to recompute everything
public: which statement and key, the named public inputs, the fields that `context` hashes (STATEMENT A3), the proof.
It does not carry the key or the epoch: a reader brings those from where she trusts them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from primitives import jsonio
from primitives.field import MODULUS
from prover import Proof
from prover.files.snarkjs import proof_from_json, proof_to_json
from verifier_contracts.context import Context

SCHEMA = "tailproof.bundle/1"
SETUPS = ("insecure-single-party", "ceremony")


@dataclass(frozen=True)
class Bundle:
    """A proven statement about one account in one epoch.

    statement : name of the statement (`tailproof statement list`); r1cs_digest : digest of its constraint system, hex.
    key_digest : 32-byte digest of the verification key, 0x-hex; insecure_setup : whether one party made that key.
    public_inputs : name -> field element, in the statement's order; context : what the first of them hashes.
    """

    statement: str
    r1cs_digest: str
    insecure_setup: bool
    public_inputs: Mapping[str, int]
    context: Context
    proof: Proof

    @property
    def key_digest(self) -> str:
        return "0x" + self.context.key_digest.hex()

    @property
    def margin(self) -> int:
        """The proven margin in 10⁻⁶ quote units."""
        return self.public_inputs["margin"]

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "statement": self.statement,
            "r1cs_digest": self.r1cs_digest,
            "setup": SETUPS[0] if self.insecure_setup else SETUPS[1],
            "public_inputs": {name: str(value) for name, value in self.public_inputs.items()},
            "context": self.context.to_json(),
            "proof": proof_to_json(self.proof),
        }

    def save(self, path: str | Path) -> None:
        jsonio.write(path, self.to_json())

    @staticmethod
    def load(path: str | Path) -> Bundle:
        """Read a bundle, refusing whatever is not exactly one.

        Raises
        ------
        BadInput : naming the file, the field, the value and the bound.
        """
        return Bundle.of(jsonio.Node.read(path))

    @staticmethod
    def of(node: jsonio.Node) -> Bundle:
        """A bundle at a place in a document; errors as `load`."""
        parts = node.document(SCHEMA, {"statement", "r1cs_digest", "setup", "public_inputs", "context", "proof"})
        inputs = {name: value.decimal(0, MODULUS - 1) for name, value in _members(parts["public_inputs"]).items()}
        return Bundle(parts["statement"].text(), parts["r1cs_digest"].text(r"[0-9a-f]{64}", "64 hex digits"),
                      parts["setup"].choice(SETUPS) == SETUPS[0], inputs, Context.from_json(parts["context"]),
                      proof_from_json(parts["proof"], source=node.source))


def _members(node: jsonio.Node) -> dict[str, jsonio.Node]:
    """All members of an object whose keys the statement, not the bundle, decides on."""
    if not isinstance(node.value, dict):
        raise node.refuse("an object")
    return node.object(node.value.keys())
