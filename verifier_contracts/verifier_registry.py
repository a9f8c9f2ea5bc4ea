"""The registry of verifiers as Python objects: candidates, announcements, generations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from eth_utils.crypto import keccak

from primitives.errors import BadInput
from verifier_contracts.addresses import checksummed
from verifier_contracts.bindings import Contract, proof_words
from verifier_contracts.chain import Chain, Receipt

if TYPE_CHECKING:
    from prover import VerificationKey
    from verifier_contracts.selftest import KnownAnswer

SLOTS = ("margin", "cover", "flat", "transition", "escrow", "delivery", "disclose", "batch-4", "batch-16", "leaf-field",
         "leaf-field-asset", "leaf-field-mark")
"""What verifiers are registered for. Contexts name the same, but for both sizes of `batch`."""
WAIT, LAPSE, SHORTEST_SUNSET, LONGEST_SUNSET = 7 * 86_400, 30 * 86_400, 3_600, 30 * 86_400
"""Seconds: from announcement to activation; from then until the announcement is void; bounds of sunsets."""


def slot_id(slot: str) -> bytes:
    """What the registry calls a slot: keccak256 of its name."""
    return keccak(text=slot)


class Candidate(NamedTuple):
    """A verifier that is to be examined, and what is claimed of it.

    code_hash : keccak256 of its runtime code.  key_digest, circuit_digest : 32 bytes.
    sunset : seconds from activation for which the verifier before it still counts.
    words, inputs : a valid proof and what it proves; it becomes public.
    """

    verifier: str
    code_hash: bytes
    key_digest: bytes
    circuit_digest: bytes
    sunset: int
    words: Sequence[int]
    inputs: Sequence[int]

    @staticmethod
    def of(chain: Chain, verifier: str, key: VerificationKey, circuit_digest: bytes, known: KnownAnswer, *,
           sunset: int = 86_400) -> Candidate:
        """Of a key, its circuit and a true proof.

        Whether the code there is the one generated for the key is not looked at (`deployment.compile_verifier`).

        Raises
        ------
        BadInput : the sunset is out of bounds.
        """
        if not SHORTEST_SUNSET <= sunset <= LONGEST_SUNSET:
            raise BadInput("sunset", sunset, f"seconds in [{SHORTEST_SUNSET}, {LONGEST_SUNSET}]")
        return Candidate(checksummed(verifier, "verifier"), keccak(chain.code(verifier)), key.digest(), circuit_digest,
                         sunset, proof_words(known.proof), list(known.inputs))

    def argument(self) -> tuple[Any, ...]:
        """The struct as the ABI takes it."""
        return (*self[:5], list(self.words), list(self.inputs))


class Active(NamedTuple):
    """The verifier in force."""

    verifier: str
    key_digest: bytes
    generation: int


@dataclass(frozen=True)
class Announcement:
    """What comes next for a slot. ready : first second of activation; lapses : last one."""

    candidate_hash: bytes
    ready: int

    @property
    def lapses(self) -> int:
        """Last second at which it can be activated."""
        return self.ready + LAPSE


class VerifierRegistry(Contract):
    """Verifiers that are believed, slot by slot. slot : one of SLOTS, in every method."""

    name = "VerifierRegistry"

    def active(self, slot: str) -> Active:
        """The verifier in force; refused as NoVerifier, or KeyDigestMismatch if it says another key than it had."""
        verifier, digest, generation = self.read("active", slot_id(slot))
        return Active(checksummed(verifier), bytes(digest), int(generation))

    def by_generation(self, slot: str, generation: int) -> tuple[str, bytes]:
        """Verifier and key digest; refused as NoVerifier, GenerationDistrusted or SunsetPassed."""
        verifier, digest = self.read("byGeneration", slot_id(slot), generation)
        return checksummed(verifier), bytes(digest)

    def is_trusted(self, slot: str, generation: int) -> bool:
        """Whether what was proven under a generation still stands."""
        return bool(self.read("isTrusted", slot_id(slot), generation))

    def generations_of(self, slot: str) -> int:
        """How many verifiers it has had."""
        return int(self.read("generationsOf", slot_id(slot)))

    def announcement_of(self, slot: str) -> Announcement | None:
        """What waits to be activated; None if nothing does."""
        digest, ready = self.read("announcementOf", slot_id(slot))
        return Announcement(bytes(digest), int(ready)) if ready else None

    def statement_of_key(self, key_digest: bytes) -> bytes:
        """Id of the slot that a key serves or served; zeros for a new key."""
        return bytes(self.read("statementOfKey", key_digest))

    def allows_insecure_setup(self) -> bool:
        """Whether it takes keys whose maker can forge."""
        return bool(self.read("allowsInsecureSetup"))

    def announce(self, slot: str, candidate: Candidate, *, sender: str | None = None) -> Receipt:
        """Say which verifier comes next (role: admin; with a delay, `AccessManager.perform`)."""
        return self.transact("announce", slot_id(slot), candidate.argument(), sender=sender)

    def activate(self, slot: str, candidate: Candidate, *, sender: str | None = None) -> Receipt:
        """Put what was announced in force; anyone may, from `ready` on."""
        return self.transact("activate", slot_id(slot), candidate.argument(), sender=sender, pending=True)

    def cancel(self, slot: str, *, sender: str | None = None) -> Receipt:
        """Take an announcement back (role: guardian)."""
        return self.transact("cancel", slot_id(slot), sender=sender)

    def distrust(self, slot: str, generation: int, *, sender: str | None = None) -> Receipt:
        """Void a generation and all that was proven under it, for ever (role: guardian)."""
        return self.transact("distrust", slot_id(slot), generation, sender=sender)
