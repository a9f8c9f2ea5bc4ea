"""The `margin` statement, full revaluation: definition and witness side by side.

Public: context, epoch_root, portfolio_commitment, margin. It proves that the portfolio behind the commitment has, under
the scenarios of the epoch, exactly this margin: max(0, ceil(ES)) plus the instruments' contingency add-ons. The numbers
C1 to C20 are those of docs/statements.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from circuits.builder import ConstraintSystem
from circuits.gadgets import packing
from circuits.gadgets.expected_shortfall import certificate, round_up
from circuits.gadgets.poseidon import hash_rows
from circuits.gadgets.ranges import absolute, positive_part, select
from circuits.gadgets.tree import open_leaves
from circuits.intervals import unsigned
from circuits.signals import concatenate
from primitives.errors import BadInput
from primitives.field import MODULUS
from primitives.poseidon import Tag, hash_integers
from risk.epoch import REGIME, Epoch
from risk.expected_shortfall import expected_shortfall
from risk.shape import EpochShape

QUANTITY_BITS = 40
"""|lots| < 2**40 in every slot."""
PUBLIC_INPUTS: Mapping[str, str] = {
    "context": "what the proof is for: chain, contract, key, account, epoch, state version and action, hashed",
    "epoch_root": "the published epoch: instruments, risk arrays, shape and regime",
    "portfolio_commitment": "the registered portfolio: slots and a secret salt, hashed",
    "margin": "max(0, Expected Shortfall rounded up) + contingency add-ons, in 10**-6 quote units",
}


@dataclass(frozen=True)
class Preset:
    """The sizes of one instance.

    Parameters
    ----------
    shape : of the epochs it reads: scenarios, tail, packing, depth.
    slots : J, positions at most.
    gross_bits : g; a portfolio's gross exposure, sum |q| amax, is below 2**g (C7), and so is |ES|.
    threshold_bits : T; the tail's threshold is in [-2**T, 2**T) (C10).
    gap_bits : n; |L - t| < 2**n for every loss (C13).

    Raises
    ------
    BadInput : a size is out of bounds, or portfolios within the gross bound could be unprovable.
    """

    shape: EpochShape
    slots: int
    gross_bits: int
    threshold_bits: int
    gap_bits: int

    def __post_init__(self) -> None:
        if self.shape.mode != "full":
            raise BadInput("shape.mode", self.shape.mode, '"full" for this statement')
        if self.shape.depth < 2:
            raise BadInput("shape.depth", self.shape.depth, "at least 2: openings share the top two levels")
        for name, low, high in (("slots", 1, 64), ("gross_bits", 1, 128), ("threshold_bits", self.gross_bits, 128),
                                ("gap_bits", self.gross_bits + 1, 128)):
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise BadInput(name, value, f"an integer in [{low}, {high}]")


def define(cs: ConstraintSystem, preset: Preset) -> None:
    """Record the statement."""
    shape, J, S, E = preset.shape, preset.slots, preset.shape.scenarios, preset.shape.packs
    context, epoch_root, commitment, margin = map(cs.public, PUBLIC_INPUTS)

    with cs.scope("commitment"):                                        # C1: the slots are the registered ones
        salt, ids, lots = cs.private("salt"), cs.private("id", (J,)), cs.private("lots", (J,))
        slots = concatenate([ids.reshape(J, 1), lots.reshape(J, 1)]).reshape(2 * J)
        opened = hash_rows(cs, Tag.PORTFOLIO, concatenate([salt.reshape(1), slots]), "hash")
        cs.equal(opened, commitment, "C1")

    with cs.scope("leaf"):                                              # C2: each id's own leaf
        money = unsigned(shape.value_bits)
        underlying = cs.private("underlying", (J,))
        long = cs.private("long", (J,), assumed=money, reason="E3")
        short = cs.private("short", (J,), assumed=money, reason="E3")
        amax = cs.private("amax", (J,), assumed=money, reason="E2")
        packed = cs.private("packed", (J, E))
        columns = [column.reshape(J, 1) for column in (ids, underlying, long, short, amax)]
        leaves = hash_rows(cs, Tag.LEAF, concatenate([*columns, packed]), "C2 hash")

    with cs.scope("epoch"):                                             # C3, C4, C5: ... in the published epoch
        tree_root = open_leaves(cs, leaves, shape.depth, path="C3", top="C4")
        content = concatenate([tree_root.reshape(1), cs.signal([shape.digest(), REGIME])])
        cs.equal(hash_rows(cs, Tag.EPOCH, content, "hash"), epoch_root, "C5")

    with cs.scope("slots"):
        buy = cs.boolean("C6 buy", (J,))                                # C6: quantities are small integers
        size, lots = absolute(cs, buy, lots, QUANTITY_BITS, "C6 |lots|")
        rate = select(cs, buy, long, short, "C8 rate")                  # C8: each side pays its own rate
        addon = cs.multiply(rate, size, "C8 add-on").sum()
        gross = cs.nonnegative(cs.multiply(size, amax, "C7 product").sum(), preset.gross_bits, "C7 gross")   # C7

    with cs.scope("risk"):
        losses = cs.private("loss", (S,))                               # C9: losses are the packed sums, negated
        packing.packed_product(cs, lots, packed, -losses, shape.width, shape.lanes, "C9")
        lowest = -(1 << preset.threshold_bits)
        threshold = lowest + cs.bits("C10 threshold + 2**T", preset.threshold_bits + 1)     # C10

    with cs.scope("tail"):                                              # C12 to C16
        tail = certificate(cs, losses, threshold, shape.tail, preset.gap_bits)
    # By E2, true losses are at most the gross in absolute value; C9 read other ones only if a lane could carry.
    packing.unique(tail.losses.interval, gross.interval | -gross.interval, shape.width, shape.lanes, "risk/C9")

    with cs.scope("result"):
        shortfall = round_up(cs, tail.doubled, shape.tail.numerator, preset.gross_bits)     # C17, C18
        cs.equal(positive_part(shortfall) + addon, margin, "C19")       # C19
        cs.multiply(context, context, "C20")                            # C20: the context is in a row


# -- the witness ---------------------------------------------------------------------------------------------------
def assign(preset: Preset, epoch: Epoch, positions: Sequence[tuple[int, int]], salt: int, context: int
           ) -> dict[str, Any]:
    """The inputs of `define` for a portfolio, honest and complete.

    Parameters
    ----------
    positions : (leaf index, signed lots) per slot in use; the others open the null leaf with no lots.
    salt : secret, in [0, r).
    context : in [0, r).

    Raises
    ------
    BadInput : an epoch of another shape or one that breaks E1 to E5, too many positions, a leaf that is not there,
        lots or a gross exposure out of bounds, a salt or context that is no field element.
    """
    shape, J, S = preset.shape, preset.slots, preset.shape.scenarios
    if epoch.shape != shape:
        raise BadInput("epoch shape", str(epoch.shape.to_json()), f"the statement's, {shape.to_json()}")
    if len(positions) > J:
        raise BadInput("number of positions", len(positions), f"at most {J}, the slots of this statement")
    _element("salt", salt)
    _element("context", context)
    for slot, (leaf, quantity) in enumerate(positions):
        _integer(f"positions[{slot}] leaf", leaf, 0, len(epoch.ids) - 1)
        _integer(f"positions[{slot}] lots", quantity, 1 - (1 << QUANTITY_BITS), (1 << QUANTITY_BITS) - 1)
    filled = [*positions, *[(0, 0)] * (J - len(positions))]
    rows = np.array([leaf for leaf, _ in filled])
    lots = np.array([quantity for _, quantity in filled], object)
    leaves = epoch.leaves()[rows]                                       # (J, 5 + E) Python integers
    ids, underlying, long, short, amax = leaves[:, :5].T
    gross = int(abs(lots) @ amax)
    if gross >= 1 << preset.gross_bits:
        raise BadInput("gross exposure, sum |lots| amax", gross, f"below 2**{preset.gross_bits}")
    losses = -(lots @ epoch.changes[rows].astype(object))               # (S,)
    es = expected_shortfall(losses, shape.tail)
    K, shortfall = shape.tail.numerator, es.ceiling
    addon = int(np.where(lots >= 0, long, short) @ abs(lots))
    inputs = {
        "context": context, "epoch_root": epoch.root,
        "portfolio_commitment": commit(salt, list(zip(ids, lots, strict=True))),
        "margin": max(0, shortfall) + addon,
        "commitment/salt": salt, "commitment/id": ids, "commitment/lots": lots,
        "leaf/underlying": underlying, "leaf/long": long, "leaf/short": short, "leaf/amax": amax,
        "leaf/packed": leaves[:, 5:],
        "epoch/top": epoch.tree.levels[shape.depth - 2],
        "slots/C6 buy": lots >= 0,
        "risk/loss": losses, "risk/C10 threshold + 2**T": es.threshold + (1 << preset.threshold_bits),
        "tail/C12 flag": es.flags,
        "result/C17 remainder": shortfall * K - es.numerator, "result/C18 positive": shortfall >= 0,
    }
    for level in range(shape.depth - 2):
        inputs[f"epoch/children {level}"] = np.stack([epoch.tree.children(int(leaf), level) for leaf in rows])
    if shape.tail.fractional:
        inputs["tail/C15 pointer"] = np.arange(S) == es.threshold_scenario
    return inputs


def commit(salt: int, slots: Sequence[tuple[int, int]]) -> int:
    """H(PORTFOLIO; salt, id_0, q_0, id_1, q_1, ...) over all J slots of a statement; unused ones are (0, 0)."""
    return hash_integers(Tag.PORTFOLIO, [salt, *(int(value) for slot in slots for value in slot)])


def fill(preset: Preset, slots: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """All J slots: the given (id, lots), then empty ones.

    Raises
    ------
    BadInput : more than J.
    """
    if len(slots) > preset.slots:
        raise BadInput("number of positions", len(slots), f"at most {preset.slots}, the slots of this statement")
    return [*slots, *[(0, 0)] * (preset.slots - len(slots))]


def _element(name: str, value: object) -> None:
    _integer(name, value, 0, MODULUS - 1)


def _integer(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise BadInput(name, value, f"an integer in [{low}, {high}]")

