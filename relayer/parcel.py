"""What a relayer carries: margins and covers that somebody has proven, as the contracts take them.

A parcel is one `margin` or `cover` proof of one account, or one `batch` proof of several. It is named by what it says
something about, not by its bytes: Groth16 proofs can be made again, and changed, without saying anything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from primitives.errors import BadInput
from prover import Proof
from relayer import item_names
from relayer.item_names import COVER as COVER
from relayer.submit import PUBLIC_INPUTS, Bundle, NotSubmitted
from verifier_contracts.bindings import proof_words
from verifier_contracts.context import ATTESTATION, MARGIN, Context
from verifier_contracts.ledger import Row
from verifier_contracts.system import System

BATCH_SIZES: Mapping[str, int] = {"batch-4": 4, "batch-16": 16}
"""Accounts that fit, by the slot of the verifier."""
SINGLE = (MARGIN, COVER)
"""Slots whose proofs are of one account, and go together by a random combination."""
COVER_INPUTS = ("context", "epoch_root", "portfolio_commitment", "claim")
_BUFFER_SHIFT, _SIDE_SHIFT, _BUFFER_BITS = 128, 144, 16
"""A claim is V + buffer 2**128 + side 2**144."""


@dataclass(frozen=True)
class Parcel:
    """slot : of the verifier: of SINGLE, or of BATCH_SIZES.  rows : one for a margin or cover, whose value is V then.
    circuit : digest of the constraint system, hex.  words : `proof_words`.  digest : of everything that a batch proves,
    0 for others.  step : of the ladder of buffers, for a cover.
    """

    slot: str
    circuit: str
    key_digest: bytes
    epoch_id: int
    root: int
    rows: tuple[Row, ...]
    words: tuple[int, ...]
    digest: int = 0
    step: int = 0

    @property
    def name(self) -> str:
        """By which it is the same parcel: account, epoch and version; of a batch its digest, which depends on all."""
        (account, version, *_), *more = self.rows
        if self.slot == MARGIN and not more:
            return item_names.of_margin(account, self.epoch_id, version)
        if self.slot == COVER:
            return item_names.of_cover(account, self.epoch_id, version, self.step)
        return item_names.of_batch(self.slot, self.digest, self.epoch_id)

    @property
    def covers(self) -> frozenset[str]:
        """Names of the margins that it has, each as if it came alone; a cover has none."""
        if self.slot == COVER:
            return frozenset()
        return frozenset(item_names.of_margin(row.account, self.epoch_id, row.version) for row in self.rows)

    @property
    def says(self) -> str:
        """What it says: two parcels of one name that say the same are one. Under another root, key or circuit it says
        something else: who brings what is true is not told that it is there already."""
        return " ".join([self.circuit, self.key_digest.hex(), str(self.root)] + [
            f"{row.account.lower()} {row.version} {row.value} {row.commitment}" for row in self.rows])


class BatchMargin(Protocol):
    """An account of a batch."""

    @property
    def account(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def commitment(self) -> int: ...
    @property
    def margin(self) -> int: ...


class BatchPlace(Protocol):
    """What the contexts of a batch's accounts have in common."""

    @property
    def chain_id(self) -> int: ...
    @property
    def manager(self) -> str: ...
    @property
    def key_digest(self) -> bytes: ...
    @property
    def epoch_id(self) -> int: ...


class Batch(Protocol):
    """The parts of a batch that concern the chain."""

    @property
    def statement(self) -> str: ...
    @property
    def r1cs_digest(self) -> str: ...
    @property
    def place(self) -> BatchPlace: ...
    @property
    def epoch_root(self) -> int: ...
    @property
    def margins(self) -> Sequence[BatchMargin]: ...
    @property
    def digest(self) -> int: ...
    @property
    def proof(self) -> Proof: ...


def of_bundle(bundle: Bundle, system: System) -> Parcel:
    """A bundle that these contracts could take in some state.

    Raises
    ------
    NotSubmitted : it is for another chain, contract, statement or action, or its context is not that of its fields.
    BadInput : it lacks a public input, or the margin has more bits than the ledger keeps.
    """
    context, inputs = bundle.context, bundle.public_inputs
    if set(inputs) != set(PUBLIC_INPUTS):
        raise BadInput("public_inputs", sorted(inputs), f"those of margin: {', '.join(PUBLIC_INPUTS)}")
    _same("OtherStatement", bundle.statement, system.installed(MARGIN).statement)
    _place(system, context.chain_id, context.manager)
    _same("OtherStatement", context.statement, MARGIN)
    _same("OtherAction", "0x" + context.action_hash.hex(), "0x" + ATTESTATION.hex())
    _same("ContextMismatch", inputs["context"], context.field_element())
    row = Row(context.account, context.version, _kept("margin", inputs["margin"]), inputs["portfolio_commitment"])
    return Parcel(MARGIN, bundle.r1cs_digest, context.key_digest, context.epoch_id, inputs["epoch_root"], (row,),
                  tuple(proof_words(bundle.proof)))


def of_cover(bundle: Bundle, system: System) -> Parcel:
    """A cover that these contracts could take in some state; raises as `of_bundle`.

    NotSubmitted also where it shows a shortfall (OtherSide), or a buffer that is no step of the ladder (OtherBuffer).
    """
    context, inputs = bundle.context, bundle.public_inputs
    if set(inputs) != set(COVER_INPUTS):
        raise BadInput("public_inputs", sorted(inputs), f"those of cover: {', '.join(COVER_INPUTS)}")
    _same("OtherStatement", bundle.statement, system.installed(COVER).statement)
    _place(system, context.chain_id, context.manager)
    _same("OtherStatement", context.statement, COVER)
    _same("OtherAction", "0x" + context.action_hash.hex(), "0x" + ATTESTATION.hex())
    _same("ContextMismatch", inputs["context"], context.field_element())
    claim = inputs["claim"]
    _same("OtherSide", claim >> _SIDE_SHIFT, 1)
    value, buffer = claim % (1 << _BUFFER_SHIFT), claim >> _BUFFER_SHIFT & (1 << _BUFFER_BITS) - 1
    if value >= 1 << 96:
        raise BadInput("value", value, "an integer in [0, 2**96), which the ledger keeps")
    ladder = system.settings.buffers
    if buffer not in ladder:
        raise NotSubmitted("OtherBuffer", buffer, ", ".join(map(str, ladder)))
    row = Row(context.account, context.version, value, inputs["portfolio_commitment"])
    return Parcel(COVER, bundle.r1cs_digest, context.key_digest, context.epoch_id, inputs["epoch_root"], (row,),
                  tuple(proof_words(bundle.proof)), step=ladder.index(buffer))


def of_batch(batch: Batch, system: System) -> Parcel:
    """A batch, by the smallest verifier that its accounts fit; raises as `of_bundle`."""
    count, place = len(batch.margins), batch.place
    slot = next((name for name, size in BATCH_SIZES.items() if count <= size), None)
    if slot is None or not count:
        raise BadInput("margins", count, f"of 1 to {max(BATCH_SIZES.values())} accounts")
    _same("OtherStatement", batch.statement, system.installed(slot).statement)
    _place(system, place.chain_id, place.manager)
    Context("batch", place.chain_id, place.manager, place.key_digest, batch.margins[0].account, place.epoch_id, 0)
    rows = tuple(Row(one.account, one.version, _kept("margin", one.margin), one.commitment) for one in batch.margins)
    return Parcel(slot, batch.r1cs_digest, place.key_digest, place.epoch_id, batch.epoch_root, rows,
                  tuple(proof_words(batch.proof)), batch.digest)


def _place(system: System, chain_id: int, manager: str) -> None:
    _same("OtherChain", chain_id, system.chain_id)
    _same("OtherManager", manager.lower(), system.contracts["ledger"].lower())


def _kept(field: str, value: int) -> int:
    if not 0 <= value < 1 << 91:                   # MARGIN_END of AccountWord.sol
        raise BadInput(field, value, "an integer in [0, 2**91), which the ledger keeps")
    return value


def _same(name: str, ours: object, theirs: object) -> None:
    if ours != theirs:
        raise NotSubmitted(name, ours, theirs)
