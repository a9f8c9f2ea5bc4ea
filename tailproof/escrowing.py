"""Openings in escrow: encrypted and proven to be so, posted, found again on the chain, delivered, shown to all.

Who has an opening can do each; nothing is signed. What is posted is read back from the chain's events, and their words
are hashed again and held against what the contract keeps, so that a node cannot hand out words that nobody has proven.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from circuits import statements
from circuits.clauses.portfolio import commit
from circuits.statements import disclose, escrow, transition
from committee.decryption import Request
from primitives.babyjubjub import Point
from primitives.elgamal import Binding, Sealed
from primitives.errors import BadInput
from primitives.poseidon import Tag, hash_integers
from verifier_contracts.bindings import proof_words
from verifier_contracts.bulk import read_many
from verifier_contracts.chain import Receipt
from verifier_contracts.errors import ImplausibleAnswer
from verifier_contracts.escrow import SHORTLIST, Keys
from verifier_contracts.events import Event, History, read_events
from verifier_contracts.ledger import NO_PROOF

from .keys import KeyDirectory
from .progress import Progress, quiet
from .proving import proven, require_bound
from .secret import Opening
from .withdrawing import require_but_proofs, require_in_force, require_opening

if TYPE_CHECKING:
    from verifier_contracts.context import Context
    from verifier_contracts.system import Contracts, System


@dataclass(frozen=True)
class Sealing:
    """Words that were proven. digest : public input of the proof."""

    digest: int
    words: Sequence[int]
    proof: Sequence[int]


@dataclass(frozen=True)
class Posted:
    """An escrow as the chain has it.

    statement : of its proof, by name.  generation : of the committee's key.  digest : kept by the contract.
    """

    account: str
    version: int
    generation: int
    digest: int
    block: int
    request: Request


@dataclass(frozen=True)
class Ordered:
    """A disclosure that was ordered. recipients : keys; none: everybody.  seats : places that it was delivered to, as
    bits.  posted : the escrow of the commitment, if there is one."""

    lot: int
    account: str
    version: int
    commitment: int
    recipients: tuple[Point, ...]
    seats: int
    published: bool
    posted: Posted | None


# -- posting -----------------------------------------------------------------------------------------------------------
def prove_escrow(there: Contracts, keys: KeyDirectory, opening: Opening, account: str, holders: Keys, *, sender: str,
                 progress: Progress = quiet) -> Sealing:
    """Encrypt an opening to its holders, and prove it.

    Raises
    ------
    ContractRefused : whatever the contract refuses, before anything is proven.
    BadInput : key or opening belong to something else.
    """
    require_opening(there, opening, account)
    preset = _sealing_preset(keys, "escrow", opening)
    version = there.ledger.version_of(account)
    require_but_proofs(lambda: there.escrow.attempt(
        "postEscrow", account, version, 0, [0] * preset.words, list(NO_PROOF), sender=sender))
    key_digest = require_in_force(there, keys, "escrow")
    context = there.ledger.context("escrow", key_digest, account, 0, version)
    return _sealed(keys, preset, opening, holders.recipients, context, key_digest, progress)


def seal_next(there: Contracts, keys: KeyDirectory, opening: Opening, account: str, version: int, holders: Keys, *,
              progress: Progress = quiet) -> Sealing:
    """An escrow of a commitment that an account will have, for the transaction that gives it one.

    version : that it will have then.  holders : keys of its venue, the committee and its owner.

    Raises
    ------
    BadInput : key or opening belong to something else.
    """
    preset = _sealing_preset(keys, "escrow", opening)
    key_digest = require_in_force(there, keys, "escrow")
    context = there.ledger.context("escrow", key_digest, account, 0, version)
    return _sealed(keys, preset, opening, holders.recipients, context, key_digest, progress)


def prove_delivery(there: Contracts, keys: KeyDirectory, opening: Opening, order: Ordered, *, sender: str,
                   progress: Progress = quiet) -> Sealing:
    """Encrypt an opening to those that it was ordered for, and prove it; raises as `prove_escrow`."""
    if not order.recipients:
        raise BadInput("--lot", order.lot, "one whose disclosure was ordered for keys: this one is for everybody "
                       "(`escrow publish`)")
    require_opening(there, opening, order.account)
    preset = _sealing_preset(keys, "delivery", opening)
    version = there.ledger.version_of(order.account)
    require_but_proofs(lambda: there.escrow.attempt(
        "deliver", order.lot, list(order.recipients), 0, [0] * preset.words, list(NO_PROOF), sender=sender))
    key_digest = require_in_force(there, keys, "delivery")
    context = there.ledger.context("delivery", key_digest, order.account, 0, version, order.lot.to_bytes(32, "big"))
    places = (*order.recipients, *[order.recipients[0]] * (SHORTLIST - len(order.recipients)))
    return _sealed(keys, preset, opening, places, context, key_digest, progress)


def prove_disclosure(there: Contracts, keys: KeyDirectory, opening: Opening, order: Ordered, *, sender: str,
                     progress: Progress = quiet) -> Sealing:
    """Prove that words are an opening, for everybody to read; raises as `prove_escrow`."""
    if order.recipients:
        raise BadInput("--lot", order.lot, "one whose opening was ordered for everybody: this one is for "
                       f"{len(order.recipients)} keys (`escrow deliver`)")
    require_opening(there, opening, order.account)
    statement = statements.get(keys.statement)
    if not isinstance(statement.preset, disclose.Preset):
        raise BadInput("--key", statement.name, "the key of a disclose statement", source=keys.path)
    _require_slots(keys, statement.preset.slots, opening)
    slots = transition.fill("slots", statement.preset.slots, opening.slots)
    words = disclose.words_of(slots, opening.salt)
    require_but_proofs(lambda: there.escrow.attempt("publishOpening", order.lot, [0] * len(words), list(NO_PROOF),
                                                    sender=sender))
    key_digest = require_in_force(there, keys, "disclose")
    context = there.ledger.context("disclose", key_digest, order.account, 0, there.ledger.version_of(order.account))
    require_bound(keys, context, "disclose")
    inputs = disclose.assign(statement.preset, opening.slots, opening.salt, context.field_element(), key_digest)
    return Sealing(0, words, proof_words(proven(keys, statement, inputs, progress=progress)[1]))


def _sealed(keys: KeyDirectory, preset: escrow.Preset, opening: Opening, recipients: Sequence[Point],
            context: Context, key_digest: bytes, progress: Progress) -> Sealing:
    require_bound(keys, context, context.statement)
    inputs = escrow.assign(preset, opening.slots, opening.salt, recipients, context.field_element(), key_digest)
    public, proof = proven(keys, statements.get(keys.statement), inputs, progress=progress)
    return Sealing(public["digest"], escrow.sealed_of(preset, inputs).words(), proof_words(proof))


def _sealing_preset(keys: KeyDirectory, slot: str, opening: Opening) -> escrow.Preset:
    statement = statements.get(keys.statement)
    wanted = SHORTLIST if slot == "delivery" else len(Keys._fields) - 1
    if not isinstance(statement.preset, escrow.Preset) or statement.preset.recipients != wanted:
        raise BadInput("--key", statement.name, f"the key of a statement {slot}-…, to {wanted} recipients",
                       source=keys.path)
    _require_slots(keys, statement.preset.slots, opening)
    preset: escrow.Preset = statement.preset
    return preset


def _require_slots(keys: KeyDirectory, slots: int, opening: Opening) -> None:
    """Refuse an opening of other sizes, or that opens nothing; one that was decrypted names the escrow's statement."""
    if statements.get(opening.statement).slots != slots:
        raise BadInput("opening.statement", opening.statement, f"a statement of {slots} positions, as {keys.statement} "
                       "reads")
    if commit(opening.salt, transition.fill("slots", slots, opening.slots)) != opening.commitment:
        raise BadInput("opening.commitment", opening.commitment, "what its salt and slots commit to")


def opening_of(request: Request, elements: Sequence[int], statement: str | None = None) -> Opening:
    """What was decrypted of an escrow, compared with its commitment.

    statement : that the opening is to be proven under; None: the request's.

    Raises
    ------
    BadInput : the words are of other sizes, or no opening of the commitment.
    """
    name = request.statement if statement is None else statement
    if len(elements) != 2 * statements.get(name).slots + 1:
        raise BadInput("--statement" if statement else "statement of the request", name,
                       f"one of {(len(elements) - 1) // 2} slots, as the words are")
    found = escrow.opening_of(elements, request.binding.commitment)
    used = max((number for number, slot in enumerate(found.slots, 1) if slot != (0, 0)), default=0)
    return Opening(name, request.binding.commitment, found.salt, found.slots[:used])


# -- what the chain has ------------------------------------------------------------------------------------------------
POSTS = frozenset({"EscrowPosted", "EscrowShown"})
"""Events that have an escrow's words."""


def posted(system: System, there: Contracts, account: str | None = None, *, progress: Progress = quiet
           ) -> Mapping[tuple[str, int], Posted]:
    """The last escrow of each account and commitment, or of one account. Words that were shown before they were posted
    (`Escrow.showEscrow`) are one from the post on; whatever else was shown is nobody's.

    Raises
    ------
    ImplausibleAnswer : words that are not those of the digest that the contract keeps.
    """
    return posts_of(system, there, read_events(there.chain, {"escrow": there.escrow}, system.block, names=POSTS,
                                               about=account, report=progress))


def posts_of(system: System, there: Contracts, history: History,
             known: dict[tuple[str, int], tuple[bytes, Posted]] | None = None) -> Mapping[tuple[str, int], Posted]:
    """`posted`, of events that were read; what the contract keeps is asked as of their last block.

    known : by account and commitment, what the contract kept and the escrow that it was: not hashed again. Added to.
    """
    told: dict[tuple[str, int], list[Event]] = {}
    for event in history.events:
        told.setdefault((str(event.arguments["account"]), int(event.arguments["commitment"])), []).append(event)
    found = {}
    for key, kept in _kept(there, list(told), history.upto.number).items():
        of_it = told[key]
        if not any(kept) and all(event.name == "EscrowShown" for event in of_it):
            continue
        before = None if known is None else known.get(key)
        if before is not None and before[0] == kept:
            found[key] = before[1]
            continue
        # Also where it was told long ago: whatever was shown since is not what the contract keeps.
        last = next((event for event in reversed(of_it) if _kept_of(event) == kept), None)
        found[key] = _posted(system, there, *key, last)
        if known is not None:
            known[key] = kept, found[key]
    return found


def _kept(there: Contracts, keys: Sequence[tuple[str, int]], block: int) -> dict[tuple[str, int], bytes]:
    """What the contract keeps of accounts' commitments at a block, 32 bytes each, in few requests."""
    return {key: kept.to_bytes(32, "big") for key, (kept,) in
            zip(keys, read_many(there.escrow, "postedOf", keys, 1, block), strict=True)}


def _kept_of(event: Event) -> bytes:
    """What the contract keeps of a post."""
    told = event.arguments
    return bytes(keccak(encode(["uint32", "address", "uint256"],
                               [int(told["generation"]), str(told["venue"]), int(told["digest"])])))


def _posted(system: System, there: Contracts, account: str, commitment: int, event: Event | None) -> Posted:
    told = {} if event is None else event.arguments
    keys, words = [int(value) for value in told.get("holders", ())], [int(word) for word in told.get("words", ())]
    if event is None or hash_integers(Tag.ESCROW, [context := int(told["context"]), commitment, *keys, *words]) \
            != (digest := int(told["digest"])):
        raise ImplausibleAnswer(there.chain.name, f"gives words of an escrow of {account}, commitment {commitment}, "
                                "that are not what the contract keeps")
    recipients = tuple(Point(*keys[place:place + 2]) for place in range(0, len(keys), 2))
    request = Request(system.installed("escrow").statement, Binding(context, commitment), recipients,
                      Sealed.of_words(words, len(recipients)))
    return Posted(account, int(told["version"]), int(told["generation"]), digest, event.block, request)


def ordered(system: System, there: Contracts, *, progress: Progress = quiet) -> list[Ordered]:
    """The last order of each lot, with the escrow of its commitment."""
    last = _orders(system, there, progress)
    escrows = posted(system, there, progress=progress) if last else {}
    return [_ordered(there, lot, told, escrows) for lot, told in sorted(last.items())]


def _orders(system: System, there: Contracts, progress: Progress) -> dict[int, Mapping[str, Any]]:
    """What the last order of each lot said."""
    events = read_events(there.chain, {"escrow": there.escrow}, system.block, names={"DisclosureOrdered"},
                         report=progress).events
    return {int(event.arguments["lotId"]): event.arguments for event in events}


def _ordered(there: Contracts, lot: int, told: Mapping[str, Any], escrows: Mapping[tuple[str, int], Posted]) -> Ordered:
    account, commitment = str(told["account"]), int(told["commitment"])
    recipients = tuple(Point(*map(int, key.values() if isinstance(key, Mapping) else key))
                       for key in told["recipients"])
    terms = keccak(encode(["uint256", "(uint256,uint256)[]"], [commitment, [tuple(key) for key in recipients]]))
    holder, count, seats, published, kept = there.escrow.read("orders", lot)
    if bytes(kept) != terms or count != len(recipients) or str(holder).lower() != account.lower():
        raise ImplausibleAnswer(there.chain.name, f"tells of lot {lot} another order than the contract keeps")
    return Ordered(lot, account, int(told["version"]), commitment, recipients, int(seats), bool(published),
                   escrows.get((account, commitment)))


def order_of(system: System, there: Contracts, lot: int, *, progress: Progress = quiet) -> Ordered:
    """The order of a lot, for which the escrows of its account alone are read; raises BadInput if there is none."""
    told = _orders(system, there, progress).get(lot)
    if told is None:
        raise BadInput("--lot", lot, "one whose disclosure was ordered (`committee requests`)")
    return _ordered(there, lot, told, posted(system, there, str(told["account"]), progress=progress))


def refreshed(there: Contracts, last: Posted | None, *, sender: str) -> Receipt | None:
    """Have an escrow of the present commitment that is good for longer than the ledger knows count for so long; None:
    there is nothing to be had without a new one."""
    if last is None or last.request.binding.commitment != there.ledger.commitment_of(last.account):
        return None
    try_until = there.escrow.committee(last.generation)
    until = try_until.renewed_at + there.escrow.read("SHARE_LIFE") + there.escrow.read("RE_ESCROW")
    if try_until.replaced_at or until <= there.ledger.escrowed_until_of(last.account) \
            or until <= there.chain.next_time():
        return None
    return there.escrow.refresh(last.account, last.generation, last.digest, sender=sender)
