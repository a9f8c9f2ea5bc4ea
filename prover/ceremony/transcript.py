"""The public record that a proving key carries of its own making: section 10 of a `.zkey`.

Every phase-2 contribution multiplies δ by a secret x and proves that its author knew x: s is random, and the pair
(s*x in G1, p*x in G2) with p hashed from all that went before cannot be made without x [Bowe, Gabizon and Miers,
"Scalable multi-party computation for zk-SNARK parameters in the random beacon model", eprint 2017/1050, section 3].
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from prover.curve import G1, G2
from prover.points import encode_g1, encode_g2, uncompressed

INSECURE_MARK = b"INSECURE: single-party setup.   "
"""First half of the circuit hash of a key that one party made alone.

The circuit hash is what other tools copy unchanged through every contribution, so the mark survives them.
"""


SAFE = 2
"""Secret contributions that a phase needs: a party alone could keep the one she made."""


@dataclass(frozen=True)
class Beacon:
    """Public randomness that nobody could know beforehand, hashed 2**iterations times over to take time."""

    value: bytes
    iterations: int

    def to_json(self) -> dict[str, Any]:
        """Its value in hex and log2 of its iterations."""
        return {"value": self.value.hex(), "iterations": self.iterations}


class HasBeacon(Protocol):
    """A contribution to either phase."""

    @property
    def beacon(self) -> Beacon | None: ...


def secret_contributions(contributions: Iterable[HasBeacon]) -> int:
    """How many of them contributed a secret. A beacon is public, so it does not count."""
    return sum(one.beacon is None for one in contributions)


def after_beacon(contributions: Iterable[HasBeacon]) -> list[int]:
    """Numbers, from 1, of secrets contributed after a beacon, for which it cannot vouch."""
    seen, late = False, []
    for number, one in enumerate(contributions, 1):
        if seen and one.beacon is None:
            late.append(number)
        seen = seen or one.beacon is not None
    return late


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
        """Whether a single party knew, or may have known, the secret δ: fewer than two contributed one.

        Of the powers of τ that it was made from, a key knows nothing: see `PowersOfTau.insecure`.
        """
        return self.circuit_hash.startswith(INSECURE_MARK) or secret_contributions(self.contributions) < SAFE

    def to_json(self) -> dict[str, Any]:
        """What to publish beside a key: the circuit hash, and of each contribution its name, digest and beacon.

        Names are what the file says: in snarkjs's format, no hash covers them. A participant finds herself by her
        digest.
        """
        steps = [{"name": one.name, "digest": one.digest().hex(), "beacon": one.beacon and one.beacon.to_json()}
                 for one in self.contributions]
        return {"circuit_hash": self.circuit_hash.hex(), "insecure": self.insecure, "contributions": steps,
                "after_beacon": after_beacon(self.contributions)}


def challenge(circuit_hash: bytes, earlier: Sequence[Contribution], s: G1, s_times_x: G1) -> bytes:
    """What the proof of knowledge of the next contribution must answer: its `transcript`."""
    total = hashlib.blake2b(circuit_hash)
    for contribution in earlier:
        total.update(contribution.encode())
    return _after(total, s, s_times_x)


def challenges(transcript: Transcript) -> Iterator[bytes]:
    """The `challenge` of each contribution that is there."""
    total = hashlib.blake2b(transcript.circuit_hash)
    for contribution in transcript.contributions:
        yield _after(total, contribution.s, contribution.s_times_x)
        total.update(contribution.encode())


def _after(history: hashlib.blake2b, s: G1, s_times_x: G1) -> bytes:
    total = history.copy()
    total.update(uncompressed(encode_g1([s, s_times_x])))
    return total.digest()
