"""The certificate: the one file that answers a challenge. It shows no margin, no collateral and no position.

A proof in a bundle (`bundle`), and what two keepers signed of the commitments that it is about (`custody`). Its context
is of no chain and no contract, both 0, which no chain's id is: no contract takes it, whatever it may come to take. Its
action is the digest of the challenge, so that it answers no other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from primitives import jsonio
from primitives.errors import BadInput, Said
from primitives.jsonio import Node
from risk.epochs.provenance import read_source
from verifier_contracts.context import Context

from .bundle import Bundle
from .challenge import Challenge
from .custody import Attestation

SCHEMA = "tailproof.certificate/1"
LARGEST = 1 << 16
"""Bytes; one of solvency has some four thousand."""
NOWHERE = "0x" + "00" * 20
"""The contract that a certificate is for, on chain 0."""
T = TypeVar("T")


@dataclass(frozen=True)
class Certificate:
    """bundle : the proof.  attestations : of positions, and of collateral."""

    bundle: Bundle
    attestations: tuple[Attestation, ...]

    def to_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, "bundle": self.bundle.to_json(),
                "attestations": [attestation.to_json() for attestation in self.attestations]}

    def save(self, path: Path) -> None:
        """Write it for who asked."""
        jsonio.write(path, self.to_json())

    @staticmethod
    def load(path: Path) -> Certificate:
        """Read what `save` wrote, and nothing that merely means the same: to the byte, so that there is one such file.

        Raises
        ------
        BadInput : naming the file and the field.
        """
        return read_exactly(path, Certificate._of, Certificate.to_json)

    @staticmethod
    def _of(document: Node) -> Certificate:
        parts = document.document(SCHEMA, {"bundle", "attestations"})
        return Certificate(Bundle.of(parts["bundle"]), tuple(
            map(Attestation.of, parts["attestations"].array(at_least=2, at_most=2))))


def read_exactly(path: Path, of: Callable[[Node], T], to_json: Callable[[T], Any]) -> T:
    """What a file holds, if it is the one spelling of that.

    Raises
    ------
    BadInput : what `of` raises; too large; another spelling.
    """
    data = read_source(path)
    if len(data) > LARGEST:
        raise BadInput("file size", len(data), f"at most {LARGEST} bytes", source=path)
    made = of(Node(jsonio.loads(data, source=path), source=path))
    if jsonio.dumps(to_json(made)).encode(errors="backslashreplace") != data:    # of a lone surrogate, too
        raise BadInput("file", Said("another spelling"), "byte for byte what was written", source=path)
    return made


def context_of(challenge: Challenge, valuation: int) -> Context:
    """What the proof of an answer is for.  valuation : of the epoch, Unix seconds."""
    return Context(challenge.kind, 0, NOWHERE, bytes.fromhex(challenge.key_digest[2:]), challenge.account, valuation, 0,
                   challenge.digest)
