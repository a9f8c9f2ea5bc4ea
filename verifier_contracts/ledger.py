"""The margin ledger and what stands around it: desk of commitments, attestor of batches, lens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from eth_utils.crypto import keccak

from primitives.errors import BadInput
from prover.points import encode_g1, encode_g2, uncompressed
from verifier_contracts.addresses import checksummed
from verifier_contracts.bindings import LONGEST_CONSENT, ZERO_ADDRESS, Contract
from verifier_contracts.chain import CLOCK_TOLERANCE, Chain, Receipt
from verifier_contracts.context import ATTESTATION, Context
from verifier_contracts.desk_messages import (
    CommitmentConsent,
    FillsMessage,
    ForcedFillsMessage,
    HandOverConsent,
    TransitionConsent,
)
from verifier_contracts.errors import ImplausibleAnswer
from verifier_contracts.vault import Factor

if TYPE_CHECKING:
    from prover import VerificationKey

FOREVER = (1 << 256) - 1
"""For `max_age`: however old the epoch is."""
STEPS = 4
"""Of the ladder of beta: maintenance, initial, and two above."""
MAINTENANCE, INITIAL = 0, 1
NO_PROOF = (0,) * 8
"""Stands where a proof is not asked for."""


class MarginStatus(IntEnum):
    """What can be said of an account's margin, see IMarginManager.sol. Act on VALID and FLAT alone."""

    UNKNOWN = 0
    VALID = 1
    STALE = 2
    SUPERSEDED = 3
    NOT_ATTESTED = 4
    FROZEN = 5
    DISTRUSTED = 6
    REDUCE_ONLY = 7
    CALLED = 8
    FLAT = 9
    PAUSED = 10

    @property
    def readable(self) -> bool:
        """Whether whoever acts on margins may act on this one."""
        return self in (MarginStatus.VALID, MarginStatus.FLAT)

    @property
    def words(self) -> str:
        """For people: "not attested"."""
        return self.name.lower().replace("_", " ")


class Skipped(IntEnum):
    """Why an entry of a batch was verified and not applied; NO: it was."""

    NO = 0
    REPLACED = 1
    OLDER = 2
    STANDS = 3
    CALLED = 4
    UNCOVERED = 5


class Source(IntEnum):
    """What an entry was proven by; *_COVERED: a margin that counts as cover."""

    MARGIN = 0
    BATCH_4 = 1
    BATCH_16 = 2
    MARGIN_COVERED = 3
    BATCH_4_COVERED = 4
    BATCH_16_COVERED = 5
    COVER = 6
    FLAT = 7

    @property
    def slot(self) -> str:
        """The slot of the registry whose verifier it was."""
        return ("margin", "batch-4", "batch-16")[self % 3] if self < Source.COVER else self.name.lower()


class Support(IntEnum):
    """What keeps an account from being reduce-only after a transition."""

    NONE = 0
    COVER = 1
    MARGIN = 2


@dataclass(frozen=True)
class AccountWord:
    """An account as the ledger stores it (AccountWord.sol).

    value : 10**-6 quote units: the margin, or in cover mode the collateral that covers a hidden one.
    epoch_id : of the last proof, kept across versions.  version : 0 for an account never registered.
    attested_at : time of the proof, 0 while this version has none.  basis : what the entry rests on.
    clock : of a called account the live time of the call; else the last second of the last cover, 0 if none was.
    """

    value: int
    epoch_id: int
    version: int
    attested_at: int
    basis: int
    clock: int

    @property
    def generation(self) -> int:
        """Of the verifier; 0: nothing is proven."""
        return self.basis >> 3

    @property
    def called(self) -> bool:
        """Fallen short; neither cured nor liquidated yet."""
        return self.basis == 1

    @property
    def source(self) -> Source | None:
        """What it was proven by; None if by nothing."""
        return Source(self.basis & 7) if self.generation else None

    @property
    def hides_margin(self) -> bool:
        """Whether `value` is collateral, and the margin below it is hidden."""
        return self.source == Source.COVER


class MarginCall(NamedTuple):
    """A call. called_at : wall time; since : live time; epoch_id : that it rests on; covered_at : epoch of the last
    cover before it; stands : whether its epoch is not frozen and its key still believed."""

    called_at: int
    since: int
    epoch_id: int
    covered_at: int
    stands: bool


class Reading(NamedTuple):
    """What a reader is told.

    margin : 10**-6 quote units; in cover mode an upper bound of it.  epoch_id : of the proof.
    valid_until : last second of the answer if nothing else happens, 0 for a status not to be acted on.
    """

    status: MarginStatus
    margin: int
    epoch_id: int
    valid_until: int


class Row(NamedTuple):
    """An entry of a batch. value : the margin, or the V that a cover claims; commitment : that it was proven for."""

    account: str
    version: int
    value: int
    commitment: int


class MarginLedger(Contract):
    """What is proven of accounts."""

    name = "MarginLedger"

    # -- attestation ---------------------------------------------------------------------------------------------------
    def attest(self, account: str, epoch_id: int, version: int, margin: int, words: Sequence[int], *,
               generation: int = 0, sender: str | None = None,
               before: Callable[[str | None, str | None], object] | None = None) -> Receipt:
        """Show a `margin` proof, as `proof_words`; anyone may. generation : of its verifier, 0 for the one in force."""
        return self.transact("attest", account, epoch_id, version, margin, generation, list(words), sender=sender,
                             before=before)

    def attest_cover(self, account: str, epoch_id: int, version: int, step: int, claimed: int,
                     factors: Sequence[Factor], words: Sequence[int], *, generation: int = 0,
                     sender: str | None = None) -> Receipt:
        """Show that V covers the hidden margin at a step of the ladder; cures a call from INITIAL up.

        claimed : V, 10**-6 quote units, at most what the vault counts; factors : the epoch's whole list.
        """
        return self.transact("attestCover", account, epoch_id, version, step, claimed, generation, list(factors),
                             list(words), sender=sender)

    def cover_by_margin(self, account: str, step: int, factors: Sequence[Factor], *,
                        sender: str | None = None) -> Receipt:
        """Have a public margin count as cover; no proof."""
        return self.transact("coverByMargin", account, step, list(factors), sender=sender)

    def attest_flat(self, account: str, version: int, words: Sequence[int], *, generation: int = 0,
                    sender: str | None = None) -> Receipt:
        """Show that an account holds nothing: margin 0 under every epoch; ends a call."""
        return self.transact("attestFlat", account, version, generation, list(words), sender=sender)

    def prove_shortfall(self, account: str, epoch_id: int, version: int, claimed: int, factors: Sequence[Factor],
                        words: Sequence[int], *, generation: int = 0, sender: str | None = None) -> Receipt:
        """Call an account, by a `cover` proof of the other side at maintenance; claimed : at least the vault's V."""
        return self.transact("proveShortfall", account, epoch_id, version, claimed, generation, list(factors),
                             list(words), sender=sender)

    def context(self, statement: str, key_digest: bytes, account: str, epoch_id: int, version: int,
                action_hash: bytes = ATTESTATION) -> Context:
        """What a proof for this ledger must be bound to.

        statement : "margin", "cover"; "flat", "transition", "escrow", "delivery", "disclose" (`epoch_id` 0); "batch".
        key_digest : of the verifier that will be asked (`VerifierRegistry.active`).
        version : the account's; of a transition the one it leads to.
        """
        return Context(statement, self.chain.chain_id, self.address, key_digest, account, epoch_id, version,
                       action_hash)

    # -- reading -------------------------------------------------------------------------------------------------------
    def try_margin_of(self, account: str, max_age: int = FOREVER, min_epoch_id: int = 0,
                      expected_venue: str = ZERO_ADDRESS) -> Reading:
        """What a contract that acts on margins would be told; never refused for what an account is."""
        status, margin, epoch_id, until = self.read("tryMarginOf", account, max_age, min_epoch_id, expected_venue)
        return Reading(MarginStatus(status), margin, epoch_id, until)

    def margin_of(self, account: str, max_age: int) -> int:
        """The exact margin; refused as MarginUnavailable or MarginHidden."""
        return int(self.read("marginOf", account, max_age))

    def state_of(self, account: str) -> AccountWord:
        """The raw state, all zeros for an unknown account."""
        return AccountWord(*self.read("stateOf", account))

    def commitment_of(self, account: str) -> int:
        """The registered commitment, 0 if there is none or it is void."""
        return int(self.read("commitmentOf", account))

    def venue_of(self, account: str) -> str:
        """The venue that holds the account's positions; the zero address if there is none."""
        return checksummed(self.read("venueOf", account))

    def version_of(self, account: str) -> int:
        """0 for an account never registered."""
        return int(self.read("versionOf", account))

    def is_called(self, account: str) -> bool:
        """Whether it has fallen short."""
        return bool(self.read("isCalled", account))

    def call_of(self, account: str) -> MarginCall | None:
        """The call of an account; None if it is not called."""
        found = MarginCall(*self.read("callOf", account))
        return found if found.called_at else None

    def is_flat(self, account: str) -> bool:
        """Whether it is proven to hold nothing, by a key that is still believed."""
        return bool(self.read("isFlat", account))

    def is_escrowed(self, account: str) -> bool:
        """Whether the opening of its present commitment is in escrow."""
        return bool(self.read("isEscrowed", account))

    def escrowed_until_of(self, account: str) -> int:
        """Last second at which it counts as being there; 0 if it never was."""
        return int(self.read("escrowedUntilOf", account))

    def is_reduce_only(self, account: str) -> bool:
        """Whether it has no cover for its version that is good now."""
        return bool(self.read("isReduceOnly", account))

    def settled_by_of(self, account: str) -> int:
        """Wall time until which a flat account waits for the settlement of its last transition."""
        return int(self.read("settledByOf", account))

    def buffer_of(self, step: int) -> int:
        """Beta of a step of the ladder, basis points of the margin."""
        return int(self.read("bufferOf", step))

    def life_of(self, step: int) -> int:
        """Seconds from its epoch's publication for which a cover at a step is good."""
        return int(self.read("lifeOf", step))

    def max_epoch_age(self) -> int:
        """Seconds after which an epoch attests nothing."""
        return int(self.read("maxEpochAge"))

    def exit_epoch_age(self) -> int:
        """Seconds after which an epoch lets nothing out."""
        return int(self.read("exitEpochAge"))

    def final_epoch_age(self) -> int:
        """Seconds after which an epoch proves no shortfall."""
        return int(self.read("finalEpochAge"))

    def superseded_grace(self) -> int:
        """Seconds for which an epoch is good once there is a newer one."""
        return int(self.read("supersededGrace"))

    def vault(self) -> str:
        """Address of the vault whose collateral counts."""
        return checksummed(self.read("vault"))

    # -- what is signed ------------------------------------------------------------------------------------------------
    def plausible_version(self, account: str, clock: int) -> int:
        """The version of an account whose state hangs together, to be signed for.

        What an owner signs for a later version than the next could be kept, and would undo what she agrees to until
        then; so a node's word is held against everything else in the state. It has a venue if and only if it has a
        version; without one, nothing. It has an attestation if and only if it has a basis, and with neither no value;
        nothing is proven without a commitment, and nothing is of the future.

        Parameters
        ----------
        clock : seconds since 1970, as `Chain.clock` has it.

        Raises
        ------
        ImplausibleAnswer : the state contradicts itself.
        """
        word, commitment, venue = self.state_of(account), self.commitment_of(account), self.venue_of(account)
        registered, future = word.version > 0, clock + CLOCK_TOLERANCE
        if (registered != (venue != ZERO_ADDRESS)
                or (not registered and (commitment or word != AccountWord(0, 0, 0, 0, 0, 0)))
                or (word.attested_at == 0) != (word.basis == 0) or (word.basis == 0 and word.value)
                or (word.generation == 0 and word.basis > 1) or (commitment == 0 and word.basis)
                or word.version >= (1 << 40) - 1 or word.epoch_id > future or word.attested_at > future):
            raise ImplausibleAnswer(self.chain.name, f"says of account {account}: {word}, commitment {commitment}, "
                                    f"venue {venue}, which no account can be")
        return word.version


class Transition(NamedTuple):
    """A step from one commitment to the next, see CommitmentDesk.sol.

    version : that it leads to.  cash : of the fills, 10**-6 quote units.  deadline : of the owner's signature, which is
    empty if she sends.  words : of the `transition` proof.  epoch_id, value, factors, support_words : of the support;
    value : V of a cover at initial margin, or a margin.
    """

    account: str
    version: int
    new_commitment: int
    fill_digest: int
    cash: int
    deadline: int
    owner_signature: bytes
    venue_signature: bytes
    words: Sequence[int]
    support: Support = Support.NONE
    epoch_id: int = 0
    value: int = 0
    factors: Sequence[Factor] = ()
    support_words: Sequence[int] = NO_PROOF

    def argument(self) -> tuple[Any, ...]:
        """The struct as the ABI takes it."""
        return (*self[:8], list(self.words), int(self.support), self.epoch_id, self.value, list(self.factors),
                list(self.support_words))


class CommitmentDesk(Contract):
    """Who says which positions an account holds, and how they change.

    ledger : whose commitments it sets.
    """

    name = "CommitmentDesk"

    def __init__(self, chain: Chain, address: str, ledger: MarginLedger) -> None:
        super().__init__(chain, address)
        self.ledger = ledger

    # -- signatures ----------------------------------------------------------------------------------------------------
    def consent(self, account: str, venue: str, commitment: int, deadline: int) -> CommitmentConsent:
        """What the owner of an account has to sign for its next commitment.

        The deadline is held against this machine's clock and the version against the account's state
        (`plausible_version`). The nonce is the node's word: a wrong one makes a signature that is good for nothing
        until she has revoked so often.

        Raises
        ------
        ImplausibleAnswer : the chain's clock is not near ours, or the account's state contradicts itself.
        BadInput : the deadline is more than a year away.
        """
        version = self._next_version(account, deadline)
        return CommitmentConsent(self.chain.chain_id, self.address, account, venue, commitment, version,
                                 self.nonce_of(account), deadline)

    def hand_over_consent(self, account: str, venue: str, commitment: int, deadline: int) -> HandOverConsent:
        """What the owner of an account has to sign that takes a lot; raises as `consent`, and BadInput if it was ever
        registered."""
        version = self._next_version(account, deadline)
        if version != 1:
            raise BadInput("account", account, f"one that was never registered: it is at version {version - 1}")
        return HandOverConsent(self.chain.chain_id, self.address, account, venue, commitment, 0,
                               self.nonce_of(account), deadline)

    def transition_consent(self, account: str, new_commitment: int, fill_digest: int, cash: int, deadline: int
                           ) -> TransitionConsent:
        """What the owner has to sign for the next step of her account, unless she sends it; raises as `consent`."""
        version = self._next_version(account, deadline)
        return TransitionConsent(self.chain.chain_id, self.address, account, version, new_commitment, fill_digest,
                                 cash, self.nonce_of(account), deadline)

    def fills(self, account: str, venue: str, version: int, fill_digest: int, cash: int) -> FillsMessage:
        """What the venue has to sign of fills that lead to a version."""
        return FillsMessage(self.chain.chain_id, self.address, account, venue, version, fill_digest, cash)

    def _next_version(self, account: str, deadline: int) -> int:
        clock = self.chain.clock()
        if deadline > clock + LONGEST_CONSENT:
            raise BadInput("deadline", deadline, f"at most a year from now, {clock + LONGEST_CONSENT}")
        return self.ledger.plausible_version(account, clock) + 1

    def nonce_of(self, account: str) -> int:
        """What signatures of an owner must name now."""
        return int(self.read("nonceOf", account))

    def revoke_consents(self, *, sender: str | None = None) -> Receipt:
        """Void all that the sender has signed and nobody has used."""
        return self.transact("revokeConsents", sender=sender)

    # -- commitments ---------------------------------------------------------------------------------------------------
    def register(self, consent: CommitmentConsent, signature: bytes, *, sender: str | None = None) -> Receipt:
        """Register a commitment with its owner's signed consent (role: venue, the one the consent names)."""
        return self.transact("registerCommitment", consent.account, consent.commitment, consent.version,
                             consent.deadline, signature, sender=sender)

    def void(self, account: str, *, sender: str | None = None) -> Receipt:
        """Void an account's commitment (owner, venue or guardian)."""
        return self.transact("voidCommitment", account, sender=sender)

    def move(self, account: str, to: str, *, sender: str | None = None) -> Receipt:
        """Hand an account over to another venue (its venue); its commitment is void."""
        return self.transact("moveAccount", account, to, sender=sender)

    def apply(self, step: Transition, *, sender: str | None = None) -> Receipt:
        """Move a commitment by fills that its venue signed; anyone may bring it with the owner's signature."""
        return self.transact("applyTransition", step.argument(), sender=sender)

    def forced_fills(self, account: str, venue: str, version: int, fill_digest: int, cash: int, concession: int,
                     deadline: int) -> ForcedFillsMessage:
        """What the venue has to sign of fills that it makes without the owner."""
        return ForcedFillsMessage(self.chain.chain_id, self.address, account, venue, version, fill_digest, cash,
                                  concession, deadline)

    def accounts(self) -> int:
        """How many accounts have a commitment."""
        return int(self.read("accounts"))

    def breached_at(self, venue: str) -> int:
        """When a venue was found to have left a called account to itself; 0 if it was not, or was let off."""
        return int(self.read("breachedAt", venue))

    # -- pauses --------------------------------------------------------------------------------------------------------
    def paused_until(self, action: int) -> int:
        """First second at which a class is open again; in the past while it is."""
        return int(self.read("pausedUntil", action))


class BatchAttestor(Contract):
    """Many accounts in one transaction; what no longer matches is skipped (event `AttestationSkipped`)."""

    name = "BatchAttestor"

    def attest_batch(self, epoch_id: int, rows: Sequence[Row], digest: int, words: Sequence[int], *,
                     generation: int = 0, sender: str | None = None) -> Receipt:
        """Up to 16 margins by one `batch` proof. digest : of everything the circuit proves, from the prover."""
        return self.transact("attestBatch", epoch_id, generation, list(rows), digest, list(words), sender=sender)

    def attest_margins(self, epoch_id: int, key: bytes, rows: Sequence[Row], proofs: Sequence[Sequence[int]], *,
                       generation: int = 0, sender: str | None = None) -> Receipt:
        """Strangers' `margin` proofs by a random combination. key : `combiner_key`, which is kept first if nobody has
        yet; proofs : `proof_words` a row."""
        return self.transact("attestMargins", epoch_id, generation, self.key_at(key, sender=sender), list(rows),
                             list(map(list, proofs)), sender=sender)

    def attest_covers(self, epoch_id: int, step: int, factors: Sequence[Factor], key: bytes, rows: Sequence[Row],
                      proofs: Sequence[Sequence[int]], *, generation: int = 0, sender: str | None = None) -> Receipt:
        """Strangers' `cover` proofs at one step of the ladder; the rest as for margins."""
        return self.transact("attestCovers", epoch_id, step, generation, list(factors),
                             self.key_at(key, sender=sender), list(rows), list(map(list, proofs)), sender=sender)

    def show_cover(self, context: int, root: int, commitment: int, claim: int, words: Sequence[int], *,
                   sender: str | None = None) -> Receipt:
        """Show a `cover` proof before the transaction that rests on it, which takes `NO_PROOF` then; anyone may.
        All but words : public inputs of the proof."""
        return self.transact("showCover", context, root, commitment, claim, list(words), sender=sender)

    def key_at(self, key: bytes, *, sender: str | None = None) -> str:
        """Where a `combiner_key` lies; if nowhere yet, it is put there by a transaction."""
        combiner = ProofCombiner(self.chain, self.read("combiner"))
        place = combiner.place_of(key)
        if not self.chain.code(place):
            combiner.keep(key, sender=sender)
        return place


class ProofCombiner(Contract):
    """Many proofs under one key in one pairing check; keys lie in code of their own."""

    name = "ProofCombiner"

    def keep(self, key: bytes, *, sender: str | None = None) -> Receipt:
        """Put a `combiner_key` where combinations read it, once for all."""
        return self.transact("keep", key, sender=sender)

    def place_of(self, key: bytes) -> str:
        """Where a key lies once it was kept: it follows from the key (CREATE2, EIP-1014)."""
        creation = b"\x61" + (len(key) + 1).to_bytes(2, "big") + _STORING + key
        return checksummed("0x" + keccak(b"\xff" + bytes.fromhex(self.address[2:]) + bytes(32) + keccak(creation))[
            12:].hex())


_STORING = bytes.fromhex("80600a3d393df300")
"""What CodeStore.sol puts between the size and the data."""


def combiner_key(key: VerificationKey) -> bytes:
    """A verification key as combinations take it: EIP-197's encoding of alpha, beta, gamma, delta and the inputs'
    points, of which the key's digest is the hash."""
    return bytes(uncompressed(encode_g1([key.alpha])) + uncompressed(encode_g2([key.beta, key.gamma, key.delta]))
                 + uncompressed(encode_g1(key.ic)))


class LedgerLens(Contract):
    """Reading in bulk; holds nothing and may do nothing.

    ledger : that it reads.
    """

    name = "LedgerLens"

    def __init__(self, chain: Chain, address: str, ledger: MarginLedger) -> None:
        super().__init__(chain, address)
        self.ledger = ledger

    def try_margins_of(self, accounts: Sequence[str], max_age: int = FOREVER, min_epoch_id: int = 0,
                       expected_venue: str = ZERO_ADDRESS) -> list[Reading]:
        """`MarginLedger.try_margin_of` of each, in their order."""
        return [Reading(MarginStatus(status), *rest) for status, *rest in self.read(
            "tryMarginsOf", self.ledger.address, list(accounts), max_age, min_epoch_id, expected_venue)]

    def is_covered_now(self, account: str, factors: Sequence[Factor]) -> bool:
        """Whether the cover of an account holds against what the vault counts now, at its own epoch's factors."""
        return bool(self.read("isCoveredNow", self.ledger.address, account, list(factors)))

    def context_of(self, statement: str, account: str, epoch_id: int, version: int,
                   action_hash: bytes = ATTESTATION) -> int:
        """The public input `context`, by the verifier in force, as the contracts compute it."""
        return int(self.read("contextOf", self.ledger.address, keccak(text=statement), account, epoch_id, version,
                             action_hash))
