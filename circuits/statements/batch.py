"""The `batch` statement: the margins of B accounts in one proof, with three public inputs whatever B is.

Public: digest, challenge, evaluation. Let y be what B `margin` statements under one epoch root would have as public
inputs,

    y = (epoch_root, context_0, commitment_0, margin_0, context_1, ...),        m = 3 B + 1 elements.

The circuit proves all B of them, hashes y to the digest and evaluates sum_k y_k challenge**k. A contract never sees the
circuit's y: it puts together its own from storage and calldata, takes the digest from calldata, and computes challenge
and evaluation itself (`public_inputs`). The numbers B1 to B3 are those of docs/statements.md; the rest are `margin`'s.

Why the contract's y is then the circuit's: `circuits.clauses.calldata`. Take the digest out of the challenge, or the
contexts out of the digest, and the contexts, of which the circuit knows nothing, can be chosen last, to make up for any
forged margin.

Whoever proves a batch sees every portfolio in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from circuits.builder import ConstraintSystem
from circuits.clauses import calldata, portfolio
from circuits.clauses.inputs import Inputs, require_integer, scoped
from circuits.clauses.leaves import leaf_inputs, open_epoch, path_inputs, read_leaves
from circuits.clauses.portfolio import Positions, commit
from circuits.gadgets.poseidon import hash_rows
from circuits.signals import concatenate
from circuits.statements import margin
from primitives.errors import BadInput
from primitives.field import MODULUS
from primitives.poseidon import Tag, hash_integers
from risk.epochs.epoch import REGIME, Epoch
from risk.exact.digests import keccak256
from risk.exact.shape import EpochShape

PUBLIC_INPUTS: Mapping[str, str] = {
    "digest": "H(BATCH; y) of epoch root and, per account, context, commitment and margin",
    "challenge": "keccak256 of a tag, the key's digest, the contract's y and the digest, >> 8",
    "evaluation": "the contract's y as a polynomial, at the challenge",
}
CHALLENGE_TAG = keccak256(b"tailproof batch challenge")
"""Sets these hashes apart from all others that a contract computes."""


@dataclass(frozen=True)
class Preset:
    """The sizes of one instance.

    Parameters
    ----------
    account : sizes of each account's margin; all read one epoch.
    size : B, accounts at most.

    Raises
    ------
    BadInput : a size is out of bounds.
    """

    account: margin.Preset
    size: int

    def __post_init__(self) -> None:
        require_integer("size", self.size, 1, 64)

    @property
    def shape(self) -> EpochShape:
        """Of the epochs it reads."""
        return self.account.shape

    @property
    def slots(self) -> int:
        """J, positions of each account."""
        return self.account.slots


def define(cs: ConstraintSystem, preset: Preset) -> None:
    """Record the statement."""
    B, J = preset.size, preset.slots
    digest, challenge, evaluation = map(cs.public, PUBLIC_INPUTS)
    with cs.scope("content"):
        epoch_root, context = cs.private("epoch_root"), cs.private("context", (B,))
        commitment, margins = cs.private("portfolio_commitment", (B,)), cs.private("margin", (B,))

    accounts = [f"account {i}" for i in range(B)]
    slots = []
    for i, account in enumerate(accounts):
        with cs.scope(account):
            slots.append(portfolio.open_commitment(cs, J, commitment[i]))                       # C1
    leaves = read_leaves(cs, concatenate([each.ids for each in slots]), preset.shape)           # C2
    open_epoch(cs, leaves.digest, preset.shape, REGIME, epoch_root)     # C3 to C5: one epoch, one top of the tree (C4)
    for i, account in enumerate(accounts):
        with cs.scope(account):                                         # B1: C6 to C19 of each account
            own = leaves.of(slice(i * J, (i + 1) * J))
            cs.equal(margin.portfolio_margin(cs, slots[i].lots, own, preset.account), margins[i], "result/C19")

    with cs.scope("content"):
        entries = concatenate([column.reshape(B, 1) for column in (context, commitment, margins)])
        y = concatenate([epoch_root.reshape(1), entries.reshape(3 * B)])
        cs.equal(hash_rows(cs, Tag.BATCH, y, "B2 hash"), digest, "B2")  # B2
        calldata.require_evaluation(cs, y, challenge, evaluation, "B3")  # B3


# -- what the contract computes --------------------------------------------------------------------------------------
class Entry(NamedTuple):
    """What a batch says of one account: the public inputs of its `margin` statement besides the epoch root."""

    context: int
    commitment: int
    margin: int


class PublicInputs(NamedTuple):
    """In the order that the verifier takes them."""

    digest: int
    challenge: int
    evaluation: int


def unused(preset: Preset) -> Entry:
    """The entry that fills a batch up: context 0, the commitment to nothing under salt 0, margin 0."""
    return Entry(0, commit(0, portfolio.fill(preset.slots, [])), 0)


def content(preset: Preset, epoch_root: int, entries: Sequence[Entry]) -> list[int]:
    """y, filled up with unused entries.

    Raises
    ------
    BadInput : more entries than accounts, or a value that is no field element: its residue would pass for another.
    """
    _at_most(preset, len(entries))
    filled = [*entries, *[unused(preset)] * (preset.size - len(entries))]
    require_integer("epoch root", epoch_root, 0, MODULUS - 1)
    for i, entry in enumerate(filled):
        for name, value in entry._asdict().items():
            require_integer(f"accounts[{i}] {name}", value, 0, MODULUS - 1)
    return [epoch_root, *(int(value) for entry in filled for value in entry)]


def digest_of(y: Sequence[int]) -> int:
    """H(BATCH; y). Too dear for a contract, which takes it from calldata."""
    return hash_integers(Tag.BATCH, y)


def challenge_of(key_digest: bytes, y: Sequence[int], digest: int) -> int:
    """keccak256(tag, key digest, y_0, ..., y_{m-1}, digest) >> 8, of 32-byte words: in [0, 2**248).

    Raises
    ------
    BadInput : the key digest is not 32 bytes.
    """
    return calldata.challenge_of(CHALLENGE_TAG, key_digest, [*y, digest])


def public_inputs(key_digest: bytes, y: Sequence[int], digest: int | None = None) -> PublicInputs:
    """What the contract hands to the verifier for its own y and a digest from calldata (by default the right one)."""
    given = digest_of(y) if digest is None else digest
    challenge = challenge_of(key_digest, y, given)
    return PublicInputs(given, challenge, calldata.evaluate(y, challenge))


# -- the witness -----------------------------------------------------------------------------------------------------
class Account(NamedTuple):
    """One account to prove: positions as (leaf index, signed lots), the salt of its commitment, its context."""

    positions: Positions
    salt: int
    context: int


def assign(preset: Preset, epoch: Epoch, accounts: Sequence[Account], key_digest: bytes) -> Inputs:
    """The inputs of `define`, honest and complete, filled up with unused entries. See `margin.assign`.

    Parameters
    ----------
    key_digest : 32 bytes, of the verification key; the challenge depends on it.

    Raises
    ------
    BadInput : more accounts than the batch takes, or an account that `margin.assign` would refuse: named.
    """
    _at_most(preset, len(accounts))
    if epoch.shape != preset.shape:
        raise BadInput("epoch shape", str(epoch.shape.to_json()), f"the statement's, {preset.shape.to_json()}")
    filled = [*accounts, *[Account([], 0, 0)] * (preset.size - len(accounts))]
    slots = []
    for i, account in enumerate(filled):
        require_integer(f"accounts[{i}] salt", account.salt, 0, MODULUS - 1)
        require_integer(f"accounts[{i}] context", account.context, 0, MODULUS - 1)
        try:
            slots.append(portfolio.fill(preset.slots, account.positions))
            portfolio.require_provable(epoch, slots[-1], preset.account.gross_bits)
        except BadInput as error:
            raise BadInput(f"accounts[{i}] {error.field}", error.value, error.bound) from None
    return unchecked_inputs(preset, epoch, [account._replace(positions=given)
                                            for account, given in zip(filled, slots, strict=True)], key_digest)


def unchecked_inputs(preset: Preset, epoch: Epoch, accounts: Sequence[Account], key_digest: bytes) -> Inputs:
    """What `assign` computes, for all B accounts with all J slots each."""
    inputs: Inputs = {}
    entries = []
    for i, (positions, salt, context) in enumerate(accounts):
        proven = margin.portfolio_margin_inputs(preset.account, epoch, positions)
        opened = portfolio.commitment_inputs(epoch, positions, salt)
        pairs = list(zip(opened["commitment/id"], opened["commitment/lots"], strict=True))
        entries.append(Entry(context, commit(salt, pairs), proven.margin))
        inputs |= scoped(f"account {i}", {**opened, **proven.inputs})
    rows = np.concatenate([portfolio.rows_of(positions) for positions, _, _ in accounts])
    return {**inputs, **leaf_inputs(epoch, rows), **path_inputs(epoch.tree, rows),
            **content_inputs(epoch.root, entries, key_digest)}


def content_inputs(epoch_root: int, entries: Sequence[Entry], key_digest: bytes) -> Inputs:
    """y as the circuit has it, for B entries, and the public inputs that follow from it."""
    contexts, commitments, margins = (list(column) for column in zip(*entries, strict=True))
    public = public_inputs(key_digest, [epoch_root, *(value for entry in entries for value in entry)])
    return {**public._asdict(), "content/epoch_root": epoch_root, "content/context": contexts,
            "content/portfolio_commitment": commitments, "content/margin": margins}


def entries_of(inputs: Inputs) -> list[Entry]:
    """The entries that inputs prove, unused ones included: what goes to the contract."""
    columns = (inputs[f"content/{name}"] for name in ("context", "portfolio_commitment", "margin"))
    return [Entry(*(int(value) for value in entry)) for entry in zip(*columns, strict=True)]


def _at_most(preset: Preset, count: int) -> None:
    if count > preset.size:
        raise BadInput("number of accounts", count, f"at most {preset.size}, those of this statement")
