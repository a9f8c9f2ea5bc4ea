"""The oracle of epochs and its court as Python objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from eth_utils.crypto import keccak

from primitives.errors import BadInput
from verifier_contracts.abi import decode_call
from verifier_contracts.addresses import checksummed
from verifier_contracts.bindings import Contract
from verifier_contracts.chain import Chain, Receipt
from verifier_contracts.compiler import Artifact
from verifier_contracts.context import Context
from verifier_contracts.epoch_content import FIRST, EpochContent, OracleDomain
from verifier_contracts.errors import ContractRefused

CHALLENGE, ANSWER = keccak(text="challenge"), keccak(text="answer")
"""`action_hash` of a proof about a leaf: that it refutes an epoch, or that it answers a demand."""
PROOF_GAS, ANSWERS = 305_000, 3
"""Of EpochCourt: what an answer costs, and how many a bond pays at the block's base fee."""
SLOTS = {1: "leaf-field", 7: "leaf-field-asset", 12: "leaf-field-mark"}
"""What contexts of proofs about leaves name, by the leaves' tags: each kind is a circuit of its own."""


class Limits(NamedTuple):
    """What governs publication and breaker; see `OracleLimits` in RiskOracle.sol.

    required_lag, min_interval, heartbeat : seconds of wall time.
    move_limits : largest moves of the four marks in an hour, in 10⁻⁴; they grow with the square root of time.
    """

    required_lag: int = 13_200
    min_interval: int = 240
    heartbeat: int = 600
    move_limits: tuple[int, int, int, int] = (1_000, 1_000, 1_000, 1_000)

    def words(self) -> tuple[int, int, int, int]:
        """The struct as the ABI takes it."""
        packed = sum(limit << 16 * lane for lane, limit in enumerate(self.move_limits))
        return self.required_lag, self.min_interval, self.heartbeat, packed


class LeafLayout(NamedTuple):
    """How leaves of an oracle's epochs are laid out; see LeafJudge.sol.

    lanes, width, value_bits : of packed elements.  values : scenarios, or nodes of a grid.
    underlyings : that an epoch may have.  cash_id : of cash, 0 where epochs hold none.
    """

    lanes: int
    width: int
    value_bits: int
    values: int
    underlyings: int
    cash_id: int = 0


@dataclass(frozen=True)
class SignerSet:
    """Who publishes.  signers : addresses, in the order of indices; quorum : how many must agree; valid_until : last
    second at which they count."""

    generation: int
    signers: tuple[str, ...]
    quorum: int
    valid_until: int


@dataclass(frozen=True)
class EpochFacts:
    """What is stored of an epoch.

    sequence : how many were published before it.  previous_id : of the one before, 0 if none.
    live_at, block_number : of its publication.  held_until : last second of the guardian's freeze, 0 if there was none.
    open_demands : leaves that must still be shown.  extended : finality, by a demand.  refuted : by a proof.
    signers : bits by index, of set `generation`.
    """

    sequence: int
    previous_id: int
    live_at: int
    block_number: int
    held_until: int
    open_demands: int
    extended: bool
    refuted: bool
    signers: int
    generation: int


class LeafProof(NamedTuple):
    """A `leaf-field` proof and what it shows.  place : k + kind·2¹⁶; x : in [0, r); words : of `proof_words`."""

    id: int
    place: int
    x: int
    words: Sequence[int]

    @property
    def kind(self) -> int:
        """The tag of the leaf."""
        return self.place >> 16

    def argument(self) -> tuple[Any, ...]:
        """The struct as the ABI takes it."""
        return (self.id, self.place, self.x), list(self.words)


class Listing(NamedTuple):
    """Where a leaf is listed: the row of a content's `data_root`.  row : residues, the id first; path : siblings."""

    content: EpochContent
    row: Sequence[int]
    path: Sequence[bytes]

    def argument(self) -> tuple[Any, ...]:
        """The struct as the ABI takes it."""
        return self.content.words(), list(self.row), list(self.path)


class LeafDemand(NamedTuple):
    """A leaf that was demanded.  open : and not shown yet; released : a quorum said that nobody holds it."""

    kind: int
    id: int
    open: bool
    released: bool


class Demand(NamedTuple):
    """A leaf that somebody wants to be shown.  bond : wei; due : last live second of an answer."""

    demander: str
    bond: int
    due: int


class _Timely(Contract):
    """What anything costs here depends on the time: a stop of live time that has begun is written down."""

    def transact(self, function: str, *arguments: Any, sender: str | None = None, gas: int | None = None,
                 pending: bool = True, value: int = 0, most: int | None = None,
                 before: Callable[[str | None, str | None], object] | None = None) -> Receipt:
        """As `Contract.transact`, tried in the next block."""
        return super().transact(function, *arguments, sender=sender, gas=gas, pending=pending, value=value,
                                most=most, before=before)


class RiskOracle(_Timely):
    """Signed epochs: finality, breaker, live clock."""

    name = "RiskOracle"

    @property
    def domain(self) -> OracleDomain:
        """What signatures for it bind."""
        return OracleDomain(self.chain.chain_id, self.address)

    # -- publishing ----------------------------------------------------------------------------------------------------
    def publish(self, content: EpochContent, generation: int, signatures: bytes, *,
                sender: str | None = None) -> Receipt:
        """Publish an epoch that a quorum of a set has signed (`epoch_content.quorum`); anyone may."""
        return self.transact("publish", content.words(), generation, signatures, sender=sender)

    def freeze(self, epoch_id: int, generation: int, signatures: bytes, *, sender: str | None = None) -> Receipt:
        """Freeze an epoch for good by a quorum's signatures of `OracleDomain.freeze`; anyone may."""
        return self.transact("freezeEpoch", epoch_id, generation, signatures, sender=sender)

    def hold(self, epoch_id: int, seconds: int, *, sender: str | None = None) -> Receipt:
        """Freeze an epoch for at most two hours (role: guardian)."""
        return self.transact("holdEpoch", epoch_id, seconds, sender=sender)

    def check_reference(self, lane: int, *, sender: str | None = None) -> Receipt:
        """Trip the breaker if every living reference of a mark disagrees with it; refused as NoDeviation if not."""
        return self.transact("checkReference", lane, sender=sender)

    def reset_breaker(self, *, sender: str | None = None) -> Receipt:
        """Reset the breaker, once it was calm for long enough and references live and agree."""
        return self.transact("resetBreaker", sender=sender)

    # -- reading -------------------------------------------------------------------------------------------------------
    def content_of(self, epoch_id: int) -> EpochContent | None:
        """What was published, out of the transaction's calldata and compared with the digest that the chain keeps; None
        where that is forgotten (older than 64 epochs), or the node or a go-between keeps the calldata from us.

        Raises
        ------
        ContractRefused : UnknownEpoch.
        """
        block = self.facts_of(epoch_id).block_number
        try:
            digest = self.content_digest_of(epoch_id)
        except ContractRefused as refused:
            if refused.name != "ContentForgotten":
                raise
            return None
        topics = [[keccak(text="EpochPublished(uint40,bytes32,uint256,bytes32)")], [epoch_id.to_bytes(32, "big")]]
        for log in self.chain.logs([self.address], topics, block):   # and on: some rollups count their parent's blocks
            sent = self.chain.sent(log.transaction)
            found = None if sent is None else _published(self.artifact, sent[1])
            if found is not None and found.digest() == digest:
                return found
        return None

    def root_of(self, epoch_id: int) -> int:
        """The root of an epoch; refused as UnknownEpoch or FrozenEpoch."""
        return int(self.read("rootOf", epoch_id))

    def stored_root_of(self, epoch_id: int) -> tuple[int, bool]:
        """The root, whatever has become of the epoch, and whether it is frozen for good."""
        root, frozen, _ = self.read("storedRootOf", epoch_id)
        return int(root), bool(frozen)

    def latest_epoch_id(self) -> int:
        """The newest epoch, 0 before the first."""
        return int(self.read("latestEpochId"))

    def latest_final_epoch_id(self) -> int:
        """The newest epoch that is final and not frozen, 0 if none."""
        return int(self.read("latestFinalEpochId"))

    def is_final(self, epoch_id: int) -> bool:
        """Whether what is irreversible may rest on it."""
        return bool(self.read("isFinal", epoch_id))

    def is_tripped(self) -> bool:
        """Whether the breaker is."""
        return bool(self.read("isTripped"))

    def live_time(self) -> int:
        """Seconds, stops taken off."""
        return int(self.read("liveTime"))

    def content_digest_of(self, epoch_id: int) -> bytes:
        """Digest of an epoch's content; refused as ContentForgotten for other than the newest 64."""
        return bytes(self.read("contentDigestOf", epoch_id))

    def factors_hash_of(self, epoch_id: int) -> bytes:
        """As signed; refused like `content_digest_of`."""
        return bytes(self.read("factorsHashOf", epoch_id))

    def lag_seconds_of(self, epoch_id: int) -> int:
        """As signed."""
        return int(self.read("lagSecondsOf", epoch_id))

    def facts_of(self, epoch_id: int) -> EpochFacts:
        """What is stored of an epoch; refused as UnknownEpoch."""
        return EpochFacts(*self.read("factsOf", epoch_id))

    def generation(self) -> int:
        """The newest set of signers, 0 before the first."""
        return int(self.read("generation"))

    def signers(self, generation: int | None = None) -> SignerSet:
        """A set of signers, by default the newest; refused as UnknownSet."""
        number = self.generation() if generation is None else generation
        signers, needed, until = self.read("signersOf", number)
        return SignerSet(number, tuple(map(checksummed, signers)), needed, until)

    def previous_content(self) -> bytes:
        """`previous` of the next content."""
        latest = self.latest_epoch_id()
        return self.content_digest_of(latest) if latest else FIRST

    def min_interval(self) -> int:
        """Seconds between epochs, waived while the newest is frozen."""
        return int(self.read("minInterval"))

    def required_lag(self) -> int:
        """Seconds that epochs must cover."""
        return int(self.read("requiredLag"))

    def announced_lag(self) -> int:
        """Seconds that take force with the first epoch that covers them; 0 if none are announced."""
        return int(self.read("announcedLag"))

    def court(self) -> EpochCourt:
        """Where its epochs are refuted."""
        return EpochCourt(self.chain, self.read("court"), self)


class EpochCourt(_Timely):
    """False leaves, missing leaves, double signatures; stakes and rewards."""

    name = "EpochCourt"

    def __init__(self, chain: Chain, address: str, oracle: RiskOracle) -> None:
        super().__init__(chain, address)
        self.oracle = oracle

    # -- refuting ------------------------------------------------------------------------------------------------------
    def context(self, sender: str, epoch_id: int, kind: int, action: bytes = CHALLENGE) -> Context:
        """What a proof about a leaf must be bound to: who shows it, in which epoch, and what for.

        kind : the leaf's tag; action : CHALLENGE or ANSWER.
        """
        return Context(SLOTS[kind], self.chain.chain_id, self.address, self.key_digest(kind), sender, epoch_id, 0,
                       action)

    def context_of(self, sender: str, epoch_id: int, kind: int, action: bytes = CHALLENGE) -> int:
        """The same as the contract computes it."""
        return int(self.read("leafContextOf", sender, epoch_id, kind, action))

    def leaf_layout(self) -> LeafLayout:
        """How leaves of this oracle's epochs are laid out."""
        return LeafLayout(*self.read("leafLayout"))

    def key_digest(self, kind: int) -> bytes:
        """Of the key in force for proofs about leaves of a kind; refused as NoVerifier."""
        return bytes(self.read("keyDigestOf", kind))

    def challenge_field(self, epoch_id: int, proofs: Sequence[LeafProof], *, sender: str | None = None) -> Receipt:
        """Refute an epoch by an element out of its bound, or by two that contradict each other."""
        return self.transact("challengeField", epoch_id, [proof.argument() for proof in proofs], sender=sender)

    def challenge_row(self, epoch_id: int, proof: LeafProof, listing: Listing, *,
                      sender: str | None = None) -> Receipt:
        """Refute an epoch whose leaf is not the row that was signed beside it."""
        content, row, path = listing.argument()
        return self.transact("challengeRow", epoch_id, proof.argument(), content, row, path, sender=sender)

    def challenge_marks(self, epoch_id: int, mark: LeafProof, underlying: LeafProof, content: EpochContent, *,
                        sender: str | None = None) -> Receipt:
        """Refute an epoch whose signed marks are not those of its leaves."""
        return self.transact("challengeMarks", epoch_id, mark.argument(), underlying.argument(), content.words(),
                             sender=sender)

    def challenge_factor(self, epoch_id: int, proof: LeafProof, factors: Sequence[tuple[int, int, int]], *,
                         sender: str | None = None) -> Receipt:
        """Refute an epoch whose list of factors (asset id, v, d) is not that of its leaves."""
        return self.transact("challengeFactor", epoch_id, proof.argument(), list(factors), sender=sender)

    def challenge_factors(self, epoch_id: int, factors: Sequence[tuple[int, int, int]], *,
                          sender: str | None = None) -> Receipt:
        """Refute an epoch whose list of factors is false by itself."""
        return self.transact("challengeFactors", epoch_id, list(factors), sender=sender)

    def settle_refutation(self, epoch_id: int, *, sender: str | None = None) -> Receipt:
        """Slash those who signed a refuted epoch, and reward whoever refuted it."""
        return self.transact("settleRefutation", epoch_id, sender=sender)

    def refuter_of(self, epoch_id: int) -> tuple[str, int, int]:
        """Who refuted an epoch whose signers are not slashed yet, with how many proofs, at which base fee (wei)."""
        challenger, proofs, base_fee = self.read("refutationOf", epoch_id)
        return checksummed(challenger), int(proofs), int(base_fee)

    # -- demanding -----------------------------------------------------------------------------------------------------
    def bond_needed(self, epoch_id: int | None = None) -> int:
        """Wei that one more demand of an epoch must bring; without an epoch, the first one."""
        return int(self.read("bondNeeded") if epoch_id is None else self.read("bondNeededFor", epoch_id))

    def demand(self, epoch_id: int, kind: int, leaf_id: int, listing: Listing | None = None, *,
               bond: int, sender: str | None = None) -> Receipt:
        """Demand to be shown a leaf; `listing` says where it is listed, None for a null leaf.  bond : wei."""
        return self.transact("demandLeaf", epoch_id, kind, leaf_id,
                             _NO_LISTING if listing is None else listing.argument(), sender=sender, value=bond)

    def answer(self, epoch_id: int, proof: LeafProof, *, sender: str | None = None) -> Receipt:
        """Show a leaf that is demanded; the bond is the sender's, whom the proof's context names."""
        return self.transact("answerDemand", epoch_id, proof.argument(), sender=sender)

    def answer_released(self, epoch_id: int, kind: int, leaf_id: int, generation: int, signatures: bytes, *,
                        sender: str | None = None) -> Receipt:
        """Answer a demand by a quorum's signatures of `OracleDomain.release`."""
        return self.transact("answerReleased", epoch_id, kind, leaf_id, generation, signatures, sender=sender)

    def close_demand(self, epoch_id: int, kind: int, leaf_id: int, *, sender: str | None = None) -> Receipt:
        """Freeze an epoch for a leaf that was not shown in time."""
        return self.transact("closeDemand", epoch_id, kind, leaf_id, sender=sender)

    def demand_of(self, epoch_id: int, kind: int, leaf_id: int) -> Demand:
        """A demand that is open; zeros if there is none."""
        demander, bond, due = self.read("demandOf", epoch_id, kind, leaf_id)
        return Demand(checksummed(demander), bond, due)

    def demands_of(self, epoch_id: int) -> list[LeafDemand]:
        """Every leaf of an epoch that was ever demanded, in that order, by the court's events."""
        block = self.oracle.facts_of(epoch_id).block_number
        demanded, released = (keccak(text=f"{name}(uint40,uint256,uint256{more})") for name, more in (
            ("LeafDemanded", ",address,uint40"), ("LeafReleased", "")))
        found = dict[tuple[int, int], bool]()
        for log in self.chain.logs([self.address], [[demanded, released], [epoch_id.to_bytes(32, "big")]], block):
            _, _, kind, id = (int.from_bytes(topic, "big") for topic in log.topics)
            if kind in SLOTS:
                found[kind, id] = log.topics[0] == released
        return [LeafDemand(kind, id, self.demand_of(epoch_id, kind, id).bond > 0, released)
                for (kind, id), released in found.items()]

    # -- stakes --------------------------------------------------------------------------------------------------------
    def stake(self, publisher: str, amount: int, *, sender: str | None = None) -> Receipt:
        """Stake wei for a publisher."""
        return self.transact("stake", publisher, sender=sender, value=amount)

    def unstake(self, *, sender: str | None = None) -> Receipt:
        """Take one's stake back, once one's signatures have not counted for seven days."""
        return self.transact("unstake", sender=sender)

    def stake_of(self, publisher: str) -> int:
        """Wei."""
        return int(self.read("stakeOf", publisher))

    def owed_to(self, claimant: str) -> int:
        """Wei that can be claimed."""
        return int(self.read("owedTo", claimant))

    def claim(self, to: str, *, sender: str | None = None) -> Receipt:
        """Have what one is owed sent to an address."""
        return self.transact("claim", to, sender=sender)

    def forfeited(self) -> int:
        """Wei of slashed stakes that are nobody's reward."""
        return int(self.read("forfeited"))

    # -- double signatures ---------------------------------------------------------------------------------------------
    def commit_evidence(self, commitment: bytes, *, sender: str | None = None) -> Receipt:
        """Commit to evidence of a double signature (`evidence`)."""
        return self.transact("commitEvidence", commitment, sender=sender)

    def slash_equivocation(self, earlier: EpochContent, later: EpochContent, signatures: tuple[bytes, bytes],
                           salt: bytes, *, sender: str | None = None) -> Receipt:
        """Slash a publisher who signed both; committed to in an earlier block."""
        return self.transact("slashEquivocation", earlier.words(), later.words(), list(signatures), salt,
                             sender=sender)


def _published(artifact: Artifact, data: bytes) -> EpochContent | None:
    """The content in the calldata of a `publish`; None if it is none."""
    try:
        return EpochContent.of_words(decode_call(artifact, "publish", data)[0])
    except BadInput:
        return None


def evidence(sender: str, earlier: EpochContent, later: EpochContent, salt: bytes) -> bytes:
    """What `EpochCourt.commit_evidence` commits to: who will show it, and what."""
    return keccak(bytes(12) + bytes.fromhex(checksummed(sender)[2:]) + earlier.digest() + later.digest() + salt)


_NO_LISTING: tuple[Any, ...] = ((0, 0, *[bytes(32)] * 4, 0, 0, 0, bytes(32)), [], [])
