"""What contracts say of parcels before gas is spent on them, and the calls that bring them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, Protocol

from relayer.outbox import Load
from relayer.parcel import COVER, Parcel
from relayer.peers import Peer
from verifier_contracts.abi import encode_call
from verifier_contracts.bindings import GAS_CAPS, VerifierFacts
from verifier_contracts.bulk import read_many
from verifier_contracts.compiler import compile_contracts
from verifier_contracts.context import MARGIN
from verifier_contracts.errors import ContractRefused
from verifier_contracts.fees import CALL_GAS
from verifier_contracts.ledger import AccountWord, BatchAttestor, MarginLedger, ProofCombiner, Row, Source, combiner_key
from verifier_contracts.system import Contracts, System
from verifier_contracts.vault import Factor

if TYPE_CHECKING:
    from prover import VerificationKey

Factors = Callable[[Contracts, int], Sequence[Factor] | None]
"""The list of collateral factors that an epoch was signed with; None: nobody here knows it."""


class Says(Enum):
    """go : nothing is against it.  alone : the contract may refuse it, and is to say so of it alone.  stands : the
    ledger holds it.  later : not yet, perhaps.  superseded, refused : never."""

    GO = "go"
    ALONE = "alone"
    STANDS = "stands"
    LATER = "later"
    SUPERSEDED = "superseded"
    REFUSED = "refused"


class Verdict(NamedTuple):
    """reason : the name of a contract's error, or ours, and what it is about; "" for what goes."""

    says: Says
    reason: str = ""


class Desk(Protocol):
    """What the relayer's loop asks of contracts; `Contracts` may be anything that shows parcels."""

    def judge(self, peer: Peer, parcels: Sequence[Parcel], block: int | None) -> tuple[Verdict, ...]:
        """What a node says of parcels at a block (None: the latest), looking at no proof."""

    def load(self, parcels: Sequence[Parcel]) -> Load:
        """The call that brings these; its gas is the most that it may use."""

    def refused(self, refusal: ContractRefused, parcel: Parcel) -> Verdict:
        """What a contract's refusal means for a parcel that it was tried with alone."""

    def combines(self, peer: Peer, slot: str) -> bool:
        """Whether strangers' proofs of a slot can go together."""

    def preparation(self, slot: str) -> Load | None:
        """The call after which they can; None: there is none."""


NOT_YET = ("UnknownEpoch", "FrozenEpoch", "NoVerifier", "AccountNotRegistered")
"""Refusals that time may cure: an epoch or a registration whose transaction is on its way, a hold that ends."""
OVERTAKEN = ("EpochOlderThanLast", "SupersededEpoch")
"""Refusals because something newer is there."""


class LedgerDesk:
    """The desk of a system of contracts.

    Parameters
    ----------
    keys : of `margin` and `cover`, for combinations; what has none goes alone.
    factors : of epochs, for covers; without them none is carried.
    """

    def __init__(self, system: System, keys: Mapping[str, VerificationKey] | None = None,
                 factors: Factors = lambda there, epoch_id: None) -> None:
        self._system, self._keys = system, {slot: combiner_key(key) for slot, key in (keys or {}).items()}
        self._bound: dict[str, Contracts] = {}
        at = system.contracts
        self._ledger, self._attestor, self._combiner = at["ledger"], at["attestor"], at["combiner"]
        self._places: dict[str, str] = {}
        self._factors, self._lists = factors, dict[int, dict[str, tuple[Factor, ...]]]()
        self._doubted = set[int]()

    # -- judging -------------------------------------------------------------------------------------------------------
    def judge(self, peer: Peer, parcels: Sequence[Parcel], block: int | None) -> tuple[Verdict, ...]:
        there = self._at(peer)
        epochs = {epoch: self._root(there, epoch) for epoch in {one.epoch_id for one in parcels}}
        keys = {slot: self._active(there, slot) for slot in {one.slot for one in parcels}}
        accounts = self._accounts(there, [row.account for one in parcels for row in one.rows], block)
        # What an epoch was signed with does not change: each node is asked once. Which list that is, is a node's word
        # as all else: by one that says another, every cover of the epoch would be brought with it, and refused.
        lists = dict[int, tuple[Factor, ...] | None]()
        for epoch in {one.epoch_id for one in parcels if one.slot == COVER}:
            if epoch in self._doubted:
                self._doubted.remove(epoch)
                self._lists.pop(epoch, None)
            told = self._lists.setdefault(epoch, {})
            if peer.name not in told and (found := self._factors(there, epoch)) is not None:
                told[peer.name] = tuple(found)
            lists[epoch] = told.get(peer.name)
        return tuple(self._of(one, accounts, epochs[one.epoch_id], keys[one.slot], lists.get(one.epoch_id))
                     for one in parcels)

    def _of(self, parcel: Parcel, accounts: Mapping[str, tuple[AccountWord, int]], root: int | str,
            key: tuple[str, str] | str, factors: Sequence[Factor] | None) -> Verdict:
        judge = self._cover if parcel.slot == COVER else self._row
        rows = [judge(parcel, row, *accounts[row.account]) for row in parcel.rows]
        if all(verdict.says is Says.STANDS for verdict in rows):
            return rows[0]
        never = next((verdict for verdict in rows if verdict.says in (Says.SUPERSEDED, Says.REFUSED)), None)
        if never is not None and (len(rows) == 1 or all(
                verdict.says in (Says.SUPERSEDED, Says.REFUSED, Says.STANDS) for verdict in rows)):
            return never
        for other in (root, key):
            if isinstance(other, str):
                return Verdict(Says.LATER if other in NOT_YET else Says.REFUSED, other)
        for name, ours, theirs in (("OtherRoot", parcel.root, root), ("OtherKey", parcel.key_digest.hex(), key[0]),
                                   ("OtherCircuit", parcel.circuit, key[1])):
            if ours != theirs:
                return Verdict(Says.REFUSED, f"{name}: the bundle has {ours}, the chain has {theirs}")
        if parcel.slot == COVER and factors is None:
            return Verdict(Says.LATER, f"NoFactors: nobody here knows the factors of epoch {parcel.epoch_id}")
        if factors is not None and rows[0].says in (Says.GO, Says.ALONE):
            return Verdict(rows[0].says, f"with factors {sha256(repr(factors).encode()).hexdigest()}")
        if len(rows) > 1:                          # accounts that have moved on are skipped by the contract
            return Verdict(Says.GO)
        return rows[0]

    def _row(self, parcel: Parcel, row: Row, word: AccountWord, commitment: int) -> Verdict:
        public = word.source is not None and word.source < Source.COVER
        if public and (word.epoch_id, word.version, word.value) == (parcel.epoch_id, row.version, row.value):
            return Verdict(Says.STANDS, "attested")
        if word.version > row.version:
            return Verdict(Says.SUPERSEDED, f"WrongVersion: version {word.version} stands, this is of {row.version}")
        if word.version < row.version:
            return Verdict(Says.LATER, f"WrongVersion: version {word.version} stands, this is of {row.version}")
        if commitment != row.commitment:
            return Verdict(Says.REFUSED, f"OtherCommitment: the bundle has {row.commitment}, the chain has "
                           f"{commitment}")
        if public and word.epoch_id > parcel.epoch_id:
            return Verdict(Says.SUPERSEDED, f"EpochOlderThanLast: epoch {word.epoch_id} is attested")
        plain = word.source is None or (public and word.epoch_id < parcel.epoch_id)
        return Verdict(Says.GO if plain and not word.called else Says.ALONE)

    def _cover(self, parcel: Parcel, row: Row, word: AccountWord, commitment: int) -> Verdict:
        until = parcel.epoch_id + self._system.settings.lives[parcel.step]
        if word.version == row.version and word.source is Source.FLAT:
            return Verdict(Says.STANDS, "it holds nothing")
        if (word.source is Source.COVER and (word.version, word.epoch_id) == (row.version, parcel.epoch_id)
                and (word.clock > until or (word.clock == until and word.value <= row.value))):
            return Verdict(Says.STANDS, "covered")
        if word.version > row.version:
            return Verdict(Says.SUPERSEDED, f"WrongVersion: version {word.version} stands, this is of {row.version}")
        if word.version < row.version:
            return Verdict(Says.LATER, f"WrongVersion: version {word.version} stands, this is of {row.version}")
        if commitment != row.commitment:
            return Verdict(Says.REFUSED, f"OtherCommitment: the bundle has {row.commitment}, the chain has "
                           f"{commitment}")
        if word.source is not None and word.epoch_id > parcel.epoch_id:
            return Verdict(Says.SUPERSEDED, f"EpochOlderThanLast: epoch {word.epoch_id} is attested")
        return Verdict(Says.ALONE if word.called else Says.GO)

    def _accounts(self, there: Contracts, accounts: Sequence[str], block: int | None
                  ) -> dict[str, tuple[AccountWord, int]]:
        """State and commitment of accounts, in two requests for a hundred."""
        of = [[account] for account in accounts]
        words = read_many(there.ledger, "stateOf", of, 6, block)
        commitments = read_many(there.ledger, "commitmentOf", of, 1, block)
        return {account: (AccountWord(*word), commitment) for account, word, (commitment,) in
                zip(accounts, words, commitments, strict=True)}

    def _root(self, there: Contracts, epoch: int) -> int | str:
        try:
            return there.oracle.root_of(epoch)
        except ContractRefused as refused:
            return refused.name

    def _active(self, there: Contracts, slot: str) -> tuple[str, str] | str:
        try:
            found = there.registry.active(slot)
        except ContractRefused as refused:
            return refused.name
        return found.key_digest.hex(), VerifierFacts.of(there.chain, found.verifier).circuit_digest.hex()

    def refused(self, refusal: ContractRefused, parcel: Parcel) -> Verdict:
        if refusal.name in NOT_YET:
            return Verdict(Says.LATER, refusal.name)
        if refusal.name == "WrongFactors" and parcel.slot == COVER:
            self._doubted.add(parcel.epoch_id)     # the list is ours, not the bundle's: it is asked for anew
            return Verdict(Says.LATER, refusal.name)
        said = str(refusal)[:500]
        return Verdict(Says.SUPERSEDED if refusal.name in OVERTAKEN else Says.REFUSED, f"{refusal.name}: {said}")

    # -- calls ---------------------------------------------------------------------------------------------------------
    def load(self, parcels: Sequence[Parcel]) -> Load:
        first = parcels[0]
        if first.slot == COVER:
            return self._load_covers(parcels)
        if first.slot != MARGIN:
            return self._call("attestBatch", self._attestor, BatchAttestor.name, first.epoch_id, 0, list(first.rows),
                              first.digest, list(first.words))
        if len(parcels) == 1:
            (row,) = first.rows
            return self._call("attest", self._ledger, MarginLedger.name, row.account, first.epoch_id, row.version,
                              row.value, 0, list(first.words))
        rows, words = [one.rows[0] for one in parcels], [list(one.words) for one in parcels]
        return self._call("attestMargins", self._attestor, BatchAttestor.name, first.epoch_id, 0,
                          self._key_place(MARGIN), rows, words)

    def _load_covers(self, parcels: Sequence[Parcel]) -> Load:
        first = parcels[0]
        told = Counter(self._lists[first.epoch_id].values())
        factors = list(told.most_common(1)[0][0])              # what a quorum says, most nodes say
        if len(parcels) == 1:
            (row,) = first.rows
            return self._call("attestCover", self._ledger, MarginLedger.name, row.account, first.epoch_id, row.version,
                              first.step, row.value, 0, factors, list(first.words))
        return self._call("attestCovers", self._attestor, BatchAttestor.name, first.epoch_id, first.step, 0, factors,
                          self._key_place(COVER), [one.rows[0] for one in parcels],
                          [list(one.words) for one in parcels])

    def combines(self, peer: Peer, slot: str) -> bool:
        return slot in self._keys and self._at(peer).chain.code(self._key_place(slot)) == b"\x00" + self._keys[slot]

    def preparation(self, slot: str) -> Load | None:
        key = self._keys.get(slot)
        return None if key is None else self._call("keep", self._combiner, ProofCombiner.name, key)

    def _key_place(self, slot: str) -> str:
        if slot not in self._places:
            self._places[slot] = ProofCombiner(self._any().chain, self._combiner).place_of(self._keys[slot])
        return self._places[slot]

    def _call(self, function: str, address: str, contract: str, *arguments: object) -> Load:
        data = encode_call(compile_contracts()[contract], function, arguments)
        return Load(function, address, data, GAS_CAPS.get(function, CALL_GAS))

    def _at(self, peer: Peer) -> Contracts:
        if peer.name not in self._bound:
            self._bound[peer.name] = self._system.bind(peer.chain())
        return self._bound[peer.name]

    def _any(self) -> Contracts:
        return next(iter(self._bound.values()))
