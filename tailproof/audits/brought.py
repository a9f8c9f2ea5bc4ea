"""Proofs as they were brought: out of the calldata of the transactions that an account's events name, with the public
inputs that they must have had.

A relayer brings most of them together: strangers' proofs side by side (`attestMargins`, `attestCovers`), which are
proofs of one account each all the same, or one proof of several accounts (`attestBatch`), whose content is made again
from all that the transaction says of them. What is about our account is not taken from there: root, commitment and
amount are those that the contracts told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from circuits import statements
from circuits.statements import batch
from circuits.statements.cover import Claim
from primitives.errors import BadInput
from verifier_contracts.abi import decode_call
from verifier_contracts.artifacts import Artifact
from verifier_contracts.events import Event
from verifier_contracts.verifier_registry import slot_id

from ..number_forms import moment
from ..systems import SIZES
from .contracts import OnChain

if TYPE_CHECKING:
    from prover import Proof, VerificationKey

_CALLS = {"MarginAttested": ("margin", "attest", "attestMargins"), "CoverAttested": ("cover", "attestCover",
          "attestCovers"), "FlatAttested": ("flat", "attestFlat", "")}
"""Of an event: slot of its proof's verifier; function of the ledger, and of the attestor, that it is of."""


@dataclass(frozen=True)
class Brought:
    """A proof as it was brought.  event : that told of it.  slot : of its verifier.  inputs : public, in order.
    together : accounts in the transaction."""

    event: Event
    slot: str
    inputs: tuple[int, ...]
    proof: Proof
    together: int = 1


@dataclass(frozen=True)
class Key:
    """A key that the auditor trusts, for a slot."""

    statement: str
    key: VerificationKey


class _Row(NamedTuple):
    """An account of a transaction, as the contract takes it."""

    account: str
    version: int
    value: int
    commitment: int


class _Found(NamedTuple):
    """A proof in calldata.  slot, generation : of the verifier that looked at it, 0 for the one in force.  step : of a
    cover's ladder.  rows : of a batch's one proof, among them ours at `place`, with its digest; of a proof of one
    account none."""

    slot: str
    words: Sequence[int]
    generation: int
    together: int = 1
    step: int = 0
    rows: tuple[_Row, ...] = ()
    place: int = 0
    digest: int = 0


class _Unverified(Exception):
    """A proof is there, or may be, and cannot be verified: why."""


def brought(on: OnChain, account: str, event: Event, keys: Mapping[str, Key], published: Mapping[int, Event],
            commitments: Mapping[int, int], activated: Sequence[Event]) -> Brought | str | None:
    """The proof in a transaction's calldata, with the public inputs that it must have; None where it is not there. In
    words why it cannot be verified, where it is of an epoch or version that is not known, or of a slot without a
    key.  activated : events by which the registry put keys in force: under the next key of a slot, an honest proof of
    the one before would be false."""
    if event.name not in _CALLS:
        return None
    kind, version, epoch_id = _CALLS[event.name][0], event.arguments["version"], event.arguments.get("epochId", 0)
    name = f"{kind}, version {version}, {when(epoch_id)}"
    if not any(slot in keys for slot in (kind, *(SIZES if kind == "margin" else ()))):
        return f"{name}: no key of {kind} was given"
    try:
        found = _found(on, account, event, commitments.get(version))
        if found is None:
            return None
        if found.slot not in keys:
            raise _Unverified(f"no key of {found.slot} was given")
        made_for = _digest(activated, found, event)
        if made_for not in (None, keys[found.slot].key.digest()):
            raise _Unverified(f"it was made for the key 0x{(made_for or b'').hex()}, which was not given")
        if version not in commitments:
            raise _Unverified("no commitment of this version was told")
        if kind != "flat" and epoch_id not in published:
            raise _Unverified("no event published its epoch")
        root = int(published[epoch_id].arguments["root"]) if kind != "flat" else 0
        inputs = _inputs(on, account, event, found, keys[found.slot], root, commitments[version])
    except _Unverified as why:
        return f"{name}: {why}"
    return Brought(event, found.slot, inputs, proof_of(found.words), found.together)


def _digest(activated: Sequence[Event], found: _Found, event: Event) -> bytes | None:
    """Of the key of the verifier that looked at a proof; None where no event told of it."""
    of_slot = [one for one in activated if bytes(one.arguments["statement"]) == slot_id(found.slot)]
    looked = [one for one in of_slot if one.arguments["generation"] == found.generation] if found.generation else [
        one for one in of_slot if (one.block, one.place) < (event.block, event.place)]
    return bytes(looked[-1].arguments["keyDigest"]) if looked else None


def _found(on: OnChain, account: str, event: Event, commitment: int | None) -> _Found | None:
    """The proof in the calldata of an event's transaction; None where that is no call that brings one."""
    sent, there = on.chain.sent(event.transaction), on.there
    slot, alone, among = _CALLS[event.name]
    if sent is None:
        return None
    if sent[0] == there.ledger.address:
        arguments = _decoded(there.ledger.artifact, alone, sent[1])
        if arguments is None:
            return None
        if arguments[0].lower() != account.lower():
            raise _Unverified(f"its transaction is of {arguments[0]}")
        if slot != "cover":
            return _Found(slot, arguments[-1], arguments[-2])
        # No proof begins with 0: this one was shown before, by a transaction of which no event tells.
        return _Found(slot, arguments[-1], arguments[5], step=int(arguments[3])) if arguments[-1][0] else None
    if sent[0] != there.attestor.address or not among:
        return None
    if (arguments := _decoded(there.attestor.artifact, among, sent[1])) is not None:
        rows, proofs = [_Row(*row) for row in arguments[-2]], arguments[-1]
        place = _place(rows, account, event, arguments[0], commitment)
        if place >= len(proofs):
            raise _Unverified("its transaction has fewer proofs than accounts")
        step, generation = (int(arguments[1]), arguments[2]) if slot == "cover" else (0, arguments[1])
        return _Found(slot, proofs[place], generation, len(rows), step)
    if slot == "margin" and (arguments := _decoded(there.attestor.artifact, "attestBatch", sent[1])) is not None:
        rows = [_Row(*row) for row in arguments[2]]
        place = _place(rows, account, event, arguments[0], commitment)
        size = next((slot for slot, most in SIZES.items() if len(rows) <= most), None)
        if size is None:
            raise _Unverified(f"its transaction is of {len(rows)} accounts")
        return _Found(size, arguments[4], arguments[1], len(rows), rows=tuple(rows), place=place,
                      digest=int(arguments[3]))
    return None


def _decoded(artifact: Artifact, function: str, data: bytes) -> tuple[Any, ...] | None:
    try:
        return decode_call(artifact, function, data)
    except BadInput:
        return None


def _place(rows: Sequence[_Row], account: str, event: Event, epoch_id: int, commitment: int | None) -> int:
    """Of our account among those of a transaction. By its commitment too: rows of others the contract passes over, and
    anybody can prove his own positions for our account's context."""
    told = event.arguments
    amount = int(told["margin"] if "margin" in told else told["value"])
    wanted = (account.lower(), told["version"], amount, told["epochId"])
    for place, row in enumerate(rows):
        if (row.account.lower(), row.version, row.value, epoch_id) == wanted and commitment in (None, row.commitment):
            return place
    raise _Unverified("its transaction is not of this account, version, commitment and amount")


def _inputs(on: OnChain, account: str, event: Event, found: _Found, key: Key, root: int, commitment: int
            ) -> tuple[int, ...]:
    """The public inputs that a proof must have."""
    statement, digest, told = statements.get(key.statement), key.key.digest(), event.arguments
    public: dict[str, int]
    if found.rows:
        if not isinstance(statement.preset, batch.Preset):
            raise _Unverified(f"{key.statement} is no batch")
        entries = [batch.Entry(on.there.ledger.context("batch", digest, row.account, told["epochId"], row.version
                                                       ).field_element(),
                               commitment if place == found.place else row.commitment, row.value)
                   for place, row in enumerate(found.rows)]
        try:
            public = batch.public_inputs(digest, batch.content(statement.preset, root, entries), found.digest)._asdict()
        except BadInput as error:
            raise _Unverified(str(error)) from None
    else:
        context = on.there.ledger.context(found.slot, digest, account, told.get("epochId", 0), told["version"])
        public = {"context": context.field_element(), "portfolio_commitment": commitment}
        if found.slot != "flat":
            public["epoch_root"] = root
        if found.slot == "margin":
            public["margin"] = int(told["margin"])
        if found.slot == "cover":
            public["claim"] = Claim(int(told["value"]), on.there.ledger.buffer_of(found.step), True).packed()
    if set(statement.public_inputs) != set(public):
        raise _Unverified(f"{key.statement} has other public inputs")
    return tuple(public[name] for name in statement.public_inputs)


def proof_of(words: Sequence[int]) -> Proof:
    """The proof of eight words in the order of EIP-197: what `bindings.proof_words` gives."""
    from prover import Proof
    ax, ay, bx_imaginary, bx_real, by_imaginary, by_real, cx, cy = map(int, words)
    return Proof((ax, ay), ((bx_real, bx_imaginary), (by_real, by_imaginary)), (cx, cy))


def when(seconds: int) -> str:
    """A time of the contracts, of which some mean that there is none."""
    return moment(seconds, "-") if seconds < 1 << 38 else "its version changes"
