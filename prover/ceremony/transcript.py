"""The public record that a proving key carries of its own making: section 10 of a `.zkey`.

Every phase-2 contribution multiplies δ by a secret x and proves that its author knew x: s is random, and the pair
(s*x in G1, p*x in G2) with p hashed from all that went before cannot be made without x [Bowe, Gabizon and Miers,
"Scalable multi-party computation for zk-SNARK parameters in the random beacon model", eprint 2017/1050, section 3].
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from prover.curve import G1, G2
from prover.points import encode_g1, encode_g2, uncompressed

INSECURE_MARK = b"INSECURE: single-party setup.   "
"""First half of the circuit hash of a key that one party made alone.

The circuit hash is what other tools copy unchanged through every contribution, so the mark survives them.
"""


@dataclass(frozen=True)
class Beacon:
    """Public randomness that nobody could know beforehand, hashed 2**iterations times over to take time."""

    value: bytes
    iterations: int


@dataclass(frozen=True)
class Contribution:
    """One factor x of δ, and the proof of knowing it.

    Attributes
    ----------
    delta_after : δ times the generator of G1 after this contribution.
    s, s_times_x : a random point and x times it.
    p_times_x : x times the point of G2 that `transcript` hashes to.
    transcript : BLAKE2b-512 of the circuit hash, all earlier contributions, s and s_times_x.
    name : what the participant called herself.
    beacon : if x came from a public beacon instead of a secret.
    """

    delta_after: G1
    s: G1
    s_times_x: G1
    p_times_x: G2
    transcript: bytes
    name: str | None = None
    beacon: Beacon | None = None

    def encode(self) -> bytes:
        """The bytes that later transcripts, and this contribution's own hash, are taken over."""
        g1 = uncompressed(encode_g1([self.delta_after, self.s, self.s_times_x]))
        return g1 + uncompressed(encode_g2([self.p_times_x])) + self.transcript

    def digest(self) -> bytes:
        """BLAKE2b-512 of the contribution: what a participant publishes, to find it again in the final key."""
        return hashlib.blake2b(self.encode()).digest()


@dataclass(frozen=True)
class Transcript:
    """Circuit hash (64 bytes) and all contributions in order."""

    circuit_hash: bytes
    contributions: tuple[Contribution, ...] = ()

    @property
    def insecure(self) -> bool:
        """Whether a single party knew, or may have known, the secret δ: fewer than two contributed one. A beacon is
        public, so it does not count."""
        secrets = sum(one.beacon is None for one in self.contributions)
        return self.circuit_hash.startswith(INSECURE_MARK) or secrets < 2

    def to_json(self) -> dict[str, Any]:
        """What to publish beside a key: the circuit hash, and of each contribution its name, digest and beacon."""
        steps = [{"name": one.name, "digest": one.digest().hex(),
                  "beacon": one.beacon and {"value": one.beacon.value.hex(), "iterations": one.beacon.iterations}}
                 for one in self.contributions]
        return {"circuit_hash": self.circuit_hash.hex(), "insecure": self.insecure, "contributions": steps}


def challenge(circuit_hash: bytes, earlier: Sequence[Contribution], s: G1, s_times_x: G1) -> bytes:
    """What a contribution's proof of knowledge must answer: its `transcript`."""
    total = hashlib.blake2b(circuit_hash)
    for contribution in earlier:
        total.update(contribution.encode())
    total.update(uncompressed(encode_g1([s, s_times_x])))
    return total.digest()
